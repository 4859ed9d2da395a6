"""What is at a URL: a file, or a folder of files. The only room that touches fsspec, whose plugins know the way.

    s3://bucket/reports ─► Place ─► files, one by one, with what the listing says of each
                                └─► the bytes of one

Each file system raises what its own library does: here it becomes a SourceError, by type. Runs in the owner.
"""

from __future__ import annotations

import difflib
import ftplib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ingestkit_core.addresses import folder_uri, is_whole_file, joined, scheme_of
from ingestkit_core.errors import ErrorCode, SourceError
from ingestkit_core.stamps import NOTHING_SAID, Stamp, stamp_of_file, stamp_of_listing
from ingestkit_core.walking import is_passed_by, walk

__all__ = ["Found", "Place", "Places"]

_BLOCK_BYTES = 1 << 20
_NOT_ALLOWED = (401, 403, 407)
_INSTALLED_AS = {"libarchive": "libarchive-c", "webdav4": "webdav4[fsspec]", "huggingface_hub": "huggingface-hub"}


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a folder: where it lies in it, and what the listing says of it."""

    relative: PurePosixPath
    stamp: Stamp


class Places:
    """Opens URLs, on one thread: a hundred files of one server take one login. Holds no file open."""

    def __init__(self) -> None:
        self._opened: dict[str, Any] = {}

    def open(self, url: str) -> Place:
        """Where a URL leads; whether anything is there is not asked yet.

        Raises SourceError (E_SOURCE_UNREADABLE): recoverable where the server may answer later, not where a
        package is missing or nobody knows the protocol.
        """
        connection = _connection_of(url)
        with _as_source_error(url):
            if (system := self._opened.get(connection)) is not None:
                return Place(url, system, system._strip_protocol(url.partition("::")[0]))
            system, path = _url_to_fs(url)
        self._opened[connection] = system
        return Place(url, system, path)

    def is_open(self, url: str) -> bool:
        """Whether what it leads to was opened already."""
        return _connection_of(url) in self._opened

    def forget(self) -> None:
        """Open everything anew from now on: a connection may have been lost."""
        self._opened.clear()


class Place:
    """A file or a folder at a URL. Its methods raise SourceError."""

    def __init__(self, url: str, system: Any, path: str) -> None:
        self._url = url
        self._uri = folder_uri(url)
        self._system = system
        self._path = path

    def look(self) -> Stamp | None:
        """What is said of the file there; None for a folder. E_SOURCE_NOT_FOUND where there is neither."""
        with _as_source_error(self._uri):
            # A listing may be kept for as long as the program runs.
            self._system.invalidate_cache()
            entry = self._system.info(self._path)
        is_folder = entry["type"] == "directory" and not is_whole_file(self._uri)
        return None if is_folder else self._stamp(self._path, entry)

    @property
    def device(self) -> str:
        """On what it lies, as far as that is known: a mount may go away from under a folder."""
        if not self._is_local:
            return scheme_of(self._uri)
        with _as_source_error(self._uri):
            return str(os.stat(self._path).st_dev)

    def files(self, on_unreadable: Callable[[str], None]) -> Iterator[Found]:
        """All files below the folder, sorted as ``walk`` does, without those it passes by.

        ``on_unreadable`` is told the URIs of folders in it that could not be listed: what lies there is not known.
        Raises SourceError if the folder itself could not.
        """
        if self._is_local:
            yield from self._files_on_disk(on_unreadable)
        elif self._is_listed_at_once:
            yield from self._files_at_once()
        else:
            yield from self._files_below(self._path, PurePosixPath(), on_unreadable)

    def blocks(self) -> Iterator[bytes]:
        """The bytes of the file."""
        with _as_source_error(self._uri):
            file = self._system.open(self._path, "rb")
        with file:
            while True:
                with _as_source_error(self._uri):
                    block = file.read(_BLOCK_BYTES)
                if not block:
                    return
                yield block

    @property
    def _is_local(self) -> bool:
        return "file" in _protocols(self._system)

    @property
    def _is_listed_at_once(self) -> bool:
        """Whether the file system has a way of its own to list everything below a folder, as clouds do.

        Those that do not go from folder to folder, and pass over what they may not enter without a word.
        """
        from fsspec.asyn import AsyncFileSystem
        from fsspec.spec import AbstractFileSystem

        kind = type(self._system)
        if issubclass(kind, AsyncFileSystem):
            return kind._find is not AsyncFileSystem._find
        return kind.find is not AbstractFileSystem.find

    def _stamp(self, path: str, entry: Mapping[str, Any]) -> Stamp:
        # Of a link a local listing says what the link is like.
        return stamp_of_file(os.stat(path)) if self._is_local else stamp_of_listing(entry)

    def _files_on_disk(self, on_unreadable: Callable[[str], None]) -> Iterator[Found]:
        root = Path(self._path)

        def unreadable(folder: Path) -> None:
            on_unreadable(self._uri if folder == root else joined(self._uri, folder.relative_to(root).as_posix()))

        for file in walk(root, unreadable):
            try:
                stamp = stamp_of_file(os.stat(file))
            except OSError:
                stamp = NOTHING_SAID
            yield Found(PurePosixPath(file.relative_to(root).as_posix()), stamp)

    def _files_at_once(self) -> Iterator[Found]:
        with _as_source_error(self._uri):
            entries = self._system.find(self._path, detail=True)
        above = self._path.strip("/")
        above = f"{above}/" if above else ""
        found = {
            PurePosixPath(name.lstrip("/").removeprefix(above)): entry
            for name, entry in entries.items()
            if name.lstrip("/").startswith(above) and entry.get("type") != "directory" and not name.endswith("/")
        }
        for relative in sorted(found, key=lambda path: path.parts):
            if not any(map(is_passed_by, relative.parts)):
                yield Found(relative, stamp_of_listing(found[relative]))

    def _files_below(self, path: str, relative: PurePosixPath, on_unreadable: Callable[[str], None]) -> Iterator[Found]:
        try:
            with _as_source_error(self._uri):
                entries = {PurePosixPath(entry["name"]).name: entry for entry in self._system.ls(path, detail=True)}
        except SourceError:
            if not relative.parts:
                raise
            on_unreadable(joined(self._uri, relative.as_posix()))
            return
        for name in sorted(entries):
            entry, below = entries[name], relative / name
            if is_passed_by(name) or entry["name"].rstrip("/") == path.rstrip("/"):
                continue
            if entry["type"] == "directory":
                yield from self._files_below(entry["name"], below, on_unreadable)
            elif entry["type"] != "link":
                yield Found(below, stamp_of_listing(entry))
            elif (stamp := self._linked(entry["name"])) is not None:
                yield Found(below, stamp)
            else:
                # It may lead round in a circle, and only the server knows.
                on_unreadable(joined(self._uri, below.as_posix()))

    def _linked(self, path: str) -> Stamp | None:
        """What is said of the file that a link leads to; None where it leads to no file."""
        try:
            with _as_source_error(self._uri):
                entry = self._system.info(path)
        except SourceError:
            return None
        return stamp_of_listing(entry) if entry["type"] == "file" else None


def _connection_of(url: str) -> str:
    """What a URL says besides its path."""
    first, mark, rest = url.partition("::")
    scheme, _, place = first.partition("://")
    return f"{scheme}{mark}{rest}" if mark else f"{scheme}://{place.partition('/')[0]}"


def _url_to_fs(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    # fsspec would keep it for as long as the program runs, also for threads that ended and with a broken connection.
    system, path = url_to_fs(url, skip_instance_cache=True)
    return system, path


def _protocols(system: Any) -> tuple[str, ...]:
    protocol = system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


@contextmanager
def _as_source_error(uri: str) -> Iterator[None]:
    try:
        yield
    except SourceError:
        raise
    except Exception as exc:  # each file system raises what its own library does
        raise _source_error(folder_uri(uri), exc) from exc


def _source_error(uri: str, exc: Exception) -> SourceError:
    cause = exc.__cause__
    if isinstance(exc, ImportError):
        return _unreadable(_missing_package(uri, exc))
    if isinstance(exc, ValueError) and not _is_known(scheme_of(uri)):
        return _unreadable(_unknown_protocol(uri))
    if isinstance(exc, FileNotFoundError | NotADirectoryError):
        # fsspec's HTTP says so too of a host that does not answer.
        if not isinstance(cause, OSError) or isinstance(cause, FileNotFoundError):
            return SourceError(ErrorCode.E_SOURCE_NOT_FOUND, f"there is nothing at {uri}")
        exc = cause
    name = type(exc).__name__
    if _is_refusal(exc):
        return _unreadable(
            f"{uri} may not be read ({name}): {scheme_of(uri)}:// takes its credentials from the environment or from "
            "fsspec's settings"
        )
    what = "reached" if isinstance(exc, OSError) else "read"
    return _unreadable(f"{uri} cannot be {what} ({name})", may_pass=True)


def _unreadable(message: str, *, may_pass: bool = False) -> SourceError:
    return SourceError(ErrorCode.E_SOURCE_UNREADABLE, message, recoverable=may_pass)


def _is_refusal(exc: BaseException) -> bool:
    """Whether the server answered, and said no."""
    if isinstance(exc, PermissionError | ftplib.error_perm):
        return True
    answers = (getattr(exc, name, None) for name in ("status", "status_code", "code"))
    return any(answer in _NOT_ALLOWED for answer in answers if isinstance(answer, int))


def _missing_package(uri: str, exc: ImportError) -> str:
    missing = exc.name or getattr(exc.__cause__, "name", None)
    if missing is None or missing.partition(".")[0] == "fsspec":
        return f"{uri} is a URL, which needs: pip install 'ingestkit-core[fsspec]'"
    package = missing.partition(".")[0]
    return (
        f"{scheme_of(uri)}:// needs a package that is not installed: pip install {_INSTALLED_AS.get(package, package)}"
    )


def _is_known(scheme: str) -> bool:
    from fsspec.registry import available_protocols

    return scheme in available_protocols()


def _unknown_protocol(uri: str) -> str:
    from fsspec.registry import available_protocols

    scheme = scheme_of(uri)
    near = difflib.get_close_matches(scheme.lower(), available_protocols(), n=1)
    hint = f"did you mean {near[0]}://?" if near else "it knows s3, gs, abfs, sftp, ftp, zip and others"
    return f"{scheme}:// is no protocol that fsspec knows: {hint}"
