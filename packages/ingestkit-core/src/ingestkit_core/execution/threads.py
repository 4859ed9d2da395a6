"""Jobs on threads of this process, behind the same door as the supervised workers.

What threads can promise: a late job is reported late at once and its thread is left to itself (a thread
cannot be killed), the others go on, and the interpreter still exits. What they cannot: survive a crash,
stop a loop, give memory back.
"""

from __future__ import annotations

import heapq
import itertools
import shutil
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestkit_core.errors import ErrorCode, ExecutionError, IngestError, IngestkitError
from ingestkit_core.execution.workers import Job, Outcome, Sealed
from ingestkit_core.progress import Report, reporting_to
from ingestkit_core.spool import fresh_directory, is_no_room, no_room, spooling, working_in

__all__ = ["ThreadPool"]


@dataclass(slots=True)
class _Run:
    number: int
    job: Job
    on_done: Callable[[Outcome], None]
    on_note: Report | None = None
    started: float = 0.0
    settled: bool = False


class ThreadPool:
    """The interface of WorkerPool on daemon threads. Arguments and results are handed over as they are."""

    def __init__(self, max_workers: int) -> None:
        self._max_workers = max_workers
        self._changed = threading.Condition()
        self._waiting: deque[_Run] = deque()
        self._running: dict[int, _Run] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._numbers = itertools.count(1)
        self._threads = 0
        self._closed = False
        self._watch: threading.Thread | None = None

    def submit(self, job: Job, on_done: Callable[[Outcome], None], on_note: Report | None = None) -> int:
        """Queue a job; ``on_done`` is called once, on the job's thread or on the watching one.

        ``on_note`` is told on the job's thread how far it says it is.
        """
        with self._changed:
            if self._closed:
                raise ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, "the threads were closed")
            run = _Run(next(self._numbers), job, on_done, on_note)
            self._waiting.append(run)
            if self._threads < self._max_workers:
                self._start_thread()
            if job.timeout_seconds is not None and self._watch is None:
                self._watch = threading.Thread(target=self._watch_deadlines, name="ingestkit-watch", daemon=True)
                self._watch.start()
            self._changed.notify_all()
            return run.number

    def cancel(self, number: int, *, waiting_only: bool = False) -> bool:
        """Drop a waiting job, or (unless ``waiting_only``) give up on a running one; False if it is over."""
        with self._changed:
            waiting = [run for run in self._waiting if run.number == number]
            for run in waiting:
                self._waiting.remove(run)
            running = [run for run in self._running.values() if run.number == number]
            runs = waiting or ([] if waiting_only else running)
        for run in runs:
            self._settle(run, _failure(ErrorCode.E_EXECUTION_CANCELLED, "cancelled"))
        return bool(runs)

    def drain(self, timeout_seconds: float | None = None) -> bool:
        """Wait until nothing waits or runs; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._running, timeout_seconds)

    def close(self) -> None:
        """Drop what waits and give up on what runs. Idempotent."""
        with self._changed:
            self._closed = True
            runs = [*self._waiting, *self._running.values()]
            self._waiting.clear()
            self._changed.notify_all()
        for run in runs:
            self._settle(run, _failure(ErrorCode.E_EXECUTION_CANCELLED, "cancelled: the threads were closed"))

    def room(self) -> Path:
        """A fresh directory for what is no job's; it goes with the process at the latest."""
        with spooling():
            directory = fresh_directory()
            directory.mkdir(parents=True)
        return directory

    def _start_thread(self) -> None:
        self._threads += 1
        threading.Thread(target=self._work, name="ingestkit-reader", daemon=True).start()

    def _work(self) -> None:
        while True:
            run = self._next_run()
            if run is None:
                return
            outcome = _run(run)
            if not self._settle(run, outcome):
                # Given up on meanwhile: another thread took this one's place, and nobody wants what it found.
                outcome.discard()
                return

    def _next_run(self) -> _Run | None:
        with self._changed:
            while not self._waiting or not self._may_start(self._waiting[0]):
                if self._closed:
                    self._threads -= 1
                    return None
                self._changed.wait()
            run = self._waiting.popleft()
            run.started = time.monotonic()
            self._running[run.number] = run
            if run.job.timeout_seconds is not None:
                heapq.heappush(self._deadlines, (run.started + run.job.timeout_seconds, run.number))
                self._changed.notify_all()
            return run

    def _may_start(self, run: _Run) -> bool:
        alone_is_running = any(other.job.alone for other in self._running.values())
        return not alone_is_running and not (run.job.alone and self._running)

    def _settle(self, run: _Run, outcome: Outcome) -> bool:
        """Report an outcome, once; False if the job had one already."""
        with self._changed:
            if run.settled:
                return False
            run.settled = True
            was_running = self._running.pop(run.number, None) is not None
            abandoned = was_running and outcome.error is not None and outcome.error.code in _GIVEN_UP
            if abandoned:
                self._threads -= 1
                if not self._closed:
                    self._start_thread()
            self._changed.notify_all()
        run.on_done(outcome)
        return not abandoned

    def _watch_deadlines(self) -> None:
        while True:
            with self._changed:
                while not self._deadlines or self._deadlines[0][0] > time.monotonic():
                    if self._closed and not self._running:
                        return
                    wait = self._deadlines[0][0] - time.monotonic() if self._deadlines else None
                    self._changed.wait(wait)
                _, number = heapq.heappop(self._deadlines)
                run = self._running.get(number)
            if run is not None:
                limit = run.job.timeout_seconds
                message = f"took longer than {limit:g} s; its thread cannot be stopped and is left to itself"
                self._settle(run, _failure(ErrorCode.E_EXECUTION_TIMEOUT, message, seconds=limit or 0.0))


