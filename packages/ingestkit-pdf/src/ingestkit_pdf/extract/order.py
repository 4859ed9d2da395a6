"""The order in which a page's lines are read. Pure.

The order in the file is right far more often than any guess, so it stays unless the page proves otherwise:

    interleaved    lines go back and forth over a gutter between two columns of running text: each column is
                   read from top to bottom, lines over both columns where they stand
    disorder       many lines come before those right above them: all are read by where they stand
    displaced      titles and headings that were drawn after what they stand over
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from ingestkit_pdf.extract.disorder import by_place, in_disorder
from ingestkit_pdf.extract.displaced import without_displaced
from ingestkit_pdf.extract.running import is_running_text, rows_of
from ingestkit_pdf.values import Line

__all__ = ["in_reading_order"]

_LEAST_CROSSINGS = 5
_CROSSING_CHARACTERS = 10
_LEAST_ROWS = 5
_CROSSING_LINES_RATIO = 0.3
_SAME_EDGE_EMS = 1.0
_PARAGRAPH_GAP_RATIO = 0.7
_INDENT_EMS = 0.8
_MOST_INDENT_EMS = 5.0
_TOUCH_POINTS = 1.0


def in_reading_order(lines: Sequence[Line]) -> Sequence[Line]:
    """The lines in the order they are read; the very same sequence where the file's order stands."""
    gutter = _gutter(lines)
    if gutter is not None:
        return _by_columns(lines, gutter)
    if all(below.box[1] >= above.box[1] - _TOUCH_POINTS for above, below in pairwise(lines)):
        return lines
    return by_place(lines) if in_disorder(lines) else without_displaced(lines)


# Columns


@dataclass(frozen=True, slots=True)
class _Gutter:
    """The room between two columns, from ``left`` to ``right``."""

    left: float
    right: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    def is_crossed_by(self, line: Line) -> bool:
        return line.box[0] < self.left and line.box[2] > self.right


def _gutter(lines: Sequence[Line]) -> _Gutter | None:
    """The gutter that lines go back and forth over, where it lies between two columns of running text."""
    pairs = [
        (a, b) if a.box[0] < b.box[0] else (b, a)
        for a, b in pairwise(lines)
        if a.characters >= _CROSSING_CHARACTERS and b.characters >= _CROSSING_CHARACTERS and _beside(a, b)
    ]
    if len(pairs) < _LEAST_CROSSINGS:
        return None
    edge = median(right.box[0] for _, right in pairs)
    em = median(right.size or right.box[3] - right.box[1] for _, right in pairs)
    kept = [left for left, right in pairs if abs(right.box[0] - edge) <= _SAME_EDGE_EMS * em]
    if len(kept) < _LEAST_CROSSINGS or 2 * len(kept) < len(pairs):
        return None
    gutter = _Gutter(max(left.box[2] for left in kept if left.box[2] < edge), edge)
    return gutter if _parts_running_text(lines, gutter) else None


def _beside(a: Line, b: Line) -> bool:
    """Whether two upright lines stand side by side on one height."""
    if not (a.upright and b.upright) or (a.box[0] < b.box[2] and b.box[0] < a.box[2]):
        return False
    shared = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    return 2 * shared > min(a.box[3] - a.box[1], b.box[3] - b.box[1])


def _parts_running_text(lines: Sequence[Line], gutter: _Gutter) -> bool:
    """Whether what stands on either side fills its column line after line, as text does and cells do not."""
    crossing = sum(gutter.is_crossed_by(line) for line in lines)
    if crossing > _CROSSING_LINES_RATIO * len(lines):
        return False
    sides = (
        [line for line in lines if line.upright and line.box[2] <= gutter.middle],
        [line for line in lines if line.upright and line.box[0] >= gutter.middle],
    )
    return all(is_running_text(side, _LEAST_ROWS) for side in sides)


def _by_columns(lines: Sequence[Line], gutter: _Gutter) -> list[Line]:
    """Each column from top to bottom, between the lines that run over both."""
    crossing = sorted(line.box[1] + line.box[3] for line in lines if gutter.is_crossed_by(line))

    def place(line: Line) -> tuple[int, int]:
        middle = line.box[1] + line.box[3]
        band = sum(2 * (middle >= height) for height in crossing)
        if gutter.is_crossed_by(line):
            return band - 1, 0
        return band, int(line.box[0] + line.box[2] >= 2 * gutter.middle)

    ordered: list[Line] = []
    for _, group in groupby(sorted(lines, key=place), key=place):
        ordered += [line for row in rows_of(list(group)) for line in row]
    return _in_paragraphs(ordered)


def _in_paragraphs(lines: Sequence[Line]) -> list[Line]:
    """The lines with blocks of their own: the file's blocks held both columns."""
    block = 0
    numbered: list[Line] = []
    for line in lines:
        if numbered and _begins_paragraph(numbered[-1], line):
            block += 1
        numbered.append(line._replace(block=block))
    return numbered


def _begins_paragraph(last: Line, line: Line) -> bool:
    height = min(last.box[3] - last.box[1], line.box[3] - line.box[1])
    gap = line.box[1] - last.box[3]
    if gap > _PARAGRAPH_GAP_RATIO * height or gap < -3 * height:
        return True
    em = line.size or height
    return not _beside(last, line) and _INDENT_EMS * em < line.box[0] - last.box[0] < _MOST_INDENT_EMS * em
