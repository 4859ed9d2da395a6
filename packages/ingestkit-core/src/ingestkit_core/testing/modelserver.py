"""A server of models on 127.0.0.1: speaks OpenAI's protocol and Ollama's, and misbehaves on demand.

Its vectors are those of the HashingEmbedder; what its language model says is told beforehand.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from ingestkit_core.testing.doubles import HashingEmbedder
from ingestkit_core.testing.httpserver import LocalServer

__all__ = ["Fault", "ModelServer", "Request"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour. ``kind``: status, slow, trickle, cut, half, garbage, short (vectors of another length), or fine."""

    kind: str
    status: int = 500
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    path: str
    body: dict[str, Any]
    authorization: str | None


class ModelServer(LocalServer):
    """A context manager. ``faults`` happen one per request, then ``always`` does, if there is one.

    ``answers`` are what the language model writes, one per request; the last one stays. ``forms`` are the kinds
    of response_format it knows; texts longer than ``max_characters`` are refused, as is every key but ``api_key``.
    """

    def __init__(self, dimension: int = 16, answers: Sequence[str | Mapping[str, Any]] = ('{"answer": 1}',)) -> None:
        self.embedder = HashingEmbedder(dimension)
        self.answers = deque(answer if isinstance(answer, str) else json.dumps(answer) for answer in answers)
        self.faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.requests: list[Request] = []
        self.forms: tuple[str, ...] = ("json_schema", "json_object")
        self.takes_dimensions = False
        self.max_characters: int | None = None
        self.api_key: str | None = None
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"models": self})
        super().__init__(handler)

    @property
    def openai_url(self) -> str:
        """What speaks OpenAI's protocol."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def ollama_url(self) -> str:
        """What speaks Ollama's."""
        return f"ollama://127.0.0.1:{self._server.server_port}"

    def embedded(self) -> int:
        """So many texts were sent to be embedded."""
        return sum(len(request.body.get("input", ())) for request in self.requests)

    def next_fault(self, request: Request) -> Fault | None:
        """Note a request; how to misbehave towards it."""
        with self._lock:
            self.requests.append(request)
            return self.faults.popleft() if self.faults else self.always

    def next_answer(self) -> str:
        """What the language model writes now."""
        with self._lock:
            return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


class _Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    models: ModelServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = Request(self.path, body, self.headers.get("Authorization"))
        fault = self.models.next_fault(request)
        if fault is None or fault.kind in ("fine", "short"):
            self._answer(request, short=fault is not None and fault.kind == "short")
        elif fault.kind == "status":
            self._send(fault.status, json.dumps({"error": "told to"}).encode(), fault.headers)
        elif fault.kind == "slow":
            time.sleep(fault.seconds)
            self._answer(request)
        elif fault.kind == "garbage":
            self._send(200, b'{"data": [{"embedding": [0.1, ')
        else:
            self._break_off(fault)

    def _break_off(self, fault: Fault) -> None:
        if fault.kind != "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(int(fault.seconds / 0.05)):
                self.wfile.write(b" ")
                time.sleep(0.05)
        # Lingering for no time sends a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _answer(self, request: Request, short: bool = False) -> None:
        try:
            answer = self._answer_to(request, short)
        except _Refusal as exc:
            self._send(exc.status, json.dumps({"error": {"message": str(exc)}}).encode())
        else:
            self._send(200, json.dumps(answer).encode())

    def _answer_to(self, request: Request, short: bool) -> dict[str, Any]:
        models, body = self.models, request.body
        if models.api_key is not None and request.authorization != f"Bearer {models.api_key}":
            raise _Refusal(401, f"Incorrect API key provided: {request.authorization}")
        if body["model"] == "missing":
            raise _Refusal(404, "model 'missing' not found")
        if request.path in ("/v1/embeddings", "/api/embed"):
            vectors = [vector[: 3 if short else None] for vector in self._vectors(body)]
            if request.path == "/api/embed":
                return {"model": body["model"], "embeddings": vectors}
            # In no order: the index says which is which.
            items = [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]
            return {"object": "list", "data": items[::-1]}
        if request.path == "/api/chat":
            return {"message": {"role": "assistant", "content": models.next_answer()}, "done": True}
        if request.path == "/v1/chat/completions":
            form = body.get("response_format", {}).get("type")
            if form is not None and form not in models.forms:
                raise _Refusal(400, f"response_format {form} is not supported")
            return {"choices": [{"index": 0, "message": {"role": "assistant", "content": models.next_answer()}}]}
        raise _Refusal(404, "no such path")

    def _vectors(self, body: dict[str, Any]) -> list[list[float]]:
        longest = self.models.max_characters
        if longest is not None and any(len(text) > longest for text in body["input"]):
            raise _Refusal(400, "input is too long")
        if "dimensions" not in body:
            return self.models.embedder.embed(body["input"])
        if not self.models.takes_dimensions:
            raise _Refusal(400, "this model has one size")
        return HashingEmbedder(body["dimensions"]).embed(body["input"])

    def _send(self, status: int, content: bytes, headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass
