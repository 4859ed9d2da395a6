"""``sync``: ingest, and then remove what vanished; or say why not, and what to type to do it all the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from ingestkit_core.ingestor import Discovered, Ingestor
from ingestkit_core.mirror import Mirrored, Sync, known_below, look_at
from ingestkit_core.models import ProcessingResult
from ingestkit_core.progress import OnProgress

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.ingesting import (
    Run,
    Selection,
    check_may_write,
    interruptible,
    nothing_found,
    nowhere,
    own_files,
    owning,
    run_documents,
)
from ingestkit_cli.output import count, emit, json_line, say
from ingestkit_cli.places import shown_path
from ingestkit_cli.settings import open_ingestor
from ingestkit_cli.stopping import Stopper

__all__ = ["sync_paths"]

_MAX_NAMED = 20

_CAUSES = {
    "missing_root": "{place} is not there",
    "other_device": "{place} is on another disk than last time",
    "empty_listing": "there is no document in {place} any more",
    "too_many": "too many in {place} are gone at once",
    "unreadable": "{place} cannot be looked into",
}


def sync_paths(selection: Selection, run: Run, allow_deletes: int | None) -> int:
    """Mirror the paths; returns the exit code. A path that is gone is no mistake if the store knows it."""
    code = ExitCode.OK
    with Stopper() as stopper, open_ingestor(run.store, run.wishes) as ingestor, interruptible(stopper):
        check_may_write(ingestor, "sync")
        asked = selection
        selection = replace(asked, exclude=(*asked.exclude, *own_files(ingestor.store)))
        seen = Discovered()
        there = [path for path in selection.paths if look_at(path).device is not None]
        total = sum(1 for _ in ingestor.discover(there, selection.include, selection.exclude, seen))
        _check(asked, ingestor, there, seen, total)
        sync: Sync | None = None

        def results(stop: Event, on_progress: OnProgress) -> Iterator[ProcessingResult]:
            nonlocal sync
            sync = ingestor.sync(
                selection.paths,
                selection.include,
                selection.exclude,
                allow_deletes=allow_deletes,
                refresh=selection.refresh,
                checksum=selection.checksum,
                stop=stop,
                on_progress=on_progress,
            )
            return iter(sync)

        with owning(ingestor.store, wait=run.wait):
            code = run_documents(ingestor, results, total, seen, stopper, as_json=run.as_json)
        if sync is not None and sync.outcome is not None:
            code = max(code, _tell(sync.outcome, as_json=run.as_json))
    return stopper.exit_code or code


def _check(selection: Selection, ingestor: Ingestor, there: Sequence[Path | str], seen: Discovered, total: int) -> None:
    """Raise Mistake for a path that is neither there nor known, or if there is nothing to mirror at all."""

    def is_known(path: Path | str) -> bool:
        return bool(known_below(ingestor.store, ingestor.tenants, [path], selection.include, selection.exclude))

    missing = [path for path in selection.paths if path not in there and not is_known(path)]
    if missing:
        raise Mistake(nowhere(missing))
    if not total and not any(map(is_known, selection.paths)):
        raise Mistake(nothing_found(selection, seen, ingestor))


def _tell(outcome: Mirrored, *, as_json: bool) -> ExitCode:
    """What was removed and what was withheld, with the number that would let it go."""
    if as_json:
        for line in _records(outcome):
            emit(json_line(line))
    named = [shown_path(state.source_uri) for state in outcome.removed[:_MAX_NAMED]]
    more = [f"and {len(outcome.removed) - _MAX_NAMED:,} more"] if len(outcome.removed) > _MAX_NAMED else []
    for name in (*named, *more):
        say(f"removed: {name}")
    for withheld in outcome.withheld:
        cause = _CAUSES[withheld.cause].format(place=shown_path(withheld.place))
        say(f"not removed: {count(withheld.documents, 'document')}, since {cause}")
    if outcome.allow_deletes:
        say(f"to remove what is gone all the same, add: --allow-deletes {outcome.allow_deletes}")
    (say if as_json else emit)(f"{len(outcome.removed):,} removed, {_kept(outcome):,} withheld")
    return ExitCode.TROUBLE if outcome.withheld else ExitCode.OK


def _kept(outcome: Mirrored) -> int:
    return sum(withheld.documents for withheld in outcome.withheld)


def _records(outcome: Mirrored) -> Iterator[dict[str, Any]]:
    for state in outcome.removed:
        yield {"kind": "removed", "source_uri": state.source_uri, "tenant_id": state.tenant_id}
    for withheld in outcome.withheld:
        yield {"kind": "withheld", **dataclasses.asdict(withheld), "allow_deletes": outcome.allow_deletes}
