"""Qdrant as a vector store: a server by its URL, or a local folder. Used through the paired store.

A point is a chunk: its id, its vector (where there is an embedder) and a payload of all its metadata and its text.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.models import ChunkPayload

__all__ = ["QdrantStore"]

_VECTOR = "text"
_POINTS_AT_ONCE = 256
_TIMEOUT_SECONDS = 30
_PASSING = (408, 429)
"""Too slow, and too many requests: what a server or a proxy before it answers while it is busy."""


class QdrantStore:
    """A VectorStoreBackend on Qdrant.

    ``place`` is ``http://host:6333`` or ``https://...`` for a server, ``:memory:`` or a folder for the client's own
    local mode, which admits one process. The key comes from ``api_key`` and is in no message. Raises StoreError:
    E_BACKEND_VECTOR_CONNECT, E_BACKEND_VECTOR_TIMEOUT and E_STORE_LOCKED (recoverable), E_STORE_DIMENSION,
    E_STORE_COMMIT.
    """

    def __init__(self, place: str, api_key: str | None = None, timeout_seconds: int = _TIMEOUT_SECONDS) -> None:
        self._place = place
        self._client: Any
        if place.startswith(("http://", "https://")):
            self._client = QdrantClient(url=place, api_key=api_key, timeout=timeout_seconds, check_compatibility=False)
        else:
            self._client = QdrantClient(location=place) if place == ":memory:" else _in_folder(place)

    def ensure_collection(self, collection: str, vector_size: int) -> None:
        """See VectorStoreBackend."""
        with self._translated():
            if not self._client.collection_exists(collection):
                size = models.VectorParams(size=vector_size, distance=models.Distance.COSINE)
                self._client.create_collection(collection, vectors_config={_VECTOR: size})
                return
            params = self._client.get_collection(collection).config.params.vectors
        known = params.get(_VECTOR) if isinstance(params, dict) else None
        if known is None or known.size != vector_size:
            held = f"vectors of {known.size} numbers" if known is not None else "none of our vectors"
            raise StoreError(
                ErrorCode.E_STORE_DIMENSION,
                f"collection {collection} on {self._place} holds {held}, not of {vector_size}: use another collection",
            )

    def upsert_chunks(self, collection: str, chunks: Sequence[ChunkPayload]) -> int:
        """See VectorStoreBackend. A chunk without a vector becomes a point without one."""
        with self._translated():
            if not self._client.collection_exists(collection):
                self._client.create_collection(collection, vectors_config={})
            for start in range(0, len(chunks), _POINTS_AT_ONCE):
                points = [_point(chunk) for chunk in chunks[start : start + _POINTS_AT_ONCE]]
                self._client.upsert(collection, points=points, wait=True)
        return len(chunks)

    def create_payload_index(self, collection: str, field: str, field_type: str) -> None:
        """See VectorStoreBackend. ``field_type`` is one of Qdrant's: keyword, integer, float, bool, text ..."""
        with self._translated(), warnings.catch_warnings():
            # The local mode says that it needs none.
            warnings.simplefilter("ignore")
            self._client.create_payload_index(collection, field_name=field, field_schema=field_type, wait=True)

    def delete_by_ids(self, collection: str, ids: Sequence[str]) -> int:
        """See VectorStoreBackend."""
        deleted = 0
        with self._translated():
            if not ids or not self._client.collection_exists(collection):
                return 0
            for start in range(0, len(ids), _POINTS_AT_ONCE):
                some = list(ids[start : start + _POINTS_AT_ONCE])
                deleted += len(self._client.retrieve(collection, ids=some, with_payload=False))
                self._client.delete(collection, points_selector=models.PointIdsList(points=some), wait=True)
        return deleted

    def close(self) -> None:
        """Let go of the connection or the folder. Idempotent."""
        self._client.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ResponseHandlingException as exc:
            if _is_timeout(exc):
                code, message = ErrorCode.E_BACKEND_VECTOR_TIMEOUT, "did not answer in time"
            else:
                code, message = ErrorCode.E_BACKEND_VECTOR_CONNECT, "cannot be reached"
            raise StoreError(code, f"Qdrant at {self._place} {message}", recoverable=True) from exc
        except ResourceExhaustedResponse as exc:
            message = f"Qdrant at {self._place} has too much to do: try again after {exc.retry_after_s} s"
            raise StoreError(ErrorCode.E_BACKEND_VECTOR_CONNECT, message, recoverable=True) from exc
        except UnexpectedResponse as exc:
            if exc.status_code is not None and (exc.status_code >= 500 or exc.status_code in _PASSING):
                message = f"Qdrant at {self._place} failed with status {exc.status_code}"
                raise StoreError(ErrorCode.E_BACKEND_VECTOR_CONNECT, message, recoverable=True) from exc
            message = f"Qdrant at {self._place} refused a request with status {exc.status_code}"
            raise StoreError(ErrorCode.E_STORE_COMMIT, message) from exc


def _in_folder(path: str) -> Any:
    try:
        return QdrantClient(path=path)
    except RuntimeError as exc:  # all that it says of a lock that is held
        message = f"{path} is in use by another process: Qdrant's local mode admits one"
        raise StoreError(ErrorCode.E_STORE_LOCKED, message, recoverable=True) from exc


def _is_timeout(exc: ResponseHandlingException) -> bool:
    import httpx  # comes with qdrant-client

    return isinstance(exc.source, httpx.TimeoutException)


def _point(chunk: ChunkPayload) -> models.PointStruct:
    payload = {**chunk.metadata.model_dump(mode="json", exclude_none=True), "text": chunk.text}
    vector: Any = {_VECTOR: list(chunk.vector)} if chunk.vector is not None else {}
    return models.PointStruct(id=chunk.id, vector=vector, payload=payload)
