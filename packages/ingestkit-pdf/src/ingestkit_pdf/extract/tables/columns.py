"""Where columns of text part: the gaps that most rows leave open. Pure.

Denmark        17      49      34
Finland        21      44      34         gaps:   |      |      |
Czech Republic 11      56      33
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ingestkit_pdf.extract.tables.pieces import Piece, Row

__all__ = ["Gap", "column_spans", "find_gaps"]

_CROSSED_ROWS_RATIO = 0.08
_LEAST_GAP_POINTS = 2.5
_SYMBOLS = frozenset("$ € £ ¥ % ( ) [ ] • ▪ ■ ● ◦ · / = ± < > ≤ ≥ ~ :".split())


class Gap(NamedTuple):
    """An open stretch between two columns."""

    left: float
    right: float

    @property
    def middle(self) -> float:
        """Where the columns part."""
        return (self.left + self.right) / 2


def find_gaps(rows: Sequence[Row]) -> list[Gap]:
    """The gaps between columns, from left to right.

    Rows with one piece say nothing about columns and are looked at only where there are no others. A gap may
    be crossed by one row in twelve.
    """
    telling = [row for row in rows if len(row) > 1]
    if len(telling) < 2:
        telling = list(rows)
    if not telling:
        return []
    gaps = _open_stretches(telling, int(len(telling) * _CROSSED_ROWS_RATIO))
    return _supported(gaps, telling)


def _open_stretches(rows: Sequence[Row], tolerated: int) -> list[Gap]:
    """Stretches covered by at most so many rows, of each the part that fewest cover and that is wide enough."""
    events: list[tuple[float, int]] = []
    for row in rows:
        for piece in row:
            events += [(piece.x0, 1), (piece.x1, -1)]
    events.sort()
    gaps: list[Gap] = []
    stretch: list[tuple[float, float, int]] = []
    covering = 0
    for (x, step), (following, _) in pairwise(events):
        covering += step
        if covering <= tolerated:
            if following > x:
                stretch.append((x, following, covering))
        elif stretch:
            gaps += _least_covered(stretch, tolerated)
            stretch = []
    first = events[0][0]
    return [gap for gap in gaps if gap.left > first]


def _least_covered(stretch: Sequence[tuple[float, float, int]], tolerated: int) -> list[Gap]:
    """The widest part of a stretch that as few rows as possible cover; none if every one is too narrow."""
    for most in range(tolerated + 1):
        widest = Gap(0.0, 0.0)
        left: float | None = None
        for start, end, covering in stretch:
            if covering > most:
                left = None
                continue
            left = start if left is None else left
            if end - left > widest.right - widest.left:
                widest = Gap(left, end)
        if widest.right - widest.left >= _LEAST_GAP_POINTS:
            return [widest]
    return []


def _supported(gaps: list[Gap], rows: Sequence[Row]) -> list[Gap]:
    """Without gaps that set apart a column of one entry or of mere signs."""
    needed = 1 if len(rows) < 4 else 2
    while gaps:
        filled = _entries(gaps, rows)
        weak = [
            index
            for index, texts in enumerate(filled)
            if len(texts) < needed or all(text in _SYMBOLS for text in texts)
        ]
        if not weak:
            break
        column = weak[0]
        sides = [index for index in (column - 1, column) if 0 <= index < len(gaps)]
        gaps.remove(min((gaps[index] for index in sides), key=lambda gap: gap.right - gap.left))
    return gaps


def _entries(gaps: Sequence[Gap], rows: Sequence[Row]) -> list[list[str]]:
    entries: list[list[str]] = [[] for _ in range(len(gaps) + 1)]
    edges = [gap.middle for gap in gaps]
    for row in rows:
        for piece in row:
            entries[bisect_left(edges, (piece.x0 + piece.x1) / 2)].append(piece.text)
    return entries


def column_spans(edges: Sequence[float], pieces: Sequence[Piece]) -> list[tuple[float, float]]:
    """How far the pieces of each column between successive edges reach; the edges where it has none.

    Only pieces that stay between two edges count.
    """
    spans: list[tuple[float, float] | None] = [None] * (len(edges) - 1)
    inner = edges[1:-1]
    for piece in pieces:
        column = bisect_left(inner, (piece.x0 + piece.x1) / 2)
        if piece.x0 < edges[column] - 1 or piece.x1 > edges[column + 1] + 1:
            continue
        span = spans[column]
        spans[column] = (piece.x0, piece.x1) if span is None else (min(span[0], piece.x0), max(span[1], piece.x1))
    return [span or (edges[index], edges[index + 1]) for index, span in enumerate(spans)]
