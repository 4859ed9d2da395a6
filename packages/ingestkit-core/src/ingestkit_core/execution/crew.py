"""The workers of a pool as processes: started, listened to, watched, killed, buried. On the supervising thread.

    BOOTING ── says hello ──► IDLE ◄── job, answer ──► BUSY
        └──────────── killed, hung up, used up ──────────┴──► LEAVING ── its end is reported ──► gone

What a worker's end means for its job is the supervisor's business, who is told of every message and every
end. Nothing here waits.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from math import inf

from ingestkit_core.errors import IngestError
from ingestkit_core.execution import causes, memory, wire
from ingestkit_core.execution.causes import Exit
from ingestkit_core.execution.launch import Ended, Launcher, Lost, Started
from ingestkit_core.execution.slots import Entry, State, Worker
from ingestkit_core.execution.words import last_words, words_path

__all__ = ["Crew"]

_LOOK_SECONDS = 0.1
_ASK_SECONDS = 0.02
_BOOT_SECONDS = 60.0
_MAX_BOOT_DEATHS = 3
_DEATH_SECONDS = 2.0
"""How long a process that was told or made to end may take, before it is killed or given up."""
_HUNG_UP_SECONDS = 1.0


class Crew:
    """All workers there are. ``next_look`` is when :meth:`look` is due at the latest (monotonic seconds).

    ``on_message`` gets what a worker says after its hello; ``on_end`` every worker that had a job when it
    ended, or was given up, with its exit and its last words; ``on_unstartable`` the words of the last one when
    so many in a row ended before their hello that the next will, too.
    """

    def __init__(
        self,
        launcher: Launcher,
        selector: selectors.BaseSelector,
        directory: str,
        max_workers: int,
        *,
        on_message: Callable[[Worker, wire.Frame], None],
        on_end: Callable[[Worker, Exit, str], None],
        on_unstartable: Callable[[IngestError, str], None],
    ) -> None:
        self.workers: dict[int, Worker] = {}
        self.idle: list[Worker] = []
        self.room = max_workers
        """How many more may be started."""
        self.next_look = inf
        self._serial = 0
        self._launcher = launcher
        self._selector = selector
        self._directory = directory
        self._on_message = on_message
        self._on_end = on_end
        self._on_unstartable = on_unstartable
        self._boot_deaths = 0
        launcher.watch(selector, self._follow_launcher)

    def booting(self) -> list[Worker]:
        """Those who have not said hello yet."""
        return [worker for worker in self.workers.values() if worker.state is State.BOOTING]

    def grow(self, jobs: int) -> None:
        """Start workers for so many waiting jobs, as far as there is room."""
        if self.room > 0:
            for _ in range(min(jobs - len(self.booting()) - len(self.idle), self.room)):
                if not self._start():
                    break

    def _start(self) -> bool:
        self._serial += 1
        try:
            line = self._launcher.start(self._serial)
        except OSError as exc:
            self._boot_death(f"no process can be started ({exc.strerror})")
            self._by(_LOOK_SECONDS)
            return False
        worker = Worker(self._serial, limit=self._by(_BOOT_SECONDS), lifeline=line.lifeline)
        self.workers[self._serial] = worker
        self.room -= 1
        if line.channel is not None:
            self._listen(worker, line.channel)
        return True

    def _by(self, seconds: float) -> float:
        now = time.monotonic()
        look = seconds if self._launcher.reports_ends else min(seconds, _ASK_SECONDS)
        self.next_look = min(self.next_look, now + look)
        return now + seconds

    def _listen(self, worker: Worker, channel: socket.socket) -> None:
        channel.setblocking(False)
        worker.channel = channel
        self._selector.register(channel, selectors.EVENT_READ, worker)

    def hand(self, entry: Entry) -> bool:
        """Give the job to the last idle worker. False when that one is no more; the job has not begun then."""
        worker = self.idle[-1]
        assert worker.channel is not None
        try:
            sent = worker.channel.send(entry.message)
        except OSError:
            sent = 0
        if sent < len(entry.message):
            self.kill(worker)
            return False
        self.idle.pop()
        worker.begin(entry)
        look = worker.started + _LOOK_SECONDS if worker.watched_bytes else inf
        self.next_look = min(self.next_look, worker.limit, look)
        return True

    def read(self, worker: Worker) -> bool:
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
            if worker.state is State.BOOTING:
                self._boot_deaths = 0
                self.rest(worker)
            else:
                self._on_message(worker, message)
        if not data:
            self._hung_up(worker)
        return bool(data)

    def rest(self, worker: Worker) -> None:
        """It is ready for a job."""
        worker.state = State.IDLE
        worker.limit = inf
        self.idle.append(worker)

    def retire(self, worker: Worker, seconds: float = _DEATH_SECONDS) -> None:
        """Hang up, so that it goes; after the time it is killed."""
        self._mute(worker)
        self._leave(worker, seconds)

    def kill(self, worker: Worker, verdict: IngestError | None = None) -> None:
        """End it and what it started; ``verdict`` is the error of its job."""
        worker.verdict = worker.verdict or verdict
        if worker.pid is not None:
            self._launcher.kill(worker.pid)
        self._leave(worker, _DEATH_SECONDS)
        worker.killed = True
        worker.limit = self._by(_DEATH_SECONDS)

    def _leave(self, worker: Worker, seconds: float) -> None:
        if worker.state is State.LEAVING:
            return
        if worker.state is State.IDLE:
            self.idle.remove(worker)
        worker.state = State.LEAVING
        worker.limit = self._by(seconds)
        self.room += 1

    def _mute(self, worker: Worker) -> None:
        if worker.channel is not None:
            self._selector.unregister(worker.channel)
            worker.channel.close()
            worker.channel = None

    def _hung_up(self, worker: Worker) -> None:
        # Nearly always it is dead, and the launcher is about to say how.
        if worker.state is State.BOOTING:
            self._mute(worker)
        else:
            self.retire(worker, _HUNG_UP_SECONDS)
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
        booting = self.booting()
        for worker in booting:
            self.kill(worker)
            self._forget(worker)
        for worker in list(self.workers.values()):
            worker.orphaned = True
            if worker.state is State.IDLE:
                self.retire(worker)
            if worker.channel is None:
                self._bury(worker, Exit(None))
        if booting:
            self._boot_death(words)

    def _bury(self, worker: Worker, exit: Exit) -> None:
        while self.read(worker):  # its answer may have been sent just before its end
            pass
        booting = worker.state is State.BOOTING
        self._forget(worker)
        words = last_words(words_path(self._directory, f"worker-{worker.serial}"), remove=True)
        if worker.entry is not None:
            self._on_end(worker, exit, words)
        elif booting:
            self._boot_death(words or str(exit))

    def _forget(self, worker: Worker) -> None:
        self.retire(worker)
        worker.hang_up()
        self.workers.pop(worker.serial, None)

    def _boot_death(self, words: str) -> None:
        self._boot_deaths += 1
        if self._boot_deaths == _MAX_BOOT_DEATHS:
            self._boot_deaths = 0
            self._on_unstartable(causes.unstartable(_MAX_BOOT_DEATHS, words), words)

    def look(self) -> None:
        """See who takes too much memory or time."""
        self._follow_launcher()
        self._watch_memory()
        now = time.monotonic()
        for worker in list(self.workers.values()):
            if worker.limit <= now:
                self._lose_patience(worker)
        workers = self.workers.values()
        self.next_look = min((worker.limit for worker in workers), default=inf)
        if any(worker.watched_bytes for worker in workers):
            self.next_look = min(self.next_look, now + _LOOK_SECONDS)
        if not self._launcher.reports_ends and any(worker.is_in_between for worker in workers):
            self.next_look = min(self.next_look, now + _ASK_SECONDS)

    def _watch_memory(self) -> None:
        watched = {
            worker.pid: worker for worker in self.workers.values() if worker.pid is not None and worker.watched_bytes
        }
        for pid, resident in memory.resident_bytes(watched).items():
            worker = watched[pid]
            worker.resident_bytes = resident
            if worker.entry is not None and resident > (worker.watched_bytes or inf):
                self.kill(worker, causes.over_memory(worker.entry.job, resident))

    def _lose_patience(self, worker: Worker) -> None:
        worker.limit = inf
        if worker.state is State.BUSY and worker.entry is not None:
            self.kill(worker, causes.over_time(worker.entry.job))
        elif worker.state is State.BOOTING:
            self.kill(worker)
            self._boot_death(f"a worker was not ready after {_BOOT_SECONDS:g} s")
        elif not worker.killed:
            self.kill(worker)
        elif worker.entry is not None:
            self._on_end(worker, Exit(None), "")

    def close(self) -> list[Worker]:
        """End all and return when they are gone; gives those who still had a job."""
        for worker in self.workers.values():
            if worker.pid is not None:
                self._launcher.kill(worker.pid)
        self._launcher.close()
        workers = list(self.workers.values())
        for worker in workers:
            self._forget(worker)
        return [worker for worker in workers if worker.entry is not None]

    def forget(self) -> None:
        """Close the descriptors and touch no process: in a fork of the owner, which owns no worker."""
        for worker in self.workers.values():
            worker.hang_up()
        self._launcher.forget()
