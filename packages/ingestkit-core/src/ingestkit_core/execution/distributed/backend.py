"""Who submits documents to a queue and waits for their results. Runs in any process, needs no worker of its own."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from ingestkit_core.closing import Closing
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode, ExecutionError, IngestError, StoreError
from ingestkit_core.execution.distributed.broker import Broker, check_url
from ingestkit_core.execution.distributed.sending import Outgoing, Sender
from ingestkit_core.execution.distributed.waits import SILENCE_SECONDS, Waits
from ingestkit_core.execution.local import failed_result
from ingestkit_core.keys import is_url
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import normalised
from ingestkit_core.stamps import NOTHING_SAID, Stamp
from ingestkit_core.stores import open_store
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.stores.jobs import JobJournal, JobRecord, JobRequest
from ingestkit_core.stores.redis_jobs import RedisJobs

__all__ = ["DistributedExecutionBackend"]

_ASK_AGAIN_SECONDS = 0.25
_RELEASED_TOGETHER = 100


class DistributedExecutionBackend(Closing):
    """An ExecutionBackend on a broker: ``redis://`` or ``amqp://``. ``ingestkit worker`` runs the documents.

    Job records live in the journal of the store at ``store_url``; on Redis they may live there instead, and
    whatever store the workers serve is committed to. Any process that knows a job's id may ask for its result,
    also after the one that submitted it is gone.

    ``store`` hands in an open store in place of its URL, ``format_name`` says whose the settings are (the
    worker looks at the file otherwise), ``embedder`` is the identity of the embedder the workers must have.
    """

    in_flight = 1000
    """So many documents of a batch are kept under way at a time."""

    def __init__(
        self,
        queue_url: str,
        store_url: str | None = None,
        *,
        store: DocumentStore | None = None,
        format_name: str | None = None,
        embedder: str | None = None,
    ) -> None:
        scheme = check_url(queue_url)
        self._own_store = open_store(store_url) if store_url is not None and store is None else None
        store = store or self._own_store
        if store is None and not scheme.startswith("redis"):
            raise ExecutionError(
                ErrorCode.E_EXECUTION_SUBMIT,
                f"a queue on {scheme}:// needs a store_url: it carries jobs, their records live in the store",
            )
        self._broker = Broker(queue_url)
        self._redis_jobs = RedisJobs(queue_url) if store is None else None
        self._journal: JobJournal = self._redis_jobs or _jobs_of(store)
        self._store_url = store.url if store is not None else None
        self._format_name = format_name
        self._embedder = embedder
        self._last: tuple[ProcessorConfig | None, dict[str, object]] = (None, {})
        self._waits = Waits(self._journal)
        self._sender = Sender(self._journal, self._broker, self._store_url, self._wait_for)
        self._withdrawn: dict[str, str] = {}
        self._released: list[str] = []
        self._lock = threading.Lock()

    def submit(
        self,
        file_path: str,
        config: ProcessorConfig,
        source_uri: str | None = None,
        *,
        root: Path | None = None,
        refresh: bool = False,
        checksum: bool = False,
        content_hash: str | None = None,
        on_done: Callable[[str], None] | None = None,
    ) -> str:
        """Record the job, then send it; returns its id.

        The worker must see the file under the same path, or fetches it where ``file_path`` is a URL that fsspec
        opens there (``content_hash`` makes sure that it is the same). ``on_done`` is called with the id on a thread
        of this backend. Raises ExecutionError (E_EXECUTION_SUBMIT) when broker or journal does not answer; then
        nothing was submitted.
        """
        job = self._job(file_path, config, source_uri, root, refresh, checksum, content_hash, on_done)
        self._sender.send([job])
        if on_done is not None:
            self._wait_for([job])
        return job.job_id

    def submit_soon(
        self,
        file_path: str,
        config: ProcessorConfig,
        source_uri: str | None = None,
        *,
        root: Path | None = None,
        refresh: bool = False,
        checksum: bool = False,
        content_hash: str | None = None,
        stamp: Stamp | None = None,
        on_done: Callable[[str], None],
    ) -> str:
        """``submit`` for one of many: it is recorded and sent on another thread, together with others.

        By the ``stamp`` of a file at a URL the worker may tell that it is unchanged, without fetching it.
        ``get_result`` raises what ``submit`` would have raised, and ``on_done`` is told then too.
        """
        job = self._job(file_path, config, source_uri, root, refresh, checksum, content_hash, on_done, stamp)
        self._sender.put(job)
        return job.job_id

    def _job(
        self,
        file_path: str,
        config: ProcessorConfig,
        source_uri: str | None,
        root: Path | None,
        refresh: bool,
        checksum: bool,
        content_hash: str | None,
        on_done: Callable[[str], None] | None,
        stamp: Stamp | None = None,
    ) -> Outgoing:
        stamp = stamp or NOTHING_SAID
        request = JobRequest(
            file_path=file_path if is_url(file_path) else normalised(file_path),
            config=self._settings(config),
            parser_version=config.parser_version,
            source_uri=source_uri,
            format_name=self._format_name,
            root=str(root) if root is not None else None,
            refresh=refresh,
            checksum=checksum,
            content_hash=content_hash,
            store_url=self._store_url,
            embedder=self._embedder,
            size_bytes=stamp.size_bytes,
            modified_ns=stamp.modified_ns,
            etag=stamp.etag,
        )
        job_id = uuid.uuid4().hex
        return Outgoing(job_id, request, on_done) if on_done is not None else Outgoing(job_id, request)

    def _wait_for(self, jobs: list[Outgoing]) -> None:
        self._waits.add({job.job_id: job.on_done for job in jobs})

    def _settings(self, config: ProcessorConfig) -> dict[str, object]:
        """What a worker must know: the settings that are no defaults, but not on which engine they were submitted."""
        kept, settings = self._last
        if kept is not config:
            values = config.model_dump(mode="json", exclude_defaults=True)
            settings = {name: value for name, value in values.items() if name not in _ENGINE}
            self._last = (config, settings)
        return settings

    def check(self) -> None:
        """Raise ExecutionError (E_EXECUTION_SUBMIT) if the broker does not answer now."""
        self._broker.check()

    def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
        """See ExecutionBackend. Any process may ask.

        Raises ExecutionError: E_EXECUTION_NOT_FOUND, E_EXECUTION_TIMEOUT (the job goes on), E_EXECUTION_SUBMIT for
        a job of ``submit_soon`` that could not be sent, or E_EXECUTION_RESULT_LOST when its record went away
        meanwhile or its journal does not answer.
        """
        if (file_path := self._withdrawn.pop(job_id, None)) is not None:
            return _cancelled(file_path)
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._sender.wait(job_id, timeout):
            raise _impatient(job_id, timeout or 0.0)
        record = self._waits.take(job_id) or self._find(job_id, deadline)
        if record is None:
            raise ExecutionError(ErrorCode.E_EXECUTION_NOT_FOUND, f"no job {job_id!r} in the journal")
        if record.state != "done":
            done = threading.Event()
            self._waits.add({job_id: lambda _: done.set()})
            if not done.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
                raise _impatient(record.request.file_path, timeout or 0.0)
            record = self._waits.take(job_id) or self._find(job_id, deadline)
            if record is None:
                raise ExecutionError(
                    ErrorCode.E_EXECUTION_RESULT_LOST,
                    f"the record of job {job_id!r} is gone: it was released elsewhere, or its journal was emptied",
                    recoverable=True,
                )
        return record.result()

    def _find(self, job_id: str, deadline: float | None) -> JobRecord | None:
        """The record of a job. A journal that does not answer is asked again, within limits."""
        give_up = time.monotonic() + SILENCE_SECONDS
        while True:
            try:
                return self._journal.find(job_id)
            except StoreError as exc:
                if not exc.recoverable or time.monotonic() > give_up:
                    raise ExecutionError(
                        ErrorCode.E_EXECUTION_RESULT_LOST,
                        f"the journal that has job {job_id!r} cannot be read: {exc.message}",
                        recoverable=exc.recoverable,
                    ) from exc
                if deadline is not None and time.monotonic() > deadline:
                    raise _impatient(job_id, 0.0) from exc
            time.sleep(_ASK_AGAIN_SECONDS)

    def cancel(self, job_id: str, *, waiting_only: bool = False) -> bool:
        """Withdraw a job that no worker has begun; its result here says that it was cancelled.

        False where it runs or is done already: what runs elsewhere is not stopped, whatever ``waiting_only`` says.
        """
        if (job := self._sender.take_back(job_id)) is not None:
            self._withdrawn[job_id] = job.request.file_path
            job.on_done(job_id)
            return True
        try:
            record = self._journal.find(job_id)
            if record is None or not self._journal.withdraw(job_id):
                return False
        except StoreError:
            return False
        self._withdrawn[job_id] = record.request.file_path
        return True

    def release(self, job_id: str) -> None:
        """Forget a job whose result was taken, soon."""
        self._waits.take(job_id)
        with self._lock:
            self._released.append(job_id)
            if len(self._released) < _RELEASED_TOGETHER:
                return
            released, self._released = self._released, []
        self._forget(released)

    def _forget(self, job_ids: list[str]) -> None:
        # What cannot be forgotten now is swept one day.
        with contextlib.suppress(StoreError):
            self._journal.release(job_ids)

    def close(self) -> None:
        """Stop waiting and let go of the connections; submitted jobs go on. Idempotent."""
        with self._lock:
            released, self._released = self._released, []
        if released:
            self._forget(released)
        self._sender.close()
        self._waits.close()
        self._broker.close()
        if self._redis_jobs is not None:
            self._redis_jobs.close()
        if self._own_store is not None:
            self._own_store.close()


def _jobs_of(store: DocumentStore | None) -> JobJournal:
    assert store is not None
    return store.jobs


_ENGINE = ("execution_backend", "execution_queue_url", "execution_max_workers", "execution_strategy")


def _cancelled(file_path: str) -> ProcessingResult:
    error = IngestError(
        code=ErrorCode.E_EXECUTION_CANCELLED, message="withdrawn before any worker began it", stage="execution"
    )
    return failed_result(file_path, error)


def _impatient(name: str, seconds: float) -> ExecutionError:
    return ExecutionError(
        ErrorCode.E_EXECUTION_TIMEOUT,
        f"{name} is not done after {seconds:g} s of waiting; it goes on",
        recoverable=True,
    )
