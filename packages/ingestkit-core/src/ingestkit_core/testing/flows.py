"""Flows for tests of a ParallelExecutor. Importable anywhere, so they run in threads and in workers alike.

A flow that must be seen from outside leaves notes: lines with the monotonic time, in a file of its state's
``directory``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingestkit_core.errors import BackendError, ErrorCode
from ingestkit_core.parallel import current_token
from ingestkit_core.testing.faults import CannotTravel, misbehave

__all__ = [
    "Unreachable",
    "change",
    "echo",
    "fail",
    "fail_as_backend",
    "fail_times",
    "fail_untravelled",
    "fault",
    "follow",
    "interval",
    "leave",
    "mark",
    "meet",
    "notes",
    "poll",
    "process_id",
    "spoil_then_echo",
]

State = Mapping[str, Any]

_LONG_SECONDS = 20.0
"""After which a flow waits in vain for another."""


class Unreachable(ConnectionError):
    """An exception with a base class, for what is matched by one."""


def notes(directory: Path, word: str) -> list[float]:
    """When ``word`` was noted (monotonic seconds), in order."""
    file = directory / word
    return [float(line) for line in file.read_text().split()] if file.exists() else []


def _note(state: State, word: str) -> int:
    """Note ``word``; returns how often it was noted by now."""
    directory = Path(state["directory"])
    with open(directory / word, "a") as file:
        file.write(f"{time.monotonic()}\n")
    return len(notes(directory, word))


def echo(state: State) -> State:
    """The state it was given."""
    return state


def change(state: dict[str, Any]) -> dict[str, Any]:
    """Changes its state, at the top and deeper, and returns it."""
    state["added"] = True
    state["list"].append("changed")
    return state


def process_id(state: State) -> int:
    """Where it runs, after ``seconds``."""
    time.sleep(state.get("seconds", 0))
    return os.getpid()


def interval(state: State) -> tuple[float, float]:
    """When it began and ended; takes ``seconds``."""
    began = time.monotonic()
    time.sleep(state["seconds"])
    return began, time.monotonic()


def follow(state: State) -> float:
    """Waits until ``after`` was noted, if there is one, and notes ``name``; when that was."""
    if "after" in state:
        _await(state, state["after"])
    ended = time.monotonic()
    _note(state, state["name"])
    return ended


def meet(state: State) -> tuple[float, float]:
    """Ends once another one of it runs beside it; when it began and ended."""
    began = time.monotonic()
    _note(state, "met")
    _await(state, "met", 2)
    return began, time.monotonic()


def _await(state: State, word: str, times: int = 1) -> None:
    limit = time.monotonic() + _LONG_SECONDS
    while len(notes(Path(state["directory"]), word)) < times:
        if time.monotonic() > limit:
            raise TimeoutError(f"nobody noted {word!r}")
        time.sleep(0.01)


def mark(state: State) -> None:
    """Notes that it ran, under ``name``."""
    _note(state, state.get("name", "mark"))


def poll(state: State) -> str:
    """Notes "began", runs until its token is set, and notes "ended"."""
    _note(state, "began")
    while not current_token().wait(0.01):
        pass
    _note(state, "ended")
    return "half done"


def fail(state: State) -> None:
    """Notes "failed" if it has a directory, and raises ValueError with ``text``."""
    if "directory" in state:
        _note(state, "failed")
    raise ValueError(state.get("text", "boom"))


def fail_times(state: State) -> int:
    """Fails its first ``failures`` attempts with Unreachable; returns the number of the attempt that worked."""
    attempt = _note(state, state.get("name", "attempt"))
    if attempt <= state["failures"]:
        raise Unreachable(f"attempt {attempt}")
    return attempt


def spoil_then_echo(state: dict[str, Any]) -> dict[str, Any]:
    """Spoils its state and fails, once; then returns the state it was given."""
    if _note(state, "attempt") == 1:
        state["list"].append("spoiled")
        raise Unreachable
    return state


def fail_as_backend(state: State) -> None:
    """Raises an error of our own tree."""
    raise BackendError(ErrorCode.E_BACKEND_EMBED_TIMEOUT, "the embedder did not answer", recoverable=True)


def fail_untravelled(state: State) -> None:
    """Raises an exception that no pickle can bring back."""
    raise CannotTravel("one", "two")


def leave(state: State) -> None:
    """Raises what derives from no Exception."""
    raise SystemExit(3)


def fault(state: State) -> Any:
    """Misbehaves as ``fault`` says."""
    return misbehave(state["fault"])
