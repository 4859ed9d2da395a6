"""Celery as transport: one queue of job ids on Redis or RabbitMQ. JSON only, never pickle."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ingestkit_core.errors import ErrorCode, ExecutionError

__all__ = ["QUEUE", "TASK", "Broker", "check_url", "shown"]

QUEUE = "ingestkit"
TASK = "ingestkit.run"

_SCHEMES = ("redis", "rediss", "amqp", "amqps")
_MAX_DELIVERIES = 20
"""RabbitMQ drops a message after so many; the journal gives a job up long before."""
_MARGIN_SECONDS = 60.0
_BACKSTOP_SECONDS = 3600.0
_CONNECT_SECONDS = 5.0
_SENT_TOGETHER = 200
_SEND_AGAIN = {"max_retries": 4, "interval_start": 0.1, "interval_step": 0.4, "interval_max": 1.5}


def check_url(queue_url: str) -> str:
    """The scheme of a broker's URL. Raises ExecutionError for another one, or where Celery is missing."""
    scheme = urlsplit(queue_url).scheme
    if scheme not in _SCHEMES:
        raise ExecutionError(
            ErrorCode.E_EXECUTION_SUBMIT,
            f"no broker speaks {scheme or queue_url!r}: a queue is redis://host:6379/0 or amqp://user:password@host//",
        )
    try:
        import celery  # noqa: F401
        import redis  # noqa: F401
    except ImportError as exc:
        raise ExecutionError(
            ErrorCode.E_EXECUTION_SUBMIT, "a queue needs: pip install 'ingestkit-core[celery]'"
        ) from exc
    return scheme


def shown(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username or ''}:***@{parts.netloc.rpartition('@')[2]}").geturl()


class Broker:
    """A queue of job ids. ``document_seconds`` is the limit of a document that its settings must exceed."""

    def __init__(self, queue_url: str, document_seconds: float = 300.0) -> None:
        self.scheme = check_url(queue_url)
        self.url = queue_url
        self._error_types: tuple[type[Exception], ...] | None = None
        self.app = _app(queue_url, self.scheme, document_seconds)

    def check(self) -> None:
        """Raise ExecutionError if the broker does not answer now."""
        with self._translated(), self.app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.2, timeout=_CONNECT_SECONDS)

    def send(self, job_ids: Sequence[str], store_url: str | None, *, again: bool = False) -> None:
        """Put ids into the queue in one go, with the store whose journal has the jobs. Raises ExecutionError.

        What was sent when it failed stays sent: a message of a job that is not in the journal is dropped.
        """
        with self._translated(), self.app.producer_pool.acquire(block=True) as producer:
            left = list(job_ids)
            send = producer.connection.ensure(
                producer, lambda: self._send(producer, left, store_url, again=again), **_SEND_AGAIN
            )
            send()

    def _send(self, producer: Any, left: list[str], store_url: str | None, *, again: bool) -> None:
        """Send what is left; what is known to have been sent is not left any more."""
        from kombu.common import maybe_declare
        from kombu.exceptions import BatchPublishError

        maybe_declare(self.app.amqp.queues[QUEUE](producer.channel))
        one_by_one = not producer.supports_batch_publish
        try:
            with producer.batch(_SENT_TOGETHER):
                for job_id in list(left):
                    self._publish(producer, job_id, store_url, again=again)
                    if one_by_one:
                        left.remove(job_id)
        except BatchPublishError as exc:
            raise exc.__cause__ or exc from exc

    def _publish(self, producer: Any, job_id: str, store_url: str | None, *, again: bool) -> None:
        message = self.app.amqp.create_task_message(
            # A monitor shows the job's id; sent again, it is another message of the same job.
            uuid.uuid4().hex if again else job_id,
            TASK,
            (job_id, store_url),
            argsrepr=repr((job_id, shown(store_url) if store_url else None)),
            kwargsrepr="{}",
            ignore_result=True,
        )
        producer.publish(
            message.body,
            routing_key=QUEUE,
            exchange="",
            serializer="json",
            headers=message.headers,
            delivery_mode=2,
            **message.properties,
        )

    def waiting(self) -> int:
        """So many messages that no worker has taken yet. Raises ExecutionError."""
        with self._translated(), self.app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.2, timeout=_CONNECT_SECONDS)
            with connection.channel() as channel:
                # Not passive: on Redis a queue that is empty is no queue.
                return int(self.app.amqp.queues[QUEUE](channel).queue_declare().message_count)

    def close(self) -> None:
        """Let go of the connections. Idempotent."""
        self.app.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The border to the broker: its errors become ours."""
        errors = self._errors()
        try:
            yield
        except errors as exc:
            cause = exc.__cause__ or exc
            raise ExecutionError(
                ErrorCode.E_EXECUTION_SUBMIT,
                f"the broker at {shown(self.url)} does not answer ({type(cause).__name__}); nothing was submitted",
                recoverable=True,
            ) from exc

    def _errors(self) -> tuple[type[Exception], ...]:
        from kombu.exceptions import KombuError

        if self._error_types is None:
            transport = self.app.connection_for_write().transport
            self._error_types = (KombuError, OSError, *transport.connection_errors, *transport.channel_errors)
        return self._error_types


def _app(queue_url: str, scheme: str, document_seconds: float) -> Any:
    from celery import Celery
    from kombu.entity import Exchange, Queue

    app = Celery("ingestkit", broker=queue_url, set_as_current=False)
    is_redis = scheme.startswith("redis")
    arguments = {} if is_redis else {"x-queue-type": "quorum", "x-delivery-limit": _MAX_DELIVERIES}
    app.conf.update(
        task_queues=[Queue(QUEUE, Exchange(QUEUE, "direct"), QUEUE, durable=True, queue_arguments=arguments)],
        task_default_queue=QUEUE,
        task_default_exchange=QUEUE,
        task_default_routing_key=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        result_backend=None,
        task_ignore_result=True,
        # The result is in the journal before the message is acknowledged.
        task_acks_late=True,
        task_acks_on_failure_or_timeout=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=_CONNECT_SECONDS,
        broker_transport=f"{__package__}.redis_transport:Transport" if is_redis else None,
        broker_transport_options=_redis_options(document_seconds) if is_redis else {"confirm_publish": True},
    )
    return app


def _redis_options(document_seconds: float) -> dict[str, Any]:
    return {
        # A message that was taken and not acknowledged for so long is given to another worker.
        "visibility_timeout": max(document_seconds + _MARGIN_SECONDS, _BACKSTOP_SECONDS),
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
