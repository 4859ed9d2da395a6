"""PDF files into searchable chunks and typed tables, with citations.

Importing this package does not import pymupdf: that happens in the workers that read files.
"""

from __future__ import annotations

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, ExecutionError, IngestError
from ingestkit_pdf.execution import DistributedExecutionBackend, LocalExecutionBackend
from ingestkit_pdf.models import (
    ClassificationResult,
    ClassificationStageResult,
    ContentType,
    DocumentMetadata,
    DocumentProfile,
    EmbedStageResult,
    ExtractionQuality,
    ExtractionQualityGrade,
    IngestionMethod,
    OCREngine,
    OCRResult,
    OCRStageResult,
    PageProfile,
    PageType,
    ParseStageResult,
    PDFChunkMetadata,
    PDFType,
    ProcessingResult,
    TableResult,
)
from ingestkit_pdf.protocols import ExecutionBackend
from ingestkit_pdf.router import PDFRouter, create_default_router

__all__ = [
    "ClassificationResult",
    "ClassificationStageResult",
    "ContentType",
    "DistributedExecutionBackend",
    "DocumentMetadata",
    "DocumentProfile",
    "EmbedStageResult",
    "ErrorCode",
    "ExecutionBackend",
    "ExecutionError",
    "ExtractionQuality",
    "ExtractionQualityGrade",
    "IngestError",
    "IngestionMethod",
    "LocalExecutionBackend",
    "OCREngine",
    "OCRResult",
    "OCRStageResult",
    "PDFChunkMetadata",
    "PDFProcessorConfig",
    "PDFRouter",
    "PDFType",
    "PageProfile",
    "PageType",
    "ParseStageResult",
    "ProcessingResult",
    "TableResult",
    "create_default_router",
]
