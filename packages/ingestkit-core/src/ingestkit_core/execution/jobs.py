"""A job and its outcome: the values the supervised workers take and give."""

from __future__ import annotations

import io
import os
import pickle
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ingestkit_core.errors import ErrorCode, ExecutionError, IngestError

__all__ = ["Job", "Outcome", "Sealed", "failure"]


@dataclass(frozen=True, slots=True)
class Job:
    """One call of a module-level function in a worker.

    ``timeout_seconds`` counts from the hand-over to a worker. ``max_memory_bytes`` is the worker's resident
    size above which the job is stopped; None watches nothing. ``alone`` waits until no other job runs and
    keeps others from starting beside it.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    timeout_seconds: float | None = None
    max_memory_bytes: int | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job.

    ``payload`` is the pickled result or the spool file that holds it, None when the job failed; then ``error``
    says why. ``exception`` is the type name of an exception the function raised. ``traceback`` is that
    exception's traceback with its message, or a dead worker's last words: it may hold text of a document, so
    it is for debugging and goes into no message. ``worker_died`` is True when the process died by itself or
    was killed for memory, so that the job may be to blame. ``seconds`` is wall time from the hand-over, 0 when
    it never came to that. ``directory`` is the job's directory when it left files there.
    """

    payload: bytes | Path | None = None
    error: IngestError | None = None
    exception: str | None = None
    traceback: str | None = None
    worker_died: bool = False
    seconds: float = 0.0
    worker_pid: int | None = None
    directory: Path | None = None

    def value(self) -> Any:
        """The result, unpickled; a spool file is removed. To be called once, by the consumer's thread.

        Raises ExecutionError: the job's own code when it failed, E_EXECUTION_RESULT_LOST when the spool file
        is gone (the pool was closed), E_EXECUTION_NOT_PICKLABLE when the result cannot be loaded.
        """
        if self.payload is None:
            raise self._as_exception()
        if isinstance(self.payload, bytes):
            return _loaded(io.BytesIO(self.payload))
        try:
            spool = self.payload.open("rb")
        except OSError as exc:
            raise ExecutionError(
                ErrorCode.E_EXECUTION_RESULT_LOST,
                f"the spooled result {self.payload} is gone ({type(exc).__name__}); "
                "take the value of an outcome once, and before the pool is closed",
            ) from exc
        with spool:
            value = _loaded(spool)
        self._drop_spool(self.payload)
        return value

    def sealed(self) -> Sealed:
        """The result unopened, to be handed to another job. Its file lives until :meth:`discard`."""
        if self.payload is None:
            raise self._as_exception()
        return Sealed(self.payload)

    def discard(self) -> None:
        """Remove what the job left on disk, its directory included. To be called when its files were used."""
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _drop_spool(self, spool: Path) -> None:
        with suppress(OSError):
            spool.unlink()
            # Fails while the job's other files are there: discard() is for those.
            os.rmdir(spool.parent)

    def _as_exception(self) -> ExecutionError:
        if self.error is None:
            return ExecutionError(ErrorCode.E_EXECUTION_RESULT_LOST, "the job left neither result nor error")
        code, error = ErrorCode(self.error.code), self.error
        return ExecutionError(code, error.message, stage=error.stage, recoverable=error.recoverable)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A job's result on its way to another job: pickled bytes, or the file that holds them."""

    content: Any

    def value(self) -> Any:
        """The result, where it is needed. Whatever reading and unpickling raise comes through."""
        if isinstance(self.content, bytes):
            return pickle.loads(self.content)
        with open(self.content, "rb") as spool:
            return pickle.load(spool)


def failure(code: ErrorCode, message: str) -> IngestError:
    """The record of something the execution did or found."""
    return IngestError(code=str(code), message=message, stage="execution")


def _loaded(content: BinaryIO) -> Any:
    try:
        return pickle.load(content)
    except Exception as exc:
        raise ExecutionError(
            ErrorCode.E_EXECUTION_NOT_PICKLABLE,
            f"the result was pickled in the worker but cannot be loaded here ({type(exc).__name__})",
        ) from exc
