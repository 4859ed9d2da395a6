"""Why a job did not end by itself: the records of everything that can happen to it here. In the owner."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from ingestkit_core.errors import ErrorCode, IngestError
from ingestkit_core.execution import memory
from ingestkit_core.execution.jobs import Job, failure

__all__ = ["Exit", "cancelled", "died", "hung_up", "over_memory", "over_time", "unstartable"]


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: exit code (negative: a signal; None: nobody saw it) and largest resident size."""

    code: int | None
    peak_bytes: int = 0

    def __str__(self) -> str:
        if self.code is None:
            return "it ended, and nobody saw how"
        return self.signal_name or f"exit code {self.code}"

    @property
    def signal_name(self) -> str | None:
        """The name of the signal that ended it, None when it ended by itself."""
        if self.code is None or self.code >= 0:
            return None
        try:
            return signal.Signals(-self.code).name
        except ValueError:
            return f"signal {-self.code}"


def died(job: Job, exit: Exit, words: str) -> IngestError:
    """The process ended by itself: for want of memory when its size or its last words say so."""
    limit = job.max_memory_bytes
    near = limit is not None and exit.peak_bytes >= limit * memory.NEAR_CAP_RATIO
    if near or memory.tells_of_allocation_failure(words):
        cap = f", limit {_mib(limit)}" if limit else ""
        message = f"the worker ran out of memory and died ({exit}, peak {_mib(exit.peak_bytes)}{cap})"
        return failure(ErrorCode.E_EXECUTION_MEMORY, message)
    hint = "; the system may have been short of memory" if exit.signal_name == "SIGKILL" else ""
    return failure(ErrorCode.E_EXECUTION_CRASHED, f"the worker died: {exit}{hint}")


def over_time(job: Job) -> IngestError:
    """Killed at its deadline."""
    return failure(ErrorCode.E_EXECUTION_TIMEOUT, f"stopped after its limit of {job.timeout_seconds:g} s")


def over_memory(job: Job, resident_bytes: int) -> IngestError:
    """Killed above its cap."""
    message = f"stopped at {_mib(resident_bytes)} resident, limit {_mib(job.max_memory_bytes or 0)}"
    return failure(ErrorCode.E_EXECUTION_MEMORY, message)


def cancelled(reason: str = "cancelled") -> IngestError:
    """Somebody no longer wants it."""
    return failure(ErrorCode.E_EXECUTION_CANCELLED, reason)


def hung_up() -> IngestError:
    """It closed its channel, or wrote garbage into it, and lived on."""
    return failure(ErrorCode.E_EXECUTION_CRASHED, "the worker died: it lost its channel to the owner")


def unstartable(times: int, words: str) -> IngestError:
    """No worker could be brought up for it."""
    last_line = words.splitlines()[-1] if words else "nothing"
    message = f"no worker could be started, {times} times in a row; the last one said: {last_line}"
    return failure(ErrorCode.E_EXECUTION_SUBMIT, message)


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.0f} MiB"
