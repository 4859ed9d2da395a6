"""PDF documents through the house: the way itself is core's, the same for every format."""

from __future__ import annotations

from typing import Any, ClassVar

from ingestkit_core.errors import ErrorCode
from ingestkit_core.formats import Format
from ingestkit_core.router import DocumentRouter

from ingestkit_pdf import reader
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import PDFChunkMetadata

__all__ = ["PDFRouter", "create_default_router"]


class PDFRouter(DocumentRouter):
    """Reads PDF files into a store.

    With the thread strategy documents are read one at a time: PyMuPDF holds the interpreter lock and does
    not support threads, so no speed is gained and nothing can be killed.
    """

    format: ClassVar[Format] = Format(
        name="pdf",
        suffixes=frozenset({".pdf"}),
        recognises=reader.recognises,
        read=reader.read_or_split,
        convert=reader.convert,
        config_class=PDFProcessorConfig,
        metadata_class=PDFChunkMetadata,
        reader_versions=reader.reader_versions,
        invalid_code=ErrorCode.E_SECURITY_INVALID_PDF,
        preload=reader.PRELOAD,
        thread_safe=False,
    )


def create_default_router(**overrides: Any) -> PDFRouter:
    """A router on the default store (``$INGESTKIT_STORE`` or ``./ingestkit.db``).

    ``vector_store``, ``structured_db``, ``llm``, ``embedder``, ``config`` and ``execution`` are handed to the
    router; every other name is a field of PDFProcessorConfig.
    """
    return PDFRouter.create_default(**overrides)
