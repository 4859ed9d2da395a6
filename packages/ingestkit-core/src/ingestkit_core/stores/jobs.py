"""What is known of jobs that wait, run or ran elsewhere: the journal of a queue. Records and the abstract class.

    submit ──► submitted ──begin──► running ──finish──► done ──► released by who took the result, or swept
                   ▲                   │
                   └──── give_back ────┘    also when the worker that had it is lost

The broker carries job ids; what is to be done and what came of it stands here. Every operation may be repeated:
a message can arrive twice, and a worker can be declared lost while it still works. The first result wins.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import ValidationError

from ingestkit_core.errors import ErrorCode, ExecutionError
from ingestkit_core.models import ProcessingResult

__all__ = [
    "KEPT_SECONDS",
    "MAX_LOST_HOSTS",
    "Begun",
    "Claim",
    "JobJournal",
    "JobRecord",
    "JobRequest",
    "JobState",
    "JobWatcher",
    "PollingWatcher",
]

MAX_LOST_HOSTS = 5
"""A job under which so many hosts were lost is not tried again."""

KEPT_SECONDS = 7 * 24 * 3600.0
"""A result that nobody took is kept for so long."""

_FIRST_POLL_SECONDS = 0.005
_LONGEST_POLL_SECONDS = 0.25
_MANY = 20

JobState = Literal["submitted", "running", "done"]


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What is to be done, as plain JSON.

    ``config`` holds the settings that differ from their defaults, ``format_name`` says whose they are (None:
    the worker looks at the file). ``root`` is the folder the file was found under, for moved files. Where
    ``content_hash`` is known, other bytes are refused. ``size_bytes``, ``modified_ns`` and ``etag`` are what was
    said of a file at a URL (see Stamp). ``store_url`` and ``embedder`` (its identity) are what
    the sender expects of the worker; a ``store_url`` of None is content with any store.
    """

    file_path: str
    config: dict[str, Any]
    parser_version: str
    source_uri: str | None = None
    format_name: str | None = None
    root: str | None = None
    refresh: bool = False
    checksum: bool = False
    content_hash: str | None = None
    store_url: str | None = None
    embedder: str | None = None
    size_bytes: int | None = None
    modified_ns: int = 0
    etag: str = ""

    def to_json(self) -> str:
        """ASCII, whatever bytes the file's name has."""
        # Not asdict: it copies what json only reads.
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What ``to_json`` made, by this version or a newer one."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in known})


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What the journal knows of a job.

    ``attempts`` counts how often a worker began it, ``lost_hosts`` how many of those were never heard of again.
    ``worker`` had it last. ``result_json`` is there once it is done.
    """

    job_id: str
    request: JobRequest
    state: JobState = "submitted"
    attempts: int = 0
    lost_hosts: int = 0
    worker: str | None = None
    result_json: str | None = None
    submitted_ns: int = 0
    changed_ns: int = 0

    def result(self) -> ProcessingResult:
        """The result of a job that is done. Raises ExecutionError (E_EXECUTION_RESULT_LOST)."""
        if self.result_json is None:
            raise _lost(self.job_id, "its record holds none")
        try:
            return ProcessingResult.model_validate_json(self.result_json)
        except ValidationError as exc:
            raise _lost(self.job_id, "this version cannot read it") from exc


def _lost(job_id: str, why: str) -> ExecutionError:
    message = f"the result of job {job_id!r} cannot be had: {why}"
    return ExecutionError(ErrorCode.E_EXECUTION_RESULT_LOST, message, recoverable=True)


class Claim(StrEnum):
    """What a worker that was handed a job's id is to do."""

    RUN = "run"
    DONE = "done"
    """It has a result already."""
    ELSEWHERE = "elsewhere"
    """A worker that is alive has it, perhaps this one."""
    GIVEN_UP = "given up"
    """Too many hosts were lost under it: it gets that as its result."""
    UNKNOWN = "unknown"
    """No such record: another journal's, or taken and released meanwhile."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer to ``begin``. ``record`` is as it is now; None for an unknown job."""

    claim: Claim
    record: JobRecord | None = None


class JobWatcher(ABC):
    """Waits for many jobs at once. For one thread."""

    @abstractmethod
    def add(self, job_id: str) -> None:
        """Wait for this one too."""

    @abstractmethod
    def settled(self, timeout_seconds: float) -> list[str]:
        """Jobs that are done, or whose record is gone, each told once; none when the time is up."""

    @abstractmethod
    def close(self) -> None:
        """Let go of any connection. Idempotent."""


