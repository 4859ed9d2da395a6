"""Rows into bands: rows whose cells have the same forms are gathered, then turned into columns.

Both scans of a sheet's XML (the fast one and the careful one) hand their rows over here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from ingestkit_excel.workbook.blocks import Blocks, UnfitRows
from ingestkit_excel.workbook.masks import compact
from ingestkit_excel.workbook.strings import Strings, are_plain, clean_text, rich_text
from ingestkit_excel.workbook.values import Band, CellForm, CellKind

__all__ = ["BandBuilder", "RawForm", "Storage", "UnfitRows"]


class Storage(StrEnum):
    """How the XML stores a value: the ``t`` attribute of a cell; ``formula`` where it has no value."""

    NUMBER = "n"
    SHARED = "s"
    TEXT = "str"
    INLINE = "inlineStr"
    BOOLEAN = "b"
    ERROR = "e"
    MOMENT = "d"
    FORMULA = "formula"


_KINDS = {
    Storage.NUMBER: CellKind.NUMBER,
    Storage.SHARED: CellKind.TEXT,
    Storage.TEXT: CellKind.TEXT,
    Storage.INLINE: CellKind.TEXT,
    Storage.BOOLEAN: CellKind.BOOLEAN,
    Storage.ERROR: CellKind.ERROR,
    Storage.MOMENT: CellKind.MOMENT,
    Storage.FORMULA: CellKind.FORMULA,
}


class RawForm(NamedTuple):
    """A cell's form as the XML has it."""

    column: int
    storage: Storage
    style: int
    formula: bool


class _Gathered(NamedTuple):
    rows: list[str | int]
    values: list[Sequence[str | None]]


class BandBuilder:
    """Gathers rows; at the end of a block their bands go into ``blocks``.

    ``strings`` are the shared strings. Without them, values are final: not XML any more.
    """

    def __init__(self, strings: Strings | None, blocks: Blocks) -> None:
        self._strings = strings
        self._blocks = blocks
        self._gathered: dict[tuple[RawForm, ...], _Gathered] = {}
        self._bands: list[Band] = []

    def add_row(self, forms: tuple[RawForm, ...], row: str | int, values: Sequence[str | None]) -> None:
        """One row; ``values`` in the order of ``forms``."""
        gathered = self._gathered.get(forms)
        if gathered is None:
            gathered = self._gathered[forms] = _Gathered([], [])
        gathered.rows.append(row)
        gathered.values.append(values)

    def add_columns(
        self,
        forms: tuple[RawForm, ...],
        rows: Iterable[str | int],
        columns: Iterable[Sequence[str | None]],
    ) -> None:
        """Many rows at once, column by column. Raises UnfitRows."""
        numbers = list(map(int, rows))
        if any(map(int.__ge__, numbers, numbers[1:])):
            raise UnfitRows
        found: list[tuple[CellForm, Sequence[str | None], int]] = []
        for form, column in zip(forms, columns, strict=True):
            values = self._resolved(form.storage, column)
            filled = len(values) - values.count(None)
            if filled:
                found.append((CellForm(form.column, _KINDS[form.storage], form.style, form.formula), values, filled))
        if found:
            kept, resolved, counts = zip(*found, strict=True)
            self._bands.append(Band(kept, compact(numbers), resolved, counts))

    def end_block(self) -> None:
        """What was gathered is a block: later rows stand below it. Raises UnfitRows."""
        for forms, gathered in self._gathered.items():
            self.add_columns(forms, gathered.rows, zip(*gathered.values, strict=True))
        self._gathered = {}
        if len(self._bands) > 1:
            rows = [row for band in self._bands for row in band.rows]
            if len(set(rows)) != len(rows):
                raise UnfitRows
        if self._bands:
            self._blocks.add(tuple(self._bands))
        self._bands = []

    def _resolved(self, storage: Storage, column: Sequence[str | None]) -> Sequence[str | None]:
        if self._strings is None:
            return column
        if storage is Storage.SHARED:
            try:
                return self._strings.look_up(column)
            except LookupError:
                raise UnfitRows from None
        if storage in (Storage.TEXT, Storage.FORMULA, Storage.INLINE):
            if are_plain(column):
                return column
            clean = rich_text if storage is Storage.INLINE else clean_text
            return [None if text is None else clean(text) if "<" in text else clean_text(text) for text in column]
        return column