_GIVEN_UP = (ErrorCode.E_EXECUTION_TIMEOUT, ErrorCode.E_EXECUTION_CANCELLED)


class _Value(Outcome):
    """An outcome whose value never left the process."""

    __slots__ = ("_kept",)
    _kept: Any

    def __init__(self, value: Any, seconds: float, directory: Path | None) -> None:
        super().__init__(None, None, None, None, False, seconds, None, directory)
        object.__setattr__(self, "_kept", value)

    def value(self) -> Any:
        return self._kept

    def sealed(self) -> Sealed:
        return _Kept(self._kept)


class _Kept(Sealed):
    """A result that is handed over as it is."""

    __slots__ = ()

    def value(self) -> Any:
        return self.content


def _run(run: _Run) -> Outcome:
    directory = fresh_directory()
    with working_in(directory):
        outcome = _called(run)
    if outcome.error is None and directory.exists():
        return _Value(outcome.value(), outcome.seconds, directory)
    shutil.rmtree(directory, ignore_errors=True)
    return outcome


def _called(run: _Run) -> Outcome:
    job, started = run.job, run.started
    try:
        with reporting_to(run.on_note):
            value = job.function(*job.args)
    except IngestkitError as exc:
        return Outcome(None, exc.to_error(), None, None, False, time.monotonic() - started, None)
    except MemoryError:
        return _failure(ErrorCode.E_EXECUTION_MEMORY, "ran out of memory", seconds=time.monotonic() - started)
    except BaseException as exc:  # noqa: BLE001  # the outermost catch of a job: a thread has nobody above it
        message = f"{type(exc).__name__} raised while reading"
        error = no_room(exc).to_error() if is_no_room(exc) else _error(ErrorCode.E_EXECUTION_CRASHED, message)
        text = "".join(traceback.format_exception(exc))
        return Outcome(None, error, type(exc).__name__, text, False, time.monotonic() - started, None)
    return _Value(value, time.monotonic() - started, None)


def _failure(code: ErrorCode, message: str, *, seconds: float = 0.0) -> Outcome:
    return Outcome(None, _error(code, message), None, None, False, seconds, None)


def _error(code: ErrorCode, message: str) -> IngestError:
    return IngestError(code=code, message=message, stage="execution")
