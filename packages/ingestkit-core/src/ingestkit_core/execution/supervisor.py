"""The loop that waits, kills and starts workers again. It has a thread of its own and does nothing else.

    waiting jobs ─► idle worker ─► answer ─► outcome ─► the consumer's on_done
                        │ deadline, memory, cancelled: SIGKILL to its process group
                        └ death ─► its one job fails with the cause; the next job gets a new worker

One worker is one process, one channel and at most one job in flight, so whatever happens to a process happens
to exactly one job. All reads and writes here are without waiting: nothing a worker does can hold up the loop.
"""

from __future__ import annotations

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
from ingestkit_core.execution import causes, memory, wire
from ingestkit_core.execution.answer import job_path
from ingestkit_core.execution.causes import Exit
from ingestkit_core.execution.directory import PoolDirectory
from ingestkit_core.execution.jobs import Outcome
from ingestkit_core.execution.launch import Ended, Launcher, Lost, Started
from ingestkit_core.execution.slots import Entry, State, Worker, outcome_of
from ingestkit_core.execution.words import last_words, words_path

__all__ = ["Supervisor"]

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_ASK_SECONDS = 0.02
_BOOT_SECONDS = 60.0
_MAX_BOOT_DEATHS = 3
_DEATH_SECONDS = 2.0
"""How long a process that was told or made to end may take, before it is killed or given up."""
_HUNG_UP_SECONDS = 0.2


