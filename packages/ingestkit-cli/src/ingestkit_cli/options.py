"""The options that commands share, and how a function becomes a command.

Declared here and in ``commands`` only, without importing anything heavy: ``ingestkit --help`` reads these
modules and no other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from ingestkit_cli.logs import LogFormat, start_logging

__all__ = [
    "Config",
    "Embedder",
    "Form",
    "Json",
    "Llm",
    "Places",
    "Queue",
    "Store",
    "Strategy",
    "StrategyOption",
    "Tenant",
    "Wait",
    "Workers",
    "command",
]


class Strategy(StrEnum):
    """What the local workers are."""

    PROCESS = "process"
    THREAD = "thread"


class Form(StrEnum):
    """What a document can be converted to."""

    MD = "md"
    JSON = "json"
    JSONL = "jsonl"
    HTML = "html"


# Not as paths: those lose a slash of a URL.
Places = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH", help="Files and folders with all below, or their URLs: s3://bucket/folder, sftp://host/folder."
    ),
]

Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="INGESTKIT_STORE",
        metavar="URL",
        show_default="./ingestkit.db",
        help="The store: a file, postgresql://user@host/database, or qdrant+http://host:6333?journal=file.",
    ),
]
Tenant = Annotated[
    str | None,
    typer.Option(
        "--tenant",
        envvar="INGESTKIT_TENANT_ID",
        metavar="T",
        help="Whose documents; '' means those that are nobody's.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON lines to stdout.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings in a .yaml, .toml or .json file."),
]
Embedder = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        envvar="INGESTKIT_EMBEDDER",
        metavar="URL",
        help="Where vectors come from: http://host/v1 (as OpenAI), ollama://host, or a folder with a model.",
    ),
]
Llm = Annotated[
    str | None,
    typer.Option(
        "--llm",
        envvar="INGESTKIT_LLM",
        metavar="URL",
        help="A language model to ask where the rules are unsure: http://host/v1 (as OpenAI) or ollama://host.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, max=1024, help="Documents read at once (default: up to 4)."),
]
StrategyOption = Annotated[
    Strategy | None,
    typer.Option("--strategy", help="Workers are processes (default) or threads, which cannot be killed."),
]
Queue = Annotated[
    str | None,
    typer.Option(
        "--queue", metavar="URL", help="Hand the documents to the workers of a queue: redis://host or amqp://host//."
    ),
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait while another process writes to the store, instead of giving up.")
]

_LogOption = Annotated[LogFormat | None, typer.Option("--log-format", help="Write the log to stderr in this form.")]
_VerboseOption = Annotated[bool, typer.Option("-v", "--verbose", help="Write the log to stderr.")]


def command(app: typer.Typer, name: str, panel: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Register a function that returns an exit code. It gets the logging options that every command has."""

    def register(function: Callable[..., int]) -> Callable[..., int]:
        def run(*, log_format: LogFormat | None, verbose: bool, **arguments: Any) -> None:
            start_logging(log_format, verbose)
            raise typer.Exit(function(**arguments))

        hints = get_type_hints(function, include_extras=True)
        own = [
            parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in inspect.signature(function).parameters.values()
        ]
        shared = [
            inspect.Parameter("log_format", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_LogOption),
            inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_VerboseOption),
        ]
        parameters = [*own, *shared]
        run.__doc__ = function.__doc__
        # Typer reads either, by version.
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # set on purpose
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name, rich_help_panel=panel)(run)
        return function

    return register
