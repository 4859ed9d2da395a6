"""The rows of a table, each with its place: as few boxes as hold nothing of other rows. Pure.

│        │ 2019 │ 12 │     one box around a row would hold half of the row below:
│ north  ├──────┼────┤     "north" has a box of its own in both
│        │ 2020 │ 15 │
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingestkit_core.elements import CELL_SEPARATOR, Box, PageBox, RowPlace, Span, around

from ingestkit_pdf.extract.tables import Table

__all__ = ["Row", "body_rows", "header_span"]

_LONG_ROW_CHARACTERS = 250
"""Shorter rows fit into the smallest of chunks worth having."""
_OVERLAP_POINTS = 2.0
"""By so much the boxes of neighbouring lines may overlap: their letters do not."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row's texts by column, and the row as it is said."""

    cells: tuple[str, ...]
    span: Span

    @property
    def place(self) -> RowPlace:
        """Where it stands."""
        return self.span.places if len(self.span.places) > 1 else self.span.places[0]


def header_span(table: Table, page_number: int, names: Sequence[str], count: int) -> Span:
    """The header of a table, said as its columns' names."""
    cells = [cell for row in table.rows[: table.header_row_count] for cell in row]
    places = tuple(PageBox(page_number, cell.box) for cell in cells if cell.text)
    return Span(CELL_SEPARATOR.join(names), around([PageBox(page_number, c.box) for c in cells]), count, places=places)


def body_rows(table: Table, page_number: int, count: int) -> Iterator[Row]:
    """The rows below the header; a cell over several rows is said in each of them. The first counts ``count``."""
    grid = [[""] * table.column_count for _ in table.rows]
    boxes: list[dict[int, Box]] = [{} for _ in table.rows]
    for cell in table.cells:
        for row in range(cell.row, min(cell.row + cell.row_span, len(grid))):
            grid[row][cell.column] = cell.text
            if cell.text:
                boxes[row][cell.column] = cell.box
    wholes = [_around(list(row.values())) if row else None for row in boxes]
    for number in range(table.header_row_count, len(grid)):
        own = [box for _, box in sorted(boxes[number].items())]
        if not own:
            continue
        whole = _around(own)
        near = (row for row, other in zip(boxes, wholes, strict=True) if other is not None and _overlap(whole, other))
        others = [box for row in near for box in row.values() if box not in own]
        yield _row(tuple(grid[number]), boxes[number], _together(own, others), page_number, count)
        count = 0


def _row(cells: tuple[str, ...], boxes: dict[int, Box], few: Sequence[Box], page_number: int, count: int) -> Row:
    text = CELL_SEPARATOR.join(cells)
    places = tuple(PageBox(page_number, box) for box in few)
    is_long = len(text) > _LONG_ROW_CHARACTERS
    parts = [Span(cells[column], PageBox(page_number, box), 0) for column, box in sorted(boxes.items()) if is_long]
    return Row(cells, Span(text, around(places), count, tuple(parts), places))


def _together(own: Sequence[Box], others: Sequence[Box]) -> list[Box]:
    """Boxes side by side as few as possible, with nothing of others in them."""
    kept = [own[0]]
    for box in own[1:]:
        whole = _around([kept[-1], box])
        if any(_overlap(whole, other) for other in others):
            kept.append(box)
        else:
            kept[-1] = whole
    return kept


def _overlap(box: Box, other: Box) -> bool:
    slack = _OVERLAP_POINTS
    return (
        box[0] < other[2] - slack
        and other[0] < box[2] - slack
        and box[1] < other[3] - slack
        and other[1] < box[3] - slack
    )


def _around(boxes: Sequence[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
