"""Where the columns and the rows of a region part. Pure.

An edge is drawn (a rule lies on it somewhere) or only seen (texts keep clear of it).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from ingestkit_pdf.extract.tables.breaks import body_breaks, header_levels
from ingestkit_pdf.extract.tables.columns import find_gaps
from ingestkit_pdf.extract.tables.pieces import Piece, Row
from ingestkit_pdf.extract.tables.regions import Region
from ingestkit_pdf.extract.tables.rulings import Rule, covered

__all__ = ["EDGE_POINTS", "Edge", "column_edges", "distinct", "full_rules", "header_bottom", "row_edges"]

EDGE_POINTS = 4.0
"""Two rules closer together are one edge; a text may stand so far over one."""

_FULL_WIDTH_RATIO = 0.75
_LEFT_RATIO = 0.05
_MANY_BANDS = 3


class Edge(NamedTuple):
    """The x between two columns, or the y between two rows."""

    at: float
    drawn: bool


def distinct(values: Iterable[float]) -> list[float]:
    """Values that are further apart than an edge is wide, ascending."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > EDGE_POINTS:
            found.append(value)
    return found


def full_rules(region: Region) -> list[float]:
    """The heights of rules that go from the left edge of a region through most of it, ascending."""
    x0, _, x1, _ = region.box
    levels: dict[float, list[Rule]] = {}
    for rule in region.rulings.horizontal:
        levels.setdefault(rule.at, []).append(rule)
    return sorted(
        y
        for y, rules in levels.items()
        if covered(rules, x0, x1) >= _FULL_WIDTH_RATIO
        and min(rule.start for rule in rules) < x0 + _LEFT_RATIO * (x1 - x0)
    )


# The header


def header_bottom(region: Region, rows: Sequence[Row], full: Sequence[float]) -> float | None:
    """The y below which the body begins: a rule under a first band of texts, or the first row of values.

    Rows all bold over rows that are not end sooner. None where neither shows.
    """
    bands = _filled_bands([region.box[1] - 1, *full, region.box[3] + 1], rows)
    if len(bands) > 1:
        head = [row for row in rows if row[0].middle < bands[0]]
        if 2 * sum(_is_value_row(row) and not _is_counting(row) for row in head) < len(head):
            return bands[0]
    first = next((index for index, row in enumerate(rows) if _is_value_row(row)), 0)
    if first == 0:
        return None
    first = min(first, _bold_rows(rows) or first)
    return (min(piece.y0 for piece in rows[first]) + max(piece.y1 for row in rows[:first] for piece in row)) / 2


def _filled_bands(edges: Sequence[float], rows: Sequence[Row]) -> list[float]:
    """The lower ends of the stretches between successive edges that hold rows, ascending."""
    filled: set[int] = set()
    for row in rows:
        middle = row[0].middle
        index = bisect_left(edges, middle)
        if 0 < index < len(edges) and edges[index] != middle:
            filled.add(index)
    return [edges[index] for index in sorted(filled)]


def _bold_rows(rows: Sequence[Row]) -> int:
    """How many rows from the first are bold throughout, where the next one is so nowhere; else 0."""
    count = next((index for index, row in enumerate(rows) if not all(piece.bold for piece in row)), 0)
    return 0 if any(piece.bold for piece in rows[count]) else count


def _is_value_row(row: Row) -> bool:
    values = sum(piece.value for piece in row)
    return len(row) > 1 and (values >= len(row) - 1 or 2 * values > len(row))


def _is_counting(row: Row) -> bool:
    """Whether all values are years, as heads of columns are."""
    return all(_is_year(piece.text) for piece in row[1:] if piece.value)


def _is_year(text: str) -> bool:
    digits = text.strip("*()†‡ ")[:4]
    return digits.isdecimal() and 1800 <= int(digits) <= 2100 and len(text) <= 12


# Columns


def column_edges(region: Region, rows: Sequence[Row], full: Sequence[float], body_top: float | None) -> list[Edge]:
    """The edges of columns, from left to right, the region's sides included. The body's rows tell them."""
    drawn = distinct(rule.at for rule in region.rulings.vertical)
    x0, _, x1, _ = region.box
    inner = [x for x in drawn if x0 + EDGE_POINTS < x < x1 - EDGE_POINTS]
    edges = [Edge(x0, bool(drawn) and drawn[0] <= x0 + EDGE_POINTS), *(Edge(x, True) for x in inner)]
    edges.append(Edge(x1, bool(drawn) and drawn[-1] >= x1 - EDGE_POINTS))
    body = [row for row in rows if body_top is None or row[0].middle > body_top]
    if len(body) < 2 and not inner:
        body = list(rows)
    found = [edges[0]]
    for left, right in pairwise(edges):
        strip = _strip(body, left.at, right.at) if inner else body
        if any(len(row) > 1 for row in strip) and not (left.drawn and right.drawn and _is_one_column(strip, full)):
            found += [Edge(gap.middle, False) for gap in find_gaps(strip)]
        found.append(right)
    return found


def _strip(rows: Sequence[Row], left: float, right: float) -> list[Row]:
    """The parts of rows that stand between two edges."""
    cut = ([piece for piece in row if piece.x0 > left - EDGE_POINTS and piece.x1 < right + EDGE_POINTS] for row in rows)
    return [row for row in cut if row]


def _is_one_column(strip: Sequence[Row], full: Sequence[float]) -> bool:
    """Whether rules on both sides say so, unless most rows between rules hold several texts side by side."""
    banded = len(full) > _MANY_BANDS
    bands = [bisect_right(full, row[0].middle) if banded else index for index, row in enumerate(strip)]
    several = {band for band, row in zip(bands, strip, strict=True) if len(row) > 1}
    return len(several) < 3 or 2 * len(several) < len(set(bands))


# Rows


def row_edges(
    region: Region,
    rows: Sequence[Row],
    reach: Mapping[Piece, tuple[int, int]],
    column_count: int,
    body_top: float | None,
) -> list[Edge]:
    """The edges of rows, from top to bottom, the region's own included."""
    _, y0, _, y1 = region.box
    drawn = [y for y in distinct(rule.at for rule in region.rulings.horizontal) if y0 + 3 < y < y1 - 3]
    edges = [y0, *drawn, y1]
    bands: list[list[Row]] = [[] for _ in range(len(edges) + 1)]
    for row in rows:
        bands[bisect_right(edges, row[0].middle)].append(row)
    bands = bands[1:-1]
    many = sum(map(bool, bands)) > _MANY_BANDS
    found = [Edge(y0, True)]
    for (low, high), band in zip(pairwise(edges), bands, strict=True):
        if len(band) > 1:
            head = [row for row in band if body_top is not None and row[0].middle < body_top]
            body = band[len(head) :]
            found += [Edge(y, False) for y in header_levels(head, reach)]
            if head and body:
                found.append(Edge(body_top or low, False))
            found += [Edge(y, False) for y in body_breaks(body, reach, column_count, strict=many)]
        found.append(Edge(high, True))
    return found
