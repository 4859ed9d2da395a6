"""Kombu's transport for Redis with one client for each channel instead of one for each command.

Making a client of redis-py takes as long as its command: a sixth of what a small job costs in all.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis

__all__ = ["Transport"]


class _Channel(redis.Channel):  # type: ignore[misc]  # kombu has no types of use
    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()
        return self._kept


class Transport(redis.Transport):  # type: ignore[misc]  # kombu has no types of use
    """See kombu.transport.redis."""

    Channel = _Channel
