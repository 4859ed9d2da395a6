"""Tables that show by alignment alone: rows of short texts that keep to the same columns. Pure.

rows ─► prose left out ─► runs of rows that keep to their columns ─► with their header ─► Region
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from ingestkit_pdf.extract.captions import is_caption
from ingestkit_pdf.extract.tables.pieces import Piece, Row, around, rows_of
from ingestkit_pdf.extract.tables.regions import Region, whole_lines
from ingestkit_pdf.extract.tables.rulings import Rulings
from ingestkit_pdf.values import Line

__all__ = ["aligned_regions", "prose_lines"]

_PROSE_LINES = 3
_PROSE_CHARACTERS = 28
_EVEN_RATIO = 0.8
_MOST_ROOM_RATIO = 1.7
_HEAD_ROOM_RATIO = 1.3
_LEAST_ROWS = 3
_MOST_HEAD_ROWS = 5
_APART_POINTS = 2.0


def prose_lines(lines: Sequence[Line]) -> frozenset[int]:
    """The indices of lines that are running text: blocks of lines that are long and, but for the last, of one width."""
    prose: set[int] = set()
    for _, group in groupby(range(len(lines)), key=lambda index: lines[index].block):
        block = list(group)
        if len(block) >= _PROSE_LINES and _is_prose([lines[index] for index in block]):
            prose.update(block)
    return frozenset(prose)


def _is_prose(block: Sequence[Line]) -> bool:
    if sum(len(line.text) for line in block) < _PROSE_CHARACTERS * len(block):
        return False
    widths = [line.box[2] - line.box[0] for line in block]
    widest = max(widths)
    even = sum(width >= _EVEN_RATIO * widest for width in widths[:-1])
    return even >= 0.7 * (len(block) - 1) and all(below.box[1] > above.box[1] + 1 for above, below in pairwise(block))


@dataclass(slots=True)
class _Run:
    """Rows that keep to the same columns so far."""

    rows: list[Row] = field(default_factory=list)
    columns: list[tuple[float, float]] = field(default_factory=list)
    pending: list[Row] = field(default_factory=list)

    @property
    def bottom(self) -> float:
        last = (self.pending or self.rows)[-1]
        return max(piece.y1 for piece in last)

    def keeps(self, row: Row) -> bool:
        """Whether no piece of a row runs over from one column into another."""
        return all(len(_touched(self.columns, piece)) < 2 for piece in row)

    def take(self, row: Row) -> None:
        """Add a row and let its pieces widen the columns."""
        self.rows += [*self.pending, row]
        self.pending = []
        for piece in row:
            touched = _touched(self.columns, piece)
            if len(touched) == 1:
                left, right = self.columns[touched[0]]
                self.columns[touched[0]] = (min(left, piece.x0), max(right, piece.x1))
                continue
            merged = (
                min([piece.x0, *(self.columns[i][0] for i in touched)]),
                max([piece.x1, *(self.columns[i][1] for i in touched)]),
            )
            self.columns = sorted([*(c for i, c in enumerate(self.columns) if i not in touched), merged])


def _touched(columns: Sequence[tuple[float, float]], piece: Piece) -> list[int]:
    x0, x1 = piece.x0, piece.x1
    return [i for i, (left, right) in enumerate(columns) if x0 < right and x1 > left]


def aligned_regions(pieces: Sequence[Piece], rulings: Rulings) -> list[Region]:
    """Regions of at least three rows that keep to two columns or more, with the header above them."""
    rows = rows_of(pieces)
    regions: list[Region] = []
    begin = 0
    for first, whole in _runs(rows):
        run = _without_prose_beside(whole)
        if sum(len(row) > 1 for row in run.rows) < _LEAST_ROWS:
            continue
        head = _head(rows, first, begin, run)
        inside = whole_lines([piece for row in (*head, *run.rows) for piece in row], pieces)
        begin = first + len(whole.rows)
        box = around(inside)
        regions.append(Region(box, rulings.within(box, 1.0), inside, closed=False))
    return regions


def _runs(rows: Sequence[Row]) -> list[tuple[int, _Run]]:
    """Runs of rows, each with the index of its first row. A caption between rows is the next table's."""
    runs: list[tuple[int, _Run]] = []
    run = _Run()
    for index, row in enumerate(rows):
        if run.rows:
            height = min(piece.y1 - piece.y0 for piece in row)
            near = min(piece.y0 for piece in row) - run.bottom <= _MOST_ROOM_RATIO * height
            if near and len(row) > 1 and run.keeps(row):
                run.take(row)
                continue
            if near and len(row) == 1 and len(run.pending) < 2 and not is_caption(row[0].text, len(row[0].text)):
                run.pending.append(row)
                continue
            run = _Run()
        if len(row) > 1:
            run.take(row)
            runs.append((index, run))
    return runs


def _without_prose_beside(run: _Run) -> _Run:
    """A run without running text that stands beside it: another column of the page."""
    if len(run.columns) < 2:
        return run
    for side in (0, -1):
        left, right = run.columns[side]
        pieces = [piece for row in run.rows for piece in row if piece.x0 < right and piece.x1 > left]
        widest = max(piece.x1 - piece.x0 for piece in pieces)
        even = sum(piece.x1 - piece.x0 >= _EVEN_RATIO * widest for piece in pieces)
        long = sum(len(piece.text) for piece in pieces) >= _PROSE_CHARACTERS * len(pieces)
        if len(pieces) >= _PROSE_LINES and long and even >= 0.7 * len(pieces):
            narrowed = _Run()
            for row in run.rows:
                if kept := [piece for piece in row if not (piece.x0 < right and piece.x1 > left)]:
                    narrowed.take(kept)
            return _without_prose_beside(narrowed)
    return run


def _head(rows: Sequence[Row], first: int, begin: int, run: _Run) -> list[Row]:
    """The rows right above a run that head its columns."""
    left, right = run.columns[0][0], run.columns[-1][1]
    slack = 0.05 * (right - left)
    head: list[Row] = []
    top = min(piece.y0 for piece in rows[first])
    for index in range(first - 1, max(begin, first - _MOST_HEAD_ROWS) - 1, -1):
        row = rows[index]
        height = min(piece.y1 - piece.y0 for piece in row)
        if top - max(piece.y1 for piece in row) > _HEAD_ROOM_RATIO * height:
            break
        if row[0].x0 < left - slack or row[-1].x1 > right + slack:
            break
        if len(row) == 1 and row[0].x0 < run.columns[0][1] and row[0].x1 - row[0].x0 > 0.5 * (right - left):
            break
        head.insert(0, row)
        top = min(piece.y0 for piece in row)
    while head and len(head[0]) == 1 and head[0][0].x0 < run.columns[0][1]:
        head.pop(0)
    return head
