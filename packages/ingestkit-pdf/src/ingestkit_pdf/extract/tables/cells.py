"""A grid's places into a table's cells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingestkit_core.elements import visible_length

from ingestkit_pdf.extract.hyphens import joined_texts
from ingestkit_pdf.extract.tables.grid import Grid, Place
from ingestkit_pdf.extract.tables.leaders import leaders_of
from ingestkit_pdf.extract.tables.pieces import Piece, around
from ingestkit_pdf.extract.tables.values import Cell, Found, Table

__all__ = ["build_table", "cell_text"]


def build_table(grid: Grid, header_rows: int, confidence: float, found: Found) -> Table:
    """The table of a grid that holds text."""
    row_count, column_count = len(grid.ys) - 1, len(grid.xs) - 1
    rows: list[list[Cell]] = [[] for _ in range(row_count)]
    cells, leader_characters = _without_leaders(
        [_cell(place, grid, header_rows) for place in grid.places], column_count
    )
    for cell in cells:
        rows[cell.row].append(cell)
    pieces = [piece for place in grid.places for piece in place.pieces]
    x0, y0, x1, y1 = around(pieces)
    return Table(
        box=(min(x0, grid.xs[0]), min(y0, grid.ys[0]), max(x1, grid.xs[-1]), max(y1, grid.ys[-1])),
        rows=tuple(tuple(row) for row in rows),
        column_count=column_count,
        header_row_count=header_rows,
        lines=tuple(sorted({piece.line for piece in pieces})),
        confidence=round(confidence, 2),
        found=found,
        leader_characters=leader_characters,
    )


def _without_leaders(cells: Sequence[Cell], column_count: int) -> tuple[Sequence[Cell], int]:
    """The cells without leaders, which lead to a column further right, and the visible characters of these."""
    labels: list[list[str]] = [[] for _ in range(column_count - 1)]
    for cell in cells:
        if cell.column < column_count - 1 and not cell.is_header:
            labels[cell.column].append(cell.text)
    leaders = [leaders_of(column) for column in labels]
    if not any(leaders):
        return cells, 0
    count = 0
    kept: list[Cell] = []
    for cell in cells:
        if cell.column < column_count - 1 and (leader := leaders[cell.column].get(cell.text)):
            count += visible_length(leader)
            cell = replace(cell, text=cell.text.removesuffix(leader))
        kept.append(cell)
    return kept, count


def _cell(place: Place, grid: Grid, header_rows: int) -> Cell:
    box = (
        grid.xs[place.column],
        grid.ys[place.row],
        grid.xs[place.column + place.column_span],
        grid.ys[place.row + place.row_span],
    )
    if len(place.pieces) == 1:
        text, box = place.pieces[0].text, place.pieces[0][:4]
    elif place.pieces:
        text, box = cell_text(place.pieces), around(place.pieces)
    else:
        text = ""
    return Cell(
        text=text,
        box=box,
        row=place.row,
        column=place.column,
        row_span=place.row_span,
        column_span=place.column_span,
        is_header=place.row < header_rows,
    )


def cell_text(pieces: Sequence[Piece]) -> str:
    """The pieces of a cell, in reading order, as one text."""
    return joined_texts([piece.text for piece in pieces])
