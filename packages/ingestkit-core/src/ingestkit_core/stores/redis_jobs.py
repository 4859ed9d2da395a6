"""The journal of a queue on Redis, for a queue without a store that keeps one.

    {prefix}job:ID        hash: request, state, attempts, lost_hosts, worker, result, submitted_ns, changed_ns
    {prefix}of:WORKER     set: the jobs a worker has
    {prefix}workers       sorted by when they were last heard of
    {prefix}waiting       job ids, sorted by since when they wait
    {prefix}done          stream of job ids as they are done: what watchers read

Each operation is one script, so it happens as a whole and costs one round trip. Times are Redis's own. A result
that nobody took expires. What Redis forgets is gone: it should write its append-only file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from typing import Any

from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores import redis_scripts
from ingestkit_core.stores.jobs import (
    KEPT_SECONDS,
    Begun,
    Claim,
    JobJournal,
    JobRecord,
    JobRequest,
    JobWatcher,
)
from ingestkit_core.stores.redis_calls import ScriptCalls, connect, translated
from ingestkit_core.stores.redis_scripts import PREFIX

__all__ = ["RedisJobs"]

_LOOK_AGAIN_SECONDS = 5.0


class RedisJobs(JobJournal):
    """See JobJournal. ``close`` lets go of the connections."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = connect(url)
        scripts = {name: redis_scripts.HEAD + body for name, body in redis_scripts.ALL.items()}
        self._calls = ScriptCalls(self._client, scripts)

    def _run(self, script: str, *arguments: str | float) -> Any:
        with translated(self._url):
            return self._calls.run(script, *arguments)

    def submit_all(self, jobs: Sequence[tuple[str, JobRequest]]) -> None:
        """See JobJournal."""
        self._run("submit", *[word for job_id, request in jobs for word in (job_id, request.to_json())])

    def find_all(self, job_ids: Collection[str]) -> dict[str, JobRecord]:
        """See JobJournal."""
        asked = list(job_ids)
        records = map(_record, asked, self._run("find", *asked))
        return {record.job_id: record for record in records if record is not None}

    def begin(self, job_id: str, worker: str, lost_after_seconds: float) -> Begun:
        """See JobJournal."""
        claim, values = self._run("begin", job_id, worker, lost_after_seconds)
        return Begun(Claim(claim), _record(job_id, values))

    def finish(self, job_id: str, result: ProcessingResult) -> bool:
        """See JobJournal."""
        return bool(self._run("finish", job_id, json.dumps(result.model_dump(mode="json"), separators=(",", ":"))))

    def give_back(self, job_id: str, worker: str) -> None:
        """See JobJournal."""
        self._run("give_back", job_id, worker)

    def withdraw(self, job_id: str) -> bool:
        """See JobJournal."""
        return bool(self._run("withdraw", job_id))

    def keep_alive(self, worker: str) -> None:
        """See JobJournal."""
        self._run("keep_alive", worker)

    def sign_off(self, worker: str) -> None:
        """See JobJournal."""
        with translated(self._url):
            for job_id in self._client.smembers(f"{PREFIX}of:{worker}"):
                self.give_back(job_id, worker)
            self._client.zrem(f"{PREFIX}workers", worker)

    def take_lost(self, lost_after_seconds: float) -> list[str]:
        """See JobJournal."""
        return list(self._run("take_lost", lost_after_seconds))

    def take_forgotten(self, waiting_seconds: float, most: int) -> list[str]:
        """See JobJournal."""
        return list(self._run("take_forgotten", waiting_seconds, most))

    def settled_among(self, job_ids: Collection[str]) -> list[str]:
        """See JobJournal."""
        return list(self._run("settled", *job_ids))

    def release(self, job_ids: Sequence[str]) -> None:
        """See JobJournal."""
        if job_ids:
            self._run("release", *job_ids)

    def sweep(self, kept_seconds: float = KEPT_SECONDS) -> int:
        """See JobJournal. Redis itself lets results expire; this finds those that are older than asked for."""
        if kept_seconds >= KEPT_SECONDS:
            return 0
        swept = 0
        with translated(self._url):
            changed_before = (time.time() - kept_seconds) * 1000
            for key in self._client.scan_iter(f"{PREFIX}job:*", count=1000):
                state, changed = self._client.hmget(key, "state", "changed")
                if state == "done" and int(changed) <= changed_before:
                    swept += self._client.delete(key)
        return swept

    def watcher(self) -> JobWatcher:
        """See JobJournal."""
        return _StreamWatcher(self._url, self)

    def close(self) -> None:
        """Let go of the connections."""
        self._calls.close()
        self._client.close()


def _record(job_id: str, values: Sequence[Any]) -> JobRecord | None:
    request, state, attempts, lost_hosts, worker, result, submitted, changed = values
    if request is None:
        return None
    return JobRecord(
        job_id, JobRequest.from_json(request), state, int(attempts or 0), int(lost_hosts or 0), worker, result,
        int(submitted) * 1_000_000, int(changed) * 1_000_000,
    )  # fmt: skip


class _StreamWatcher(JobWatcher):
    """Reads the stream of done jobs; asks for a job itself when it is added and, rarely, while it is waited for."""

    def __init__(self, url: str, journal: RedisJobs) -> None:
        self._url = url
        self._journal = journal
        self._client = connect(url)
        self._waiting: set[str] = set()
        self._added: list[str] = []
        self._last: str | None = None
        self._asked = time.monotonic()

    def add(self, job_id: str) -> None:
        self._added.append(job_id)

    def settled(self, timeout_seconds: float) -> list[str]:
        deadline = time.monotonic() + timeout_seconds
        while True:
            settled = self._look(max(0.0, min(deadline - time.monotonic(), 1.0)))
            if settled or time.monotonic() >= deadline:
                self._waiting.difference_update(settled)
                return settled

    def _look(self, wait_seconds: float) -> list[str]:
        if self._last is None:
            # Before any job is asked for: what is done between the two is read in the stream.
            with translated(self._url):
                newest = self._client.xrevrange(f"{PREFIX}done", count=1)
            self._last = newest[0][0] if newest else "0-0"
        asked, self._added = self._added, []
        self._waiting.update(asked)
        if time.monotonic() - self._asked > _LOOK_AGAIN_SECONDS:
            self._asked, asked = time.monotonic(), list(self._waiting)
        if asked and (settled := self._journal.settled_among(asked)):
            return settled
        return self._told(wait_seconds)

    def _told(self, wait_seconds: float) -> list[str]:
        block = max(1, int(wait_seconds * 1000))
        with translated(self._url):
            answer = self._client.xread({f"{PREFIX}done": self._last}, count=1000, block=block)
        told: list[str] = []
        for _, entries in answer or []:
            for entry_id, content in entries:
                self._last = entry_id
                if content["job"] in self._waiting:
                    told.append(content["job"])
        return told

    def close(self) -> None:
        self._client.close()
