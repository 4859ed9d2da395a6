"""Single cells of a region, for looking at a few rows closely: is it text, a number, a year, bold?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import CellForm, CellKind, Sheet, format_of, shown_text

__all__ = ["Cell", "Glance", "cells_of_region", "glance", "is_one_heading", "says_units"]

_GLANCE_ROWS = 12
_HEAD_ROWS = 64
"""Of a region: cells that are looked at again and again are worked out once."""
_YEARS = range(1800, 2101)
_HARDLY_ANY = 0.1
_NEARLY_ALL = 0.8
_MOSTLY = 0.5

_NUMBER_TEXT = re.compile(
    r"[(\[<>~≈±+\-–—−$€£¥\s]*\d[\d.,'’\s]*(?:[eE][+-]?\d+)?\s*(?:%|‰|[$€£¥]|[a-zA-Z*†‡]{1,2}(?![a-zA-Z]))?[)\]]?(?:\s?[a-z](?![a-zA-Z]))?[\s*†‡\\/\d]{0,4}"
)
_YEAR_TEXT = re.compile(r"(?:1[89]|20)\d\d(?:\s?[-/–]\s?\d{1,4})?[\s*†()\\/a-z\d]{0,3}")
_UNIT = re.compile(r"[(\[][^()\[\]]{1,40}[)\]]|[%‰$€£¥#°]{1,2}")
_DATE_TEXT = re.compile(
    r"(?:\d{4}-\d\d?-\d\d?|\d{4}/\d\d?/\d\d?|\d\d?[/.]\d\d?[/.](?:\d\d){1,2})(?:[T\s]+\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?"
)
_MISSING = re.compile(
    r"(?:[.…·:]+|[-–—−]+|[*?]+|\d{1,2}\)|[(\[][a-z]{1,2}[)\]]"
    r"|[(\[]?(?:n\.?/?a\.?|n/d|nil|none|null|tba|tbd)[)\]]?|not available)",
    re.IGNORECASE,
)


class Cell(NamedTuple):
    """A cell looked at closely. ``text`` is what a person sees.

    ``numeric`` holds for typed values and for text that reads as a number or a date (statistics offices write them so);
    ``missing`` for marks like ``..`` or ``n/a``, which say nothing about a column; ``dated`` for days.
    """

    row: int
    column: int
    form: CellForm
    raw: str
    text: str
    numeric: bool
    yearlike: bool
    missing: bool
    dated: bool


def _cell(sheet: Sheet, row: int, column: int, form: CellForm, raw: str) -> Cell:
    text = shown_text(form, raw, sheet.styles)
    if form.kind is CellKind.TEXT:
        stripped = text.strip()
        numeric, missing = _NUMBER_TEXT.fullmatch(stripped) is not None, _MISSING.fullmatch(stripped) is not None
        yearlike = _YEAR_TEXT.fullmatch(stripped) is not None
        dated = _DATE_TEXT.fullmatch(stripped) is not None
        return Cell(row, column, form, raw, text, numeric or yearlike or dated, yearlike, missing, dated)
    yearlike = _is_yearlike(sheet, form, raw, text)
    return Cell(row, column, form, raw, text, True, yearlike, form.kind is CellKind.ERROR, _is_dated(sheet, form))


def _is_dated(sheet: Sheet, form: CellForm) -> bool:
    if form.kind is CellKind.NUMBER:
        return format_of(form, sheet.styles).kind in ("date", "datetime")
    return form.kind is CellKind.MOMENT


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

    ``headless``: nothing names its columns, or only some of them, as the lower rows of a header do. ``only_text``:
    hardly a number but years.
    """

    filled_columns: frozenset[int]
    numeric_columns: frozenset[int]
    only_text: bool
    begins_with_header: bool
    headless: bool


_GLANCES: WeakKeyDictionary[Region, Glance] = WeakKeyDictionary()
_HEADS: WeakKeyDictionary[Region, dict[int, dict[int, Cell]]] = WeakKeyDictionary()


def glance(region: Region) -> Glance:
    """Look at the first twelve filled rows."""
    found = _GLANCES.get(region)
    if found is None:
        found = _GLANCES[region] = _glance(region)
    return found


def _glance(region: Region) -> Glance:
    looked = cells_of_region(region, region.masks.rows[:_GLANCE_ROWS])
    texts: Counter[int] = Counter()
    numbers: Counter[int] = Counter()
    for cells in looked.values():
        for column, cell in cells.items():
            if not cell.missing:
                (numbers if cell.numeric and not cell.yearlike else texts)[column] += 1
    numeric = frozenset(column for column, count in numbers.items() if count >= texts[column])
    first = next((cells for cells in looked.values() if _tells(cells)), next(iter(looked.values())))
    named = [cell for cell in first.values() if cell.column > region.left] or list(first.values())
    values = [cell for cell in named if not cell.missing]
    with_numbers = any(cell.numeric and not cell.yearlike for cell in values)
    return Glance(
        filled_columns=frozenset(texts) | frozenset(numbers),
        numeric_columns=numeric,
        only_text=numbers.total() <= _HARDLY_ANY * texts.total(),
        begins_with_header=len(first) > 1 and bool(values) and not with_numbers,
        headless=region.left not in first or _lacks_names(region, looked, numeric),
    )


def _tells(cells: Mapping[int, Cell]) -> bool:
    return sum(not cell.missing for cell in cells.values()) > 1


def _lacks_names(region: Region, looked: Mapping[int, Mapping[int, Cell]], numeric: frozenset[int]) -> bool:
    """Whether the rows above the first numbers leave most columns without a name."""
    named: set[int] = set()
    for cells in looked.values():
        if any(column in numeric and cell.numeric and not cell.yearlike for column, cell in cells.items()):
            break
        if not says_units(list(cells.values())):
            named.update(column for column, cell in cells.items() if not cell.missing)
    return len(named) < _MOSTLY * region.width


def says_units(cells: Sequence[Cell]) -> bool:
    """Whether a row tells in what its columns are measured: ``(percent)``, ``(1,000)``, ``$``."""
    texts = [cell.text.strip() for cell in cells if not cell.missing]
    units = sum(_UNIT.fullmatch(text) is not None for text in texts)
    return units >= max(len(texts) - 1, 1)


def is_one_heading(cells: Sequence[Cell], region: Region) -> bool:
    """Whether a row says one thing over the whole width, as an unmerged title repeated in every cell it covered does.

    A day may stand in the corner beside it.
    """
    said = [cell for cell in cells if not (cell.dated and cell.column == region.left)]
    if len(said) < 2 or len(cells) < _NEARLY_ALL * region.width or cells[0].column > region.left:
        return False
    first = said[0]
    return not first.numeric and not first.missing and all(cell.text == first.text for cell in said)


def cells_of_region(region: Region, rows: Sequence[int]) -> dict[int, dict[int, Cell]]:
    """The cells of some rows of a region: row, then column, both ascending."""
    head = _HEADS.setdefault(region, {})
    found: dict[int, dict[int, Cell]] = {}
    for row in rows:
        cells = head.get(row)
        if cells is None:
            cells = dict(sorted(_cells_of_row(region, row)))
            if len(head) < _HEAD_ROWS:
                head[row] = cells
        found[row] = cells
    return found


def _cells_of_row(region: Region, row: int) -> Iterator[tuple[int, Cell]]:
    mask = region.masks.get(row, 0)
    for column, form, raw in region.view.cells(row, region.left, region.right):
        if mask >> column & 1:
            yield column, _cell(region.view.sheet, row, column, form, raw)
