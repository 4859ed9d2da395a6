"""What a worker brings back from one document. Plain values that pickle; no I/O.

A reader is a module-level function ``read(file_path, config) -> Extraction``: bytes and settings in, this
out. It holds no store, no embedder and no connection, so the same function serves process, thread and queue.
It raises an IngestkitError where the document as a whole cannot be read. Of a large document it may return a
Split instead: parts to be read side by side, and how to put them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingestkit_core.chunking import ChunkDraft
from ingestkit_core.elements import Element, TableDraft
from ingestkit_core.errors import IngestError
from ingestkit_core.ledger import Ledger
from ingestkit_core.models import ClassificationStageResult, OCRStageResult, ParseStageResult

__all__ = ["Conversion", "Extraction", "Split"]


@dataclass(frozen=True, slots=True)
class Extraction:
    """Everything one document gave.

    ``content_hash`` is the SHA-256 of the very bytes that were parsed. ``issues`` holds warnings (``W_``)
    and recoverable errors (``E_``) with their places, in document order.
    """

    content_hash: str
    chunks: tuple[ChunkDraft, ...]
    tables: tuple[TableDraft, ...]
    ledger: Ledger
    parse: ParseStageResult
    classification: ClassificationStageResult
    ingestion_method: str
    language: str | None = None
    issues: tuple[IngestError, ...] = ()
    ocr: OCRStageResult | None = None


@dataclass(frozen=True, slots=True)
class Conversion:
    """One document as elements in reading order, for rendering; nothing of it is stored."""

    title: str
    elements: tuple[Element, ...]
    ledger: Ledger
    issues: tuple[IngestError, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Split:
    """How to read a large document in parts: ``read_part(file_path, config, part)`` for each, side by side.

    Then ``assemble(file_path, config, values)`` makes the extraction out of what they returned, in the order
    of ``parts``. Both are module-level and run in workers; each call has the document's limits for itself.
    The result is the same as that of reading it whole.
    """

    read_part: Callable[[str, dict[str, Any], Any], Any]
    parts: tuple[Any, ...]
    assemble: Callable[[str, dict[str, Any], Sequence[Any]], Extraction]
