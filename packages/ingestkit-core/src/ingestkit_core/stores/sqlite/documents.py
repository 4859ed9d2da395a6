"""What a document brings, put in and taken out. Functions over a connection inside a transaction."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence

from ingestkit_core.elements import PageBox
from ingestkit_core.keys import chunk_id
from ingestkit_core.models import ChunkPayload, ProcessingResult, WrittenArtifacts
from ingestkit_core.spooled import SpooledRanges, SpooledRows, insert_many
from ingestkit_core.stores import export
from ingestkit_core.stores.base import NamedTable, SourceState
from ingestkit_core.stores.fulltext import index_text
from ingestkit_core.stores.naming import table_name
from ingestkit_core.stores.records import (
    STATE_COLUMNS,
    brought_by_hand,
    chunk_metadata,
    is_english,
    location_record,
    place_columns,
    row_place,
    state_values,
    to_json,
)

_MAX_ATTACHED = 8

_SQL_TYPES = {"integer": "INTEGER", "boolean": "INTEGER", "number": "REAL", "duration": "REAL"}


def insert_source(connection: sqlite3.Connection, state: SourceState, run_id: str, result: ProcessingResult) -> int:
    """A new row of sources; returns its id."""
    source_id = connection.execute(
        f"INSERT INTO sources ({STATE_COLUMNS}, run_id, recorded_ns, result) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*state_values(state), run_id, time.time_ns(), export.stable_result(result)),
    ).lastrowid
    assert source_id is not None
    return source_id


def delete_source(connection: sqlite3.Connection, tenant: str, uri: str) -> bool:
    """Take out a source with all it brought; False if it was unknown."""
    known = connection.execute("DELETE FROM quarantine WHERE tenant = ? AND uri = ?", (tenant, uri)).rowcount
    row = connection.execute("SELECT id FROM sources WHERE tenant = ? AND uri = ?", (tenant, uri)).fetchone()
    if row is None:
        return bool(known)
    chunks = connection.execute(
        "SELECT id, text, metadata, is_english, chunk_hash FROM chunks WHERE source_id = ?", row
    ).fetchall()
    for rowid, text, metadata, english, _ in chunks:
        _unindex(connection, rowid, text, metadata, english)
    connection.execute("DELETE FROM chunks WHERE source_id = ?", row)
    connection.executemany(
        "DELETE FROM vectors WHERE text_hash = ?1 AND NOT EXISTS (SELECT 1 FROM chunks WHERE chunk_hash = ?1)",
        [(chunk[4],) for chunk in chunks],
    )
    for (table,) in connection.execute("SELECT table_name FROM catalog WHERE source_id = ?", row).fetchall():
        connection.execute(f"DROP TABLE IF EXISTS {quoted(table)}")
    connection.execute("DELETE FROM catalog WHERE source_id = ?", row)
    connection.execute("DELETE FROM sources WHERE id = ?", row)
    return True


def insert_chunks(connection: sqlite3.Connection, source_id: int, chunks: Sequence[ChunkPayload]) -> None:
    """Chunks with their entries in the full-text index."""
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM chunks").fetchone()
    for rowid, chunk in enumerate(chunks, last + 1):
        english = int(is_english(chunk))
        indexed = _indexed(chunk.text, chunk.metadata.heading_path)
        connection.execute(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                rowid,
                chunk.id,
                source_id,
                chunk.metadata.chunk_index,
                chunk.metadata.chunk_hash,
                english,
                chunk.text,
                chunk_metadata(chunk),
            ),
        )
        connection.execute(
            f"INSERT INTO {_index_table(english)} (rowid, body, context) VALUES (?, ?, ?)",
            (rowid, *indexed),
        )


def rewrite_chunks(
    connection: sqlite3.Connection, source_id: int, state: SourceState, names: Mapping[str, str]
) -> None:
    """Give the chunks of a moved source their new ids and metadata; texts and vectors stay."""
    for rowid, index, chunk_hash, text in connection.execute(
        "SELECT id, chunk_index, chunk_hash, metadata FROM chunks WHERE source_id = ?", (source_id,)
    ).fetchall():
        metadata = json.loads(text)
        metadata["source_uri"] = state.source_uri
        metadata["ingest_key"] = state.ingest_key
        if "table_name" in metadata:
            metadata["table_name"] = names.get(metadata["table_name"], metadata["table_name"])
        connection.execute(
            "UPDATE chunks SET chunk_id = ?, metadata = ? WHERE id = ?",
            (chunk_id(state.ingest_key, index, chunk_hash), to_json(metadata), rowid),
        )


def delete_chunks(connection: sqlite3.Connection, ids: Sequence[str]) -> int:
    """Delete by id; returns how many were there."""
    deleted = 0
    for id_ in ids:
        row = connection.execute(
            "SELECT id, text, metadata, is_english FROM chunks WHERE chunk_id = ?", (id_,)
        ).fetchone()
        if row is not None:
            _unindex(connection, *row)
            connection.execute("DELETE FROM chunks WHERE id = ?", (row[0],))
            deleted += 1
    return deleted


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


def written(connection: sqlite3.Connection, source_id: int) -> WrittenArtifacts:
    """What a source has in the store."""
    ids = connection.execute("SELECT chunk_id FROM chunks WHERE source_id = ? ORDER BY chunk_index", (source_id,))
    tables = connection.execute("SELECT table_name FROM catalog WHERE source_id = ? ORDER BY table_name", (source_id,))
    return WrittenArtifacts(
        vector_point_ids=tuple(id_ for (id_,) in ids), db_table_names=tuple(name for (name,) in tables)
    )


def source_of(connection: sqlite3.Connection, chunk: ChunkPayload) -> int:
    """The row of the source a chunk names, made if nothing else brought it."""
    metadata = chunk.metadata
    key = (metadata.tenant_id or "", metadata.source_uri)
    row = connection.execute("SELECT id FROM sources WHERE tenant = ? AND uri = ?", key).fetchone()
    if row is not None:
        return int(row[0])
    state, result = brought_by_hand(chunk)
    return insert_source(connection, state, metadata.ingest_run_id, result)


def spools(tables: Iterable[NamedTable]) -> dict[str, SpooledRows]:
    """The spooled tables whose files are to be attached, by the name to attach them under.

    SQLite attaches ten files at most; the rows of further ones are read one by one.
    """
    rows = [table.rows for table in tables if isinstance(table.rows, SpooledRows)]
    return {f"spool{number}": spooled for number, spooled in enumerate(rows[:_MAX_ATTACHED])}


def create_table(
    connection: sqlite3.Connection,
    source_id: int | None,
    table: NamedTable,
    attached: Mapping[str, SpooledRows] | None = None,
) -> None:
    """A physical table with its rows, each with its place, and its catalog entry.

    Rows in one of the ``attached`` files are copied in bulk.
    """
    on_page = isinstance(table.location, PageBox)
    places = place_columns(table)
    place_types = ("INTEGER", "TEXT") if on_page else ("TEXT", "TEXT")
    declared = [f"{quoted(c.name)} {_SQL_TYPES.get(c.type, 'TEXT')}" for c in table.columns]
    declared += [f"{quoted(name)} {kind}" for name, kind in zip(places, place_types, strict=True)]
    connection.execute(f"CREATE TABLE {quoted(table.name)} (row_id INTEGER PRIMARY KEY, {', '.join(declared)})")
    spool = next((name for name, rows in (attached or {}).items() if rows == table.rows), None)
    if spool is not None and isinstance(table.rows, SpooledRows) and isinstance(table.row_locations, SpooledRanges):
        connection.execute(
            f"INSERT INTO {quoted(table.name)} SELECT rowid, {table.rows.names}, ?, place FROM {spool}.rows "
            "ORDER BY rowid",
            (table.row_locations.sheet_name,),
        )
    else:
        _insert_rows(connection, table, len(declared) + 1)
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


def _insert_rows(connection: sqlite3.Connection, table: NamedTable, width: int) -> None:
    numbered = enumerate(zip(table.rows, table.row_locations, strict=True), 1)
    rows = ((number, *row, *row_place(location)) for number, (row, location) in numbered)
    insert_many(connection, quoted(table.name), width, rows)


def _index_table(english: int) -> str:
    return "search_english" if english else "search_other"


def _indexed(text: str, headings: Iterable[str]) -> tuple[str, str]:
    """What goes into the index for a chunk: its text, and the headings it stands under."""
    return index_text(text), index_text(" ".join(headings))


def _unindex(connection: sqlite3.Connection, rowid: int, text: str, metadata: str, english: int) -> None:
    # A contentless index is told what it held.
    table = _index_table(english)
    headings = json.loads(metadata).get("heading_path", ())
    connection.execute(
        f"INSERT INTO {table} ({table}, rowid, body, context) VALUES ('delete', ?, ?, ?)",
        (rowid, *_indexed(text, headings)),
    )


def quoted(name: str) -> str:
    """A name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
