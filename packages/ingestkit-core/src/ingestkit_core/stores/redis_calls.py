"""Scripts on a Redis, each one round trip, from any thread.

redis-py takes five times as long for a command through its client as through a connection of its own, and a
small job is a handful of commands.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ingestkit_core.errors import ErrorCode, StoreError

__all__ = ["ScriptCalls", "connect", "translated"]


def connect(url: str) -> Any:
    """A client for the Redis at ``url``. Raises StoreError where the package is missing."""
    try:
        import redis
    except ImportError as exc:
        raise StoreError(
            ErrorCode.E_STORE_INVALID, "a queue on Redis needs: pip install 'ingestkit-core[celery]'"
        ) from exc
    return redis.Redis.from_url(
        url, decode_responses=True, socket_connect_timeout=5, socket_timeout=30, health_check_interval=30
    )


@contextmanager
def translated(url: str) -> Iterator[None]:
    """The border to Redis: its errors become ours."""
    import redis

    try:
        yield
    except redis.exceptions.RedisError as exc:
        place = url.rpartition("@")[2].partition("://")[2] or url.rpartition("@")[2]
        raise StoreError(
            ErrorCode.E_STORE_COMMIT, f"Redis at {place} does not answer: {type(exc).__name__}", recoverable=True
        ) from exc


class ScriptCalls:
    """Runs scripts by name. Raises redis-py's errors; a connection that broke is made anew once."""

    def __init__(self, client: Any, scripts: Mapping[str, str]) -> None:
        self._make = client.connection_pool.make_connection
        self._scripts = dict(scripts)
        self._names = {name: hashlib.sha1(text.encode()).hexdigest() for name, text in scripts.items()}
        self._idle: deque[Any] = deque()

    def run(self, name: str, *arguments: str | float) -> Any:
        """What the script answers."""
        import redis

        connection = self._idle.pop() if self._idle else self._make()
        try:
            try:
                answer = self._ask(connection, name, arguments)
            except (redis.exceptions.ConnectionError, OSError):
                # The server closed an idle connection, or came back: every operation may be repeated.
                connection.disconnect()
                answer = self._ask(connection, name, arguments)
        except BaseException:
            # Half an answer may be left in it.
            connection.disconnect()
            raise
        self._idle.append(connection)
        return answer

    def _ask(self, connection: Any, name: str, arguments: tuple[str | float, ...]) -> Any:
        import redis

        try:
            connection.send_command("EVALSHA", self._names[name], 0, *arguments)
            return connection.read_response()
        except redis.exceptions.NoScriptError:
            connection.send_command("EVAL", self._scripts[name], 0, *arguments)
            return connection.read_response()

    def close(self) -> None:
        """Let go of the connections. Idempotent."""
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().disconnect()
