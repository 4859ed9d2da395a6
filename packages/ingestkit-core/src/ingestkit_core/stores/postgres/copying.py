"""A backup: one snapshot of the store as an embedded store in a file, which every command opens as any other.

No tool of the server's version is needed to make it or to read it. It holds documents, vectors, tables and
quarantine; what it exports is what the store exports.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import psycopg

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.stores.base import DocumentVersion, QuarantineRecord, SourceRecord, TableRecord
from ingestkit_core.stores.copying import stored_version
from ingestkit_core.stores.counts import catalog
from ingestkit_core.stores.postgres import looking
from ingestkit_core.stores.postgres.connections import running_on
from ingestkit_core.stores.postgres.tables import rows_of
from ingestkit_core.stores.postgres.values import unescaped
from ingestkit_core.stores.postgres.vectors import embedder_in_use, known_vectors
from ingestkit_core.stores.sqlite import SqliteStore

__all__ = ["copy_to"]


def copy_to(
    path: Path,
    connection: psycopg.Connection,
    sources: Sequence[SourceRecord],
    quarantined: Sequence[QuarantineRecord],
) -> None:
    """Write what a snapshot shows to a new file. A copy that fails is taken away again."""
    if path.exists():
        raise StoreError(ErrorCode.E_STORE_COMMIT, f"{path} exists already; a backup never overwrites")
    lock = path.with_name(f"{path.name}.lock")
    try:
        with SqliteStore(path) as copy:
            tables = catalog(running_on(connection), None, unescaped)
            for record in sources:
                copy.replace(_version(connection, record, tables))
            for entry in quarantined:
                copy.quarantine(entry)
    except BaseException:
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            with contextlib.suppress(OSError):
                file.unlink()
        raise
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()


def _version(connection: psycopg.Connection, record: SourceRecord, tables: Sequence[TableRecord]) -> DocumentVersion:
    state = record.state
    hits = list(looking.chunks_of(connection, state.tenant_id or "", state.source_uri))
    embedder = embedder_in_use(connection)
    hashes = [hit.metadata["chunk_hash"] for hit in hits]
    return stored_version(
        record,
        hits,
        [t for t in tables if (t.tenant_id, t.source_uri) == (state.tenant_id, state.source_uri)],
        lambda name: rows_of(connection, name),
        embedder,
        known_vectors(connection, embedder[0], hashes) if embedder is not None else {},
    )
