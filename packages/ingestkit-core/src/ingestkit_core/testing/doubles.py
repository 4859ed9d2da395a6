"""Doubles of what stands outside: an embedder, an LLM, two simple stores. Real enough to be held to protocols."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ingestkit_core.models import ChunkPayload

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HashingEmbedder", "MemoryStructuredDB", "MemoryVectorStore", "ScriptedLLM"]


class HashingEmbedder:
    """Vectors from hashed words: deterministic and offline, and no use for real search.

    ``calls`` holds the batch sizes that were asked for. ``fail`` is called before each batch and may raise.
    """

    def __init__(self, dimension: int = 32, fail: Callable[[], None] | None = None) -> None:
        self._dimension = dimension
        self._fail = fail
        self.calls: list[int] = []

    @property
    def identity(self) -> str:
        """Names the method, so that a store keeps its vectors apart from any model's."""
        return "hashing"

    def embed(self, texts: Sequence[str], timeout: float | None = None) -> list[list[float]]:
        """One unit vector per text."""
        if self._fail is not None:
            self._fail()
        self.calls.append(len(texts))
        return [self._vector(text) for text in texts]

    def dimension(self) -> int:
        """The length that was asked for."""
        return self._dimension

    def _vector(self, text: str) -> list[float]:
        numbers = [0.0] * self._dimension
        for word in text.lower().split():
            digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4).digest()
            numbers[int.from_bytes(digest, "big") % self._dimension] += 1.0
        length = math.sqrt(sum(number * number for number in numbers)) or 1.0
        return [number / length for number in numbers]


class ScriptedLLM:
    """An LLM that answers from a list; an exception in the list is raised. ``prompts`` holds what was asked."""

    def __init__(self, answers: Sequence[Any]) -> None:
        self._answers = list(answers)
        self.prompts: list[str] = []

    def classify(
        self, prompt: str, model: str, temperature: float = 0.1, timeout: float | None = None
    ) -> dict[str, Any]:
        """The next answer."""
        answer: dict[str, Any] = self._next(prompt)
        return answer

    def generate(self, prompt: str, model: str, temperature: float = 0.7, timeout: float | None = None) -> str:
        """The next answer as text."""
        return str(self._next(prompt))

    def _next(self, prompt: str) -> Any:
        self.prompts.append(prompt)
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class MemoryVectorStore:
    """A VectorStoreBackend in a dictionary."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.points: dict[str, dict[str, ChunkPayload]] = {}
        self.indexes: set[tuple[str, str, str]] = set()

    def upsert_chunks(self, collection: str, chunks: Sequence[ChunkPayload]) -> int:
        """See VectorStoreBackend."""
        self.points.setdefault(collection, {}).update({chunk.id: chunk for chunk in chunks})
        return len(chunks)

    def ensure_collection(self, collection: str, vector_size: int) -> None:
        """See VectorStoreBackend."""
        if self.sizes.setdefault(collection, vector_size) != vector_size:
            raise ValueError(f"collection {collection} holds vectors of {self.sizes[collection]} numbers")

    def create_payload_index(self, collection: str, field: str, field_type: str) -> None:
        """See VectorStoreBackend."""
        self.indexes.add((collection, field, field_type))

    def delete_by_ids(self, collection: str, ids: Sequence[str]) -> int:
        """See VectorStoreBackend."""
        points = self.points.get(collection, {})
        return sum(points.pop(id_, None) is not None for id_ in ids)


class MemoryStructuredDB:
    """A StructuredDBBackend in a dictionary of frames."""

    def __init__(self) -> None:
        self.frames: dict[str, pd.DataFrame] = {}

    def create_table_from_dataframe(self, table_name: str, df: pd.DataFrame) -> None:
        """See StructuredDBBackend."""
        self.frames[table_name] = df.copy()

    def drop_table(self, table_name: str) -> None:
        """See StructuredDBBackend."""
        self.frames.pop(table_name, None)

    def table_exists(self, table_name: str) -> bool:
        """See StructuredDBBackend."""
        return table_name in self.frames

    def get_table_schema(self, table_name: str) -> dict[str, str]:
        """See StructuredDBBackend."""
        return {str(name): str(dtype) for name, dtype in self.frames[table_name].dtypes.items()}

    def get_connection_uri(self) -> str:
        """See StructuredDBBackend."""
        return "memory://"
