"""The ``ingestkit`` command: the list of its commands, and the one place where errors become words."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ingestkit_cli.commands import change, ingest, look, other
from ingestkit_cli.errors import ExitCode, verdict
from ingestkit_cli.output import say

__all__ = ["app", "main"]


class _Translating(TyperGroup):
    """Runs a command and turns what goes wrong into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            value = super().invoke(ctx)
            sys.stdout.flush()
        except BaseException as exc:  # the outermost catch: what it does not know goes on
            told = verdict(exc)
            if told is None:
                raise
            _tell(*told)
            raise typer.Exit(told[1]) from None
        return value


def _tell(message: str, code: int) -> None:
    if code == ExitCode.PIPE_CLOSED:
        # What is still buffered goes nowhere, or Python would flush it into the pipe again at exit (see the
        # note on SIGPIPE in the documentation of its module signal).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if message:
        say(f"ingestkit: {message}")


app = typer.Typer(
    cls=_Translating,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Start with: ingestkit ingest FOLDER, then: ingestkit search WORDS. The store is ./ingestkit.db.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"ingestkit {version('ingestkit-cli')}")
        raise typer.Exit


@app.callback()
def ingestkit(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Read folders of documents into a searchable store, with citations: text, tables and what was left out."""


for module in (ingest, look, change, other):
    module.register(app)


def main() -> None:
    """Run the command line. Never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name or a text may hold what the terminal's encoding cannot say.
            stream.reconfigure(errors="replace")
    app(prog_name="ingestkit")
