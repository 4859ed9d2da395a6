"""Whether a table goes on from one page to the next. Pure."""

from __future__ import annotations

from ingestkit_pdf.extract.tables.headers import column_names
from ingestkit_pdf.extract.tables.values import Table

__all__ = ["continues"]

_LINES_BETWEEN = 3
"""A page number, a note and a running title may stand between a table and the edge of the page."""

_OVERLAP_RATIO = 0.5


def continues(previous: Table, following: Table, threshold: float) -> bool:
    """Whether a table on top of a page continues the one at the bottom of the page before it.

    They have as many columns, of which at least ``threshold`` (0..1) stand over each other, and the second
    repeats the first's header or has none.
    """
    if previous.column_count != following.column_count:
        return False
    if previous.lines_below > _LINES_BETWEEN or following.lines_above > _LINES_BETWEEN:
        return False
    if following.header_row_count and not _same_header(previous, following, threshold):
        return False
    pairs = list(zip(_columns(previous), _columns(following), strict=True))
    return sum(_stand_together(*pair) for pair in pairs) >= threshold * len(pairs)


def _same_header(previous: Table, following: Table, threshold: float) -> bool:
    pairs = list(zip(column_names(previous), column_names(following), strict=True))
    return sum(a.casefold() == b.casefold() for a, b in pairs) >= threshold * len(pairs)


def _columns(table: Table) -> list[tuple[float, float] | None]:
    """How far the texts of each column reach; None where it has none of its own."""
    columns: list[tuple[float, float] | None] = [None] * table.column_count
    for cell in table.cells:
        if cell.column_span > 1 or not cell.text:
            continue
        known = columns[cell.column]
        left, right = cell.box[0], cell.box[2]
        columns[cell.column] = (left, right) if known is None else (min(known[0], left), max(known[1], right))
    return columns


def _stand_together(first: tuple[float, float] | None, second: tuple[float, float] | None) -> bool:
    if first is None or second is None:
        return True
    overlap = min(first[1], second[1]) - max(first[0], second[0])
    return overlap >= _OVERLAP_RATIO * min(first[1] - first[0], second[1] - second[0])
