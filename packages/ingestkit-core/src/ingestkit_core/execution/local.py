"""Documents on this machine: a reader in workers, one finishing thread in the owner.

    submit ─► a course of jobs on workers (processes or threads) ─► finish, on one thread ─► result

Reading happens anywhere, finishing (embed, commit) in one thread of the process that owns the store. What was
read waits for it in a bounded queue, so a slow store holds up reading rather than filling the memory.
"""

from __future__ import annotations

import functools
import logging
import queue
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ingestkit_core.closing import Closing
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode, ExecutionError, IngestError, IngestkitError
from ingestkit_core.execution import causes
from ingestkit_core.execution.asking import Answer, AskingThreads
from ingestkit_core.execution.course import Course, Courses, Limits
from ingestkit_core.execution.memory_limit import default_memory_bytes
from ingestkit_core.execution.threads import ThreadPool
from ingestkit_core.execution.workers import WorkerPool
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import printable
from ingestkit_core.progress import OnProgress, ProgressEvent, Report, Stage

__all__ = ["Finisher", "LocalExecutionBackend", "ReadDocument", "limits_of"]

logger = logging.getLogger(__name__)

_MAX_FINISHED_TOGETHER = 32
"""So many documents that are ready are finished in one go: their texts share embedding calls."""

_MAX_READS = 2


def _unwatched(stage: Stage, done: int = 0, total: int = 0) -> None:
    """What a document nobody watches reports to."""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """What workers made of one document: a value, or the error that ended it.

    ``reads`` counts how often it was read; ``context`` is what the submitter sent along; ``report`` tells who
    watches what becomes of it.
    """

    file_path: str
    source_uri: str | None
    value: Any
    error: IngestError | None
    reads: int
    seconds: float
    context: Any = None
    report: Report = _unwatched


class Finisher(ABC):
    """What the owner does with documents that were read. Runs in the finishing thread."""

    def question(self, document: ReadDocument) -> Callable[[], Answer] | None:
        """What is to be found out about a document before it is finished; None where nothing is.

        Called on the advancing thread, so it is quick; what it returns runs on a thread for questions, may take
        long and raises nothing.
        """
        return None

    @abstractmethod
    def finish(self, documents: Sequence[ReadDocument]) -> list[ProcessingResult | None]:
        """One result per document, in order; None asks for the document to be read once more."""


@dataclass(slots=True, eq=False)
class _Document:
    """A submitted document."""

    job_id: str
    course: Course
    config: dict[str, Any]
    source_uri: str | None
    context: Any
    callback: Callable[[str], None] | None
    reads: int = 1
    answer: Answer | None = None
    done: threading.Event = field(default_factory=threading.Event)
    result: ProcessingResult | None = None


