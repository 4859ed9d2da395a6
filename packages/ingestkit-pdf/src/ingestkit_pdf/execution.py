"""The execution names this package's users meet, as core defines them."""

from ingestkit_core.errors import ExecutionError
from ingestkit_core.execution.distributed import DistributedExecutionBackend
from ingestkit_core.execution.local import LocalExecutionBackend
from ingestkit_core.protocols import ExecutionBackend

__all__ = ["DistributedExecutionBackend", "ExecutionBackend", "ExecutionError", "LocalExecutionBackend"]
