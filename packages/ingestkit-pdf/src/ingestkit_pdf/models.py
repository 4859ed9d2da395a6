"""The records users see of a PDF: types, profiles, chunk metadata. Values only.

The stage results are core's, re-exported: the identical objects.
"""

from __future__ import annotations

from enum import StrEnum

from ingestkit_core.models import (
    BaseChunkMetadata,
    ChunkPayload,
    ClassificationStageResult,
    ClassificationTier,
    EmbedStageResult,
    OCRStageResult,
    ParseStageResult,
    ProcessingResult,
    WrittenArtifacts,
)
from pydantic import BaseModel, ConfigDict, Field, computed_field

__all__ = [
    "ChunkPayload",
    "ClassificationResult",
    "ClassificationStageResult",
    "ClassificationTier",
    "ContentType",
    "DocumentMetadata",
    "DocumentProfile",
    "EmbedStageResult",
    "ExtractionQuality",
    "ExtractionQualityGrade",
    "IngestionMethod",
    "OCREngine",
    "OCRResult",
    "OCRStageResult",
    "PDFChunkMetadata",
    "PDFType",
    "PageProfile",
    "PageType",
    "ParseStageResult",
    "ProcessingResult",
    "TableResult",
    "WrittenArtifacts",
]


class PDFType(StrEnum):
    """What a document is as a whole."""

    TEXT_NATIVE = "text_native"
    SCANNED = "scanned"
    COMPLEX = "complex"


class PageType(StrEnum):
    """What a page is; it decides how the page is read."""

    TEXT = "text"
    SCANNED = "scanned"
    TABLE_HEAVY = "table_heavy"
    FORM = "form"
    MIXED = "mixed"
    BLANK = "blank"
    VECTOR_ONLY = "vector_only"
    TOC = "toc"


class IngestionMethod(StrEnum):
    """How a document was read."""

    TEXT_EXTRACTION = "text_extraction"
    OCR_PIPELINE = "ocr_pipeline"
    COMPLEX_PROCESSING = "complex_processing"


class OCREngine(StrEnum):
    """Which engine reads pictures of text; ``auto`` takes the one that is there."""

    AUTO = "auto"
    TESSERACT = "tesseract"
    RAPIDOCR = "rapidocr"


class ContentType(StrEnum):
    """What a chunk holds; ``text`` also where it holds several kinds."""

    TEXT = "text"
    HEADING = "heading"
    LIST = "list"
    TABLE = "table"
    FIGURE = "figure"
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    FORM_FIELD = "form_field"
    NOTE = "note"
    SCHEMA = "schema"
    HIDDEN = "hidden"


class ExtractionQualityGrade(StrEnum):
    """How far a document's own text can be trusted."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


HIGH_QUALITY = 0.9
MEDIUM_QUALITY = 0.6
WORDS_OF_A_FULL_PAGE = 100


class ExtractionQuality(_Record):
    """How good native text is.

    ``coverage`` is the share of pages with text, ``printable_ratio`` the share of characters that are
    readable in any script, both 0..1.
    """

    coverage: float = Field(ge=0, le=1)
    printable_ratio: float = Field(ge=0, le=1)
    words_per_page: float = Field(ge=0)

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def score(self) -> float:
        """0.4 coverage + 0.4 printable + 0.2 words per page, full at 100 words; 0..1, four decimals."""
        words = min(self.words_per_page / WORDS_OF_A_FULL_PAGE, 1.0)
        return round(0.4 * self.coverage + 0.4 * self.printable_ratio + 0.2 * words, 4)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def grade(self) -> ExtractionQualityGrade:
        """High from 0.9, medium from 0.6."""
        if self.score >= HIGH_QUALITY:
            return ExtractionQualityGrade.HIGH
        return ExtractionQualityGrade.MEDIUM if self.score >= MEDIUM_QUALITY else ExtractionQualityGrade.LOW


class PageProfile(_Record):
    """The cheap facts of a page.

    Counts are of visible characters and words a person sees. ``image_coverage`` is the share of the page
    under images, None where nothing made it worth a look.
    """

    page_number: int = Field(ge=1)
    page_type: PageType
    characters: int
    words: int
    fonts: tuple[str, ...] = ()
    image_count: int = 0
    image_coverage: float | None = None
    field_count: int = 0
    table_count: int = 0
    hidden_characters: int = 0
    quality: ExtractionQuality


class DocumentMetadata(_Record):
    """What a file says about itself. Dates are ISO 8601 where the file's own could be read, else as given."""

    title: str | None = None
    author: str | None = None
    subject: str | None = None
    keywords: str | None = None
    creator: str | None = None
    producer: str | None = None
    created: str | None = None
    modified: str | None = None
    pdf_version: str | None = None
    page_count: int = 0
    encrypted: bool = False
    repaired: bool = False
    outline_entries: int = 0


class DocumentProfile(_Record):
    """The cheap facts of a document, from which it is classified."""

    metadata: DocumentMetadata
    pages: tuple[PageProfile, ...]
    quality: ExtractionQuality
    language: str | None = None

    @property
    def page_types(self) -> dict[PageType, int]:
        """How many pages there are of each type that occurs."""
        counts: dict[PageType, int] = {}
        for page in self.pages:
            counts[page.page_type] = counts.get(page.page_type, 0) + 1
        return counts


class ClassificationResult(_Record):
    """What a document was taken for, by whom, how surely (0..1) and on which signals."""

    pdf_type: PDFType
    confidence: float = Field(ge=0, le=1)
    tier_used: ClassificationTier = ClassificationTier.RULES
    signals: dict[str, bool | None] = {}
    reasoning: str = ""
    page_types: dict[int, PageType] = {}
    degraded: bool = False


class OCRResult(_Record):
    """What OCR read from one page. ``confidence`` is the words' mean, 0..1."""

    page_number: int = Field(ge=1)
    text: str
    confidence: float = Field(ge=0, le=1)
    engine: OCREngine
    dpi: int
    preprocessing: tuple[str, ...] = ()
    seconds: float = 0.0


class TableResult(_Record):
    """A table that was found. ``box`` is in points from the page's top left."""

    page_number: int = Field(ge=1)
    table_index: int = Field(ge=0)
    box: tuple[float, float, float, float]
    row_count: int
    column_count: int
    headers: tuple[str, ...] = ()
    continues_previous: bool = False


class PDFChunkMetadata(BaseChunkMetadata):
    """What a chunk of a PDF knows. ``page_numbers`` are 1-based, ``ocr_confidence`` is 0..1."""

    source_format: str = "pdf"
    page_numbers: tuple[int, ...] = ()
    doc_title: str | None = None
    doc_author: str | None = None
    doc_date: str | None = None
    ocr_engine: str | None = None
    ocr_confidence: float | None = None
    ocr_dpi: int | None = None
    ocr_preprocessing: tuple[str, ...] = ()
    table_index: int | None = None
