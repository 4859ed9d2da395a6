"""One owner at a time: a lock file beside the store that names its holder.

The kernel holds the lock, not the file: it goes with the process, however that ends. Within one process
several stores on the same path share the lock, so that two routers do not lock each other out.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import IO

from ingestkit_core.errors import ErrorCode, StoreError

__all__ = ["Lease"]

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[str]) -> None:
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


_POLL_SECONDS = 0.1
_held: dict[str, tuple[IO[str], int]] = {}
_guard = threading.Lock()


class Lease:
    """The right to write to the store at ``path``. Entered again it counts; the last exit lets go."""

    def __init__(self, path: Path, wait_seconds: float | None = 0.0) -> None:
        self._key = os.path.realpath(path)
        self._lock_path = f"{self._key}.lock"
        self._wait_seconds = wait_seconds

    def __enter__(self) -> None:
        deadline = None if self._wait_seconds is None else time.monotonic() + self._wait_seconds
        while not self._acquire():
            if deadline is not None and time.monotonic() >= deadline:
                raise StoreError(
                    ErrorCode.E_STORE_LOCKED,
                    f"{self._key} is being written by {self._holder()}; wait for it, or use --wait",
                    recoverable=True,
                )
            time.sleep(_POLL_SECONDS)

    def __exit__(self, *exc: object) -> None:
        with _guard:
            file, count = _held[self._key]
            if count > 1:
                _held[self._key] = (file, count - 1)
                return
            del _held[self._key]
            with contextlib.suppress(OSError):
                file.truncate(0)
            _unlock(file)
            file.close()

    def _acquire(self) -> bool:
        with _guard:
            if self._key in _held:
                file, count = _held[self._key]
                _held[self._key] = (file, count + 1)
                return True
            try:
                file = open(self._lock_path, "a+", encoding="utf-8")  # noqa: SIM115  # held beyond this scope
            except OSError as exc:
                raise StoreError(
                    ErrorCode.E_STORE_COMMIT, f"cannot write beside the store {self._key}: {exc.strerror}"
                ) from exc
            if not _try_lock(file):
                file.close()
                return False
            file.seek(0)
            with contextlib.suppress(OSError):
                # On a full disk the lock holds all the same; it only names nobody.
                file.truncate(0)
                file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
                file.flush()
            _held[self._key] = (file, 1)
            return True

    def _holder(self) -> str:
        try:
            holder = json.loads(Path(self._lock_path).read_text(encoding="utf-8"))
            return f"process {holder['pid']} on {holder['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"
