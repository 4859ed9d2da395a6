"""A stored document as the version that a store takes: to be put into another store, or under another name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict

from ingestkit_core.elements import CellRange, PageBox, RowPlace
from ingestkit_core.models import BaseChunkMetadata, ChunkPayload
from ingestkit_core.stores.base import DocumentVersion, NamedTable, SearchHit, SourceRecord, TableRecord
from ingestkit_core.stores.records import place_of_row

__all__ = ["stored_version"]


class _StoredMetadata(BaseChunkMetadata):
    """Metadata of any format, with the fields that only that format has."""

    model_config = ConfigDict(extra="allow")


def stored_version(
    record: SourceRecord,
    hits: Sequence[SearchHit],
    tables: Iterable[TableRecord],
    rows_of: Callable[[str], Iterable[Sequence[Any]]],
    embedder: tuple[str, int] | None,
    vectors: Mapping[str, Sequence[float]],
) -> DocumentVersion:
    """The version that was once put in. ``rows_of`` gives a table's rows with number and place."""
    chunks = [
        ChunkPayload(
            id=hit.chunk_id,
            text=hit.text,
            vector=tuple(vectors[hit.metadata["chunk_hash"]]) if hit.metadata["chunk_hash"] in vectors else None,
            metadata=_StoredMetadata.model_validate(hit.metadata),
        )
        for hit in hits
    ]
    named = [_table(table, rows_of(table.table_name)) for table in tables]
    return DocumentVersion(record.state, record.run_id, record.result, chunks, named, embedder)


def _table(table: TableRecord, stored: Iterable[Sequence[Any]]) -> NamedTable:
    rows: list[tuple[Any, ...]] = []
    places: list[RowPlace] = []
    on_page = "page_number" in table.location
    for _, *row, first, second in stored:
        rows.append(tuple(row))
        places.append(place_of_row(first, second, on_page=on_page))
    location = PageBox(**table.location) if on_page else CellRange(**table.location)
    return NamedTable(table.table_name, table.unit, table.region_id, table.title, location, table.columns, rows, places)
