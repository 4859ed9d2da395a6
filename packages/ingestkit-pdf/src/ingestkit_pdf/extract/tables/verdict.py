"""Whether what looks like a grid is a table. Pure.

Each kind of evidence has its own bar: rules around cells prove more than alignment does. What is turned down:
forms (cells of all sizes, most of them empty), drawings and charts (rules with little text between them), running
text beside running text, contents and reference lists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingestkit_pdf.extract.tables.grid import Grid, Place
from ingestkit_pdf.extract.tables.values import Found

__all__ = ["confidence", "is_chart", "is_form"]

_LEAST_CELLS = 4
_LEADER = re.compile(r"(?:[.·…⋯‥_]\s?){4}")
_VALUE_COLUMN_RATIO = 0.8
_CHART_FILLED_RATIO = 0.25


@dataclass(frozen=True, slots=True)
class _Shape:
    """A grid in figures. Ratios are of the cells with text, but ``density``: of all places of the grid."""

    rows: int
    columns: int
    density: float
    mean_length: float
    span_ratio: float
    value_ratio: float
    """Values among the body's cells beyond the first column."""
    value_columns: int
    """Columns beyond the first that hold little else than values."""
    full_row_ratio: float
    """Rows in which two cells or more begin."""
    valued_rows: int
    """Rows of the body with text beyond the first column."""
    sizes: int
    """Different font sizes."""
    label_length: float
    """Mean length of the texts in the first column."""


def confidence(grid: Grid, found: Found) -> float:
    """How sure it is that a grid is a table, 0..1; 0 where it is none."""
    filled = [place for place in grid.places if place.pieces]
    if len(grid.ys) < 3 or len(grid.xs) < 3 or len(filled) < _LEAST_CELLS:
        return 0.0
    shape = _shape(grid, filled)
    if found == "ruled":
        return _of_ruled(shape)
    if found == "partly_ruled":
        return _of_partly_ruled(shape)
    return 0.0 if _is_contents(grid, shape) else _of_borderless(shape, grid)


def _shape(grid: Grid, filled: Sequence[Place]) -> _Shape:
    rows, columns = len(grid.ys) - 1, len(grid.xs) - 1
    top = grid.body_top or grid.ys[0]
    beside = [place for place in filled if place.column > 0 and grid.ys[place.row] + 1 >= top]
    by_column: dict[int, list[bool]] = {}
    for place in beside:
        by_column.setdefault(place.column, []).append(all(piece.value for piece in place.pieces))
    values = sum(sum(cells) for cells in by_column.values())
    labels = [" ".join(piece.text for piece in place.pieces) for place in filled if place.column == 0]
    begun = [0] * rows
    for place in filled:
        begun[place.row] += 1
    return _Shape(
        rows=rows,
        columns=columns,
        density=len(filled) / (rows * columns),
        mean_length=sum(len(piece.text) for place in filled for piece in place.pieces) / len(filled),
        span_ratio=sum(place.row_span * place.column_span > 1 for place in filled) / len(filled),
        value_ratio=values / len(beside) if beside else 0.0,
        value_columns=sum(
            len(cells) > 1 and sum(cells) >= _VALUE_COLUMN_RATIO * len(cells) for cells in by_column.values()
        ),
        full_row_ratio=sum(count > 1 for count in begun) / rows,
        valued_rows=len({place.row for place in beside}),
        sizes=len({piece.size for place in filled for piece in place.pieces}),
        label_length=sum(map(len, labels)) / len(labels) if labels else 0.0,
    )


def is_chart(grid: Grid) -> bool:
    """Whether rules draw far more cells than there are texts: the grid and the bars of a chart."""
    return grid.filled_ratio < _CHART_FILLED_RATIO


def is_form(grid: Grid) -> bool:
    """Whether rules part a region into boxes of all sizes, most of them empty or wide: a form, or a drawing."""
    filled = [place for place in grid.places if place.pieces]
    if len(grid.ys) < 3 or len(grid.xs) < 3 or not filled:
        return False
    shape = _shape(grid, filled)
    return (
        _is_panels(shape)
        or shape.density < 0.3
        or (shape.span_ratio >= 0.35 and (shape.value_ratio < 0.2 or shape.density < 0.4))
    )


def _of_ruled(shape: _Shape) -> float:
    if shape.mean_length > 150:
        return 0.0
    return 0.95 if shape.density > 0.7 else 0.8


def _is_panels(shape: _Shape) -> bool:
    """Whether boxes hold texts of their own rather than rows: lists side by side, or cards with titles in them."""
    if shape.value_ratio >= 0.1 or shape.mean_length < 60:
        return False
    return (shape.density < 0.6 and shape.span_ratio >= 0.25) or (
        shape.columns < 4 and shape.sizes > 2 and shape.label_length > 40
    )


def _of_partly_ruled(shape: _Shape) -> float:
    if shape.density < 0.42 or shape.full_row_ratio < 0.1:
        return 0.0
    if shape.density < 0.8 and (shape.rows == 2 or (shape.rows == 3 and shape.value_ratio == 0)):
        return 0.0
    if shape.columns == 2 and (shape.mean_length > 100 or shape.full_row_ratio < 0.5):
        return 0.0
    if shape.span_ratio > 0.3 and shape.full_row_ratio < 0.5:
        return 0.0
    return 0.9 if shape.value_ratio > 0.5 or shape.density > 0.9 else 0.75


def _of_borderless(shape: _Shape, grid: Grid) -> float:
    if shape.valued_rows < 3 or shape.density < 0.55 or shape.mean_length > 40:
        return 0.0
    if shape.columns == 2 and (shape.valued_rows < 4 or shape.value_ratio < 0.8):
        return 0.0
    dense = shape.columns > 3 and shape.valued_rows > 3 and shape.density > 0.9 and shape.mean_length < 20
    if not dense and (
        2 * shape.value_columns < shape.columns - 1 or (shape.value_ratio < 0.6 and shape.value_columns < 2)
    ):
        return 0.0
    if grid.body_top is None and not _has_labels(grid, shape):
        return 0.0
    return 0.8 if shape.value_ratio > 0.8 and shape.columns > 2 else 0.6


def _has_labels(grid: Grid, shape: _Shape) -> bool:
    """Whether the first column says what the values are: axes of charts are numbers all over."""
    labels = sum(not place.pieces[0].value for place in grid.places if place.column == 0 and place.pieces)
    return 2 * labels >= shape.valued_rows


def _is_contents(grid: Grid, shape: _Shape) -> bool:
    """Whether rows are titles with their page numbers: leaders, or numbers that only rise."""
    filled = [place for place in grid.places if place.pieces]
    texts = [piece.text for place in filled for piece in place.pieces]
    leaders = sum(_LEADER.search(text) is not None for text in texts)
    if leaders >= 0.3 * shape.valued_rows:
        return True
    last = [place.pieces[0].text for place in filled if place.column == shape.columns - 1]
    if shape.columns > 3 or not all(text.isdecimal() for text in last) or shape.value_columns > 1:
        return False
    numbers = [int(text) for text in last]
    return all(above <= below for above, below in pairwise(numbers)) and numbers[0] < numbers[-1]
