"""A store's content as canonical JSON lines: equal stores give equal bytes. Pure.

No times, no run ids, no arrival order: two stores that went through different runs, engines or crashes and
hold the same documents export the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores.base import QuarantineRecord, SearchHit, SourceRecord, TableRecord

__all__ = [
    "chunk_line",
    "quarantine_line",
    "row_line",
    "source_line",
    "stable_result",
    "table_line",
    "vector_line",
]


def _line(kind: str, **fields: Any) -> str:
    return json.dumps({"kind": kind, **fields}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_UNSTABLE: dict[str, Any] = {
    "ingest_run_id": True,
    "processing_time_seconds": True,
    "embed_result": True,
    "parse_result": {"seconds"},
    "classification_result": {"seconds"},
    "ocr_result": {"seconds"},
}


def stable_result(result: ProcessingResult) -> str:
    """The result as JSON without what differs from run to run: what a journal keeps."""
    return result.model_dump_json(exclude=_UNSTABLE, exclude_none=True)


def source_line(record: SourceRecord) -> str:
    """A committed source with its result."""
    state = record.state
    return _line(
        "source",
        tenant=state.tenant_id,
        uri=state.source_uri,
        path=state.file_path,
        format=state.source_format,
        content_hash=state.content_hash,
        ingest_key=state.ingest_key,
        fingerprint=state.fingerprint,
        parser_version=state.parser_version,
        size_bytes=state.size_bytes,
        result=json.loads(stable_result(record.result)),
    )


def chunk_line(hit: SearchHit) -> str:
    """A chunk with all its metadata, save the run's id."""
    metadata = {key: value for key, value in hit.metadata.items() if key != "ingest_run_id"}
    return _line("chunk", id=hit.chunk_id, text=hit.text, metadata=metadata)


def table_line(table: TableRecord) -> str:
    """A catalog entry."""
    return _line(
        "table",
        name=table.table_name,
        tenant=table.tenant_id,
        uri=table.source_uri,
        unit=table.unit,
        region_id=table.region_id,
        title=table.title,
        location=table.location,
        columns=[[column.name, column.header, column.type] for column in table.columns],
        row_count=table.row_count,
    )


def row_line(table_name: str, row: Sequence[Any]) -> str:
    """A row with its place; JSON keeps integers, floats, text and NULL apart."""
    return _line("row", table=table_name, values=list(row))


def vector_line(embedder: str, text_hash: str, vector: Sequence[float]) -> str:
    """A vector by embedder and text."""
    return _line("vector", embedder=embedder, text_hash=text_hash, vector=list(vector))


def quarantine_line(record: QuarantineRecord) -> str:
    """A source in quarantine and why."""
    return _line(
        "quarantine",
        tenant=record.state.tenant_id,
        uri=record.state.source_uri,
        content_hash=record.state.content_hash,
        code=record.code,
    )
