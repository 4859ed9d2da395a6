"""Made-up versions of documents, as a store takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ingestkit_core.elements import PageBox, TableColumn
from ingestkit_core.keys import IngestKey, chunk_id, hash_text
from ingestkit_core.models import BaseChunkMetadata, ChunkPayload, ProcessingResult
from ingestkit_core.stores.base import (
    DocumentStore,
    DocumentVersion,
    NamedTable,
    SourceState,
)
from ingestkit_core.stores.naming import table_name

__all__ = ["found", "version"]


def version(
    uri: str,
    texts: Sequence[str],
    *,
    tenant: str | None = None,
    rows: Sequence[tuple[Any, ...]] = (),
    language: str | None = None,
    vectors: Sequence[Sequence[float]] | None = None,
    moved_from: str | None = None,
) -> DocumentVersion:
    """A version of a made-up document: one chunk per text, one table if there are rows."""
    content_hash = hash_text("\n".join(texts) + repr(list(rows)))
    key = IngestKey(content_hash=content_hash, source_uri=uri, parser_version="t:1", tenant_id=tenant).key
    state = SourceState(tenant, uri, uri, "text", content_hash, key, "fp", "t:1", 10, 20)
    name = table_name(tenant, uri, "page 1", "r1")
    return DocumentVersion(
        state=state,
        run_id="run",
        result=ProcessingResult(file_path=uri, ingest_key=key, tenant_id=tenant, status="committed"),
        chunks=[
            ChunkPayload(
                id=chunk_id(key, i, hash_text(text)),
                text=text,
                vector=tuple(vectors[i]) if vectors else None,
                metadata=BaseChunkMetadata(
                    source_uri=uri,
                    source_format="text",
                    ingestion_method="text",
                    parser_version="t:1",
                    chunk_index=i,
                    chunk_hash=hash_text(text),
                    ingest_key=key,
                    tenant_id=tenant,
                    language=language,
                    locations=(PageBox(1, (0, 12.0 * i, 100, 12.0 * i + 12)),),
                ),
            )
            for i, text in enumerate(texts)
        ],
        tables=[
            NamedTable(
                name,
                "page 1",
                "r1",
                "A table",
                PageBox(1, (0, 0, 100, 100)),
                (TableColumn("label", "Label", "text"), TableColumn("amount", "Amount", "integer")),
                list(rows),
                [PageBox(1, (0, 12.0 * i, 100, 12.0 * i + 12)) for i in range(len(rows))],
            )
        ]
        if rows
        else [],
        embedder=("model", len(vectors[0])) if vectors else None,
        moved_from=moved_from,
    )


def found(store: DocumentStore, text: str, **options: Any) -> list[str]:
    """The URIs of what a search finds, best first."""
    return [hit.source_uri for hit in store.search(text, **options)]
