"""Typed tables in a schema of their own. Functions over a connection inside a transaction.

A table whose columns stay is emptied and filled again, which a reader with an older snapshot does not see.
PostgreSQL shows a table that was dropped, made anew or renamed to every snapshot at once: whoever does that
waits for those of our readers that go from table to table, and they for him.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg import sql

from ingestkit_core.elements import PageBox
from ingestkit_core.spooled import SpooledRanges, SpooledRows
from ingestkit_core.stores.base import NamedTable, SourceState
from ingestkit_core.stores.naming import MAX_NAME_BYTES, table_name
from ingestkit_core.stores.postgres.schema import CHANGE_TABLES, PARTS_SCHEMA, TABLES_SCHEMA
from ingestkit_core.stores.postgres.values import (
    SQL_TYPES,
    Kind,
    escaped,
    escaped_json,
    fitting_kinds,
    kind_of,
    restored,
    row_as,
    unescaped,
)
from ingestkit_core.stores.records import location_record, place_columns, row_places, to_json

__all__ = ["Shape", "drop_tables", "put_tables", "rename_tables", "rows_of", "take_out"]

_ROWS_AT_ONCE = 2000


_WIDEST = 300
"""A row of PostgreSQL has to fit a page of 8 kB, to which each value brings up to 25 bytes that cannot be moved out."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table is made of: (column, kind), with the row's number and place.

    A wide one is stored in several tables that share the row's number, with a view over them.
    """

    name: str
    columns: tuple[tuple[str, Kind], ...]

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of its columns."""
        return [kind for _, kind in self.columns]

    @property
    def identifier(self) -> sql.Identifier:
        """Its name in SQL: a table's, or a view's."""
        return sql.Identifier(TABLES_SCHEMA, self.name)

    @property
    def is_wide(self) -> bool:
        """Whether its columns need more than one table."""
        return len(self.columns) > _WIDEST

    def parts(self) -> list[tuple[sql.Identifier, slice]]:
        """The tables that hold its rows, and which columns (beside the row's number) each has."""
        if not self.is_wide:
            return [(self.identifier, slice(1, None))]
        starts = range(1, len(self.columns), _WIDEST)
        return [
            (sql.Identifier(PARTS_SCHEMA, part_name(self.name, number)), slice(start, start + _WIDEST))
            for number, start in enumerate(starts, 1)
        ]


def part_name(name: str, number: int) -> str:
    """The name of a part: the hash at the end of a table's name keeps it apart from others."""
    suffix = f"_{number}"
    return name.encode("utf-8")[-(MAX_NAME_BYTES - len(suffix)) :].decode("utf-8", "ignore") + suffix


def _shape(table: NamedTable) -> Shape:
    first, second = place_columns(table)
    on_page = isinstance(table.location, PageBox)
    places: list[tuple[str, Kind]] = [(first, "integer" if on_page else "text"), (second, "text")]
    columns = [(column.name, kind_of(column.type)) for column in table.columns]
    return Shape(table.name, (("row_id", "integer"), *columns, *places))


def put_tables(
    connection: psycopg.Connection, source_id: int | None, tables: Sequence[NamedTable], before: Mapping[str, Shape]
) -> None:
    """Tables with their rows and catalog entries, in the place of those that were taken out before."""
    wanted = {table.name: _shape(table) for table in tables}
    drop_tables(connection, [shape for name, shape in before.items() if wanted.get(name) != shape])
    for table in tables:
        shape = wanted[table.name]
        if before.get(table.name) == shape:
            for part, _ in shape.parts():
                connection.execute(sql.SQL("DELETE FROM {}").format(part))
        else:
            _create(connection, shape)
        _enter(connection, source_id, table, _load(connection, shape, table))


def take_out(connection: psycopg.Connection, condition: str, values: Sequence[Any]) -> dict[str, Shape]:
    """Take tables out of the catalog and leave them as they are; returns what they are made of, by name."""
    rows = connection.execute(
        f"DELETE FROM catalog WHERE {condition} RETURNING table_name, kinds".encode(), values
    ).fetchall()
    return {name: Shape(name, tuple((column, kind) for column, kind in json.loads(kinds))) for name, kinds in rows}


def drop_tables(connection: psycopg.Connection, shapes: Collection[Shape]) -> None:
    """Drop tables that were taken out of the catalog."""
    if shapes:
        connection.execute(CHANGE_TABLES)
    for shape in shapes:
        if shape.is_wide:
            connection.execute(sql.SQL("DROP VIEW {}").format(shape.identifier))
        for part, _ in shape.parts():
            connection.execute(sql.SQL("DROP TABLE {}").format(part))


