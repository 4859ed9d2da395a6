"""One attempt of a flow: run it, and turn whatever it raises into a value. In the worker or in a thread.

What it raises becomes the same record on either side, so that no exception ever has to travel.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ingestkit_core.errors import ErrorCode, IngestError, IngestkitError
from ingestkit_core.execution import memory

__all__ = ["Raised", "branch_name", "execution_error", "run_flow"]

_MESSAGE_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception as a value. ``names`` are what a RetryPolicy goes by: its types' names and its code."""

    error: IngestError
    names: tuple[str, ...]


def run_flow(flow: Callable[[Any], Any], state: Any) -> Any:
    """What the flow returns, or a Raised."""
    try:
        return flow(state)
    except BaseException as exc:  # noqa: BLE001 - outermost: a flow has nobody above it, in a thread or a worker
        return _raised(exc)


def execution_error(code: ErrorCode, message: str) -> IngestError:
    """The record of something that was done to a flow."""
    return IngestError(code=str(code), message=message, stage="execution")


def branch_name(flow: Callable[[Any], Any]) -> str:
    """What to call a flow: its function's name, or its type's when it is an object."""
    while isinstance(flow, partial):
        flow = flow.func
    return str(getattr(flow, "__name__", type(flow).__name__))


def _raised(exc: BaseException) -> Raised:
    if isinstance(exc, IngestkitError):
        error = exc.to_error()
    else:
        starved = memory.is_allocation_failure(exc)
        code = ErrorCode.E_EXECUTION_MEMORY if starved else ErrorCode.E_EXECUTION_CRASHED
        error = execution_error(code, _message(exc))
    return Raised(error, (*_type_names(type(exc)), error.code))


def _type_names(kind: type[BaseException]) -> tuple[str, ...]:
    types = kind.__mro__[:-1]
    return tuple(name for cls in types for name in (cls.__name__, f"{cls.__module__}.{cls.__qualname__}"))


def _message(exc: BaseException) -> str:
    try:
        text = str(exc)
    except Exception as failure:  # noqa: BLE001 - a foreign exception's own __str__
        text = f"its message cannot be had ({type(failure).__name__})"
    said = f"{type(exc).__name__}: {text}" if text else type(exc).__name__
    return said[:_MESSAGE_CHARS] + _place(exc)


def _place(exc: BaseException) -> str:
    frames = traceback.extract_tb(exc.__traceback__)
    if len(frames) < 2:  # not even the flow was entered
        return ""
    return f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})"
