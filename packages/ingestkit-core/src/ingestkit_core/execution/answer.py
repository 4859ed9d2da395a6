"""One job in a worker: from the bytes of the call to the bytes of the answer.

    load the call → run it under its memory cap → pickle the result, into a file when it is large

Everything a job raises is contained here, also what does not derive from Exception (SystemExit, a Rust
extension's panic). Exceptions travel as type name and traceback text, so nothing foreign is ever unpickled.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import traceback
from collections.abc import Callable
from io import BufferedWriter
from typing import Any

from ingestkit_core import spool
from ingestkit_core.errors import ErrorCode, IngestError, IngestkitError
from ingestkit_core.execution import memory, packing, wire
from ingestkit_core.execution.jobs import failure
from ingestkit_core.execution.words import Words

__all__ = ["ARGUMENTS_FILE", "RESULT_FILE", "SPOOL_ABOVE_BYTES", "answer", "job_body", "job_path"]

SPOOL_ABOVE_BYTES = 4096
"""Larger results go through a file, so that a message reaches the owner whole or not at all."""
RESULT_FILE = "result.pickle"
ARGUMENTS_FILE = "arguments.pickle"
_TRACEBACK_CHARS = 8000
_MESSAGE_CHARS = 2000
_SIZES = struct.Struct("<QI")
_OUT_OF_MEMORY = failure(ErrorCode.E_EXECUTION_MEMORY, "the job could not get the memory it needed")


def job_path(directory: str, number: int) -> str:
    """The directory of job ``number`` inside a pool's directory. It need not exist."""
    return os.path.join(directory, f"job-{number}")


def job_body(max_memory_bytes: int | None, modules: bytes, call: bytes) -> bytes:
    """The body of a JOB message. In the owner."""
    return _SIZES.pack(max_memory_bytes or 0, len(modules)) + modules + call


def answer(message: wire.Frame, directory: str, words: Words) -> bytes:
    """Run the job of a JOB message; the RESULT or FAILED message about it."""
    limit, modules, call = _split(message.body)
    spool.assign_directory(directory)
    sink = _Sink(os.path.join(directory, RESULT_FILE))
    try:
        memory.cap(limit)
        function, args = _load(modules, call, message.flags, directory)
        _pickle_into(sink, _call(function, args))
        if limit and memory.tells_of_allocation_failure(words.said()):
            # Some libraries print that they could not allocate, and go on as if they had found nothing.
            raise _Failure(_OUT_OF_MEMORY)
    except _Failure as failed:
        if limit and (failed.error is _OUT_OF_MEMORY or memory.tells_of_allocation_failure(words.said())):
            failed.error = _OUT_OF_MEMORY.model_copy(
                update={"message": f"{_OUT_OF_MEMORY.message} (limit {limit >> 20} MiB)"}
            )
        return wire.frame(wire.FAILED, message.number, failed.report())
    flags = wire.WITH_FILES if os.path.isdir(directory) else 0
    if sink.spooled:
        return wire.frame(wire.RESULT, message.number, flags=flags | wire.SPOOLED)
    return wire.frame(wire.RESULT, message.number, sink.content, flags)


def _split(body: bytes) -> tuple[int, bytes, bytes]:
    limit, size = _SIZES.unpack_from(body)
    end = _SIZES.size + size
    return limit, body[_SIZES.size : end], body[end:]


class _Failure(BaseException):
    """A failed job on its way out. A BaseException, so that it is never taken for one of the job's own."""

    def __init__(self, error: IngestError, cause: BaseException | None = None) -> None:
        super().__init__()
        self.error = error
        self.cause = cause

    def report(self) -> bytes:
        error = self.error.model_copy(update={"message": self.error.message[:_MESSAGE_CHARS]})
        report: dict[str, Any] = {"error": error.model_dump(mode="json")}
        if self.cause is not None:
            report["exception"] = type(self.cause).__name__
            report["traceback"] = "".join(traceback.format_exception(self.cause))[-_TRACEBACK_CHARS:]
        return json.dumps(report).encode()


def _failed(code: ErrorCode, message: str, cause: BaseException) -> _Failure:
    if memory.is_allocation_failure(cause):
        return _Failure(_OUT_OF_MEMORY, cause)
    return _Failure(failure(code, message), cause)


def _load(modules: bytes, call: bytes, flags: int, directory: str) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    try:
        if flags & wire.SPOOLED:
            call = _taken(os.path.join(directory, ARGUMENTS_FILE))
        return packing.unpack(modules, call)
    except BaseException as exc:  # noqa: BLE001 - importing and unpickling run foreign code
        memory.cap(0)
        message = f"function or arguments cannot be loaded in a worker ({type(exc).__name__})"
        raise _failed(ErrorCode.E_EXECUTION_NOT_PICKLABLE, message, exc) from None


def _taken(path: str) -> bytes:
    with open(path, "rb") as file:
        content = file.read()
    os.unlink(path)
    os.rmdir(os.path.dirname(path))
    return content


def _call(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        return function(*args)
    except BaseException as exc:  # noqa: BLE001 - outermost: whatever a job raises is its result
        memory.cap(0)  # first of all: a report cannot be written without memory
        if isinstance(exc, IngestkitError) and not memory.is_allocation_failure(exc):
            raise _Failure(exc.to_error(), exc) from None
        if spool.is_no_room(exc):
            raise _Failure(spool.no_room(exc).to_error(), exc) from None
        message = f"{type(exc).__name__}: raised in the worker"
        raise _failed(ErrorCode.E_EXECUTION_CRASHED, message, exc) from None


def _pickle_into(sink: _Sink, value: Any) -> None:
    try:
        pickle.Pickler(sink, pickle.HIGHEST_PROTOCOL).dump(value)
        sink.close()
    except _SpoolError as exc:
        raise _Failure(spool.no_room(exc.cause).to_error(), exc) from None
    except BaseException as exc:  # noqa: BLE001 - pickling runs __reduce__ of any class
        memory.cap(0)
        message = f"the result, a {type(value).__qualname__}, is not picklable{_holding(value)}"
        raise _failed(ErrorCode.E_EXECUTION_NOT_PICKLABLE, message, exc) from None


def _holding(value: Any) -> str:
    # Types only: keys and values of a result are text of a document.
    found = packing.find_unpicklable(value)
    return f": it holds a {found.type_name}" if found is not None and found.path else ""


class _SpoolError(Exception):
    def __init__(self, cause: OSError) -> None:
        super().__init__(cause)
        self.cause = cause


class _Sink:
    """What the pickler writes to: memory for a small result, a file from the first byte too many on."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._parts: list[bytes] = []
        self._size = 0
        self._file: BufferedWriter | None = None

    @property
    def spooled(self) -> bool:
        return self._file is not None

    @property
    def content(self) -> bytes:
        return b"".join(self._parts)

    def write(self, data: Any) -> int:
        """Take bytes or a buffer of bytes; returns how many."""
        self._size += len(data)
        if self._file is None and self._size <= SPOOL_ABOVE_BYTES:
            self._parts.append(bytes(data))
            return len(data)
        try:
            self._opened().write(data)
        except OSError as exc:
            raise _SpoolError(exc) from exc
        return len(data)

    def _opened(self) -> BufferedWriter:
        if self._file is None:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._file = open(self._path, "wb")  # noqa: SIM115 - closed by close()
            self._file.writelines(self._parts)
            self._parts.clear()
        return self._file

    def close(self) -> None:
        """Make what was written complete."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as exc:
                raise _SpoolError(exc) from exc
