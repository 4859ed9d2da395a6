"""Which sources are committed and which set aside: the journal of a store in SQL tables.

The statements are the same wherever the tables are; the embedded store and PostgreSQL say how theirs are reached.
"""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ingestkit_core.errors import IngestError
from ingestkit_core.models import ProcessingResult, WrittenArtifacts
from ingestkit_core.stores import export
from ingestkit_core.stores.base import (
    DocumentStore,
    QuarantineRecord,
    RootRecord,
    SourceRecord,
    SourceState,
)
from ingestkit_core.stores.records import STATE_COLUMNS, state_of, state_values, to_json
from ingestkit_core.stores.statements import Run, of_tenant, with_marks

__all__ = [
    "QUARANTINE",
    "SOURCES",
    "SqlSources",
    "insert_source",
    "leave_quarantine",
    "listing",
    "move_source",
    "quarantine_record",
    "source_id_of",
    "source_record",
    "written",
]

SOURCES = f"SELECT {STATE_COLUMNS}, run_id, recorded_ns, result FROM sources"
"""Rows for ``source_record``."""

QUARANTINE = f"SELECT {STATE_COLUMNS}, code, errors, recorded_ns, attempts FROM quarantine"
"""Rows for ``quarantine_record``."""

_OF_ONE = "WHERE tenant = ? AND uri = ?"


