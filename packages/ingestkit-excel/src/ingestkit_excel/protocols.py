"""The protocols of ingestkit-core, for users who import everything from one place."""

from __future__ import annotations

from ingestkit_core.protocols import (
    EmbeddingBackend,
    ExecutionBackend,
    LLMBackend,
    StructuredDBBackend,
    VectorStoreBackend,
)

__all__ = ["EmbeddingBackend", "ExecutionBackend", "LLMBackend", "StructuredDBBackend", "VectorStoreBackend"]
