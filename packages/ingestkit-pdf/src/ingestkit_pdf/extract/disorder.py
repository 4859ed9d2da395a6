"""Pages drawn in no order, as forms and drawings often are: read by where their lines stand. Pure.

disorder     many lines were drawn before the ones right above them
pieces       lines of one block that follow each other as text does stay together
bands        pieces that share a height; bands that leave the same room between two columns are one
columns      are read one after the other where they are running text, or where their lines do not stand in rows
rows         are all others, from left to right
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

from ingestkit_core.boxes import around_boxes
from ingestkit_core.elements import Box

from ingestkit_pdf.extract.running import is_running_text
from ingestkit_pdf.values import Line, on_one_height

__all__ = ["by_place", "in_disorder"]

_LEAST_JUMPS = 5
_LEAST_BEFORE = 5
_BEFORE_RATIO = 0.06
_SHARED_RATIO = 0.3
_WORD = re.compile(r"[^\W\d_]{3}")
"""Lines without words are parts of formulas and the scales of charts, which are drawn in an order of their own."""
_MOST_LINES = 1500
"""Comparing each line with those above it takes longer the more there are; no page of text has so many."""

_DEEPEST, _MOST_GAPS = 40, 12
"""No page a person laid out has columns in columns so often, or so many to be told from rows; a hostile one may."""

_TRIM_RATIO = 0.2
_COLUMN_GAP_EMS = 0.6
_CELL_GAP_EMS = 1.5
_PARAGRAPH_GAP_RATIO = 0.7
_TOUCHING_RATIO = 0.1
_BASELINE_POINTS = 1.0
_BELOW_BASELINE_EMS = 0.25
_ALIGNED_RATIO = 0.5
_LEAST_ROWS = 3


def in_disorder(lines: Sequence[Line]) -> bool:
    """Whether many lines come before the one that stands right above them."""
    jumps = sum(below.box[3] <= above.box[1] + 1 for above, below in pairwise(lines))
    if jumps < _LEAST_JUMPS or len(lines) > _MOST_LINES:
        return False
    if 2 * sum(line.upright for line in lines) < len(lines):
        return False
    before, total = _before_those_above([line.box for line in lines if line.upright and _WORD.search(line.text)])
    return before >= _LEAST_BEFORE and before > _BEFORE_RATIO * total


def _before_those_above(boxes: Sequence[Box]) -> tuple[int, int]:
    """How many boxes come before the nearest one above them, and how many have one above them."""
    by_height = sorted(range(len(boxes)), key=lambda index: boxes[index][1] + boxes[index][3])
    before = total = 0
    for position, index in enumerate(by_height):
        x0, y0, x1, y1 = boxes[index]
        middle, width = (y0 + y1) / 2, x1 - x0
        # Written out: every line is compared with several.
        for place in range(position - 1, -1, -1):
            other = by_height[place]
            left, _, right, bottom = boxes[other]
            if bottom > middle:
                continue
            shared = (right if right < x1 else x1) - (left if left > x0 else x0)
            if shared > _SHARED_RATIO * (width if width < right - left else right - left):
                total += 1
                before += other > index
                break
    return before, total


def by_place(lines: Sequence[Line]) -> list[Line]:
    """The lines by where they stand, in blocks of their own; those that run up or down come last."""
    upright = [line for line in lines if line.upright]
    ordered = [line for piece in _ordered(_pieces(upright)) for line in piece.lines]
    return _in_blocks([*ordered, *(line for line in lines if not line.upright)])


# Pieces


@dataclass(frozen=True, slots=True)
class _Piece:
    """Lines that stay together."""

    lines: list[Line]
    box: Box

    @property
    def top(self) -> float:
        """The upper edge; set closely, lines reach into each other."""
        box = self.lines[0].box
        return self.box[1] + _TRIM_RATIO * (box[3] - box[1])

    @property
    def bottom(self) -> float:
        """The lower edge, likewise."""
        box = self.lines[-1].box
        return self.box[3] - _TRIM_RATIO * (box[3] - box[1])

    @property
    def size(self) -> float:
        """Of the letters of its first line."""
        return self.lines[0].size


def _pieces(lines: Sequence[Line]) -> list[_Piece]:
    runs: list[list[Line]] = []
    for line in lines:
        if runs and _stays_with(runs[-1][-1], line):
            runs[-1].append(line)
        else:
            runs.append([line])
    return [_Piece(run, reduce(around_boxes, (line.box for line in run))) for run in runs]


def _stays_with(last: Line, line: Line) -> bool:
    """Whether a line goes on with the text of the one before it; numbers in a column belong to their rows."""
    if _begins_block(last, line, is_cell=False):
        return False
    if last.block != line.block and line.box[1] - last.box[3] > _TOUCHING_RATIO * (line.box[3] - line.box[1]):
        return False
    return on_one_height(last, line) or all(_WORD.search(each.text) for each in (last, line))


# Order


_Gap = tuple[float, float]


def _ordered(pieces: Sequence[_Piece], depth: int = 0) -> Iterator[_Piece]:
    """The pieces, parted again and again; ``depth`` is how often they were."""
    for group in _grouped(_bands(pieces)):
        columns = _columns(group) if depth < _DEEPEST else None
        if columns is not None:
            for column in columns:
                yield from _ordered(column, depth + 1)
            continue
        for band in group:
            yield from _across(band, depth)


def _across(band: Sequence[_Piece], depth: int) -> Iterator[_Piece]:
    """A band from left to right, and what stands above each other in it from top to bottom."""
    gaps = _gaps(band, 0.0)
    if not gaps or depth >= _DEEPEST:
        yield from sorted(band, key=lambda piece: (round(piece.box[1]), piece.box[0]))
        return
    for part in _parted(band, [right for _, right in gaps]):
        yield from _ordered(part, depth + 1)


def _bands(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """Pieces that share heights, from top to bottom."""
    bands: list[list[_Piece]] = []
    bottom = float("-inf")
    for piece in sorted(pieces, key=lambda piece: piece.top):
        if piece.top >= bottom:
            bands.append([piece])
            bottom = piece.bottom
        else:
            bands[-1].append(piece)
            bottom = max(bottom, piece.bottom)
    return bands


def _grouped(bands: Sequence[list[_Piece]]) -> Iterator[list[list[_Piece]]]:
    """Consecutive bands with one room between columns that nothing in them reaches into."""
    group: list[list[_Piece]] = []
    gaps: list[_Gap] = []
    for band in bands:
        left = [room for gap in gaps if (room := _left_of(gap, band)) is not None]
        if group and not left:
            yield group
            group = []
        gaps = left or _gaps(band, _COLUMN_GAP_EMS)
        group.append(band)
    if group:
        yield group


def _left_of(gap: _Gap, band: Sequence[_Piece]) -> _Gap | None:
    """What a band leaves of a gap, None where it is no gap any more."""
    low, high = gap
    for piece in band:
        x0, _, x1, _ = piece.box
        middle = (low + high) / 2
        if x0 < middle < x1:
            return None
        low, high = (max(low, x1), high) if x1 <= middle else (low, min(high, x0))
    return (low, high) if high - low > _COLUMN_GAP_EMS * band[0].size else None


def _gaps(pieces: Sequence[_Piece], least_ems: float) -> list[_Gap]:
    """The room between pieces that none of them reaches into, from left to right."""
    gaps: list[_Gap] = []
    by_left = sorted(pieces, key=lambda piece: piece.box[0])
    right = by_left[0].box[2]
    for piece in by_left[1:]:
        if piece.box[0] - right > least_ems * piece.size:
            gaps.append((right, piece.box[0]))
        right = max(right, piece.box[2])
    return gaps


def _parted(pieces: Sequence[_Piece], edges: Sequence[float]) -> list[list[_Piece]]:
    """The pieces between edges, from left to right."""
    parts: list[list[_Piece]] = [[] for _ in range(len(edges) + 1)]
    for piece in pieces:
        parts[sum(piece.box[0] >= edge for edge in edges)].append(piece)
    return parts


def _columns(bands: Sequence[list[_Piece]]) -> list[list[_Piece]] | None:
    """Two columns to be read one after the other; None for rows."""
    pieces = [piece for band in bands for piece in band]
    for low, high in sorted(_gaps(pieces, _COLUMN_GAP_EMS), key=lambda gap: gap[0] - gap[1])[:_MOST_GAPS]:
        sides = _parted(pieces, [(low + high) / 2])
        if not _in_rows(*sides) or all(map(_is_text, sides)):
            return sides
    return None


def _in_rows(left: Sequence[_Piece], right: Sequence[_Piece]) -> bool:
    """Whether most lines on the side with fewer of them stand on one height with others, as cells do."""
    few, many = sorted((_baselines(left), _baselines(right)), key=len)
    beside = sum(_has_near(many, height) for height in few)
    return beside > _ALIGNED_RATIO * len(few)


def _has_near(heights: Sequence[float], height: float) -> bool:
    """Whether one of ascending heights is near another."""
    following = bisect_right(heights, height - _BASELINE_POINTS)
    return following < len(heights) and heights[following] < height + _BASELINE_POINTS


def _baselines(pieces: Sequence[_Piece]) -> list[float]:
    """The heights that lines stand on."""
    heights = sorted(line.box[3] - _BELOW_BASELINE_EMS * line.size for piece in pieces for line in piece.lines)
    return [height for last, height in pairwise([float("-inf"), *heights]) if height - last >= _BASELINE_POINTS]


def _is_text(pieces: Sequence[_Piece]) -> bool:
    return is_running_text([line for piece in pieces for line in piece.lines], _LEAST_ROWS)


# Blocks


def _in_blocks(lines: Sequence[Line]) -> list[Line]:
    """The lines with blocks of their own: the file's held what does not belong together."""
    cells = _cells(lines)
    block = 0
    numbered: list[Line] = []
    for index, line in enumerate(lines):
        if index and _begins_block(lines[index - 1], line, is_cell=index in cells or index - 1 in cells):
            block += 1
        numbered.append(line._replace(block=block))
    return numbered


def _cells(lines: Sequence[Line]) -> set[int]:
    """The indexes of lines with others beside them, further away than words are."""
    found: set[int] = set()
    for index, (line, following) in enumerate(pairwise(lines)):
        if on_one_height(line, following) and _is_far(line, following):
            found.update((index, index + 1))
    return found


def _begins_block(last: Line, line: Line, *, is_cell: bool) -> bool:
    """Whether a line does not go on with the text of the one before it."""
    if on_one_height(last, line):
        return _is_far(last, line)
    if is_cell or last.upright != line.upright or last.bold != line.bold or last.size != line.size:
        return True
    height = min(last.box[3] - last.box[1], line.box[3] - line.box[1])
    gap = line.box[1] - last.box[3]
    return not -height < gap <= _PARAGRAPH_GAP_RATIO * height or line.box[0] > last.box[2] or line.box[2] < last.box[0]


def _is_far(last: Line, line: Line) -> bool:
    return not -1 < line.box[0] - last.box[2] < _CELL_GAP_EMS * line.size
