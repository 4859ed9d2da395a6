"""Single cells, for looking at a few rows closely: is it text, a number, a year, a day?

Regions overlap while a sheet is cut and joined, so rows belong to the sheet: each is looked at once.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ingestkit_excel.workbook import Band, Block, CellForm, CellKind, Sheet, Styles, format_of, shower

__all__ = ["Cell", "Closeup"]

_SMALL_BLOCK_ROWS = 64
"""Of a block in memory whose rows are all looked at when one is: column by column is cheaper than row by row."""
_MANY_BANDS = 16
_MOST_ROWS = 4096
_YEARS = range(1800, 2101)

_NUMBER_TEXT = re.compile(
    r"[(\[<>~≈±+\-–—−$€£¥\s]*\d[\d.,'’\s]*(?:[eE][+-]?\d+)?\s*(?:%|‰|[$€£¥]|[a-zA-Z*†‡]{1,2}(?![a-zA-Z]))?[)\]]?(?:\s?[a-z](?![a-zA-Z]))?[\s*†‡\\/\d]{0,4}"
)
_YEAR_TEXT = re.compile(r"(?:1[89]|20)\d\d(?:\s?[-/–]\s?\d{1,4})?[\s*†()\\/a-z\d]{0,3}")
_DATE_TEXT = re.compile(
    r"(?:\d{4}-\d\d?-\d\d?|\d{4}/\d\d?/\d\d?|\d\d?[/.]\d\d?[/.](?:\d\d){1,2})(?:[T\s]+\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?"
)
_MISSING = re.compile(
    r"(?:[.…·:]+|[-–—−]+|[*?]+|\d{1,2}\)|[(\[](?:[a-z]{1,2}|1?\d)[)\]]"
    r"|[(\[]?(?:n\.?/?a\.?|n/d|nil|none|null|tba|tbd)[)\]]?|not available)",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")


class Cell(NamedTuple):
    """A cell looked at closely. ``text`` is what a person sees.

    ``numeric`` holds for typed values and for text that reads as a number or a date (statistics offices write them so);
    ``missing`` for marks like ``..``, ``n/a`` or ``(1)``, which say nothing about a column; ``dated`` for days.
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


_Looks = tuple[str, bool, bool, bool, bool]
"""The last five fields of a cell."""


class Closeup:
    """The cells of a sheet's rows, hidden ones among them. Keeps what was looked at, as far as it is little."""

    def __init__(self, sheet: Sheet) -> None:
        self._styles = sheet.styles
        self._blocks = sheet.blocks
        self._ends = [max(band.rows[-1] for band in block) for block in sheet.blocks]
        self._indexed: tuple[int, Mapping[int, Sequence[tuple[Band, int]]]] = (-1, {})
        self._rows: dict[int, dict[int, Cell]] = {}
        self._looks: dict[tuple[CellKind, int], _Looked] = {}

    def row(self, row: int) -> Mapping[int, Cell]:
        """The filled cells of a row by column, ascending."""
        found = self._rows.get(row)
        if found is None:
            if len(self._rows) > _MOST_ROWS:
                self._rows.clear()
                self._looks.clear()
            found = self._look(row)
        return found

    def _look(self, row: int) -> dict[int, Cell]:
        number = bisect_left(self._ends, row)
        block = self._blocks[number] if number < len(self._blocks) else ()
        if _is_small(block):
            self._look_at_all(block)
            return self._rows.setdefault(row, {})
        cells = {
            form.column: Cell(row, form.column, form, value, *self._looks_of(form)[value])
            for band, index in self._places(number, block, row)
            for form, values in zip(band.forms, band.columns, strict=True)
            if (value := values[index]) is not None
        }
        self._rows[row] = _ascending(cells)
        return self._rows[row]

    def _look_at_all(self, block: Block) -> None:
        rows: dict[int, dict[int, Cell]] = {}
        for band in block:
            in_band = [rows.setdefault(row, {}) for row in band.rows]
            for form, values in zip(band.forms, band.columns, strict=True):
                column, looks = form.column, self._looks_of(form)
                for row, cells, value in zip(band.rows, in_band, values, strict=True):
                    if value is not None:
                        cells[column] = Cell(row, column, form, value, *looks[value])
        self._rows.update((row, _ascending(cells)) for row, cells in rows.items())

    def _places(self, number: int, block: Block, row: int) -> Sequence[tuple[Band, int]]:
        """The bands of a row with its index in each."""
        if len(block) <= _MANY_BANDS:
            return [(band, start) for band in block for start, stop in (band.span(row, row),) if start < stop]
        if self._indexed[0] != number:
            self._indexed = (number, _index(block))
        return self._indexed[1].get(row, ())

    def _looks_of(self, form: CellForm) -> _Looked:
        key = form.kind, form.style
        found = self._looks.get(key)
        if found is None:
            found = self._looks[key] = _Looked(_look_of(form, self._styles))
        return found


class _Looked(dict[str, _Looks]):
    """What raw values of one form look like, each worked out once."""

    def __init__(self, look: Callable[[str], _Looks]) -> None:
        self._look = look

    def __missing__(self, raw: str) -> _Looks:
        found = self[raw] = self._look(raw)
        return found


def _is_small(block: Block) -> bool:
    return sum(len(band.rows) for band in block) <= _SMALL_BLOCK_ROWS and all(band.known is None for band in block)


def _index(block: Block) -> Mapping[int, Sequence[tuple[Band, int]]]:
    places: dict[int, list[tuple[Band, int]]] = {}
    for band in block:
        for index, row in enumerate(band.rows):
            places.setdefault(row, []).append((band, index))
    return places


def _ascending(cells: dict[int, Cell]) -> dict[int, Cell]:
    columns = sorted(cells)
    return cells if columns == list(cells) else {column: cells[column] for column in columns}


def _look_of(form: CellForm, styles: Styles) -> Callable[[str], _Looks]:
    show = shower(form, styles)
    match form.kind:
        case CellKind.TEXT:
            return lambda raw: _text_looks(show(raw))
        case CellKind.NUMBER:
            kind = format_of(form, styles).kind
            dated, bare = kind in ("date", "datetime"), kind in ("general", "whole", "text")
            return lambda raw: (text := show(raw), True, _is_year(raw if bare else text), False, dated)
        case CellKind.MOMENT:
            return lambda raw: (text := show(raw), True, _is_year(text), False, True)
        case _:
            missing = form.kind is CellKind.ERROR
            return lambda raw: (show(raw), True, False, missing, False)


def _text_looks(text: str) -> _Looks:
    stripped = text.strip()
    missing = _MISSING.fullmatch(stripped) is not None
    if _DIGIT.search(stripped) is None:
        return text, False, False, missing, False
    yearlike = _YEAR_TEXT.fullmatch(stripped) is not None
    dated = _DATE_TEXT.fullmatch(stripped) is not None
    numeric = yearlike or dated or _NUMBER_TEXT.fullmatch(stripped) is not None
    return text, numeric, yearlike, missing, dated


def _is_year(text: str) -> bool:
    # Digits of other scripts and superscripts are digits, too, and a number may have thousands of them.
    return len(text) == 4 and text.isascii() and text.isdigit() and int(text) in _YEARS
