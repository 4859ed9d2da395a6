"""What is written into the foreign stores and taken out of them. Their errors become ours here, by type."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestkit_core.errors import ErrorCode, IngestkitError, StoreError
from ingestkit_core.models import ChunkPayload
from ingestkit_core.protocols import StructuredDBBackend, VectorStoreBackend
from ingestkit_core.stores.base import NamedTable, SourceRecord, SourceState
from ingestkit_core.stores.naming import MAX_NAME_BYTES
from ingestkit_core.stores.paired.generations import POINT, TABLE, Artifact
from ingestkit_core.stores.records import place_columns, row_places

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ForeignStores", "foreign_name", "foreign_names"]

_KEY_LETTERS = 8
_DTYPES = {"integer": "Int64", "boolean": "boolean", "number": "float64", "duration": "float64"}


@dataclass(frozen=True, slots=True)
class ForeignStores:
    """A vector store and a SQL database. Either may be missing; what would go there is left out."""

    vectors: VectorStoreBackend | None
    tables: StructuredDBBackend | None

    def artifacts(self, place: str, ids: Sequence[str], tables: Sequence[str]) -> list[Artifact]:
        """What points with these ids and tables of these names are here."""
        points = [(POINT, place, id_) for id_ in ids] if self.vectors is not None else []
        return points + ([(TABLE, "", name) for name in tables] if self.tables is not None else [])

    def put_points(
        self, place: str, chunks: Sequence[ChunkPayload], dimension: int | None, names: Mapping[str, str]
    ) -> None:
        """Chunks into a collection; ``names`` are those of their tables here, by those of the catalog."""
        if self.vectors is None:
            return
        with _translated("vector store", ErrorCode.E_BACKEND_VECTOR_CONNECT, ErrorCode.E_BACKEND_VECTOR_TIMEOUT):
            if dimension is not None:
                self.vectors.ensure_collection(place, dimension)
            if chunks:
                self.vectors.upsert_chunks(place, [_with_foreign_table(chunk, names) for chunk in chunks])

    def put_tables(self, tables: Sequence[NamedTable], names: Mapping[str, str]) -> None:
        """Tables under their names here."""
        if self.tables is None:
            return
        for table in tables:
            frame = _frame(table)
            with _translated("SQL database", ErrorCode.E_BACKEND_DB_CONNECT, ErrorCode.E_BACKEND_DB_TIMEOUT):
                self.tables.create_table_from_dataframe(names[table.name], frame)

    def take_out(self, kind: str, place: str, names: Sequence[str]) -> None:
        """Points out of a collection, or tables."""
        if kind == POINT and self.vectors is not None:
            with _translated("vector store", ErrorCode.E_BACKEND_VECTOR_CONNECT, ErrorCode.E_BACKEND_VECTOR_TIMEOUT):
                self.vectors.delete_by_ids(place, names)
        elif kind == TABLE and self.tables is not None:
            for name in names:
                with _translated("SQL database", ErrorCode.E_BACKEND_DB_CONNECT, ErrorCode.E_BACKEND_DB_TIMEOUT):
                    self.tables.drop_table(name)


def foreign_name(name: str, state: SourceState) -> str:
    """A table's name in the SQL database: of this content under these settings alone, as every server takes it."""
    key = hashlib.sha256(f"{state.ingest_key} {state.fingerprint}".encode()).hexdigest()
    return f"{_kept(name)}_{key[:_KEY_LETTERS]}"


def foreign_names(record: SourceRecord) -> dict[str, str]:
    """The names that a committed document's tables have in the SQL database, by those of the catalog."""
    by_kept = {foreign[: -_KEY_LETTERS - 1]: foreign for foreign in record.result.written.db_table_names}
    return {name: by_kept.get(_kept(name), name) for name in record.result.tables}


def _kept(name: str) -> str:
    # Its end is what keeps it apart from others.
    return name.encode("utf-8")[-(MAX_NAME_BYTES - _KEY_LETTERS - 1) :].decode("utf-8", "ignore")


def _with_foreign_table(chunk: ChunkPayload, names: Mapping[str, str]) -> ChunkPayload:
    table = chunk.metadata.table_name
    if table is None:
        return chunk
    return chunk.model_copy(
        update={"metadata": chunk.metadata.model_copy(update={"table_name": names.get(table, table)})}
    )


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