class LocalExecutionBackend(Closing):
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
        self._courses = Courses(self._pool)
        self._finisher = finish if isinstance(finish, Finisher) else _OneByOne(finish)
        self._asking = AskingThreads()
        self._documents: dict[str, _Document] = {}
        self._read: queue.Queue[tuple[_Document, ReadDocument] | None] = queue.Queue(2 * _MAX_FINISHED_TOGETHER)
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
        on_progress: OnProgress | None = None,
    ) -> str:
        """Start a document as soon as a worker is free; returns its job id.

        ``context`` reaches the finisher unchanged; ``on_done`` is called with the job id on the finishing
        thread, ``on_progress`` with events on several. Raises PickleValidationError if the reader or the config
        cannot reach a worker.
        """
        job_id = uuid.uuid4().hex
        course = Course(
            self._process_fn,
            file_path,
            config.model_dump(),
            limits_of(config, self._max_workers),
            functools.partial(self._was_read, job_id),
            _reporting(file_path, on_progress) if on_progress is not None else None,
        )
        with self._lock:
            if self._closed:
                raise ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, "this execution backend was closed")
            self._documents[job_id] = _Document(job_id, course, course.config, source_uri, context, on_done)
            if self._finishing is None:
                self._finishing = threading.Thread(target=self._finish_all, name="ingestkit-finish", daemon=True)
                self._finishing.start()
        course.report("queued")
        try:
            self._courses.start(course)
        except IngestkitError:
            self.release(job_id)
            raise
        return job_id

    def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
        """See ExecutionBackend. The job's own limit is the config's and yields a result, not an exception."""
        document = self._documents.get(job_id)
        if document is None:
            raise ExecutionError(ErrorCode.E_EXECUTION_NOT_FOUND, f"no job {job_id!r} here")
        if not document.done.wait(timeout):
            raise ExecutionError(
                ErrorCode.E_EXECUTION_TIMEOUT,
                f"{document.course.file_path} is not done after {timeout:g} s of waiting; it goes on",
                recoverable=True,
            )
        assert document.result is not None
        return document.result

    def cancel(self, job_id: str, *, waiting_only: bool = False) -> bool:
        """Stop a document that waits or (unless ``waiting_only``) is being read; False if it is too late."""
        document = self._documents.get(job_id)
        return (
            document is not None
            and not document.done.is_set()
            and self._courses.cancel(document.course, waiting_only=waiting_only)
        )

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
        for document in unfinished:
            self._courses.cancel(document.course)
        if self._owns_pool:
            self._pool.close()
        self._courses.close()
        self._asking.close()
        if self._finishing is not None and self._finishing is not threading.current_thread():
            self._read.put(None)
            self._finishing.join()

    def _was_read(self, job_id: str, course: Course, value: Any, error: IngestError | None) -> None:
        """On the advancing thread: ask what is to be asked, or wait for a place in the finisher's queue."""
        document = self._documents.get(job_id)
        if document is None:  # released before it was done: nobody asks any more
            course.discard()
            return
        read = ReadDocument(
            course.file_path,
            document.source_uri,
            value,
            error,
            document.reads,
            course.seconds,
            document.context,
            course.report,
        )
        # What was read again under an answer's settings may have more to ask about.
        may_ask = error is None and (document.answer is None or document.answer.settings is not None)
        ask = self._finisher.question(read) if may_ask else None
        if ask is None:
            self._to_finish(document, read)
        else:
            course.report("classify")
            self._asking.submit(lambda: self._ask(document, read, ask))

    def _ask(self, document: _Document, read: ReadDocument, ask: Callable[[], Answer]) -> None:
        """On a thread for questions."""
        answer = ask()
        if self._closed:
            return
        document.answer = answer if document.answer is None else document.answer.then(answer)
        if answer.settings is None:
            self._to_finish(document, read)
            return
        document.course.config = {**document.course.config, **answer.settings}
        self._restart(document)

    def _to_finish(self, document: _Document, read: ReadDocument) -> None:
        if read.error is None and document.answer is not None:
            try:
                read = replace(read, value=document.answer.apply(read.value))
            except IngestkitError as exc:
                read = replace(read, value=None, error=exc.to_error())
        self._read.put((document, read))

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
                self._settle(document, failed_result(document.course.file_path, error))

    def _finish_batch(self, batch: Sequence[tuple[_Document, ReadDocument]]) -> None:
        for (document, _), result in zip(batch, self._finished([read for _, read in batch]), strict=True):
            if result is not None:
                self._settle(document, result)
            else:
                assert document.reads < _MAX_READS, "a finisher asked for a third read"
                self._read_again(document)

    def _read_again(self, document: _Document) -> None:
        # Its bytes are others now: so may be what there is to ask.
        document.reads += 1
        document.answer = None
        document.course.config = document.config
        self._restart(document)

    def _restart(self, document: _Document) -> None:
        try:
            self._courses.start(document.course)
        except IngestkitError as exc:
            error = causes.cancelled() if self._closed else exc.to_error()
            self._settle(document, failed_result(document.course.file_path, error))

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
        document.course.discard()
        document.result = result
        document.done.set()
        if document.callback is None:
            return
        try:
            document.callback(document.job_id)
        except Exception:
            # Somebody's function, on the thread that finishes everybody's documents.
            logger.exception("on_done raised")


def limits_of(config: ProcessorConfig, workers: int) -> Limits:
    """What each job of a document may take, where so many workers share the machine."""
    limit = config.max_memory_mb
    return Limits(config.per_document_timeout_seconds, limit << 20 if limit else default_memory_bytes(workers))


def _reporting(file_path: str, on_progress: OnProgress) -> Report:
    """Where a document reports to. Somebody's function: a fault of it is logged and costs nobody a document."""

    def report(stage: Stage, done: int = 0, total: int = 0) -> None:
        try:
            on_progress(ProgressEvent(file_path, stage, done, total))
        except Exception:
            logger.exception("on_progress raised")

    return report


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
