"""The directory of a zip file: where its entries lie and what size they say they have.

Plain directories, as producers of workbooks write them, are read here; whatever is not plain (zip64, comments, names
beyond ASCII, bytes before the first entry) by ``zipfile``, which costs ten times as much.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

from ingestkit_core.errors import ErrorCode, ParseError

from ingestkit_excel.workbook.content import Content

__all__ = ["Entry", "read_directory"]

_END = struct.Struct("<4s4H2LH")
_LOCATOR_BYTES = 20
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_UNPLAIN = 0xFFFFFFFF
_NEWEST_VERSION = 63


class Entry(NamedTuple):
    """An entry of a zip file; sizes in bytes."""

    filename: str
    compress_type: int
    flag_bits: int
    compress_size: int
    file_size: int
    header_offset: int


def read_directory(content: Content) -> list[Entry]:
    """The entries of a zip file in their order. ParseError (E_PARSE_CORRUPT) where the bytes make none."""
    try:
        return list(_plain_entries(content))
    except _NotPlainError:
        return _entries(content)


class _NotPlainError(Exception):
    """The directory is not of the kind that is read here."""


def _plain_entries(content: Content) -> Iterator[Entry]:
    end = len(content) - _END.size
    tail = content[max(end - _LOCATOR_BYTES, 0) :]
    if end < 0 or tail.startswith(b"PK\x06\x07"):
        raise _NotPlainError
    magic, disk, first_disk, _, count, size, offset, comment = _END.unpack(tail[-_END.size :])
    if magic != b"PK\x05\x06" or disk or first_disk or comment or size + offset != end:
        raise _NotPlainError
    directory = content[offset:end]
    at = 0
    for _ in range(count):
        if at + _ENTRY.size > size:
            raise _NotPlainError
        entry, at = _plain_entry(directory, at)
        yield entry
    if at != size:
        raise _NotPlainError


def _plain_entry(directory: bytes, at: int) -> tuple[Entry, int]:
    """The entry at a place of the directory, and where the next begins."""
    found = _ENTRY.unpack_from(directory, at)
    magic, version, flags, kind, packed, size = found[0], found[3], found[5], found[6], found[10], found[11]
    name_length, extra, comment, offset = found[12], found[13], found[14], found[18]
    start = at + _ENTRY.size
    name = directory[start : start + name_length]
    plain = magic == b"PK\x01\x02" and version <= _NEWEST_VERSION and not extra
    if not plain or _UNPLAIN in (packed, size, offset) or not 0 < len(name) == name_length or b"\x00" in name:
        raise _NotPlainError
    if not name.isascii():
        raise _NotPlainError
    return Entry(name.decode("ascii"), kind, flags, packed, size, offset), start + name_length + comment


def _entries(content: Content) -> list[Entry]:
    try:
        with zipfile.ZipFile(content.opened()) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, ValueError, OSError) as exc:
        raise ParseError(
            ErrorCode.E_PARSE_CORRUPT, "The file starts as a zip file but its directory cannot be read."
        ) from exc
    return [
        Entry(info.filename, info.compress_type, info.flag_bits, info.compress_size, info.file_size, info.header_offset)
        for info in infos
    ]
