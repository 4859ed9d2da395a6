"""Fan-out: run flows side by side, on threads or in supervised processes, and get one result for each."""

from ingestkit_core.parallel.config import ParallelConfig, ParallelFlowResult
from ingestkit_core.parallel.executors import get_executor
from ingestkit_core.parallel.policies import CancellationToken, CircuitBreaker, RetryPolicy, current_token
from ingestkit_core.parallel.processes import ProcessExecutor
from ingestkit_core.parallel.threads import ThreadExecutor

__all__ = [
    "CancellationToken",
    "CircuitBreaker",
    "ParallelConfig",
    "ParallelFlowResult",
    "ProcessExecutor",
    "RetryPolicy",
    "ThreadExecutor",
    "current_token",
    "get_executor",
]
