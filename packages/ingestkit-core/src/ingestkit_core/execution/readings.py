"""Documents read for something else than the store: a conversion, a verification. One course each, waited for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingestkit_core.closing import Closing
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode, IngestError, IngestkitError
from ingestkit_core.execution import causes
from ingestkit_core.execution.course import Course, Courses
from ingestkit_core.execution.local import limits_of
from ingestkit_core.execution.threads import ThreadPool
from ingestkit_core.execution.workers import WorkerPool

__all__ = ["Readings"]


class Readings(Closing):
    """Reads on the workers of a router, from several threads at once."""

    def __init__(self, pool: WorkerPool | ThreadPool, config: ProcessorConfig) -> None:
        self._courses = Courses(pool)
        self._config = config
        self._lock = threading.Lock()
        self._waiting: dict[Course, queue.SimpleQueue[tuple[Any, IngestError | None]]] = {}

    def read(self, function: Callable[[str, dict[str, Any]], Any], path: str | Path) -> Any:
        """What ``function(path, settings)`` gives in a worker. Raises the IngestkitError of its end."""
        ended: queue.SimpleQueue[tuple[Any, IngestError | None]] = queue.SimpleQueue()
        course = Course(
            function,
            str(path),
            self._config.model_dump(),
            limits_of(self._config, self._config.execution_max_workers),
            lambda _, value, error: ended.put((value, error)),
        )
        with self._lock:
            self._courses.start(course)
            self._waiting[course] = ended
        try:
            value, error = ended.get()
        finally:
            self._courses.cancel(course)
            del self._waiting[course]
            course.discard()
        if error is not None:
            raise IngestkitError(ErrorCode(error.code), error.message, stage=error.stage)
        return value

    def close(self) -> None:
        """Stop what is under way and tell those who wait for it. Idempotent."""
        with self._lock:
            waiting = dict(self._waiting)
            for course in waiting:
                self._courses.cancel(course)
            self._courses.close()
        for ended in waiting.values():
            ended.put((None, causes.cancelled("the router was closed")))
