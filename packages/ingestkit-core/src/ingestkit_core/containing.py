"""A step of reading whose failure costs its own part of a document and nothing else. In the worker; pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ingestkit_core.errors import ErrorCode, ProcessError

__all__ = ["contained"]

T = TypeVar("T")

_SLIPS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What code that met something unforeseen raises. Not among them: memory, files, and errors of our own, which others
know better what to do about."""


def contained(
    code: ErrorCode,
    message: str,
    step: Callable[[], T],
    *,
    page_number: int | None = None,
    sheet_name: str | None = None,
    cell_range: str | None = None,
) -> T:
    """What the step gives. What slips in it becomes a ProcessError of this code, message and place."""
    try:
        return step()
    except _SLIPS as exc:
        raise ProcessError(
            code,
            f"{message} ({type(exc).__name__})",
            recoverable=True,
            page_number=page_number,
            sheet_name=sheet_name,
            cell_range=cell_range,
        ) from exc
