"""Supervised workers: run functions in processes that may crash, hang or eat memory, and always get an answer.

    with WorkerPool(4, preload=["ingestkit_pdf.reader"]) as pool:
        pool.submit(Job(read, (path, config), timeout_seconds=300), on_done)

The private engine under everything that runs jobs. A job that dies, hangs or grows takes its worker with it
and nobody else: it fails with the exact cause, and the next job gets a new worker. Whatever the owner does,
also when it is killed, no process and no file is left behind.

Where code runs: this module and the supervisor in the owner, ``template`` in the template process, ``worker``
and ``answer`` in the workers. What must pickle: arguments and results.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from ingestkit_core.closing import Closing
from ingestkit_core.errors import ErrorCode, ExecutionError
from ingestkit_core.execution import wire
from ingestkit_core.execution.answer import ARGUMENTS_FILE, job_body, job_path
from ingestkit_core.execution.jobs import Job, Outcome, Sealed
from ingestkit_core.execution.launch import Launcher
from ingestkit_core.execution.packing import Unpicklable, find_unpicklable, pack
from ingestkit_core.execution.slots import Entry
from ingestkit_core.execution.spawning import SpawningLauncher
from ingestkit_core.execution.supervisor import Supervisor
from ingestkit_core.progress import Report
from ingestkit_core.spool import spooling
from ingestkit_core.temporary import LockedDirectory

__all__ = ["Job", "Outcome", "Sealed", "Unpicklable", "WorkerPool", "find_unpicklable"]

_SPOOL_ARGUMENTS_ABOVE_BYTES = 32 * 1024


def _launcher_type(name: str | None) -> Callable[[str, Sequence[str]], Launcher]:
    if name == "spawn" or (name is None and os.name != "posix"):
        return SpawningLauncher
    from ingestkit_core.execution.forking import ForkingLauncher

    return ForkingLauncher


class WorkerPool(Closing):
    """A pool of supervised worker processes. A context manager; leaving it closes it.

    Nothing starts before the first job; then workers are started as jobs need them, up to ``max_workers``.
    ``preload`` names modules that a worker has imported before its first job. A worker is replaced after
    ``max_jobs_per_worker`` jobs. Jobs start in the order of their submission; the queue has no bound.
    ``launcher`` is how processes start: "fork" from a template (the default on POSIX) or "spawn".
    """

    def __init__(
        self,
        max_workers: int,
        *,
        preload: Sequence[str] = (),
        max_jobs_per_worker: int = 200,
        name: str = "ingestkit",
        launcher: Literal["fork", "spawn"] | None = None,
    ) -> None:
        if max_workers < 1 or max_jobs_per_worker < 1:
            raise ValueError("max_workers and max_jobs_per_worker are at least 1")
        self._max_workers = max_workers
        self._preload = tuple(preload)
        self._max_jobs = max_jobs_per_worker
        self._name = name
        self._launcher_type = _launcher_type(launcher)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._open = True
        self._owner = os.getpid()
        self._directory: LockedDirectory | None = None
        self._supervisor: Supervisor | None = None
        self._thread: threading.Thread | None = None

    def submit(self, job: Job, on_done: Callable[[Outcome], None], on_note: Report | None = None) -> int:
        """Queue a job; returns its number. ``on_done`` is called once, on the supervising thread: be quick.

        ``on_note`` is told there how far the job says it is.

        Raises PickleValidationError when function or arguments cannot travel, and ExecutionError
        (E_EXECUTION_SUBMIT) when the pool takes no jobs any more.
        """
        self._check_owner()
        packed = pack(job.function, job.args)
        supervisor = self._supervisor or self._start()
        number = next(self._numbers)
        message = self._message(number, job, packed.modules, packed.call)
        with self._lock:
            self._check_open()
            entry = Entry(number, job, message, on_done, on_note)
            supervisor.entries[number] = entry
            supervisor.waiting.append(entry)
        if supervisor.hungry:
            supervisor.hungry = False
            supervisor.wake()
        return number

    def _message(self, number: int, job: Job, modules: bytes, call: bytes) -> bytes:
        if len(call) <= _SPOOL_ARGUMENTS_ABOVE_BYTES:
            return wire.frame(wire.JOB, number, job_body(job.max_memory_bytes, modules, call))
        assert self._directory is not None
        _spool_arguments(job_path(self._directory.path, number), call)
        return wire.frame(wire.JOB, number, job_body(job.max_memory_bytes, modules, b""), wire.SPOOLED)

    def cancel(self, number: int, *, waiting_only: bool = False) -> bool:
        """Drop a waiting job or kill a running one; False when it is done or unknown.

        With ``waiting_only`` a running one is left to finish.

        Its outcome comes as ever: E_EXECUTION_CANCELLED, unless the job was quicker.
        """
        supervisor = self._supervisor
        if supervisor is None or number not in supervisor.entries:
            return False
        supervisor.cancels.append((number, waiting_only))
        supervisor.wake()
        return True

    def drain(self, timeout_seconds: float | None = None) -> bool:
        """Take no more jobs and wait for those submitted; False when the time ran out first."""
        with self._lock:
            self._open = False
            supervisor = self._supervisor
        if supervisor is None:
            return True
        supervisor.draining = True
        return not supervisor.entries or supervisor.drained.wait(timeout_seconds)

    def close(self) -> None:
        """Kill what runs, cancel what waits, and leave neither process nor file. May be called again.

        Results that were not taken by then are gone: their outcomes say E_EXECUTION_RESULT_LOST.
        """
        if os.getpid() != self._owner:
            return
        with self._lock:
            self._open = False
            supervisor, thread = self._supervisor, self._thread
        if supervisor is None or thread is None:
            return
        supervisor.closing = True
        supervisor.wake()
        if thread is not threading.current_thread():
            thread.join()

    @property
    def worker_pids(self) -> list[int]:
        """The process ids of the workers there are now."""
        return self._supervisor.worker_pids if self._supervisor is not None else []

    def _check_open(self) -> None:
        if not self._open:
            raise ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, "the pool takes no more jobs: it was closed")

    def _check_owner(self) -> None:
        # Asked before any lock is taken: in a fork it may be held by a thread that does not exist there.
        if os.getpid() != self._owner:
            raise ExecutionError(
                ErrorCode.E_EXECUTION_SUBMIT,
                "the pool belongs to the process that made it; make one of your own after a fork",
            )

    def _start(self) -> Supervisor:
        with self._lock:
            self._check_open()
            if self._supervisor is None:
                self._directory = _pool_directory()
                launcher = self._launcher_type(self._directory.path, self._preload)
                self._supervisor = Supervisor(launcher, self._directory, self._max_workers, self._max_jobs)
                self._thread = threading.Thread(
                    target=self._supervisor.run, name=f"{self._name}-supervisor", daemon=True
                )
                self._thread.start()
                _started.add(self)
            return self._supervisor

    def room(self) -> Path:
        """A fresh directory for what is no job's, beside those of the jobs; it goes with the pool at the latest."""
        self._check_owner()
        if self._supervisor is None:
            self._start()
        assert self._directory is not None
        with spooling():
            return Path(tempfile.mkdtemp(prefix="room-", dir=self._directory.path))

    def _forget(self) -> None:
        if self._supervisor is not None and not self._supervisor.closing:
            self._supervisor.forget()


def _pool_directory() -> LockedDirectory:
    """Where the jobs have their directories, and the workers their words."""
    try:
        return LockedDirectory("pool")
    except OSError as exc:
        raise ExecutionError(
            ErrorCode.E_EXECUTION_SUBMIT,
            f"no spool directory can be made under {tempfile.gettempdir()} ({exc.strerror}); "
            "free some space or set TMPDIR",
        ) from exc


def _spool_arguments(directory: str, call: bytes) -> None:
    try:
        os.mkdir(directory)
        with open(os.path.join(directory, ARGUMENTS_FILE), "wb") as file:
            file.write(call)
    except OSError as exc:
        shutil.rmtree(directory, ignore_errors=True)
        raise ExecutionError(
            ErrorCode.E_EXECUTION_SUBMIT,
            f"arguments of {len(call)} bytes cannot be spooled to {directory} ({exc.strerror})",
            recoverable=True,
        ) from exc


_started: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


def _forget_all() -> None:
    # A fork of the owner holds the write ends of all lifelines: workers would outlive the owner with it.
    for pool in _started:
        pool._forget()


if os.name == "posix":
    os.register_at_fork(after_in_child=_forget_all)
