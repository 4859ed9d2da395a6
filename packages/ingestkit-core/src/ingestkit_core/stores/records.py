"""Records as values of columns, the same in every SQL store. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from ingestkit_core.elements import CellRange, PageBox, RowPlace, TableColumn
from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.models import ChunkPayload, ProcessingResult
from ingestkit_core.stores.base import DocumentVersion, NamedTable, SearchHit, SourceState, TableRecord

__all__ = [
    "STATE_COLUMNS",
    "brought_by_hand",
    "check_vectors",
    "chunk_metadata",
    "is_english",
    "location_record",
    "place_columns",
    "place_of_row",
    "row_place",
    "row_places",
    "search_hit",
    "state_of",
    "state_values",
    "table_record",
    "to_json",
]

STATE_COLUMNS = (
    "tenant, uri, path, format, content_hash, ingest_key, fingerprint, parser_version, size_bytes, modified_ns, etag"
)
"""The columns of sources and of quarantine that hold a SourceState, in its order."""


def state_values(state: SourceState) -> tuple[Any, ...]:
    """A state as values for STATE_COLUMNS."""
    return (
        state.tenant_id or "",
        state.source_uri,
        state.file_path,
        state.source_format,
        state.content_hash,
        state.ingest_key,
        state.fingerprint,
        state.parser_version,
        state.size_bytes,
        state.modified_ns,
        state.etag,
    )


def state_of(row: Sequence[Any]) -> SourceState:
    """The state in a row that begins with STATE_COLUMNS."""
    return SourceState(row[0] or None, *row[1:11])


def brought_by_hand(chunk: ChunkPayload) -> tuple[SourceState, ProcessingResult]:
    """The source a chunk names, where nothing but the chunk is known of it."""
    metadata = chunk.metadata
    state = SourceState(
        metadata.tenant_id,
        metadata.source_uri,
        metadata.source_uri,
        metadata.source_format,
        "",
        metadata.ingest_key,
        "",
        metadata.parser_version,
        0,
        0,
    )
    result = ProcessingResult(
        file_path=metadata.source_uri,
        ingest_key=metadata.ingest_key,
        tenant_id=metadata.tenant_id,
        status="committed",
    )
    return state, result


def check_vectors(version: DocumentVersion) -> None:
    """An embedder that changed its size under the same name would leave vectors of both: E_STORE_DIMENSION."""
    if version.embedder is None:
        return
    identity, dimension = version.embedder
    odd = {len(chunk.vector) for chunk in version.chunks if chunk.vector is not None} - {dimension}
    if odd:
        raise StoreError(
            ErrorCode.E_STORE_DIMENSION,
            f"{identity} gave vectors of {min(odd)} numbers and of {dimension}: exchange all of them with "
            "ingestkit reembed",
        )


def chunk_metadata(chunk: ChunkPayload) -> str:
    """A chunk's metadata as JSON, without the run's id, which stands with the source."""
    return chunk.metadata.model_dump_json(exclude={"ingest_run_id"}, exclude_none=True)


def is_english(chunk: ChunkPayload) -> bool:
    """Whether English stemming is right: the language says so, or nothing speaks against it."""
    language = chunk.metadata.language
    return language == "en" or (language is None and chunk.text.isascii())


def search_hit(row: Sequence[Any], score: float) -> SearchHit:
    """A row (chunk id, text, metadata, URI, tenant, run id) as a hit."""
    chunk, text, metadata, uri, tenant, run_id = row
    return SearchHit(score, chunk, text, uri, tenant or None, {**json.loads(metadata), "ingest_run_id": run_id})


def place_columns(table: NamedTable) -> tuple[str, str]:
    """The names of the columns that say where a row stands."""
    return ("_page", "_box") if isinstance(table.location, PageBox) else ("_sheet", "_range")


def row_place(place: RowPlace) -> tuple[Any, Any]:
    """A row's place as values for ``place_columns``; several boxes stand one after the other, four numbers each."""
    if isinstance(place, CellRange):
        return place.sheet_name, place.cell_range
    boxes = (place,) if isinstance(place, PageBox) else place
    return boxes[0].page_number, to_json([edge for one in boxes for edge in one.box])


def place_of_row(first: Any, second: Any, *, on_page: bool) -> RowPlace:
    """The place that a row's values for ``place_columns`` say."""
    if not on_page:
        return CellRange(first, second)
    edges = json.loads(second)
    boxes = tuple(PageBox(first, tuple(edges[start : start + 4])) for start in range(0, len(edges), 4))
    return boxes[0] if len(boxes) == 1 else boxes


def row_places(table: NamedTable) -> Iterable[tuple[Any, Any]]:
    """The places of all rows of a table as values for ``place_columns``."""
    on_page = isinstance(table.location, PageBox)
    return map(row_place if on_page else attrgetter("sheet_name", "cell_range"), table.row_locations)


def location_record(location: PageBox | CellRange) -> dict[str, Any]:
    """A location as the catalog keeps it."""
    if isinstance(location, PageBox):
        return {"page_number": location.page_number, "box": list(location.box)}
    return {"sheet_name": location.sheet_name, "cell_range": location.cell_range}


def table_record(row: Sequence[Any]) -> TableRecord:
    """A row (name, tenant, URI, unit, region, title, location, columns, row count) as a catalog entry."""
    name, tenant, uri, unit, region_id, title, location, columns, row_count = row
    return TableRecord(
        name,
        tenant or None,
        uri,
        unit,
        region_id,
        title,
        json.loads(location),
        tuple(TableColumn(*column) for column in json.loads(columns)),
        row_count,
    )


def to_json(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
