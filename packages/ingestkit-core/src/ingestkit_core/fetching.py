"""Documents at a URL: a copy on this machine, for as long as it is read. In the owner.

    started ─► waits for a thread ─► copied ─► on_done ─► taken: the copy, or why there is none

A server that says nothing more is given up: its thread is left to itself, since it cannot be stopped, and another
one takes its place.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ingestkit_core.addresses import folder_uri, name_of
from ingestkit_core.errors import ErrorCode, ExecutionError, IngestkitError, SourceError
from ingestkit_core.filesystems import Place, Places
from ingestkit_core.spool import fresh_directory, is_no_room, no_room

__all__ = ["Fetch", "Fetching", "fetched"]

logger = logging.getLogger(__name__)

_THREADS = 8


@contextmanager
def fetched(url: str, max_bytes: int) -> Iterator[Path]:
    """A copy of what is at a URL, under its own name; it goes away at the end.

    Of what is larger than ``max_bytes`` one byte more is copied, so that its size is noticed. Raises SourceError:
    E_SOURCE_NOT_FOUND, or E_SOURCE_UNREADABLE where the place cannot be reached or nothing here knows the way.
    """
    folder = fresh_directory()
    copy = folder / name_of(url)
    try:
        folder.mkdir(parents=True)
        _copy(Places(), url, copy, max_bytes, lambda: None)
        yield copy
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True, eq=False)
class Fetch:
    """A document that is fetched: from where, where to, and what may be copied of it at most.

    ``url`` may hold a password. ``silence_seconds`` is how long the server may say nothing.
    """

    url: str
    folder: Path
    max_bytes: int
    silence_seconds: float
    fetch_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    heard: float | None = None
    error: IngestkitError | None = None
    is_over: bool = False

    @property
    def copy(self) -> Path:
        """Where the copy is, when it is there."""
        return self.folder / name_of(self.url)


class Fetching:
    """Fetches several documents at a time. ``on_done`` is told the id of each, once, on whatever thread."""

    def __init__(self, on_done: Callable[[str], None]) -> None:
        self._on_done = on_done
        self._changed = threading.Condition()
        self._waiting: deque[Fetch] = deque()
        self._fetches: dict[str, Fetch] = {}
        self._threads = 0
        self._idle = 0
        self._closed = False

    def __contains__(self, fetch_id: str) -> bool:
        return fetch_id in self._fetches

    def start(self, fetch: Fetch) -> str:
        """Fetch it as soon as a thread is free; returns its id."""
        with self._changed:
            self._fetches[fetch.fetch_id] = fetch
            self._waiting.append(fetch)
            self._start_thread()
            self._changed.notify()
        return fetch.fetch_id

    def take(self, fetch_id: str) -> Fetch:
        """One that is over. The copy is the caller's from now on. Raises what it ended with."""
        fetch = self._fetches.pop(fetch_id)
        if fetch.error is not None:
            raise fetch.error
        return fetch

    def give_up(self, fetch_id: str) -> None:
        """Stop one, or drop what it brought: it is over at once, with E_EXECUTION_CANCELLED."""
        fetch = self._fetches[fetch_id]
        self._abandon(fetch, _cancelled())
        if fetch.error is None:
            fetch.error = _cancelled()
            shutil.rmtree(fetch.folder, ignore_errors=True)

    def give_up_silent(self) -> None:
        """End those whose servers said nothing for too long. To be called now and then."""
        now = time.monotonic()
        for fetch in list(self._fetches.values()):
            if fetch.heard is not None and now - fetch.heard > fetch.silence_seconds:
                message = f"{folder_uri(fetch.url)} said nothing for {fetch.silence_seconds:g} s"
                self._abandon(fetch, SourceError(ErrorCode.E_SOURCE_UNREADABLE, message, recoverable=True))

    def close(self) -> None:
        """Give up everything and remove what was copied of it. Waits for no server. Idempotent."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            fetches, self._fetches = list(self._fetches.values()), {}
            for fetch in fetches:
                fetch.is_over = True
            self._changed.notify_all()
        for fetch in fetches:
            shutil.rmtree(fetch.folder, ignore_errors=True)

    def _start_thread(self) -> None:
        if self._idle < len(self._waiting) and self._threads < _THREADS:
            self._threads += 1
            threading.Thread(target=self._work, name="ingestkit-fetch", daemon=True).start()

    def _work(self) -> None:
        places = Places()
        while (fetch := self._next()) is not None:
            error: IngestkitError | None = None
            try:
                _fetch(places, fetch)
            except IngestkitError as exc:
                error = exc
            except Exception as exc:  # the outermost catch: who waits for it would wait for ever
                logger.exception("file=%s status=deferred", name_of(fetch.url))
                message = f"{name_of(fetch.url)} could not be fetched ({type(exc).__name__})"
                error = SourceError(ErrorCode.E_SOURCE_UNREADABLE, message, recoverable=True)
            if not self._end(fetch, error):
                # Given up meanwhile, and another thread took this one's place.
                return

    def _next(self) -> Fetch | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._idle -= 1
            if self._closed:
                self._threads -= 1
                return None
            fetch = self._waiting.popleft()
            fetch.heard = time.monotonic()
            return fetch

    def _end(self, fetch: Fetch, error: IngestkitError | None) -> bool:
        """On its own thread; False if it was over already."""
        with self._changed:
            late = fetch.is_over
            fetch.is_over = True
            fetch.error = fetch.error or error
        if late or error is not None:
            shutil.rmtree(fetch.folder, ignore_errors=True)
        if not late:
            self._on_done(fetch.fetch_id)
        return not late

    def _abandon(self, fetch: Fetch, error: IngestkitError) -> None:
        """On another thread. What was copied goes when the fetch's own thread comes back from its server."""
        with self._changed:
            if fetch.is_over:
                return
            fetch.is_over, fetch.error = True, error
            if fetch.heard is None:
                self._waiting.remove(fetch)
                shutil.rmtree(fetch.folder, ignore_errors=True)
            else:
                self._threads -= 1
                self._start_thread()
        self._on_done(fetch.fetch_id)


def _fetch(places: Places, fetch: Fetch) -> None:
    def heard() -> None:
        fetch.heard = time.monotonic()
        if fetch.is_over:
            raise _cancelled()

    was_open = places.is_open(fetch.url)
    try:
        _copy(places, fetch.url, fetch.copy, fetch.max_bytes, heard)
    except SourceError as exc:
        places.forget()
        if not (was_open and exc.recoverable):
            raise
        # A connection that lay idle may have been closed by the server.
        _copy(places, fetch.url, fetch.copy, fetch.max_bytes, heard)


def _cancelled() -> ExecutionError:
    return ExecutionError(ErrorCode.E_EXECUTION_CANCELLED, "cancelled before it was fetched")


def _copy(places: Places, url: str, copy: Path, max_bytes: int, heard: Callable[[], None]) -> None:
    room = max_bytes + 1
    try:
        with open(copy, "wb") as file:
            for block in _opened(places, url).blocks():
                file.write(block[:room])
                room -= len(block)
                heard()
                if room <= 0:
                    return
    except OSError as exc:
        # Of the disk: what the server raises is a SourceError by now.
        if is_no_room(exc):
            raise no_room(exc) from exc
        raise SourceError(ErrorCode.E_SOURCE_UNREADABLE, f"{name_of(url)} cannot be copied: {exc.strerror}") from exc


def _opened(places: Places, url: str) -> Place:
    try:
        return places.open(url)
    except SourceError as exc:
        # The document is not to blame for a package that is missing here, nor for a password.
        raise SourceError(exc.code, exc.message, recoverable=True) from exc
