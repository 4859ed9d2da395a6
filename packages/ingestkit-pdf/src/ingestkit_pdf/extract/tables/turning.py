"""Pages whose text runs up or down: turned so that it reads from left to right, and what is found turned back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ingestkit_core.elements import Box

from ingestkit_pdf.extract.tables.values import Surface, Table
from ingestkit_pdf.values import Drawings, Line

__all__ = ["Turned", "turned"]

_MOSTLY = 0.6


@dataclass(frozen=True, slots=True)
class Turned:
    """A page turned upright; ``width`` and ``height`` are the turned ones, in points.

    ``upward`` says that its text ran from the bottom to the top.
    """

    width: float
    height: float
    lines: Sequence[Line]
    upward: bool

    def drawings(self, drawings: Drawings) -> Drawings:
        """The page's drawings, turned with it."""
        return Drawings(
            tuple(self._turn(box) for box in drawings.strokes),
            tuple((self._turn(box), color) for box, color in drawings.fills),
        )

    def _turn(self, box: Box) -> Box:
        return _turned_box(box, self.width if self.upward else self.height, self.upward)

    def back(self, table: Table) -> Table:
        """A table of the turned page with its places on the page as displayed."""
        rows = tuple(tuple(replace(cell, box=self._back(cell.box)) for cell in row) for row in table.rows)
        return replace(table, box=self._back(table.box), rows=rows)

    def _back(self, box: Box) -> Box:
        x0, y0, x1, y1 = box
        if self.upward:
            return y0, self.width - x1, y1, self.width - x0
        return self.height - y1, x0, self.height - y0, x1


def turned(page: Surface) -> Turned | None:
    """A page turned upright; None where most of its text already is."""
    sideways = [line for line in page.lines if not line.upright and _is_tall(line)]
    if not sideways:
        return None
    characters = sum(line.characters for line in sideways)
    if characters < _MOSTLY * sum(line.characters for line in page.lines):
        return None
    upward = _runs_upward(sideways)
    length = page.height if upward else page.width
    lines = [
        line._replace(box=_turned_box(line.box, length, upward), upright=not line.upright and _is_tall(line))
        for line in page.lines
    ]
    return Turned(page.height, page.width, lines, upward)


def _is_tall(line: Line) -> bool:
    x0, y0, x1, y1 = line.box
    return y1 - y0 > x1 - x0 or line.characters < 3


def _runs_upward(lines: Sequence[Line]) -> bool:
    """Lines that read upwards follow each other from left to right, as lines of one block tell."""
    votes = 0
    for line, following in pairwise(lines):
        if line.block == following.block and abs(line.box[0] - following.box[0]) > 1:
            votes += 1 if following.box[0] > line.box[0] else -1
    return votes >= 0


def _turned_box(box: Box, length: float, upward: bool) -> Box:
    """``length`` is the page's height where text runs upward, else its width."""
    x0, y0, x1, y1 = box
    if upward:
        return length - y1, x0, length - y0, x1
    return y0, length - x1, y1, length - x0
