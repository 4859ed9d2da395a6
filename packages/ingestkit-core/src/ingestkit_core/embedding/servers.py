"""Embedders on servers: OpenAI's protocol (also spoken by vLLM, llama.cpp, TEI, LM Studio ...) and Ollama's.

Each call is one attempt; what repeats it stands around any embedder (``GuardedEmbedder``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from ingestkit_core.errors import ErrorCode
from ingestkit_core.remote import Address, Refused, Server, Service

__all__ = ["OllamaEmbedder", "OpenAIEmbedder"]

_SERVICE = Service("embedder", ErrorCode.E_BACKEND_EMBED_TIMEOUT, ErrorCode.E_BACKEND_EMBED_CONNECT, "embed")
_TIMEOUT_SECONDS = 30.0


class _ServerEmbedder(Server):
    """An EmbeddingBackend on a server. ``dimension`` None takes the model's own, found out by asking."""

    kind: ClassVar[str]
    path: ClassVar[str]

    def __init__(self, address: Address, model: str, api_key: str | None = None, dimension: int | None = None) -> None:
        super().__init__(address, api_key, _SERVICE)
        self._model = model
        self._dimension = dimension
        self._asks_for_size = dimension is not None

    @property
    def identity(self) -> str:
        """The protocol and the model: what a store records. The same model elsewhere gives the same vectors."""
        return f"{self.kind}:{self._model}"

    def dimension(self) -> int:
        """The length of every vector; asks the server once if nobody said. Raises BackendError."""
        if self._dimension is None:
            (vector,) = self.embed(["dimension"])
            self._dimension = len(vector)
        return self._dimension

    def embed(self, texts: Sequence[str], timeout: float | None = None) -> list[list[float]]:
        """One vector per text, in order. Raises BackendError."""
        seconds = timeout if timeout is not None else _TIMEOUT_SECONDS
        body: dict[str, Any] = {"model": self._model, "input": list(texts), **self._options()}
        if not self._asks_for_size:
            return self._ask(body, seconds)
        try:
            return self._ask({**body, "dimensions": self._dimension}, seconds)
        except Refused as exc:
            # Servers of models with one size only may refuse to be told it.
            if not exc.is_about_the_request:
                raise
            vectors = self._ask(body, seconds)
            self._asks_for_size = False
            return vectors

    def _ask(self, body: dict[str, Any], seconds: float) -> list[list[float]]:
        answer = self._endpoint.post(self.path, body, seconds)
        try:
            vectors = self._vectors(answer)
        except (KeyError, TypeError, ValueError) as exc:
            raise self._endpoint.unreadable() from exc
        if len(vectors) != len(body["input"]) or not all(vectors):
            raise self._endpoint.unreadable()
        return vectors

    def _options(self) -> dict[str, Any]:
        return {}

    @abstractmethod
    def _vectors(self, answer: dict[str, Any]) -> list[list[float]]:
        """The vectors in an answer. Raises KeyError, TypeError or ValueError where it has another form."""


class OpenAIEmbedder(_ServerEmbedder):
    """``POST /v1/embeddings``."""

    kind = "openai"
    path = "/embeddings"

    def _options(self) -> dict[str, Any]:
        return {"encoding_format": "float"}

    def _vectors(self, answer: dict[str, Any]) -> list[list[float]]:
        items = sorted(answer["data"], key=lambda item: int(item["index"]))
        return [[float(number) for number in item["embedding"]] for item in items]


class OllamaEmbedder(_ServerEmbedder):
    """``POST /api/embed``."""

    kind = "ollama"
    path = "/api/embed"

    def _vectors(self, answer: dict[str, Any]) -> list[list[float]]:
        return [[float(number) for number in vector] for vector in answer["embeddings"]]
