"""Kombu's transport for Redis with fewer round trips: a small job costs hardly more than its commands.

    one BRPOP, then RPOP for as many places as are free ─► delivered
    once a turn of the event loop: what was taken and what was acknowledged meanwhile, in one pipeline

A client is made for each channel, not for each command. What was taken and acknowledged in the same turn is never
written down: a worker that dies in between loses messages, which are sent again from the journal, as all are.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import redis
from kombu.utils.json import dumps, loads

__all__ = ["Transport"]

logger = logging.getLogger(__name__)


class _QoS(redis.QoS):  # type: ignore[misc]  # kombu has no types of use
    """Notes what is taken and what is acknowledged, and writes both down together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._taken: dict[str, tuple[float, Any]] = {}
        self._acknowledged: list[str] = []

    def append(self, message: Any, delivery_tag: str) -> None:
        self._taken[delivery_tag] = (redis.time(), message)
        super(redis.QoS, self).append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        if self._taken.pop(delivery_tag, None) is None:
            self._acknowledged.append(delivery_tag)
        super(redis.QoS, self).ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        # Giving back reads what was written down.
        self.write_down()
        super().reject(delivery_tag, requeue)

    def restore_unacked(self, client: Any = None) -> None:
        self.write_down()
        super().restore_unacked(client)

    def restore_unacked_once(self, stderr: Any = None) -> None:
        # At exit another thread may be closing the connection: what cannot be given back is sent from the journal.
        if self.channel.connection is None:
            return
        try:
            super().restore_unacked_once(stderr)
        except self.channel.connection_errors as exc:
            logger.warning("what was taken and not done is not given back: %s", type(exc).__name__)

    def write_down(self) -> None:
        """On the thread of the event loop, as all of this."""
        if not self._taken and not self._acknowledged:
            return
        with self.pipe_or_acquire() as pipe:
            if self._taken:
                pipe.zadd(self.unacked_index_key, {tag: when for tag, (when, _) in self._taken.items()})
                pipe.hset(
                    self.unacked_key, mapping={tag: _restorable(message) for tag, (_, message) in self._taken.items()}
                )
            if self._acknowledged:
                pipe.zrem(self.unacked_index_key, *self._acknowledged)
                pipe.hdel(self.unacked_key, *self._acknowledged)
            pipe.execute()
        self._taken.clear()
        self._acknowledged.clear()


def _restorable(message: Any) -> str:
    """A message as kombu writes it down to restore it."""
    delivery = message.delivery_info
    text: str = dumps([message._raw, delivery["exchange"], delivery["routing_key"]])
    return text


class _Channel(redis.Channel):  # type: ignore[misc]  # kombu has no types of use
    QoS = _QoS
    _one_client: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)
        if self._one_client is None or self._one_client.connection_pool is not self.pool:
            self._one_client = super()._create_client()
        return self._one_client

    def _brpop_read(self, **options: Any) -> Any:
        read = super()._brpop_read(**options)
        for queue in () if self._closing else self.active_queues:
            if places := self.qos.can_consume_max_estimate():
                with self.conn_or_acquire() as client:
                    items = client.rpop(self._q_for_pri(queue, 0), places)
                for item in items or ():
                    self.connection._deliver(loads(item), queue)
        return read

    def close(self) -> None:
        if not self.closed and self._qos is not None:
            self._qos.write_down()
        super().close()


class Transport(redis.Transport):  # type: ignore[misc]  # kombu has no types of use
    """See kombu.transport.redis."""

    Channel = _Channel

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """See kombu.transport.redis."""
        super().register_with_event_loop(connection, loop)
        loop.on_tick.add(self._write_down)

    def _write_down(self) -> None:
        for channel in self.channels or ():
            if channel._qos is not None:
                channel._qos.write_down()
