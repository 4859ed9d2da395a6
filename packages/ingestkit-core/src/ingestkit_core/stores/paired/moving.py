"""A stored document as the version that takes its place under another name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ingestkit_core.keys import chunk_id
from ingestkit_core.models import ChunkPayload
from ingestkit_core.stores.base import DocumentVersion, SourceState
from ingestkit_core.stores.naming import table_name

__all__ = ["moved"]


def moved(stored: DocumentVersion, state: SourceState, run_id: str) -> DocumentVersion:
    """What would have been committed had the document been read where it is now."""
    names = {t.name: table_name(state.tenant_id, state.source_uri, t.unit, t.region_id) for t in stored.tables}
    result = stored.result.model_copy(
        update={
            "file_path": state.file_path,
            "ingest_key": state.ingest_key,
            "tables": tuple(names.get(name, name) for name in stored.result.tables),
        }
    )
    return replace(
        stored,
        state=state,
        run_id=run_id,
        result=result,
        chunks=[_renamed(chunk, state, names) for chunk in stored.chunks],
        tables=[replace(table, name=names[table.name]) for table in stored.tables],
        moved_from=stored.state.source_uri,
    )


def _renamed(chunk: ChunkPayload, state: SourceState, names: Mapping[str, str]) -> ChunkPayload:
    metadata = chunk.metadata
    changed: dict[str, Any] = {"source_uri": state.source_uri, "ingest_key": state.ingest_key}
    if metadata.table_name is not None:
        changed["table_name"] = names.get(metadata.table_name, metadata.table_name)
    id_ = chunk_id(state.ingest_key, metadata.chunk_index, metadata.chunk_hash)
    return chunk.model_copy(update={"id": id_, "metadata": metadata.model_copy(update=changed)})
