"""Ways to misbehave, for tests of whatever must survive them. Each runs in a worker and ends badly there."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["FAULTS", "CannotTravel", "misbehave"]


class CannotTravel(Exception):
    """An exception that cannot be unpickled: its constructor wants what its args do not hold."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.second = second


class _KilledWhilePickling:
    def __reduce__(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


def _segfault() -> None:
    ctypes.string_at(0)


def _exit() -> None:
    os._exit(1)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _c_loop() -> None:
    # One call that holds the interpreter lock and sees no signal: minutes of big-integer arithmetic.
    pow(7, 1 << 30, (1 << (1 << 26)) - 1)


def _python_loop() -> None:
    while True:
        pass


def _sleep() -> None:
    time.sleep(3600)


def _nap() -> None:
    time.sleep(0.3)


def _memory_error() -> None:
    raise MemoryError


def _grow() -> None:
    blocks = []
    while True:
        blocks.append(bytearray(b"x") * (32 << 20))
        time.sleep(0.01)


def _unpicklable_result() -> Any:
    return lambda: None


def _exception() -> None:
    raise CannotTravel("one", "two")


def _plain_exception() -> None:
    raise ZeroDivisionError("a text that must not leave the worker's traceback")


def _full_disk() -> None:
    Path("/dev/full").write_bytes(b"what a reader leaves on the disk")


def _big_result() -> bytes:
    return bytes(200_000_000)


def _killed_while_pickling() -> Any:
    return _KilledWhilePickling()


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


FAULTS: dict[str, Callable[[], Any]] = {
    "segfault": _segfault,
    "exit": _exit,
    "kill": _kill,
    "c-loop": _c_loop,
    "python-loop": _python_loop,
    "sleep": _sleep,
    "nap": _nap,
    "memory-error": _memory_error,
    "grow": _grow,
    "unpicklable-result": _unpicklable_result,
    "exception": _exception,
    "plain-exception": _plain_exception,
    "full-disk": _full_disk,
    "big-result": _big_result,
    "killed-while-pickling": _killed_while_pickling,
    "stop": _stop,
}


def misbehave(name: str) -> Any:
    """Do what ``name`` says. Some faults return a value that cannot be brought back."""
    if sys.platform == "win32" and name in ("kill", "killed-while-pickling", "stop"):
        name = "exit"
    return FAULTS[name]()
