"""The codes and errors of ingestkit-core, for users who import everything from one place."""

from __future__ import annotations

from ingestkit_core.errors import (
    BackendError,
    ClassifyError,
    ErrorCode,
    ExecutionError,
    IngestError,
    IngestkitError,
    ParseError,
    ProcessError,
    SecurityError,
    SourceError,
    StoreError,
)

__all__ = [
    "BackendError",
    "ClassifyError",
    "ErrorCode",
    "ExecutionError",
    "IngestError",
    "IngestkitError",
    "ParseError",
    "ProcessError",
    "SecurityError",
    "SourceError",
    "StoreError",
]
