"""What rows look like in XML: cells by regular expression, and patterns for whole rows that were seen often.

A layout is a row without its number and its values. Its pattern matches every row whose cells are a subset of the
layout's, empty cells with whatever style among them, and gives (row number, row attributes, value, value, ...).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

from ingestkit_excel.workbook.bands import Storage

__all__ = [
    "CellLayout",
    "cells_of_row",
    "column_number",
    "is_learnable",
    "merged_layout",
    "row_pattern",
    "whole_layout",
]

_EMPTY_CELLS = re.compile(r'(?:<c r="[A-Z]{1,3}\d+"(?: s="\d+")?+ ?/>)*+')
_CELL = re.compile(
    _EMPTY_CELLS.pattern + r'<c r="([A-Z]{1,3})([1-9]\d{0,6})"((?: \w+="[^"<>]*+")*+) ?'
    r"(?:/>|>"
    r"(?:<f((?: [^>]*+)?+/?)>(?:(?<!/>)([^<]*+)</f>)?+)?+"
    r"(?:<(v)(?: [^>]*+)?+/?>(?:(?<!/>)([^<]*+)</v>)?+)?+"
    r"(?:<is>(.*?)</is>)?+"
    r"</c>)",
    re.DOTALL,
)
_LETTERS = re.compile(r'<c r="([A-Z]{1,3})\d')
_PLAIN_ATTRIBUTES = re.compile(r'(?: s="(\d+)")?(?: t="(\w+)")?')


class CellLayout(NamedTuple):
    """A cell without its row and value. ``storage`` is None for one that was only seen empty."""

    letters: str
    attributes: str = ""
    storage: Storage | None = None
    formula: bool = False


@functools.cache
def column_number(letters: str) -> int:
    """``A`` is 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def cells_of_row(row: str, at: int) -> list[re.Match[str]] | None:
    """The cells of a row from a position on, leaving out plainly empty ones; None where something else stands there.

    Groups: letters, row number, attributes, formula attributes, formula, ``v``, value, inline text.
    """
    found = list(iter(_CELL.scanner(row, at).match, None))  # type: ignore[attr-defined]  # typeshed does not know it
    end = found[-1].end() if found else at
    return found if _EMPTY_CELLS.fullmatch(row, end) is not None else None


def is_learnable(cell: CellLayout) -> bool:
    """Whether a pattern can stand for the cell: its attributes are as most producers write them."""
    return cell.storage is not Storage.FORMULA and _PLAIN_ATTRIBUTES.fullmatch(cell.attributes) is not None


def whole_layout(row: str, valued: Sequence[CellLayout]) -> tuple[CellLayout, ...]:
    """The layout of a row, its empty cells included."""
    by_letters = {cell.letters: cell for cell in valued}
    return tuple(by_letters.get(letters) or CellLayout(letters) for letters in _LETTERS.findall(row))


def merged_layout(one: Sequence[CellLayout], other: Sequence[CellLayout]) -> tuple[CellLayout, ...] | None:
    """A layout that both are cases of; None where they store values of a column differently."""
    cells = {cell.letters: cell for cell in one}
    for cell in other:
        known = cells.get(cell.letters)
        if known is None or known.storage is None:
            cells[cell.letters] = cell
        elif cell.storage is not None and cell != known:
            return None
    return tuple(sorted(cells.values(), key=lambda cell: column_number(cell.letters)))


def row_pattern(layout: Sequence[CellLayout]) -> re.Pattern[str]:
    """The pattern of a layout; one group for every cell that was seen with a value."""
    return re.compile(r'<row r="([1-9]\d{0,6})"([^>]*+)>' + "".join(map(_cell_pattern, layout)))


def _cell_pattern(cell: CellLayout) -> str:
    empty = r'(?: s="\d+")?+ ?/>'
    if cell.storage is None:
        return rf'(?:<c r="{cell.letters}\1"{empty})?+'
    # A formula that makes a link is read cell by cell: its target is kept.
    formula = r"<f(?: [^>]*+)?+/?>(?:(?<!/>)(?!\s*+HYPERLINK\()[^<]*+</f>)?+" if cell.formula else ""
    value = r"<is><t(?: [^>]*+)?+>([^<]*+)</t></is>" if cell.storage is Storage.INLINE else r"<v>([^<]*+)</v>"
    return rf'(?:<c r="{cell.letters}\1"(?:{cell.attributes}>{formula}{value}</c>|{empty}))?+'
