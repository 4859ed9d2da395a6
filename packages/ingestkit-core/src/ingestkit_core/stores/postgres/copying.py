"""A backup: one snapshot of the store as an embedded store in a file, which every command opens as any other.

No tool of the server's version is needed to make it or to read it. It holds documents, vectors, tables and
quarantine; what it exports is what the store exports.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from pydantic import ConfigDict

from ingestkit_core.elements import CellRange, PageBox
from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.models import BaseChunkMetadata, ChunkPayload
from ingestkit_core.stores.base import DocumentVersion, NamedTable, QuarantineRecord, SourceRecord, TableRecord
from ingestkit_core.stores.postgres import looking
from ingestkit_core.stores.postgres.tables import rows_of
from ingestkit_core.stores.postgres.vectors import known_vectors
from ingestkit_core.stores.sqlite import SqliteStore

__all__ = ["copy_to"]


class _StoredMetadata(BaseChunkMetadata):
    """Metadata of any format, with the fields that only that format has."""

    model_config = ConfigDict(extra="allow")


def copy_to(
    path: Path,
    connection: psycopg.Connection,
    sources: Sequence[SourceRecord],
    quarantined: Sequence[QuarantineRecord],
    embedder: tuple[str, int] | None,
) -> None:
    """Write what a snapshot shows to a new file. A copy that fails is taken away again."""
    if path.exists():
        raise StoreError(ErrorCode.E_STORE_COMMIT, f"{path} exists already; a backup never overwrites")
    try:
        with SqliteStore(path) as copy:
            tables = looking.catalog(connection, None)
            for record in sources:
                copy.replace(_version(connection, record, tables, embedder))
            for entry in quarantined:
                copy.quarantine(entry)
    except BaseException:
        _remove(path)
        raise
    _lock(path).unlink(missing_ok=True)


def _lock(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _remove(path: Path) -> None:
    for file in (path, _lock(path), path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with contextlib.suppress(OSError):
            file.unlink()


def _version(
    connection: psycopg.Connection,
    record: SourceRecord,
    tables: Sequence[TableRecord],
    embedder: tuple[str, int] | None,
) -> DocumentVersion:
    state = record.state
    own = [t for t in tables if (t.tenant_id, t.source_uri) == (state.tenant_id, state.source_uri)]
    return DocumentVersion(
        state,
        record.run_id,
        record.result,
        _chunks(connection, record, embedder),
        [_table(connection, table) for table in own],
        embedder,
    )


def _chunks(
    connection: psycopg.Connection, record: SourceRecord, embedder: tuple[str, int] | None
) -> list[ChunkPayload]:
    hits = list(looking.chunks_of(connection, record.state.tenant_id or "", record.state.source_uri))
    vectors: dict[str, tuple[float, ...]] = {}
    if embedder is not None:
        vectors = known_vectors(connection, embedder[0], [hit.metadata["chunk_hash"] for hit in hits])
    return [
        ChunkPayload(
            id=hit.chunk_id,
            text=hit.text,
            vector=vectors.get(hit.metadata["chunk_hash"]),
            metadata=_StoredMetadata.model_validate(hit.metadata),
        )
        for hit in hits
    ]


def _table(connection: psycopg.Connection, table: TableRecord) -> NamedTable:
    rows: list[tuple[Any, ...]] = []
    places: list[PageBox | CellRange] = []
    for _, *row, first, second in rows_of(connection, table.table_name):
        rows.append(tuple(row))
        places.append(_place(table, first, second))
    location = _place(table, *_located(table))
    return NamedTable(table.table_name, table.unit, table.region_id, table.title, location, table.columns, rows, places)


def _located(table: TableRecord) -> Iterator[Any]:
    keys = ("page_number", "box") if "page_number" in table.location else ("sheet_name", "cell_range")
    return (table.location[key] for key in keys)


def _place(table: TableRecord, first: Any, second: Any) -> PageBox | CellRange:
    import json

    if "page_number" in table.location:
        return PageBox(first, json.loads(second) if isinstance(second, str) else second)
    return CellRange(first, second)
