"""Questions about documents that take long to answer, on threads of their own. In the owner.

    read ─► a question? ─► asked beside everything else ─► Answer ─► finish, or read again under its settings

A slow answer holds up its own document: neither what is being read nor what is being committed.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "AskingThreads"]

_THREADS = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question. ``apply`` takes what was read and gives it with the answer in it, or raises
    IngestkitError where the document cannot be finished.

    ``settings`` are those to read the document again under before that; None leaves it as it was read.
    """

    apply: Callable[[Any], Any]
    settings: Mapping[str, Any] | None = None

    def then(self, later: Answer) -> Answer:
        """This answer and a later one about the same document, under no other settings."""
        return Answer(lambda value: later.apply(self.apply(value)))


class AskingThreads:
    """A few threads that are started when there is something to ask. They never keep a program from ending."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._started = 0
        self._lock = threading.Lock()

    def submit(self, job: Callable[[], None]) -> None:
        """Run this as soon as a thread is free. It raises nothing."""
        with self._lock:
            if self._started < _THREADS:
                self._started += 1
                name = f"ingestkit-ask-{self._started}"
                threading.Thread(target=self._run, name=name, daemon=True).start()
        self._jobs.put(job)

    def close(self) -> None:
        """Ask nothing more; an answer that is waited for is not waited for any longer."""
        with self._lock:
            # Not empty() and get(): a thread may take the last job in between, and get would wait for ever.
            with contextlib.suppress(queue.Empty):
                while True:
                    self._jobs.get_nowait()
            for _ in range(self._started):
                self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
