"""How paths are written: one or many, absolute, without detours, as valid text and back again.

    ../docs//a.pdf          = /home/me/docs/a.pdf
    bad<byte FF>.pdf        = bad\\ufffdFF.pdf, and on the disk bad<byte FF>.pdf again

Asks the disk about links alone, and where a name could mean two files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["AnyPath", "each_glob", "each_path", "normalised", "on_disk", "printable"]

AnyPath = str | os.PathLike[str]
"""A path, or a URL as a string."""

_UNDECODABLE = "\ufffd"
"""Stands, followed by two hexadecimal digits, for a byte of a file's name that is no text."""

_WRITTEN_BYTE = re.compile(f"{_UNDECODABLE}([89A-F][0-9A-F])")


def each_path(paths: AnyPath | Iterable[AnyPath]) -> Iterator[str | Path]:
    """One by one; a string is one path, never its letters."""
    for path in (paths,) if isinstance(paths, str | os.PathLike) else paths:
        yield path if isinstance(path, str) else Path(path)


def each_glob(globs: str | Iterable[str]) -> tuple[str, ...]:
    """All of them; a string is one glob, never its letters."""
    return (globs,) if isinstance(globs, str) else tuple(globs)


def normalised(path: AnyPath) -> str:
    """The absolute path without ``.``, ``..`` and doubled slashes.

    Links keep their names; only where ``..`` follows one it leads out of the folder that the link leads to.
    """
    whole = os.path.join(os.getcwd(), path) if not os.path.isabs(path) else os.fspath(path)
    if os.sep == "/" and whole.startswith("//"):
        # The root, though POSIX lets two slashes mean something else.
        whole = f"/{whole.lstrip('/')}"
    if os.pardir not in whole:
        return os.path.normpath(whole)
    anchor, *parts = Path(whole).parts
    done = anchor
    for part in parts:
        if part != os.pardir:
            done = os.path.join(done, part)
        else:
            done = os.path.dirname(os.path.realpath(done) if os.path.islink(done) else done)
    return done


def printable(name: str) -> str:
    """A file's name as valid text: what the file system gave as undecodable bytes is written in digits."""
    if name.isascii():
        return name
    return "".join(f"{_UNDECODABLE}{ord(char) - 0xDC00:02X}" if "\ud800" <= char <= "\udfff" else char for char in name)


def on_disk(path: str) -> str:
    """The path to open for what ``printable`` wrote. A file whose name has these very characters goes first."""
    if _UNDECODABLE not in path or os.path.lexists(path):
        return path
    return _WRITTEN_BYTE.sub(lambda byte: chr(0xDC00 + int(byte[1], 16)), path)
