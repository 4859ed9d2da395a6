"""A column of a region: its cells as a person sees them, block by block.

    Column
    └── Stretch: the rows of the region that stand in one block of the sheet
        └── Piece: cells of one form

What a form means is worked out once and the values of a piece go through in bulk. Values of a large sheet are in a
file; a piece reads them when asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ingestkit_excel.workbook.meaning import shown_texts
from ingestkit_excel.workbook.values import Band, CellForm, Sheet, Styles

__all__ = ["Column", "Piece", "Stretch", "columns_of", "place", "shown", "shown_stretch", "without_rows"]


_T = TypeVar("_T")

_FEW_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """Cells of one form. ``positions`` index the rows of the stretch, ``values`` are raw and never None."""

    form: CellForm
    positions: Sequence[int]
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Slot:
    """One form of a band: its values between two indexes."""

    band: Band
    index: int
    start: int
    stop: int

    @property
    def form(self) -> CellForm:
        return self.band.forms[self.index]

    @property
    def is_whole(self) -> bool:
        return self.band.filled[self.index] == len(self.band.rows)

    def values(self) -> Sequence[str | None]:
        return self.band.columns[self.index][self.start : self.stop]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a column that stands in one block. ``rows`` are the region's there, ``first`` is the index of the
    first of them among all rows of the region. ``known`` are its pieces where they are few.
    """

    rows: Sequence[int]
    first: int
    slots: tuple[_Slot, ...]
    known: tuple[Piece, ...] | None = None

    def pieces(self) -> Iterator[Piece]:
        """Its filled cells, form by form."""
        if self.known is not None:
            return iter(self.known)
        return (piece for slot in self.slots if (piece := _piece(slot, self.rows)) is not None)

    def counts(self) -> Iterator[tuple[CellForm, int]]:
        """How many cells of each form are filled."""
        if self.known is not None:
            yield from ((piece.form, len(piece.values)) for piece in self.known)
            return
        for slot in self.slots:
            whole = slot.stop - slot.start == len(slot.band.rows)
            if _adjoin(self.rows) and whole:
                yield slot.form, slot.band.filled[slot.index]
            elif _adjoin(self.rows) and slot.is_whole:
                yield slot.form, slot.stop - slot.start
            elif (piece := _piece(slot, self.rows)) is not None:
                yield slot.form, len(piece.values)


@dataclass(frozen=True, slots=True)
class Column:
    """The filled cells of one column in the rows of a region; ``length`` is the number of those rows."""

    column: int
    length: int
    stretches: tuple[Stretch, ...]
    styles: Styles

    def counts(self) -> Iterator[tuple[CellForm, int]]:
        """How many cells of each form are filled, form by form and block by block."""
        return (count for stretch in self.stretches for count in stretch.counts())

    @property
    def filled(self) -> int:
        """How many cells are not empty."""
        return sum(count for _, count in self.counts())


def columns_of(sheet: Sheet, columns: Sequence[int], rows: Sequence[int]) -> list[Column]:
    """Columns of a sheet, in the given order, over the same ascending rows: all cut into stretches alike."""
    stretches: dict[int, list[Stretch]] = {column: [] for column in columns}
    first = 0
    for number, block in enumerate(sheet.blocks, start=1):
        end = max(band.rows[-1] for band in block)
        stop = bisect_left(rows, end + 1) if number < len(sheet.blocks) else len(rows)
        inside = rows[first:stop]
        if len(inside) and len(inside) <= _FEW_ROWS and all(band.known is None for band in block):
            pieces = _pieces(block, inside, columns)
            for column, found in stretches.items():
                found.append(Stretch(inside, first, (), tuple(pieces[column])))
        elif len(inside):
            slots: dict[int, list[_Slot]] = {column: [] for column in columns}
            _fill(slots, block, inside)
            for column, found in stretches.items():
                found.append(Stretch(inside, first, tuple(slots[column])))
        first = stop
    return [Column(column, len(rows), tuple(stretches[column]), sheet.styles) for column in columns]


