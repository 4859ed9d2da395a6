"""Typed tables, one physical table each. Functions over a connection inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from operator import add

from ingestkit_core.elements import PageBox
from ingestkit_core.spooled import SpooledRanges, SpooledRows, insert_many
from ingestkit_core.stores.base import NamedTable, SourceState
from ingestkit_core.stores.naming import table_name
from ingestkit_core.stores.records import location_record, place_columns, row_places, to_json

__all__ = ["drop_tables", "put_tables", "quoted", "rename_tables", "spools"]

_MAX_ATTACHED = 8

_SQL_TYPES = {"integer": "INTEGER", "boolean": "INTEGER", "number": "REAL", "duration": "REAL"}


def spools(tables: Iterable[NamedTable]) -> dict[str, SpooledRows]:
    """The spooled tables whose files are to be attached, by the name to attach them under.

    SQLite attaches ten files at most; the rows of further ones are read one by one.
    """
    rows = [table.rows for table in tables if isinstance(table.rows, SpooledRows)]
    return {f"spool{number}": spooled for number, spooled in enumerate(rows[:_MAX_ATTACHED])}


def put_tables(
    connection: sqlite3.Connection,
    source_id: int | None,
    tables: Iterable[NamedTable],
    before: Iterable[str] = (),
    attached: Mapping[str, SpooledRows] | None = None,
) -> None:
    """Physical tables with their rows, each with its place, and their catalog entries.

    Of the tables that were there ``before``, those whose columns stay are emptied and filled again; the others
    are dropped. Rows in one of the ``attached`` files are copied in bulk.
    """
    left = set(before)
    for table in tables:
        columns = _columns(table)
        # SQLite looks through all the tables there are for each one that is dropped or made.
        if table.name in left and columns == _columns_of(connection, table.name):
            connection.execute(f"DELETE FROM {quoted(table.name)}")
            left.discard(table.name)
        else:
            if table.name in left:
                drop_tables(connection, [table.name])
                left.discard(table.name)
            declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns)
            connection.execute(f"CREATE TABLE {quoted(table.name)} (row_id INTEGER PRIMARY KEY, {declared})")
        _fill(connection, table, attached or {})
        _enter(connection, source_id, table)
    drop_tables(connection, left)


def drop_tables(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Drop tables, in whatever order they come."""
    for name in sorted(names):
        connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")


def _columns(table: NamedTable) -> list[tuple[str, str]]:
    """Names and types of a table's columns, without the row's number."""
    on_page = isinstance(table.location, PageBox)
    place_types = ("INTEGER", "TEXT") if on_page else ("TEXT", "TEXT")
    columns = [(column.name, _SQL_TYPES.get(column.type, "TEXT")) for column in table.columns]
    return [*columns, *zip(place_columns(table), place_types, strict=True)]


def _columns_of(connection: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT name, type FROM pragma_table_info(?) WHERE cid > 0 ORDER BY cid", (name,))
    return rows.fetchall()


def _fill(connection: sqlite3.Connection, table: NamedTable, attached: Mapping[str, SpooledRows]) -> None:
    spool = next((name for name, rows in attached.items() if rows == table.rows), None)
    if spool is not None and isinstance(table.rows, SpooledRows) and isinstance(table.row_locations, SpooledRanges):
        connection.execute(
            f"INSERT INTO {quoted(table.name)} SELECT rowid, {table.rows.names}, ?, place FROM {spool}.rows "
            "ORDER BY rowid",
            (table.row_locations.sheet_name,),
        )
    else:
        _insert_rows(connection, table)


def _insert_rows(connection: sqlite3.Connection, table: NamedTable) -> None:
    """Rows and their places; an empty table numbers its rows from 1 by itself."""
    if len(table.rows) != len(table.row_locations):
        raise ValueError(f"table {table.name} has {len(table.rows)} rows and {len(table.row_locations)} places")
    names = [column.name for column in table.columns] + list(place_columns(table))
    into = f"{quoted(table.name)} ({', '.join(map(quoted, names))})"
    insert_many(connection, into, len(names), map(add, table.rows, row_places(table)))


def _enter(connection: sqlite3.Connection, source_id: int | None, table: NamedTable) -> None:
    """The table's catalog entry."""
    connection.execute(
        "INSERT INTO catalog VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            table.name,
            source_id,
            table.unit,
            table.region_id,
            table.title,
            to_json(location_record(table.location)),
            to_json([[column.name, column.header, column.type] for column in table.columns]),
            len(table.rows),
        ),
    )


def rename_tables(connection: sqlite3.Connection, source_id: int, state: SourceState) -> dict[str, str]:
    """Give the tables of a moved source their new names; returns new by old."""
    names: dict[str, str] = {}
    for old, unit, region_id in connection.execute(
        "SELECT table_name, unit, region_id FROM catalog WHERE source_id = ?", (source_id,)
    ).fetchall():
        new = table_name(state.tenant_id, state.source_uri, unit, region_id)
        connection.execute(f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}")
        connection.execute("UPDATE catalog SET table_name = ? WHERE table_name = ?", (new, old))
        names[old] = new
    return names


def quoted(name: str) -> str:
    """A name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
