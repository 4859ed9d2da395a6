"""What a document brings, put in and taken out. Functions over a connection inside a transaction.

Several owners write at once. Whoever changes a source holds its lock till the end of the transaction, so two
versions of one document never mix.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import psycopg

from ingestkit_core.keys import chunk_id
from ingestkit_core.models import ChunkPayload
from ingestkit_core.stores.base import SourceState
from ingestkit_core.stores.postgres.connections import running_on
from ingestkit_core.stores.postgres.values import escaped, escaped_json
from ingestkit_core.stores.postgres.words import Words, indexed_words
from ingestkit_core.stores.records import brought_by_hand, chunk_metadata, is_english, to_json
from ingestkit_core.stores.sqlsources import insert_source, source_id_of

__all__ = [
    "delete_chunks",
    "delete_source",
    "hold",
    "insert_chunks",
    "rewrite_chunks",
    "source_of",
]


def hold(connection: psycopg.Connection, tenant: str, uris: Iterable[str]) -> None:
    """Be the only owner of these sources till the end of the transaction. Waits for another one."""
    # In one order for all, or two owners could wait for each other.
    for uri in sorted(set(uris)):
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (json.dumps(["ingestkit", tenant, uri]),)
        )


def delete_source(connection: psycopg.Connection, source_id: int) -> set[str]:
    """Take out a source with its chunks; its tables are gone from the catalog already. Returns its text hashes."""
    rows = connection.execute("DELETE FROM chunks WHERE source_id = %s RETURNING chunk_hash", (source_id,))
    hashes = {chunk_hash for (chunk_hash,) in rows}
    connection.execute("DELETE FROM sources WHERE id = %s", (source_id,))
    return hashes


def insert_chunks(connection: psycopg.Connection, source_id: int, chunks: Sequence[ChunkPayload]) -> None:
    """Chunks with their entries in the full-text index."""
    entries = _words(chunks)
    with connection.cursor().copy(
        "COPY chunks (chunk_id, source_id, chunk_index, chunk_hash, is_english, tokens, text, metadata, words) "
        "FROM STDIN"
    ) as copy:
        for chunk, entry in zip(chunks, entries, strict=True):
            copy.write_row(
                (
                    chunk.id,
                    source_id,
                    chunk.metadata.chunk_index,
                    chunk.metadata.chunk_hash,
                    is_english(chunk),
                    entry.tokens,
                    escaped(chunk.text),
                    escaped_json(chunk_metadata(chunk)),
                    entry.vector,
                )
            )


def _words(chunks: Sequence[ChunkPayload]) -> list[Words]:
    entries: dict[int, Words] = {}
    for english in (True, False):
        numbers = [number for number, chunk in enumerate(chunks) if is_english(chunk) == english]
        texts = [(chunks[number].text, " ".join(chunks[number].metadata.heading_path)) for number in numbers]
        entries.update(zip(numbers, indexed_words(texts, english=english), strict=True))
    return [entries[number] for number in range(len(chunks))]


def rewrite_chunks(
    connection: psycopg.Connection, source_id: int, state: SourceState, names: Mapping[str, str]
) -> None:
    """Give the chunks of a moved source their new ids and metadata; texts and vectors stay."""
    rows = connection.execute(
        "SELECT id, chunk_index, chunk_hash, metadata FROM chunks WHERE source_id = %s", (source_id,)
    ).fetchall()
    changed = []
    for rowid, index, chunk_hash, text in rows:
        metadata = json.loads(text)
        metadata["source_uri"] = state.source_uri
        metadata["ingest_key"] = state.ingest_key
        if "table_name" in metadata:
            metadata["table_name"] = names.get(metadata["table_name"], metadata["table_name"])
        changed.append((chunk_id(state.ingest_key, index, chunk_hash), to_json(metadata), rowid))
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE chunks SET chunk_id = %s, metadata = %s WHERE id = %s", changed)


def delete_chunks(connection: psycopg.Connection, ids: Sequence[str]) -> int:
    """Delete by id; returns how many were there."""
    return connection.execute("DELETE FROM chunks WHERE chunk_id = ANY(%s)", (list(ids),)).rowcount


def source_of(connection: psycopg.Connection, chunk: ChunkPayload) -> int:
    """The row of the source a chunk names, made if nothing else brought it."""
    metadata = chunk.metadata
    tenant = metadata.tenant_id or ""
    hold(connection, tenant, [metadata.source_uri])
    run = running_on(connection)
    known = source_id_of(run, tenant, metadata.source_uri)
    if known is not None:
        return known
    state, result = brought_by_hand(chunk)
    return insert_source(run, state, metadata.ingest_run_id, result)
