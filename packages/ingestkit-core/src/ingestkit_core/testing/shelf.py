"""A server of files for tests: ``shelf://host/...`` and ``heap://host/...``, a folder on this disk behind fsspec.

It fails where it is told to and counts what is taken from it. A shelf is listed folder by folder, a heap in one go,
as clouds are.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import fsspec
from fsspec.spec import AbstractFileSystem

__all__ = ["Served", "serving"]


@dataclass(slots=True)
class Served:
    """What is served, and how.

    ``failing`` are paths (``/a/b.txt``) with what asking for them by name raises, ``silent`` those whose bytes never come;
    ``unlisted`` are left out of every listing. ``taken`` are the paths whose bytes were asked for, in order.
    ``etags`` are told instead of times, where there are any. A ``password`` is asked for.
    """

    root: Path
    failing: dict[str, Exception] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    unlisted: set[str] = field(default_factory=set)
    etags: dict[str, str] = field(default_factory=dict)
    password: str | None = None
    taken: list[str] = field(default_factory=list)

    def check(self, path: str) -> None:
        """Fail, if it is to."""
        if path in self.failing:
            raise self.failing[path]

    def entry(self, path: str) -> dict[str, Any]:
        """What a listing says of a file or folder."""
        status = os.stat(self.root / path.lstrip("/"))
        if stat.S_ISDIR(status.st_mode):
            return {"name": path, "size": 0, "type": "directory"}
        said = {"ETag": f'"{self.etags[path]}"'} if path in self.etags else {"mtime": status.st_mtime}
        return {"name": path, "size": status.st_size, "type": "file", **said}

    def below(self, path: str) -> Iterator[str]:
        """The paths of what is in a folder."""
        self.check(path)
        for name in os.listdir(self.root / path.lstrip("/")):
            if (inside := f"{path.rstrip('/')}/{name}") not in self.unlisted:
                yield inside


class _Shelf(AbstractFileSystem):  # type: ignore[misc]  # fsspec ships no types
    protocol = "shelf"
    served: ClassVar[Served]

    def __init__(self, password: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if password != self.served.password:
            raise PermissionError("no such user, or another password")

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        _, mark, place = path.partition("://")
        return "/" + (place.partition("/")[2] if mark else path).strip("/")

    @staticmethod
    def _get_kwargs_from_urls(url: str) -> dict[str, str]:
        user, at, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
        return {"password": user.partition(":")[2]} if at and ":" in user else {}

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        self.served.check(path)
        return self.served.entry(path)

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        entries = [self.served.entry(inside) for inside in self.served.below(self._strip_protocol(path))]
        return entries if detail else [entry["name"] for entry in entries]

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> BinaryIO:
        path = self._strip_protocol(path)
        self.served.taken.append(path)
        self.served.check(path)
        while path in self.served.silent:
            time.sleep(0.01)
        return open(self.served.root / path.lstrip("/"), "rb")


class _Heap(_Shelf):
    protocol = "heap"

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **kwargs: Any
    ) -> Any:
        # In no order that means anything.
        found = {entry["name"]: entry for entry in reversed(list(self._all(self._strip_protocol(path))))}
        return found if detail else list(found)

    def _all(self, path: str) -> Iterator[dict[str, Any]]:
        for entry in self.ls(path):
            if entry["type"] == "directory":
                yield from self._all(entry["name"])
            else:
                yield entry


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    """Serve a folder under both protocols, in this process."""
    served = Served(root)
    for kind in (_Shelf, _Heap):
        kind.served = served
        fsspec.register_implementation(kind.protocol, kind, clobber=True)
    try:
        yield served
    finally:
        served.silent.clear()
