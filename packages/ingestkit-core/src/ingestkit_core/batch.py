"""Many documents over one or several routers: pulled from any iterable, few under way at a time. In the owner.

    asked ─► begin ─► under way, as many as the router keeps ─► collect ─► result, as it comes
      └─► asked for again while it is under way: waits for its turn

A backend that worked before and fails is waited for once; what still fails then is deferred.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingestkit_core.commit import deferred_result
from ingestkit_core.errors import ExecutionError
from ingestkit_core.execution.local import failed_result
from ingestkit_core.models import ProcessingResult
from ingestkit_core.progress import OnProgress

if TYPE_CHECKING:
    from ingestkit_core.router import DocumentRouter

__all__ = ["Asked", "run_batch"]

logger = logging.getLogger(__name__)

_STOP_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Asked:
    """One document somebody asks for. ``root`` is the folder it was found under, for moved files.

    ``origin`` is the URL of which the file is a copy: what is told and stored names that.
    """

    router: DocumentRouter
    file_path: str
    source_uri: str | None = None
    root: Path | None = None
    origin: str | None = None


def run_batch(
    asked: Iterable[Asked],
    *,
    refresh: bool = False,
    checksum: bool = False,
    stop: threading.Event | None = None,
    abandon: threading.Event | None = None,
    on_progress: OnProgress | None = None,
) -> Iterator[tuple[int, ProcessingResult]]:
    """(input number, result) as documents finish, pulled from any iterable with bounded work in flight.

    A file that is asked for again while it is under way waits for its turn. Closing the generator cancels
    what has not been finished, and so does setting ``abandon``, from whatever thread; setting ``stop`` starts
    nothing more and lets what is being read finish. ``on_progress`` is called on other threads.
    """
    batch = _Batch(refresh, checksum, stop, abandon, on_progress)
    try:
        for number, item in enumerate(asked):
            if stop is not None and stop.is_set():
                break
            yield from batch.add(number, item)
        yield from batch.rest()
    except _Abandoned:
        pass
    finally:
        batch.abandon()


class _Abandoned(Exception):
    """Nobody waits for the results any more."""


class _Batch:
    def __init__(
        self,
        refresh: bool,
        checksum: bool,
        stop: threading.Event | None,
        abandon: threading.Event | None,
        on_progress: OnProgress | None,
    ) -> None:
        self._stop = stop or threading.Event()
        self._abandon = abandon or threading.Event()
        self._on_progress = on_progress
        self._stopping = False
        self._refresh = refresh
        self._checksum = checksum
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._running: dict[str, tuple[int, Asked]] = {}
        self._held_back: deque[tuple[int, Asked]] = deque()
        self._may_pause = False

    def add(self, number: int, asked: Asked) -> Iterator[tuple[int, ProcessingResult]]:
        while len(self._running) >= asked.router.in_flight or not self._done.empty():
            yield from self._next_done()
        if self._may_pause and asked.router.resting() is not None:
            yield from self.rest()
            self._pause(asked.router)
        yield from self._start(number, asked)

    def _pause(self, router: DocumentRouter) -> None:
        """Wait once for a backend that worked before and failed: what still fails then is deferred at once."""
        self._may_pause = False
        logger.warning("batch=paused format=%s", router.format.name)
        while router.resting() is not None and not self._stop.is_set() and not self._abandon.is_set():
            time.sleep(_STOP_LOOK_SECONDS)

    def rest(self) -> Iterator[tuple[int, ProcessingResult]]:
        while self._running:
            yield from self._next_done()

    def abandon(self) -> None:
        for job_id, (_, asked) in self._running.items():
            asked.router.abandon(job_id)

    def _start(self, number: int, asked: Asked) -> Iterator[tuple[int, ProcessingResult]]:
        if any(other.file_path == asked.file_path for _, other in self._running.values()):
            self._held_back.append((number, asked))
            return
        try:
            started = asked.router.begin(
                asked, self._done.put, refresh=self._refresh, checksum=self._checksum, on_progress=self._on_progress
            )
        except ExecutionError as exc:
            started = _without_result(asked.origin or asked.file_path, exc)
        if isinstance(started, ProcessingResult):
            yield number, started
        else:
            self._running[started] = (number, asked)

    def _next_done(self) -> Iterator[tuple[int, ProcessingResult]]:
        job_id = self._wait()
        number, asked = self._running[job_id]
        try:
            result = asked.router.collect(job_id)
        except ExecutionError as exc:
            result = _without_result(asked.origin or asked.file_path, exc)
        del self._running[job_id]
        self._may_pause = self._may_pause or result.status == "committed"
        yield number, result
        for _ in range(0 if self._stopping else len(self._held_back)):
            yield from self._start(*self._held_back.popleft())

    def _wait(self) -> str:
        while True:
            if self._abandon.is_set():
                raise _Abandoned
            if self._stop.is_set() and not self._stopping:
                self._stopping = True
                for job_id, (_, asked) in self._running.items():
                    asked.router.cancel(job_id, waiting_only=True)
            try:
                # Never without a limit: an interrupt that comes just before a wait is noticed when it ends.
                return self._done.get(timeout=_STOP_LOOK_SECONDS)
            except queue.Empty:
                continue


def _without_result(file_path: str, exc: ExecutionError) -> ProcessingResult:
    """The result of a document that could not be started or collected; where that may pass, it is deferred."""
    return deferred_result(file_path, exc) if exc.recoverable else failed_result(file_path, exc.to_error())
