"""Executors by name."""

from __future__ import annotations

from ingestkit_core.parallel.processes import ProcessExecutor
from ingestkit_core.parallel.threads import ThreadExecutor

__all__ = ["get_executor"]

_EXECUTORS: dict[str, type[ThreadExecutor] | type[ProcessExecutor]] = {
    "thread": ThreadExecutor,
    "process": ProcessExecutor,
}


def get_executor(strategy: str = "thread") -> ThreadExecutor | ProcessExecutor:
    """A new executor. Raises ValueError for a strategy that is not "thread" or "process"."""
    if strategy not in _EXECUTORS:
        known = ", ".join(repr(name) for name in _EXECUTORS)
        raise ValueError(f"unknown parallel strategy {strategy!r}; known are {known}")
    return _EXECUTORS[strategy]()
