"""A store made a mirror of its folders: which known sources vanished, and whether they may go.

    known below the roots ─► gone from disk? ─► a plausible listing? ─► removed
                                             └─ not plausible ───────► withheld, with the number to allow

A mount that is not there looks like a folder whose documents were all deleted. So nothing goes unasked
where a root is missing, empty or on another device than last time, where too much would go at once, or below
a folder that cannot be looked into.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ingestkit_core.addresses import below, folder_uri, joined
from ingestkit_core.errors import ErrorCode, SourceError
from ingestkit_core.filesystems import Places
from ingestkit_core.keys import is_url
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import normalised, on_disk
from ingestkit_core.stores.base import DocumentStore, RootRecord, SourceState

__all__ = [
    "Cause",
    "Listing",
    "Mirrored",
    "Root",
    "Sync",
    "Withheld",
    "doubts_about",
    "is_selected",
    "known_below",
    "look_at",
    "remember_roots",
    "remove_vanished",
]

_FREE_DELETES = 10
_FREE_SHARE = 10
"""So many deletions, or one in so many of the known sources, go without being allowed."""

Cause = Literal["missing_root", "other_device", "empty_listing", "too_many", "unreadable"]


@dataclass(frozen=True, slots=True)
class Root:
    """A folder or file that is mirrored. ``path`` is written as source URIs are.

    ``device`` is None where the root is missing; ``listed`` counts the documents found at or below it. ``address`` is
    the URL to ask at, with the password that it takes.
    """

    path: str
    device: str | None
    is_folder: bool = True
    listed: int = 0
    address: str = ""

    def holds(self, uri: str) -> bool:
        """Whether a source is this root or lies below it."""
        return below(uri, self.path) is not None


@dataclass(frozen=True, slots=True)
class Withheld:
    """Deletions that were not made: why, where, and how many documents."""

    cause: Cause
    place: str
    documents: int


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What became of the vanished sources.

    ``allow_deletes`` is the number that lets everything go that was withheld; 0 where nothing was, or where
    only folders that cannot be read stand in the way.
    """

    removed: tuple[SourceState, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    allow_deletes: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What a walk over the roots gave, and what is doubtful about it.

    ``unreadable`` are folders that could not be entered; ``found`` the listed sources at URLs, of which a server need
    not be asked again; ``doubts`` the roots that are not believed, by tenant.
    """

    roots: Sequence[Root]
    unreadable: Sequence[str]
    found: frozenset[str]
    doubts: Mapping[tuple[str | None, str], Cause]


class Sync:
    """A run that mirrors folders: iterate it for the results; then ``outcome`` tells what was removed.

    ``outcome`` is None while it runs, and after it was stopped early: then nothing was removed.
    """

    def __init__(self, results: Generator[ProcessingResult, None, Mirrored | None]) -> None:
        self.outcome: Mirrored | None = None
        self._results = results

    def __iter__(self) -> Iterator[ProcessingResult]:
        self.outcome = yield from self._results


def look_at(path: str | Path) -> Root:
    """A root as it is now, nothing listed yet. Raises OSError or SourceError where that is not said."""
    if path == "":
        raise SourceError(ErrorCode.E_SOURCE_NOT_FOUND, "an empty path leads nowhere")
    uri = folder_uri(path)
    if is_url(path):
        return _look_at_url(str(path), uri)
    try:
        found = os.stat(on_disk(normalised(path)))
    except (FileNotFoundError, NotADirectoryError):
        return Root(uri, None)
    return Root(uri, str(found.st_dev), stat.S_ISDIR(found.st_mode))


def _look_at_url(url: str, uri: str) -> Root:
    address = folder_uri(url, with_password=True)
    place = Places().open(address)
    try:
        return Root(uri, place.device, place.look() is None, address=address)
    except SourceError as exc:
        if exc.code != ErrorCode.E_SOURCE_NOT_FOUND:
            raise
        return Root(uri, None, address=address)


def known_below(
    store: DocumentStore,
    tenants: Iterable[str | None],
    paths: Iterable[str | Path],
    include: Sequence[str],
    exclude: Sequence[str],
) -> list[SourceState]:
    """What the store knows of the selected files below the paths: committed, set aside or both.

    Sources that somebody gave a URI of his own are his to remove.
    """
    roots = [folder_uri(path) for path in paths]
    found: dict[tuple[str | None, str], SourceState] = {}
    for tenant in tenants:
        committed = (record.state for record in store.sources(tenant or ""))
        set_aside = (record.state for record in store.quarantined(tenant or ""))
        for state in (*committed, *set_aside):
            if state.source_uri == state.file_path and _is_meant(state.source_uri, roots, include, exclude):
                found[tenant, state.source_uri] = state
    return list(found.values())


def is_selected(relative: PurePosixPath | Path, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether a path below a root passes the globs, by its name or as a whole."""

    def matches(patterns: Sequence[str]) -> bool:
        return any(fnmatch.fnmatch(text, p) for p in patterns for text in (relative.name, relative.as_posix()))

    return (not include or matches(include)) and not matches(exclude)


def remove_vanished(
    store: DocumentStore, known: Sequence[SourceState], listing: Listing, allow_deletes: int | None
) -> Mirrored:
    """Remove what is gone of the known sources, or withhold it. The files have been ingested before.

    ``allow_deletes`` replaces every limit by a number; what lies below a folder that cannot be read stays anyway.
    """
    limit = allow_deletes if allow_deletes is not None else max(_FREE_DELETES, len(known) // _FREE_SHARE)
    gone, unsure = _vanished(store, known, listing, limit)
    kept = _kept(gone, limit, listing, whatever=allow_deletes is not None)
    removed = [state for state in gone if (state.tenant_id, state.source_uri) not in kept]
    for state in removed:
        store.remove(state.tenant_id, state.source_uri)
    counts = Counter(kept.values())
    counts.update({("unreadable", folder): number for folder, number in unsure.items()})
    withheld = tuple(Withheld(cause, place, number) for (cause, place), number in sorted(counts.items()))
    return Mirrored(tuple(removed), withheld, len(kept))


def remember_roots(
    store: DocumentStore, tenants: Iterable[str | None], roots: Iterable[Root], *, new_only: bool = False
) -> None:
    """Record on which device folders were found and how much they held; or only those that are not known yet."""
    folders = [root for root in roots if root.device is not None and root.is_folder and root.listed]
    for tenant in tenants:
        for root in folders:
            record = RootRecord(tenant, root.path, str(root.device), root.listed)
            before = store.find_root(tenant, root.path)
            if before is None or (before != record and not new_only):
                store.record_root(record)


def _vanished(
    store: DocumentStore, known: Iterable[SourceState], listing: Listing, limit: int
) -> tuple[list[SourceState], Counter[str]]:
    """Sources whose files are gone and that the store still has; and how many cannot be looked at, by folder."""
    gone: list[SourceState] = []
    unsure: Counter[str] = Counter()
    places = Places()
    for state in known:
        uri = state.source_uri
        folder = next((folder for folder in listing.unreadable if below(uri, folder) is not None), None)
        try:
            # Beyond the limit nothing is removed: no server need be asked about so many.
            if folder is None and _is_gone(uri, listing, places if len(gone) <= limit else None):
                gone += [state] if _is_known(store, state) else []
        except (OSError, SourceError):
            folder = uri.rpartition("/")[0]
        if folder is not None:
            unsure[folder] += 1
    return gone, unsure


def _is_gone(uri: str, listing: Listing, places: Places | None) -> bool:
    """Raises OSError or SourceError where that is not said. Without ``places`` what is not listed at a URL is gone."""
    if uri in listing.found:
        return False
    if is_url(uri):
        return places is None or _is_gone_from_url(uri, listing, places)
    try:
        return stat.S_ISDIR(os.stat(on_disk(uri)).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True


def _is_gone_from_url(uri: str, listing: Listing, places: Places) -> bool:
    root = next(root for root in listing.roots if root.holds(uri))
    address = root.address if uri == root.path else joined(root.address, str(below(uri, root.path)))
    try:
        return places.open(address).look() is None
    except SourceError as exc:
        if exc.code != ErrorCode.E_SOURCE_NOT_FOUND:
            raise
        return True


def _is_known(store: DocumentStore, state: SourceState) -> bool:
    """Whether the store still has a source: one that moved is there under its new name only."""
    key = (state.tenant_id, state.source_uri)
    return store.find(*key) is not None or store.find_quarantined(*key) is not None


def _kept(
    gone: Sequence[SourceState], limit: int, listing: Listing, *, whatever: bool
) -> dict[tuple[str | None, str], tuple[Cause, str]]:
    """The gone sources that stay all the same, by tenant and URI: the cause and its place.

    With ``whatever`` only the limit counts.
    """
    kept: dict[tuple[str | None, str], tuple[Cause, str]] = {}
    for state in gone:
        root = next(root for root in listing.roots if root.holds(state.source_uri))
        cause: Cause | None = "too_many" if len(gone) > limit else None
        if not whatever:
            cause = listing.doubts.get((state.tenant_id, root.path), cause)
        if cause is not None:
            kept[state.tenant_id, state.source_uri] = cause, root.path
    return kept


def doubts_about(
    store: DocumentStore, tenants: Iterable[str | None], roots: Sequence[Root]
) -> dict[tuple[str | None, str], Cause]:
    """Why a root's listing is not believed, by tenant and root: it is missing, elsewhere, or empty."""
    doubts: dict[tuple[str | None, str], Cause] = {}
    for tenant in tenants:
        for root in roots:
            before = store.find_root(tenant, root.path)
            if root.device is None:
                doubts[tenant, root.path] = "missing_root"
            elif before is not None and before.device != root.device:
                doubts[tenant, root.path] = "other_device"
            elif not root.listed:
                doubts[tenant, root.path] = "empty_listing"
    return doubts


def _is_meant(uri: str, roots: Sequence[str], include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether a source lies below a root and passes the globs, as ``Ingestor.discover`` would ask."""
    for root in roots:
        relative = below(uri, root)
        if relative is not None:
            return uri == root or is_selected(relative, include, exclude)
    return False
