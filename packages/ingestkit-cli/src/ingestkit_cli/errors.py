"""What goes wrong at the command line: one clear line and an exit code, decided in one place.

0    all good; a search without hits, too
1    documents were quarantined, deletions withheld, folders could not be looked into, or text of some document is
     unexplained above the limit
2    a mistake in the command: usage, a missing path, no document there or of that name, an unfit setting or store
3    not now: a backend is down, or the store is locked or full; run it again later
130  interrupted (Ctrl-C), 143 terminated, 141 whoever read the output went away
"""

from __future__ import annotations

import errno
from enum import IntEnum

import typer

__all__ = ["ExitCode", "Mistake", "verdict"]


class ExitCode(IntEnum):
    """What the command tells the shell."""

    OK = 0
    TROUBLE = 1
    MISTAKE = 2
    NOT_NOW = 3
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


class Mistake(Exception):
    """Something the person at the keyboard can mend. The message says what and how."""


_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""The root of typer's usage errors. It lives in click or inside typer, by version, and has no public name."""

_NOT_NOW = ("E_STORE_LOCKED", "E_STORE_FULL", "E_BACKEND_")


def verdict(exc: BaseException) -> tuple[str, int] | None:
    """The line to print (empty: none) and the exit code; None for what is no mistake but a defect of ours."""
    if isinstance(exc, Mistake):
        return str(exc), ExitCode.MISTAKE
    if isinstance(exc, _UsageError):
        return _usage(exc), ExitCode.MISTAKE
    if isinstance(exc, KeyboardInterrupt | typer.Abort):
        return "interrupted", ExitCode.INTERRUPTED
    if isinstance(exc, BrokenPipeError):
        return "", ExitCode.PIPE_CLOSED
    if isinstance(exc, OSError):
        place = f"{exc.filename}: " if exc.filename else ""
        code = ExitCode.NOT_NOW if exc.errno == errno.ENOSPC else ExitCode.MISTAKE
        return f"{place}{exc.strerror or exc}", code
    return _of_core(exc)


def _usage(exc: Exception) -> str:
    context = getattr(exc, "ctx", None)
    command = context.command_path if context is not None else "ingestkit"
    message = exc.format_message() if isinstance(exc, typer.BadParameter) else str(exc)
    # The prefix is pydantic's, under some versions of typer; choices come on lines of their own.
    message = " ".join(message.replace("Value error, ", "").split()).rstrip(".")
    return f"{message} (see {command} --help)"


def _of_core(exc: BaseException) -> tuple[str, int] | None:
    from ingestkit_core.errors import IngestkitError
    from ingestkit_core.stores.base import QueryError

    if isinstance(exc, QueryError):
        return f"the query was refused: {exc}", ExitCode.MISTAKE
    if isinstance(exc, IngestkitError):
        later = exc.recoverable or exc.code.startswith(_NOT_NOW)
        return f"{exc.message} ({exc.code})", ExitCode.NOT_NOW if later else ExitCode.MISTAKE
    return None