class Supervisor:
    """The state of a pool. Touched by the supervising thread alone, save the fields others append to or set."""

    def __init__(
        self,
        launcher: Launcher,
        directory: PoolDirectory,
        max_workers: int,
        max_jobs_per_worker: int,
    ) -> None:
        self.waiting: deque[Entry] = deque()
        self.cancels: deque[int] = deque()
        self.entries: dict[int, Entry] = {}
        self.workers: dict[int, Worker] = {}
        self.hungry = False
        """Whether a new job should wake the loop."""
        self.draining = False
        self.drained = threading.Event()
        self.closing = False
        self._selector = selectors.DefaultSelector()
        self._launcher = launcher
        self._directory = directory
        self._max_workers = max_workers
        self._max_jobs = max_jobs_per_worker
        self._idle: list[Worker] = []
        self._slots_taken = 0
        self._running = 0
        self._alone = False
        self._stuck = False
        self._first_wave = True
        self._settled: list[tuple[Entry, Outcome]] = []
        self._next_look = inf
        self._serial = 0
        self._boot_deaths = 0
        self._alarm, self._bell = socket.socketpair()
        for end in (self._alarm, self._bell):
            end.setblocking(False)
        self._selector.register(self._alarm, selectors.EVENT_READ, self._hush)
        launcher.watch(self._selector, self._follow_launcher)

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
        """Close the descriptors and touch nothing else: in a fork of the owner, which owns no worker."""
        for worker in self.workers.values():
            worker.hang_up()
        self._launcher.forget()
        self._directory.forget()
        self._close_own()

    def _close_own(self) -> None:
        self._selector.close()
        self._alarm.close()
        self._bell.close()

    def _wait(self) -> None:
        # Jobs behind a stuck one change nothing, unless there is room to start a worker for them meanwhile.
        self.hungry = not self._stuck or self._slots_taken < self._max_workers
        ready = self._selector.select(self._patience())
        self.hungry = False
        for key, _ in ready:
            if isinstance(key.data, Worker):
                self._read(key.data)
            else:
                key.data()
        if self.cancels:
            self._cancel_asked()
        if self._next_look <= time.monotonic():
            self._look()

    def _patience(self) -> float | None:
        if (self.waiting and not self._stuck) or self.cancels or self.closing:
            return 0
        return None if self._next_look == inf else max(0.0, self._next_look - time.monotonic())

    def _hush(self) -> None:
        with suppress(BlockingIOError):
            while self._alarm.recv(4096):
                pass

    # Handing out jobs

    def _dispatch(self) -> None:
        self._stuck = False
        while self.waiting:
            entry = self.waiting[0]
            if entry.settled:
                self.waiting.popleft()
            elif self._alone or (entry.job.alone and self._running):
                break
            elif not self._idle or self._still_gathering():
                self._grow(1 if entry.job.alone else len(self.waiting))
                break
            else:
                self.waiting.popleft()
                self._hand(self._idle.pop(), entry)
        self._stuck = bool(self.waiting)

    def _booting(self) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.state is State.BOOTING]

    def _still_gathering(self) -> bool:
        # Else the first worker up would do all of a few quick jobs before the second one is there.
        self._first_wave = self._first_wave and bool(self._booting())
        return self._first_wave

    def _grow(self, jobs: int) -> None:
        room = self._max_workers - self._slots_taken
        if room > 0:
            for _ in range(min(jobs - len(self._booting()) - len(self._idle), room)):
                self._start_worker()

    def _start_worker(self) -> None:
        self._serial += 1
        try:
            line = self._launcher.start(self._serial)
        except OSError as exc:
            self._count_boot_death(f"no process can be started ({exc.strerror})")
            self._by(_LOOK_SECONDS)
            return
        worker = Worker(self._serial, limit=self._by(_BOOT_SECONDS), lifeline=line.lifeline)
        self.workers[self._serial] = worker
        self._slots_taken += 1
        if line.channel is not None:
            self._listen(worker, line.channel)

    def _listen(self, worker: Worker, channel: socket.socket) -> None:
        channel.setblocking(False)
        worker.channel = channel
        self._selector.register(channel, selectors.EVENT_READ, worker)

    def _by(self, seconds: float) -> float:
        now = time.monotonic()
        look = seconds if self._launcher.reports_ends else min(seconds, _ASK_SECONDS)
        self._next_look = min(self._next_look, now + look)
        return now + seconds

    def _hand(self, worker: Worker, entry: Entry) -> None:
        assert worker.channel is not None
        try:
            sent = worker.channel.send(entry.message)
        except OSError:
            sent = 0
        if sent < len(entry.message):
            # It died or hung up while it was idle: no fault of this job.
            self.waiting.appendleft(entry)
            self._kill(worker)
            return
        worker.begin(entry)
        look = worker.started + _LOOK_SECONDS if worker.watched_bytes else inf
        self._next_look = min(self._next_look, worker.limit, look)
        self._running += 1
        self._alone = entry.job.alone

    # Taking answers

    def _read(self, worker: Worker) -> bool:
        """Take what a worker has sent; False when there was nothing, or will be no more."""
        if worker.channel is None:
            return False
        try:
            data = worker.channel.recv(wire.MAX_FRAME_BYTES)
            messages = worker.reader.feed(data)
        except BlockingIOError:
            return False
        except (OSError, wire.FrameError):
            data, messages = b"", []
        for message in messages:
            self._take(worker, message)
        if not data:
            self._hung_up(worker)
        return bool(data)

    def _take(self, worker: Worker, message: wire.Frame) -> None:
        if worker.state is State.BOOTING:
            self._boot_deaths = 0
            worker.state = State.IDLE
            worker.limit = inf
            self._idle.append(worker)
        elif worker.entry is not None and worker.verdict is None and message.number == worker.entry.number:
            entry, seconds = self._release(worker)
            self._free(worker, entry)
            self._settle(entry, outcome_of(message, self._directory.path, seconds, worker.pid))

    def _release(self, worker: Worker) -> tuple[Entry, float]:
        entry = worker.entry
        assert entry is not None
        worker.entry = None
        self._running -= 1
        if entry.job.alone:
            self._alone = False
        return entry, time.monotonic() - worker.started

    def _free(self, worker: Worker, entry: Entry) -> None:
        worker.jobs_done += 1
        if worker.state is not State.BUSY:
            return
        worker.limit = inf
        if worker.jobs_done >= self._max_jobs or worker.orphaned or worker.is_heavy_after(entry.job):
            self._retire(worker)
        else:
            worker.state = State.IDLE
            self._idle.append(worker)

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

    # Letting go of workers

    def _leave(self, worker: Worker, seconds: float = _DEATH_SECONDS) -> None:
        if worker.state is State.LEAVING:
            return
        if worker.state is State.IDLE:
            self._idle.remove(worker)
        worker.state = State.LEAVING
        worker.limit = self._by(seconds)
        self._slots_taken -= 1

    def _mute(self, worker: Worker) -> None:
        if worker.channel is not None:
            self._selector.unregister(worker.channel)
            worker.channel.close()
            worker.channel = None

    def _retire(self, worker: Worker, seconds: float = _DEATH_SECONDS) -> None:
        self._mute(worker)
        self._leave(worker, seconds)

    def _kill(self, worker: Worker, verdict: IngestError | None = None) -> None:
        worker.verdict = worker.verdict or verdict
        if worker.pid is not None:
            self._launcher.kill(worker.pid)
        self._leave(worker)
        worker.killed = True
        worker.limit = self._by(_DEATH_SECONDS)

    def _hung_up(self, worker: Worker) -> None:
        # Nearly always it is dead, and the launcher is about to say how.
        if worker.state is State.BOOTING:
            self._mute(worker)
        else:
            self._retire(worker, _HUNG_UP_SECONDS)
        if worker.orphaned:
            self._bury(worker, Exit(None))

    def _follow_launcher(self) -> None:
        for event in self._launcher.poll():
            if isinstance(event, Lost):
                self._template_lost(event.words)
            elif event.serial not in self.workers:
                continue
            elif isinstance(event, Ended):
                self._bury(self.workers[event.serial], event.exit)
            else:
                self._began(self.workers[event.serial], event)

    def _began(self, worker: Worker, event: Started) -> None:
        worker.pid = event.pid
        if event.channel is not None:
            self._listen(worker, event.channel)
        if worker.state is State.LEAVING:
            self._launcher.kill(event.pid)

    def _template_lost(self, words: str) -> None:
        booting = self._booting()
        for worker in booting:
            self._kill(worker)
            self._forget(worker)
        for worker in list(self.workers.values()):
            worker.orphaned = True
            if worker.state is State.IDLE:
                self._retire(worker)
            if worker.channel is None:
                self._bury(worker, Exit(None))
        if booting:
            self._count_boot_death(words)

    def _bury(self, worker: Worker, exit: Exit) -> None:
        while self._read(worker):  # its answer may have been sent just before its end
            pass
        booting = worker.state is State.BOOTING
        self._forget(worker)
        words = last_words(words_path(self._directory.path, f"worker-{worker.serial}"))
        if worker.entry is not None:
            self._fail(worker, exit, words)
        elif booting:
            self._count_boot_death(words or str(exit))

    def _forget(self, worker: Worker) -> None:
        self._retire(worker)
        worker.hang_up()
        self.workers.pop(worker.serial, None)

    def _fail(self, worker: Worker, exit: Exit, words: str) -> None:
        entry, seconds = self._release(worker)
        error = worker.verdict or causes.died(
            entry.job, Exit(exit.code, max(exit.peak_bytes, worker.resident_bytes)), words
        )
        by_itself = error.code in (ErrorCode.E_EXECUTION_CRASHED, ErrorCode.E_EXECUTION_MEMORY)
        outcome = Outcome(
            error=error,
            traceback=words or None,
            worker_died=by_itself,
            seconds=seconds,
            worker_pid=worker.pid,
        )
        self._settle(entry, outcome)

    def _count_boot_death(self, words: str) -> None:
        self._boot_deaths += 1
        if self._boot_deaths < _MAX_BOOT_DEATHS:
            return
        self._boot_deaths = 0
        error = causes.unstartable(_MAX_BOOT_DEATHS, words)
        while self.waiting:
            self._settle(self.waiting.popleft(), Outcome(error=error, traceback=words))

    # Looking after the running ones

    def _look(self) -> None:
        self._follow_launcher()
        self._watch_memory()
        now = time.monotonic()
        for worker in list(self.workers.values()):
            if worker.limit <= now:
                self._lose_patience(worker)
        self._next_look = min((worker.limit for worker in self.workers.values()), default=inf)
        if any(worker.watched_bytes for worker in self.workers.values()):
            self._next_look = min(self._next_look, now + _LOOK_SECONDS)
        if not self._launcher.reports_ends and any(worker.is_in_between for worker in self.workers.values()):
            self._next_look = min(self._next_look, now + _ASK_SECONDS)

    def _watch_memory(self) -> None:
        watched = {
            worker.pid: worker for worker in self.workers.values() if worker.pid is not None and worker.watched_bytes
        }
        for pid, resident in memory.resident_bytes(watched).items():
            worker = watched[pid]
            worker.resident_bytes = resident
            if worker.entry is not None and resident > (worker.watched_bytes or inf):
                self._kill(worker, causes.over_memory(worker.entry.job, resident))

    def _lose_patience(self, worker: Worker) -> None:
        worker.limit = inf
        if worker.state is State.BUSY and worker.entry is not None:
            self._kill(worker, causes.over_time(worker.entry.job))
        elif worker.state is State.BOOTING:
            self._kill(worker)
            self._count_boot_death(f"a worker was not ready after {_BOOT_SECONDS:g} s")
        elif not worker.killed:
            self._kill(worker, causes.hung_up())
        elif worker.entry is not None:
            self._fail(worker, Exit(None), "")

    def _cancel_asked(self) -> None:
        while self.cancels:
            entry = self.entries.get(self.cancels.popleft())
            if entry is None or entry.settled:
                continue
            holder = next((worker for worker in self.workers.values() if worker.entry is entry), None)
            if holder is None:
                self._settle(entry, Outcome(error=causes.cancelled()))
            else:
                self._kill(holder, causes.cancelled())

    def _end(self) -> None:
        error = causes.cancelled("the pool was closed")
        for worker in self.workers.values():
            if worker.pid is not None:
                self._launcher.kill(worker.pid)
        self._launcher.close()
        for worker in list(self.workers.values()):
            if worker.entry is not None:
                entry, seconds = self._release(worker)
                outcome = Outcome(error=worker.verdict or error, seconds=seconds, worker_pid=worker.pid)
                self._settle(entry, outcome)
            self._forget(worker)
        for entry in list(self.entries.values()):
            self._settle(entry, Outcome(error=error))
        self._deliver()
        self._close_own()
        self._directory.close()
