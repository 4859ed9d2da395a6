"""One thread of a submitter that waits for all jobs anybody there waits for, and fetches what they came to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from ingestkit_core.errors import ErrorCode, ExecutionError, StoreError
from ingestkit_core.stores.jobs import JobJournal, JobRecord, JobWatcher

__all__ = ["SILENCE_SECONDS", "Waits"]

SILENCE_SECONDS = 60.0
"""A journal that does not answer for so long is given up on by those who wait without a limit."""

_FIRST_LOOK_SECONDS = 0.02
_LONGEST_LOOK_SECONDS = 0.25
_BREATH_SECONDS = 0.005
"""After a look that told something: jobs that are done meanwhile are told, and fetched, together."""


class Waits:
    """One thread that waits for all jobs anybody waits for. Their records are there when it calls back."""

    def __init__(self, journal: JobJournal) -> None:
        self._journal = journal
        self._changed = threading.Condition()
        self._callbacks: dict[str, list[Callable[[str], None]]] = {}
        self._records: dict[str, JobRecord] = {}
        self._new: list[str] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, callbacks: Mapping[str, Callable[[str], None]]) -> None:
        """Call back once a job is done or its record is gone, with its id."""
        with self._changed:
            if self._closed:
                raise ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, "this execution backend was closed")
            for job_id, callback in callbacks.items():
                if job_id not in self._callbacks:
                    self._new.append(job_id)
                self._callbacks.setdefault(job_id, []).append(callback)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="ingestkit-waits", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def take(self, job_id: str) -> JobRecord | None:
        """The record of a job that was done when it was called back, once."""
        return self._records.pop(job_id, None)

    def close(self) -> None:
        """Wait for nothing any more. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _watch(self) -> None:
        watcher: JobWatcher | None = None
        look_seconds = _FIRST_LOOK_SECONDS
        heard = time.monotonic()
        while (new := self._next_new()) is not None:
            look_seconds = _FIRST_LOOK_SECONDS if new else min(2 * look_seconds, _LONGEST_LOOK_SECONDS)
            try:
                watcher = watcher or self._journal.watcher()
                for job_id in new:
                    watcher.add(job_id)
                if settled := watcher.settled(look_seconds):
                    self._records.update(self._journal.find_all(settled))
                    self._tell(settled)
                    if self._callbacks:
                        time.sleep(_BREATH_SECONDS)
                heard = time.monotonic()
            except StoreError:
                self._begin_anew(watcher)
                watcher = None
                if time.monotonic() - heard > SILENCE_SECONDS:
                    # Whoever waits asks the journal once more and learns why.
                    self._tell(list(self._callbacks))
                time.sleep(_LONGEST_LOOK_SECONDS)
        if watcher is not None:
            watcher.close()

    def _next_new(self) -> list[str] | None:
        """Jobs to be watched besides; None at the end. Sleeps while nobody waits for anything."""
        with self._changed:
            self._changed.wait_for(lambda: self._callbacks or self._closed)
            new, self._new = self._new, []
            return None if self._closed else new

    def _begin_anew(self, watcher: JobWatcher | None) -> None:
        if watcher is not None:
            watcher.close()
        with self._changed:
            self._new = list(self._callbacks)

    def _tell(self, job_ids: list[str]) -> None:
        for job_id in job_ids:
            with self._changed:
                callbacks = self._callbacks.pop(job_id, [])
            for callback in callbacks:
                callback(job_id)
