"""A region of a page into a grid of places and the cells that cover them. Pure geometry.

rules and gaps  ─► column edges ┐
rules and texts ─► row edges    ┴► places ─► merged ─► empty rows and columns left out ─► trimmed
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingestkit_pdf.extract.tables.columns import column_spans
from ingestkit_pdf.extract.tables.edges import column_edges, full_rules, header_bottom, row_edges
from ingestkit_pdf.extract.tables.merging import Block, Frame, by_row, merged
from ingestkit_pdf.extract.tables.pieces import Piece, rows_of
from ingestkit_pdf.extract.tables.reach import centered_heads, cut_pieces, reach_of
from ingestkit_pdf.extract.tables.regions import Region

__all__ = ["Grid", "Place", "lay_out"]

_NOTE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of the grid: its first row and column, how far it reaches, and its pieces in reading order."""

    row: int
    column: int
    row_span: int
    column_span: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A region taken apart.

    ``xs`` and ``ys`` are the edges of columns and rows. ``body_top`` is the y where the body begins, if that
    shows. ``filled_ratio`` is how many of the cells that rules and texts draw hold any text, 0..1.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    places: tuple[Place, ...]
    body_top: float | None
    filled_ratio: float


def lay_out(region: Region) -> Grid:
    """The grid of a region that holds text, without rows and columns that hold none and what stands around it."""
    lines = rows_of(region.pieces)
    full = full_rules(region)
    body_top = header_bottom(region, lines, full)
    columns = column_edges(region, lines, full, body_top)
    pieces = cut_pieces(region, columns)
    spans = column_spans([edge.at for edge in columns], pieces)
    inner = [edge.at for edge in columns[1:-1]]
    reach = {piece: reach_of(piece, inner, spans) for piece in pieces}
    if len(pieces) > len(region.pieces):
        lines = rows_of(pieces)
    reach.update(centered_heads(region, lines, reach, spans, body_top, full))
    rows = row_edges(region, lines, reach, len(columns) - 1, body_top)
    frame = Frame(region, columns, rows, reach, by_row(pieces, rows), body_top)
    return _trimmed(_compact(frame, merged(frame)))


def _compact(frame: Frame, blocks: Sequence[Block]) -> Grid:
    """The grid with its texts, without the rows and columns that no block with text needs."""
    texts = _texts(frame, blocks)
    rows = _needed([(block.row, block.row_span) for block in texts])
    columns = _needed([(block.column, block.column_span) for block in texts])
    places: list[Place] = []
    for block in blocks:
        row, row_end = bisect_left(rows, block.row), bisect_left(rows, block.row + block.row_span)
        column, end = bisect_left(columns, block.column), bisect_left(columns, block.column + block.column_span)
        if row < row_end and column < end:
            places.append(Place(row, column, row_end - row, end - column, _in_order(texts.get(block, []))))
    return Grid(
        xs=(*(frame.columns[index].at for index in columns), frame.columns[columns[-1] + 1].at),
        ys=(*(frame.rows[index].at for index in rows), frame.rows[rows[-1] + 1].at),
        places=tuple(sorted(places, key=lambda place: (place.row, place.column))),
        body_top=frame.body_top,
        filled_ratio=len(texts) / len(blocks),
    )


def _texts(frame: Frame, blocks: Sequence[Block]) -> dict[Block, list[Piece]]:
    owners: list[list[Block]] = [[blocks[0]] * (len(frame.columns) - 1) for _ in range(len(frame.rows) - 1)]
    for block in blocks:
        for owned in owners[block.row : block.row + block.row_span]:
            owned[block.column : block.column + block.column_span] = [block] * block.column_span
    texts: dict[Block, list[Piece]] = {}
    for row, pieces in enumerate(frame.by_row):
        for piece in pieces:
            texts.setdefault(owners[row][frame.reach[piece][0]], []).append(piece)
    return texts


def _in_order(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    if len(pieces) < 2:
        return tuple(pieces)
    return tuple(piece for row in rows_of(pieces) for piece in row)


def _needed(spans: Sequence[tuple[int, int]]) -> list[int]:
    """The fewest rows (or columns) that keep filled blocks apart: those that one fills alone, and the first of any
    block that would have none.
    """
    kept = {start for start, length in spans if length == 1}
    for start, length in sorted(spans, key=lambda span: span[1]):
        if length > 1 and kept.isdisjoint(range(start, start + length)):
            kept.add(start)
    return sorted(kept)


def _trimmed(grid: Grid) -> Grid:
    """A grid without what stands above or below a table in its frame: a title first, a note last, each over its full
    width.
    """
    column_count, last = len(grid.xs) - 1, len(grid.ys) - 1
    by_first_row: dict[int, list[Place]] = {}
    for place in grid.places:
        by_first_row.setdefault(place.row, []).append(place)
    first = 0
    while last - first > 2 and _is_across(by_first_row.get(first, ()), column_count):
        first += 1
    while last - first > 2 and _is_note(by_first_row.get(last - 1, ()), column_count):
        last -= 1
    if last - first == len(grid.ys) - 1:
        return grid
    places = [replace(place, row=place.row - first) for place in grid.places if first <= place.row < last]
    return replace(grid, ys=grid.ys[first : last + 1], places=tuple(places))


def _is_across(row: Sequence[Place], column_count: int) -> bool:
    return len(row) == 1 and row[0].column_span == column_count > 1 and row[0].row_span == 1


def _is_note(row: Sequence[Place], column_count: int) -> bool:
    return _is_across(row, column_count) and sum(len(piece.text) for piece in row[0].pieces) > _NOTE_CHARACTERS
