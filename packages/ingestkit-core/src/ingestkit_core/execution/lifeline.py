"""A worker dies with its owner, whatever it is doing. Runs in the worker.

The owner alone holds the write end of a pipe; the worker holds the read end. When the owner dies, however it
dies, the write end closes:

- Linux: the kernel itself sends SIGKILL to the worker's process group. No code of the worker has to run, so
  a C loop that holds the interpreter lock dies too, and so does what the worker started (an OCR command).
- elsewhere: a thread sees the end of the pipe and ends the process. Weaker: it needs the interpreter lock, so
  a C loop that never lets go of it outlives its owner until it returns.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading

__all__ = ["hold", "watch"]


def hold(fd: int) -> None:
    """Tie this process group's life to the pipe, in the strongest way this system has."""
    if sys.platform == "linux":
        _arm(fd)
    else:
        watch(fd)


def watch(fd: int) -> None:
    """Tie this process's life to the pipe by a thread that waits for its end."""
    threading.Thread(target=_wait_for_end, args=(fd,), name="ingestkit-lifeline", daemon=True).start()


def _arm(fd: int) -> None:
    import fcntl

    # The owner of the signal belongs to the open pipe end, not to the process: two workers must never share one.
    fcntl.fcntl(fd, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    # Armed after the owner's death it gives no signal; so look once.
    look = select.poll()
    look.register(fd, select.POLLIN)
    if look.poll(0):
        end_group()


def _wait_for_end(fd: int) -> None:
    while os.read(fd, 1):
        pass
    end_group()


def end_group() -> None:
    """End this process and what it started, at once."""
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
