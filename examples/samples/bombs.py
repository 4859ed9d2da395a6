"""A PDF and a workbook of a megabyte or less that inflate beyond a gibibyte, made without ever holding it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .bytewise import SHEET_ENTRY, SHEET_TAIL, one_page, pdf_id, plain_pdf, sheet_head, skeleton

BOMB_BYTES = 1 << 30
"""Both bombs inflate to more than this."""

_DEFLATE_END = b"\x03\x00"


@dataclass(frozen=True, slots=True)
class _Repeated:
    """``head``, then ``block`` as often as ``times`` says, then ``tail``; never built in full."""

    head: bytes
    block: bytes
    times: int
    tail: bytes = b""

    @property
    def size(self) -> int:
        return len(self.head) + len(self.block) * self.times + len(self.tail)

    def deflated(self) -> bytes:
        """Raw deflate. A full flush forgets what came before, so the block's bytes can simply be repeated."""
        head, block, tail = map(_flushed, (self.head, self.block, self.tail))
        return head + block * self.times + tail + _DEFLATE_END

    def checksum(self, step: Callable[[bytes, int], int], start: int) -> int:
        value = step(self.head, start)
        for _ in range(self.times):
            value = step(self.block, value)
        return step(self.tail, value)


def _flushed(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)


def write_flate_bomb(path: Path) -> None:
    drawn = _Repeated(b"BT /F1 12 Tf 72 770 Td (Nothing but saved states.) Tj ET\n", b"q Q\n" * (1 << 20), 257)
    checksum = struct.pack(">I", drawn.checksum(zlib.adler32, 1))
    once = b"\x78\xda" + drawn.deflated() + checksum
    path.write_bytes(
        plain_pdf(one_page(zlib.compress(once, 9), b"/Filter[/FlateDecode/FlateDecode]"), pdf_id(path.name))
    )


def write_zip_bomb(path: Path) -> None:
    # Long runs of one character pack best, and rows within deflate's window of 32 KiB pack each other.
    row = b'<row><c t="inlineStr"><is><t>' + b"0" * 32000 + b"</t></is></c></row>"
    head = sheet_head(f"A1:A{128 * 263}")
    rows = _Repeated(head.encode(), row * 128, 263, SHEET_TAIL.encode())
    entries = [_packed(name, _Repeated(text.encode(), b"", 0)) for name, text in skeleton("Readings").items()]
    path.write_bytes(_zip([*entries, _packed(SHEET_ENTRY, rows)]))


@dataclass(frozen=True, slots=True)
class _Packed:
    name: bytes
    deflated: bytes
    crc: int
    size: int


def _packed(name: str, content: _Repeated) -> _Packed:
    return _Packed(name.encode(), content.deflated(), content.checksum(zlib.crc32, 0), content.size)


def _zip(entries: Sequence[_Packed]) -> bytes:
    """An archive of entries that are deflated already, which zipfile has no way to take."""
    day, clock = (2025 - 1980) << 9 | 1 << 5 | 31, 9 << 11
    content, directory = bytearray(), bytearray()
    for entry in entries:
        fields = struct.pack(
            "<5H3I2H", 20, 0, 8, clock, day, entry.crc, len(entry.deflated), entry.size, len(entry.name), 0
        )
        place = struct.pack("<3H2I", 0, 0, 0, 0, len(content))
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields + place + entry.name
        content += b"PK\x03\x04" + fields + entry.name + entry.deflated
    end = struct.pack("<4H2IH", 0, 0, len(entries), len(entries), len(directory), len(content), 0)
    return bytes(content + directory) + b"PK\x05\x06" + end
