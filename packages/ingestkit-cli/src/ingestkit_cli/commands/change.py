"""Commands that change what is in a store, or copy it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingestkit_cli.options import (
    Config,
    Embedder,
    Json,
    Llm,
    Queue,
    Store,
    StrategyOption,
    Tenant,
    Wait,
    Workers,
    command,
)

__all__ = ["register"]

_PANEL = "Change"

_Codes = Annotated[
    list[str] | None,
    typer.Option("--code", metavar="CODE", help="Only documents that have this code. May be repeated."),
]
_Source = Annotated[
    str | None,
    typer.Argument(metavar="[SOURCE]", help="A document's path or URI, or a part of it that only it has."),
]
# Not from the environment: what is erased must stand in the command.
_Tenant = Annotated[
    str | None,
    typer.Option("--tenant", metavar="T", help="Whose documents: all of them, unless SOURCE names one."),
]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_Drop = Annotated[bool, typer.Option("--drop", help="Take all vectors out of the store instead.")]
_File = Annotated[Path, typer.Argument(metavar="FILE", help="Where to. It must not exist yet.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""

    @command(app, "retry", _PANEL)
    def retry(
        store: Store = None,
        code: _Codes = None,
        workers: Workers = None,
        strategy: StrategyOption = None,
        queue: Queue = None,
        config: Config = None,
        tenant: Tenant = None,
        wait: Wait = False,
        embedder: Embedder = None,
        llm: Llm = None,
        as_json: Json = False,
    ) -> int:
        """Read again the documents that were set aside (see list), all of them or those with a code.

        Also those in the store of which a page or sheet failed as it need not fail again: took too long, an engine
        or a worker broke (E_OCR_TIMEOUT, E_OCR_FAILED, E_EXECUTION_...).

        Example: ingestkit retry --code E_EXECUTION_TIMEOUT
        """
        from ingestkit_cli.ingesting import Run
        from ingestkit_cli.retrying import retry_quarantined
        from ingestkit_cli.settings import Wishes

        wishes = Wishes(config, tenant, workers, strategy, embedder, llm, queue)
        return retry_quarantined(code or [], Run(store, wishes, wait, as_json))

    @command(app, "reembed", _PANEL)
    def reembed(
        store: Store = None,
        embedder: Embedder = None,
        drop: _Drop = False,
        config: Config = None,
        wait: Wait = False,
    ) -> int:
        """Give every passage a vector of this embedder, from the stored text; searches use the old until all is done.

        Stopped at any point, it goes on where it was.

        Example: ingestkit reembed --embedder ollama://localhost
        """
        from ingestkit_cli.reembedding import drop_vectors, reembed_store
        from ingestkit_cli.settings import Wishes

        wishes = Wishes(config, embedder=embedder)
        return drop_vectors(store, wishes, wait=wait) if drop else reembed_store(store, wishes, wait=wait)

    @command(app, "forget", _PANEL)
    def forget(source: _Source = None, tenant: _Tenant = None, yes: _Yes = False, store: Store = None) -> int:
        """Erase a document, or everything of a tenant, from every byte of the store.

        Example: ingestkit forget old-report.pdf
        """
        from ingestkit_cli.changing import forget_source

        return forget_source(store, tenant, source, asked=yes)

    @command(app, "backup", _PANEL)
    def backup(file: _File, store: Store = None) -> int:
        """Copy the store to a new file, consistently, while others read and write.

        Example: ingestkit backup before-the-update.db
        """
        from ingestkit_cli.changing import backup_store

        return backup_store(store, file)
