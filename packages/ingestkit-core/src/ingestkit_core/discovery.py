"""Which documents lie at or below paths and URLs, in a stable order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingestkit_core.addresses import folder_uri, joined, name_of
from ingestkit_core.batch import Asked
from ingestkit_core.filesystems import Places
from ingestkit_core.keys import is_url, source_uri_of
from ingestkit_core.mirror import is_selected
from ingestkit_core.router import DocumentRouter
from ingestkit_core.stamps import Stamp
from ingestkit_core.walking import walk

__all__ = ["Discovered", "Discovery"]


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
        router_for: Callable[[str | Path], DocumentRouter | None],
        include: Sequence[str],
        exclude: Sequence[str],
        seen: Discovered,
    ) -> None:
        self._router_for = router_for
        self._include, self._exclude = include, exclude
        self._seen = seen

    def over(self, paths: Iterable[str | Path]) -> Iterator[Asked]:
        """The documents there. Raises SourceError for a URL that leads nowhere."""
        for path in paths:
            yield from self._at_url(str(path)) if is_url(path) else self._at_path(Path(path))

    def _at_path(self, root: Path) -> Iterator[Asked]:
        if not root.is_dir():
            yield from self._on_disk(root, root.absolute().parent)
            return

        def odd(path: Path) -> None:
            if is_selected(path.relative_to(root), self._include, self._exclude):
                self._seen.odd["broken link" if path.is_symlink() else "pipe or device"] += 1

        for file in walk(root, lambda folder: self._seen.unreadable.append(str(folder)), odd):
            if is_selected(file.relative_to(root), self._include, self._exclude):
                yield from self._on_disk(file, root)

    def _on_disk(self, file: Path, root: Path) -> Iterator[Asked]:
        if (router := self._counted(file)) is not None:
            yield Asked(router, str(file.absolute()), None, root.absolute())

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
