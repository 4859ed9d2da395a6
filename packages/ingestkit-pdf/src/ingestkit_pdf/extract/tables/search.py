"""The search for tables on a page: the surest evidence first, each line for one table only. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from ingestkit_core.elements import Box

from ingestkit_pdf.extract.tables.borderless import aligned_regions, prose_lines
from ingestkit_pdf.extract.tables.cells import build_table
from ingestkit_pdf.extract.tables.grid import Grid, lay_out
from ingestkit_pdf.extract.tables.headers import header_row_count
from ingestkit_pdf.extract.tables.pieces import Piece, pieces_of
from ingestkit_pdf.extract.tables.regions import closed_regions, inside_of, stacked_regions
from ingestkit_pdf.extract.tables.rulings import Rulings, find_rulings, without_underlines
from ingestkit_pdf.extract.tables.turning import turned
from ingestkit_pdf.extract.tables.values import Found, Surface, Table
from ingestkit_pdf.extract.tables.verdict import confidence, is_chart, is_form
from ingestkit_pdf.values import Drawings, Line

__all__ = ["find_tables", "may_hold_tables"]

_LEGEND_POINTS = 15.0
_SHORT_CHARACTERS = 30
_LEAST_ROWS = 2


def may_hold_tables(lines: Sequence[Line]) -> bool:
    """Whether drawings are worth asking for: a table has texts side by side, and not only columns of prose.

    Costs a twentieth of the search.
    """
    rows = 0
    above = math.inf
    last: Line | None = None
    counted = False
    for middle, index in _by_middle(lines):
        line = lines[index]
        if last is not None and middle - above < _height(line) and _beside(line, last):
            if not counted and min(line.characters, last.characters) <= _SHORT_CHARACTERS:
                rows += 1
                if rows >= _LEAST_ROWS:
                    return True
                counted = True
        else:
            counted = False
        above, last = middle, line
    return False


def _by_middle(lines: Sequence[Line]) -> list[tuple[float, int]]:
    """Twice the middle of each line across its direction of reading, and its index; in this order."""
    return sorted(
        [
            (line.box[1] + line.box[3] if line.upright else line.box[0] + line.box[2], index)
            for index, line in enumerate(lines)
        ]
    )


def _height(line: Line) -> float:
    return line.box[3] - line.box[1] if line.upright else line.box[2] - line.box[0]


def _beside(line: Line, other: Line) -> bool:
    """Whether neither covers the other along the direction of reading."""
    low, high = (0, 2) if line.upright else (1, 3)
    return line.upright == other.upright and (
        line.box[low] >= other.box[high] - 1 or other.box[low] >= line.box[high] - 1
    )


def find_tables(page: Surface, drawings: Drawings | None) -> list[Table]:
    """The tables of a page, from top to bottom. Without drawings only alignment speaks.

    A table's ``lines`` are indices in the page's lines; no line belongs to two tables.
    """
    if not may_hold_tables(page.lines):
        return []
    turn = turned(page)
    if turn is None:
        return _find(page, drawings or Drawings())
    return [turn.back(table) for table in _find(turn, turn.drawings(drawings or Drawings()))]


def _find(page: Surface, drawings: Drawings) -> list[Table]:
    pieces = pieces_of(page.lines)
    rulings = find_rulings(drawings, page.width, page.height)
    rulings = without_underlines(rulings, (piece[:4] for piece in pieces))
    tables, closed = _ruled(rulings, pieces)
    free = _free(pieces, tables, closed)
    tables += _from([(lay_out(region), "partly_ruled") for region in stacked_regions(rulings, free)])
    free = _free(free, tables, ())
    prose = prose_lines(page.lines) if len(free) > 1 else ()
    free = [piece for piece in free if piece.line not in prose]
    tables += _from([(lay_out(region), "borderless") for region in aligned_regions(free, rulings)])
    tables.sort(key=lambda table: (table.box[1], table.box[0]))
    return [_placed(table, page.lines) for table in tables]


def _ruled(rulings: Rulings, pieces: Sequence[Piece]) -> tuple[list[Table], list[Box]]:
    """The tables with rules around their cells, and the boxes of charts and forms, which hold none."""
    grids: list[tuple[Grid, Found]] = []
    charts: list[Box] = []
    closed: list[Box] = []
    for region in closed_regions(rulings, pieces):
        if any(_overlap(region.box, chart) for chart in charts):
            continue
        grid = lay_out(region)
        if is_chart(grid):
            charts.append(_widened(region.box))
        elif is_form(grid):
            closed.append(region.box)
        else:
            grids.append((grid, "ruled"))
    return _from(grids), charts + closed


def _from(grids: Sequence[tuple[Grid, Found]]) -> list[Table]:
    """The grids that are tables; of two that share a line the first."""
    tables: list[Table] = []
    taken: set[int] = set()
    for grid, found in grids:
        sure = confidence(grid, found)
        if not sure:
            continue
        table = build_table(grid, header_row_count(grid), sure, found)
        if taken.isdisjoint(table.lines):
            tables.append(table)
            taken.update(table.lines)
    return tables


def _free(pieces: Sequence[Piece], tables: Sequence[Table], closed: Sequence[Box]) -> list[Piece]:
    """The pieces outside tables and of what else has been understood."""
    if not tables and not closed:
        return list(pieces)
    taken = {line for table in tables for line in table.lines}
    taken.update(piece.line for box in closed for piece in inside_of(box, pieces))
    return [piece for piece in pieces if piece.line not in taken]


def _overlap(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def _widened(box: Box) -> Box:
    """With the room that the labels of axes take."""
    return box[0] - _LEGEND_POINTS, box[1] - _LEGEND_POINTS, box[2] + _LEGEND_POINTS, box[3] + _LEGEND_POINTS


def _placed(table: Table, lines: Collection[Line]) -> Table:
    top, bottom = table.box[1], table.box[3]
    return replace(
        table,
        lines_above=sum(line.box[3] <= top + 1 for line in lines),
        lines_below=sum(line.box[1] >= bottom - 1 for line in lines),
    )
