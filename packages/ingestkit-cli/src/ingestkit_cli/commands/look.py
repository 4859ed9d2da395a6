"""Commands that only look: at hits, rows, tables, sources, the store, the installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingestkit_cli.options import Config, Embedder, Json, Llm, Store, Tenant, Workers, command

__all__ = ["register"]

_PANEL = "Look"

_Text = Annotated[str, typer.Argument(metavar="TEXT", help="What to look for. Any text is safe.")]
_Hits = Annotated[int, typer.Option("-k", metavar="N", min=1, help="So many hits.")]
_Query = Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT over the tables (see: ingestkit tables).")]
_Quarantined = Annotated[bool, typer.Option("--quarantined", help="Only what was set aside, and why.")]
_Timeout = Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Give up after this time.")]
_MaxRows = Annotated[int, typer.Option("--max-rows", metavar="N", min=1, help="At most so many rows.")]
_Csv = Annotated[bool, typer.Option("--csv", help="Write comma-separated values to stdout.")]
_Source = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A document's path or URI, or a part of it that only it has.")
]
_Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PATH|SOURCE]...", help="Folders, or documents as in show; none means all."),
]
_ShowText = Annotated[bool, typer.Option("--show-text", help="Show the texts that do not match.")]
_Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to this file, not to stdout.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""

    @command(app, "search", _PANEL)
    def search(
        text: _Text,
        k: _Hits = 5,
        store: Store = None,
        tenant: Tenant = None,
        embedder: Embedder = None,
        config: Config = None,
        as_json: Json = False,
    ) -> int:
        """Find the passages that fit a text best, each with the page or the cells it stands in.

        By words; with an embedder, in a store that has its vectors, by words and by meaning.

        Example: ingestkit search "annual leave" -k 3
        """
        from ingestkit_cli.searching import search_text
        from ingestkit_cli.settings import Wishes

        return search_text(store, Wishes(config, tenant, embedder=embedder), text, k, as_json=as_json)

    @command(app, "sql", _PANEL)
    def sql(
        query: _Query,
        timeout: _Timeout = 30.0,
        max_rows: _MaxRows = 1000,
        as_csv: _Csv = False,
        store: Store = None,
        tenant: Tenant = None,
        as_json: Json = False,
    ) -> int:
        """Ask the tables of the documents, and the catalog that lists them, in SQL. Nothing but SELECT is possible.

        Example: ingestkit sql "SELECT table_name, row_count FROM catalog"
        """
        from ingestkit_cli.querying import OutputForm, run_sql

        if as_json and as_csv:
            raise typer.BadParameter("--csv and --json are two forms: choose one")
        form = OutputForm.JSON if as_json else OutputForm.CSV if as_csv else OutputForm.PEOPLE
        return run_sql(store, tenant, query, timeout, max_rows, form)

    @command(app, "tables", _PANEL)
    def tables(store: Store = None, tenant: Tenant = None, as_json: Json = False) -> int:
        """List the tables: where each came from, how many rows, which columns and types.

        Example: ingestkit tables
        """
        from ingestkit_cli.listing import list_tables

        return list_tables(store, tenant, as_json=as_json)

    @command(app, "show", _PANEL)
    def show(source: _Source, store: Store = None, tenant: Tenant = None, as_json: Json = False) -> int:
        """Show one document: its passages, tables, warnings, and the account of what was left out.

        Example: ingestkit show report.pdf
        """
        from ingestkit_cli.showing import show_source

        return show_source(store, tenant, source, as_json=as_json)

    @command(app, "list", _PANEL)
    def list_(
        quarantined: _Quarantined = False,
        store: Store = None,
        tenant: Tenant = None,
        as_json: Json = False,
    ) -> int:
        """List the documents: committed, stale (read by another version), or quarantined and why.

        Example: ingestkit list --quarantined
        """
        from ingestkit_cli.listing import list_sources

        return list_sources(store, tenant, only_quarantined=quarantined, as_json=as_json)

    @command(app, "status", _PANEL)
    def status(store: Store = None, tenant: Tenant = None, as_json: Json = False) -> int:
        """Count what is in the store, and what became of the text that went in.

        Example: ingestkit status
        """
        from ingestkit_cli.listing import show_status

        return show_status(store, tenant, as_json=as_json)

    @command(app, "export", _PANEL)
    def export(output: _Output = None, store: Store = None, tenant: Tenant = None) -> int:
        """Write everything as JSON lines: sources, passages, tables with every row. Equal stores export equal bytes.

        Example: ingestkit export -o everything.jsonl
        """
        from ingestkit_cli.changing import export_store

        return export_store(store, tenant, output)

    @command(app, "verify", _PANEL)
    def verify(
        sources: _Sources = None,
        show_text: _ShowText = False,
        store: Store = None,
        workers: Workers = None,
        config: Config = None,
        tenant: Tenant = None,
        as_json: Json = False,
    ) -> int:
        """Re-read what passages and rows cite, with another reader, and count what does not match.

        Example: ingestkit verify reports/
        """
        from ingestkit_cli.settings import Wishes
        from ingestkit_cli.verifying import verify_citations

        wishes = Wishes(config, tenant, workers)
        return verify_citations(sources or [], store, wishes, show_text=show_text, as_json=as_json)

    @command(app, "doctor", _PANEL)
    def doctor(
        store: Store = None,
        embedder: Embedder = None,
        llm: Llm = None,
        config: Config = None,
        as_json: Json = False,
    ) -> int:
        """Look at the installation: what is there, what is missing, and what to type to get it.

        Example: ingestkit doctor
        """
        from ingestkit_cli.doctor import examine
        from ingestkit_cli.settings import Wishes

        return examine(store, Wishes(config, embedder=embedder, llm=llm), as_json=as_json)
