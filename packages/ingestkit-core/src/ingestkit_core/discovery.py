"""Which documents lie at or below paths and URLs, in a stable order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingestkit_core.addresses import folder_uri, joined, name_of
from ingestkit_core.batch import Asked
from ingestkit_core.errors import ErrorCode, SourceError
from ingestkit_core.filesystems import Places
from ingestkit_core.keys import is_url, source_uri_of
from ingestkit_core.mirror import Listing, Root, doubts_about, is_selected, look_at
from ingestkit_core.paths import AnyPath, each_glob, each_path, normalised, on_disk
from ingestkit_core.router import DocumentRouter
from ingestkit_core.stamps import Stamp
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.walking import walk

__all__ = ["Discovered", "Discovery", "Walk"]

RouterFor = Callable[[str | Path], DocumentRouter | None]


@dataclass(slots=True)
class Discovered:
    """What a walk over folders passed by: files of no known format, by suffix, and folders it could not enter.

    ``odd`` counts what is no file: links that lead nowhere, pipes and devices.
    """

    files: int = 0
    unsupported: dict[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)


class Discovery:
    """One look at some paths. ``router_for`` says who reads a file, None where nobody does; ``seen`` counts."""

    def __init__(
        self,
        router_for: RouterFor,
        include: str | Sequence[str],
        exclude: str | Sequence[str],
        seen: Discovered,
    ) -> None:
        self._router_for = router_for
        self._include, self._exclude = each_glob(include), each_glob(exclude)
        self._seen = seen

    def over(self, paths: AnyPath | Iterable[AnyPath]) -> Iterator[Asked]:
        """The documents there. Raises SourceError for a path or a URL that leads nowhere."""
        listed = list(each_path(paths))
        for path in listed:
            if not is_url(path):
                check_is_there(look_at(path))
        for path in listed:
            yield from self.at(path)

    def at(self, path: str | Path) -> Iterator[Asked]:
        """The documents at or below one path or URL. A file that is not there is asked for all the same."""
        return self._at_url(str(path)) if is_url(path) else self._at_path(Path(on_disk(normalised(path))))

    def _at_path(self, root: Path) -> Iterator[Asked]:
        if not root.is_dir():
            yield from self._on_disk(root, root.parent)
            return

        def odd(path: Path) -> None:
            if is_selected(path.relative_to(root), self._include, self._exclude):
                self._seen.odd["broken link" if path.is_symlink() else "pipe or device"] += 1

        for file in walk(root, lambda folder: self._seen.unreadable.append(str(folder)), odd):
            if is_selected(file.relative_to(root), self._include, self._exclude):
                yield from self._on_disk(file, root)

    def _on_disk(self, file: Path, root: Path) -> Iterator[Asked]:
        if (router := self._counted(file)) is not None:
            yield Asked(router, str(file), None, root)

    def _at_url(self, url: str) -> Iterator[Asked]:
        root = folder_uri(url, with_password=True)
        place = Places().open(root)
        stamp = place.look()
        if stamp is not None:
            yield from self._elsewhere(root, stamp)
            return
        for found in place.files(self._seen.unreadable.append):
            if is_selected(found.relative, self._include, self._exclude):
                yield from self._elsewhere(joined(root, str(found.relative)), found.stamp)

    def _elsewhere(self, address: str, stamp: Stamp) -> Iterator[Asked]:
        uri = source_uri_of(address)
        if (router := self._counted(uri)) is not None:
            yield Asked(router, uri, stamp=stamp, address=address, choose=self._router_for)

    def _counted(self, file: str | Path) -> DocumentRouter | None:
        router = self._router_for(file)
        if router is None:
            suffix = Path(name_of(str(file))).suffix.lower() or "(none)"
            self._seen.unsupported[suffix] = self._seen.unsupported.get(suffix, 0) + 1
        else:
            self._seen.files += 1
        return router


def check_is_there(root: Root) -> None:
    """Raise SourceError for a root that is missing."""
    if root.device is None:
        raise SourceError(ErrorCode.E_SOURCE_NOT_FOUND, f"there is nothing at {root.path}")


class Walk:
    """The documents below some roots, asked for one by one, and afterwards what the roots were like.

    A root that is missing raises SourceError before anything is asked for, unless ``may_be_missing`` says that it may.
    """

    def __init__(
        self,
        router_for: RouterFor,
        paths: AnyPath | Iterable[AnyPath],
        include: str | Sequence[str],
        exclude: str | Sequence[str],
        may_be_missing: Callable[[Root], bool],
    ) -> None:
        self.paths = list(each_path(paths))
        self.include, self.exclude = each_glob(include), each_glob(exclude)
        self.roots: list[Root] = []
        self._seen = Discovered()
        self._discovery = Discovery(router_for, self.include, self.exclude, self._seen)
        self._found: set[str] = set()
        self._may_be_missing = may_be_missing

    def __iter__(self) -> Iterator[Asked]:
        # All of them before anything is read: one may be mistyped.
        roots = [look_at(path) for path in self.paths]
        missing = {root.path for root in roots if root.device is None}
        for root in roots:
            if root.path in missing and not self._may_be_missing(root):
                check_is_there(root)
        for path, root in zip(self.paths, roots, strict=True):
            listed = 0
            for asked in self._discovery.at(path) if root.path not in missing else ():
                listed += 1
                if is_url(asked.file_path):
                    self._found.add(source_uri_of(asked.file_path))
                yield asked
            self.roots.append(replace(root, listed=listed))

    def listing(self, store: DocumentStore, tenants: Iterable[str | None]) -> Listing:
        """For deciding about what is not in it."""
        # Looked at again: a mount may have gone away meanwhile.
        roots = [replace(look_at(path), listed=root.listed) for path, root in zip(self.paths, self.roots, strict=True)]
        unreadable = [folder_uri(folder) for folder in self._seen.unreadable]
        return Listing(roots, unreadable, frozenset(self._found), doubts_about(store, tenants, roots))
