"""Rows read cell by cell, each byte of them: what is written alike is understood once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from ingestkit_excel.workbook.bands import BandBuilder, RawForm, Storage
from ingestkit_excel.workbook.formulas import SharedFormulas, link_of_formula
from ingestkit_excel.workbook.layouts import CellLayout, cells_of_row, column_number
from ingestkit_excel.workbook.markup import whole_number
from ingestkit_excel.workbook.values import Link, Rectangle

__all__ = ["NotRegular", "RowKind", "RowReader", "is_hidden", "style_of"]

_ROW = re.compile(r'<row r="([1-9]\d{0,6})"([^>]*+)>')
_PLAIN_INLINE = re.compile(r"<t(?: [^>]*+)?+>([^<]*+)</t>")
_STORAGES: dict[str, Storage] = {storage.value: storage for storage in Storage if storage is not Storage.FORMULA}


class NotRegular(Exception):
    """The XML is not of the kind the fast scan reads."""


class _CellKind(NamedTuple):
    """How cells of one column are written, and what that says."""

    layout: CellLayout
    form: RawForm


@dataclass(slots=True)
class RowKind:
    """Rows with cells of the same kinds, and how many of them were read cell by cell."""

    layout: tuple[CellLayout, ...]
    forms: tuple[RawForm, ...]
    seen: int = 0


class RowReader:
    """Reads rows into ``bands``; ``hidden`` rows and ``links`` that formulas make are kept."""

    def __init__(self, bands: BandBuilder) -> None:
        self.hidden: set[int] = set()
        self.links: list[Link] = []
        self._bands = bands
        self._met: dict[tuple[str, str] | tuple[str, str, bool], int] = {}
        self._cells: list[_CellKind] = []
        self._kinds: dict[tuple[int, ...], RowKind] = {}
        self._formulas = SharedFormulas()

    def read(self, piece: str) -> RowKind:
        """Read a row up to its end tag. Raises NotRegular."""
        start = _ROW.match(piece)
        if start is None:
            raise NotRegular
        row = int(start[1])
        if is_hidden(start[2]):
            self.hidden.add(row)
        cells = cells_of_row(piece, start.end())
        if cells is None:
            raise NotRegular
        met: list[int] = []
        values: list[str] = []
        for cell in cells:
            letters, number, attributes, formula_attributes, _, _, value, inline = cell.groups()
            if number != start[1]:
                raise NotRegular
            if formula_attributes is not None:
                one, value = self._formula_cell(cell, row)
            else:
                one = self._met.get((letters, attributes)) or self._meet(letters, attributes)
                if inline is not None and self._cells[one].form.storage is Storage.INLINE:
                    value = _inline_value(inline)
            if value:
                met.append(one)
                values.append(value)
        key = tuple(met)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = self._kind([self._cells[one] for one in met])
        if met:
            self._bands.add_row(kind.forms, row, values)
        kind.seen += 1
        return kind

    def _meet(self, letters: str, attributes: str, *, formula: bool = False, uncached: bool = False) -> int:
        """A cell's form as a number, the same for every cell like it."""
        key = (letters, attributes, uncached) if formula else (letters, attributes)
        found = self._met.get(key)
        if found is None:
            storage = Storage.FORMULA if uncached else _storage(attributes)
            form = RawForm(column_number(letters), storage, style_of(attributes), formula)
            found = self._met[key] = len(self._cells)
            self._cells.append(_CellKind(CellLayout(letters, attributes, storage, formula), form))
        return found

    def _formula_cell(self, cell: re.Match[str], row: int) -> tuple[int, str | None]:
        letters, _, attributes, formula_attributes, formula, has_value, value, inline = cell.groups()
        column, storage = column_number(letters), _storage(attributes)
        if storage is Storage.INLINE and inline is not None:
            value = _inline_value(inline)
        self._formulas.note(formula_attributes, formula or "", row, column)
        target = link_of_formula(formula or "")
        if target is not None:
            self.links.append(Link(Rectangle(row, column, row, column), target))
        # A formula without a result has no value; an empty text as result has its type and a value written.
        if not value and not (storage is Storage.TEXT and has_value):
            text = self._formulas.text(formula_attributes, formula or "", row, column)
            return self._meet(letters, attributes, formula=True, uncached=True), text
        return self._meet(letters, attributes, formula=True), value

    def _kind(self, cells: list[_CellKind]) -> RowKind:
        """Rows with these cells. Raises NotRegular where columns do not ascend."""
        if any(one.form.column >= other.form.column for one, other in pairwise(cells)):
            raise NotRegular
        return RowKind(tuple(cell.layout for cell in cells), tuple(cell.form for cell in cells))


def _storage(attributes: str) -> Storage:
    name = attributes.partition(' t="')[2].partition('"')[0]
    if not name:
        return Storage.NUMBER
    if name not in _STORAGES:
        raise NotRegular
    return _STORAGES[name]


def _inline_value(inline: str) -> str:
    plain = _PLAIN_INLINE.fullmatch(inline)
    return inline if plain is None else plain[1]


def style_of(attributes: str) -> int:
    """The style that the attributes of a cell name."""
    return whole_number(attributes.partition(' s="')[2].partition('"')[0])


def is_hidden(attributes: str) -> bool:
    """Whether the attributes of a row say that it is hidden."""
    return 'hidden="1"' in attributes or 'hidden="true"' in attributes