def _create(connection: psycopg.Connection, shape: Shape) -> None:
    for part, places in shape.parts():
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(SQL_TYPES.get(kind, 'text COLLATE "C"')))
            for name, kind in shape.columns[places]
        ]
        connection.execute(
            sql.SQL("CREATE TABLE {} (row_id bigint PRIMARY KEY, {})").format(part, sql.SQL(", ").join(columns))
        )
    if shape.is_wide:
        first, *others = [part for part, _ in shape.parts()]
        joined = [sql.SQL(" JOIN {} USING (row_id)").format(part) for part in others]
        connection.execute(
            sql.SQL("CREATE VIEW {} AS SELECT * FROM {}{}").format(shape.identifier, first, sql.Composed(joined))
        )


def _load(connection: psycopg.Connection, shape: Shape, table: NamedTable) -> Shape:
    """Copy the rows in; returns the shape they took. A column that does not fit its type becomes text."""
    try:
        with connection.transaction():
            _copy(connection, shape, lambda: _numbered(table))
    except (psycopg.DataError, TypeError, OverflowError):
        kinds = fitting_kinds(_numbered(table), shape.kinds)
        fitting = Shape(shape.name, tuple((name, kind) for (name, _), kind in zip(shape.columns, kinds, strict=True)))
        drop_tables(connection, [shape])
        _create(connection, fitting)
        _copy(connection, fitting, lambda: (row_as(row, kinds) for row in _numbered(table)))
        return fitting
    return shape


def _copy(connection: psycopg.Connection, shape: Shape, rows: Callable[[], Iterable[Sequence[Any]]]) -> None:
    for part, places in shape.parts():
        given = ((row[0], *row[places]) for row in rows()) if shape.is_wide else rows()
        kinds: list[Kind] = ["integer", *shape.kinds[places]]
        with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(part)) as copy:
            copy.set_types([SQL_TYPES.get(kind, "text") for kind in kinds])
            write = copy.write_row
            for row in given:
                write(row)


def _numbered(table: NamedTable) -> Iterator[tuple[Any, ...]]:
    """The rows with their numbers and places."""
    rows, locations = table.rows, table.row_locations
    if isinstance(rows, SpooledRows) and isinstance(locations, SpooledRanges):
        return _spooled(rows, locations.sheet_name)
    numbered = enumerate(zip(rows, row_places(table), strict=True), 1)
    return ((number, *row, *place) for number, (row, place) in numbered)


def _spooled(rows: SpooledRows, sheet_name: str) -> Iterator[tuple[Any, ...]]:
    with closing(sqlite3.connect(rows.uri, uri=True)) as connection:
        yield from connection.execute(f"SELECT rowid, {rows.names}, ?, place FROM rows ORDER BY rowid", (sheet_name,))


def _enter(connection: psycopg.Connection, source_id: int | None, table: NamedTable, shape: Shape) -> None:
    connection.execute(
        "INSERT INTO catalog VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            table.name,
            source_id,
            escaped(table.unit),
            escaped(table.region_id),
            escaped(table.title),
            escaped_json(to_json(location_record(table.location))),
            escaped_json(to_json([[column.name, column.header, column.type] for column in table.columns])),
            len(table.rows),
            to_json(shape.columns),
        ),
    )


def rename_tables(connection: psycopg.Connection, source_id: int, state: SourceState) -> dict[str, str]:
    """Give the tables of a moved source their new names; returns new by old."""
    names: dict[str, str] = {}
    for old, unit, region_id, kinds in connection.execute(
        "SELECT table_name, unit, region_id, kinds FROM catalog WHERE source_id = %s", (source_id,)
    ).fetchall():
        connection.execute(CHANGE_TABLES)
        new = table_name(state.tenant_id, state.source_uri, unescaped(unit), unescaped(region_id))
        shape = Shape(old, tuple(json.loads(kinds)))
        _rename(connection, shape.identifier, new)
        for number, (part, _) in enumerate(shape.parts() if shape.is_wide else (), 1):
            _rename(connection, part, part_name(new, number))
        connection.execute("UPDATE catalog SET table_name = %s WHERE table_name = %s", (new, old))
        names[old] = new
    return names


def _rename(connection: psycopg.Connection, old: sql.Identifier, new: str) -> None:
    connection.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(old, sql.Identifier(new)))


def rows_of(connection: psycopg.Connection, name: str) -> Iterator[list[Any]]:
    """All rows of a table in order, as the embedded store has them."""
    entry = connection.execute("SELECT kinds FROM catalog WHERE table_name = %s", (name,)).fetchone()
    assert entry is not None
    kinds = [cast("Kind", kind) for _, kind in json.loads(entry[0])]
    with connection.cursor(name="rows") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(sql.SQL("SELECT * FROM {} ORDER BY row_id").format(sql.Identifier(TABLES_SCHEMA, name)))
        for row in cursor:
            yield [restored(value, kind) for value, kind in zip(row, kinds, strict=True)]
