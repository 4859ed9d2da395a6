"""The journal of a queue in two tables of a SQL database. Each operation is one short transaction.

The statements are the same wherever the tables are; the embedded store and PostgreSQL say how theirs are reached.
"""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, ClassVar

from ingestkit_core.keys import source_uri_of
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import printable
from ingestkit_core.stores.jobs import (
    KEPT_SECONDS,
    MAX_LOST_HOSTS,
    Begun,
    Claim,
    JobJournal,
    JobRecord,
    JobRequest,
)
from ingestkit_core.stores.statements import Run, with_marks

__all__ = ["SqlJobs"]

_FIELDS = "request, state, attempts, lost_hosts, worker, result, submitted_ns, changed_ns"
_NEW = "(?, ?, ?, ?, 'submitted', ?, ?)"
_ROWS_AT_ONCE = 100


class SqlJobs(JobJournal):
    """See JobJournal. A subclass reaches the tables ``ingest_jobs`` and ``ingest_workers``."""

    to_change: ClassVar[str] = ""
    """Ends a SELECT of a row that is changed next, where several write at once."""

    not_yet_taken: ClassVar[str] = ""
    """The same for rows of which each is told to one caller only."""

    @property
    @abstractmethod
    def exists(self) -> bool:
        """Whether there are tables to look into."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Run]:
        """One transaction. Makes the tables if need be."""

    @abstractmethod
    def _looking(self) -> AbstractContextManager[Run]:
        """Reads what is committed."""

    def _kept(self, text: str) -> str:
        """A text as the database can keep it."""
        return text

    def submit_all(self, jobs: Sequence[tuple[str, JobRequest]]) -> None:
        """See JobJournal."""
        now = time.time_ns()
        rows = [(job_id, *self._source(request), request.to_json(), now, now) for job_id, request in jobs]
        with self._writing() as run:
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                some = rows[start : start + _ROWS_AT_ONCE]
                run(
                    "INSERT INTO ingest_jobs (job_id, tenant, uri, request, state, submitted_ns, changed_ns) "
                    f"VALUES {', '.join([_NEW] * len(some))} ON CONFLICT DO NOTHING",
                    [value for row in some for value in row],
                )

    def _source(self, request: JobRequest) -> tuple[str, str]:
        """Whose document a job is of, and which."""
        uri = printable(request.source_uri) if request.source_uri is not None else source_uri_of(request.file_path)
        return request.config.get("tenant_id") or "", self._kept(uri)

    def find_all(self, job_ids: Collection[str]) -> dict[str, JobRecord]:
        """See JobJournal."""
        rows: list[Sequence[Any]] = []
        if self.exists:
            with self._looking() as run:
                for some, marks in with_marks(list(job_ids)):
                    rows += run(f"SELECT {_FIELDS}, job_id FROM ingest_jobs WHERE job_id IN {marks}", some).fetchall()
        return {row[8]: _record(row[8], row) for row in rows}

    def begin(self, job_id: str, worker: str, lost_after_seconds: float) -> Begun:
        """See JobJournal."""
        with self._writing() as run:
            row = run(
                f"SELECT {_FIELDS}, (SELECT seen_ns FROM ingest_workers w WHERE w.worker = j.worker) "
                f"FROM ingest_jobs j WHERE job_id = ? {self.to_change}",
                (job_id,),
            ).fetchone()
            if row is None:
                return Begun(Claim.UNKNOWN)
            record, now = _record(job_id, row), time.time_ns()
            is_heard_of = record.worker == worker or (row[8] or 0) > now - lost_after_seconds * 1e9
            begun = _claimed(record, worker, is_heard_of, now)
            if begun.record is not None and begun.record != record:
                _write_claim(run, begun.record)
        return begun

    def finish(self, job_id: str, result: ProcessingResult) -> bool:
        """See JobJournal."""
        content = json.dumps(result.model_dump(mode="json"), separators=(",", ":"))
        with self._writing() as run:
            done = run(
                "UPDATE ingest_jobs SET state = 'done', result = ?, changed_ns = ? "
                "WHERE job_id = ? AND state <> 'done'",
                (content, time.time_ns(), job_id),
            )
            return done.rowcount == 1

    def give_back(self, job_id: str, worker: str) -> None:
        """See JobJournal."""
        with self._writing() as run:
            _free(run, "job_id = ? AND worker = ?", (job_id, worker))

    def withdraw(self, job_id: str) -> bool:
        """See JobJournal."""
        with self._writing() as run:
            return run("DELETE FROM ingest_jobs WHERE job_id = ? AND state = 'submitted'", (job_id,)).rowcount == 1

    def keep_alive(self, worker: str) -> None:
        """See JobJournal."""
        with self._writing() as run:
            run(
                "INSERT INTO ingest_workers VALUES (?, ?) "
                "ON CONFLICT (worker) DO UPDATE SET seen_ns = excluded.seen_ns",
                (worker, time.time_ns()),
            )

    def sign_off(self, worker: str) -> None:
        """See JobJournal."""
        with self._writing() as run:
            _free(run, "worker = ?", (worker,))
            run("DELETE FROM ingest_workers WHERE worker = ?", (worker,))

    def take_lost(self, lost_after_seconds: float) -> list[str]:
        """See JobJournal."""
        now = time.time_ns()
        seen_before = int(now - lost_after_seconds * 1e9)
        with self._writing() as run:
            rows = run(
                "UPDATE ingest_jobs SET state = 'submitted', lost_hosts = lost_hosts + 1, changed_ns = ? "
                "WHERE job_id IN (SELECT job_id FROM ingest_jobs WHERE state = 'running' AND worker NOT IN "
                f"(SELECT worker FROM ingest_workers WHERE seen_ns > ?) {self.not_yet_taken}) RETURNING job_id",
                (now, seen_before),
            ).fetchall()
            # A row that its worker is just writing would have the living wait for one that may be lost.
            run(
                "DELETE FROM ingest_workers WHERE worker IN (SELECT worker FROM ingest_workers WHERE seen_ns <= ? "
                f"{self.not_yet_taken})",
                (seen_before,),
            )
        return [job_id for (job_id,) in rows]

    def take_forgotten(self, waiting_seconds: float, most: int) -> list[str]:
        """See JobJournal."""
        now = time.time_ns()
        with self._writing() as run:
            rows = run(
                "UPDATE ingest_jobs SET changed_ns = ? WHERE job_id IN (SELECT job_id FROM ingest_jobs "
                "WHERE state = 'submitted' AND changed_ns <= ? ORDER BY changed_ns LIMIT ? "
                f"{self.not_yet_taken}) RETURNING job_id",
                (now, int(now - waiting_seconds * 1e9), most),
            ).fetchall()
        return [job_id for (job_id,) in rows]

    def settled_among(self, job_ids: Collection[str]) -> list[str]:
        """See JobJournal."""
        asked = list(job_ids)
        if not self.exists:
            return asked
        open_jobs: set[str] = set()
        with self._looking() as run:
            for some, marks in with_marks(asked):
                rows = run(f"SELECT job_id FROM ingest_jobs WHERE job_id IN {marks} AND state <> 'done'", some)
                open_jobs.update(job_id for (job_id,) in rows.fetchall())
        return [job_id for job_id in asked if job_id not in open_jobs]

    def release(self, job_ids: Sequence[str]) -> None:
        """See JobJournal."""
        with self._writing() as run:
            for some, marks in with_marks(job_ids):
                run(f"DELETE FROM ingest_jobs WHERE job_id IN {marks}", some)

    def sweep(self, kept_seconds: float = KEPT_SECONDS) -> int:
        """See JobJournal."""
        changed_before = int(time.time_ns() - kept_seconds * 1e9)
        with self._writing() as run:
            swept = run(
                "DELETE FROM ingest_jobs WHERE job_id IN (SELECT job_id FROM ingest_jobs "
                f"WHERE state = 'done' AND changed_ns <= ? {self.not_yet_taken})",
                (changed_before,),
            )
            return swept.rowcount


def _claimed(record: JobRecord, worker: str, is_heard_of: bool, now: int) -> Begun:
    """What a worker that asks for a job gets; its record as it is then.

    ``is_heard_of`` says whether the worker that has it is this one or one that is alive.
    """
    if record.state == "done":
        return Begun(Claim.DONE, record)
    if record.state == "running":
        if is_heard_of:
            return Begun(Claim.ELSEWHERE, record)
        record = replace(record, lost_hosts=record.lost_hosts + 1)
    if record.lost_hosts >= MAX_LOST_HOSTS:
        return Begun(Claim.GIVEN_UP, record)
    taken = replace(record, state="running", worker=worker, attempts=record.attempts + 1, changed_ns=now)
    return Begun(Claim.RUN, taken)


def _write_claim(run: Run, record: JobRecord) -> None:
    run(
        "UPDATE ingest_jobs SET state = ?, worker = ?, attempts = ?, lost_hosts = ?, changed_ns = ? WHERE job_id = ?",
        (record.state, record.worker, record.attempts, record.lost_hosts, record.changed_ns, record.job_id),
    )


def _free(run: Run, where: str, values: Sequence[str]) -> None:
    """Make running jobs wait again, as if they had not been begun."""
    run(
        "UPDATE ingest_jobs SET state = 'submitted', attempts = attempts - 1, changed_ns = ? "
        f"WHERE state = 'running' AND {where}",
        (time.time_ns(), *values),
    )


def _record(job_id: str, row: Sequence[Any]) -> JobRecord:
    return JobRecord(job_id, JobRequest.from_json(row[0]), *row[1:8])
