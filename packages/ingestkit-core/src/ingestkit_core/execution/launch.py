"""How worker processes come to be, and how one hears of their end. In the owner.

Two launchers with one face: ``forking`` (POSIX) asks a template process to fork, so a worker costs
milliseconds whatever it has imported; ``spawning`` (anywhere) starts an interpreter for each worker, which
connects back and imports everything again. Both tell in events what happened.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ingestkit_core.execution.causes import Exit

__all__ = [
    "Ended",
    "Event",
    "Launcher",
    "Line",
    "Lost",
    "Started",
    "environment",
    "interpreter",
    "kill_group",
]

_SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Started:
    """Worker ``serial`` has a process; ``channel`` comes with it where it was not there from the start."""

    serial: int
    pid: int
    channel: socket.socket | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """Worker ``serial`` is gone."""

    serial: int
    exit: Exit


@dataclass(frozen=True, slots=True)
class Lost:
    """The process that reported on workers is gone, with these last words. Their ends will not be reported."""

    words: str


Event = Started | Ended | Lost


@dataclass(frozen=True, slots=True)
class Line:
    """What ties a worker to its owner from the start: a channel, and the descriptor of its lifeline."""

    channel: socket.socket | None = None
    lifeline: int | None = None


class Launcher(Protocol):
    """Starts workers and reports on them. Used by the supervising thread only."""

    @property
    def reports_ends(self) -> bool:
        """Whether an end makes something readable; otherwise ``poll`` must be called now and then."""
        ...

    def watch(self, selector: selectors.BaseSelector, follow: Callable[[], None]) -> None:
        """Register with this selector what tells of events, ``follow`` being the data."""
        ...

    def start(self, serial: int) -> Line:
        """Ask for a worker. Raises OSError when not even that works."""
        ...

    def poll(self) -> list[Event]:
        """What happened since the last call. Never waits."""
        ...

    def kill(self, pid: int) -> None:
        """End a worker, and what it started where the system can, at once."""
        ...

    def close(self) -> None:
        """End everything; returns when it is gone."""
        ...

    def forget(self) -> None:
        """Close the descriptors and touch no process: in a fork of the owner."""
        ...


def interpreter(module: str, boot: dict[str, Any]) -> list[str]:
    """The command that calls ``main(boot)`` of a module of this package, with this process's ``sys.path``."""
    code = (
        "import json, sys; boot = json.loads(sys.argv[1]); sys.path[:] = boot['path']; "
        f"from ingestkit_core.execution import {module}; {module}.main(boot)"
    )
    # -P: otherwise a json.py in the working directory would be imported here.
    optimize = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    boot = {**boot, "path": [_absolute(entry) for entry in sys.path]}
    return [sys.executable, "-P", *optimize, "-c", code, json.dumps(boot)]


def _absolute(entry: str) -> str:
    # Entries that are no path are names of import hooks, and stay as they are.
    return os.path.abspath(entry) if not entry or os.path.exists(entry) else entry


def environment() -> dict[str, str]:
    """This process's environment, with libraries told to compute on one thread: workers are the parallelism."""
    return {**os.environ, **_SINGLE_THREADED}


def kill_group(pid: int) -> None:
    """SIGKILL to a process group; no complaint when it is gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
