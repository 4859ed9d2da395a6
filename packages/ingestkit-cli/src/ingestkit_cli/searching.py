"""``search``: the passages that fit a text, each with its place and with the words that were found."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

from ingestkit_core.errors import BackendError
from ingestkit_core.stores.base import DocumentStore, SearchHit

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.excerpts import excerpt, found_spans
from ingestkit_cli.output import clean, emit, is_terminal, json_line, say, spaced
from ingestkit_cli.places import citation, place_of
from ingestkit_cli.settings import Wishes, model_config
from ingestkit_cli.stored import open_existing

__all__ = ["search_text"]


def search_text(url: str | None, wishes: Wishes, text: str, k: int, *, as_json: bool) -> int:
    """Print the ``k`` best hits; nothing found is no failure."""
    with open_existing(url) as store:
        vector = _vector(store, wishes, text) if wishes.embedder else None
        hits = store.search(text, k, wishes.tenant, vector=vector)
    if as_json:
        for hit in hits:
            record = dataclasses.asdict(hit)
            record["citation"] = citation(hit.source_uri, hit.metadata.get("locations", ()))
            record["place"] = place_of(hit.metadata.get("locations", ()))
            emit(json_line(record))
    elif hits:
        _print_hits(hits, text)
    else:
        say("nothing found")
    return ExitCode.OK


def _vector(store: DocumentStore, wishes: Wishes, text: str) -> tuple[float, ...] | None:
    """What to search for besides words. An embedder that is down costs its vector, not the search."""
    from ingestkit_core.embedding import GuardedEmbedder, open_embedder, query_vector

    in_use = store.embedder()
    if in_use is None:
        say("the store has no vectors, so words alone are searched for (see: ingestkit reembed)")
        return None
    config = model_config(wishes)
    # What the store has vectors of need not be said again.
    model = config.embedding_model or in_use[0].partition(":")[2]
    try:
        embedder = open_embedder(wishes.embedder or "", model, config.embedding_dimension or in_use[1])
    except (ValueError, ImportError) as exc:
        raise Mistake(str(exc)) from exc
    try:
        return query_vector(store, GuardedEmbedder(embedder, config), text)
    except BackendError as exc:
        say(f"searched by words alone: {exc.message} ({exc.code})")
        return None


def _print_hits(hits: Sequence[SearchHit], text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    on_terminal = is_terminal(sys.stdout)
    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    for number, hit in enumerate(hits, 1):
        where = clean(citation(hit.source_uri, hit.metadata.get("locations", ())), one_line=True)
        lines = [Text.assemble(f"{number}. ", (where, "bold"), (f"  score {hit.score:.3g}", "dim"))]
        path = hit.metadata.get("heading_path", ())
        table = hit.metadata.get("table_name")
        if path or table:
            lines.append(Text(f"   {spaced(' > '.join(path), f'[table {table}]' if table else '')}", "italic"))
        own = _without_heading(clean(hit.text), path)
        shown = excerpt(own, text, is_table=hit.metadata.get("content_type") == "table")
        body = Text(shown)
        for start, end in found_spans(shown, text):
            body.stylize("bold yellow", start, end)
        lines += [Text("   ") + line for line in body.split("\n")]
        for line in lines:
            # Wrapped by the terminal, not by us: a pipe and a copied passage stay whole.
            console.print(line, soft_wrap=True) if on_terminal else emit(line.plain.rstrip())
        emit("") if number < len(hits) else None


def _without_heading(text: str, path: Sequence[str]) -> str:
    """The passage without the heading it begins with, which is printed above it already."""
    return text.removeprefix(path[-1]).strip() or text if path else text
