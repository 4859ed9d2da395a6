"""Which places of a grid are one cell. Pure.

Across a drawn edge two places part where the rule is, across a seen one unless a text runs over it. In a header a
rule under a text says how far it spans:

          Total              one cell over three columns
       ───────────
       A    B    C
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from ingestkit_pdf.extract.tables.edges import EDGE_POINTS, Edge
from ingestkit_pdf.extract.tables.pieces import Piece, rows_of
from ingestkit_pdf.extract.tables.regions import Region
from ingestkit_pdf.extract.tables.rulings import Rule, covered

__all__ = ["Block", "Frame", "by_row", "merged"]

_PARTED_RATIO = 0.6
_UNDERLINED_RATIO = 0.5


class Block(NamedTuple):
    """A rectangle of places."""

    row: int
    column: int
    row_span: int
    column_span: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A region with its edges. ``reach`` says which columns each piece stands in, ``by_row`` which pieces each row
    has; ``body_top`` is where the header ends, if that shows.
    """

    region: Region
    columns: Sequence[Edge]
    rows: Sequence[Edge]
    reach: Mapping[Piece, tuple[int, int]]
    by_row: Sequence[Sequence[Piece]]
    body_top: float | None

    def in_header(self, y: float) -> bool:
        """Whether a height is above the header's end."""
        return self.body_top is not None and y < self.body_top - 1


def merged(frame: Frame) -> list[Block]:
    """The blocks of places that nothing parts, row by row. Each place is in exactly one."""
    beside, below = _parted_beside(frame), _parted_below(frame)
    row_count, column_count = len(frame.rows) - 1, len(frame.columns) - 1
    taken = [[False] * column_count for _ in range(row_count)]
    blocks: list[Block] = []
    for row in range(row_count):
        for column in range(column_count):
            if taken[row][column]:
                continue
            right, bottom = column, row
            while right + 1 < column_count and not beside[row][right] and not taken[row][right + 1]:
                right += 1
            while bottom + 1 < row_count and _goes_down(beside, below, taken, bottom, column, right):
                bottom += 1
            for taken_row in taken[row : bottom + 1]:
                taken_row[column : right + 1] = [True] * (right + 1 - column)
            blocks.append(Block(row, column, bottom + 1 - row, right + 1 - column))
    return blocks


def _goes_down(
    beside: Sequence[Sequence[bool]],
    below: Sequence[Sequence[bool]],
    taken: Sequence[Sequence[bool]],
    row: int,
    left: int,
    right: int,
) -> bool:
    """Whether the places from one column to another go on in the next row as one."""
    return not (
        True in below[row][left : right + 1]
        or True in beside[row + 1][left:right]
        or True in taken[row + 1][left : right + 1]
    )


# Side by side


def _parted_beside(frame: Frame) -> list[list[bool]]:
    """For each row: whether a column parts from the next."""
    verticals = {
        index: _at(frame.region.rulings.vertical, edge.at)
        for index, edge in enumerate(frame.columns[1:-1])
        if edge.drawn
    }
    parted: list[list[bool]] = []
    for row, (top, bottom) in enumerate(pairwise(frame.rows)):
        ruled = {index for index, rules in verticals.items() if covered(rules, top.at, bottom.at) >= _PARTED_RATIO}
        joined = _headed(frame, row, ruled) | _crossed(frame, row)
        if ruled or (frame.region.closed and top.drawn and bottom.drawn):
            joined |= _alone(frame, row, ruled, verticals.keys() - ruled)
        parted.append([index in ruled or index not in joined for index in range(len(frame.columns) - 2)])
    return parted


def _crossed(frame: Frame, row: int) -> set[int]:
    """Columns from which a text runs on into the next, by index."""
    spans = (frame.reach[piece] for piece in frame.by_row[row])
    return {column for first, last in spans for column in range(first, last)}


