"""Core's protocols, re-exported: the identical objects."""

from __future__ import annotations

from ingestkit_core.protocols import (
    EmbeddingBackend,
    ExecutionBackend,
    LLMBackend,
    ParallelExecutor,
    StructuredDBBackend,
    VectorStoreBackend,
)

__all__ = [
    "EmbeddingBackend",
    "ExecutionBackend",
    "LLMBackend",
    "ParallelExecutor",
    "StructuredDBBackend",
    "VectorStoreBackend",
]
