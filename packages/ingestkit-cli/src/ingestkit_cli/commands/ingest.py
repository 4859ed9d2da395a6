"""``ingest`` and ``sync``: documents into the store, and out of it again."""

from __future__ import annotations

from typing import Annotated

import typer

from ingestkit_cli.options import (
    Config,
    Embedder,
    Json,
    Llm,
    Places,
    Queue,
    Store,
    StrategyOption,
    Tenant,
    Wait,
    Workers,
    command,
)

__all__ = ["register"]

_Include = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="GLOB", help="Only files whose name or path matches. May be repeated."),
]
_Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="GLOB", help="No files whose name or path matches. May be repeated."),
]
_Refresh = Annotated[
    bool,
    typer.Option(
        "--refresh",
        help="Also read again what older readers have read, and what lacks pages that failed.",
    ),
]
_Checksum = Annotated[
    bool, typer.Option("--checksum", help="Look at every file's bytes, not only at its size and time.")
]
_AllowDeletes = Annotated[
    int | None,
    typer.Option(
        "--allow-deletes", metavar="N", min=0, help="Remove up to N documents, whatever the folders look like."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""

    @command(app, "ingest", "Main job")
    def ingest(
        paths: Places,
        store: Store = None,
        workers: Workers = None,
        strategy: StrategyOption = None,
        queue: Queue = None,
        config: Config = None,
        tenant: Tenant = None,
        include: _Include = None,
        exclude: _Exclude = None,
        wait: Wait = False,
        refresh: _Refresh = False,
        checksum: _Checksum = False,
        embedder: Embedder = None,
        llm: Llm = None,
        as_json: Json = False,
    ) -> int:
        """Read documents into the store. What is in it unchanged is not read again, so a run can be resumed.

        Ctrl-C finishes what is under way, a second one stops at once.

        Example: ingestkit ingest ~/reports --exclude 'draft*'
        """
        from ingestkit_cli.ingesting import Run, Selection, ingest_paths, named
        from ingestkit_cli.settings import Wishes

        wishes = Wishes(config, tenant, workers, strategy, embedder, llm, queue)
        selection = Selection(named(paths), tuple(include or ()), tuple(exclude or ()), refresh, checksum)
        return ingest_paths(selection, Run(store, wishes, wait, as_json))

    @command(app, "sync", "Change")
    def sync(
        paths: Places,
        allow_deletes: _AllowDeletes = None,
        store: Store = None,
        workers: Workers = None,
        strategy: StrategyOption = None,
        queue: Queue = None,
        config: Config = None,
        tenant: Tenant = None,
        include: _Include = None,
        exclude: _Exclude = None,
        wait: Wait = False,
        refresh: _Refresh = False,
        checksum: _Checksum = False,
        embedder: Embedder = None,
        llm: Llm = None,
        as_json: Json = False,
    ) -> int:
        """Mirror folders: ingest, then remove the documents whose files are gone.

        Nothing is removed if a folder is missing, empty, not to be listed or on another disk than last time, or if
        more than 10 documents and a tenth of all would go: then it says which number to allow.

        Example: ingestkit sync ~/reports
        """
        from ingestkit_cli.ingesting import Run, Selection, named
        from ingestkit_cli.settings import Wishes
        from ingestkit_cli.syncing import sync_paths

        wishes = Wishes(config, tenant, workers, strategy, embedder, llm, queue)
        selection = Selection(named(paths), tuple(include or ()), tuple(exclude or ()), refresh, checksum)
        return sync_paths(selection, Run(store, wishes, wait, as_json), allow_deletes)
