"""The DocumentStore on PostgreSQL with pgvector, and the two simpler store protocols beside it.

Several owners, on several machines, write at once: a lock for each source keeps two versions of one document
apart. Everything a document brings changes in one transaction, so a lost server loses nothing but time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import psycopg

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.models import WrittenArtifacts
from ingestkit_core.stores import export
from ingestkit_core.stores.base import (
    DocumentVersion,
    QuarantineRecord,
    QueryError,
    QueryResult,
    SearchHit,
    SourceRecord,
    SourceState,
    StoreStatus,
    TableRecord,
)
from ingestkit_core.stores.counts import catalog, tenants_of
from ingestkit_core.stores.jobs import JobJournal
from ingestkit_core.stores.postgres import documents, looking, tables
from ingestkit_core.stores.postgres import vectors as kept
from ingestkit_core.stores.postgres.by_hand import PostgresByHand
from ingestkit_core.stores.postgres.connections import Server, running_on
from ingestkit_core.stores.postgres.copying import copy_to
from ingestkit_core.stores.postgres.jobs import PostgresJobs
from ingestkit_core.stores.postgres.lexical import WordCounts
from ingestkit_core.stores.postgres.query import run_query
from ingestkit_core.stores.postgres.values import unescaped
from ingestkit_core.stores.records import check_vectors
from ingestkit_core.stores.sqlsources import (
    QUARANTINE,
    SOURCES,
    SqlSources,
    insert_source,
    leave_quarantine,
    listing,
    move_source,
    quarantine_record,
    source_id_of,
    source_record,
    written,
)
from ingestkit_core.stores.statements import Run

__all__ = ["PostgresStore"]

_HOLDING_TEXT = ("sources", "quarantine", "chunks", "vectors", "catalog", "ingest_jobs", "roots")


class PostgresStore(SqlSources, PostgresByHand):
    """A store in a PostgreSQL database. Nothing is created before the first write.

    Satisfies VectorStoreBackend and StructuredDBBackend too, for code that brings its own chunks and frames.
    Raises StoreError: E_BACKEND_DB_CONNECT and E_BACKEND_DB_TIMEOUT (recoverable), E_STORE_INVALID (not ours, or
    without pgvector), E_STORE_VERSION (newer), E_STORE_LOCKED, E_STORE_FULL, E_STORE_DIMENSION, E_STORE_COMMIT.
    """

    one_owner: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        self._server = Server(url)
        self._counts = WordCounts()
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

    # Where the journal's statements are run

    @contextmanager
    def _glancing(self) -> Iterator[Run]:
        with self._server.outside() as connection:
            yield running_on(connection)

    def _all_rows(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        with self._server.reading() as connection:
            yield from _streamed(connection, sql, values)

    @contextmanager
    def _changing(self, tenant_id: str | None, *uris: str) -> Iterator[Run]:
        with self._writing(tenant_id, *uris) as connection:
            yield running_on(connection)

    # A document as one transaction

    @contextmanager
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
            source_id = insert_source(running_on(connection), version.state, version.run_id, version.result)
            documents.insert_chunks(connection, source_id, version.chunks)
            tables.put_tables(connection, source_id, version.tables, before)
            kept.change_vectors(connection, version.embedder[0] if version.embedder else None, version.chunks, gone)
            return written(running_on(connection), source_id)

    def move(self, old: SourceRecord, state: SourceState, run_id: str) -> SourceRecord:
        """See DocumentStore."""
        tenant = state.tenant_id or ""
        with self._writing(state.tenant_id, old.state.source_uri, state.source_uri) as connection:
            run = running_on(connection)
            source_id = source_id_of(run, tenant, old.state.source_uri)
            if source_id is None:
                message = f"{old.state.source_uri} was taken away by another owner: ingest again"
                raise StoreError(ErrorCode.E_STORE_LOCKED, message, recoverable=True)
            _delete(connection, tenant, state.source_uri)
            leave_quarantine(run, tenant, old.state.source_uri)
            names = tables.rename_tables(connection, source_id, state)
            documents.rewrite_chunks(connection, source_id, state, names)
            return move_source(run, source_id, old, state, run_id, names)

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
            return looking.find_chunks(connection, self._counts, text, k, tenant_id, filters, vector)

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
            return catalog(running_on(connection), tenant_id, unescaped)

    def query(
        self, sql: str, tenant_id: str | None = None, timeout_seconds: float = 30.0, max_rows: int = 1000
    ) -> QueryResult:
        """See DocumentStore. The tables are found by their names, or as ``ingestkit_tables.name``."""
        with self._server.reading() as connection:
            tenants = tenants_of(running_on(connection))
        if tenant_id is None and len(tenants) > 1:
            raise QueryError("this store has several tenants: say which one with --tenant")
        with self._server.trying() as connection:
            readable = {table.table_name for table in catalog(running_on(connection), tenant_id, unescaped)}
            return run_query(connection, sql, readable, tenant_id, timeout_seconds, max_rows)

    def status(self, tenant_id: str | None = None) -> StoreStatus:
        """See DocumentStore."""
        with self._server.reading() as connection:
            return looking.status(connection, self.url, tenant_id)

    def export(self, tenant_id: str | None = None) -> Iterator[str]:
        """See DocumentStore. One snapshot, whatever is committed meanwhile."""
        if not self.exists:
            return
        with self._server.touring() as connection:
            for record in _sources(connection, tenant_id):
                yield export.source_line(record)
                for hit in looking.chunks_of(connection, record.state.tenant_id or "", record.state.source_uri):
                    yield export.chunk_line(hit)
            for table in catalog(running_on(connection), tenant_id, unescaped):
                yield export.table_line(table)
                for row in tables.rows_of(connection, table.table_name):
                    yield export.row_line(table.table_name, row)
            for entry in _quarantined(connection, tenant_id):
                yield export.quarantine_line(entry)

    def backup(self, path: str | Path) -> None:
        """See DocumentStore. The copy is an embedded store: a file that every command opens."""
        if not self.exists:
            raise StoreError(ErrorCode.E_STORE_INVALID, f"there is no store at {self.url} to back up")
        with self._server.touring() as connection:
            sources = list(_sources(connection, None))
            copy_to(Path(path), connection, sources, list(_quarantined(connection, None)))


def _streamed(connection: psycopg.Connection, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows as they come from the server."""
    with connection.cursor(name="rows") as cursor:
        yield from cursor.execute(sql.replace("?", "%s").encode(), values)