class JobJournal(ABC):
    """Job records, safe to use from several threads and, where the store allows it, several processes.

    A worker is known by a name that no other process ever had; it is alive while it says so by ``keep_alive``.
    Methods raise StoreError.
    """

    @abstractmethod
    def submit_all(self, jobs: Sequence[tuple[str, JobRequest]]) -> None:
        """Record jobs before they are sent, all or none. A known job stays as it is."""

    def submit(self, job_id: str, request: JobRequest) -> None:
        """Record one job."""
        self.submit_all([(job_id, request)])

    @abstractmethod
    def find_all(self, job_ids: Collection[str]) -> dict[str, JobRecord]:
        """The records of jobs by their ids; those that have none are missing."""

    def find(self, job_id: str) -> JobRecord | None:
        """The record of a job."""
        return self.find_all([job_id]).get(job_id)

    @abstractmethod
    def begin(self, job_id: str, worker: str, lost_after_seconds: float) -> Begun:
        """Take a job for a worker, if it is to be run: one attempt more.

        A worker that has it and was not heard of for ``lost_after_seconds`` is lost: one lost host more.
        """

    @abstractmethod
    def finish(self, job_id: str, result: ProcessingResult) -> bool:
        """Record a result, if the job has none yet; whether this one counts."""

    @abstractmethod
    def give_back(self, job_id: str, worker: str) -> None:
        """Make a job that this worker has wait again, as if it had not been begun."""

    @abstractmethod
    def withdraw(self, job_id: str) -> bool:
        """Forget a job that no worker has; False where one has it, had it, or nothing is known of it."""

    @abstractmethod
    def keep_alive(self, worker: str) -> None:
        """Say that a worker is alive."""

    @abstractmethod
    def sign_off(self, worker: str) -> None:
        """Say that a worker ends; what it still has is for others, without a lost host."""

    @abstractmethod
    def take_lost(self, lost_after_seconds: float) -> list[str]:
        """Make the jobs of lost workers wait again (one lost host more); each is told to one caller only."""

    @abstractmethod
    def take_forgotten(self, waiting_seconds: float, most: int) -> list[str]:
        """Jobs that wait for so long already, told to one caller only; their time begins anew.

        To be sent once more when the broker has nothing left: it lost them, or never had them.
        """

    @abstractmethod
    def settled_among(self, job_ids: Collection[str]) -> list[str]:
        """Those that are done or have no record."""

    @abstractmethod
    def release(self, job_ids: Sequence[str]) -> None:
        """Forget jobs and their results."""

    @abstractmethod
    def sweep(self, kept_seconds: float = KEPT_SECONDS) -> int:
        """Forget results that were not taken for so long; returns how many. What waits or runs stays."""

    def watcher(self) -> JobWatcher:
        """A watcher over this journal."""
        return PollingWatcher(self)


class PollingWatcher(JobWatcher):
    """Asks the journal again and again, at growing distances while nothing happens.

    Of many jobs the next is soon done, and none of them is in a hurry: they are asked for less often than one.
    """

    def __init__(self, journal: JobJournal) -> None:
        self._journal = journal
        self._waiting: set[str] = set()
        self._pause_seconds = _FIRST_POLL_SECONDS
        self._next = 0.0

    def add(self, job_id: str) -> None:
        """See JobWatcher."""
        self._waiting.add(job_id)
        if len(self._waiting) < _MANY:
            self._pause_seconds = _FIRST_POLL_SECONDS
            self._next = min(self._next, time.monotonic() + _FIRST_POLL_SECONDS)

    def settled(self, timeout_seconds: float) -> list[str]:
        """See JobWatcher."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            time.sleep(max(0.0, min(self._next, deadline) - time.monotonic()))
            if time.monotonic() < self._next:
                return []
            settled = self._journal.settled_among(self._waiting) if self._waiting else []
            self._waiting.difference_update(settled)
            if settled:
                self._pause_seconds = _FIRST_POLL_SECONDS * max(1, min(len(self._waiting), _MANY))
            self._next = time.monotonic() + self._pause_seconds
            if settled:
                return settled
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_POLL_SECONDS)

    def close(self) -> None:
        """See JobWatcher."""
        self._waiting.clear()
