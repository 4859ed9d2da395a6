"""The DocumentStore on PostgreSQL with pgvector, and the two simpler store protocols beside it.

Several owners, on several machines, write at once: a lock for each source keeps two versions of one document
apart. Everything a document brings changes in one transaction, so a lost server loses nothing but time.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from ingestkit_core.errors import ErrorCode, IngestError, StoreError
from ingestkit_core.models import ChunkPayload, ProcessingResult, WrittenArtifacts
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
from ingestkit_core.stores.postgres import documents, looking, tables
from ingestkit_core.stores.postgres import vectors as kept
from ingestkit_core.stores.postgres.connections import Server
from ingestkit_core.stores.postgres.copying import copy_to
from ingestkit_core.stores.postgres.jobs import PostgresJobs
from ingestkit_core.stores.postgres.query import run_query
from ingestkit_core.stores.postgres.schema import TABLES_SCHEMA
from ingestkit_core.stores.records import STATE_COLUMNS, check_vectors, state_of, state_values, to_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PostgresStore"]

_HOLDING_TEXT = ("sources", "quarantine", "chunks", "vectors", "catalog", "ingest_jobs", "roots")


class PostgresStore(DocumentStore):
    """A store in a PostgreSQL database. Nothing is created before the first write.

    Satisfies VectorStoreBackend and StructuredDBBackend too, for code that brings its own chunks and frames.
    Raises StoreError: E_BACKEND_DB_CONNECT and E_BACKEND_DB_TIMEOUT (recoverable), E_STORE_INVALID (not ours, or
    without pgvector), E_STORE_VERSION (newer), E_STORE_LOCKED, E_STORE_FULL, E_STORE_DIMENSION, E_STORE_COMMIT.
    """

    def __init__(self, url: str) -> None:
        self._server = Server(url)
        # A newer or foreign schema is refused now, not at the first document.
        _ = self._server.has_schema

    @property
    def url(self) -> str:
        """The URL without its password: that comes from where libpq looks (PGPASSWORD, ~/.pgpass) or is given again."""
        return self._server.url

    @property
    def exists(self) -> bool:
        """See DocumentStore."""
        return self._server.has_schema

    @property
    def jobs(self) -> JobJournal:
        """See DocumentStore."""
        return PostgresJobs(self._server)

    def get_connection_uri(self) -> str:
        """See StructuredDBBackend."""
        return self.url

    def lease(self, wait_seconds: float | None = 0.0) -> AbstractContextManager[None]:
        """See DocumentStore. Shared: several owners write at once, each source being locked by itself."""
        return contextlib.nullcontext()

    def close(self) -> None:
        """See DocumentStore."""
        self._server.close()

    # Journal

    def find(self, tenant_id: str | None, source_uri: str) -> SourceRecord | None:
        """See DocumentStore."""
        where = "WHERE tenant = %s AND uri = %s"
        return next(map(_source_record, self._rows(_SOURCES, where, (tenant_id or "", source_uri))), None)

    def find_content(self, tenant_id: str | None, content_hash: str) -> list[SourceRecord]:
        """See DocumentStore."""
        where = "WHERE tenant = %s AND content_hash = %s ORDER BY uri"
        return list(map(_source_record, self._rows(_SOURCES, where, (tenant_id or "", content_hash))))

    def find_quarantined(self, tenant_id: str | None, source_uri: str) -> QuarantineRecord | None:
        """See DocumentStore."""
        where = "WHERE tenant = %s AND uri = %s"
        return next(map(_quarantine_record, self._rows(_QUARANTINE, where, (tenant_id or "", source_uri))), None)

    def sources(self, tenant_id: str | None = None) -> Iterator[SourceRecord]:
        """See DocumentStore."""
        if self.exists:
            with self._server.reading() as connection:
                yield from _source_records(connection, tenant_id)

    def quarantined(self, tenant_id: str | None = None) -> Iterator[QuarantineRecord]:
        """See DocumentStore."""
        if self.exists:
            with self._server.reading() as connection:
                yield from _quarantine_records(connection, tenant_id)

    def _rows(self, select: str, where: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What one statement sees; none where nothing was ever committed."""
        if not self.exists:
            return []
        with self._server.outside() as connection:
            return connection.execute(f"{select} {where}".encode(), values).fetchall()

    def find_root(self, tenant_id: str | None, path: str) -> RootRecord | None:
        """See DocumentStore."""
        where = "WHERE tenant = %s AND path = %s"
        rows = self._rows("SELECT device, documents FROM roots", where, (tenant_id or "", path))
        return RootRecord(tenant_id, path, *rows[0]) if rows else None

    def record_root(self, record: RootRecord) -> None:
        """See DocumentStore."""
        with self._server.writing() as connection:
            connection.execute(
                "INSERT INTO roots VALUES (%s, %s, %s, %s) ON CONFLICT (tenant, path) "
                "DO UPDATE SET device = excluded.device, documents = excluded.documents",
                (record.tenant_id or "", record.path, record.device, record.documents),
            )

    def touch(self, state: SourceState) -> None:
        """See DocumentStore."""
        key = (state.tenant_id or "", state.source_uri)
        seen = (state.size_bytes, state.modified_ns, time.time_ns(), *key)
        with self._writing(state.tenant_id, state.source_uri) as connection:
            for table in ("sources", "quarantine"):
                connection.execute(
                    f"UPDATE {table} SET size_bytes = %s, modified_ns = %s, recorded_ns = %s "
                    "WHERE tenant = %s AND uri = %s".encode(),
                    seen,
                )
            # Bytes that were set aside are gone if the file has these.
            connection.execute(
                "DELETE FROM quarantine WHERE tenant = %s AND uri = %s AND content_hash <> %s",
                (*key, state.content_hash),
            )

    def quarantine(self, record: QuarantineRecord) -> None:
        """See DocumentStore."""
        state = record.state
        errors = to_json([error.model_dump(exclude_none=True) for error in record.errors])
        with self._writing(state.tenant_id, state.source_uri) as connection:
            _leave_quarantine(connection, state.tenant_id or "", state.source_uri)
            connection.execute(
                f"INSERT INTO quarantine ({STATE_COLUMNS}, code, errors, recorded_ns, attempts) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)".encode(),
                (*state_values(state), record.code, errors, time.time_ns(), record.attempts),
            )

    def release(self, tenant_id: str | None, codes: Sequence[str] = ()) -> int:
        """See DocumentStore."""
        if not self.exists:
            return 0
        with self._server.writing() as connection:
            return connection.execute(
                "DELETE FROM quarantine WHERE (%s::text IS NULL OR tenant = %s) AND (%s OR code = ANY(%s))",
                (tenant_id, tenant_id, not codes, list(codes)),
            ).rowcount

    # A document as one transaction

    @contextlib.contextmanager
    def _writing(self, tenant_id: str | None, *uris: str) -> Iterator[psycopg.Connection]:
        """A transaction in which these sources are ours alone."""
        with self._server.writing() as connection:
            documents.hold(connection, tenant_id or "", uris)
            yield connection

    def known_vectors(self, embedder: str, text_hashes: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """See DocumentStore."""
        if not self.exists:
            return {}
        with self._server.outside() as connection:
            return kept.known_vectors(connection, embedder, text_hashes)

    def embedder(self) -> tuple[str, int] | None:
        """See DocumentStore."""
        if not self.exists:
            return None
        with self._server.outside() as connection:
            return kept.embedder_in_use(connection)

    def unembedded(self, embedder: tuple[str, int], limit: int) -> list[tuple[str, str]]:
        """See DocumentStore."""
        if not self.exists:
            return []
        with self._server.outside() as connection:
            return kept.unembedded(connection, embedder, limit)

    def add_vectors(self, embedder: tuple[str, int], vectors: Mapping[str, Sequence[float]]) -> None:
        """See DocumentStore."""
        with self._server.writing() as connection:
            kept.add_vectors(connection, embedder[0], vectors)

    def switch_embedder(self, embedder: tuple[str, int] | None, fingerprints: Mapping[str, str]) -> bool:
        """See DocumentStore."""
        with self._server.writing() as connection:
            return kept.switch(connection, embedder, fingerprints)

    def replace(self, version: DocumentVersion) -> WrittenArtifacts:
        """See DocumentStore."""
        tenant = version.state.tenant_id or ""
        uris = [uri for uri in (version.state.source_uri, version.moved_from) if uri is not None]
        with self._writing(version.state.tenant_id, *uris) as connection:
            if version.embedder is not None:
                kept.require_embedder(connection, version.embedder, self.url)
                check_vectors(version)
            gone, before = _take_out(connection, tenant, uris)
            source_id = documents.insert_source(connection, version.state, version.run_id, version.result)
            documents.insert_chunks(connection, source_id, version.chunks)
            tables.put_tables(connection, source_id, version.tables, before)
            kept.change_vectors(connection, version.embedder[0] if version.embedder else None, version.chunks, gone)
            return documents.written(connection, source_id)

    def move(self, old: SourceRecord, state: SourceState, run_id: str) -> SourceRecord:
        """See DocumentStore."""
        tenant = state.tenant_id or ""
        with self._writing(state.tenant_id, old.state.source_uri, state.source_uri) as connection:
            source_id = documents.source_id_of(connection, tenant, old.state.source_uri)
            if source_id is None:
                message = f"{old.state.source_uri} was taken away by another owner: ingest again"
                raise StoreError(ErrorCode.E_STORE_LOCKED, message, recoverable=True)
            _delete(connection, tenant, state.source_uri)
            _leave_quarantine(connection, tenant, old.state.source_uri)
            names = tables.rename_tables(connection, source_id, state)
            documents.rewrite_chunks(connection, source_id, state, names)
            result = old.result.model_copy(
                update={
                    "file_path": state.file_path,
                    "ingest_key": state.ingest_key,
                    "tables": tuple(names.get(name, name) for name in old.result.tables),
                    "written": documents.written(connection, source_id),
                }
            )
            columns = ", ".join(f"{column} = %s" for column in STATE_COLUMNS.split(", "))
            recorded_ns = time.time_ns()
            connection.execute(
                f"UPDATE sources SET {columns}, run_id = %s, recorded_ns = %s, result = %s WHERE id = %s".encode(),
                (*state_values(state), run_id, recorded_ns, export.stable_result(result), source_id),
            )
        return SourceRecord(state, run_id, recorded_ns, result)

    def remove(self, tenant_id: str | None, source_uri: str) -> bool:
        """See DocumentStore."""
        if not self.exists:
            return False
        with self._writing(tenant_id, source_uri) as connection:
            return _delete(connection, tenant_id or "", source_uri)

    def forget(self, tenant_id: str | None, source_uri: str | None = None) -> int:
        """See DocumentStore. The files of the database are rewritten without what was deleted.

        The write-ahead log, replicas and backups of the server hold it until the server lets go of them.
        """
        if not self.exists:
            return 0
        tenant = tenant_id or ""
        union = (
            "SELECT uri FROM (SELECT tenant, uri FROM sources UNION SELECT tenant, uri FROM quarantine) u "
            "WHERE tenant = %s AND (%s::text IS NULL OR uri = %s) ORDER BY uri"
        )
        with self._server.writing() as connection:
            uris = [uri for (uri,) in connection.execute(union, (tenant, source_uri, source_uri)).fetchall()]
            documents.hold(connection, tenant, uris)
            for uri in uris:
                _delete(connection, tenant, uri)
            if source_uri is None:
                connection.execute("DELETE FROM roots WHERE tenant = %s", (tenant,))
            connection.execute(
                "DELETE FROM ingest_jobs WHERE tenant = %s AND (%s::text IS NULL OR uri = %s)",
                (tenant, source_uri, source_uri),
            )
        with self._server.outside() as connection:
            # ANALYZE too: the statistics hold values of the columns.
            connection.execute(
                f"VACUUM (FULL, ANALYZE) {', '.join(f'ingestkit.{name}' for name in _HOLDING_TEXT)}".encode()
            )
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
        with self._server.reading() as connection:
            return looking.find_chunks(connection, text, k, tenant_id, filters, vector)

    def chunks(self, tenant_id: str | None, source_uri: str) -> Iterator[SearchHit]:
        """See DocumentStore."""
        if self.exists:
            with self._server.reading() as connection:
                yield from looking.chunks_of(connection, tenant_id or "", source_uri)

    def tables(self, tenant_id: str | None = None) -> list[TableRecord]:
        """See DocumentStore."""
        if not self.exists:
            return []
        with self._server.reading() as connection:
            return looking.catalog(connection, tenant_id)

    def query(
        self, sql: str, tenant_id: str | None = None, timeout_seconds: float = 30.0, max_rows: int = 1000
    ) -> QueryResult:
        """See DocumentStore. The tables are found by their names, or as ``ingestkit_tables.name``."""
        with self._server.reading() as connection:
            tenants = looking.tenants(connection)
        if tenant_id is None and len(tenants) > 1:
            raise QueryError("this store has several tenants: say which one with --tenant")
        with self._server.trying() as connection:
            readable = {table.table_name for table in looking.catalog(connection, tenant_id)}
            own = {"catalog"} if len(tenants) <= 1 else set()
            return run_query(connection, sql, readable, own, timeout_seconds, max_rows)

    def status(self, tenant_id: str | None = None) -> StoreStatus:
        """See DocumentStore."""
        with self._server.reading() as connection:
            return looking.status(connection, self.url, tenant_id)

    def export(self, tenant_id: str | None = None) -> Iterator[str]:
        """See DocumentStore. One snapshot, whatever is committed meanwhile."""
        if not self.exists:
            return
        with self._server.touring() as connection:
            for record in _source_records(connection, tenant_id):
                yield export.source_line(record)
                for hit in looking.chunks_of(connection, record.state.tenant_id or "", record.state.source_uri):
                    yield export.chunk_line(hit)
            for table in looking.catalog(connection, tenant_id):
                yield export.table_line(table)
                for row in tables.rows_of(connection, table.table_name):
                    yield export.row_line(table.table_name, row)
            for entry in _quarantine_records(connection, tenant_id):
                yield export.quarantine_line(entry)

    def backup(self, path: str | Path) -> None:
        """See DocumentStore. The copy is an embedded store: a file that every command opens."""
        if not self.exists:
            raise StoreError(ErrorCode.E_STORE_INVALID, f"there is no store at {self.url} to back up")
        with self._server.touring() as connection:
            sources = list(_source_records(connection, None))
            copy_to(Path(path), connection, sources, list(_quarantine_records(connection, None)))

    # VectorStoreBackend and StructuredDBBackend

    def ensure_collection(self, collection: str, vector_size: int) -> None:
        """See VectorStoreBackend. All collections share the database; each keeps its vector size."""
        name = f"collection {collection}"
        with self._server.writing() as connection:
            inserted = connection.execute(
                "INSERT INTO settings VALUES (%s, %s) ON CONFLICT DO NOTHING", (name, str(vector_size))
            ).rowcount
            if inserted:
                kept.make_index(connection, collection, vector_size)
                return
            row = connection.execute("SELECT value FROM settings WHERE name = %s", (name,)).fetchone()
        assert row is not None
        if int(row[0]) != vector_size:
            raise StoreError(
                ErrorCode.E_STORE_DIMENSION,
                f"collection {collection} holds vectors of {row[0]} numbers, not {vector_size}",
            )

    def upsert_chunks(self, collection: str, chunks: Sequence[ChunkPayload]) -> int:
        """See VectorStoreBackend. A chunk belongs to the source its metadata names."""
        with self._server.writing() as connection:
            documents.delete_chunks(connection, [chunk.id for chunk in chunks])
            for chunk in chunks:
                documents.insert_chunks(connection, documents.source_of(connection, chunk), [chunk])
            kept.change_vectors(connection, collection, chunks, ())
        return len(chunks)

    def create_payload_index(self, collection: str, field: str, field_type: str) -> None:
        """See VectorStoreBackend. The index serves all collections."""
        with self._server.writing() as connection:
            looking.make_field_index(connection, field)

    def delete_by_ids(self, collection: str, ids: Sequence[str]) -> int:
        """See VectorStoreBackend."""
        with self._server.writing() as connection:
            return documents.delete_chunks(connection, ids)

    def create_table_from_dataframe(self, table_name: str, df: pd.DataFrame) -> None:
        """See StructuredDBBackend. The frame's column names and dtypes become the catalog's."""
        from ingestkit_core.stores.frames import table_from_frame

        table = table_from_frame(table_name, df)
        with self._server.writing() as connection:
            before = tables.take_out(connection, "table_name = %s", (table_name,))
            tables.put_tables(connection, None, [table], before)

    def drop_table(self, table_name: str) -> None:
        """See StructuredDBBackend."""
        with self._server.writing() as connection:
            taken = tables.take_out(connection, "table_name = %s", (table_name,))
            tables.drop_tables(connection, taken.values())

    def table_exists(self, table_name: str) -> bool:
        """See StructuredDBBackend."""
        return bool(self.get_table_schema(table_name))

    def get_table_schema(self, table_name: str) -> dict[str, str]:
        """See StructuredDBBackend. Empty for a table that is not there."""
        rows = self._rows(
            "SELECT column_name, data_type FROM information_schema.columns",
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            (TABLES_SCHEMA, table_name),
        )
        return dict(rows)


_SOURCES = f"SELECT {STATE_COLUMNS}, run_id, recorded_ns, result FROM sources"
_QUARANTINE = f"SELECT {STATE_COLUMNS}, code, errors, recorded_ns, attempts FROM quarantine"


def _source_record(row: Sequence[Any]) -> SourceRecord:
    return SourceRecord(state_of(row), row[10], row[11], ProcessingResult.model_validate_json(row[12]))


def _quarantine_record(row: Sequence[Any]) -> QuarantineRecord:
    errors = tuple(IngestError.model_validate(error) for error in json.loads(row[11]))
    return QuarantineRecord(state_of(row), row[10], errors, row[12], row[13])


def _source_records(connection: psycopg.Connection, tenant_id: str | None) -> Iterator[SourceRecord]:
    where, values = looking.of_tenant(tenant_id)
    with connection.cursor(name="sources") as cursor:
        yield from map(_source_record, cursor.execute(f"{_SOURCES} {where} ORDER BY tenant, uri".encode(), values))


def _quarantine_records(connection: psycopg.Connection, tenant_id: str | None) -> Iterator[QuarantineRecord]:
    where, values = looking.of_tenant(tenant_id)
    with connection.cursor(name="quarantine") as cursor:
        rows = cursor.execute(f"{_QUARANTINE} {where} ORDER BY tenant, uri".encode(), values)
        yield from map(_quarantine_record, rows)


def _take_out(
    connection: psycopg.Connection, tenant: str, uris: Sequence[str]
) -> tuple[set[str], dict[str, tables.Shape]]:
    """Take sources out; returns the hashes of their texts, and their tables, which are still there."""
    gone: set[str] = set()
    before: dict[str, tables.Shape] = {}
    for uri in uris:
        _leave_quarantine(connection, tenant, uri)
        source_id = documents.source_id_of(connection, tenant, uri)
        if source_id is not None:
            before.update(tables.take_out(connection, "source_id = %s", (source_id,)))
            gone |= documents.delete_source(connection, source_id)
    return gone, before


def _delete(connection: psycopg.Connection, tenant: str, uri: str) -> bool:
    """Take out a source with all it brought; False if it was unknown."""
    known = _leave_quarantine(connection, tenant, uri)
    known = documents.source_id_of(connection, tenant, uri) is not None or known
    gone, before = _take_out(connection, tenant, [uri])
    tables.drop_tables(connection, before.values())
    kept.change_vectors(connection, None, (), gone)
    return known


def _leave_quarantine(connection: psycopg.Connection, tenant: str, uri: str) -> bool:
    return connection.execute("DELETE FROM quarantine WHERE tenant = %s AND uri = %s", (tenant, uri)).rowcount > 0
