"""The journal of a queue in the embedded store: two tables of its file, written without the lease.

The process that owns the store is the one that runs the jobs; those who submit and ask are others. Each
operation is one short transaction, so they take turns with the documents.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from ingestkit_core.keys import printable, source_uri_of
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores.jobs import (
    KEPT_SECONDS,
    MAX_LOST_HOSTS,
    Begun,
    Claim,
    JobJournal,
    JobRecord,
    JobRequest,
)
from ingestkit_core.stores.sqlite.file import StoreFile

__all__ = ["SqliteJobs"]

_RECORD = "SELECT request, state, attempts, lost_hosts, worker, result, submitted_ns, changed_ns FROM ingest_jobs"
_IDS_AT_ONCE = 500


class SqliteJobs(JobJournal):
    """See JobJournal."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def submit(self, job_id: str, request: JobRequest) -> None:
        """See JobJournal."""
        uri = printable(request.source_uri) if request.source_uri is not None else source_uri_of(request.file_path)
        now = time.time_ns()
        values = (job_id, request.config.get("tenant_id") or "", uri, request.to_json(), now, now)
        with self._file.noting() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO ingest_jobs (job_id, tenant, uri, request, state, submitted_ns, changed_ns) "
                "VALUES (?, ?, ?, ?, 'submitted', ?, ?)",
                values,
            )

    def find(self, job_id: str) -> JobRecord | None:
        """See JobJournal."""
        if not self._file.exists:
            return None
        with self._file.reading() as connection:
            row = connection.execute(f"{_RECORD} WHERE job_id = ?", (job_id,)).fetchone()
        return _record(job_id, row) if row is not None else None

    def begin(self, job_id: str, worker: str, lost_after_seconds: float) -> Begun:
        """See JobJournal."""
        with self._file.noting() as connection:
            row = connection.execute(
                f"{_RECORD.replace(' FROM', ', seen_ns FROM', 1)} LEFT JOIN ingest_workers USING (worker) "
                "WHERE job_id = ?",
                (job_id,),
            ).fetchone()
            if row is None:
                return Begun(Claim.UNKNOWN)
            record, now = _record(job_id, row), time.time_ns()
            if record.state == "done":
                return Begun(Claim.DONE, record)
            lost_hosts = record.lost_hosts
            if record.state == "running":
                if record.worker == worker or (row[8] or 0) > now - lost_after_seconds * 1e9:
                    return Begun(Claim.ELSEWHERE, record)
                lost_hosts += 1
            if lost_hosts >= MAX_LOST_HOSTS:
                connection.execute("UPDATE ingest_jobs SET lost_hosts = ? WHERE job_id = ?", (lost_hosts, job_id))
                return Begun(Claim.GIVEN_UP, record)
            connection.execute(
                "UPDATE ingest_jobs SET state = 'running', worker = ?, attempts = attempts + 1, lost_hosts = ?, "
                "changed_ns = ? WHERE job_id = ?",
                (worker, lost_hosts, now, job_id),
            )
        now_running = replace(record, state="running", worker=worker, attempts=record.attempts + 1, changed_ns=now)
        return Begun(Claim.RUN, replace(now_running, lost_hosts=lost_hosts))

    def finish(self, job_id: str, result: ProcessingResult) -> bool:
        """See JobJournal."""
        content = json.dumps(result.model_dump(mode="json"), separators=(",", ":"))
        with self._file.noting() as connection:
            done = connection.execute(
                "UPDATE ingest_jobs SET state = 'done', result = ?, changed_ns = ? "
                "WHERE job_id = ? AND state <> 'done'",
                (content, time.time_ns(), job_id),
            )
            return done.rowcount == 1

    def give_back(self, job_id: str, worker: str) -> None:
        """See JobJournal."""
        with self._file.noting() as connection:
            connection.execute(
                "UPDATE ingest_jobs SET state = 'submitted', attempts = attempts - 1, changed_ns = ? "
                "WHERE job_id = ? AND state = 'running' AND worker = ?",
                (time.time_ns(), job_id, worker),
            )

    def withdraw(self, job_id: str) -> bool:
        """See JobJournal."""
        with self._file.noting() as connection:
            sql = "DELETE FROM ingest_jobs WHERE job_id = ? AND state = 'submitted'"
            return connection.execute(sql, (job_id,)).rowcount == 1

    def keep_alive(self, worker: str) -> None:
        """See JobJournal."""
        with self._file.noting() as connection:
            connection.execute("INSERT OR REPLACE INTO ingest_workers VALUES (?, ?)", (worker, time.time_ns()))

    def sign_off(self, worker: str) -> None:
        """See JobJournal."""
        with self._file.noting() as connection:
            connection.execute(
                "UPDATE ingest_jobs SET state = 'submitted', attempts = attempts - 1, changed_ns = ? "
                "WHERE state = 'running' AND worker = ?",
                (time.time_ns(), worker),
            )
            connection.execute("DELETE FROM ingest_workers WHERE worker = ?", (worker,))

    def take_lost(self, lost_after_seconds: float) -> list[str]:
        """See JobJournal."""
        now = time.time_ns()
        seen_before = int(now - lost_after_seconds * 1e9)
        with self._file.noting() as connection:
            rows = connection.execute(
                "UPDATE ingest_jobs SET state = 'submitted', lost_hosts = lost_hosts + 1, changed_ns = ? "
                "WHERE state = 'running' AND worker NOT IN (SELECT worker FROM ingest_workers WHERE seen_ns > ?) "
                "RETURNING job_id",
                (now, seen_before),
            ).fetchall()
            connection.execute("DELETE FROM ingest_workers WHERE seen_ns <= ?", (seen_before,))
        return [job_id for (job_id,) in rows]

    def take_forgotten(self, waiting_seconds: float, most: int) -> list[str]:
        """See JobJournal."""
        now = time.time_ns()
        with self._file.noting() as connection:
            rows = connection.execute(
                "UPDATE ingest_jobs SET changed_ns = ? WHERE job_id IN (SELECT job_id FROM ingest_jobs "
                "WHERE state = 'submitted' AND changed_ns <= ? ORDER BY changed_ns LIMIT ?) RETURNING job_id",
                (now, int(now - waiting_seconds * 1e9), most),
            ).fetchall()
        return [job_id for (job_id,) in rows]

    def settled_among(self, job_ids: Collection[str]) -> list[str]:
        """See JobJournal."""
        if not self._file.exists:
            return list(job_ids)
        open_jobs: set[str] = set()
        asked = list(job_ids)
        with self._file.reading() as connection:
            for start in range(0, len(asked), _IDS_AT_ONCE):
                some = asked[start : start + _IDS_AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows = connection.execute(
                    f"SELECT job_id FROM ingest_jobs WHERE job_id IN ({marks}) AND state <> 'done'", some
                )
                open_jobs.update(job_id for (job_id,) in rows)
        return [job_id for job_id in asked if job_id not in open_jobs]

    def release(self, job_ids: Sequence[str]) -> None:
        """See JobJournal."""
        with self._file.noting() as connection:
            connection.executemany("DELETE FROM ingest_jobs WHERE job_id = ?", [(job_id,) for job_id in job_ids])

    def sweep(self, kept_seconds: float = KEPT_SECONDS) -> int:
        """See JobJournal."""
        changed_before = int(time.time_ns() - kept_seconds * 1e9)
        with self._file.noting() as connection:
            sql = "DELETE FROM ingest_jobs WHERE state = 'done' AND changed_ns <= ?"
            return connection.execute(sql, (changed_before,)).rowcount


def _record(job_id: str, row: Sequence[Any]) -> JobRecord:
    return JobRecord(job_id, JobRequest.from_json(row[0]), *row[1:8])
