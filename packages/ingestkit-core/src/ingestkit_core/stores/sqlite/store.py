"""The DocumentStore on one SQLite file, and the two simpler store protocols beside it.

One owner writes (a lease names it), any number of processes read the last committed state meanwhile. The
file holds everything, so ordinary SQLite tools open it and a copy of it is a copy of the collection.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestkit_core.errors import ErrorCode, IngestError, StoreError
from ingestkit_core.models import ChunkPayload, ProcessingResult, WrittenArtifacts
from ingestkit_core.spooled import SpooledRows
from ingestkit_core.stores import export
from ingestkit_core.stores.base import (
    DocumentStore,
    DocumentVersion,
    QuarantineRecord,
    QueryError,
    QueryResult,
    RootRecord,
    SearchHit,
    SourceRecord,
    SourceState,
    StoreStatus,
    TableRecord,
)
from ingestkit_core.stores.jobs import JobJournal
from ingestkit_core.stores.lease import Lease
from ingestkit_core.stores.records import STATE_COLUMNS, check_vectors, state_of, state_values, to_json
from ingestkit_core.stores.sqlite import documents, looking, schema
from ingestkit_core.stores.sqlite import vectors as kept
from ingestkit_core.stores.sqlite.documents import quoted
from ingestkit_core.stores.sqlite.file import StoreFile
from ingestkit_core.stores.sqlite.jobs import SqliteJobs
from ingestkit_core.stores.sqlite.query import run_query

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SqliteStore"]


class SqliteStore(DocumentStore):
    """A store in one file. Nothing is created before the first write.

    Satisfies VectorStoreBackend and StructuredDBBackend too, for code that brings its own chunks and frames.
    Raises StoreError: E_STORE_INVALID (not ours, or on a network file system), E_STORE_VERSION (newer),
    E_STORE_LOCKED, E_STORE_FULL, E_STORE_DIMENSION, E_STORE_COMMIT.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(str(path).removeprefix("sqlite:///")).absolute()
        self._file = StoreFile(self._path)

    @property
    def url(self) -> str:
        """``sqlite:///`` and the absolute path."""
        return f"sqlite:///{self._path}"

    @property
    def exists(self) -> bool:
        """See DocumentStore."""
        return self._file.exists

    @property
    def path(self) -> Path:
        """The store's file."""
        return self._path

    def get_connection_uri(self) -> str:
        """See StructuredDBBackend."""
        return self.url

    @property
    def jobs(self) -> JobJournal:
        """See DocumentStore."""
        return SqliteJobs(self._file)

    def lease(self, wait_seconds: float | None = 0.0) -> AbstractContextManager[None]:
        """See DocumentStore."""
        return Lease(self._path, wait_seconds)

    def close(self) -> None:
        """See DocumentStore."""
        self._file.close()

    # Journal

    def find(self, tenant_id: str | None, source_uri: str) -> SourceRecord | None:
        """See DocumentStore."""
        return next(self._source_rows("WHERE tenant = ? AND uri = ?", (tenant_id or "", source_uri)), None)

    def find_content(self, tenant_id: str | None, content_hash: str) -> list[SourceRecord]:
        """See DocumentStore."""
        where = "WHERE tenant = ? AND content_hash = ? ORDER BY uri"
        return list(self._source_rows(where, (tenant_id or "", content_hash)))

    def sources(self, tenant_id: str | None = None) -> Iterator[SourceRecord]:
        """See DocumentStore."""
        where, values = looking.of_tenant(tenant_id)
        return self._source_rows(f"{where} ORDER BY tenant, uri", values)

    def _source_rows(self, where: str, values: Sequence[Any]) -> Iterator[SourceRecord]:
        for row in self._rows(f"SELECT {STATE_COLUMNS}, run_id, recorded_ns, result FROM sources {where}", values):
            yield SourceRecord(state_of(row), row[10], row[11], ProcessingResult.model_validate_json(row[12]))

    def find_quarantined(self, tenant_id: str | None, source_uri: str) -> QuarantineRecord | None:
        """See DocumentStore."""
        return next(self._quarantine_rows("WHERE tenant = ? AND uri = ?", (tenant_id or "", source_uri)), None)

    def quarantined(self, tenant_id: str | None = None) -> Iterator[QuarantineRecord]:
        """See DocumentStore."""
        where, values = looking.of_tenant(tenant_id)
        return self._quarantine_rows(f"{where} ORDER BY tenant, uri", values)

    def _quarantine_rows(self, where: str, values: Sequence[Any]) -> Iterator[QuarantineRecord]:
        sql = f"SELECT {STATE_COLUMNS}, code, errors, recorded_ns, attempts FROM quarantine {where}"
        for row in self._rows(sql, values):
            errors = tuple(IngestError.model_validate(error) for error in json.loads(row[11]))
            yield QuarantineRecord(state_of(row), row[10], errors, row[12], row[13])

    def _rows(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Rows of one snapshot; none where nothing was ever committed."""
        if self._file.exists:
            with self._file.reading() as connection:
                yield from connection.execute(sql, values)

    def find_root(self, tenant_id: str | None, path: str) -> RootRecord | None:
        """See DocumentStore."""
        sql = "SELECT device, documents FROM roots WHERE tenant = ? AND path = ?"
        row = next(self._rows(sql, (tenant_id or "", path)), None)
        return None if row is None else RootRecord(tenant_id, path, row[0], row[1])

    def record_root(self, record: RootRecord) -> None:
        """See DocumentStore."""
        with self._file.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO roots VALUES (?, ?, ?, ?)",
                (record.tenant_id or "", record.path, record.device, record.documents),
            )

    def touch(self, state: SourceState) -> None:
        """See DocumentStore."""
        seen = (state.size_bytes, state.modified_ns, time.time_ns(), state.tenant_id or "", state.source_uri)
        with self._file.writing() as connection:
            for table in ("sources", "quarantine"):
                connection.execute(
                    f"UPDATE {table} SET size_bytes = ?, modified_ns = ?, recorded_ns = ? WHERE tenant = ? AND uri = ?",
                    seen,
                )
            # Bytes that were set aside are gone if the file has these.
            connection.execute(
                "DELETE FROM quarantine WHERE tenant = ? AND uri = ? AND content_hash <> ?",
                (state.tenant_id or "", state.source_uri, state.content_hash),
            )

    def quarantine(self, record: QuarantineRecord) -> None:
        """See DocumentStore."""
        errors = to_json([error.model_dump(exclude_none=True) for error in record.errors])
        with self._file.writing() as connection:
            connection.execute(
                f"INSERT OR REPLACE INTO quarantine ({STATE_COLUMNS}, code, errors, recorded_ns, attempts) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*state_values(record.state), record.code, errors, time.time_ns(), record.attempts),
            )

    def release(self, tenant_id: str | None, codes: Sequence[str] = ()) -> int:
        """See DocumentStore."""
        if not self._file.exists:
            return 0
        where, values = looking.of_tenant(tenant_id)
        if codes:
            where += f"{' AND' if where else 'WHERE'} code IN ({', '.join('?' * len(codes))})"
        with self._file.writing() as connection:
            return connection.execute(f"DELETE FROM quarantine {where}", [*values, *codes]).rowcount

    # A document as one transaction

    def known_vectors(self, embedder: str, text_hashes: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """See DocumentStore."""
        if not self._file.exists:
            return {}
        with self._file.reading() as connection:
            return kept.known_vectors(connection, embedder, text_hashes)

    def embedder(self) -> tuple[str, int] | None:
        """See DocumentStore."""
        if not self._file.exists:
            return None
        with self._file.reading() as connection:
            return kept.embedder_in_use(connection)

    def unembedded(self, embedder: tuple[str, int], limit: int) -> list[tuple[str, str]]:
        """See DocumentStore."""
        if not self._file.exists:
            return []
        with self._file.reading() as connection:
            return kept.unembedded(connection, embedder, limit)

    def add_vectors(self, embedder: tuple[str, int], vectors: Mapping[str, Sequence[float]]) -> None:
        """See DocumentStore."""
        with self._file.writing() as connection:
            kept.insert_vectors(connection, embedder[0], vectors.items())

    def switch_embedder(self, embedder: tuple[str, int] | None, fingerprints: Mapping[str, str]) -> bool:
        """See DocumentStore."""
        with self._file.writing() as connection:
            return kept.switch(connection, embedder, fingerprints)

    def replace(self, version: DocumentVersion) -> WrittenArtifacts:
        """See DocumentStore."""
        attached = documents.spools(version.tables)
        with self._file.writing({name: rows.uri for name, rows in attached.items()}) as connection:
            return self._put(connection, version, attached)

    def _put(
        self, connection: sqlite3.Connection, version: DocumentVersion, attached: Mapping[str, SpooledRows]
    ) -> WrittenArtifacts:
        tenant = version.state.tenant_id or ""
        if version.embedder is not None:
            self._check_embedder(connection, version.embedder)
            check_vectors(version)
        for uri in (version.state.source_uri, version.moved_from):
            if uri is not None:
                documents.delete_source(connection, tenant, uri)
        source_id = documents.insert_source(connection, version.state, version.run_id, version.result)
        documents.insert_chunks(connection, source_id, version.chunks)
        if version.embedder is not None:
            kept.insert_vectors(connection, version.embedder[0], _by_text(version.chunks))
        for table in version.tables:
            documents.create_table(connection, source_id, table, attached)
        return documents.written(connection, source_id)

    def _check_embedder(self, connection: sqlite3.Connection, embedder: tuple[str, int]) -> None:
        """One store, one embedder: vectors of different models or sizes cannot be compared."""
        known = kept.embedder_in_use(connection)
        if known is None:
            kept.use_embedder(connection, embedder)
        elif known != embedder:
            raise StoreError(
                ErrorCode.E_STORE_DIMENSION,
                f"{self._path} holds vectors of {known[0]} with {known[1]} numbers, not of {embedder[0]} with "
                f"{embedder[1]}: use that embedder, or change it with ingestkit reembed",
            )

    def move(self, old: SourceRecord, state: SourceState, run_id: str) -> SourceRecord:
        """See DocumentStore."""
        tenant = state.tenant_id or ""
        with self._file.writing() as connection:
            (source_id,) = connection.execute(
                "SELECT id FROM sources WHERE tenant = ? AND uri = ?", (tenant, old.state.source_uri)
            ).fetchone()
            documents.delete_source(connection, tenant, state.source_uri)
            names = documents.rename_tables(connection, source_id, state)
            documents.rewrite_chunks(connection, source_id, state, names)
            result = old.result.model_copy(
                update={
                    "file_path": state.file_path,
                    "ingest_key": state.ingest_key,
                    "tables": tuple(names.get(name, name) for name in old.result.tables),
                    "written": documents.written(connection, source_id),
                }
            )
            columns = ", ".join(f"{column} = ?" for column in STATE_COLUMNS.split(", "))
            recorded_ns = time.time_ns()
            connection.execute(
                f"UPDATE sources SET {columns}, run_id = ?, recorded_ns = ?, result = ? WHERE id = ?",
                (*state_values(state), run_id, recorded_ns, export.stable_result(result), source_id),
            )
        return SourceRecord(state, run_id, recorded_ns, result)

    def remove(self, tenant_id: str | None, source_uri: str) -> bool:
        """See DocumentStore."""
        if not self._file.exists:
            return False
        with self._file.writing() as connection:
            return documents.delete_source(connection, tenant_id or "", source_uri)

    def forget(self, tenant_id: str | None, source_uri: str | None = None) -> int:
        """See DocumentStore."""
        if not self._file.exists:
            return 0
        where, values = "WHERE tenant = ?", [tenant_id or ""]
        if source_uri is not None:
            where, values = f"{where} AND uri = ?", [*values, source_uri]
        union = f"SELECT uri FROM sources {where} UNION SELECT uri FROM quarantine {where}"
        with self._file.writing() as connection:
            uris = [uri for (uri,) in connection.execute(union, [*values, *values]).fetchall()]
            for uri in uris:
                documents.delete_source(connection, tenant_id or "", uri)
            connection.execute(f"DELETE FROM ingest_jobs {where}", values)
            if source_uri is None:
                connection.execute("DELETE FROM roots WHERE tenant = ?", (tenant_id or "",))
            # Deleted words live on in the index until its segments are merged.
            for table in ("search_english", "search_other"):
                connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")
        self._file.erase_free_pages()
        return len(uris)

    # Looking

    def search(
        self,
        text: str,
        k: int = 5,
        tenant_id: str | None = None,
        filters: Mapping[str, str] | None = None,
        vector: Sequence[float] | None = None,
    ) -> list[SearchHit]:
        """See DocumentStore."""
        with self._file.reading() as connection:
            return looking.find_chunks(connection, text, k, tenant_id, filters, vector)

    def chunks(self, tenant_id: str | None, source_uri: str) -> Iterator[SearchHit]:
        """See DocumentStore."""
        if self._file.exists:
            with self._file.reading() as connection:
                yield from looking.chunks_of(connection, tenant_id or "", source_uri)

    def tables(self, tenant_id: str | None = None) -> list[TableRecord]:
        """See DocumentStore."""
        if not self._file.exists:
            return []
        with self._file.reading() as connection:
            return looking.catalog(connection, *looking.of_tenant(tenant_id))

    def query(
        self, sql: str, tenant_id: str | None = None, timeout_seconds: float = 30.0, max_rows: int = 1000
    ) -> QueryResult:
        """See DocumentStore."""
        with self._file.reading() as connection:
            tenants = looking.tenants(connection)
            if tenant_id is None and len(tenants) > 1:
                raise QueryError("this store has several tenants: say which one with --tenant")
            readable = {t.table_name for t in looking.catalog(connection, *looking.of_tenant(tenant_id))}
        if len(tenants) <= 1:
            readable |= {"catalog", "sqlite_master", "sqlite_schema"}
        with self._file.translated():
            # A connection of its own: what the query is held to cannot be taken off again.
            connection = self._file.open_reader()
            try:
                return run_query(connection, sql, readable, timeout_seconds, max_rows)
            finally:
                connection.close()

    def status(self, tenant_id: str | None = None) -> StoreStatus:
        """See DocumentStore."""
        with self._file.reading() as connection:
            return looking.status(connection, self._path, tenant_id)

    def export(self, tenant_id: str | None = None) -> Iterator[str]:
        """See DocumentStore."""
        for record in self.sources(tenant_id):
            yield export.source_line(record)
            for hit in self.chunks(record.state.tenant_id, record.state.source_uri):
                yield export.chunk_line(hit)
        for table in self.tables(tenant_id):
            yield export.table_line(table)
            for row in self._rows(f"SELECT * FROM {quoted(table.table_name)} ORDER BY 1", ()):
                yield export.row_line(table.table_name, row)
        for entry in self.quarantined(tenant_id):
            yield export.quarantine_line(entry)

    def backup(self, path: str | Path) -> None:
        """See DocumentStore."""
        target = Path(path)
        if target.exists():
            raise StoreError(ErrorCode.E_STORE_COMMIT, f"{target} exists already; a backup never overwrites")
        if not self._file.exists:
            raise StoreError(ErrorCode.E_STORE_INVALID, f"there is no store at {self._path} to back up")
        with self._file.translated():
            connection = self._file.open_reader()
        try:
            with contextlib.closing(sqlite3.connect(target)) as copy:
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as exc:
            raise StoreError(ErrorCode.E_STORE_COMMIT, f"{target} cannot be written: {exc}") from exc
        finally:
            connection.close()

    # VectorStoreBackend and StructuredDBBackend

    def ensure_collection(self, collection: str, vector_size: int) -> None:
        """See VectorStoreBackend. All collections share the file; each keeps its vector size."""
        with self._file.writing() as connection:
            name = f"collection {collection}"
            row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
            if row is None:
                connection.execute("INSERT INTO settings VALUES (?, ?)", (name, str(vector_size)))
            elif int(row[0]) != vector_size:
                raise StoreError(
                    ErrorCode.E_STORE_DIMENSION,
                    f"collection {collection} holds vectors of {row[0]} numbers, not {vector_size}",
                )

    def upsert_chunks(self, collection: str, chunks: Sequence[ChunkPayload]) -> int:
        """See VectorStoreBackend. A chunk belongs to the source its metadata names."""
        with self._file.writing() as connection:
            documents.delete_chunks(connection, [chunk.id for chunk in chunks])
            for chunk in chunks:
                documents.insert_chunks(connection, documents.source_of(connection, chunk), [chunk])
            kept.insert_vectors(connection, collection, _by_text(chunks))
        return len(chunks)

    def create_payload_index(self, collection: str, field: str, field_type: str) -> None:
        """See VectorStoreBackend. The index serves all collections."""
        path = '$."{}"'.format(field.replace("'", "''"))
        with self._file.writing() as connection:
            name = quoted(f"chunks_by_{field}")
            connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON chunks (json_extract(metadata, '{path}'))")

    def delete_by_ids(self, collection: str, ids: Sequence[str]) -> int:
        """See VectorStoreBackend."""
        with self._file.writing() as connection:
            return documents.delete_chunks(connection, ids)

    def create_table_from_dataframe(self, table_name: str, df: pd.DataFrame) -> None:
        """See StructuredDBBackend. The frame's column names and dtypes become the catalog's."""
        from ingestkit_core.stores.frames import table_from_frame

        table = table_from_frame(table_name, df)
        with self._file.writing() as connection:
            _drop_table(connection, table_name)
            documents.create_table(connection, None, table)

    def drop_table(self, table_name: str) -> None:
        """See StructuredDBBackend."""
        with self._file.writing() as connection:
            _drop_table(connection, table_name)

    def table_exists(self, table_name: str) -> bool:
        """See StructuredDBBackend."""
        return bool(self.get_table_schema(table_name))

    def get_table_schema(self, table_name: str) -> dict[str, str]:
        """See StructuredDBBackend. Empty for a table that is not there."""
        sql = (
            "SELECT i.name, i.type FROM catalog c, pragma_table_info(c.table_name) i WHERE c.table_name = ? "
            "ORDER BY i.cid"
        )
        return {name: kind for name, kind in self._rows(sql, (table_name,))}  # noqa: C416  # rows are wider tuples to mypy


def _by_text(chunks: Sequence[ChunkPayload]) -> list[tuple[str, Sequence[float]]]:
    return [(chunk.metadata.chunk_hash, chunk.vector) for chunk in chunks if chunk.vector is not None]


def _drop_table(connection: sqlite3.Connection, name: str) -> None:
    if schema.is_internal(name):
        raise StoreError(ErrorCode.E_STORE_COMMIT, f"the table name {name!r} is the store's own")
    connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
    connection.execute("DELETE FROM catalog WHERE table_name = ?", (name,))