def _alone(frame: Frame, row: int, ruled: set[int], unruled: set[int]) -> set[int]:
    """Of the columns without their rule those where one text has the room between two rules to itself."""
    columns = {frame.reach[piece] for piece in frame.by_row[row]}
    alone: set[int] = set()
    left = 0
    for index in [*sorted(ruled), len(frame.columns) - 2]:
        if len({first for first, last in columns if left <= first and last <= index}) <= 1:
            alone.update(i for i in range(left, index) if i in unruled)
        left = index + 1
    return alone


def _headed(frame: Frame, row: int, ruled: Iterable[int]) -> set[int]:
    """Columns that one text with a rule under it heads together with the next, by index.

    A rule under several heads is one for each where a rule between columns (``ruled``) parts them.
    """
    bottom = frame.rows[row + 1]
    if not bottom.drawn or not frame.in_header(bottom.at):
        return set()
    together: set[int] = set()
    crossing = sorted(frame.columns[index + 1].at for index in ruled)
    for rule in _cut(_at(frame.region.rulings.horizontal, bottom.at), crossing):
        first, last = _columns_over(rule, frame.columns)
        over = [piece for piece in frame.by_row[row] if rule.start - 2 <= (piece.x0 + piece.x1) / 2 <= rule.end + 2]
        whole = first == 0 and last == len(frame.columns) - 2
        if first < last and over and not whole and all(len(line) == 1 for line in rows_of(over)):
            together.update(range(first, last))
    return together


def _cut(rules: Iterable[Rule], places: Sequence[float]) -> Iterator[Rule]:
    """The parts of rules between places that lie within them; ``places`` ascend."""
    for rule in rules:
        inner = places[bisect_right(places, rule.start + EDGE_POINTS) : bisect_left(places, rule.end - EDGE_POINTS)]
        for start, end in pairwise([rule.start, *inner, rule.end]):
            yield Rule(rule.at, start, end)


def _at(rules: Sequence[Rule], place: float) -> Sequence[Rule]:
    """The rules that lie on an edge."""
    return rules[bisect_left(rules, (place - EDGE_POINTS,)) : bisect_right(rules, (place + EDGE_POINTS, math.inf))]


def _columns_over(rule: Rule, columns: Sequence[Edge]) -> tuple[int, int]:
    over = [
        index
        for index, (left, right) in enumerate(pairwise(columns))
        if min(rule.end, right.at) - max(rule.start, left.at) > _UNDERLINED_RATIO * (right.at - left.at)
    ]
    return (over[0], over[-1]) if over else (0, 0)


# One above the other


def _parted_below(frame: Frame) -> list[list[bool]]:
    """For each row but the last: whether a column's place parts from the one below."""
    count = len(frame.columns) - 1
    parted: list[list[bool]] = []
    for row, edge in enumerate(frame.rows[1:-1]):
        in_header = frame.in_header(edge.at)
        if edge.drawn and (frame.region.closed or in_header):
            parted.append(_underlined(frame, edge.at))
        elif in_header:
            parted.append(_under_spans(frame, row))
        else:
            parted.append([True] * count)
    return parted


def _underlined(frame: Frame, y: float) -> list[bool]:
    rules = _at(frame.region.rulings.horizontal, y)
    if not rules:
        return [False] * (len(frame.columns) - 1)
    return [covered(rules, left.at, right.at) >= _UNDERLINED_RATIO for left, right in pairwise(frame.columns)]


def _under_spans(frame: Frame, row: int) -> list[bool]:
    """Between levels of a header a place parts from the one below only under a text that spans columns."""
    parted = [False] * (len(frame.columns) - 1)
    for piece in frame.by_row[row]:
        first, last = frame.reach[piece]
        if first < last:
            parted[first : last + 1] = [True] * (last + 1 - first)
    return parted


def by_row(pieces: Sequence[Piece], rows: Sequence[Edge]) -> list[list[Piece]]:
    """The pieces of each row between successive edges."""
    ys = [edge.at for edge in rows[1:-1]]
    sorted_out: list[list[Piece]] = [[] for _ in range(len(rows) - 1)]
    for piece in pieces:
        sorted_out[bisect_right(ys, piece.middle)].append(piece)
    return sorted_out
