"""A sheet as it is to be read: which rows and columns count, what stands in them, what is left out.

Hidden rows and columns are not there at all: rows around a hidden one adjoin. With ``include_hidden`` everything is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingestkit_excel.extract.closeup import Closeup
from ingestkit_excel.workbook import Rectangle, RowMasks, Sheet

__all__ = ["Region", "SheetView", "bits", "view_of"]


@dataclass(frozen=True, slots=True)
class SheetView:
    """A sheet without what is left out.

    ``masks`` has, for each filled row ascending, its filled columns as bits (bit n is column n). ``closeup`` shows
    single rows.
    """

    sheet: Sheet
    masks: RowMasks
    hidden_rows: Sequence[int]
    hidden_columns: int
    closeup: Closeup

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
    closeup = Closeup(sheet)
    if include_hidden:
        return SheetView(sheet, sheet.row_masks(), (), 0, closeup)
    hidden_columns = 0
    for first, last in sheet.hidden_columns:
        hidden_columns |= (1 << last + 1) - (1 << first)
    seen = sheet.row_masks().within(~hidden_columns).without_rows(sheet.hidden_rows)
    return SheetView(sheet, seen, sorted(sheet.hidden_rows), hidden_columns, closeup)


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

    def foreign(self, rows: Sequence[int]) -> dict[int, int]:
        """Of some rows those where cells of other regions stand in its columns, with those columns as bits."""
        columns = sum(1 << column for column in self.columns)
        if not self._may_have_foreign(columns):
            return {}
        found = ((row, self.view.masks.get(row, 0) & columns & ~self.masks.get(row, 0)) for row in rows)
        return {row: mask for row, mask in found if mask}

    def _may_have_foreign(self, columns: int) -> bool:
        own, seen = self.masks, self.view.masks
        if own is seen or all(kind == columns for kind in own.kinds):
            return False
        start, stop = seen.between(self.top, self.bottom)
        if stop - start != len(own):
            return True
        pairs = set(zip(own.codes, seen.codes[start:stop], strict=True))
        return any(seen.kinds[code] & columns & ~own.kinds[own_code] for own_code, code in pairs)


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
