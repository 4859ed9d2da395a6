"""The DocumentStore over a pair of foreign stores. Its journal is an embedded store, which it is itself."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from ingestkit_core.errors import ErrorCode, IngestkitError, StoreError
from ingestkit_core.models import WrittenArtifacts
from ingestkit_core.protocols import StructuredDBBackend, VectorStoreBackend
from ingestkit_core.stores.base import DocumentStore, DocumentVersion, SourceRecord, SourceState
from ingestkit_core.stores.copying import stored_version
from ingestkit_core.stores.paired import generations
from ingestkit_core.stores.paired.foreign import ForeignStores, foreign_name, foreign_names
from ingestkit_core.stores.paired.moving import moved
from ingestkit_core.stores.sqlite import SqliteStore, documents
from ingestkit_core.stores.sqlite import vectors as kept
from ingestkit_core.stores.sqlite.tables import quoted, spools

__all__ = ["PairedStore"]

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_turns: dict[str, threading.RLock] = {}
"""One for each journal: two formats have a committing thread each, and may have a store each."""


def _in_turn(
    change: Callable[Concatenate[PairedStore, P], R],
) -> Callable[Concatenate[PairedStore, P], R]:
    """A change that waits for the one under way: whoever sweeps must not meet what is noted and not committed."""

    @functools.wraps(change)
    def run(self: PairedStore, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._turn:
            return change(self, *args, **kwargs)

    return run


class Closeable(Protocol):
    """Something that is closed with the store."""

    def close(self) -> None:
        """Let go of it. Idempotent."""
        ...


class PairedStore(SqliteStore):
    """A DocumentStore over any pair of backends. ``journal`` is the path of its own file.

    Chunks go to ``collection`` of the vector store (with their vectors, where there is an embedder), tables to
    the SQL database under their catalog name and a hash of key and settings. Either may be missing. A
    reader of a foreign store by itself may see both versions for a moment, never neither. ``owned`` is closed
    with the store; ``url`` is how it is opened again.
    After ``switch_embedder`` points are in a collection named after the new embedder; every result's
    ``written.vector_collection`` says which.
    Besides the errors of the embedded store: E_BACKEND_VECTOR_* and E_BACKEND_DB_* (recoverable).
    """

    def __init__(
        self,
        vector_store: VectorStoreBackend | None,
        structured_db: StructuredDBBackend | None,
        journal: str | Path,
        collection: str = "default",
        *,
        url: str | None = None,
        owned: Closeable | None = None,
    ) -> None:
        super().__init__(journal)
        self._url = url
        self._owned = owned
        self._foreign = ForeignStores(vector_store, structured_db)
        self._collection = collection
        self._swept = False
        self._turn = _turns.setdefault(os.path.realpath(self.path), threading.RLock())
        for given in (vector_store, structured_db):
            if isinstance(given, SqliteStore) and given.path == self.path:
                raise StoreError(
                    ErrorCode.E_STORE_INVALID, f"the journal {self.path} is one of the stores it would keep in step"
                )

    @property
    def url(self) -> str:
        """The URL it was opened by. Empty for a pair that was handed in: nobody else can open that."""
        return self._url or ""

    def close(self) -> None:
        """See DocumentStore. A backend that was handed in stays open."""
        super().close()
        if self._owned is not None:
            self._owned.close()

    @contextmanager
    def lease(self, wait_seconds: float | None = 0.0) -> Iterator[None]:
        """See DocumentStore. What an owner before has left over is swept now: there may be nothing to write."""
        with super().lease(wait_seconds):
            with self._turn:
                if self.exists and not self._swept:
                    self._sweep()
            yield

    @_in_turn
    def replace(self, version: DocumentVersion) -> WrittenArtifacts:
        """See DocumentStore."""
        tenant = version.state.tenant_id or ""
        names = {table.name: foreign_name(table.name, version.state) for table in version.tables}
        place = self._place(version.embedder)
        written = WrittenArtifacts(
            vector_point_ids=tuple(chunk.id for chunk in version.chunks),
            vector_collection=place if self._foreign.vectors is not None else None,
            db_table_names=tuple(sorted(names.values() if self._foreign.tables is not None else names)),
        )
        version = replace(version, result=version.result.model_copy(update={"written": written}))
        generation = self._note(version, written, place)
        self._write(version, names, place)
        attached = spools(version.tables)
        with self._file.writing({name: rows.uri for name, rows in attached.items()}) as connection:
            self._put(connection, version, attached)
            if version.embedder is not None:
                generations.use_place(connection, self._collection, place)
            if version.moved_from is not None:
                generations.forget(connection, tenant, version.moved_from)
            generations.take(connection, tenant, version.state.source_uri, generation)
        self._sweep()
        return written

    def _place(self, embedder: tuple[str, int] | None) -> str:
        """The collection for points of this embedder, which is the one in use or the first."""
        if not self.exists:
            return self._collection
        with self._file.glancing() as connection:
            place = generations.place_in_use(connection, self._collection)
            is_first = embedder is not None and kept.embedder_in_use(connection) is None
            # A collection that was made for points without vectors takes none with one.
            has_others = connection.execute("SELECT 1 FROM sources LIMIT 1").fetchone() is not None
        return _place_of(embedder, self._collection) if is_first and has_others else place

    def _note(self, version: DocumentVersion, written: WrittenArtifacts, place: str) -> int:
        """A new generation, with all that will be written for it."""
        self._swept = False
        with self._noting() as connection:
            self._checked_embedder(connection, version)
            artifacts = self._foreign.artifacts(place, written.vector_point_ids, written.db_table_names)
            return generations.note(connection, artifacts)

    @contextmanager
    def _noting(self) -> Iterator[sqlite3.Connection]:
        with self._file.writing() as connection:
            generations.make(connection)
            yield connection

    def _write(self, version: DocumentVersion, names: Mapping[str, str], place: str) -> None:
        """Everything of a version into the foreign stores."""
        self._foreign.put_points(place, version.chunks, version.embedder[1] if version.embedder else None, names)
        self._foreign.put_tables(version.tables, names)

    def _sweep(self) -> None:
        """``_tidy``, and what fails is done next time."""
        try:
            self._tidy()
        except IngestkitError as exc:
            logger.warning("swept=0 code=%s", exc.code)

    def _tidy(self) -> None:
        """Have in the foreign stores what documents brought, and nothing that belongs to none any more."""
        self._swept = False
        with self._noting() as connection:
            unused, overwritten = generations.unused(connection), generations.overwritten(connection)
        for (kind, place), rows in groupby(unused, lambda row: row[:2]):
            self._foreign.take_out(kind, place, [name for _, _, name in rows])
        for tenant, uri in overwritten:
            self._restore(tenant or None, uri)
        with self._noting() as connection:
            generations.forget_left_over(connection)
        self._swept = True

    def _restore(self, tenant_id: str | None, uri: str) -> None:
        """A committed document's points as they were."""
        record = self.find(tenant_id, uri)
        place = record.result.written.vector_collection if record is not None else None
        if record is not None and place is not None:
            version = self._stored(record, self.embedder(), with_tables=False)
            self._foreign.put_points(place, version.chunks, None, foreign_names(record))

    @_in_turn
    def move(self, old: SourceRecord, state: SourceState, run_id: str) -> SourceRecord:
        """See DocumentStore. To the foreign stores it is a new document in the place of the old one."""
        stored = self._stored(old, self.embedder())
        written = self.replace(moved(stored, state, run_id))
        record = self.find(state.tenant_id, state.source_uri)
        assert record is not None
        return replace(record, result=record.result.model_copy(update={"written": written}))

    def _stored(
        self, record: SourceRecord, embedder: tuple[str, int] | None, *, with_tables: bool = True
    ) -> DocumentVersion:
        """A committed document as it was put in, with the vectors of an embedder."""
        state = record.state
        hits = list(self.chunks(state.tenant_id, state.source_uri))
        hashes = [hit.metadata["chunk_hash"] for hit in hits]
        known = self.known_vectors(embedder[0], hashes) if embedder is not None else {}
        tables = self.tables(state.tenant_id or "") if with_tables else []
        own = [table for table in tables if table.source_uri == state.source_uri]
        return stored_version(record, hits, own, self._rows_of, embedder, known)

    def _rows_of(self, name: str) -> Iterable[Sequence[Any]]:
        return self._all_rows(f"SELECT * FROM {quoted(name)} ORDER BY 1", ())

    @_in_turn
    def remove(self, tenant_id: str | None, source_uri: str) -> bool:
        """See DocumentStore."""
        if not self.exists:
            return False
        with self._noting() as connection:
            known = documents.delete_source(connection, tenant_id or "", source_uri)
            generations.forget(connection, tenant_id or "", source_uri)
        self._sweep()
        return known

    @_in_turn
    def forget(self, tenant_id: str | None, source_uri: str | None = None) -> int:
        """See DocumentStore. How much the foreign stores erase of what they delete is their matter.

        Raises E_BACKEND_* where one of them cannot be had: it is forgotten here, and swept there by the next owner.
        """
        if not self.exists:
            return 0
        with self._noting() as connection:
            uris = documents.forget(connection, tenant_id or "", source_uri)
            for uri in uris:
                generations.forget(connection, tenant_id or "", uri)
        try:
            self._tidy()
        finally:
            self._file.erase_free_pages()
        return len(uris)

    @_in_turn
    def switch_embedder(self, embedder: tuple[str, int] | None, fingerprints: Mapping[str, str]) -> bool:
        """See DocumentStore. All points are written into a collection of the new embedder before the switch.

        Killed before it, the old points stay in use, and what was written is swept by the next owner.
        """
        if embedder == self.embedder() or self._foreign.vectors is None:
            return super().switch_embedder(embedder, fingerprints)
        if isinstance(self._foreign.vectors, DocumentStore):
            raise StoreError(
                ErrorCode.E_STORE_INVALID,
                f"{self._foreign.vectors.url} keeps all collections in one, so a paired store keeps its embedder "
                "there: ingest into another one",
            )
        if embedder is not None and self.unembedded(embedder, 1):
            return False
        self._sweep()
        with self._noting() as connection:
            generations.forget_aside(connection)
        place = _place_of(embedder, self._collection)
        for record in self.sources():
            self._write_again(record, embedder, place)
        with self._noting() as connection:
            if not kept.switch(connection, embedder, fingerprints):
                return False
            generations.take_all(connection)
            generations.use_place(connection, self._collection, place)
            generations.say_place(connection, place)
        self._sweep()
        return True

    def _write_again(self, record: SourceRecord, embedder: tuple[str, int] | None, place: str) -> None:
        """A document's points with other vectors, in another collection; its tables stay."""
        version, state = self._stored(record, embedder, with_tables=False), record.state
        with self._noting() as connection:
            ids = [chunk.id for chunk in version.chunks]
            artifacts = self._foreign.artifacts(place, ids, record.result.written.db_table_names)
            generation = generations.note(connection, artifacts)
            generations.put_aside(connection, state.tenant_id or "", state.source_uri, generation)
        dimension = embedder[1] if embedder is not None else None
        self._foreign.put_points(place, version.chunks, dimension, foreign_names(record))


def _place_of(embedder: tuple[str, int] | None, collection: str) -> str:
    """The name of the collection for the points of one embedder: vectors of two are never in one."""
    if embedder is None:
        return f"{collection}_without_vectors"
    identity, dimension = embedder
    return f"{collection}_{hashlib.sha256(f'{dimension} {identity}'.encode()).hexdigest()[:8]}"
