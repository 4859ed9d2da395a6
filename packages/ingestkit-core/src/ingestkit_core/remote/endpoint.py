"""One HTTP server: a JSON object goes there, a JSON object comes back, within a time. The border to httpx2.

What goes wrong becomes a BackendError by its type: too late, cut off, overloaded (all worth another try), or
refused (never). A message names the server and what to do; it holds neither the key nor what was sent.
"""

from __future__ import annotations

import email.utils
import importlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from ingestkit_core.errors import BackendError, ErrorCode, Stage

if TYPE_CHECKING:
    import httpx2

__all__ = ["Address", "Endpoint", "Refused", "Service", "parse_address"]

Kind = Literal["openai", "ollama"]

_KINDS: dict[str, tuple[Kind, str]] = {
    "http": ("openai", "http"),
    "https": ("openai", "https"),
    "ollama": ("ollama", "http"),
    "ollama+https": ("ollama", "https"),
}
_OLLAMA_PORT = 11434
_TOO_MANY_REQUESTS = 429
_ABOUT_THE_REQUEST = frozenset({400, 413, 422, 501})
"""The server works and does not like what it was asked; any other refusal is about us or about all requests."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server of models is and what it speaks. ``url`` may hold a password, ``shown`` never does."""

    kind: Kind
    url: str
    shown: str


def parse_address(text: str) -> Address | None:
    """``http(s)://host/v1`` speaks OpenAI's protocol, ``ollama://host:port`` Ollama's; None for no URL at all.

    Raises ValueError for another scheme and for a URL without a host.
    """
    scheme, separator, _ = text.partition("://")
    if not separator:
        return None
    if scheme.lower() not in _KINDS:
        raise ValueError(f"no server of models speaks {scheme}://; there are http://, https:// and ollama://")
    kind, transport = _KINDS[scheme.lower()]
    parts = urlsplit(text)
    if not parts.hostname:
        raise ValueError(f"{scheme}:// is not followed by a host")
    try:
        given = parts.port
    except ValueError as exc:
        raise ValueError(f"the port of {parts.hostname} is no number from 0 to 65535") from exc
    port = given or (_OLLAMA_PORT if kind == "ollama" and transport == "http" else None)
    place = (f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname) + (f":{port}" if port else "")
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    path = parts.path.rstrip("/") or ("/v1" if kind == "openai" else "")
    return Address(
        kind,
        urlunsplit((transport, login + place, path, "", "")),
        urlunsplit((transport, place, path, "", "")),
    )


@dataclass(frozen=True, slots=True)
class Service:
    """What a server is to us: its name in messages, and the codes of being late and of not answering."""

    name: str
    timeout_code: ErrorCode
    connect_code: ErrorCode
    stage: Stage


class Refused(BackendError):
    """The server answered that it will not (4xx): the same request never works."""

    def __init__(self, code: ErrorCode, message: str, *, status: int, stage: Stage) -> None:
        super().__init__(code, message, stage=stage)
        self.status = status

    @property
    def is_about_the_request(self) -> bool:
        """See BackendError."""
        return self.status in _ABOUT_THE_REQUEST


class Endpoint:
    """A server that takes JSON by POST. One attempt per call; safe to use from several threads.

    Raises ImportError, with what to type, where the HTTP library is missing.
    """

    def __init__(self, address: Address, api_key: str | None, service: Service) -> None:
        self._address = address
        self._service = service
        self._httpx = _httpx()
        self._client = self._httpx.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            # Without encryption there is nothing to verify, and reading the certificates takes 0.1 s.
            verify=address.url.startswith("https://"),
        )

    @property
    def shown(self) -> str:
        """The address, without a password."""
        return self._address.shown

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._client.close()

    def post(self, path: str, body: Mapping[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """The server's answer. Raises BackendError, Refused for one that another try would not change."""
        httpx = self._httpx
        deadline = time.monotonic() + timeout_seconds
        try:
            with self._client.stream(
                "POST", self._address.url + path, json=dict(body), timeout=timeout_seconds
            ) as response:
                content = bytearray()
                for block in response.iter_bytes():
                    content += block
                    # The client's own limit is one of silence: a server that trickles would never be late.
                    if time.monotonic() > deadline:
                        raise self._late(timeout_seconds)
        except httpx.TimeoutException as exc:
            raise self._late(timeout_seconds) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise self._failed(f"cannot be reached: {type(exc).__name__}") from exc
        if not response.is_success:
            raise self._turned_down(response, bytes(content))
        answer = _json_object(bytes(content))
        if answer is None:
            raise self.unreadable()
        return answer

    def unreadable(self) -> BackendError:
        """The error for an answer that is not in the protocol's form."""
        return self._failed("gave an answer that is not in its protocol's form")

    def _late(self, timeout_seconds: float) -> BackendError:
        return self._error(self._service.timeout_code, f"did not answer within {timeout_seconds:g} s")

    def _failed(self, what: str, retry_after_seconds: float | None = None) -> BackendError:
        return self._error(self._service.connect_code, what, retry_after_seconds)

    def _error(self, code: ErrorCode, what: str, retry_after_seconds: float | None = None) -> BackendError:
        return BackendError(
            code,
            f"the {self._service.name} at {self.shown} {what}",
            stage=self._service.stage,
            recoverable=True,
            retry_after_seconds=retry_after_seconds,
        )

    def _turned_down(self, response: httpx2.Response, content: bytes) -> BackendError:
        status = response.status_code
        if status == _TOO_MANY_REQUESTS or (status >= 500 and status not in _ABOUT_THE_REQUEST):
            what = "has too much to do" if status == _TOO_MANY_REQUESTS else "failed"
            return self._failed(f"{what} (HTTP {status})", _retry_after(response.headers.get("Retry-After")))
        message = f"the {self._service.name} at {self.shown} refused: {_reason(status, content)} (HTTP {status})"
        return Refused(self._service.connect_code, message, status=status, stage=self._service.stage)


def _httpx() -> Any:
    """The library, imported when the first server is spoken to: nobody else pays for it."""
    try:
        return importlib.import_module("httpx2")
    except ImportError as exc:
        raise ImportError("models on a server need an HTTP library: pip install 'ingestkit-core[http]'") from exc


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(content)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _reason(status: int, content: bytes) -> str:
    """What to do about a refusal. The server's own words only where they cannot repeat what was sent."""
    if status in (401, 403):
        return "it does not take this key; set INGESTKIT_API_KEY"
    if status == 404:
        error = (_json_object(content) or {}).get("error", "")
        words = error.get("message", "") if isinstance(error, dict) else error
        return f"not there: {str(words)[:200] or 'check the address and the name of the model'}"
    return "it does not take this request"


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