def _pieces(block: Sequence[Band], rows: Sequence[int], columns: Sequence[int]) -> dict[int, list[Piece]]:
    """The filled cells of few rows, column by column: bands are many where rows are few, and each is short."""
    top = rows[0]
    places = None if _adjoin(rows) else {row: index for index, row in enumerate(rows)}
    gathered: dict[CellForm, tuple[list[int], list[str]]] = {}
    wanted = set(columns)
    for band in block:
        start, stop = band.span(top, rows[-1])
        if start == stop:
            continue
        of_band = band.rows[start:stop]
        positions = [row - top for row in of_band] if places is None else list(map(places.get, of_band))
        for form, cells in zip(band.forms, band.columns, strict=True):
            if form.column not in wanted:
                continue
            at, values = gathered.setdefault(form, ([], []))
            for position, value in zip(positions, cells[start:stop], strict=True):
                if value is not None and position is not None:
                    at.append(position)
                    values.append(value)
    found: dict[int, list[Piece]] = {column: [] for column in columns}
    for form, (at, values) in gathered.items():
        if values:
            found[form.column].append(Piece(form, at, values))
    return found


def _fill(slots: dict[int, list[_Slot]], block: Sequence[Band], rows: Sequence[int]) -> None:
    for band in block:
        start, stop = band.span(rows[0], rows[-1])
        if start < stop:
            for index, form in enumerate(band.forms):
                if form.column in slots:
                    slots[form.column].append(_Slot(band, index, start, stop))


def _adjoin(rows: Sequence[int]) -> bool:
    return rows[-1] - rows[0] + 1 == len(rows)


def _piece(slot: _Slot, rows: Sequence[int]) -> Piece | None:
    """The filled cells of a slot that stand in these rows."""
    of_band, values, top = slot.band.rows[slot.start : slot.stop], slot.values(), rows[0]
    if _adjoin(rows):
        positions = _positions(of_band, top)
        if slot.is_whole:
            return Piece(slot.form, positions, values)  # type: ignore[arg-type]  # no cell is empty
        found = [value for value in values if value is not None]
        kept = [position for position, value in zip(positions, values, strict=True) if value is not None]
        return Piece(slot.form, kept, found) if found else None
    places = {row: index for index, row in enumerate(rows)}
    pairs = [
        (places[row], value) for row, value in zip(of_band, values, strict=True) if value is not None and row in places
    ]
    return Piece(slot.form, *zip(*pairs, strict=True)) if pairs else None


def _positions(rows: Sequence[int], top: int) -> Sequence[int]:
    if rows[-1] - rows[0] + 1 == len(rows):
        return range(rows[0] - top, rows[-1] - top + 1)
    return [row - top for row in rows]


def without_rows(column: Column, left_out: Collection[int]) -> Column:
    """A column whose cells in some rows count as empty."""
    return replace(column, stretches=tuple(_without_rows(stretch, left_out) for stretch in column.stretches))


def _without_rows(stretch: Stretch, left_out: Collection[int]) -> Stretch:
    empty = {position for position, row in enumerate(stretch.rows) if row in left_out}
    if not empty:
        return stretch
    kept: list[Piece] = []
    for piece in stretch.pieces():
        cells = [cell for cell in zip(piece.positions, piece.values, strict=True) if cell[0] not in empty]
        if cells:
            kept.append(Piece(piece.form, *zip(*cells, strict=True)))
    return Stretch(stretch.rows, stretch.first, (), tuple(kept))


def shown(column: Column) -> list[str]:
    """What a person sees in each row; an empty text for an empty cell."""
    return [text for stretch in column.stretches for text in shown_stretch(stretch, column.styles)]


def shown_stretch(stretch: Stretch, styles: Styles) -> list[str]:
    """The same for the rows of one stretch."""
    texts = [""] * len(stretch.rows)
    for piece in stretch.pieces():
        place(texts, piece.positions, shown_texts(piece.form, piece.values, styles))
    return texts


def place(target: list[_T], positions: Sequence[int], values: Sequence[_T]) -> None:
    """Put values where they belong, in bulk where the positions adjoin."""
    if isinstance(positions, range):
        target[positions.start : positions.stop] = values
        return
    for position, value in zip(positions, values, strict=True):
        target[position] = value
