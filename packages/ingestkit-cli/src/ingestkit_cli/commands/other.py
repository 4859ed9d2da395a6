"""``convert``, ``run`` and ``worker``: documents into text files, recipes, and the other end of a queue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingestkit_cli.options import (
    Config,
    Embedder,
    Form,
    Json,
    Llm,
    Places,
    Store,
    StrategyOption,
    Wait,
    Workers,
    command,
)

__all__ = ["register"]

_To = Annotated[Form, typer.Option("--to", help="What to convert to.")]
_Folder = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="DIR",
        help="The folder to write to; it is made if need be.",
    ),
]
_Recipe = Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file with steps and edges.")]
_Set = Annotated[
    list[str], typer.Option("--set", metavar="NAME=VALUE", help="Give a variable of the recipe its value; repeatable.")
]

_Queue = Annotated[
    str, typer.Option("--queue", metavar="URL", help="The broker to take jobs from: redis://host or amqp://host//.")
]
_Concurrency = Annotated[
    int | None,
    typer.Option("--concurrency", metavar="N", min=1, max=1024, help="Documents read at once (default: up to 4)."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""

    @command(app, "convert", "Other")
    def convert(paths: Places, to: _To, output: _Folder = None, workers: Workers = None, config: Config = None) -> int:
        """Convert documents to Markdown, JSON or HTML; nothing is stored. A single one goes to stdout.

        In the folder of -o, x.pdf becomes x.md; where several would have one name, as x.pdf and x.xlsx, each of them
        keeps its suffix: x.pdf.md. Into a file: ingestkit convert x.pdf --to md > x.md

        Example: ingestkit convert reports/ --to md -o texts
        """
        from ingestkit_cli.converting import convert_paths
        from ingestkit_cli.ingesting import named
        from ingestkit_cli.settings import Wishes

        return convert_paths(named(paths), to.value, output, Wishes(config, None, workers, None))

    @command(app, "run", "Other")
    def run(recipe: _Recipe, assignments: _Set = []) -> int:  # noqa: B006  # typer makes its own copy
        """Run a recipe: steps from a YAML file, side by side where it says so. Prints the final state as JSON.

        Example: ingestkit run recipe.yaml --set folder=reports
        """
        from ingestkit_cli.reciping import run_file

        return run_file(recipe, assignments)

    @command(app, "worker", "Other")
    def worker(
        queue: _Queue,
        store: Store = None,
        concurrency: _Concurrency = None,
        strategy: StrategyOption = None,
        config: Config = None,
        wait: Wait = False,
        embedder: Embedder = None,
        llm: Llm = None,
        as_json: Json = False,
    ) -> int:
        """Read the documents that others hand to a queue (ingest --queue) into the store. Runs until it is stopped.

        Ctrl-C or SIGTERM finishes what is under way, a second one gives it back to the queue.

        Example: ingestkit worker --queue redis://localhost --store ingestkit.db
        """
        from ingestkit_cli.ingesting import Run
        from ingestkit_cli.settings import Wishes
        from ingestkit_cli.working import serve_queue

        wishes = Wishes(config, None, concurrency, strategy, embedder, llm, queue="")
        return serve_queue(queue, Run(store, wishes, wait, as_json))
