"""A server of Qdrant's protocol on 127.0.0.1, as far as a store needs it: it outlives whoever writes to it.

Behind it is the local mode that Qdrant's own client brings, in memory; the protocol's models are the client's too.
The real server is a program that no package index has.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any

from qdrant_client import QdrantClient, models

from ingestkit_core.testing.httpserver import LocalServer

__all__ = ["QdrantServer"]

Refuse = Callable[[str, str], int | None]


class QdrantServer(LocalServer):
    """A context manager. ``refuse`` is asked with method and path of each request: a status instead of an answer.

    A request that is refused with a status below 0 is done first and then refused with its opposite: what a client
    cannot tell from one that was not done.
    """

    def __init__(self, refuse: Refuse | None = None) -> None:
        self.refuse = refuse
        self._local = QdrantClient(location=":memory:")
        self._lock = threading.Lock()
        super().__init__(type("Handler", (_Handler,), {"qdrant": self}))

    @property
    def url(self) -> str:
        """Where a client connects."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def points(self, collection: str) -> dict[str, tuple[Any, Any]]:
        """All points: (payload without the run, vectors) by id."""
        with self._lock:
            if not self._local.collection_exists(collection):
                return {}
            found, _ = self._local.scroll(collection, limit=1_000_000, with_vectors=True)
        payloads = {str(point.id): point.payload or {} for point in found}
        return {
            str(point.id): ({k: v for k, v in payloads[str(point.id)].items() if k != "ingest_run_id"}, point.vector)
            for point in found
        }

    def drop(self, collection: str) -> None:
        """Let go of a collection."""
        with self._lock:
            self._local.delete_collection(collection)

    def answer(self, method: str, path: str, body: Any) -> Any:
        """The result of a request."""
        with self._lock:
            for (wanted, pattern), action in _ACTIONS.items():
                found = re.fullmatch(pattern, path)
                if found and wanted == method:
                    return action(self._local, found[1], body)
        raise LookupError(f"{method} {path}")

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(exc_type, exc, traceback)
        self._local.close()


def _exists(local: QdrantClient, name: str, body: Any) -> Any:
    return {"exists": local.collection_exists(name)}


def _create(local: QdrantClient, name: str, body: Any) -> Any:
    wanted = models.CreateCollection.model_validate(body)
    return local.create_collection(name, vectors_config=wanted.vectors or {})


def _describe(local: QdrantClient, name: str, body: Any) -> Any:
    return local.get_collection(name).model_dump(mode="json")


def _put(local: QdrantClient, name: str, body: Any) -> Any:
    return local.upsert(name, models.PointsList.model_validate(body).points).model_dump(mode="json")


def _get(local: QdrantClient, name: str, body: Any) -> Any:
    found = local.retrieve(
        name, body["ids"], with_payload=body.get("with_payload", True), with_vectors=body.get("with_vector", False)
    )
    return [record.model_dump(mode="json") for record in found]


def _delete(local: QdrantClient, name: str, body: Any) -> Any:
    return local.delete(name, models.PointIdsList.model_validate(body)).model_dump(mode="json")


_ACTIONS: dict[tuple[str, str], Callable[[QdrantClient, str, Any], Any]] = {
    ("GET", r"/collections/([^/]+)/exists"): _exists,
    ("GET", r"/collections/([^/]+)"): _describe,
    ("PUT", r"/collections/([^/]+)"): _create,
    ("PUT", r"/collections/([^/]+)/points"): _put,
    ("POST", r"/collections/([^/]+)/points"): _get,
    ("POST", r"/collections/([^/]+)/points/delete"): _delete,
}


class _Handler(BaseHTTPRequestHandler):
    qdrant: QdrantServer
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        # Whoever asked may be dead by now.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        self._serve("GET")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        status = self.qdrant.refuse(method, path) if self.qdrant.refuse is not None else None
        if status is None or status < 0:
            try:
                answer = {"result": self.qdrant.answer(method, path, json.loads(content or b"null")), "status": "ok"}
            except (ValueError, LookupError) as exc:
                self._send(400, {"status": {"error": str(exc)}})
                return
        if status is None:
            self._send(200, {**answer, "time": 0.0})
        else:
            self._send(abs(status), {"status": {"error": "told to"}})

    def _send(self, status: int, answer: Any) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass
