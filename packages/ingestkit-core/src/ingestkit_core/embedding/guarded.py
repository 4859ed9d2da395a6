"""An embedder that is asked in batches, again after a failure, and left alone while it is down. In the owner.

Somebody's embedder raises what it likes: everything is translated here, by type.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import BackendError, ErrorCode, StoreError
from ingestkit_core.parallel.policies import CircuitBreaker, RetryPolicy
from ingestkit_core.protocols import EmbeddingBackend
from ingestkit_core.remote import GuardedCalls

__all__ = ["GuardedEmbedder"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_LEAST_CHARACTERS = 200
"""A text that is refused is shortened until it is as short as this."""


class GuardedEmbedder:
    """Vectors for texts, or a BackendError that says what is wrong with the embedder.

    A call that failed and may work later is made again ``backend_max_retries`` times, after pauses that double
    from ``backend_backoff_base`` seconds or that the server asks for. After several failures in a row nothing
    is called until it had a rest. A text that is too long for the model is embedded by its beginning.
    """

    def __init__(
        self, embedder: EmbeddingBackend, config: ProcessorConfig, breaker: CircuitBreaker | None = None
    ) -> None:
        self._embedder = embedder
        self._dimension: int | None = None
        self._batch_size = config.embedding_batch_size
        self._timeout_seconds = config.backend_timeout_seconds
        retries = RetryPolicy(config.backend_max_retries, config.backend_backoff_base)
        self._calls = GuardedCalls("embedder", "embed", retries, breaker or CircuitBreaker())

    @property
    def identity(self) -> str:
        """The embedder's own."""
        return self._embedder.identity

    def dimension(self) -> int:
        """The embedder's own, which may have to be asked for. Raises BackendError."""
        if self._dimension is None:
            self._dimension = self._calls.run(lambda: self._translated(self._embedder.dimension))
        return self._dimension

    def resting(self) -> BackendError | None:
        """Why the embedder would not be called now; None where it would."""
        return self._calls.resting()

    def embed(self, texts: Mapping[str, str]) -> Iterator[dict[str, tuple[float, ...]]]:
        """Vectors for texts by their keys, batch by batch: what came before a failure is there.

        Raises BackendError, or StoreError for vectors of a wrong size.
        """
        keys = list(texts)
        for start in range(0, len(keys), self._batch_size):
            batch = keys[start : start + self._batch_size]
            wanted = [texts[key] for key in batch]
            yield dict(zip(batch, self._checked(wanted, self._embed_batch(wanted)), strict=True))

    def embed_query(self, text: str) -> tuple[float, ...]:
        """The vector of one text. Raises as ``embed`` does."""
        (vector,) = self._checked([text], self._embed_batch([text]))
        return vector

    def _embed_batch(self, texts: Sequence[str]) -> list[list[float]]:
        try:
            return self._call(texts)
        except BackendError as exc:
            if not exc.is_about_the_request:
                raise
            if len(texts) > 1:
                middle = len(texts) // 2
                return [*self._embed_batch(texts[:middle]), *self._embed_batch(texts[middle:])]
            return self._embed_beginning(texts[0], exc)

    def _embed_beginning(self, text: str, refusal: BackendError) -> list[list[float]]:
        """Servers differ: some cut a text that is too long for the model, some refuse it."""
        length = len(text)
        while (length := length // 2) >= _LEAST_CHARACTERS:
            try:
                vectors = self._call([text[:length]])
            except BackendError as exc:
                if not exc.is_about_the_request:
                    raise
            else:
                logger.warning("embedder=%s characters=%d embedded=%d", self.identity, len(text), length)
                return vectors
        raise refusal

    def _call(self, texts: Sequence[str]) -> list[list[float]]:
        def attempt() -> list[list[float]]:
            return self._translated(lambda: self._embedder.embed(texts, timeout=self._timeout_seconds))

        return self._calls.run(attempt)

    def _translated(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except BackendError:
            raise
        except TimeoutError as exc:
            message = f"the embedder did not answer within {self._timeout_seconds:g} s"
            raise BackendError(ErrorCode.E_BACKEND_EMBED_TIMEOUT, message, recoverable=True) from exc
        except Exception as exc:  # an injected embedder raises what it likes
            message = f"the embedder failed: {type(exc).__name__}"
            raise BackendError(ErrorCode.E_BACKEND_EMBED_CONNECT, message, recoverable=True) from exc

    def _checked(self, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
        size = self.dimension()
        if len(vectors) != len(texts) or any(len(vector) != size for vector in vectors):
            sizes = sorted({len(vector) for vector in vectors})
            raise StoreError(
                ErrorCode.E_STORE_DIMENSION,
                f"the embedder gave {len(vectors)} vectors of {sizes} numbers for {len(texts)} texts, not of {size}",
            )
        return [tuple(map(float, vector)) for vector in vectors]
