"""A vector store and a SQL database that belong to somebody else, kept in step by a journal of our own.

Two foreign stores cannot change in one transaction. So the journal, an embedded store in a file, holds the
documents whole; search, ``sql``, ``export`` and ``status`` read it and see a document's old version or its new
one. What the foreign stores hold is written before the journal changes and swept after::

    note what is to be written ─► write it beside what is there ─► commit the journal ─► sweep what it replaced
                                                                        │
              killed before: the next owner sweeps the new  ◄───────────┴───────────► killed after: it sweeps the old

A generation's points and tables have names made from its content, so none is overwritten by another's.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ingestkit_core.errors import ErrorCode, IngestkitError, StoreError
from ingestkit_core.keys import chunk_id
from ingestkit_core.models import ChunkPayload, WrittenArtifacts
from ingestkit_core.protocols import StructuredDBBackend, VectorStoreBackend
from ingestkit_core.stores.base import DocumentVersion, NamedTable, SourceRecord, SourceState
from ingestkit_core.stores.copying import stored_version
from ingestkit_core.stores.naming import MAX_NAME_BYTES, table_name
from ingestkit_core.stores.records import check_vectors, place_columns, row_places
from ingestkit_core.stores.sqlite import SqliteStore, documents
from ingestkit_core.stores.sqlite.tables import quoted, spools

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PairedStore"]

logger = logging.getLogger(__name__)

_PAIRED_TABLES = """
CREATE TABLE IF NOT EXISTS paired_generations (
    tenant TEXT NOT NULL, uri TEXT NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (tenant, uri)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS paired_artifacts (
    generation INTEGER NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (generation, kind, place, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS paired_artifacts_by_name ON paired_artifacts (kind, place, name);
"""

_LEFT_OVER = "FROM paired_artifacts AS a WHERE a.generation NOT IN (SELECT generation FROM paired_generations)"
_UNUSED = (
    f"SELECT DISTINCT a.kind, a.place, a.name {_LEFT_OVER} AND NOT EXISTS (SELECT 1 FROM paired_artifacts b "
    "JOIN paired_generations g ON g.generation = b.generation WHERE b.kind = a.kind AND b.place = a.place "
    "AND b.name = a.name) ORDER BY 1, 2, 3"
)
_POINT, _TABLE = "point", "table"
_KEY_LETTERS = 8


class Closeable(Protocol):
    """Something that is closed with the store."""

    def close(self) -> None:
        """Let go of it. Idempotent."""
        ...


class PairedStore(SqliteStore):
    """A DocumentStore over any pair of backends. ``journal`` is the path of its own file.

    Chunks go to ``collection`` of the vector store (with their vectors, where there is an embedder), tables to
    the SQL database under their catalog name and the beginning of the ingest key. Either may be missing. A
    reader of a foreign store by itself may see both versions for a moment, never neither. ``owned`` is closed
    with the store; ``url`` is how it is opened again.
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
        self._vectors = vector_store
        self._tables = structured_db
        self._collection = collection
        self._swept = False
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

    def replace(self, version: DocumentVersion) -> WrittenArtifacts:
        """See DocumentStore."""
        tenant = version.state.tenant_id or ""
        names = {table.name: _foreign_name(table.name, version.state) for table in version.tables}
        written = WrittenArtifacts(
            vector_point_ids=tuple(chunk.id for chunk in version.chunks),
            vector_collection=self._collection if self._vectors is not None else None,
            db_table_names=tuple(sorted(names.values() if self._tables is not None else names)),
        )
        version = replace(version, result=version.result.model_copy(update={"written": written}))
        generation = self._note(version, written)
        self._write(version, names)
        attached = spools(version.tables)
        with self._file.writing({name: rows.uri for name, rows in attached.items()}) as connection:
            self._put(connection, version, attached)
            if version.moved_from is not None:
                _forget_generation(connection, tenant, version.moved_from)
            connection.execute(
                "INSERT OR REPLACE INTO paired_generations VALUES (?, ?, ?)",
                (tenant, version.state.source_uri, generation),
            )
        self._sweep()
        return written

    def _note(self, version: DocumentVersion, written: WrittenArtifacts) -> int:
        """A new generation, with all that will be written for it."""
        if not self._swept:
            self._sweep()
        with self._noting() as connection:
            if version.embedder is not None:
                self._check_embedder(connection, version.embedder)
                check_vectors(version)
            (last,) = connection.execute(
                "SELECT max(g) FROM (SELECT coalesce(max(generation), 0) AS g FROM paired_generations "
                "UNION ALL SELECT coalesce(max(generation), 0) FROM paired_artifacts)"
            ).fetchone()
            artifacts = [(_POINT, self._collection, id_) for id_ in written.vector_point_ids if self._vectors]
            artifacts += [(_TABLE, "", name) for name in written.db_table_names if self._tables]
            connection.executemany(
                "INSERT OR IGNORE INTO paired_artifacts VALUES (?, ?, ?, ?)", [(last + 1, *one) for one in artifacts]
            )
            return int(last) + 1

    @contextmanager
    def _noting(self) -> Iterator[sqlite3.Connection]:
        with self._file.writing() as connection:
            for statement in _PAIRED_TABLES.split(";"):
                connection.execute(statement)
            yield connection

    def _write(self, version: DocumentVersion, names: Mapping[str, str]) -> None:
        """Everything of a version into the foreign stores."""
        if self._vectors is not None:
            chunks = [_with_foreign_table(chunk, names) for chunk in version.chunks]
            with _translated("vector store", *_VECTOR_CODES):
                if version.embedder is not None:
                    self._vectors.ensure_collection(self._collection, version.embedder[1])
                if chunks:
                    self._vectors.upsert_chunks(self._collection, chunks)
        if self._tables is not None:
            for table in version.tables:
                frame = _frame(table)
                with _translated("SQL database", *_DB_CODES):
                    self._tables.create_table_from_dataframe(names[table.name], frame)

    def _sweep(self) -> None:
        """Take out of the foreign stores what belongs to no document any more. What fails is done next time."""
        with self._noting() as connection:
            unused = connection.execute(_UNUSED).fetchall()
        try:
            for (kind, place), rows in groupby(unused, lambda row: row[:2]):
                self._take_out(kind, place, [name for _, _, name in rows])
        except IngestkitError as exc:
            logger.warning("swept=0 code=%s", exc.code)
            return
        with self._noting() as connection:
            connection.execute(
                "DELETE FROM paired_artifacts WHERE generation NOT IN (SELECT generation FROM paired_generations)"
            )
        self._swept = True

    def _take_out(self, kind: str, place: str, names: Sequence[str]) -> None:
        if kind == _POINT and self._vectors is not None:
            with _translated("vector store", *_VECTOR_CODES):
                self._vectors.delete_by_ids(place, names)
        elif kind == _TABLE and self._tables is not None:
            for name in names:
                with _translated("SQL database", *_DB_CODES):
                    self._tables.drop_table(name)

    def move(self, old: SourceRecord, state: SourceState, run_id: str) -> SourceRecord:
        """See DocumentStore. To the foreign stores it is a new document in the place of the old one."""
        version = self._moved(old, state, run_id)
        written = self.replace(version)
        record = self.find(state.tenant_id, state.source_uri)
        assert record is not None
        return replace(record, result=record.result.model_copy(update={"written": written}))

    def _moved(self, old: SourceRecord, state: SourceState, run_id: str) -> DocumentVersion:
        before = old.state
        hits = list(self.chunks(before.tenant_id, before.source_uri))
        embedder = self.embedder()
        hashes = [hit.metadata["chunk_hash"] for hit in hits]
        known = self.known_vectors(embedder[0], hashes) if embedder is not None else {}
        own = [table for table in self.tables(before.tenant_id or "") if table.source_uri == before.source_uri]
        stored = stored_version(old, hits, own, self._rows_of, embedder, known)
        names = {t.name: table_name(state.tenant_id, state.source_uri, t.unit, t.region_id) for t in stored.tables}
        result = old.result.model_copy(
            update={
                "file_path": state.file_path,
                "ingest_key": state.ingest_key,
                "tables": tuple(names.get(name, name) for name in old.result.tables),
            }
        )
        return replace(
            stored,
            state=state,
            run_id=run_id,
            result=result,
            chunks=[_renamed(chunk, state, names) for chunk in stored.chunks],
            tables=[replace(table, name=names[table.name]) for table in stored.tables],
            moved_from=before.source_uri,
        )

    def _rows_of(self, name: str) -> Iterable[Sequence[Any]]:
        return self._all_rows(f"SELECT * FROM {quoted(name)} ORDER BY 1", ())

    def remove(self, tenant_id: str | None, source_uri: str) -> bool:
        """See DocumentStore."""
        if not self.exists:
            return False
        with self._noting() as connection:
            known = documents.delete_source(connection, tenant_id or "", source_uri)
            _forget_generation(connection, tenant_id or "", source_uri)
        self._sweep()
        return known

    def forget(self, tenant_id: str | None, source_uri: str | None = None) -> int:
        """See DocumentStore. How much the foreign stores erase of what they delete is their matter.

        Raises E_BACKEND_* where one of them cannot be had: what is there is forgotten by the next attempt.
        """
        if not self.exists:
            return 0
        tenant = tenant_id or ""
        uris = [source_uri] if source_uri is not None else self._uris(tenant)
        with self._noting() as connection:
            for uri in uris:
                _forget_generation(connection, tenant, uri)
            for kind, place, name in connection.execute(_UNUSED).fetchall():
                self._take_out(kind, place, [name])
            connection.execute(
                "DELETE FROM paired_artifacts WHERE generation NOT IN (SELECT generation FROM paired_generations)"
            )
        return super().forget(tenant_id, source_uri)

    def _uris(self, tenant: str) -> list[str]:
        return [uri for (uri,) in self._glance("SELECT uri FROM sources WHERE tenant = ?", (tenant,))]

    def switch_embedder(self, embedder: tuple[str, int] | None, fingerprints: Mapping[str, str]) -> bool:
        """Refused: the points of a foreign collection cannot change their vectors in one step."""
        raise StoreError(
            ErrorCode.E_STORE_INVALID,
            "a paired store keeps its embedder: ingest into another collection with another journal",
        )


def _forget_generation(connection: sqlite3.Connection, tenant: str, uri: str) -> None:
    connection.execute("DELETE FROM paired_generations WHERE tenant = ? AND uri = ?", (tenant, uri))


def _foreign_name(name: str, state: SourceState) -> str:
    """A table's name in the SQL database: of this content alone, and no longer than any server takes."""
    suffix = f"_{state.ingest_key[:_KEY_LETTERS]}"
    kept = name.encode("utf-8")[-(MAX_NAME_BYTES - len(suffix)) :].decode("utf-8", "ignore")
    return f"{kept}{suffix}"


def _with_foreign_table(chunk: ChunkPayload, names: Mapping[str, str]) -> ChunkPayload:
    table = chunk.metadata.table_name
    if table is None:
        return chunk
    return chunk.model_copy(
        update={"metadata": chunk.metadata.model_copy(update={"table_name": names.get(table, table)})}
    )


def _renamed(chunk: ChunkPayload, state: SourceState, names: Mapping[str, str]) -> ChunkPayload:
    metadata = chunk.metadata
    changed: dict[str, Any] = {"source_uri": state.source_uri, "ingest_key": state.ingest_key}
    if metadata.table_name is not None:
        changed["table_name"] = names.get(metadata.table_name, metadata.table_name)
    id_ = chunk_id(state.ingest_key, metadata.chunk_index, metadata.chunk_hash)
    return chunk.model_copy(update={"id": id_, "metadata": metadata.model_copy(update=changed)})


def _frame(table: NamedTable) -> pd.DataFrame:
    """A table with its rows' numbers and places as a DataFrame. Values keep their types: nothing is inferred."""
    try:
        import pandas as pd
    except ModuleNotFoundError as exc:
        message = "handing tables to a SQL database of your own needs pandas: pip install 'ingestkit-core[frames]'"
        raise StoreError(ErrorCode.E_STORE_INVALID, message) from exc
    first, second = place_columns(table)
    names = ["row_id", *(column.name for column in table.columns), first, second]
    numbered = enumerate(zip(table.rows, row_places(table), strict=True), 1)
    rows = [(number, *row, *place) for number, (row, place) in numbered]
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    for column in table.columns:
        if column.type in _DTYPES:
            # A column with a value of another type stays as it is.
            with suppress(TypeError, ValueError):
                frame[column.name] = frame[column.name].astype(_DTYPES[column.type])
    frame["row_id"] = frame["row_id"].astype("int64")
    return frame


_DTYPES = {"integer": "Int64", "boolean": "boolean", "number": "float64", "duration": "float64"}

_VECTOR_CODES = (ErrorCode.E_BACKEND_VECTOR_CONNECT, ErrorCode.E_BACKEND_VECTOR_TIMEOUT)
_DB_CODES = (ErrorCode.E_BACKEND_DB_CONNECT, ErrorCode.E_BACKEND_DB_TIMEOUT)


@contextmanager
def _translated(name: str, connect: ErrorCode, timeout: ErrorCode) -> Iterator[None]:
    """The border to somebody's store: what it raises becomes ours, by type."""
    try:
        yield
    except IngestkitError as exc:
        if isinstance(exc, StoreError):
            raise
        raise StoreError(exc.code, exc.message, recoverable=exc.recoverable) from exc
    except TimeoutError as exc:
        raise StoreError(timeout, f"the {name} did not answer in time", recoverable=True) from exc
    except Exception as exc:  # an injected store raises what it likes
        raise StoreError(connect, f"the {name} failed: {type(exc).__name__}", recoverable=True) from exc
