"""Single cells of a region, for looking at a few rows closely: is it text, a number, a year, bold?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import CellForm, CellKind, Sheet, format_of, shown_text

__all__ = ["Cell", "Glance", "cells_of_region", "glance"]

_GLANCE_ROWS = 12
_YEARS = range(1800, 2101)

_NUMBER_TEXT = re.compile(
    r"[(\[<>~≈±+\-–—−$€£¥\s]*\d[\d.,'’\s]*(?:[eE][+-]?\d+)?\s*(?:%|‰|[$€£¥]|[a-zA-Z*†‡]{1,2})?[)\]]?[\s*†‡a-z\\/\d]{0,4}"
)
_YEAR_TEXT = re.compile(r"(?:1[89]|20)\d\d(?:\s?[-/–]\s?\d{1,4})?[\s*†()\\/a-z\d]{0,3}")
_MISSING = re.compile(
    r"(?:[.…·:]+|[-–—−]+|[*?]+|[(\[][a-z]{1,2}[)\]]"
    r"|[(\[]?(?:n\.?/?a\.?|n/d|nil|none|null|tba|tbd)[)\]]?|not available)",
    re.IGNORECASE,
)


class Cell(NamedTuple):
    """A cell looked at closely. ``text`` is what a person sees.

    ``numeric`` holds for typed values and for text that reads as a number (statistics offices write them so);
    ``missing`` for marks like ``..`` or ``n/a``, which say nothing about a column.
    """

    row: int
    column: int
    form: CellForm
    raw: str
    text: str
    numeric: bool
    yearlike: bool
    missing: bool


def _cell(sheet: Sheet, row: int, column: int, form: CellForm, raw: str) -> Cell:
    text = shown_text(form, raw, sheet.styles)
    if form.kind is CellKind.TEXT:
        stripped = text.strip()
        numeric, missing = _NUMBER_TEXT.fullmatch(stripped) is not None, _MISSING.fullmatch(stripped) is not None
        yearlike = _YEAR_TEXT.fullmatch(stripped) is not None
        return Cell(row, column, form, raw, text, numeric or yearlike, yearlike, missing)
    return Cell(row, column, form, raw, text, True, _is_yearlike(sheet, form, raw, text), form.kind is CellKind.ERROR)


def _is_yearlike(sheet: Sheet, form: CellForm, raw: str, text: str) -> bool:
    if form.kind is CellKind.NUMBER and format_of(form, sheet.styles).kind in ("general", "whole", "text"):
        return _is_year(raw)
    return form.kind in (CellKind.NUMBER, CellKind.MOMENT) and _is_year(text)


def _is_year(text: str) -> bool:
    # Digits of other scripts and superscripts are digits, too, and a number may have thousands of them.
    return len(text) == 4 and text.isascii() and text.isdigit() and int(text) in _YEARS


@dataclass(frozen=True, slots=True)
class Glance:
    """What the first rows of a region look like. Columns hold numbers if most of their cells here do.

    ``headless``: it begins with numbers, or with a row that leaves out the label column, as the lower rows of a header
    do. ``only_text``: no number but years.
    """

    filled_columns: frozenset[int]
    numeric_columns: frozenset[int]
    only_text: bool
    begins_with_header: bool
    headless: bool


def glance(region: Region) -> Glance:
    """Look at the first twelve filled rows."""
    rows = region.masks.rows[:_GLANCE_ROWS]
    looked = cells_of_region(region, rows)
    texts: dict[int, int] = {}
    numbers: dict[int, int] = {}
    for cells in looked.values():
        for column, cell in cells.items():
            if not cell.missing:
                counts = numbers if cell.numeric and not cell.yearlike else texts
                counts[column] = counts.get(column, 0) + 1
    first = next((cells for cells in looked.values() if len(cells) > 1), looked[rows[0]])
    named = [cell for cell in first.values() if cell.column > region.left] or list(first.values())
    values = [cell for cell in named if not cell.missing]
    with_numbers = any(cell.numeric and not cell.yearlike for cell in values)
    return Glance(
        filled_columns=frozenset(texts) | frozenset(numbers),
        numeric_columns=frozenset(column for column, count in numbers.items() if count >= texts.get(column, 0)),
        only_text=not numbers,
        begins_with_header=len(first) > 1 and bool(values) and not with_numbers,
        headless=with_numbers or region.left not in first,
    )


def cells_of_region(region: Region, rows: Sequence[int]) -> dict[int, dict[int, Cell]]:
    """The cells of some rows of a region: row, then column, both ascending."""
    return {row: dict(sorted(_cells_of_row(region, row))) for row in rows}


def _cells_of_row(region: Region, row: int) -> Iterator[tuple[int, Cell]]:
    mask = region.masks.get(row, 0)
    for column, form, raw in region.view.cells(row, region.left, region.right):
        if mask >> column & 1:
            yield column, _cell(region.view.sheet, row, column, form, raw)
