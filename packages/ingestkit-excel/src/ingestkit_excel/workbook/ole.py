"""What an OLE compound file holds: an old workbook, an encrypted one, or something else.

Only what tells is read: header, sector chain and directory ([MS-CFB] 2.2 to 2.6), and the first records of the
workbook's stream ([MS-XLS] 2.4.117: FilePass stands near the beginning).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import Enum, auto
from itertools import islice

__all__ = ["OLE_MAGIC", "OleContent", "ole_content", "workbook_stream"]

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_ENTRY_BYTES = 128
_LAST_SECTOR = 0xFFFFFFFA
_MAX_DIRECTORY_SECTORS = 10_000
_HEAD_SECTORS = 8
_SMALL_STREAM_BYTES, _SMALL_SECTOR_BYTES = 4096, 64
_FILE_PASS, _FIRST_SHEET, _END = 0x2F, 0x85, 0x0A


class OleContent(Enum):
    """What a compound file is."""

    WORKBOOK = auto()
    ENCRYPTED = auto()
    OTHER = auto()


def ole_content(content: bytes) -> OleContent:
    """Tell by the names of its streams, and by the beginning of a workbook's."""
    streams = {name.lower(): (start, size) for name, start, size in _streams(content)}
    if streams.keys() & {"encryptedpackage", "encryptioninfo"}:
        return OleContent.ENCRYPTED
    stream = streams.get("workbook") or streams.get("book")
    if stream is None:
        return OleContent.OTHER
    start, size = stream
    if size >= _SMALL_STREAM_BYTES:
        head = _head(content, start)
    else:
        head = _small_head(content, streams.get("root entry", (_LAST_SECTOR, 0))[0], start)
    return OleContent.ENCRYPTED if _FILE_PASS in _first_records(head) else OleContent.WORKBOOK


def workbook_stream(content: bytes) -> bytes:
    """The whole stream of an old workbook, as far as the header's allocation table goes; empty if there is none.

    A small stream is not read: writers pad a workbook to the size of a large one.
    """
    if not content.startswith(OLE_MAGIC):
        return b""
    streams = {name.lower(): (start, size) for name, start, size in _streams(content)}
    start, size = streams.get("workbook", (_LAST_SECTOR, 0))
    if size < _SMALL_STREAM_BYTES:
        return b""
    sector_bytes = _sector_bytes(content)
    sectors = _chain(content, start)
    return b"".join(content[(at + 1) * sector_bytes : (at + 2) * sector_bytes] for at in sectors)[:size]


def _sector_bytes(content: bytes) -> int:
    return 1 << min(max(int.from_bytes(content[30:32], "little"), 9), 16)


def _streams(content: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, first sector and size of every stream."""
    sector_bytes = _sector_bytes(content)
    for sector in _chain(content, int.from_bytes(content[48:52], "little")):
        start = (sector + 1) * sector_bytes
        for offset in range(start, min(start + sector_bytes, len(content)), _ENTRY_BYTES):
            entry = content[offset : offset + _ENTRY_BYTES].ljust(_ENTRY_BYTES, b"\0")
            length = int.from_bytes(entry[64:66], "little")
            if 2 <= length <= 64:
                name = entry[: length - 2].decode("utf-16-le", "replace").lstrip("\x01\x05\x06")
                yield name, int.from_bytes(entry[116:120], "little"), int.from_bytes(entry[120:124], "little")


def _head(content: bytes, start: int) -> bytes:
    """The first bytes of a stream."""
    sector_bytes = _sector_bytes(content)
    blocks: list[bytes] = []
    for sector in _chain(content, start):
        blocks.append(content[(sector + 1) * sector_bytes : (sector + 2) * sector_bytes])
        if len(blocks) == _HEAD_SECTORS:
            break
    return b"".join(blocks)


def _small_head(content: bytes, container: int, start: int) -> bytes:
    """The first bytes of a small stream: its first small sector in the stream that holds all of them."""
    sector_bytes = _sector_bytes(content)
    skipped, offset = divmod(start * _SMALL_SECTOR_BYTES, sector_bytes)
    sector = next(islice(_chain(content, container), skipped, None), None)
    if sector is None:
        return b""
    at = (sector + 1) * sector_bytes + offset
    return content[at : at + _SMALL_SECTOR_BYTES]


def _first_records(stream: bytes) -> set[int]:
    """The kinds of records before the first sheet is named."""
    kinds: set[int] = set()
    at = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        if kind in (_FIRST_SHEET, _END):
            break
        kinds.add(kind)
        at += 4 + size
    return kinds


def _chain(content: bytes, sector: int) -> Iterator[int]:
    """The sectors of a chain, by the allocation table whose first 109 sectors the header lists."""
    sector_bytes = _sector_bytes(content)
    per_table = sector_bytes // 4
    tables = [int.from_bytes(content[i : i + 4], "little") for i in range(76, 512, 4)]
    for _ in range(_MAX_DIRECTORY_SECTORS):
        if sector >= _LAST_SECTOR or (sector + 1) * sector_bytes >= len(content):
            return
        yield sector
        table = sector // per_table
        if table >= len(tables) or tables[table] >= _LAST_SECTOR:
            return
        at = (tables[table] + 1) * sector_bytes + sector % per_table * 4
        sector = int.from_bytes(content[at : at + 4], "little")
