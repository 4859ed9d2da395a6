"""The six protocols: what a swappable part must do. One file, no implementation.

Vector store, structured database, LLM and embedder stay with the owner and never travel to a worker.
The two execution protocols say where work runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.models import ChunkPayload, ProcessingResult

if TYPE_CHECKING:
    import pandas as pd

    from ingestkit_core.parallel import ParallelConfig, ParallelFlowResult

__all__ = [
    "EmbeddingBackend",
    "ExecutionBackend",
    "LLMBackend",
    "ParallelExecutor",
    "StructuredDBBackend",
    "VectorStoreBackend",
]


@runtime_checkable
class VectorStoreBackend(Protocol):
    """Chunks with their vectors."""

    def upsert_chunks(self, collection: str, chunks: Sequence[ChunkPayload]) -> int:
        """Insert or replace by id; returns how many."""
        ...

    def ensure_collection(self, collection: str, vector_size: int) -> None:
        """Create the collection if it is missing. A different existing size is an error."""
        ...

    def create_payload_index(self, collection: str, field: str, field_type: str) -> None:
        """Make a metadata field fast to filter by."""
        ...

    def delete_by_ids(self, collection: str, ids: Sequence[str]) -> int:
        """Delete by id; returns how many were there."""
        ...


@runtime_checkable
class StructuredDBBackend(Protocol):
    """SQL tables."""

    def create_table_from_dataframe(self, table_name: str, df: pd.DataFrame) -> None:
        """Create or replace a table with the frame's columns and rows."""
        ...

    def drop_table(self, table_name: str) -> None:
        """Drop the table if it is there."""
        ...

    def table_exists(self, table_name: str) -> bool:
        """Whether the table is there."""
        ...

    def get_table_schema(self, table_name: str) -> dict[str, str]:
        """Column name to SQL type, in order."""
        ...

    def get_connection_uri(self) -> str:
        """How another program connects."""
        ...


@runtime_checkable
class LLMBackend(Protocol):
    """A language model. Timeouts are seconds; None is the backend's own."""

    def classify(
        self, prompt: str, model: str, temperature: float = 0.1, timeout: float | None = None
    ) -> dict[str, Any]:
        """A JSON object answering the prompt."""
        ...

    def generate(self, prompt: str, model: str, temperature: float = 0.7, timeout: float | None = None) -> str:
        """Free text answering the prompt."""
        ...


@runtime_checkable
class EmbeddingBackend(Protocol):
    """Texts to vectors."""

    @property
    def identity(self) -> str:
        """What a store records about where its vectors come from: model and endpoint kind, no secret."""
        ...

    def embed(self, texts: Sequence[str], timeout: float | None = None) -> list[list[float]]:
        """One vector per text, in order. ``timeout`` is seconds."""
        ...

    def dimension(self) -> int:
        """The length of every vector."""
        ...


@runtime_checkable
class ExecutionBackend(Protocol):
    """Runs whole documents."""

    def submit(self, file_path: str, config: ProcessorConfig, source_uri: str | None = None) -> str:
        """Start a document as soon as there is room; returns a job id."""
        ...

    def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
        """Block until the result is there.

        ``timeout`` (seconds) limits the waiting, never the job. Raises ExecutionError with
        E_EXECUTION_NOT_FOUND for an unknown id and E_EXECUTION_TIMEOUT when the waiting ends first.
        """
        ...


@runtime_checkable
class ParallelExecutor(Protocol):
    """Runs branches of work side by side."""

    def execute(
        self,
        flows: Sequence[Callable[[Any], Any]],
        states: Sequence[Mapping[str, Any]],
        config: ParallelConfig,
    ) -> list[ParallelFlowResult]:
        """Run each flow on its state; one result per flow, in input order."""
        ...
