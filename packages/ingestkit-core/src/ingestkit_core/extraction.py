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
from ingestkit_core.progress import Stage

__all__ = ["Conversion", "Extraction", "Mending", "PossibleType", "Question", "Split"]


@dataclass(frozen=True, slots=True)
class PossibleType:
    """A type a document may be of: what it means, and how a document of it is brought in.

    ``reads_otherwise``: this document would have to be read again, with the setting ``document_type`` at it.
    """

    name: str
    meaning: str
    ingestion_method: str
    reads_otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What the rules were unsure about. ``facts`` are about structure: never text, names or values of the document.

    ``subject`` says what kind of file it is ("an Excel workbook").
    """

    subject: str
    facts: tuple[str, ...]
    types: tuple[PossibleType, ...]


@dataclass(frozen=True, slots=True)
class Mending:
    """Chunks, by index, whose text OCR read and a language model is to mend; ``model`` None is the usual one."""

    chunks: tuple[int, ...]
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """Everything one document gave.

    ``content_hash`` is the SHA-256 of the very bytes that were parsed. ``issues`` holds warnings (``W_``)
    and recoverable errors (``E_``) with their places, in document order. ``question`` is there where the rules
    were unsure; a ``classification`` whose document_type is empty says that they had no answer at all.
    ``mending`` is there where a setting asks for it; ``is_provisional``: it would be another with the language model
    that could not be had, so it is read again the next time.
    ``log_lines`` is text of the document for the log, where a setting asks for it: the owner writes and redacts it.
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
    question: Question | None = None
    mending: Mending | None = None
    is_provisional: bool = False
    log_lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversion:
    """One document as elements in reading order, for rendering; nothing of it is stored."""

    title: str
    elements: tuple[Element, ...]
    ledger: Ledger
    issues: tuple[IngestError, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Split:
    """How to go on with a document in parts: ``read_part(file_path, config, part)`` for each, side by side.

    Then ``assemble(file_path, config, carried, values)`` makes the extraction out of what they returned, in the
    order of ``parts``, or a further Split. Both are module-level and run in workers; each call has the
    document's limits for itself. ``carried`` is what the reader packed for its own ``assemble``; neither it nor
    the values are opened in the owner. The result is the same as that of reading the document in one go.

    ``part_timeout_seconds`` limits each part where that is not the document's limit. With
    ``spares_failed_parts`` a part that fails arrives among the values as its IngestError, and the document
    goes on; else it is the document's failure. At most ``max_parts_at_once`` run side by side. ``stage`` and
    ``weights`` (pages or sheets in each part, one by default) are for whoever watches.
    """

    read_part: Callable[[str, dict[str, Any], Any], Any]
    parts: tuple[Any, ...]
    assemble: Callable[[str, dict[str, Any], bytes, Sequence[Any]], Extraction | Conversion | Split]
    carried: bytes = b""
    part_timeout_seconds: float | None = None
    spares_failed_parts: bool = False
    max_parts_at_once: int | None = None
    stage: Stage = "parse"
    weights: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("a document is split into one part or more")
