"""``forget``, ``backup`` and ``export``: a store made smaller, copied, written out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer
from ingestkit_core.stores.base import DocumentStore

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.output import clean, count, emit, is_terminal, say
from ingestkit_cli.places import shown_path
from ingestkit_cli.stored import find_source, known_sources, open_existing, tenant_name

__all__ = ["backup_store", "export_store", "forget_source"]


def forget_source(url: str | None, tenant: str | None, source: str | None, *, asked: bool) -> int:
    """Erase one source, or all of a tenant, after asking on a terminal (not if ``asked`` already)."""
    if source is None and tenant is None:
        raise Mistake("say what to forget: a SOURCE, or --tenant T for all of a tenant's documents")
    with open_existing(url) as store:
        if source is not None:
            state = find_source(store, tenant, source).state
            owner = f" of tenant {state.tenant_id}" if state.tenant_id else ""
            what = f"{shown_path(state.source_uri)}{owner}"
            tenant, uri = state.tenant_id, state.source_uri
        else:
            number = sum(1 for _ in known_sources(store, tenant))
            if not number:
                raise Mistake(f"{tenant_name(tenant)} has no documents in {store.url}")
            what, uri = f"all {count(number, 'document')} of {tenant_name(tenant)}", None
        if not (asked or _confirmed(what, store)):
            say("nothing was forgotten")
            return ExitCode.OK
        forgotten = store.forget(tenant, uri)
    say(f"forgotten: {what} ({count(forgotten, 'document')})")
    return ExitCode.OK


def _confirmed(what: str, store: DocumentStore) -> bool:
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise Mistake(f"to forget {what} without being asked, add --yes")
    return typer.confirm(clean(f"Forget {what}, in {store.url}, for ever?"), err=True)


def backup_store(url: str | None, file: Path) -> int:
    """Copy the store to a new file."""
    with open_existing(url) as store:
        store.backup(file)
    say(f"{store.url} was copied to {file} ({file.stat().st_size / 1e6:.1f} MB)")
    return ExitCode.OK


def export_store(url: str | None, tenant: str | None, output: Path | None) -> int:
    """Write the whole store as JSON lines, to stdout or to a file. A file is there complete or not at all."""
    if output is not None and output.is_dir():
        raise Mistake(f"{output} is a folder: name a file in it")
    with open_existing(url) as store:
        if output is None:
            for line in store.export(tenant):
                emit(line)
            return ExitCode.OK
        partial = output.with_name(f"{output.name}.part")
        try:
            with open(partial, "w", encoding="utf-8", errors="replace", newline="\n") as file:
                lines = sum(file.write(f"{line}\n") > 0 for line in store.export(tenant))
            os.replace(partial, output)
        finally:
            partial.unlink(missing_ok=True)
    say(f"{count(lines, 'line')} written to {output}")
    return ExitCode.OK