def _sources(connection: psycopg.Connection, tenant_id: str | None) -> Iterator[SourceRecord]:
    return map(source_record, _streamed(connection, *listing(SOURCES, tenant_id)))


def _quarantined(connection: psycopg.Connection, tenant_id: str | None) -> Iterator[QuarantineRecord]:
    return map(quarantine_record, _streamed(connection, *listing(QUARANTINE, tenant_id)))


def _take_out(
    connection: psycopg.Connection, tenant: str, uris: Sequence[str]
) -> tuple[set[str], dict[str, tables.Shape]]:
    """Take sources out; returns the hashes of their texts, and their tables, which are still there."""
    gone: set[str] = set()
    before: dict[str, tables.Shape] = {}
    run = running_on(connection)
    for uri in uris:
        leave_quarantine(run, tenant, uri)
        source_id = source_id_of(run, tenant, uri)
        if source_id is not None:
            before.update(tables.take_out(connection, "source_id = %s", (source_id,)))
            gone |= documents.delete_source(connection, source_id)
    return gone, before


def _delete(connection: psycopg.Connection, tenant: str, uri: str) -> bool:
    """Take out a source with all it brought; False if it was unknown."""
    run = running_on(connection)
    known = leave_quarantine(run, tenant, uri)
    known = source_id_of(run, tenant, uri) is not None or known
    gone, before = _take_out(connection, tenant, [uri])
    tables.drop_tables(connection, before.values())
    kept.change_vectors(connection, None, (), gone)
    return known
