"""What a job can do wrong, on purpose. Loaded by its path, as no import finds a test's neighbour."""

from __future__ import annotations

import collections
import ctypes
import errno
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ingestkit_core.errors import ErrorCode, ParseError
from ingestkit_core.spool import job_directory


def double(number: int) -> int:
    return 2 * number


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def segfault() -> None:
    ctypes.string_at(0)


def nap_and_segfault(seconds: float) -> None:
    time.sleep(seconds)
    segfault()


def exit_at_once(code: int) -> None:
    os._exit(code)


def kill_itself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def loop_in_c() -> None:
    """Never lets go of the interpreter lock and never looks at a signal."""
    collections.deque(itertools.repeat(None), maxlen=0)


def loop_in_python() -> None:
    while True:
        pass


def raise_memory_error() -> None:
    raise MemoryError


def raise_parse_error_from_memory_error() -> None:
    try:
        raise MemoryError
    except MemoryError as exc:
        raise ParseError(ErrorCode.E_PARSE_CORRUPT, "a reader took it for a broken file") from exc


def raise_bad_alloc() -> None:
    raise RuntimeError("std::bad_alloc")


def raise_no_memory() -> None:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


def grow(megabytes: int) -> int:
    kept = [b"x" * (1 << 20) for _ in range(megabytes)]
    return len(kept)


def allocate_at_once(megabytes: int) -> int:
    return len(bytearray(megabytes << 20))


def grow_and_abort(megabytes: int) -> None:
    kept = [b"x" * (1 << 20) for _ in range(megabytes)]
    os.kill(os.getpid(), signal.SIGABRT)
    del kept


def abort_like_rust() -> None:
    os.write(2, b"memory allocation of 3221225472 bytes failed\n")
    os.kill(os.getpid(), signal.SIGABRT)


def swallow_bad_alloc() -> list[str]:
    os.write(2, b"[E:onnxruntime] Non-zero status code: std::bad_alloc\n")
    return []


def trip_over_bad_alloc() -> str:
    nothing = swallow_bad_alloc() or None
    return nothing.tables  # type: ignore[attr-defined] # that is the fault


def unpicklable_result() -> dict[str, Any]:
    return {"secret key": [threading.Lock()]}


class _ReduceRaises:
    def __reduce__(self) -> tuple[Any, ...]:
        raise ValueError("secret text")


def result_with_raising_reduce() -> object:
    return _ReduceRaises()


class OddError(Exception):
    """Pickles, but cannot be made again: it takes two arguments and passes on one."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__("secret text")


def raise_odd_error() -> None:
    raise OddError("left", "right")


class PanicException(BaseException):
    """As extensions in Rust raise them."""


def raise_panic() -> None:
    raise PanicException("secret text")


def raise_system_exit() -> None:
    sys.exit(3)


def raise_keyboard_interrupt() -> None:
    raise KeyboardInterrupt


def raise_parse_error() -> None:
    raise ParseError(ErrorCode.E_PARSE_PASSWORD, "report.pdf needs a password", page_number=7)


class _LoadRaises:
    def __reduce__(self) -> tuple[Any, ...]:
        return _raise_on_load, ()


def _raise_on_load() -> None:
    raise ValueError("secret text")


def unloadable() -> object:
    return _LoadRaises()


def take(value: object) -> int:
    return len(repr(value))


def size(content: bytes) -> int:
    return len(content)


def large_result(megabytes: int) -> bytes:
    return bytes(megabytes << 20)


class _SignalWhilePickled:
    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        os.kill(os.getpid(), self.number)
        time.sleep(60)
        return str, ()


def signal_while_pickling(number: int) -> object:
    return ["x" * 10_000, _SignalWhilePickled(number)]


def signal_while_sending(number: int) -> list[bytes]:
    """Signals itself when a part of the result is written and the rest is not."""
    result = job_directory() / "result.pickle"

    def strike() -> None:
        while not (result.exists() and result.stat().st_size > 1 << 20):
            pass
        os.kill(os.getpid(), number)

    threading.Thread(target=strike, daemon=True).start()
    return [b"x" * 100_000 for _ in range(2_000)]


def close_all_descriptors() -> None:
    os.closerange(3, 1024)
    time.sleep(60)


def send_garbage() -> None:
    for fd in range(3, 20):
        try:
            if (Path("/proc/self/fd") / str(fd)).readlink().name.startswith("socket:"):
                os.write(fd, b"\xff" * 64)
        except OSError:
            pass
    time.sleep(60)


def start_a_child_and_loop(note: str) -> None:
    child = subprocess.Popen(["sleep", "60"])
    Path(note).write_text(f"{os.getpid()} {child.pid}")
    loop_in_c()


def write_note_and_nap(note: str) -> None:
    Path(note).write_text(str(os.getpid()))
    time.sleep(60)


def start_a_child_and_die(note: str) -> None:
    child = subprocess.Popen(["sleep", "60"])
    Path(note).write_text(str(child.pid))
    segfault()


def write_note_and_loop(note: str) -> None:
    Path(note).write_text(str(os.getpid()))
    loop_in_c()


def leave_file(name: str) -> str:
    path = job_directory() / name
    path.write_text("a table")
    return str(path)


def leave_file_and_die(name: str) -> None:
    leave_file(name)
    segfault()


def print_and_return(text: str) -> str:
    print(text)
    os.write(1, b"from native code\n")
    return text


def print_much(megabytes: int) -> None:
    for _ in range(megabytes):
        print("x" * (1 << 20))


def modules() -> list[str]:
    return sorted(sys.modules)


def environment(name: str) -> str | None:
    return os.environ.get(name)


def data_limit() -> int:
    import resource

    return resource.getrlimit(resource.RLIMIT_DATA)[0]


def interrupt_itself() -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return "deaf"


def span(seconds: float) -> tuple[float, float]:
    """When it began and ended, on the clock all processes share."""
    begin = time.monotonic()
    time.sleep(seconds)
    return begin, time.monotonic()
