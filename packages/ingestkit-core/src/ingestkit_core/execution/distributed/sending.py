"""Jobs on their way to the broker, many together: recorded in one transaction, sent in one go. In the submitter.

    put ─► waits for its turn ─► recorded, with all that wait ─► sent, with all that were recorded ─► watched

Each turn takes what came in during the one before, so a job alone goes at once and a thousand go in ten turns.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ingestkit_core.errors import ErrorCode, ExecutionError, StoreError
from ingestkit_core.execution.distributed.broker import Broker
from ingestkit_core.stores.jobs import JobJournal, JobRequest

__all__ = ["Outgoing", "Sender"]

logger = logging.getLogger(__name__)

_SENT_TOGETHER = 200
_AWAY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A job to be sent. ``on_done``, where somebody waits, is told when it is done or cannot be sent."""

    job_id: str
    request: JobRequest
    on_done: Callable[[str], None] = lambda _: None


class Sender:
    """Records and sends jobs: those of ``send`` in the caller's thread, those of ``put`` in one of its own.

    ``watch`` is handed what ``put`` brought, once it was sent.
    """

    def __init__(
        self, journal: JobJournal, broker: Broker, store_url: str | None, watch: Callable[[list[Outgoing]], None]
    ) -> None:
        self._journal = journal
        self._broker = broker
        self._store_url = store_url
        self._watch = watch
        self._changed = threading.Condition()
        self._waiting: dict[str, Outgoing] = {}
        self._turn: dict[str, Outgoing] = {}
        self._failed: dict[str, ExecutionError] = {}
        self._away: ExecutionError | None = None
        self._away_until = 0.0
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, job: Outgoing) -> None:
        """Send it soon."""
        with self._changed:
            if self._closed:
                raise ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, "this execution backend was closed")
            self._waiting[job.job_id] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_all, name="ingestkit-sending", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, job_id: str, seconds: float | None) -> bool:
        """Wait until a job is on its way or failed; False when the time is up.

        Raises the ExecutionError of one that could not be sent, once.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: job_id not in self._waiting and job_id not in self._turn, seconds):
                return False
            if (failure := self._failed.pop(job_id, None)) is not None:
                raise failure
        return True

    def take_back(self, job_id: str) -> Outgoing | None:
        """A job whose turn has not come: it will not be sent. One whose turn it is is waited for."""
        with self._changed:
            if (job := self._waiting.pop(job_id, None)) is None:
                self._changed.wait_for(lambda: job_id not in self._turn)
            return job

    def close(self) -> None:
        """Send what waits, and end. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _send_all(self) -> None:
        while turn := self._next_turn():
            try:
                self.send(turn)
                self._watch(turn)
            except Exception as exc:  # noqa: BLE001 - outermost: who waits for these jobs would wait for ever
                failure = _failure(exc)
                self._ended({job.job_id: failure for job in turn})
                for job in turn:
                    job.on_done(job.job_id)
            else:
                self._ended({})

    def _next_turn(self) -> list[Outgoing]:
        """Jobs that wait; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            for job_id in list(self._waiting)[:_SENT_TOGETHER]:
                self._turn[job_id] = self._waiting.pop(job_id)
            return list(self._turn.values())

    def _ended(self, failed: dict[str, ExecutionError]) -> None:
        with self._changed:
            self._turn.clear()
            self._failed.update(failed)
            self._changed.notify_all()

    def send(self, jobs: list[Outgoing]) -> None:
        """Record jobs, then send them. Raises ExecutionError (E_EXECUTION_SUBMIT); then none is in the journal."""
        try:
            self._journal.submit_all([(job.job_id, job.request) for job in jobs])
        except StoreError as exc:
            raise ExecutionError(
                ErrorCode.E_EXECUTION_SUBMIT, f"the job cannot be recorded: {exc.message}", recoverable=True
            ) from exc
        job_ids = [job.job_id for job in jobs]
        try:
            self._to_broker(job_ids)
        except ExecutionError:
            with contextlib.suppress(StoreError):
                self._journal.release(job_ids)
            raise

    def _to_broker(self, job_ids: list[str]) -> None:
        """Send, or say at once that the broker was away just now: a batch does not wait for it each time."""
        if self._away is not None and time.monotonic() < self._away_until:
            raise self._away
        try:
            self._broker.send(job_ids, self._store_url)
        except ExecutionError as exc:
            self._away, self._away_until = exc, time.monotonic() + _AWAY_SECONDS
            raise


def _failure(exc: Exception) -> ExecutionError:
    if isinstance(exc, ExecutionError):
        return exc
    logger.error("jobs could not be sent", exc_info=exc)
    message = f"the job could not be sent ({type(exc).__name__})"
    return ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, message, recoverable=True)
