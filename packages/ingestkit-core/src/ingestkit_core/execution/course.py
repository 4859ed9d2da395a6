"""A document as a course of jobs on shared workers: one after another, and side by side. In the owner.

    read ─► value ──────────────────────────────────────────► on_read
      └───► Split ─► part, part, part ─► assemble ─► value, or a further Split

What a part brings back goes to ``assemble`` unopened, as bytes or the name of a file, so the owner spends next
to nothing on a large document. A worker that dies costs its job one further try, alone. One thread advances
all courses; supervising and finishing have threads of their own, so none of them waits for another.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from ingestkit_core.errors import ErrorCode, ExecutionError, IngestError, IngestkitError
from ingestkit_core.execution import causes
from ingestkit_core.execution.threads import ThreadPool
from ingestkit_core.execution.workers import Job, Outcome, Sealed, WorkerPool
from ingestkit_core.extraction import Split
from ingestkit_core.progress import Report, Stage

__all__ = ["Course", "Courses", "Limits"]

_STAGES = get_args(Stage)


@dataclass(frozen=True, slots=True)
class Limits:
    """What each job of a document may take: seconds from its start, and resident bytes of its worker."""

    timeout_seconds: float | None = None
    max_memory_bytes: int | None = None


@dataclass(slots=True, eq=False)
class Course:
    """One document under way. ``seconds`` is what its jobs took together; the rest is the engine's own.

    ``outcomes`` are the jobs whose files must stay until the document is done with: see :meth:`discard`.
    """

    function: Callable[..., Any]
    file_path: str
    config: dict[str, Any]
    limits: Limits
    on_read: Callable[[Course, Any, IngestError | None], None]
    on_report: Report | None = None
    seconds: float = 0.0
    numbers: set[int] = field(default_factory=set)
    split: Split | None = None
    waiting: deque[int] = field(default_factory=deque)
    values: dict[int, Sealed | IngestError] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    over: bool = False
    stopped: bool = False

    def report(self, stage: Stage, done: int = 0, total: int = 0) -> None:
        """Tell who watches where the document is."""
        if self.on_report is not None and stage in _STAGES:
            self.on_report(stage, done, total)

    def discard(self) -> None:
        """Remove the files its jobs left. To be called when what was read has been used."""
        outcomes, self.outcomes = self.outcomes, []
        for outcome in outcomes:
            outcome.discard()

    def begin_anew(self) -> None:
        """Back to before its first job."""
        self.discard()
        self.split = None
        self.values = {}
        self.over = False


@dataclass(slots=True, eq=False)
class _Task:
    """One job of a document: the whole of it, one part (``part`` is its number), or putting them together."""

    course: Course
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    part: int | None = None
    number: int = 0
    has_died: bool = False


class Courses:
    """Takes documents through their jobs on a pool that others may use, too."""

    def __init__(self, pool: WorkerPool | ThreadPool) -> None:
        self._pool = pool
        self._ended: queue.SimpleQueue[tuple[_Task, Outcome] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def start(self, course: Course) -> None:
        """Begin a document, or begin it anew; ``on_read`` is called once, on the advancing thread.

        Raises PickleValidationError if the reader or the config cannot reach a worker, and ExecutionError
        where no jobs are taken any more.
        """
        with self._lock:
            if self._closed:
                raise ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, "no document is begun here any more: it was closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._advance_all, name="ingestkit-advance", daemon=True)
                self._thread.start()
        course.begin_anew()
        self._submit(_Task(course, course.function))

    def cancel(self, course: Course, *, waiting_only: bool = False) -> bool:
        """Stop a document; with ``waiting_only`` only one that no worker has begun. False if it is too late."""
        if course.over or (waiting_only and course.split is not None):
            return False
        course.stopped = course.stopped or not waiting_only
        cancelled = [self._pool.cancel(number, waiting_only=waiting_only) for number in tuple(course.numbers)]
        return course.stopped or any(cancelled)

    def close(self) -> None:
        """Advance what has ended already, then stop. The pool stays."""
        with self._lock:
            self._closed = True
        self._ended.put(None)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _submit(self, task: _Task, *, alone: bool = False) -> None:
        course = task.course
        timeout = course.limits.timeout_seconds
        if task.part is not None and course.split is not None:
            timeout = course.split.part_timeout_seconds or timeout
        job = Job(
            task.function,
            (course.file_path, course.config, *task.arguments),
            timeout,
            course.limits.max_memory_bytes,
            alone=alone,
        )
        # What a part says of itself counts from its own beginning: the owner counts parts instead.
        on_note = course.report if task.part is None else None
        task.number = self._pool.submit(job, functools.partial(self._job_done, task), on_note)
        course.numbers.add(task.number)

    def _job_done(self, task: _Task, outcome: Outcome) -> None:
        """On the supervising thread: pass on, or try once more where a worker died under the job."""
        given_up = self._closed or task.course.stopped
        if outcome.worker_died and not task.has_died and not given_up:
            task.has_died = True
            try:
                self._submit(task, alone=True)
                return
            except ExecutionError as exc:
                outcome = Outcome(error=exc.to_error())
        self._ended.put((task, outcome))

    def _advance_all(self) -> None:
        while (ended := self._ended.get()) is not None:
            self._advance(*ended)

    def _advance(self, task: _Task, outcome: Outcome) -> None:
        course = task.course
        course.numbers.discard(task.number)
        course.seconds += outcome.seconds
        course.outcomes.append(outcome)
        if course.over:
            course.discard()
            return
        try:
            if course.stopped:
                raise _cancelled()
            if task.part is None:
                self._go_on(course, outcome)
            else:
                self._part_done(course, task.part, outcome)
        except IngestkitError as exc:
            self._end(course, None, exc.to_error())

    def _go_on(self, course: Course, outcome: Outcome) -> None:
        """A job that was about the whole document is done: end, or begin with its parts."""
        if outcome.error is not None:
            self._end(course, None, outcome.error)
            return
        value = outcome.value()
        if not isinstance(value, Split):
            self._end(course, value, None)
            return
        course.split, course.values = value, {}
        course.waiting = deque(range(len(value.parts)))
        course.report(value.stage, 0, sum(_weights(value)))
        for _ in range(value.max_parts_at_once or len(value.parts)):
            self._start_part(course)

    def _start_part(self, course: Course) -> None:
        if course.waiting and course.split is not None:
            part = course.waiting.popleft()
            self._submit(_Task(course, course.split.read_part, (course.split.parts[part],), part))

    def _part_done(self, course: Course, part: int, outcome: Outcome) -> None:
        split = course.split
        assert split is not None
        if outcome.error is None:
            course.values[part] = outcome.sealed()
        elif split.spares_failed_parts and outcome.error.code != ErrorCode.E_EXECUTION_CANCELLED:
            course.values[part] = outcome.error
        else:
            self._end(course, None, outcome.error)
            return
        weights = _weights(split)
        course.report(split.stage, sum(weights[number] for number in course.values), sum(weights))
        if len(course.values) < len(split.parts):
            self._start_part(course)
            return
        values = [course.values[number] for number in range(len(split.parts))]
        self._submit(_Task(course, _assembled, (split.assemble, split.carried, values)))

    def _end(self, course: Course, value: Any, error: IngestError | None) -> None:
        course.over = True
        for number in tuple(course.numbers):
            self._pool.cancel(number)
        course.on_read(course, value, error)


def _cancelled() -> ExecutionError:
    error = causes.cancelled()
    return ExecutionError(ErrorCode(error.code), error.message)


def _weights(split: Split) -> Sequence[int]:
    return split.weights or (1,) * len(split.parts)


def _assembled(
    file_path: str,
    config: dict[str, Any],
    assemble: Callable[[str, dict[str, Any], bytes, Sequence[Any]], Any],
    carried: bytes,
    values: Sequence[Sealed | IngestError],
) -> Any:
    """Open what the parts brought back and put it together. In a worker."""
    opened = [value.value() if isinstance(value, Sealed) else value for value in values]
    return assemble(file_path, config, carried, opened)
