"""An embedder that is asked in batches, again after a failure, and left alone while it is down. In the owner.

Somebody's embedder raises what it likes: everything is translated here, by type.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import BackendError, ErrorCode, StoreError
from ingestkit_core.parallel.policies import CircuitBreaker, RetryPolicy
from ingestkit_core.protocols import EmbeddingBackend

__all__ = ["GuardedEmbedder"]


class GuardedEmbedder:
    """Vectors for texts, or a BackendError that says what is wrong with the embedder.

    A failed call is made again ``backend_max_retries`` times, after pauses that double from
    ``backend_backoff_base`` seconds. After several failures in a row nothing is called until it had a rest.
    """

    def __init__(self, embedder: EmbeddingBackend, config: ProcessorConfig, breaker: CircuitBreaker) -> None:
        self._embedder = embedder
        self._breaker = breaker
        self._batch_size = config.embedding_batch_size
        self._timeout_seconds = config.backend_timeout_seconds
        self._retries = RetryPolicy(config.backend_max_retries, config.backend_backoff_base)

    @property
    def identity(self) -> str:
        """The embedder's own."""
        return self._embedder.identity

    def dimension(self) -> int:
        """The embedder's own."""
        return self._embedder.dimension()

    def embed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """One vector per text. Raises BackendError, or StoreError for vectors of a wrong size."""
        vectors: list[tuple[float, ...]] = []
        for start in range(0, len(texts), self._batch_size):
            vectors += self._embed_batch(texts[start : start + self._batch_size])
        return vectors

    def _embed_batch(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        attempt = 0
        while True:
            attempt += 1
            permit = self._breaker.admit()
            if permit is None:
                raise BackendError(
                    ErrorCode.E_BACKEND_CIRCUIT_OPEN,
                    "the embedder failed repeatedly and is left alone for a while",
                    recoverable=True,
                )
            try:
                vectors = self._call(texts)
            except BackendError:
                self._breaker.failed(permit)
                if attempt > self._retries.max_retries:
                    raise
                time.sleep(self._retries.delay(attempt))
            else:
                self._breaker.succeeded(permit)
                return self._checked(texts, vectors)

    def _call(self, texts: Sequence[str]) -> list[list[float]]:
        try:
            return self._embedder.embed(texts, timeout=self._timeout_seconds)
        except BackendError:
            raise
        except TimeoutError as exc:
            message = f"the embedder did not answer within {self._timeout_seconds:g} s"
            raise BackendError(ErrorCode.E_BACKEND_EMBED_TIMEOUT, message, recoverable=True) from exc
        except Exception as exc:  # an injected embedder raises what it likes
            message = f"the embedder failed: {type(exc).__name__}"
            raise BackendError(ErrorCode.E_BACKEND_EMBED_CONNECT, message, recoverable=True) from exc

    def _checked(self, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
        size = self._embedder.dimension()
        if len(vectors) != len(texts) or any(len(vector) != size for vector in vectors):
            sizes = sorted({len(vector) for vector in vectors})
            raise StoreError(
                ErrorCode.E_STORE_DIMENSION,
                f"the embedder gave {len(vectors)} vectors of {sizes} numbers for {len(texts)} texts, not of {size}",
            )
        return [tuple(map(float, vector)) for vector in vectors]
