"""Chunks and frames that somebody brings by hand: the two simpler store protocols, beside the documents."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.models import ChunkPayload
from ingestkit_core.stores.sqlite import documents, schema
from ingestkit_core.stores.sqlite import vectors as kept
from ingestkit_core.stores.sqlite.file import StoreFile
from ingestkit_core.stores.sqlite.tables import put_tables, quoted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SqliteByHand"]


class SqliteByHand:
    """VectorStoreBackend and StructuredDBBackend on the store's file."""

    _file: StoreFile

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
            kept.insert_vectors(connection, collection, kept.by_text(chunks))
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
            put_tables(connection, None, [table])

    def drop_table(self, table_name: str) -> None:
        """See StructuredDBBackend."""
        with self._file.writing() as connection:
            _drop_table(connection, table_name)

    def table_exists(self, table_name: str) -> bool:
        """See StructuredDBBackend."""
        return bool(self.get_table_schema(table_name))

    def get_table_schema(self, table_name: str) -> dict[str, str]:
        """See StructuredDBBackend. Empty for a table that is not there."""
        if not self._file.exists:
            return {}
        sql = (
            "SELECT i.name, i.type FROM catalog c, pragma_table_info(c.table_name) i WHERE c.table_name = ? "
            "ORDER BY i.cid"
        )
        with self._file.glancing() as connection:
            return dict(connection.execute(sql, (table_name,)).fetchall())


def _drop_table(connection: sqlite3.Connection, name: str) -> None:
    if schema.is_internal(name):
        raise StoreError(ErrorCode.E_STORE_COMMIT, f"the table name {name!r} is the store's own")
    connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
    connection.execute("DELETE FROM catalog WHERE table_name = ?", (name,))
