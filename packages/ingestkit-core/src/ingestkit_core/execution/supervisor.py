"""The loop that hands out jobs and answers for each of them. It has a thread of its own and does nothing else.

    waiting jobs ─► idle worker ─► answer ─► outcome ─► the consumer's on_done
                        │ deadline, memory, cancelled: SIGKILL to its process group
                        └ death ─► its one job fails with the cause; the next job gets a new worker

One worker is one process, one channel and at most one job in flight, so whatever happens to a process happens
to exactly one job. All reads and writes here are without waiting: nothing a worker does can hold up the loop.
"""

from __future__ import annotations

import json
import logging
import selectors
import shutil
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from math import inf

from ingestkit_core.errors import ErrorCode, IngestError
from ingestkit_core.execution import causes, wire
from ingestkit_core.execution.answer import job_path
from ingestkit_core.execution.causes import Exit
from ingestkit_core.execution.crew import Crew
from ingestkit_core.execution.jobs import Outcome
from ingestkit_core.execution.launch import Launcher
from ingestkit_core.execution.slots import Entry, State, Worker, outcome_of
from ingestkit_core.temporary import LockedDirectory

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)


class Supervisor:
    """The jobs of a pool and their workers.

    Everything is touched by the supervising thread alone, save the public fields, which submitters append to,
    set or look at.
    """

    def __init__(
        self, launcher: Launcher, directory: LockedDirectory, max_workers: int, max_jobs_per_worker: int
    ) -> None:
        self.waiting: deque[Entry] = deque()
        self.cancels: deque[tuple[int, bool]] = deque()
        """Numbers of jobs to cancel, and whether only if they still wait."""
        self.entries: dict[int, Entry] = {}
        self.hungry = False
        """Whether a new job should wake the loop."""
        self.draining = False
        self.drained = threading.Event()
        self.closing = False
        self._directory = directory
        self._max_jobs = max_jobs_per_worker
        self._selector = selectors.DefaultSelector()
        self._crew = Crew(
            launcher,
            self._selector,
            directory.path,
            max_workers,
            on_message=self._take,
            on_end=self._fail,
            on_unstartable=self._fail_waiting,
        )
        self._running = 0
        self._alone = False
        self._stuck = False
        self._first_wave = True
        self._settled: list[tuple[Entry, Outcome]] = []
        self._alarm, self._bell = socket.socketpair()
        for end in (self._alarm, self._bell):
            end.setblocking(False)
        self._selector.register(self._alarm, selectors.EVENT_READ, self._hush)

    @property
    def worker_pids(self) -> list[int]:
        """The process ids of the workers there are. From any thread."""
        return [worker.pid for worker in list(self._crew.workers.values()) if worker.pid is not None]

    def wake(self) -> None:
        """Make the loop look at once. From any thread."""
        with suppress(OSError):  # full: it will wake anyway; closed: it is gone
            self._bell.send(b"!")

    def run(self) -> None:
        """Supervise until told to close; then leave neither process nor file."""
        try:
            while not self.closing:
                self._dispatch()
                if self._settled:
                    self._deliver()
                else:
                    self._wait()
        finally:
            self.closing = True
            self._end()

    def forget(self) -> None:
        """Close the descriptors and touch nothing else: in a fork of the owner."""
        self._crew.forget()
        self._directory.forget()
        self._close_own()

    def _close_own(self) -> None:
        self._selector.close()
        self._alarm.close()
        self._bell.close()

    def _wait(self) -> None:
        # Jobs behind a stuck one change nothing, unless there is room to start a worker for them meanwhile.
        self.hungry = not self._stuck or self._crew.room > 0
        ready = self._selector.select(self._patience())
        self.hungry = False
        for key, _ in ready:
            if isinstance(key.data, Worker):
                self._crew.read(key.data)
            else:
                key.data()
        if self.cancels:
            self._cancel_asked()
        if self._crew.next_look <= time.monotonic():
            self._crew.look()

    def _patience(self) -> float | None:
        if (self.waiting and not self._stuck) or self.cancels or self.closing:
            return 0
        due = self._crew.next_look
        return None if due == inf else max(0.0, due - time.monotonic())

    def _hush(self) -> None:
        with suppress(BlockingIOError):
            while self._alarm.recv(4096):
                pass

    def _dispatch(self) -> None:
        while self.waiting:
            entry = self.waiting[0]
            if entry.settled:
                self.waiting.popleft()
            elif self._alone or (entry.job.alone and self._running):
                break
            elif not self._crew.idle or self._still_gathering():
                self._crew.grow(1 if entry.job.alone else len(self.waiting))
                break
            elif self._crew.hand(entry):
                self.waiting.popleft()
                self._running += 1
                self._alone = entry.job.alone
        self._stuck = bool(self.waiting)

    def _still_gathering(self) -> bool:
        # Else the first worker up would do all of a few quick jobs before the second one is there.
        self._first_wave = self._first_wave and bool(self._crew.booting())
        return self._first_wave

    def _take(self, worker: Worker, message: wire.Frame) -> None:
        entry = worker.entry
        if entry is None or worker.verdict is not None or message.number != entry.number:
            return
        if message.kind == wire.NOTE:
            _pass_on(entry, message)
            return
        outcome = outcome_of(message, self._directory.path, self._release(worker), worker.pid)
        self._free(worker, entry, outcome)
        self._settle(entry, outcome)

    def _release(self, worker: Worker) -> float:
        """Part a worker from its job; returns the seconds that took."""
        worker.entry = None
        self._running -= 1
        self._alone = False  # if it was, it was this one
        return time.monotonic() - worker.started

    def _free(self, worker: Worker, entry: Entry, outcome: Outcome) -> None:
        worker.jobs_done += 1
        if worker.state is not State.BUSY:
            return
        # A library that could not allocate is in no state to be relied on.
        shaken = outcome.error is not None and outcome.error.code == ErrorCode.E_EXECUTION_MEMORY
        used_up = worker.jobs_done >= self._max_jobs or worker.is_heavy_after(entry.job)
        if shaken or used_up or worker.orphaned:
            self._crew.retire(worker)
        else:
            self._crew.rest(worker)

    def _fail(self, worker: Worker, exit: Exit, words: str) -> None:
        entry = worker.entry
        assert entry is not None
        error = worker.verdict or _cause(worker, entry, exit, words)
        outcome = Outcome(
            error=error,
            traceback=words or None,
            worker_died=error.code in (ErrorCode.E_EXECUTION_CRASHED, ErrorCode.E_EXECUTION_MEMORY),
            seconds=self._release(worker),
            worker_pid=worker.pid,
        )
        self._settle(entry, outcome)

    def _fail_waiting(self, error: IngestError, words: str) -> None:
        while self.waiting:
            self._settle(self.waiting.popleft(), Outcome(error=error, traceback=words))

    def _cancel_asked(self) -> None:
        while self.cancels:
            number, waiting_only = self.cancels.popleft()
            entry = self.entries.get(number)
            if entry is None or entry.settled:
                continue
            workers = self._crew.workers.values()
            holder = next((worker for worker in workers if worker.entry is entry), None)
            if holder is None:
                self._settle(entry, Outcome(error=causes.cancelled()))
            elif not waiting_only:
                self._crew.kill(holder, causes.cancelled())

    def _settle(self, entry: Entry, outcome: Outcome) -> None:
        if not entry.settled:
            entry.settled = True
            entry.message = b""
            self._settled.append((entry, outcome))

    def _deliver(self) -> None:
        settled, self._settled = self._settled, []
        for entry, outcome in settled:
            if outcome.payload is None:
                shutil.rmtree(job_path(self._directory.path, entry.number), ignore_errors=True)
            try:
                entry.on_done(outcome)
            except Exception:
                logger.exception("on_done of job %d raised; its outcome is lost", entry.number)
            del self.entries[entry.number]
        if self.draining and not self.entries:
            self.drained.set()

    def _end(self) -> None:
        closed = causes.cancelled("the pool was closed")
        for worker in self._crew.close():
            worker.verdict = worker.verdict or closed
            self._fail(worker, Exit(None), "")
        for entry in list(self.entries.values()):
            self._settle(entry, Outcome(error=closed))
        self._deliver()
        self._close_own()
        self._directory.close()


def _pass_on(entry: Entry, message: wire.Frame) -> None:
    """Tell who watches how far a job is. A worker may say what it likes: what is no note is passed by."""
    if entry.on_note is not None:
        with suppress(ValueError, TypeError):
            stage, done, total = json.loads(message.body)
            entry.on_note(stage, int(done), int(total))


def _cause(worker: Worker, entry: Entry, exit: Exit, words: str) -> IngestError:
    if worker.killed and exit.signal_name == "SIGKILL":
        return causes.hung_up()
    peak = Exit(exit.code, max(exit.peak_bytes, worker.resident_bytes))
    return causes.died(entry.job, peak, words)
