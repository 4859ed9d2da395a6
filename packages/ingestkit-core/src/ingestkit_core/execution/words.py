"""What a worker prints: kept in a file while a job runs, so that its last words tell why it died.

stdout and stderr of a worker, also those of native code and of commands it starts, go into one file. After
each job the worker passes them on to the owner's stderr (never stdout: that is the owner's data) and empties
the file. When the worker dies instead, the owner reads the file.
"""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress

__all__ = ["Words", "last_words", "words_path"]

_TAIL_BYTES = 16 * 1024


def words_path(directory: str, name: str) -> str:
    """The file for the words of one process of a pool."""
    return os.path.join(directory, f"{name}.words")


def last_words(path: str, *, remove: bool = False) -> str:
    """The end of what was printed, "" when there is nothing."""
    words = b""
    with suppress(OSError):
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            words = file.read()
        if remove:
            os.unlink(path)
    return words.decode("utf-8", "replace").strip()


class Words:
    """This process's own words. ``stderr`` is a descriptor of the owner's stderr, None to drop them."""

    def __init__(self, path: str, stderr: int | None) -> None:
        self._path = path
        self._stderr = stderr

    def catch(self) -> None:
        """From now on stdout and stderr are the file."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(fd, 1)
        os.dup2(fd, 2)
        os.close(fd)

    def said(self) -> str:
        """The end of what this job has printed so far."""
        with suppress(OSError, ValueError, AttributeError):  # a job may close or replace them
            sys.stdout.flush()
            sys.stderr.flush()
        return last_words(self._path) if os.lseek(2, 0, os.SEEK_END) else ""

    def pass_on(self) -> None:
        """Hand the words to the owner's stderr as far as it takes them at once, and forget them."""
        words = self.said()
        if not words:
            return
        os.ftruncate(2, 0)
        if self._stderr is not None:
            _write_without_waiting(self._stderr, words.encode() + b"\n")


def _write_without_waiting(fd: int, content: bytes) -> None:
    # Whoever should read the owner's stderr may not, and the next job's time is running.
    look = select.poll()
    look.register(fd, select.POLLOUT)
    with suppress(OSError):
        while content and any(event & select.POLLOUT for _, event in look.poll(0)):
            content = content[os.write(fd, content[: select.PIPE_BUF]) :]
