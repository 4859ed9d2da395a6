"""Where on a page rules say that tables may be. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingestkit_core.elements import Box

from ingestkit_pdf.extract.tables.pieces import Piece, Row, around, rows_of
from ingestkit_pdf.extract.tables.rulings import Rule, Rulings, connected

__all__ = ["Region", "closed_regions", "inside_of", "stacked_regions", "whole_lines"]


@dataclass(frozen=True, slots=True)
class Region:
    """Where a table may be: its box, the rules and the pieces in it. ``closed`` when rules frame its cells."""

    box: Box
    rulings: Rulings
    pieces: tuple[Piece, ...]
    closed: bool


def closed_regions(rulings: Rulings, pieces: Sequence[Piece]) -> list[Region]:
    """Regions whose rules cross and part columns, with text inside, the largest first.

    A frame around texts is no such region: it may be drawn around anything.
    """
    regions: list[Region] = []
    for group in connected(rulings):
        box = group.box
        if not _parts_columns(group, box):
            continue
        inside = whole_lines(inside_of(box, pieces), pieces)
        if len(inside) > 2 and _places(group) <= _MAX_PLACES_PER_TEXT * len(inside):
            regions.append(Region(box, group, inside, closed=True))
    return regions


_FRAME_POINTS = 4.0
_INNER_RATIO = 0.3
_MAX_PLACES_PER_TEXT = 60


def _places(group: Rulings) -> int:
    """How many cells the rules could draw; a chart or a sheet of squared paper has far more than texts."""
    return len({rule.at for rule in group.horizontal}) * len({rule.at for rule in group.vertical})


def _parts_columns(group: Rulings, box: Box) -> bool:
    """Whether vertical rules inside a box reach, on one line, through a fair part of it."""
    lengths: dict[float, float] = {}
    for rule in group.vertical:
        if box[0] + _FRAME_POINTS < rule.at < box[2] - _FRAME_POINTS:
            lengths[rule.at] = lengths.get(rule.at, 0.0) + rule.end - rule.start
    return max(lengths.values(), default=0.0) >= _INNER_RATIO * (box[3] - box[1])


def inside_of(box: Box, pieces: Sequence[Piece], slack: float = 2.0) -> list[Piece]:
    """The pieces whose middle lies in a box."""
    left, right = 2 * (box[0] - slack), 2 * (box[2] + slack)
    top, bottom = 2 * (box[1] - slack), 2 * (box[3] + slack)
    return [piece for piece in pieces if top < piece[1] + piece[3] < bottom and left < piece[0] + piece[2] < right]


def whole_lines(inside: Sequence[Piece], pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Pieces with all others of their lines: a line is in a table as a whole or not at all."""
    lines = {piece.line for piece in inside}
    return tuple(piece for piece in pieces if piece.line in lines)


_HEADER_BAND_POINTS = 40.0
_LEAST_STACK_POINTS = 60.0
_SAME_EXTENT_POINTS = 6.0
_PROSE_CHARACTERS = 60
_PROSE_WIDTH_RATIO = 0.6
_TABULAR_RATIO = 0.4
_COLUMN_CHARACTERS = 25
_COLUMN_RATIO = 0.4
_COLUMN_ROWS = 6
_MOST_ROWS_RATIO = 0.7


def stacked_regions(rulings: Rulings, pieces: Sequence[Piece]) -> list[Region]:
    """Regions between rules of one extent, one above the other, with rows of several texts between them."""
    stacks = _stacks(rulings.horizontal) if len(pieces) > 3 else []
    return [_stacked(run, rulings, pieces) for stack in stacks for run in _runs(stack, pieces)]


def _runs(stack: Sequence[Rule], pieces: Sequence[Piece]) -> list[list[Rule]]:
    """The parts of a stack, two rules or more each, that have rows of a table between all their rules."""
    runs: list[list[Rule]] = []
    run: list[Rule] = []
    waiting: list[Rule] = []
    for above, below in pairwise(stack):
        width = above.end - above.start
        band = inside_of((above.start, above.at, above.end, below.at), pieces, slack=0)
        if band and _is_tabular(band, width):
            if run:
                run += [*waiting, below]
            else:
                run = [above, below]
                runs.append(run)
            waiting = []
        elif run and _may_stand_between(band, width):
            waiting.append(below)
        else:
            run, waiting = [], []
    return runs


def _may_stand_between(band: Sequence[Piece], width: float) -> bool:
    """Whether a band without columns may be a row of a table: empty, or a few short texts."""
    return len(band) <= 2 and all(piece.x1 - piece.x0 < _PROSE_WIDTH_RATIO * width for piece in band)


def _stacked(run: Sequence[Rule], rulings: Rulings, pieces: Sequence[Piece]) -> Region:
    top = _header_top(run[0], rulings.horizontal, pieces)
    frame = (min(rule.start for rule in run), top, max(rule.end for rule in run), run[-1].at)
    inside = whole_lines(inside_of(frame, pieces, slack=0), pieces)
    x0, _, x1, _ = around(inside)
    box = (min(x0, frame[0]), top, max(x1, frame[2]), frame[3])
    return Region(box, rulings.within(box, 1.0), inside, closed=False)


def _header_top(top: Rule, rules: Sequence[Rule], pieces: Sequence[Piece]) -> float:
    """The height of the highest shorter rule over a stack that has nothing but heads of columns under it.

           ──────────────
                Year
           ──────────────
    Name   1997      1998
    ─────────────────────
    """
    at = top.at
    for rule in sorted(rules, key=lambda rule: -rule.at):
        if not 0 < at - rule.at < _HEADER_BAND_POINTS or rule.start < top.start - 3 or rule.end > top.end + 3:
            continue
        band = inside_of((top.start, rule.at, top.end, at), pieces, slack=0)
        if not band or any(piece.x1 - piece.x0 > _PROSE_WIDTH_RATIO * (top.end - top.start) for piece in band):
            break
        at = rule.at
    return at


def _stacks(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Rules of one extent, each stack from top to bottom."""
    stacks: list[list[Rule]] = []
    for rule in rules:
        if rule.end - rule.start < _LEAST_STACK_POINTS:
            continue
        for stack in stacks:
            if (
                abs(stack[-1].start - rule.start) < _SAME_EXTENT_POINTS
                and abs(stack[-1].end - rule.end) < _SAME_EXTENT_POINTS
            ):
                stack.append(rule)
                break
        else:
            stacks.append([rule])
    return [stack for stack in stacks if len(stack) > 1]


def _is_tabular(pieces: Sequence[Piece], width: float) -> bool:
    rows = rows_of(pieces)
    if _is_text_in_columns(rows, width):
        return False
    several = sum(len(row) > 1 for row in rows)
    prose = sum(
        len(row[0].text) > _PROSE_CHARACTERS and row[0].x1 - row[0].x0 > _PROSE_WIDTH_RATIO * width
        for row in rows
        if len(row) == 1
    )
    narrow = sum(len(row) > 1 or row[0].x1 - row[0].x0 < 0.5 * width for row in rows)
    return several > 0 and max(several, narrow - several) >= _TABULAR_RATIO * len(rows) and prose <= 0.1 * len(rows)


def _is_text_in_columns(rows: Sequence[Row], width: float) -> bool:
    """Whether most rows are two lines of running text, each as wide as its column, as between a head and a table."""
    beside = sum(
        len(row) == 2 and all(len(p.text) > _COLUMN_CHARACTERS and p.x1 - p.x0 > _COLUMN_RATIO * width for p in row)
        for row in rows
    )
    return len(rows) >= _COLUMN_ROWS and beside >= _MOST_ROWS_RATIO * len(rows)
