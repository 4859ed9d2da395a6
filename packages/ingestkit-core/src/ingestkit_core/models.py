"""The records users see: metadata, chunks, stage results, the result of a document. Values only.

Frozen pydantic models; additive only, so every new field has a default and an older record still loads.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from ingestkit_core.elements import Location
from ingestkit_core.errors import CURABLE_IN_PARTS, IngestError
from ingestkit_core.ledger import Ledger

__all__ = [
    "BaseChunkMetadata",
    "ChunkPayload",
    "ClassificationStageResult",
    "ClassificationTier",
    "EmbedStageResult",
    "OCRStageResult",
    "ParseStageResult",
    "ProcessingResult",
    "SkippedUnit",
    "Status",
    "WrittenArtifacts",
]

Status = Literal["committed", "unchanged", "quarantined", "deferred", "cancelled"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class ClassificationTier(StrEnum):
    """Who decided what a document is."""

    RULES = "rules"
    LLM = "llm"
    REASONING = "reasoning"


class BaseChunkMetadata(_Record):
    """What every chunk of every format knows about itself.

    ``locations`` is the citation: page boxes (points from the page's top left) or cell ranges (A1).
    ``chunk_hash`` is the SHA-256 of the text; ``chunk_index`` counts from 0 and is unique in the document.
    """

    source_uri: str
    source_format: str
    ingestion_method: str
    parser_version: str
    chunk_index: int = Field(ge=0)
    chunk_hash: str
    ingest_key: str
    ingest_run_id: str = ""
    tenant_id: str | None = None
    table_name: str | None = None
    row_count: int | None = None
    columns: tuple[str, ...] | None = None
    section_title: str | None = None
    heading_path: tuple[str, ...] = ()
    content_type: str | None = None
    language: str | None = None
    locations: tuple[Location, ...] = ()


class ChunkPayload(_Record):
    """A chunk as a store takes it. ``vector`` is None where there is no embedder.

    The metadata is serialised with the fields of its own class, whatever the format.
    """

    id: str
    text: str
    vector: tuple[float, ...] | None = None
    metadata: SerializeAsAny[BaseChunkMetadata]


class WrittenArtifacts(_Record):
    """Everything needed to undo a run."""

    vector_point_ids: tuple[str, ...] = ()
    vector_collection: str | None = None
    db_table_names: tuple[str, ...] = ()


class SkippedUnit(_Record):
    """A page or sheet that was not read, and the code that says why."""

    unit: str
    reason: str


class ParseStageResult(_Record):
    """What opening and reading gave. ``units_*`` are pages or sheets; quality is 0..1."""

    units_total: int
    units_done: int
    skipped: tuple[SkippedUnit, ...] = ()
    method: str
    quality: float | None = None
    parsers: dict[str, str] = {}
    seconds: float = 0.0


class ClassificationStageResult(_Record):
    """What the document was taken for, by whom, how surely (0..1) and on which signals."""

    tier: ClassificationTier
    document_type: str
    confidence: float = Field(ge=0, le=1)
    signals: dict[str, Any] = {}
    reasoning: str = ""
    unit_types: dict[str, str] = {}
    degraded: bool = False
    seconds: float = 0.0


class OCRStageResult(_Record):
    """What OCR gave. Pages are 1-based, confidences 0..1.

    ``failed_pages`` failed or took longer than ``page_timeout_seconds``. ``fallback_used``: another engine than
    the configured one read them.
    """

    pages: tuple[int, ...]
    engine: str
    mean_confidence: float | None = None
    low_confidence_pages: tuple[int, ...] = ()
    failed_pages: tuple[int, ...] = ()
    page_timeout_seconds: float | None = None
    fallback_used: bool = False
    seconds: float = 0.0


class EmbedStageResult(_Record):
    """What embedding gave: texts sent to the embedder (kept vectors are not sent again)."""

    texts: int
    dimension: int
    seconds: float = 0.0


class ProcessingResult(_Record):
    """What became of one document. Equal for equal input except the run id and the timings.

    ``deferred``: a backend or the disk was the cause and the document is not to blame; it will be tried
    again. ``quarantined``: set aside with its cause until its bytes or the settings change.
    """

    file_path: str
    ingest_key: str | None = None
    ingest_run_id: str = ""
    tenant_id: str | None = None
    status: Status
    parse_result: ParseStageResult | None = None
    classification_result: ClassificationStageResult | None = None
    ocr_result: OCRStageResult | None = None
    embed_result: EmbedStageResult | None = None
    ingestion_method: str | None = None
    chunks_created: int = 0
    tables_created: int = 0
    tables: tuple[str, ...] = ()
    written: WrittenArtifacts = WrittenArtifacts()
    ledger: Ledger | None = None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error_details: tuple[IngestError, ...] = ()
    processing_time_seconds: float = 0.0

    @property
    def may_be_cured(self) -> bool:
        """Whether the document is in the store without parts that another attempt may read."""
        return self.status in ("committed", "unchanged") and not CURABLE_IN_PARTS.isdisjoint(self.errors)
