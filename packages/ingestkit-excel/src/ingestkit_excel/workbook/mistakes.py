"""The error cells of an old workbook (#DIV/0!, #N/A ...), which calamine gives as empty.

Read from the records of the workbook's stream ([MS-XLS] 2.4.24 BoolErr, 2.4.127 Formula, 2.5.10 for the codes). A
stream that is broken, or not of BIFF8, tells what was found before it broke.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping

from ingestkit_excel.workbook.ole import workbook_stream

__all__ = ["ErrorCells", "error_cells"]

_TEXTS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
}
_BEGIN, _END, _SHEET, _BOOL_ERR, _FORMULA = 0x809, 0x0A, 0x85, 0x205, 0x06
_SIGNS = re.compile(rb"\x05\x02\x08\x00.{7}\x01|\x06\x00.{8}\x02.[\x00\x07\x0f\x17\x1d\x24\x2a].{3}\xff\xff", re.DOTALL)
"""What an error cell looks like: next to no workbook without one is read record by record."""

ErrorCells = Mapping[tuple[int, int], str]


def error_cells(content: bytes) -> dict[str, ErrorCells]:
    """The errors of every sheet by row and column, counted from 0; nothing for what is no old workbook."""
    stream = workbook_stream(content)
    if not _SIGNS.search(stream):
        return {}
    sheets = sorted(
        _named(body) for kind, body in _records(stream, 0, len(stream)) if kind == _SHEET and len(body) >= 8
    )
    # Each sheet ends where the next begins: no stream can have its records read twice.
    ends = [*(offset for offset, _ in sheets[1:]), len(stream)]
    return {name: dict(_errors(stream, offset, end)) for (offset, name), end in zip(sheets, ends, strict=False)}


def _records(stream: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The records from one BOF to its EOF, without those of charts inside."""
    depth = 0
    while at + 4 <= min(end, len(stream)):
        kind, size = struct.unpack_from("<HH", stream, at)
        depth += (kind == _BEGIN) - (kind == _END)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _named(body: bytes) -> tuple[int, str]:
    wide = body[7] & 1
    text = body[8 : 8 + body[6] * (1 + wide)]
    return int.from_bytes(body[:4], "little"), text.decode("utf-16-le" if wide else "latin-1", "replace")


def _errors(stream: bytes, offset: int, end: int) -> Iterator[tuple[tuple[int, int], str]]:
    for kind, body in _records(stream, offset, end):
        code = None
        if kind == _BOOL_ERR and len(body) >= 8 and body[7] == 1:
            code = body[6]
        elif kind == _FORMULA and len(body) >= 14 and body[6] == 2 and body[12:14] == b"\xff\xff":
            code = body[8]
        if code in _TEXTS:
            row, column = struct.unpack_from("<HH", body)
            yield (row, column), _TEXTS[code]
