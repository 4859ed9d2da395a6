"""Every code, the one error record, and the exception tree.

    IngestkitError
    ├── SourceError       the file is missing, unreadable or changed under us
    ├── SecurityError     the guard refused it
    ├── ParseError        its bytes make no document
    ├── OCRError          an engine is missing, failed or took too long
    ├── ProcessError      a part of it could not be read
    ├── ClassifyError     nobody could say what it is
    ├── BackendError      an embedder, LLM or server failed; the document is not to blame
    ├── StoreError        the store could not take or give something
    └── ExecutionError    the machinery that runs jobs
        └── PickleValidationError (also a ValueError)

Foreign exceptions are translated into this tree by type, at the border where they arise. A message names
the file, the place and what to do; it never holds text of a document.
"""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

__all__ = [
    "CURABLE_IN_PARTS",
    "BackendError",
    "ClassifyError",
    "ErrorCode",
    "ExecutionError",
    "IngestError",
    "IngestkitError",
    "OCRError",
    "ParseError",
    "PickleValidationError",
    "ProcessError",
    "SecurityError",
    "SourceError",
    "Stage",
    "StoreError",
]

Stage = Literal["security", "parse", "classify", "process", "ocr", "embed", "store", "execution"]


class _NamedCode(StrEnum):
    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> str:
        return name


class ErrorCode(_NamedCode):
    """Stable codes, value == name: ``E_`` is an error, ``W_`` a warning. Added to, never renamed."""

    E_SOURCE_NOT_FOUND = auto()
    E_SOURCE_UNREADABLE = auto()
    E_SOURCE_CHANGED = auto()

    E_SECURITY_INVALID_PDF = auto()
    E_SECURITY_INVALID_WORKBOOK = auto()
    E_SECURITY_TOO_LARGE = auto()
    E_SECURITY_TOO_MANY_PAGES = auto()
    E_SECURITY_DECOMPRESSION_BOMB = auto()
    E_SECURITY_JAVASCRIPT = auto()
    E_SECURITY_EXTERNAL_ENTITY = auto()

    E_PARSE_CORRUPT = auto()
    E_PARSE_PASSWORD = auto()
    E_PARSE_EMPTY = auto()
    E_PARSE_GARBLED = auto()
    E_PARSE_REPAIR_FAILED = auto()
    E_PARSE_OPENPYXL_FAIL = auto()
    E_PARSE_FALLBACK_FAIL = auto()
    E_PARSE_UNSUPPORTED = auto()

    E_OCR_ENGINE_UNAVAILABLE = auto()
    E_OCR_TIMEOUT = auto()
    E_OCR_FAILED = auto()

    E_CLASSIFY_INCONCLUSIVE = auto()
    E_LLM_TIMEOUT = auto()
    E_LLM_MALFORMED_JSON = auto()
    E_LLM_SCHEMA_INVALID = auto()
    E_LLM_CONFIDENCE_OOB = auto()

    E_BACKEND_VECTOR_TIMEOUT = auto()
    E_BACKEND_VECTOR_CONNECT = auto()
    E_BACKEND_DB_TIMEOUT = auto()
    E_BACKEND_DB_CONNECT = auto()
    E_BACKEND_EMBED_TIMEOUT = auto()
    E_BACKEND_EMBED_CONNECT = auto()
    E_BACKEND_CIRCUIT_OPEN = auto()

    E_PROCESS_TABLE_EXTRACT = auto()
    E_PROCESS_CHUNK = auto()
    E_PROCESS_HEADER_FOOTER = auto()
    E_PROCESS_REGION_DETECT = auto()
    E_PROCESS_SERIALIZE = auto()
    E_PROCESS_SCHEMA_GEN = auto()

    E_EXECUTION_TIMEOUT = auto()
    E_EXECUTION_SUBMIT = auto()
    E_EXECUTION_NOT_FOUND = auto()
    E_EXECUTION_CRASHED = auto()
    E_EXECUTION_MEMORY = auto()
    E_EXECUTION_CANCELLED = auto()
    E_EXECUTION_NOT_PICKLABLE = auto()
    E_EXECUTION_RESULT_LOST = auto()

    E_STORE_COMMIT = auto()
    E_STORE_DIMENSION = auto()
    E_STORE_LOCKED = auto()
    E_STORE_INVALID = auto()
    E_STORE_VERSION = auto()
    E_STORE_FULL = auto()

    W_PAGE_SKIPPED_BLANK = auto()
    W_PAGE_SKIPPED_TOC = auto()
    W_PAGE_SKIPPED_VECTOR_ONLY = auto()
    W_PAGE_LOW_OCR_CONFIDENCE = auto()
    W_QUALITY_LOW_NATIVE = auto()
    W_OCR_FALLBACK = auto()
    W_OCR_ENGINE_FALLBACK = auto()
    W_OCR_ENGINE_UNAVAILABLE = auto()
    W_TABLE_CONTINUATION = auto()
    W_ENCRYPTED_OWNER_ONLY = auto()
    W_DOCUMENT_REPAIRED = auto()
    W_DOCUMENT_SIGNED = auto()
    W_EMBEDDED_FILES = auto()
    W_HIDDEN_TEXT = auto()
    W_JAVASCRIPT_PRESENT = auto()
    W_SHEET_SKIPPED_CHART = auto()
    W_SHEET_SKIPPED_HIDDEN = auto()
    W_SHEET_SKIPPED_PASSWORD = auto()
    W_PARSER_FALLBACK = auto()
    W_FORMULA_UNCACHED = auto()
    W_EXTERNAL_LINKS = auto()
    W_MACROS_PRESENT = auto()
    W_LLM_RETRY = auto()
    W_LLM_UNAVAILABLE = auto()
    W_CLASSIFICATION_DEGRADED = auto()
    W_SECURITY_OVERRIDE = auto()
    W_UNEXPLAINED_LOSS = auto()


