"""What a document brings, put in and taken out. Functions over a connection inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from ingestkit_core.keys import chunk_id
from ingestkit_core.models import ChunkPayload
from ingestkit_core.stores.base import SourceState
from ingestkit_core.stores.fulltext import index_text
from ingestkit_core.stores.records import brought_by_hand, chunk_metadata, is_english, to_json
from ingestkit_core.stores.sqlite.tables import drop_tables
from ingestkit_core.stores.sqlsources import insert_source, leave_quarantine, source_id_of


def delete_source(connection: sqlite3.Connection, tenant: str, uri: str) -> bool:
    """Take out a source with all it brought; False if it was unknown."""
    known = leave_quarantine(connection.execute, tenant, uri)
    source_id = source_id_of(connection.execute, tenant, uri)
    if source_id is None:
        return known
    drop_tables(connection, take_out(connection, source_id))
    return True


def forget(connection: sqlite3.Connection, tenant: str, uri: str | None) -> list[str]:
    """Take out a source, or all of a tenant, with every trace; returns their URIs. Free pages still hold them."""
    where, values = "WHERE tenant = ?", [tenant]
    if uri is not None:
        where, values = f"{where} AND uri = ?", [tenant, uri]
    union = f"SELECT uri FROM sources {where} UNION SELECT uri FROM quarantine {where}"
    uris = [found for (found,) in connection.execute(union, [*values, *values]).fetchall()]
    for found in uris:
        delete_source(connection, tenant, found)
    connection.execute(f"DELETE FROM ingest_jobs {where}", values)
    if uri is None:
        connection.execute("DELETE FROM roots WHERE tenant = ?", (tenant,))
    # Deleted words live on in the index until its segments are merged.
    for table in ("search_english", "search_other"):
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")
    return uris


def take_out(connection: sqlite3.Connection, source_id: int) -> list[str]:
    """Take out a source with all it brought but its tables, which are still there: their names."""
    row = (source_id,)
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
    tables = connection.execute("SELECT table_name FROM catalog WHERE source_id = ?", row).fetchall()
    connection.execute("DELETE FROM catalog WHERE source_id = ?", row)
    connection.execute("DELETE FROM sources WHERE id = ?", row)
    return [name for (name,) in tables]


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


def source_of(connection: sqlite3.Connection, chunk: ChunkPayload) -> int:
    """The row of the source a chunk names, made if nothing else brought it."""
    metadata = chunk.metadata
    key = (metadata.tenant_id or "", metadata.source_uri)
    known = source_id_of(connection.execute, *key)
    if known is not None:
        return known
    state, result = brought_by_hand(chunk)
    return insert_source(connection.execute, state, metadata.ingest_run_id, result)


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
