"""Many documents over one or several routers: pulled from any iterable, few under way at a time. In the owner.

    asked ─► begin ─► under way, as many as the router keeps ─► collect ─► result, as it comes
      │        ▲
      │        └─ fetched ◄─ at a URL, unless what is said of it there tells that it is unchanged
      └─► asked for again while it is under way: waits for its turn

A backend that worked before and fails is waited for once; what still fails then is deferred.
"""

from __future__ import annotations

import logging
import queue
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingestkit_core.commit import deferred_result
from ingestkit_core.errors import ExecutionError, IngestkitError
from ingestkit_core.execution.local import failed_result
from ingestkit_core.fetching import Fetch, Fetching
from ingestkit_core.keys import is_url, source_uri_of
from ingestkit_core.models import ProcessingResult
from ingestkit_core.progress import OnProgress
from ingestkit_core.stamps import NOTHING_SAID, Stamp

if TYPE_CHECKING:
    from ingestkit_core.router import DocumentRouter

__all__ = ["Asked", "run_batch"]

logger = logging.getLogger(__name__)

_STOP_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Asked:
    """One document somebody asks for. ``root`` is the folder it was found under, for moved files.

    Where ``file_path`` is a URL, ``stamp`` is what is said of the file there, ``address`` the URL with the password
    that it takes, and ``choose`` finds the router by the first bytes; bytes that do not have ``content_hash`` are
    refused. ``origin`` is the URL of which the file is a copy: what is told and stored names that.
    """

    router: DocumentRouter
    file_path: str
    source_uri: str | None = None
    root: Path | None = None
    stamp: Stamp = NOTHING_SAID
    address: str | None = None
    choose: Callable[[str], DocumentRouter | None] | None = None
    content_hash: str | None = None
    origin: str | None = None

    @property
    def place(self) -> str:
        """Where the document is, wherever its copy may be."""
        return self.origin or self.file_path


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
        self._fetching = Fetching(self._done.put)
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
        self._fetching.close()
        for job_id, (_, asked) in self._running.items():
            asked.router.abandon(job_id)
            _remove_copy(asked)

    def _start(self, number: int, asked: Asked) -> Iterator[tuple[int, ProcessingResult]]:
        if any(other.place == asked.place for _, other in self._running.values()):
            self._held_back.append((number, asked))
            return
        yield from self._begin(number, asked, self._begin_fetching if _is_elsewhere(asked) else self._begin_reading)

    def _begin(
        self, number: int, asked: Asked, begin: Callable[[Asked], ProcessingResult | str]
    ) -> Iterator[tuple[int, ProcessingResult]]:
        try:
            started = begin(asked)
        except ExecutionError as exc:
            started = _without_result(asked.place, exc)
        if isinstance(started, ProcessingResult):
            _remove_copy(asked)
            yield number, started
        else:
            self._running[started] = (number, asked)

    def _begin_reading(self, asked: Asked) -> ProcessingResult | str:
        return asked.router.begin(
            asked, self._done.put, refresh=self._refresh, checksum=self._checksum, on_progress=self._on_progress
        )

    def _begin_fetching(self, asked: Asked) -> ProcessingResult | str:
        started = asked.router.foresee(asked, refresh=self._refresh, checksum=self._checksum)
        return self._fetching.start(started) if isinstance(started, Fetch) else started

    def _next_done(self) -> Iterator[tuple[int, ProcessingResult]]:
        job_id = self._wait()
        number, asked = self._running[job_id]
        if job_id in self._fetching:
            yield from self._fetched(job_id, number, asked)
        else:
            result = self._collected(job_id, asked)
            del self._running[job_id]
            yield number, result
        for _ in range(0 if self._stopping else len(self._held_back)):
            yield from self._start(*self._held_back.popleft())

    def _fetched(self, job_id: str, number: int, asked: Asked) -> Iterator[tuple[int, ProcessingResult]]:
        if self._stopping:
            self._fetching.give_up(job_id)
        del self._running[job_id]
        try:
            copy = str(self._fetching.take(job_id).copy)
        except IngestkitError as exc:
            yield number, asked.router.not_fetched(asked, exc)
            return
        router = (asked.choose(copy) if asked.choose is not None else None) or asked.router
        local = replace(asked, router=router, file_path=copy, origin=asked.file_path)
        yield from self._begin(number, local, self._begin_reading)

    def _collected(self, job_id: str, asked: Asked) -> ProcessingResult:
        try:
            result = asked.router.collect(job_id)
        except ExecutionError as exc:
            result = _without_result(asked.place, exc)
        self._may_pause = self._may_pause or result.status == "committed"
        if asked.origin is not None:
            _remove_copy(asked)
            if result.file_path == asked.file_path:
                # The engine knows of the copy alone.
                return result.model_copy(update={"file_path": source_uri_of(asked.origin)})
        return result

    def _wait(self) -> str:
        while True:
            if self._abandon.is_set():
                raise _Abandoned
            if self._stop.is_set() and not self._stopping:
                self._stopping = True
                self._cancel_waiting()
            self._fetching.give_up_silent()
            try:
                # Never without a limit: an interrupt that comes just before a wait is noticed when it ends.
                return self._done.get(timeout=_STOP_LOOK_SECONDS)
            except queue.Empty:
                continue

    def _cancel_waiting(self) -> None:
        for job_id, (_, asked) in self._running.items():
            if job_id in self._fetching:
                self._fetching.give_up(job_id)
            else:
                asked.router.cancel(job_id, waiting_only=True)


def _is_elsewhere(asked: Asked) -> bool:
    """Whether the document is to be fetched before it can be read here; the workers of a queue fetch by themselves."""
    return is_url(asked.file_path) and asked.router.commits_here


def _remove_copy(asked: Asked) -> None:
    if asked.origin is not None:
        shutil.rmtree(Path(asked.file_path).parent, ignore_errors=True)


def _without_result(file_path: str, exc: ExecutionError) -> ProcessingResult:
    """The result of a document that could not be started or collected; where that may pass, it is deferred."""
    return deferred_result(file_path, exc) if exc.recoverable else failed_result(file_path, exc.to_error())
