"""What an OLE compound file holds: an old workbook, an encrypted new one, or something else.

Only the directory is read ([MS-CFB] 2.2 to 2.6): header, sector chain, names.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto

__all__ = ["OLE_MAGIC", "OleContent", "ole_content"]

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_ENTRY_BYTES = 128
_LAST_SECTOR = 0xFFFFFFFA
_MAX_DIRECTORY_SECTORS = 10_000


class OleContent(Enum):
    """What a compound file is."""

    WORKBOOK = auto()
    ENCRYPTED = auto()
    OTHER = auto()


def ole_content(content: bytes) -> OleContent:
    """Tell by the names of its streams."""
    names = {name.lower() for name in _stream_names(content)}
    if names & {"encryptedpackage", "encryptioninfo"}:
        return OleContent.ENCRYPTED
    return OleContent.WORKBOOK if names & {"workbook", "book"} else OleContent.OTHER


def _stream_names(content: bytes) -> Iterator[str]:
    sector_bytes = 1 << min(int.from_bytes(content[30:32], "little"), 16)
    for sector in _chain(content, int.from_bytes(content[48:52], "little"), sector_bytes):
        start = (sector + 1) * sector_bytes
        for offset in range(start, min(start + sector_bytes, len(content)), _ENTRY_BYTES):
            length = int.from_bytes(content[offset + 64 : offset + 66], "little")
            if 2 <= length <= 64:
                yield content[offset : offset + length - 2].decode("utf-16-le", "replace").lstrip("\x01\x05\x06")


def _chain(content: bytes, sector: int, sector_bytes: int) -> Iterator[int]:
    """The sectors of a chain, by the allocation table whose first 109 sectors the header lists."""
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
