"""Documents on this machine: a reader in workers, one finishing thread in the owner.

    submit ─► workers (processes or threads) ─► what they read ─► finish, on one thread ─► result

Reading happens anywhere, finishing (embed, commit) in one thread of the process that owns the store. A
worker that dies costs its document one further try, alone; then the document is set aside with the cause.
"""

from __future__ import annotations

import functools
import logging
import queue
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode, ExecutionError, IngestError, IngestkitError
from ingestkit_core.execution.memory_limit import default_memory_bytes
from ingestkit_core.execution.threads import ThreadPool
from ingestkit_core.execution.workers import Job, Outcome, WorkerPool
from ingestkit_core.models import ProcessingResult

__all__ = ["Finisher", "LocalExecutionBackend", "ReadDocument"]

logger = logging.getLogger(__name__)

_MAX_FINISHED_TOGETHER = 32
"""So many documents that are ready are finished in one go: their texts share embedding calls."""

_MAX_READS = 2


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """What a worker made of one document: a value, or the error that ended it.

    ``reads`` counts how often it was read; ``context`` is what the submitter sent along.
    """

    file_path: str
    source_uri: str | None
    value: Any
    error: IngestError | None
    reads: int
    seconds: float
    context: Any = None


class Finisher(ABC):
    """What the owner does with documents that were read. Runs in the finishing thread."""

    @abstractmethod
    def finish(self, documents: Sequence[ReadDocument]) -> list[ProcessingResult | None]:
        """One result per document, in order; None asks for the document to be read once more."""


@dataclass(slots=True)
class _Document:
    job_id: str
    file_path: str
    source_uri: str | None
    context: Any
    job: Job
    number: int = 0
    reads: int = 1
    deaths: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    result: ProcessingResult | None = None
    callbacks: list[Callable[[str], None]] = field(default_factory=list)


