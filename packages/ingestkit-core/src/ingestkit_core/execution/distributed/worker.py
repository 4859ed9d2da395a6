"""Takes job ids from the broker and runs the jobs, several at a time, in the process that owns the store.

    id ─► begin in the journal ─► run(request), handed in ─► result into the journal ─► acknowledged

Celery's thread pool carries the waiting; reading happens in supervised processes below, which ``run`` brings.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import TypeVar

from ingestkit_core.errors import ErrorCode, ExecutionError, IngestError, IngestkitError, StoreError
from ingestkit_core.execution.distributed.broker import TASK, Broker, shown
from ingestkit_core.execution.distributed.keeping import Keeper, Pulse
from ingestkit_core.execution.local import failed_result
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores import open_store
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.stores.jobs import MAX_LOST_HOSTS, Begun, Claim, JobJournal, JobRecord, JobRequest
from ingestkit_core.stores.redis_jobs import RedisJobs

__all__ = ["QueueWorker", "refusal"]

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_THREADS_BESIDES = 2
"""So many jobs more than are read at once are taken: their sources are looked at and committed meanwhile."""


class QueueWorker:
    """Serves one queue for one store.

    ``run(request)`` does a job and returns its result, on several threads at once; a result of status
    "cancelled" gives the job back. ``on_done`` is told of each result on the same thread, ``on_ready`` once,
    when jobs are taken. ``only_one`` says that no other worker can be at work for this store, as it has one owner.
    """

    def __init__(
        self,
        queue_url: str,
        store: DocumentStore | None,
        run: Callable[[JobRequest], ProcessingResult],
        *,
        concurrency: int = 4,
        document_seconds: float = 300.0,
        pulse: Pulse | None = None,
        only_one: bool = False,
        on_done: Callable[[ProcessingResult], None] | None = None,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self._broker = Broker(queue_url, document_seconds)
        self._run_job = run
        self._threads = concurrency + _THREADS_BESIDES
        self._pulse = pulse or Pulse()
        self._only_one = only_one
        self._on_done = on_done
        self._on_ready = on_ready
        self._store_url = store.url if store is not None else None
        self._redis_jobs = RedisJobs(queue_url) if self._broker.scheme.startswith("redis") else None
        self._journals: dict[str | None, JobJournal] = {}
        if store is not None:
            self._journals[store.url] = store.jobs
        if self._redis_jobs is not None:
            self._journals[None] = self._redis_jobs
        self._stopping = threading.Event()
        # No other process ever has this name.
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def serve(self) -> None:
        """Run jobs until ``stop``; returns when those under way are done.

        Raises ExecutionError when the broker does not answer at the start, or refuses.
        """
        self._broker.check()
        keeper = Keeper(self.name, self._broker, self._journals, self._pulse)
        keeper.start(only_one=self._only_one)
        try:
            self._consume()
        finally:
            keeper.stop()
            self._broker.close()
            if self._redis_jobs is not None:
                self._redis_jobs.close()

    def stop(self) -> None:
        """Take no more jobs and finish those under way. Safe in a signal handler."""
        from celery.worker import state

        self._stopping.set()
        state.should_stop = 0

    def _consume(self) -> None:
        from celery.worker import WorkController, state

        app = self._broker.app
        state.should_stop = None
        app.task(self._perform_message, name=TASK, ignore_result=True, acks_late=True)
        app.finalize()
        # Celery looks the app up by itself in the threads of its pool.
        app.set_default()
        controller = WorkController(
            app=app,
            hostname=self.name.replace(":", "-"),
            pool_cls="threads",
            concurrency=self._threads,
            without_mingle=True,
            without_gossip=True,
            ready_callback=lambda _: self._on_ready() if self._on_ready is not None else None,
        )
        controller.start()
        if controller.exitcode:
            raise ExecutionError(
                ErrorCode.E_EXECUTION_SUBMIT,
                f"the queue at {shown(self._broker.url)} cannot be served; the log of celery says why",
            )

    def _perform_message(self, job_id: str, store_url: str | None) -> None:
        from celery.exceptions import Reject

        if not self.perform(job_id, store_url):
            raise Reject("given back", requeue=True)

    def perform(self, job_id: str, store_url: str | None) -> bool:
        """Do what a message asks for; False where the job is left to somebody else."""
        journal = self._journals.get(store_url) or self._under_another_url(job_id)
        if journal is None:
            self._refuse_foreign(job_id, store_url)
            return True
        begun = self._insist(lambda: journal.begin(job_id, self.name, self._pulse.lost_after_seconds))
        if begun is None:
            return False
        result = self._result(begun)
        if result is None:
            return True
        if result.status == "cancelled":
            return self._give_back(job_id, journal)
        recorded = self._insist(lambda: journal.finish(job_id, result))
        if recorded and self._on_done is not None:
            self._on_done(result)
        return recorded is not None

    def _under_another_url(self, job_id: str) -> JobJournal | None:
        """The served store's journal, if it has the job: one server may go by several names."""
        journal = self._journals.get(self._store_url) if self._store_url is not None else None
        if journal is None or self._insist(lambda: [journal.find(job_id)]) in ([None], None):
            return None
        return journal

    def _result(self, begun: Begun) -> ProcessingResult | None:
        """What a job came to; None where there is nothing to do.

        A job that a living worker has needs no second message: should that one be lost, it is sent again.
        """
        record = begun.record
        if record is None or begun.claim in (Claim.DONE, Claim.ELSEWHERE, Claim.UNKNOWN):
            return None
        if begun.claim is Claim.GIVEN_UP:
            return _given_up(record)
        try:
            return self._run_job(record.request)
        except IngestkitError as exc:
            return failed_result(record.request.file_path, exc.to_error())
        except Exception as exc:  # the outermost catch of a job: its message must not be lost with it
            logger.exception("job=%s status=deferred", record.job_id)
            message = f"{record.request.file_path}: {type(exc).__name__} raised by the worker {self.name}"
            return _deferred(record.request.file_path, ErrorCode.E_EXECUTION_CRASHED, message)

    def _give_back(self, job_id: str, journal: JobJournal) -> bool:
        try:
            journal.give_back(job_id, self.name)
        except StoreError as exc:
            logger.warning("job=%s give_back=%s", job_id, exc.code)
        return False

    def _insist(self, ask: Callable[[], _T]) -> _T | None:
        """What the journal answers. One that is away is asked again, until the worker is to stop: then None."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return ask()
            except StoreError as exc:
                logger.warning("worker=%s journal=%s", self.name, exc.code)
                if self._stopping.is_set():
                    return None
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _refuse_foreign(self, job_id: str, store_url: str | None) -> None:
        """A job of a store that is not served here: its own journal is told, where it can be opened."""
        ours = self._store_url or "none"
        message = (
            f"the worker {self.name} serves the store {ours}, the job is for {store_url}: start one for that store"
        )
        logger.error("job=%s refused=%s", job_id, message)
        if store_url is None:
            return
        try:
            with open_store(store_url) as store:
                record = store.jobs.find(job_id)
                if record is not None:
                    store.jobs.finish(job_id, refusal(record.request.file_path, message))
        except StoreError as exc:
            logger.error("job=%s its journal cannot be told: %s", job_id, exc.message)


def refusal(file_path: str, message: str) -> ProcessingResult:
    """The result of a job that this worker must not run: the document is not to blame."""
    return _deferred(file_path, ErrorCode.E_EXECUTION_SUBMIT, message)


def _given_up(record: JobRecord) -> ProcessingResult:
    message = f"{MAX_LOST_HOSTS} hosts were lost while they had this document; it is not tried again"
    error = IngestError(code=ErrorCode.E_EXECUTION_CRASHED, message=message, stage="execution")
    return failed_result(record.request.file_path, error)


def _deferred(file_path: str, code: ErrorCode, message: str) -> ProcessingResult:
    error = IngestError(code=code, message=message, stage="execution", recoverable=True)
    return failed_result(file_path, error).model_copy(update={"status": "deferred"})
