"""Documents on this machine: a reader in workers, one finishing thread in the owner.

    submit ─► workers (processes or threads) ─► what they read ─► finish, on one thread ─► result

A large document comes back as parts first, which are read side by side and put together by one last job.
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
from ingestkit_core.extraction import Split
from ingestkit_core.keys import printable
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
    """A submitted document. ``parts`` holds what came back of a document that is read in parts."""

    job_id: str
    file_path: str
    source_uri: str | None
    context: Any
    config: dict[str, Any]
    timeout_seconds: float
    max_memory_bytes: int | None
    numbers: set[int] = field(default_factory=set)
    reads: int = 1
    seconds: float = 0.0
    failed: bool = False
    split: Split | None = None
    parts: dict[int, Any] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)
    result: ProcessingResult | None = None
    callbacks: list[Callable[[str], None]] = field(default_factory=list)


@dataclass(slots=True)
class _Task:
    """One job of a document: the whole of it, one part (``part`` is its number), or putting them together."""

    document: _Document
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    part: int | None = None
    number: int = 0
    has_died: bool = False


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
        self._read: queue.SimpleQueue[tuple[_Task, Outcome] | None] = queue.SimpleQueue()
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
        document = _Document(
            uuid.uuid4().hex,
            file_path,
            source_uri,
            context,
            config.model_dump(),
            config.per_document_timeout_seconds,
            limit * 1024 * 1024 if limit else default_memory_bytes(self._max_workers),
        )
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
            self._start(_Task(document, self._process_fn))
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

    def cancel(self, job_id: str, *, waiting_only: bool = False) -> bool:
        """Stop a document that waits or (unless ``waiting_only``) is being read; False if it is too late."""
        document = self._documents.get(job_id)
        return document is not None and not document.done.is_set() and self._cancel_jobs(document, waiting_only)

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
                self._cancel_jobs(document)
        self._read.put(None)
        if self._finishing is not None and self._finishing is not threading.current_thread():
            self._finishing.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, task: _Task, *, alone: bool = False) -> None:
        document = task.document
        job = Job(
            task.function,
            (document.file_path, document.config, *task.arguments),
            document.timeout_seconds,
            document.max_memory_bytes,
            alone=alone,
        )
        task.number = self._pool.submit(job, functools.partial(self._read_done, task))
        document.numbers.add(task.number)

    def _cancel_jobs(self, document: _Document, waiting_only: bool = False) -> bool:
        cancelled = [self._pool.cancel(number, waiting_only=waiting_only) for number in tuple(document.numbers)]
        return any(cancelled)

    def _read_done(self, task: _Task, outcome: Outcome) -> None:
        """On the supervising thread: pass on, or try once more where a worker died under the document."""
        if outcome.worker_died and not task.has_died and not self._closed:
            task.has_died = True
            try:
                self._start(task, alone=True)
                return
            except ExecutionError as exc:
                outcome = Outcome(error=exc.to_error())
        self._read.put((task, outcome))

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

    def _finish_batch(self, batch: Sequence[tuple[_Task, Outcome]]) -> None:
        read = [(task.document, entry) for task, outcome in batch if (entry := self._advance(task, outcome))]
        if not read:
            return
        for (document, _), result in zip(read, self._finished([entry for _, entry in read]), strict=True):
            if result is not None:
                self._settle(document, result)
            else:
                assert document.reads < _MAX_READS, "a finisher asked for a third read"
                self._read_again(document)

    def _read_again(self, document: _Document) -> None:
        document.reads += 1
        document.split = None
        failed = self._begin([_Task(document, self._process_fn)])
        if failed is not None and failed.error is not None:
            self._settle(document, _failed(document, failed.error))

    def _advance(self, task: _Task, outcome: Outcome) -> ReadDocument | None:
        """What is read now; None while parts of the document are still to come, or after it failed."""
        document = task.document
        document.numbers.discard(task.number)
        document.seconds += outcome.seconds
        if document.failed:
            outcome.discard()
            return None
        value, error = _opened(outcome)
        if error is not None:
            document.failed = True
            self._cancel_jobs(document)
            return self._read_document(document, None, error)
        if isinstance(value, Split):
            document.split = value
            return self._begin(
                [_Task(document, value.read_part, (part,), number) for number, part in enumerate(value.parts)]
            )
        if task.part is None or document.split is None:
            return self._read_document(document, value, None)
        document.parts[task.part] = value
        if len(document.parts) < len(document.split.parts):
            return None
        values = [document.parts[number] for number in range(len(document.parts))]
        document.parts = {}
        return self._begin([_Task(document, document.split.assemble, (values,))])

    def _begin(self, tasks: Sequence[_Task]) -> ReadDocument | None:
        """Start a document's next jobs; if that cannot be, the document as failed."""
        document = tasks[0].document
        try:
            for task in tasks:
                self._start(task)
        except IngestkitError as exc:
            document.failed = True
            self._cancel_jobs(document)
            return self._read_document(document, None, exc.to_error())
        return None

    def _read_document(self, document: _Document, value: Any, error: IngestError | None) -> ReadDocument:
        return ReadDocument(
            document.file_path, document.source_uri, value, error, document.reads, document.seconds, document.context
        )

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
        file_path=printable(file_path),
        status="cancelled" if cancelled else "quarantined",
        errors=(error.code,),
        error_details=(error,),
        processing_time_seconds=seconds,
    )


def _failed(document: _Document, error: IngestError) -> ProcessingResult:
    return failed_result(document.file_path, error)


def _opened(outcome: Outcome) -> tuple[Any, IngestError | None]:
    """The value of an outcome, or why there is none."""
    if outcome.error is not None:
        return None, outcome.error
    try:
        return outcome.value(), None
    except IngestkitError as exc:
        return None, exc.to_error()
    finally:
        outcome.discard()
