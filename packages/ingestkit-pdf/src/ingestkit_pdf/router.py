"""PDF documents through the house: the way itself is core's, the same for every format."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import Any

from ingestkit_core.errors import ErrorCode
from ingestkit_core.execution.threads import ThreadPool
from ingestkit_core.execution.workers import WorkerPool
from ingestkit_core.formats import Format, Verifier
from ingestkit_core.protocols import (
    EmbeddingBackend,
    ExecutionBackend,
    LLMBackend,
    StructuredDBBackend,
    VectorStoreBackend,
)
from ingestkit_core.router import DocumentRouter
from ingestkit_core.stores.base import DocumentStore

from ingestkit_pdf import reader
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import PDFChunkMetadata
from ingestkit_pdf.ocr.choosing import choose, is_outdated
from ingestkit_pdf.ocr.doctor import examine

__all__ = ["PDFRouter", "create_default_router"]

logger = logging.getLogger(__name__)


class PDFRouter(DocumentRouter):
    """Reads PDF files into a store.

    With the thread strategy documents are read one at a time: PyMuPDF holds the interpreter lock and does
    not support threads, so no speed is gained and nothing can be killed.

    Which OCR engine reads scanned pages is decided here, once: ``ocr`` says which and why. Raises OCRError
    (E_OCR_ENGINE_UNAVAILABLE) where the configured one is missing and no other serves.
    """

    format = Format(
        name="pdf",
        suffixes=frozenset({".pdf"}),
        recognises=reader.recognises,
        read=reader.read_or_split,
        convert=reader.convert_or_split,
        config_class=PDFProcessorConfig,
        metadata_class=PDFChunkMetadata,
        reader_versions=reader.reader_versions,
        invalid_code=ErrorCode.E_SECURITY_INVALID_PDF,
        preload=reader.PRELOAD,
        thread_safe=False,
        examine=examine,
        verifier=Verifier("ingestkit_pdf.verify", "pypdfium2", "pip install 'ingestkit-pdf[verify]'"),
    )

    def __init__(
        self,
        vector_store: VectorStoreBackend | DocumentStore | None = None,
        structured_db: StructuredDBBackend | DocumentStore | None = None,
        llm: LLMBackend | None = None,
        embedder: EmbeddingBackend | None = None,
        config: PDFProcessorConfig | None = None,
        execution: ExecutionBackend | None = None,
        *,
        pool: WorkerPool | ThreadPool | None = None,
    ) -> None:
        config = config if config is not None else PDFProcessorConfig()
        self.ocr = choose(config)
        if self.ocr.is_fallback:
            logger.warning(
                "ocr_engine=%s serves instead of %s: %s", self.ocr.engine, config.ocr_engine, self.ocr.problem
            )
        self.format = replace(
            PDFRouter.format,
            read=partial(reader.read_or_split, ocr=self.ocr),
            convert=partial(reader.convert_or_split, ocr=self.ocr),
            is_outdated=partial(is_outdated, choice=self.ocr, page_timeout_seconds=config.ocr_per_page_timeout_seconds),
        )
        super().__init__(vector_store, structured_db, llm, embedder, config, execution, pool=pool)


def create_default_router(**overrides: Any) -> PDFRouter:
    """A router on the default store (``$INGESTKIT_STORE`` or ``./ingestkit.db``).

    ``vector_store``, ``structured_db``, ``llm``, ``embedder``, ``config`` and ``execution`` are handed to the
    router; every other name is a field of PDFProcessorConfig.
    """
    return PDFRouter.create_default(**overrides)
