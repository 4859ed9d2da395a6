"""A sheet as it is to be read: which rows and columns count, what stands in them, what is left out.

Hidden rows and columns are not there at all: rows around a hidden one adjoin. With ``include_hidden`` everything is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingestkit_excel.workbook import Band, Block, CellForm, Rectangle, RowMasks, Sheet

__all__ = ["Region", "SheetView", "bits", "view_of"]

_MANY_BANDS = 16


@dataclass(frozen=True, slots=True)
class SheetView:
    """A sheet without what is left out.

    ``masks`` has, for each filled row ascending, its filled columns as bits (bit n is column n). ``places`` says in
    which bands a row is.
    """

    sheet: Sheet
    masks: RowMasks
    hidden_rows: Sequence[int]
    hidden_columns: int
    places: Places

    def cells(self, row: int, left: int, right: int) -> Iterator[tuple[int, CellForm, str]]:
        """The filled cells of a row between two columns as (column, form, raw value), band by band."""
        for band, index in self.places.of(row):
            for form, values in zip(band.forms, band.columns, strict=True):
                if left <= form.column <= right:
                    value = values[index]
                    if value is not None:
                        yield form.column, form, value

    def rows(self, top: int, bottom: int) -> Sequence[int]:
        """The rows of a span that are not hidden."""
        if not self._hidden_between(top - 1, bottom + 1):
            return range(top, bottom + 1)
        hidden = set(self.hidden_rows)
        return [row for row in range(top, bottom + 1) if row not in hidden]

    def row_gap(self, above: int, below: int) -> int:
        """How many rows that are not hidden lie between two rows."""
        return below - above - 1 - self._hidden_between(above, below)

    def column_gap(self, left: int, right: int) -> int:
        """How many columns that are not hidden lie between two columns."""
        between = (1 << right) - (1 << left + 1)
        return right - left - 1 - (self.hidden_columns & between).bit_count()

    def _hidden_between(self, above: int, below: int) -> int:
        return bisect_left(self.hidden_rows, below) - bisect_left(self.hidden_rows, above + 1)


def view_of(sheet: Sheet, *, include_hidden: bool) -> SheetView:
    """A sheet with or without its hidden rows and columns."""
    places = Places(sheet.blocks)
    if include_hidden:
        return SheetView(sheet, sheet.row_masks(), (), 0, places)
    hidden_columns = 0
    for first, last in sheet.hidden_columns:
        hidden_columns |= (1 << last + 1) - (1 << first)
    seen = sheet.row_masks().within(~hidden_columns).without_rows(sheet.hidden_rows)
    return SheetView(sheet, seen, sorted(sheet.hidden_rows), hidden_columns, places)


class Places:
    """In which bands a row is, and where in them. Looked up in one block at a time."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        self._ends = [max(band.rows[-1] for band in block) for block in blocks]
        self._known: tuple[int, Mapping[int, Sequence[tuple[Band, int]]]] = (-1, {})

    def of(self, row: int) -> Iterable[tuple[Band, int]]:
        """The bands of a row with its index in each."""
        number = bisect_left(self._ends, row)
        if number == len(self._blocks):
            return ()
        block = self._blocks[number]
        if len(block) <= _MANY_BANDS:
            return ((band, start) for band in block for start, stop in (band.span(row, row),) if start < stop)
        if self._known[0] != number:
            self._known = (number, _places(block))
        return self._known[1].get(row, ())


def _places(block: Block) -> Mapping[int, Sequence[tuple[Band, int]]]:
    places: dict[int, list[tuple[Band, int]]] = {}
    for band in block:
        for index, row in enumerate(band.rows):
            places.setdefault(row, []).append((band, index))
    return places


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Region:
    """A block of cells that belong together. ``masks`` are those of its filled rows, within its columns.

    ``columns`` are those with a filled cell: blank ones in between only keep others apart. A region equals only
    itself, so that what was found out about one can be kept for as long as it lives.
    """

    view: SheetView
    masks: RowMasks
    columns: tuple[int, ...]

    @property
    def left(self) -> int:
        """The first filled column."""
        return self.columns[0]

    @property
    def right(self) -> int:
        """The last filled column."""
        return self.columns[-1]

    @property
    def top(self) -> int:
        """The first filled row."""
        return self.masks.rows[0]

    @property
    def bottom(self) -> int:
        """The last filled row."""
        return self.masks.rows[-1]

    @property
    def place(self) -> Rectangle:
        """The rectangle around its filled cells."""
        return Rectangle(self.top, self.left, self.bottom, self.right)

    @property
    def width(self) -> int:
        """How many columns it has."""
        return len(self.columns)

    @property
    def cells(self) -> int:
        """How many cells are filled."""
        return self.masks.cells


def region_of(view: SheetView, masks: Mapping[int, int]) -> Region:
    """The region of some filled rows."""
    found = RowMasks.of(masks)
    return Region(view, found, tuple(bits(found.union)))


def bits(mask: int) -> list[int]:
    """The columns in a mask, ascending."""
    columns: list[int] = []
    while mask:
        lowest = mask & -mask
        columns.append(lowest.bit_length() - 1)
        mask ^= lowest
    return columns
