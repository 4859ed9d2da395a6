"""A pool's directory: the job directories and the words of its workers. In the owner.

It is locked while its owner lives, by a lock the system drops when the process ends. So a later pool can tell
a dead owner's directory and removes it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from ingestkit_core.errors import ErrorCode, ExecutionError

__all__ = ["PoolDirectory", "sweep"]

_PREFIX = "ingestkit-pool-"
_LOCK = "owner.lock"


class PoolDirectory:
    """A fresh, locked directory under the system's temporary directory."""

    def __init__(self) -> None:
        try:
            sweep()
            self.path, self._lock = _locked_directory()
        except OSError as exc:
            raise ExecutionError(
                ErrorCode.E_EXECUTION_SUBMIT,
                f"no spool directory can be made under {tempfile.gettempdir()} ({exc.strerror}); "
                "free some space or set TMPDIR",
            ) from exc

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


def _locked_directory() -> tuple[str, int]:
    while True:
        directory = tempfile.mkdtemp(prefix=_PREFIX)
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