CURABLE_IN_PARTS = frozenset(
    {
        ErrorCode.E_OCR_TIMEOUT,
        ErrorCode.E_OCR_FAILED,
        ErrorCode.E_EXECUTION_TIMEOUT,
        ErrorCode.E_EXECUTION_CRASHED,
        ErrorCode.E_EXECUTION_MEMORY,
    }
)
"""What went wrong with a page or a sheet of a document and may go well when it is read again."""


class IngestError(BaseModel):
    """What went wrong, where, and whether reading went on: the record in every result.

    ``code`` is a plain string so that a consumer of an older version tolerates a newer code.
    ``page_number`` is 1-based, ``cell_range`` is A1 notation.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    stage: Stage
    recoverable: bool = False
    page_number: int | None = None
    sheet_name: str | None = None
    cell_range: str | None = None


class IngestkitError(Exception):
    """The root of the tree. Carries a code and a place, and turns into an :class:`IngestError`."""

    stage: Stage = "process"

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        stage: Stage | None = None,
        recoverable: bool = False,
        page_number: int | None = None,
        sheet_name: str | None = None,
        cell_range: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.stage = stage or type(self).stage
        self.recoverable = recoverable
        self.page_number = page_number
        self.sheet_name = sheet_name
        self.cell_range = cell_range

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own reduce would call __init__ with the message alone.
        return _rebuild, (type(self), str(self.code), self.message, self.to_error().model_dump())

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def to_error(self) -> IngestError:
        """The record of this error, for a result."""
        return IngestError(
            code=str(self.code),
            message=self.message,
            stage=self.stage,
            recoverable=self.recoverable,
            page_number=self.page_number,
            sheet_name=self.sheet_name,
            cell_range=self.cell_range,
        )


def _rebuild(cls: type[IngestkitError], code: str, message: str, record: dict[str, Any]) -> IngestkitError:
    place = {key: value for key, value in record.items() if key not in ("code", "message")}
    return cls(ErrorCode(code), message, **place)


class SourceError(IngestkitError):
    """The file is missing, unreadable or changed while it was read."""

    stage: Stage = "parse"


class SecurityError(IngestkitError):
    """The guard refused the file before anything was read from it."""

    stage: Stage = "security"


class ParseError(IngestkitError):
    """The bytes make no document that can be read."""

    stage: Stage = "parse"


class OCRError(IngestkitError):
    """An OCR engine is missing, failed, or took too long over a page."""

    stage: Stage = "ocr"


class ProcessError(IngestkitError):
    """A part of a document could not be turned into elements, chunks or tables."""

    stage: Stage = "process"


class ClassifyError(IngestkitError):
    """No tier could say what kind of document it is, or an LLM's answer was unusable."""

    stage: Stage = "classify"


class BackendError(IngestkitError):
    """An embedder, an LLM or a server failed. The document is not to blame: it is deferred.

    ``recoverable``: the same call may work later; ``retry_after_seconds``: the backend said when.
    """

    stage: Stage = "embed"

    def __init__(
        self, code: ErrorCode, message: str, *, retry_after_seconds: float | None = None, **place: Any
    ) -> None:
        super().__init__(code, message, **place)
        self.retry_after_seconds = retry_after_seconds

    @property
    def is_about_the_request(self) -> bool:
        """Whether the backend works and would not take this one request."""
        return False


class StoreError(IngestkitError):
    """The store is locked, full, foreign, of another version, or refused a commit."""

    stage: Stage = "store"


class ExecutionError(IngestkitError):
    """A job could not be submitted, found, run to its end or brought back."""

    stage: Stage = "execution"


class PickleValidationError(ExecutionError, ValueError):
    """Something that must cross a process boundary cannot. Raised before any process starts."""

    def __init__(self, message: str, **place: Any) -> None:
        super().__init__(ErrorCode.E_EXECUTION_NOT_PICKLABLE, message, **place)

    def __reduce__(self) -> tuple[Any, ...]:
        return PickleValidationError, (self.message,)
