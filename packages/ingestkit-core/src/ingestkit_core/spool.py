"""Where a job may leave large files: its own directory. For code that runs in a worker, or in either.

A reader that has more to hand over than fits a message (a large table as a SQLite file) writes it to
:func:`job_directory` and returns the path. The engine that runs the job says which directory that is and
removes it once the result was used or the job has failed. Without an engine it is one temporary directory per
process, removed at exit; if it was killed, by the next one.
"""

from __future__ import annotations

import atexit
import errno
import functools
import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypeGuard

from ingestkit_core.errors import ErrorCode, ExecutionError
from ingestkit_core.temporary import LockedDirectory

__all__ = ["assign_directory", "fresh_directory", "is_no_room", "job_directory", "no_room", "spooling", "working_in"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_process_directory: str | None = None
_current: ContextVar[Path | None] = ContextVar("ingestkit_job_directory", default=None)


def job_directory() -> Path:
    """The running job's directory, which exists. Its files live until the job's result has been used."""
    directory = _current.get()
    if directory is None:
        directory = Path(_process_directory) if _process_directory is not None else _fallback()
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def working_in(directory: Path) -> Iterator[None]:
    """Make it the job's directory in this context: how an engine of threads tells its jobs apart."""
    token = _current.set(directory)
    try:
        yield
    finally:
        _current.reset(token)


def assign_directory(directory: str | None) -> None:
    """Make it the job's directory in this whole process: how a worker, which runs one job at a time, says it.

    Process-wide, because threads started by a reader do not inherit its context.
    """
    global _process_directory
    _process_directory = directory


def no_room(cause: Exception) -> ExecutionError:
    """The error of a job that could not write what it had to leave here: the document is not to blame."""
    detail = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return ExecutionError(
        ErrorCode.E_EXECUTION_RESULT_LOST,
        f"what the job found could not be written to {tempfile.gettempdir()} ({detail}): "
        "make room there, or point TMPDIR to a disk that has some",
        recoverable=True,
    )


def is_no_room(exc: BaseException) -> TypeGuard[OSError]:
    """Whether a disk, a quota or a limit of the process took no more."""
    return isinstance(exc, OSError) and exc.errno in _FULL


@contextmanager
def spooling() -> Iterator[None]:
    """While something is written here: an error of the disk becomes ``no_room``'s."""
    try:
        yield
    except OSError as exc:
        raise no_room(exc) from exc


_numbers = itertools.count(1)


def fresh_directory() -> Path:
    """A directory for one job of an engine of threads; it is made when the job asks for it, and removed at exit."""
    return _fallback() / f"job-{next(_numbers)}"


@functools.cache
def _fallback() -> Path:
    directory = LockedDirectory("jobs")
    atexit.register(directory.close)
    return Path(directory.path)