class SqlSources(DocumentStore):
    """The part of a DocumentStore that is its journal. A subclass reaches sources, quarantine and roots."""

    @abstractmethod
    def _glancing(self) -> AbstractContextManager[Run]:
        """A short look at what is committed, done in one statement."""

    @abstractmethod
    def _all_rows(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of one snapshot, one by one."""

    @abstractmethod
    def _changing(self, tenant_id: str | None, *uris: str) -> AbstractContextManager[Run]:
        """One transaction, in which these sources are ours alone. Makes the tables if need be."""

    def _glance(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Rows of one statement; none where nothing was ever committed."""
        if not self.exists:
            return []
        with self._glancing() as run:
            return run(sql, values).fetchall()

    def find(self, tenant_id: str | None, source_uri: str) -> SourceRecord | None:
        """See DocumentStore."""
        rows = self._glance(f"{SOURCES} {_OF_ONE}", (tenant_id or "", source_uri))
        return source_record(rows[0]) if rows else None

    def find_content(self, tenant_id: str | None, content_hash: str) -> list[SourceRecord]:
        """See DocumentStore."""
        where = "WHERE tenant = ? AND content_hash = ? ORDER BY uri"
        return list(map(source_record, self._glance(f"{SOURCES} {where}", (tenant_id or "", content_hash))))

    def find_quarantined(self, tenant_id: str | None, source_uri: str) -> QuarantineRecord | None:
        """See DocumentStore."""
        rows = self._glance(f"{QUARANTINE} {_OF_ONE}", (tenant_id or "", source_uri))
        return quarantine_record(rows[0]) if rows else None

    def sources(self, tenant_id: str | None = None) -> Iterator[SourceRecord]:
        """See DocumentStore."""
        if self.exists:
            yield from map(source_record, self._all_rows(*listing(SOURCES, tenant_id)))

    def quarantined(self, tenant_id: str | None = None) -> Iterator[QuarantineRecord]:
        """See DocumentStore."""
        if self.exists:
            yield from map(quarantine_record, self._all_rows(*listing(QUARANTINE, tenant_id)))

    def find_root(self, tenant_id: str | None, path: str) -> RootRecord | None:
        """See DocumentStore."""
        sql = "SELECT device, documents FROM roots WHERE tenant = ? AND path = ?"
        rows = self._glance(sql, (tenant_id or "", path))
        return RootRecord(tenant_id, path, *rows[0]) if rows else None

    def record_root(self, record: RootRecord) -> None:
        """See DocumentStore."""
        with self._changing(record.tenant_id) as run:
            run(
                "INSERT INTO roots VALUES (?, ?, ?, ?) ON CONFLICT (tenant, path) "
                "DO UPDATE SET device = excluded.device, documents = excluded.documents",
                (record.tenant_id or "", record.path, record.device, record.documents),
            )

    def touch(self, state: SourceState) -> None:
        """See DocumentStore."""
        key = (state.tenant_id or "", state.source_uri)
        seen = (state.size_bytes, state.modified_ns, state.etag, time.time_ns(), *key)
        with self._changing(state.tenant_id, state.source_uri) as run:
            for table in ("sources", "quarantine"):
                run(f"UPDATE {table} SET size_bytes = ?, modified_ns = ?, etag = ?, recorded_ns = ? {_OF_ONE}", seen)
            # Bytes that were set aside are gone if the file has these.
            run(f"DELETE FROM quarantine {_OF_ONE} AND content_hash <> ?", (*key, state.content_hash))

    def quarantine(self, record: QuarantineRecord) -> None:
        """See DocumentStore."""
        state = record.state
        errors = to_json([error.model_dump(exclude_none=True) for error in record.errors])
        with self._changing(state.tenant_id, state.source_uri) as run:
            leave_quarantine(run, state.tenant_id or "", state.source_uri)
            run(
                f"INSERT INTO quarantine ({STATE_COLUMNS}, code, errors, recorded_ns, attempts) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*state_values(state), record.code, errors, time.time_ns(), record.attempts),
            )

    def release(self, tenant_id: str | None, codes: Sequence[str] = ()) -> int:
        """See DocumentStore."""
        if not self.exists:
            return 0
        where, values = of_tenant(tenant_id)
        with self._changing(tenant_id) as run:
            if not codes:
                return run(f"DELETE FROM quarantine {where}", values).rowcount
            condition = f"{where} AND code" if where else "WHERE code"
            return sum(
                run(f"DELETE FROM quarantine {condition} IN {marks}", [*values, *some]).rowcount
                for some, marks in with_marks(codes)
            )


def listing(select: str, tenant_id: str | None) -> tuple[str, list[str]]:
    """All rows of SOURCES or QUARANTINE in order of tenant and URI: the statement and its values."""
    where, values = of_tenant(tenant_id)
    return f"{select} {where} ORDER BY tenant, uri", values


def source_record(row: Sequence[Any]) -> SourceRecord:
    """A row of SOURCES as a record."""
    return SourceRecord(state_of(row), row[11], row[12], ProcessingResult.model_validate_json(row[13]))


def quarantine_record(row: Sequence[Any]) -> QuarantineRecord:
    """A row of QUARANTINE as a record."""
    errors = tuple(IngestError.model_validate(error) for error in json.loads(row[12]))
    return QuarantineRecord(state_of(row), row[11], errors, row[13], row[14])


# Inside a transaction


def source_id_of(run: Run, tenant: str, uri: str) -> int | None:
    """The row of a source, if it is there."""
    row = run(f"SELECT id FROM sources {_OF_ONE}", (tenant, uri)).fetchone()
    return None if row is None else int(row[0])


def insert_source(run: Run, state: SourceState, run_id: str, result: ProcessingResult) -> int:
    """A new row of sources; returns its id."""
    row = run(
        f"INSERT INTO sources ({STATE_COLUMNS}, run_id, recorded_ns, result) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (*state_values(state), run_id, time.time_ns(), export.stable_result(result)),
    ).fetchone()
    return int(row[0])


def move_source(
    run: Run, source_id: int, old: SourceRecord, state: SourceState, run_id: str, names: Mapping[str, str]
) -> SourceRecord:
    """Give a source its new state; its chunks and tables (new names by old) have theirs already."""
    result = old.result.model_copy(
        update={
            "file_path": state.file_path,
            "ingest_key": state.ingest_key,
            "tables": tuple(names.get(name, name) for name in old.result.tables),
            "written": written(run, source_id),
        }
    )
    columns = ", ".join(f"{column} = ?" for column in STATE_COLUMNS.split(", "))
    recorded_ns = time.time_ns()
    run(
        f"UPDATE sources SET {columns}, run_id = ?, recorded_ns = ?, result = ? WHERE id = ?",
        (*state_values(state), run_id, recorded_ns, export.stable_result(result), source_id),
    )
    return SourceRecord(state, run_id, recorded_ns, result)


def leave_quarantine(run: Run, tenant: str, uri: str) -> bool:
    """Take a source out of quarantine; False if it was not there."""
    return run(f"DELETE FROM quarantine {_OF_ONE}", (tenant, uri)).rowcount > 0


def written(run: Run, source_id: int) -> WrittenArtifacts:
    """What a source has in the store."""
    ids = run("SELECT chunk_id FROM chunks WHERE source_id = ? ORDER BY chunk_index", (source_id,)).fetchall()
    tables = run("SELECT table_name FROM catalog WHERE source_id = ? ORDER BY table_name", (source_id,)).fetchall()
    return WrittenArtifacts(
        vector_point_ids=tuple(id_ for (id_,) in ids), db_table_names=tuple(name for (name,) in tables)
    )
