"""What tests start ends with them, also when they are killed and nothing of theirs runs any more.

    tests ── a pipe: process id, and when it began ──► watcher ── at the pipe's end ──► SIGKILL to what is still there

Linux only, where it can be told whether a process id still means the same process; elsewhere nobody watches. This
file is the watcher's script as well, so it imports nothing of ours.
"""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any, TypeVar

__all__ = ["ending_with_us"]

_Process = TypeVar("_Process", bound="subprocess.Popen[Any]")
_BEGAN = 19
"""Where in /proc/PID/stat, after the command's name, it says when the process began (proc(5))."""


def ending_with_us(process: _Process) -> _Process:
    """The process itself; it, and its group if it leads one, is killed when the caller's process is gone."""
    if sys.platform == "linux":
        with suppress(BrokenPipeError):  # the watcher was killed, too
            _watcher(os.getpid()).write(f"{process.pid} {_began(process.pid)}\n".encode())
    return process


@functools.cache
def _watcher(owner: int) -> IO[bytes]:
    """The pipe to a watcher; a fork of the owner gets one of its own."""
    # In a session of its own: whoever kills the group of the tests does not kill the watcher.
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        bufsize=0,
        start_new_session=True,
    )
    # It is never waited for: it ends after us.
    watcher.returncode = 0
    assert watcher.stdin is not None
    return watcher.stdin


def _began(pid: int) -> str:
    """When it began, in ticks since the system did; empty if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[_BEGAN]
    except OSError:
        return ""


def _kill_what_is_left(lines: Iterable[str]) -> None:
    for pid, began in [line.split() for line in lines]:
        if _began(int(pid)) == began:
            with suppress(ProcessLookupError):
                leads = os.getpgid(int(pid)) == int(pid)
                (os.killpg if leads else os.kill)(int(pid), signal.SIGKILL)


if __name__ == "__main__":
    _kill_what_is_left(sys.stdin)
