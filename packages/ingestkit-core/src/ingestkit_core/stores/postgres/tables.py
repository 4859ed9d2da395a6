"""Typed tables in a schema of their own. Functions over a connection inside a transaction.

A table whose columns stay is emptied and filled again, which a reader with an older snapshot does not see.
PostgreSQL shows a table that was dropped, made anew or renamed to every snapshot at once: whoever does that
waits for those of our readers that go from table to table, and they for him.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg import sql

from ingestkit_core.elements import PageBox
from ingestkit_core.stores.base import NamedTable, SourceState
from ingestkit_core.stores.naming import table_name
from ingestkit_core.stores.postgres.schema import CHANGE_TABLES, TABLES_SCHEMA
from ingestkit_core.stores.postgres.values import (
    SQL_TYPES,
    Kind,
    escaped,
    escaped_json,
    fitting_kinds,
    kind_of,
    restored,
    row_as,
)
from ingestkit_core.stores.records import location_record, place_columns, row_place, to_json

__all__ = ["Shape", "drop_tables", "put_tables", "rename_tables", "rows_of", "take_out"]

_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table is made of: (column, kind), with the row's number and place."""

    name: str
    columns: tuple[tuple[str, Kind], ...]

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of its columns."""
        return [kind for _, kind in self.columns]

    @property
    def identifier(self) -> sql.Identifier:
        """Its name in SQL."""
        return sql.Identifier(TABLES_SCHEMA, self.name)


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
    drop_tables(connection, [name for name, shape in before.items() if wanted.get(name) != shape])
    for table in tables:
        shape = wanted[table.name]
        if before.get(table.name) == shape:
            connection.execute(sql.SQL("DELETE FROM {}").format(shape.identifier))
        else:
            connection.execute(_definition(shape))
        _enter(connection, source_id, table, _load(connection, shape, table))


def take_out(connection: psycopg.Connection, condition: str, values: Sequence[Any]) -> dict[str, Shape]:
    """Take tables out of the catalog and leave them as they are; returns what they are made of, by name."""
    rows = connection.execute(
        f"DELETE FROM catalog WHERE {condition} RETURNING table_name, kinds".encode(), values
    ).fetchall()
    return {name: Shape(name, tuple((column, kind) for column, kind in json.loads(kinds))) for name, kinds in rows}


def drop_tables(connection: psycopg.Connection, names: Collection[str]) -> None:
    """Drop tables that were taken out of the catalog."""
    if names:
        connection.execute(CHANGE_TABLES)
        tables = [sql.Identifier(TABLES_SCHEMA, name) for name in names]
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.SQL(", ").join(tables)))


def _definition(shape: Shape) -> sql.Composed:
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(SQL_TYPES.get(kind, 'text COLLATE "C"')))
        for name, kind in shape.columns[1:]
    ]
    return sql.SQL("CREATE TABLE {} (row_id bigint PRIMARY KEY, {})").format(
        shape.identifier, sql.SQL(", ").join(columns)
    )


def _load(connection: psycopg.Connection, shape: Shape, table: NamedTable) -> Shape:
    """Copy the rows in; returns the shape they took. A column that does not fit its type becomes text."""
    try:
        with connection.transaction():
            _copy(connection, shape, _numbered(table))
    except (psycopg.DataError, TypeError, OverflowError):
        kinds = fitting_kinds(_numbered(table), shape.kinds)
        fitting = Shape(shape.name, tuple((name, kind) for (name, _), kind in zip(shape.columns, kinds, strict=True)))
        connection.execute(CHANGE_TABLES)
        connection.execute(sql.SQL("DROP TABLE {}").format(shape.identifier))
        connection.execute(_definition(fitting))
        _copy(connection, fitting, (row_as(row, kinds) for row in _numbered(table)))
        return fitting
    return shape


def _copy(connection: psycopg.Connection, shape: Shape, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(shape.identifier)) as copy:
        copy.set_types([SQL_TYPES.get(kind, "text") for kind in shape.kinds])
        write = copy.write_row
        for row in rows:
            write(row)


def _numbered(table: NamedTable) -> Iterator[tuple[Any, ...]]:
    for number, (row, location) in enumerate(zip(table.rows, table.row_locations, strict=True), 1):
        yield number, *row, *row_place(location)


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
    for old, unit, region_id in connection.execute(
        "SELECT table_name, unit, region_id FROM catalog WHERE source_id = %s", (source_id,)
    ).fetchall():
        connection.execute(CHANGE_TABLES)
        new = table_name(state.tenant_id, state.source_uri, unit, region_id)
        connection.execute(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(TABLES_SCHEMA, old), sql.Identifier(new))
        )
        connection.execute("UPDATE catalog SET table_name = %s WHERE table_name = %s", (new, old))
        names[old] = new
    return names


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
