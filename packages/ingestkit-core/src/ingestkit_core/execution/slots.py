"""What the supervisor knows of one job and of one worker. In the owner."""

from __future__ import annotations

import enum
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from ingestkit_core.errors import ErrorCode, IngestError
from ingestkit_core.execution import memory, wire
from ingestkit_core.execution.answer import RESULT_FILE, job_path
from ingestkit_core.execution.jobs import Job, Outcome, failure
from ingestkit_core.progress import Report

__all__ = ["Entry", "State", "Worker", "outcome_of"]


class State(enum.Enum):
    """Where a worker is in its life."""

    BOOTING = enum.auto()
    IDLE = enum.auto()
    BUSY = enum.auto()
    LEAVING = enum.auto()
    """Killed, or asked to go: it takes no slot any more."""


@dataclass(slots=True)
class Entry:
    """A submitted job: its number, the message for the worker, whom to tell once, and whom on the way."""

    number: int
    job: Job
    message: bytes
    on_done: Callable[[Outcome], None]
    on_note: Report | None = None
    settled: bool = False


@dataclass(slots=True, eq=False)
class Worker:
    """One process, one channel, at most one job. ``limit`` is when patience ends (monotonic seconds):
    the boot's, the job's or, once it is leaving, the death's."""

    serial: int
    limit: float
    channel: socket.socket | None = None
    lifeline: int | None = None
    state: State = State.BOOTING
    pid: int | None = None
    entry: Entry | None = None
    started: float = 0.0
    jobs_done: int = 0
    resident_bytes: int = 0
    verdict: IngestError | None = None
    """Why it was killed while it had a job; what it says afterwards does not count."""
    killed: bool = False
    orphaned: bool = False
    """Nobody will report its end: its template is gone."""
    reader: wire.FrameReader = field(default_factory=wire.FrameReader)

    def begin(self, entry: Entry) -> None:
        """The job was handed over."""
        self.state = State.BUSY
        self.entry = entry
        self.resident_bytes = 0
        self.started = time.monotonic()
        seconds = entry.job.timeout_seconds
        self.limit = inf if seconds is None else self.started + seconds

    @property
    def watched_bytes(self) -> int | None:
        """The memory cap of the running job, None when none is watched."""
        busy = self.state is State.BUSY and self.entry is not None
        return self.entry.job.max_memory_bytes if busy and self.entry is not None else None

    @property
    def is_in_between(self) -> bool:
        """Whether it comes or goes."""
        return self.state in (State.BOOTING, State.LEAVING)

    def is_heavy_after(self, job: Job) -> bool:
        """Whether it kept so much of its last job's memory that a new worker is better."""
        mark = (job.max_memory_bytes or 0) * memory.SOFT_MARK_RATIO
        if not mark or self.pid is None or self.resident_bytes <= mark:
            return False
        return memory.resident_bytes([self.pid]).get(self.pid, 0) > mark

    def hang_up(self) -> None:
        """Close what ties it to the owner. The channel must not be watched any more."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None


def outcome_of(message: wire.Frame, directory: str, seconds: float, pid: int | None) -> Outcome:
    """What a worker's RESULT or FAILED message says. ``directory`` is the pool's."""
    if message.kind == wire.RESULT:
        if not message.flags:
            return Outcome(payload=message.body, seconds=seconds, worker_pid=pid)
        files = Path(job_path(directory, message.number))
        payload = files / RESULT_FILE if message.flags & wire.SPOOLED else message.body
        return Outcome(payload=payload, seconds=seconds, worker_pid=pid, directory=files)
    try:
        report = json.loads(message.body)
        error = IngestError.model_validate(report["error"])
    except (ValueError, KeyError, TypeError):
        report = {}
        error = failure(ErrorCode.E_EXECUTION_CRASHED, "the worker sent something that is no answer")
    return Outcome(
        error=error,
        exception=report.get("exception"),
        traceback=report.get("traceback"),
        seconds=seconds,
        worker_pid=pid,
    )
