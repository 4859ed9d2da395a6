"""Excel workbooks into searchable chunks and typed SQL tables, with citations."""

from __future__ import annotations

from ingestkit_core.errors import ErrorCode, ExecutionError, IngestError

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.execution import DistributedExecutionBackend, ExecutionBackend, LocalExecutionBackend
from ingestkit_excel.models import (
    ChunkMetadata,
    ClassificationResult,
    ClassificationStageResult,
    EmbedStageResult,
    FileProfile,
    FileType,
    IngestionMethod,
    ParserUsed,
    ParseStageResult,
    ProcessingResult,
    RegionType,
    SheetProfile,
    SheetRegion,
)
from ingestkit_excel.router import ExcelRouter, create_default_router

__all__ = [
    "ChunkMetadata",
    "ClassificationResult",
    "ClassificationStageResult",
    "DistributedExecutionBackend",
    "EmbedStageResult",
    "ErrorCode",
    "ExcelProcessorConfig",
    "ExcelRouter",
    "ExecutionBackend",
    "ExecutionError",
    "FileProfile",
    "FileType",
    "IngestError",
    "IngestionMethod",
    "LocalExecutionBackend",
    "ParseStageResult",
    "ParserUsed",
    "ProcessingResult",
    "RegionType",
    "SheetProfile",
    "SheetRegion",
    "create_default_router",
]
