"""Excel workbooks through the house: the way itself is core's, the same for every format."""

from __future__ import annotations

from typing import Any

from ingestkit_core.errors import ErrorCode
from ingestkit_core.formats import Format, Verifier
from ingestkit_core.router import DocumentRouter

from ingestkit_excel import reader
from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.models import ChunkMetadata

__all__ = ["ExcelRouter", "create_default_router"]


class ExcelRouter(DocumentRouter):
    """Reads Excel workbooks into a store."""

    format = Format(
        name="xlsx",
        suffixes=frozenset({".xlsx", ".xlsm", ".xltx", ".xltm", ".xls", ".xlsb"}),
        recognises=reader.recognises,
        read=reader.read_or_split,
        convert=reader.convert,
        config_class=ExcelProcessorConfig,
        metadata_class=ChunkMetadata,
        reader_versions=reader.reader_versions,
        invalid_code=ErrorCode.E_SECURITY_INVALID_WORKBOOK,
        preload=reader.PRELOAD,
        verifier=Verifier("ingestkit_excel.verify"),
    )


def create_default_router(**overrides: Any) -> ExcelRouter:
    """A router on the default store (``$INGESTKIT_STORE`` or ``./ingestkit.db``).

    ``vector_store``, ``structured_db``, ``llm``, ``embedder``, ``config`` and ``execution`` are handed to the
    router; every other name is a field of ExcelProcessorConfig.
    """
    return ExcelRouter.create_default(**overrides)
