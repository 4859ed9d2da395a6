"""Chunks and frames that somebody brings by hand: the two simpler store protocols, beside the documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.models import ChunkPayload
from ingestkit_core.stores.postgres import documents, looking, tables
from ingestkit_core.stores.postgres import vectors as kept
from ingestkit_core.stores.postgres.connections import Server
from ingestkit_core.stores.postgres.schema import TABLES_SCHEMA

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PostgresByHand"]


class PostgresByHand:
    """VectorStoreBackend and StructuredDBBackend on the store's database."""

    _server: Server

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
        if not self._server.has_schema:
            return {}
        with self._server.outside() as connection:
            rows = connection.execute(
                "SELECT column_name, data_type FROM information_schema.columns "
                "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
                (TABLES_SCHEMA, table_name),
            )
            return dict(rows.fetchall())
