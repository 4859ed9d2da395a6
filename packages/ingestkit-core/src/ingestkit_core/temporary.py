"""A temporary directory that is locked while its owner lives.

The system drops the lock when the process ends, however it ends. So a later one can tell a dead owner's directory
and removes it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["LockedDirectory", "sweep"]

_PREFIX = "ingestkit-"
_LOCK = "owner.lock"


class LockedDirectory:
    """A fresh one below the system's temporary directory, named ``ingestkit-KIND-...``. Raises OSError."""

    def __init__(self, kind: str) -> None:
        sweep()
        self.path, self._lock = _locked_directory(kind)

    def close(self) -> None:
        """Remove it with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        # Where a file that is open cannot be removed, the lock goes last.
        shutil.rmtree(self.path, ignore_errors=True)

    def forget(self) -> None:
        """Leave directory and lock to the owner: in a fork of it."""
        os.close(self._lock)


def sweep() -> None:
    """Remove the directories that dead owners left behind."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = os.open(directory / _LOCK, os.O_RDWR)
            try:
                if _try_lock(lock):
                    shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(lock)


def _locked_directory(kind: str) -> tuple[str, int]:
    while True:
        directory = tempfile.mkdtemp(prefix=f"{_PREFIX}{kind}-")
        path = os.path.join(directory, _LOCK)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        # A sweep may have come between the file and its lock, and removed both.
        if _try_lock(lock) and os.path.exists(path):
            return directory, lock
        os.close(lock)


def _try_lock(fd: int) -> bool:
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined] # typed on Windows only
    except OSError:
        return False
    return True
