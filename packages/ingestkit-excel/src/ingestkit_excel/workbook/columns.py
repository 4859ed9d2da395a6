"""A column of a region: its cells as a person sees them, and as typed values.

A column is a few pieces, each of one form, so that what a form means is worked out once and the values go through in
bulk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ingestkit_excel.workbook.meaning import shown_texts
from ingestkit_excel.workbook.values import CellForm, Sheet, Styles

__all__ = ["Column", "Piece", "columns_of", "place", "shown"]


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Piece:
    """Cells of one form. ``positions`` index the rows of the region, ``values`` are raw and never None."""

    form: CellForm
    positions: Sequence[int]
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class Column:
    """The filled cells of one column in the rows of a region; ``length`` is the number of those rows."""

    column: int
    length: int
    pieces: tuple[Piece, ...]
    styles: Styles

    @property
    def filled(self) -> int:
        """How many cells are not empty."""
        return sum(len(piece.values) for piece in self.pieces)


def columns_of(sheet: Sheet, columns: Sequence[int], rows: Sequence[int]) -> list[Column]:
    """Columns of a sheet, in the given order, over the same ascending rows."""
    top, bottom = rows[0], rows[-1]
    place = None if len(rows) == bottom - top + 1 else {row: index for index, row in enumerate(rows)}
    pieces: dict[int, list[Piece]] = {column: [] for column in columns}
    for band in sheet.bands:
        start, stop = band.span(top, bottom)
        if start == stop:
            continue
        of_band = band.rows[start:stop]
        for form, values, filled in zip(band.forms, band.columns, band.filled, strict=True):
            if form.column in pieces:
                inside = Piece(form, of_band, values[start:stop])  # type: ignore[arg-type]  # made so below
                pieces[form.column].extend(_placed(inside, top, place, whole=filled == len(values)))
    return [Column(column, len(rows), tuple(pieces[column]), sheet.styles) for column in columns]


def _placed(piece: Piece, top: int, place: dict[int, int] | None, *, whole: bool) -> Iterator[Piece]:
    """A piece whose positions are still row numbers, without empty cells and rows that are left out."""
    if whole and place is None:
        yield Piece(piece.form, _positions(piece.positions, top), piece.values)
        return
    pairs = [
        (row - top if place is None else place[row], value)
        for row, value in zip(piece.positions, piece.values, strict=True)
        if value is not None and (place is None or row in place)
    ]
    if pairs:
        positions, found = zip(*pairs, strict=True)
        yield Piece(piece.form, positions, found)


def _positions(rows: Sequence[int], top: int) -> Sequence[int]:
    if rows[-1] - rows[0] + 1 == len(rows):
        return range(rows[0] - top, rows[-1] - top + 1)
    return [row - top for row in rows]


def shown(column: Column) -> list[str]:
    """What a person sees in each row; an empty text for an empty cell."""
    texts = [""] * column.length
    for piece in column.pieces:
        place(texts, piece.positions, shown_texts(piece.form, piece.values, column.styles))
    return texts


def place(target: list[_T], positions: Sequence[int], values: Sequence[_T]) -> None:
    """Put values where they belong, in bulk where the positions adjoin."""
    if isinstance(positions, range):
        target[positions.start : positions.stop] = values
        return
    for position, value in zip(positions, values, strict=True):
        target[position] = value
