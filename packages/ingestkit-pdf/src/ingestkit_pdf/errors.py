"""Core's errors, re-exported: the identical objects."""

from __future__ import annotations

from ingestkit_core.errors import (
    ClassifyError,
    ErrorCode,
    ExecutionError,
    IngestError,
    IngestkitError,
    ParseError,
    ProcessError,
    SecurityError,
    SourceError,
)

__all__ = [
    "ClassifyError",
    "ErrorCode",
    "ExecutionError",
    "IngestError",
    "IngestkitError",
    "ParseError",
    "ProcessError",
    "SecurityError",
    "SourceError",
]
