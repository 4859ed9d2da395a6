"""How far the cells of a package's sheets reach, found without making a range of them.

A few bytes can name a cell in the last row and another in the last column; a reader that makes ranges dense then asks
for 17,000,000,000 cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingestkit_excel.workbook.layouts import column_number
from ingestkit_excel.workbook.markup import PartError
from ingestkit_excel.workbook.package import Package

__all__ = ["MAX_DENSE_CELLS", "fits_densely"]

MAX_DENSE_CELLS = 20_000_000
"""Cells of a dense range, empty ones included, above which no reader that makes one is asked."""

_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_ROW_RECORD = 0
_CELL_RECORDS = range(1, 12)


def fits_densely(package: Package) -> bool:
    """Whether every sheet's range has at most 20,000,000 cells."""
    for name in package.names():
        if "sheets/" in name and not name.endswith(".rels"):
            try:
                content = package.read(name)
            except PartError:
                continue
            rows, columns = _binary_extent(content) if name.endswith(".bin") else _xml_extent(content)
            if rows * columns > MAX_DENSE_CELLS:
                return False
    return True


def _xml_extent(content: bytes) -> tuple[int, int]:
    rows = columns = 0
    for letters, digits in set(_REFERENCE.findall(content)):
        rows = max(rows, int(digits))
        columns = max(columns, column_number(letters.decode("ascii")))
    return rows, columns


def _binary_extent(content: bytes) -> tuple[int, int]:
    rows = columns = 0
    for kind, body in _records(content):
        number = int.from_bytes(body[:4], "little") + 1
        if kind == _ROW_RECORD:
            rows = max(rows, number)
        elif kind in _CELL_RECORDS:
            columns = max(columns, number)
    return rows, columns


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a binary part ([MS-XLSB] 2.1.4): type and size as little groups of seven bits, then the body."""
    at = 0
    while at < len(content):
        kind, at = _number(content, at, 2)
        size, at = _number(content, at, 4)
        yield kind, content[at : at + size]
        at += size


def _number(content: bytes, at: int, longest: int) -> tuple[int, int]:
    number = 0
    for place in range(longest):
        byte = content[at] if at < len(content) else 0
        at += 1
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    return number, at