class LocalExecutionBackend:
    """An ExecutionBackend on supervised processes, or on threads.

    ``process_fn(file_path, config_dict)`` is a module-level function and runs in a worker. With ``finish``,
    its picklable return goes to ``finish(file_path, value) -> ProcessingResult`` in the owner; without it,
    it must itself be a ProcessingResult. Results live until ``close``.

    With threads nothing can be killed and a crash takes the process; PDF gains no speed from them.
    """

    def __init__(
        self,
        process_fn: Callable[[str, dict[str, Any]], Any],
        max_workers: int = 4,
        strategy: Literal["process", "thread"] = "process",
        finish: Callable[[str, Any], ProcessingResult] | Finisher | None = None,
        *,
        preload: Sequence[str] = (),
        max_documents_per_worker: int = 200,
        pool: WorkerPool | ThreadPool | None = None,
    ) -> None:
        if strategy not in ("process", "thread"):
            raise ValueError(f"no execution strategy {strategy!r}; there are 'process' and 'thread'")
        self._process_fn = process_fn
        self._max_workers = max_workers
        self._owns_pool = pool is None
        self._pool = pool or make_pool(
            strategy, max_workers, preload=preload, max_documents_per_worker=max_documents_per_worker
        )
        self._finisher = finish if isinstance(finish, Finisher) else _OneByOne(finish)
        self._documents: dict[str, _Document] = {}
        self._read: queue.SimpleQueue[tuple[_Document, Outcome] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._finishing: threading.Thread | None = None
        self._closed = False

    def submit(
        self,
        file_path: str,
        config: ProcessorConfig,
        source_uri: str | None = None,
        *,
        context: Any = None,
        on_done: Callable[[str], None] | None = None,
    ) -> str:
        """Start a document as soon as a worker is free; returns its job id.

        ``context`` reaches the finisher unchanged; ``on_done`` is called with the job id on the finishing
        thread. Raises PickleValidationError if the reader or the config cannot reach a worker.
        """
        limit = config.max_memory_mb
        job = Job(
            self._process_fn,
            (file_path, config.model_dump()),
            timeout_seconds=config.per_document_timeout_seconds,
            max_memory_bytes=limit * 1024 * 1024 if limit else default_memory_bytes(self._max_workers),
        )
        document = _Document(uuid.uuid4().hex, file_path, source_uri, context, job)
        if on_done is not None:
            document.callbacks.append(on_done)
        with self._lock:
            if self._closed:
                raise ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, "this execution backend was closed")
            self._documents[document.job_id] = document
            if self._finishing is None:
                self._finishing = threading.Thread(target=self._finish_all, name="ingestkit-finish", daemon=True)
                self._finishing.start()
        try:
            self._start(document)
        except IngestkitError:
            self.release(document.job_id)
            raise
        return document.job_id

    def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
        """See ExecutionBackend. The job's own limit is the config's and yields a result, not an exception."""
        document = self._documents.get(job_id)
        if document is None:
            raise ExecutionError(ErrorCode.E_EXECUTION_NOT_FOUND, f"no job {job_id!r} here")
        if not document.done.wait(timeout):
            raise ExecutionError(
                ErrorCode.E_EXECUTION_TIMEOUT,
                f"{document.file_path} is not done after {timeout:g} s of waiting; it goes on",
                recoverable=True,
            )
        assert document.result is not None
        return document.result

    def cancel(self, job_id: str) -> bool:
        """Stop a document that waits or is being read; False if it is over or being finished."""
        document = self._documents.get(job_id)
        return document is not None and not document.done.is_set() and self._pool.cancel(document.number)

    def release(self, job_id: str) -> None:
        """Forget a job and its result."""
        with self._lock:
            self._documents.pop(job_id, None)

    def close(self) -> None:
        """Kill what runs, finish what was read, leave no process. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            unfinished = [document for document in self._documents.values() if not document.done.is_set()]
        if self._owns_pool:
            self._pool.close()
        else:
            for document in unfinished:
                self._pool.cancel(document.number)
        self._read.put(None)
        if self._finishing is not None and self._finishing is not threading.current_thread():
            self._finishing.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, document: _Document) -> None:
        document.number = self._pool.submit(document.job, functools.partial(self._read_done, document))

    def _read_done(self, document: _Document, outcome: Outcome) -> None:
        """On the supervising thread: pass on, or try once more where a worker died under the document."""
        if outcome.worker_died and document.deaths == 0 and not self._closed:
            document.deaths += 1
            self._read_again(document, alone=True)
        else:
            self._read.put((document, outcome))

    def _read_again(self, document: _Document, *, alone: bool) -> None:
        job = document.job
        document.job = Job(job.function, job.args, job.timeout_seconds, job.max_memory_bytes, alone=alone)
        document.reads += 1
        try:
            self._start(document)
        except ExecutionError as exc:
            self._settle(document, _failed(document, exc.to_error()))

    def _finish_all(self) -> None:
        while (first := self._read.get()) is not None:
            batch, ended = [first], False
            while len(batch) < _MAX_FINISHED_TOGETHER and not self._read.empty():
                item = self._read.get()
                if item is None:
                    ended = True
                    break
                batch.append(item)
            self._finish_batch(batch)
            if ended:
                break
        for document in list(self._documents.values()):
            if not document.done.is_set():
                error = IngestError(
                    code=ErrorCode.E_EXECUTION_CANCELLED, message="cancelled before it was done", stage="execution"
                )
                self._settle(document, _failed(document, error))

    def _finish_batch(self, batch: Sequence[tuple[_Document, Outcome]]) -> None:
        documents = [document for document, _ in batch]
        read = [_opened(document, outcome) for document, outcome in batch]
        for document, result in zip(documents, self._finished(read), strict=True):
            if result is None and document.reads < _MAX_READS + document.deaths:
                self._read_again(document, alone=False)
            else:
                assert result is not None, "a finisher asked for a third read"
                self._settle(document, result)

    def _finished(self, read: Sequence[ReadDocument]) -> list[ProcessingResult | None]:
        """What the finisher makes of them. Its own failure costs one document, never its neighbours."""
        try:
            return self._finisher.finish(read)
        except Exception as exc:
            if len(read) > 1:
                return [result for document in read for result in self._finished([document])]
            logger.exception("file=%s status=deferred", Path(read[0].file_path).name)
            error = IngestError(
                code=ErrorCode.E_STORE_COMMIT,
                message=f"{Path(read[0].file_path).name} was read but not finished: {type(exc).__name__}",
                stage="store",
                recoverable=True,
            )
            failed = failed_result(read[0].file_path, error, read[0].seconds)
            return [failed.model_copy(update={"status": "deferred"})]

    def _settle(self, document: _Document, result: ProcessingResult) -> None:
        document.result = result
        document.done.set()
        for callback in document.callbacks:
            callback(document.job_id)


def make_pool(
    strategy: Literal["process", "thread"],
    max_workers: int,
    *,
    preload: Sequence[str] = (),
    max_documents_per_worker: int = 200,
) -> WorkerPool | ThreadPool:
    """The workers of a strategy; several backends may share them."""
    if strategy == "thread":
        return ThreadPool(max_workers)
    return WorkerPool(max_workers, preload=preload, max_jobs_per_worker=max_documents_per_worker)


class _OneByOne(Finisher):
    """A user's ``finish`` function, or none: the reader's value is the result."""

    def __init__(self, function: Callable[[str, Any], ProcessingResult] | None) -> None:
        self._function = function

    def finish(self, documents: Sequence[ReadDocument]) -> list[ProcessingResult | None]:
        return [self._result(document) for document in documents]

    def _result(self, document: ReadDocument) -> ProcessingResult:
        if document.error is not None:
            return failed_result(document.file_path, document.error, document.seconds)
        try:
            value = self._function(document.file_path, document.value) if self._function else document.value
        except IngestkitError as exc:
            return failed_result(document.file_path, exc.to_error(), document.seconds)
        except Exception as exc:  # noqa: BLE001  # somebody's function; its fault becomes this document's result
            error = IngestError(
                code=ErrorCode.E_STORE_COMMIT, message=f"finish raised {type(exc).__name__}", stage="store"
            )
            return failed_result(document.file_path, error, document.seconds)
        if not isinstance(value, ProcessingResult):
            message = f"{'finish' if self._function else 'process_fn'} returned {type(value).__name__}, not a result"
            error = IngestError(code=ErrorCode.E_EXECUTION_RESULT_LOST, message=message, stage="execution")
            return failed_result(document.file_path, error, document.seconds)
        return value


def failed_result(file_path: str, error: IngestError, seconds: float = 0.0) -> ProcessingResult:
    """The result of a document that ended in an error before anything of it was stored."""
    cancelled = error.code == ErrorCode.E_EXECUTION_CANCELLED
    return ProcessingResult(
        file_path=file_path,
        status="cancelled" if cancelled else "quarantined",
        errors=(error.code,),
        error_details=(error,),
        processing_time_seconds=seconds,
    )


def _failed(document: _Document, error: IngestError) -> ProcessingResult:
    return failed_result(document.file_path, error)


def _opened(document: _Document, outcome: Outcome) -> ReadDocument:
    value, error = None, outcome.error
    if error is None:
        try:
            value = outcome.value()
        except Exception as exc:  # noqa: BLE001  # unpickling runs what the reader's types define
            error = IngestError(
                code=ErrorCode.E_EXECUTION_RESULT_LOST,
                message=f"the result could not be opened: {type(exc).__name__}",
                stage="execution",
            )
    return ReadDocument(
        document.file_path, document.source_uri, value, error, document.reads, outcome.seconds, document.context
    )
