"""How many rows head a table, and what its columns are called. Pure.

│    Q1     │    Q2     │
│Sales│Costs│Sales│Costs│    ─►   "", "Q1 / Sales", "Q1 / Costs", "Q2 / Sales", "Q2 / Costs"
"""

from __future__ import annotations

from collections.abc import Sequence

from ingestkit_pdf.extract.tables.grid import Grid, Place
from ingestkit_pdf.extract.tables.values import Table

__all__ = ["column_names", "header_row_count"]

_MOST_HEADER_ROWS = 6
_YEARS = range(1800, 2101)


def column_names(table: Table) -> tuple[str, ...]:
    """One name for each column: the header's texts above it, from the top down, joined by `` / ``.

    A text that goes on from one level to the next is said once. Without a header all names are empty.
    """
    levels: list[list[str]] = [[] for _ in range(table.column_count)]
    for row in table.rows[: table.header_row_count]:
        for cell in row:
            for column in range(cell.column, cell.column + cell.column_span):
                if cell.text and cell.text not in levels[column][-1:]:
                    levels[column].append(cell.text)
    return tuple(" / ".join(texts) for texts in levels)


def header_row_count(grid: Grid) -> int:
    """How many of a grid's first rows are its header.

    Those above the body's beginning where that shows, else one row of texts over rows of others; in any case
    rows with texts over several columns and the row below them. A table is never all header.
    """
    row_count = len(grid.ys) - 1
    if row_count < 2:
        return 0
    rows = _starting(grid.places, row_count)
    count = 0
    if grid.body_top is not None:
        count = sum(low + 1 < grid.body_top for low in grid.ys[:-1])
    if count == 0 and _is_head(rows[0]):
        count = 1
    count = max(count, _levels(rows, len(grid.xs) - 1))
    count = max(count, _years_deep(rows, count))
    return _with_spans(grid.places, min(count, row_count - 1, _MOST_HEADER_ROWS), row_count)


def _levels(rows: Sequence[Sequence[Place]], column_count: int) -> int:
    """How many rows from the first stand over columns together, with the one that stands over each; 0 if none does."""
    depth = 0
    while depth < len(rows) and any(
        place.pieces and 1 < place.column_span < column_count and place.column > 0 for place in rows[depth]
    ):
        depth += 1
    return depth + 1 if depth else 0


def _starting(places: Sequence[Place], row_count: int) -> list[list[Place]]:
    rows: list[list[Place]] = [[] for _ in range(row_count)]
    for place in places:
        rows[place.row].append(place)
    return rows


def _is_head(row: Sequence[Place]) -> bool:
    texts = [place for place in row if place.pieces]
    return 2 * len(texts) >= len(row) and not any(piece.value for place in texts[1:] for piece in place.pieces)


def _years_deep(rows: Sequence[Sequence[Place]], count: int) -> int:
    """The header goes on over a row of years, unless the rows below hold years too."""
    if count >= len(rows) - 1 or not _is_years(rows[count]) or _is_years(rows[count + 1]):
        return count
    return count + 1


def _is_years(row: Sequence[Place]) -> bool:
    texts = [place.pieces[0].text for place in row[1:] if place.pieces]
    return len(texts) > 1 and all(text[:4].isdigit() and int(text[:4]) in _YEARS and len(text) < 10 for text in texts)


def _with_spans(places: Sequence[Place], count: int, row_count: int) -> int:
    """A header ends where all its cells end."""
    for place in places:
        if place.row < count < place.row + place.row_span < row_count and place.column > 0:
            count = place.row + place.row_span
    return count
