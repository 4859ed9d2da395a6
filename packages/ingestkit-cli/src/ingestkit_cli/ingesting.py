"""``ingest``: look what is there, read it, tell what became of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from ingestkit_core.addresses import folder_uri
from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.ingestor import Discovered, Ingestor
from ingestkit_core.keys import is_url
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import on_disk
from ingestkit_core.progress import OnProgress
from ingestkit_core.stores import SqliteStore
from ingestkit_core.stores.base import DocumentStore

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.output import count, emit, json_line, say
from ingestkit_cli.places import shown_path
from ingestkit_cli.progress import progress_for
from ingestkit_cli.report import RunReport, listed
from ingestkit_cli.settings import Wishes, open_ingestor
from ingestkit_cli.stopping import Stopper

__all__ = [
    "Run",
    "Selection",
    "check_may_write",
    "check_paths",
    "ingest_paths",
    "interruptible",
    "listed_paths",
    "named",
    "nothing_found",
    "nowhere",
    "own_files",
    "owning",
    "run_documents",
]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which documents, and how closely they are looked at. A path that is a string is a URL."""

    paths: tuple[Path | str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    refresh: bool = False
    checksum: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Where a run writes and how. ``store`` is a URL or None for the default."""

    store: str | None
    wishes: Wishes
    wait: bool
    as_json: bool


def ingest_paths(selection: Selection, run: Run) -> int:
    """Discover, read, commit, report; returns the exit code."""
    check_paths(selection.paths)
    code = ExitCode.OK
    with Stopper() as stopper, open_ingestor(run.store, run.wishes) as ingestor, interruptible(stopper):
        exclude = (*selection.exclude, *own_files(ingestor.store))
        seen = Discovered()
        total = sum(1 for _ in ingestor.discover(selection.paths, selection.include, exclude, seen))
        if not total:
            raise Mistake(nothing_found(selection, seen, ingestor))

        def results(stop: Event, on_progress: OnProgress) -> Iterator[ProcessingResult]:
            return ingestor.ingest(
                selection.paths,
                selection.include,
                exclude,
                refresh=selection.refresh,
                checksum=selection.checksum,
                stop=stop,
                on_progress=on_progress,
            )

        # On a queue the workers own the store.
        with owning(ingestor.store, wait=run.wait) if ingestor.commits_here else contextlib.nullcontext():
            code = run_documents(ingestor, results, total, seen, stopper, as_json=run.as_json)
    return stopper.exit_code or code


def named(places: Sequence[str]) -> tuple[Path | str, ...]:
    """What was typed as paths; what is a URL as it is."""
    return tuple(place if is_url(place) else Path(place) for place in places)


def check_paths(paths: Sequence[Path | str]) -> None:
    """Raise Mistake if one of the paths is not there, OSError where the disk does not say.

    URLs are left to whoever opens them.
    """
    missing = [path for path in paths if not is_url(path) and not _is_there(path)]
    if missing:
        raise Mistake(nowhere(missing))


def nowhere(missing: Sequence[Path | str]) -> str:
    """That there is nothing at these paths and URLs."""
    return f"no such file or folder: {listed_paths(missing)}"


def listed_paths(paths: Sequence[Path | str]) -> str:
    """Paths and URLs as people write them, without passwords."""
    return ", ".join(folder_uri(path) if is_url(path) else str(path) for path in paths)


def _is_there(path: Path | str) -> bool:
    # exists() takes a folder that may not be entered for one that lacks the file.
    try:
        os.stat(on_disk(os.fspath(path)))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def check_may_write(ingestor: Ingestor, command: str) -> None:
    """Raise Mistake if the command changes a store that is the workers' of a queue alone."""
    if not ingestor.may_write_here:
        raise Mistake(
            f"{command} changes the store itself, and this one belongs to the queue's worker: use a store on a server "
            f"(postgresql://), or stop the worker and run {command} without a queue"
        )


@contextlib.contextmanager
def owning(store: DocumentStore, *, wait: bool) -> Iterator[None]:
    """The store's lease. Says who holds it before waiting for it."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(store.lease(0))
        except StoreError as exc:
            if not wait or exc.code != ErrorCode.E_STORE_LOCKED:
                raise
            say(f"waiting: {exc.message.partition(';')[0]}")
            stack.enter_context(store.lease(None))
        yield


@contextlib.contextmanager
def interruptible(stopper: Stopper) -> Iterator[None]:
    """Takes the KeyboardInterrupt that the stopper raised; the exit code tells of it."""
    try:
        yield
    except KeyboardInterrupt:
        if stopper.exit_code is None:
            raise
        say("stopped; what was not finished is read in the next run")


def run_documents(
    ingestor: Ingestor,
    results: Callable[[Event, OnProgress], Iterator[ProcessingResult]],
    total: int,
    seen: Discovered,
    stopper: Stopper,
    *,
    as_json: bool,
) -> ExitCode:
    """Pull the results, show and count them, and tell what the run came to."""

    def max_ratio(path: str) -> float:
        router = ingestor.router_for(path)
        return router.config.max_unexplained_ratio if router is not None else 0.0

    report = RunReport(max_ratio)
    interrupted = False

    def tell() -> None:
        left = total - report.documents
        if stopper.exit_code is not None and left > 0:
            what = "not begun or not finished" if interrupted else "not begun"
            say(f"{what}, left for the next run: {count(left, 'document')}")
        for line in report.lines(seen):
            say(line)
        (say if as_json else emit)(report.last_line())

    try:
        with (
            progress_for(total, as_json=as_json) as progress,
            stopper.draining(progress.stopping) as stop,
            contextlib.closing(results(stop, progress.event)) as running,  # type: ignore[type-var]  # always a generator
        ):
            for result in running:
                report.add(result)
                progress.done(result)
                if as_json:
                    # Not model_dump_json: it refuses names that are no UTF-8.
                    emit(json_line(result.model_dump(mode="json")), at_once=True)
    except KeyboardInterrupt:
        interrupted = True
        tell()
        raise
    tell()
    return max(report.exit_code, ExitCode.TROUBLE if seen.unreadable else ExitCode.OK)


def own_files(store: DocumentStore) -> list[str]:
    """Globs for the store's own files: a folder that holds the store beside its documents is an ordinary thing."""
    if not isinstance(store, SqliteStore):
        return []
    name = "".join(f"[{char}]" if char in "*?[" else char for char in store.path.name)
    return [f"{name}{suffix}" for suffix in ("", "-wal", "-shm", "-journal", ".lock")]


def nothing_found(selection: Selection, seen: Discovered, ingestor: Ingestor) -> str:
    """Why there is nothing to do at the paths, in words."""
    where = listed_paths(selection.paths)
    suffixes = sorted({suffix for router in ingestor.routers.values() for suffix in router.format.suffixes})
    known = f"the installed formats read {' '.join(suffixes)}"
    if seen.unreadable:
        return f"nothing found in {where}: {', '.join(map(shown_path, seen.unreadable))} cannot be looked into"
    if seen.unsupported:
        return f"nothing to read in {where}: there are only {listed(seen.unsupported)}; {known}"
    if selection.include or selection.exclude:
        return f"nothing found in {where}: no file passes --include and --exclude"
    return f"nothing found in {where}: there are no files; {known}"
