"""Headers that a body says again: at the top of every printed page, or of every block.

Region | units      header
North  |   12
Region | units      the header again: no row of the table
South  |   30
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from ingestkit_excel.extract.cells import cells_of_region
from ingestkit_excel.extract.closeup import Cell
from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import CellKind

__all__ = ["header_again"]

_MAX_CANDIDATES = 2000
"""Rows that begin as a header does, above which it is no header that comes again."""


def header_again(region: Region, header: Sequence[int], body: Sequence[int]) -> list[int]:
    """Rows of the body that are the last row of the header again, with those above that are its other rows again."""
    if not header or not body:
        return []
    names = _texts(region, header[-1])
    candidates = _like(region, cells_of_region(region, [header[-1]])[header[-1]], body)
    found = [row for row in candidates if _texts(region, row) == names]
    upper = [_texts(region, row) for row in reversed(header[:-1])]
    again = {above for row in found for above in (row, *_above(region, body, row, upper))}
    return sorted(again) if len(again) < len(body) else []


def _texts(region: Region, row: int) -> dict[int, str]:
    cells = cells_of_region(region, [row])[row]
    return {column: " ".join(cell.text.split()).casefold() for column, cell in cells.items()}


def _like(region: Region, names: Mapping[int, Cell], body: Sequence[int]) -> list[int]:
    """Rows with the first word of a header in its column; none where the header is less than two names, or has values
    among them.
    """
    said = [cell for cell in names.values() if not cell.missing]
    first = next((cell for cell in said if cell.form.kind is CellKind.TEXT and not cell.numeric), None)
    values = any(cell.numeric and not (cell.yearlike or cell.dated) for cell in said)
    if first is None or len(said) < 2 or values:
        return []
    rows = [row for row in _rows_with(region, first) if body[0] <= row <= body[-1]]
    inside = rows if isinstance(body, range) else sorted(set(rows).intersection(body))
    return inside if len(inside) <= _MAX_CANDIDATES else []


def _rows_with(region: Region, cell: Cell) -> Iterator[int]:
    """Where a column says the same. Columns in a file are not looked through."""
    for band in region.view.sheet.bands:
        for form, values in zip(band.forms, band.columns, strict=True):
            alike = form.column == cell.column and form.kind is CellKind.TEXT and band.known is None
            if alike and cell.raw in values:
                yield from (row for row, value in zip(band.rows, values, strict=True) if value == cell.raw)


def _above(region: Region, body: Sequence[int], row: int, upper: Sequence[Mapping[int, str]]) -> Iterator[int]:
    """The rows right above one that say the upper rows of the header, the lowest first."""
    place = bisect_left(body, row)
    pairs = zip(reversed(body[max(place - len(upper), 0) : place]), upper, strict=False)
    return (above for above, _ in takewhile(lambda pair: _texts(region, pair[0]) == pair[1], pairs))
