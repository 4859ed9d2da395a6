"""The records a user of ingestkit-excel sees, and the words they are made of. Values only."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from ingestkit_core.models import (
    BaseChunkMetadata,
    ChunkPayload,
    ClassificationStageResult,
    ClassificationTier,
    EmbedStageResult,
    ParseStageResult,
    ProcessingResult,
    WrittenArtifacts,
)
from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "BaseChunkMetadata",
    "ChunkMetadata",
    "ChunkPayload",
    "ClassificationResult",
    "ClassificationStageResult",
    "ClassificationTier",
    "EmbedStageResult",
    "FileProfile",
    "FileType",
    "IngestionMethod",
    "OriginalStructure",
    "ParseStageResult",
    "ParserUsed",
    "ProcessingResult",
    "RegionType",
    "SheetProfile",
    "SheetRegion",
    "WrittenArtifacts",
]


class FileType(StrEnum):
    """What a workbook, or one of its sheets, is for."""

    TABULAR_DATA = "tabular_data"
    FORMATTED_DOCUMENT = "formatted_document"
    HYBRID = "hybrid"


class RegionType(StrEnum):
    """What a region of a sheet is."""

    DATA_TABLE = "data_table"
    TEXT_BLOCK = "text_block"
    HEADER_BLOCK = "header_block"
    FOOTER_BLOCK = "footer_block"
    MATRIX = "matrix"
    CHART = "chart"
    EMPTY = "empty"


class ParserUsed(StrEnum):
    """Who read a sheet, from full fidelity to least.

    ``xml``: our scan of the sheet's XML (everything). ``calamine``: values and merges, no styles. ``openpyxl``: values
    and number formats of files the other two cannot open.
    """

    XML = "xml"
    CALAMINE = "calamine"
    OPENPYXL = "openpyxl"


class IngestionMethod(StrEnum):
    """How a workbook was brought in: as typed tables, as text, or region by region as both."""

    SQL_AGENT = "sql_agent"
    TEXT_SERIALIZATION = "text_serialization"
    HYBRID_SPLIT = "hybrid_split"


OriginalStructure = Literal["table", "checklist", "matrix", "free_text"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class SheetRegion(_Record):
    """One region of a sheet. ``cell_range`` is A1 notation; ``rows`` are those of its body that are not hidden.

    Ratios are 0..1: merged cells in its body, numbers and dates among its filled cells, agreement of the cells of a
    column on a type (the mean over columns). ``confidence`` is how surely the rules told its type.
    """

    region_id: str
    region_type: RegionType
    cell_range: str
    rows: int = 0
    columns: int = 0
    header_rows: int = 0
    cells: int = 0
    merged_ratio: float = 0.0
    numeric_ratio: float = 0.0
    type_consistency: float = 0.0
    confidence: float = 0.0


class SheetProfile(_Record):
    """Cheap facts about one sheet. ``extent`` is the range of cells that hold something, None for an empty sheet."""

    name: str
    hidden: bool = False
    parser_used: ParserUsed = ParserUsed.XML
    extent: str | None = None
    rows: int = 0
    columns: int = 0
    cells: int = 0
    formulas: int = 0
    formulas_uncached: int = 0
    merged_ranges: int = 0
    hidden_rows: int = 0
    hidden_columns: int = 0
    excel_tables: tuple[str, ...] = ()
    number_formats: tuple[str, ...] = ()
    charts: int = 0
    images: int = 0
    comments: int = 0
    links: int = 0
    regions: tuple[SheetRegion, ...] = ()


class FileProfile(_Record):
    """Cheap facts about a workbook."""

    sheets: tuple[SheetProfile, ...]
    date1904: bool = False
    defined_names: tuple[str, ...] = ()
    has_macros: bool = False
    has_external_links: bool = False


class ClassificationResult(_Record):
    """What a workbook was taken for. ``confidence`` is 0..1, ``sheet_types`` by sheet name."""

    file_type: FileType
    confidence: float = Field(ge=0, le=1)
    tier: ClassificationTier = ClassificationTier.RULES
    signals: dict[str, Any] = {}
    reasoning: str = ""
    sheet_types: dict[str, FileType] = {}
    degraded: bool = False


class ChunkMetadata(BaseChunkMetadata):
    """What a chunk of a workbook knows about itself, besides what every chunk does.

    ``hidden`` marks what a person looking at the workbook does not see (only with ``include_hidden``).
    """

    source_format: str = "xlsx"
    sheet_name: str | None = None
    region_id: str | None = None
    parser_used: ParserUsed | None = None
    db_uri: str | None = None
    original_structure: OriginalStructure | None = None
    hidden: bool = False
