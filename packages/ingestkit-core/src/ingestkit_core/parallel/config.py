"""What a fan-out is told and what it answers. Values, in the owner."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Literal

from ingestkit_core.errors import IngestError
from ingestkit_core.parallel.policies import CancellationToken, CircuitBreaker, RetryPolicy

__all__ = ["ParallelConfig", "ParallelFlowResult", "Strategy"]

Strategy = Literal["thread", "process"]


def _cpu_count() -> int:
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class ParallelConfig:
    """How flows are run.

    ``strategy`` is for whoever picks an executor; an executor at hand does not look at it. At most
    ``max_workers`` flows (default: the number of CPUs) run at once. ``timeout_seconds`` limits each attempt of
    a flow, counted from its start. ``max_memory_mb`` (MiB) limits the resident size of a process flow; threads
    share one memory and cannot be held to it. With ``fail_fast`` the first flow that fails for good cancels
    the rest. ``circuit_breaker`` is shared with every other execution that is given the same object.
    """

    strategy: Strategy = "thread"
    max_workers: int = field(default_factory=_cpu_count)
    timeout_seconds: float | None = None
    max_memory_mb: int | None = None
    fail_fast: bool = False
    retry: RetryPolicy | None = None
    circuit_breaker: CircuitBreaker | None = None
    cancellation: CancellationToken | None = None

    def __post_init__(self) -> None:
        if self.strategy not in ("thread", "process"):
            raise ValueError(f"unknown strategy {self.strategy!r}; it is 'thread' or 'process'")
        if self.max_workers < 1:
            raise ValueError(f"max_workers is at least 1, not {self.max_workers}")
        if self.timeout_seconds is not None and not self.timeout_seconds > 0:
            raise ValueError(f"timeout_seconds is more than 0, not {self.timeout_seconds}")
        if self.max_memory_mb is not None and self.max_memory_mb < 1:
            raise ValueError(f"max_memory_mb is at least 1, not {self.max_memory_mb}")


@dataclass(frozen=True, slots=True)
class ParallelFlowResult:
    """What became of one flow.

    ``index`` is its position in the input, from 0; ``branch`` its name. ``value`` is what it returned, None
    unless ``success``; otherwise ``error`` says why. ``attempts`` is how often it was started, 0 when it never
    was. ``duration_seconds`` is the time of all attempts together, without the delays between them.
    ``worker_pid`` is the process its last attempt ran in, None when there was none.
    """

    index: int
    branch: str
    success: bool
    value: Any = None
    error: IngestError | None = None
    attempts: int = 0
    duration_seconds: float = 0.0
    timed_out: bool = False
    cancelled: bool = False
    worker_pid: int | None = None
