"""The DocumentStore on one SQLite file, and the two simpler store protocols beside it.

One owner writes (a lease names it), any number of processes read the last committed state meanwhile. The
file holds everything, so ordinary SQLite tools open it and a copy of it is a copy of the collection.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.models import WrittenArtifacts
from ingestkit_core.spooled import SpooledRows
from ingestkit_core.stores import export
from ingestkit_core.stores.base import (
    DocumentVersion,
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
from ingestkit_core.stores.lease import Lease
from ingestkit_core.stores.records import check_vectors
from ingestkit_core.stores.sqlite import documents, looking
from ingestkit_core.stores.sqlite import vectors as kept
from ingestkit_core.stores.sqlite.by_hand import SqliteByHand
from ingestkit_core.stores.sqlite.file import StoreFile
from ingestkit_core.stores.sqlite.jobs import SqliteJobs
from ingestkit_core.stores.sqlite.nearness import Nearness
from ingestkit_core.stores.sqlite.query import run_query
from ingestkit_core.stores.sqlite.tables import put_tables, quoted, rename_tables, spools
from ingestkit_core.stores.sqlsources import (
    SqlSources,
    insert_source,
    leave_quarantine,
    move_source,
    source_id_of,
    written,
)
from ingestkit_core.stores.statements import Run

__all__ = ["SqliteStore"]


class SqliteStore(SqlSources, SqliteByHand):
    """A store in one file. Nothing is created before the first write.

    Satisfies VectorStoreBackend and StructuredDBBackend too, for code that brings its own chunks and frames.
    Raises StoreError: E_STORE_INVALID (not ours, or on a network file system), E_STORE_VERSION (newer),
    E_STORE_LOCKED, E_STORE_FULL, E_STORE_DIMENSION, E_STORE_COMMIT.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(str(path).removeprefix("sqlite:///")).absolute()
        self._file = StoreFile(self._path)
        self._nearness = Nearness()

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
        """See DocumentStore. Raises E_STORE_COMMIT at once where the file is there and may not be written."""
        self._file.check_writable()
        return Lease(self._path, wait_seconds)

    def close(self) -> None:
        """See DocumentStore."""
        self._file.close()

    # Where the journal's statements are run

    @contextmanager
    def _glancing(self) -> Iterator[Run]:
        with self._file.glancing() as connection:
            yield connection.execute

    def _all_rows(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        with self._file.reading() as connection:
            yield from connection.execute(sql, values)

    @contextmanager
    def _changing(self, tenant_id: str | None, *uris: str) -> Iterator[Run]:
        with self._file.writing() as connection:
            yield connection.execute

    # A document as one transaction

    def known_vectors(self, embedder: str, text_hashes: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """See DocumentStore."""
        if not self._file.exists:
            return {}
        with self._file.glancing() as connection:
            return kept.known_vectors(connection, embedder, text_hashes)

    def embedder(self) -> tuple[str, int] | None:
        """See DocumentStore."""
        if not self._file.exists:
            return None
        with self._file.glancing() as connection:
            return kept.embedder_in_use(connection)

    def unembedded(self, embedder: tuple[str, int], limit: int) -> list[tuple[str, str]]:
        """See DocumentStore."""
        if not self._file.exists:
            return []
        with self._file.glancing() as connection:
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
        attached = spools(version.tables)
        with self._file.writing({name: rows.uri for name, rows in attached.items()}) as connection:
            return self._put(connection, version, attached)

    def _put(
        self, connection: sqlite3.Connection, version: DocumentVersion, attached: Mapping[str, SpooledRows]
    ) -> WrittenArtifacts:
        tenant = version.state.tenant_id or ""
        if version.embedder is not None:
            kept.use_embedder(connection, self._checked_embedder(connection, version))
        before: list[str] = []
        for uri in (version.state.source_uri, version.moved_from):
            if uri is not None:
                leave_quarantine(connection.execute, tenant, uri)
                old = source_id_of(connection.execute, tenant, uri)
                before += documents.take_out(connection, old) if old is not None else []
        source_id = insert_source(connection.execute, version.state, version.run_id, version.result)
        documents.insert_chunks(connection, source_id, version.chunks)
        if version.embedder is not None:
            kept.insert_vectors(connection, version.embedder[0], kept.by_text(version.chunks))
        put_tables(connection, source_id, version.tables, before, attached)
        return written(connection.execute, source_id)

    def _checked_embedder(self, connection: sqlite3.Connection, version: DocumentVersion) -> tuple[str, int] | None:
        """The embedder of a version that fits in. One store, one embedder: vectors of two cannot be compared."""
        if version.embedder is None:
            return None
        known = kept.embedder_in_use(connection)
        if known not in (None, version.embedder):
            raise StoreError(
                ErrorCode.E_STORE_DIMENSION,
                f"{self._path} holds vectors of {known[0]} with {known[1]} numbers, not of {version.embedder[0]} with "
                f"{version.embedder[1]}: use that embedder, or change it with ingestkit reembed",
            )
        check_vectors(version)
        return version.embedder

    def move(self, old: SourceRecord, state: SourceState, run_id: str) -> SourceRecord:
        """See DocumentStore."""
        tenant = state.tenant_id or ""
        with self._file.writing() as connection:
            source_id = source_id_of(connection.execute, tenant, old.state.source_uri)
            assert source_id is not None
            documents.delete_source(connection, tenant, state.source_uri)
            names = rename_tables(connection, source_id, state)
            documents.rewrite_chunks(connection, source_id, state, names)
            return move_source(connection.execute, source_id, old, state, run_id, names)

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
        with self._file.writing() as connection:
            uris = documents.forget(connection, tenant_id or "", source_uri)
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
            return looking.find_chunks(connection, self._nearness, text, k, tenant_id, filters, vector)

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
            return catalog(connection.execute, tenant_id)

    def query(
        self, sql: str, tenant_id: str | None = None, timeout_seconds: float = 30.0, max_rows: int = 1000
    ) -> QueryResult:
        """See DocumentStore."""
        with self._file.reading() as connection:
            tenants = tenants_of(connection.execute)
            if tenant_id is None and len(tenants) > 1:
                raise QueryError("this store has several tenants: say which one with --tenant")
            readable = {t.table_name for t in catalog(connection.execute, tenant_id)}
        with self._file.translated():
            # A connection of its own: what the query is held to cannot be taken off again.
            connection = self._file.open_reader()
            try:
                return run_query(connection, sql, readable, tenant_id, timeout_seconds, max_rows)
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
            for row in self._all_rows(f"SELECT * FROM {quoted(table.table_name)} ORDER BY 1", ()):
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
