"""A workbook as plain values. No library's objects, no I/O.

    Workbook
    └── Sheet
        ├── Block: some thousand rows
        │   └── Band: rows whose cells are stored alike (same columns, kinds and styles), column by column
        ├── merges, hidden rows and columns, comments, links, tables
        └── counts of what has no cells (charts, images, pivot tables)

A cell's value is its raw text: the digits of a number as the file has them, a text as it is, ``0`` or ``1``, an error's
name. What it means follows from its form (kind and style). Bands exist because real sheets repeat one row shape
thousands of times: whatever is done per form instead of per cell is done once.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ingestkit_core.elements import range_name

from ingestkit_excel.models import ParserUsed
from ingestkit_excel.workbook.masks import RowMasks

__all__ = [
    "USUAL_WIDTH",
    "Aside",
    "AsideKind",
    "Band",
    "Block",
    "CellForm",
    "CellKind",
    "Chart",
    "Comment",
    "DefinedName",
    "Link",
    "ListObject",
    "Rectangle",
    "Sheet",
    "SheetKind",
    "SheetState",
    "Styles",
    "Workbook",
]


USUAL_WIDTH = 8.43
"""Characters a column has room for unless the file says otherwise."""


class CellKind(StrEnum):
    """What a cell holds. ``formula`` is one whose result the file does not have; its raw value is ``=...``.

    ``moment`` is a date, time or both as ISO text (strict files, and fallback readers).
    """

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    ERROR = "error"
    MOMENT = "moment"
    FORMULA = "formula"


class SheetState(StrEnum):
    """Whether a person sees the sheet."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    VERY_HIDDEN = "veryHidden"


class SheetKind(StrEnum):
    """What a sheet is; only worksheets and macro sheets have cells. A module is code that old files list as a sheet."""

    WORKSHEET = "worksheet"
    CHARTSHEET = "chartsheet"
    DIALOGSHEET = "dialogsheet"
    MACROSHEET = "macrosheet"
    MODULE = "module"


class CellForm(NamedTuple):
    """How the cells of one column are stored in the rows of a band. ``column`` is 1-based."""

    column: int
    kind: CellKind
    style: int
    formula: bool


class Rectangle(NamedTuple):
    """Rows and columns, 1-based and inclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def a1(self) -> str:
        """The range in A1 notation."""
        return range_name(self.top, self.left, self.bottom, self.right)

    def contains(self, row: int, column: int) -> bool:
        """Whether a cell lies in it."""
        return self.top <= row <= self.bottom and self.left <= column <= self.right

    def intersects(self, other: Rectangle) -> bool:
        """Whether the two share a cell."""
        return (
            self.top <= other.bottom
            and other.top <= self.bottom
            and self.left <= other.right
            and other.left <= self.right
        )


@dataclass(frozen=True, slots=True)
class Band:
    """Rows stored alike. ``rows`` are ascending row numbers; ``columns[i][j]`` is the value of ``forms[i]`` in
    ``rows[j]``, None where the cell is empty; ``filled[i]`` is how many values of a column are not None, at least one.

    Columns may be in a file (``known`` are their masks then): to be gone through, not looked into cell by cell.
    """

    forms: tuple[CellForm, ...]
    rows: Sequence[int]
    columns: tuple[Sequence[str | None], ...]
    filled: tuple[int, ...]
    known: RowMasks | None = None

    def span(self, top: int, bottom: int) -> tuple[int, int]:
        """The slice of ``rows`` that lies between two rows (inclusive)."""
        return bisect_left(self.rows, top), bisect_left(self.rows, bottom + 1)

    def masks(self) -> RowMasks:
        """The filled columns of its rows."""
        if self.known is not None:
            return self.known
        full = sum(1 << form.column for form in self.forms)
        partial = [
            (1 << form.column, values)
            for form, values, filled in zip(self.forms, self.columns, self.filled, strict=True)
            if filled < len(values)
        ]
        if not partial:
            return RowMasks(self.rows, bytes(len(self.rows)), (full,))
        if len(partial) == 1:
            ((bit, values),) = partial
            return RowMasks(self.rows, bytes([value is None for value in values]), (full, full - bit))
        index: dict[tuple[bool, ...], int] = {}
        holes = zip(*([value is None for value in values] for _, values in partial), strict=True)
        codes = array("I", [index.setdefault(hole, len(index)) for hole in holes])
        kinds = [full - sum(bit for (bit, _), gone in zip(partial, hole, strict=True) if gone) for hole in index]
        return RowMasks(self.rows, codes, kinds)


Block = tuple[Band, ...]
"""Bands whose rows may be interleaved; all stand above those of the next block."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A note attached to a cell."""

    row: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where the cells of a range lead to: a URL or a place in the workbook (``#Sheet!A1``). Never followed."""

    place: Rectangle
    target: str


@dataclass(frozen=True, slots=True)
class ListObject:
    """A table as Excel itself defines it; the rectangle includes header and totals rows."""

    name: str
    place: Rectangle
    header_rows: int
    totals_rows: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart on a sheet: the titles written on it (its own first, then those of axes), where it lies, and what its
    series are called.
    """

    titles: tuple[str, ...]
    place: Rectangle | None
    series: tuple[str, ...] = ()


class AsideKind(StrEnum):
    """What text stands on a sheet in no cell. ``choices`` are the values cells may have, as a rule lists them."""

    TEXT_BOX = "text box"
    PICTURE = "picture"
    DIAGRAM = "diagram"
    PIVOT_TABLE = "pivot table"
    CHOICES = "choices"
    PAGE_HEADER = "page header"
    PAGE_FOOTER = "page footer"


@dataclass(frozen=True, slots=True)
class Aside:
    """Text on a sheet that stands in no cell: of a text box or a diagram, the description of a picture, the name of a
    pivot table.

    Page headers and footers have no place; lines are divided by line feeds.
    """

    kind: AsideKind
    text: str
    place: Rectangle | None = None


@dataclass(frozen=True, slots=True)
class DefinedName:
    """A name for a range of one sheet."""

    name: str
    sheet_name: str
    place: Rectangle


@dataclass(frozen=True, slots=True)
class Styles:
    """What style ids mean: the number format code by id, which ids are set in bold, filled or bordered, set right
    or centred, and from which year days are counted.
    """

    formats: tuple[str, ...] = ("General",)
    date1904: bool = False
    bold: frozenset[int] = frozenset()
    filled: frozenset[int] = frozenset()
    bordered: frozenset[int] = frozenset()
    right: frozenset[int] = frozenset()
    centred: frozenset[int] = frozenset()

    def format_of(self, style: int) -> str:
        """The number format code of a style; General for an id the file does not define."""
        return self.formats[style] if 0 <= style < len(self.formats) else "General"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet. Ranges of hidden columns are (first, last), 1-based and inclusive; so are those of columns that are
    not as wide as usual, with their width in characters.

    ``uncached`` counts formulas without a result, ``formulas`` all of them. ``reason`` says why the scan of the XML
    did not read it; ``failed`` that nobody could.
    """

    name: str
    kind: SheetKind = SheetKind.WORKSHEET
    state: SheetState = SheetState.VISIBLE
    parser: ParserUsed = ParserUsed.XML
    reason: str | None = None
    failed: bool = False
    styles: Styles = Styles()
    blocks: tuple[Block, ...] = ()
    merges: tuple[Rectangle, ...] = ()
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: tuple[tuple[int, int], ...] = ()
    column_widths: tuple[tuple[int, int, float], ...] = ()
    usual_width: float = USUAL_WIDTH
    comments: tuple[Comment, ...] = ()
    links: tuple[Link, ...] = ()
    tables: tuple[ListObject, ...] = ()
    charts: tuple[Chart, ...] = ()
    asides: tuple[Aside, ...] = ()
    images: int = 0
    pivots: int = 0
    formulas: int = 0
    uncached: int = 0

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands of all blocks."""
        return tuple(band for block in self.blocks for band in block)

    @property
    def hidden(self) -> bool:
        """Whether a person does not see the sheet."""
        return self.state is not SheetState.VISIBLE

    def is_hidden_column(self, column: int) -> bool:
        """Whether the column is hidden."""
        return any(first <= column <= last for first, last in self.hidden_columns)

    def width_of(self, column: int) -> float:
        """How many characters a column has room for."""
        told = (width for first, last, width in self.column_widths if first <= column <= last)
        return next(told, self.usual_width)

    def cell_count(self) -> int:
        """How many cells are not empty."""
        return sum(sum(band.filled) for band in self.bands)

    def row_masks(self) -> RowMasks:
        """For every row that is not empty, ascending: the set of its filled columns, as bits (bit n is column n)."""
        return RowMasks.joined([band.masks() for band in block] for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Workbook:
    """A workbook: its sheets in their order. ``is_locked``: only a password lets hidden sheets be shown."""

    sheets: tuple[Sheet, ...]
    names: tuple[DefinedName, ...] = ()
    title: str = ""
    has_macros: bool = False
    has_external_links: bool = False
    is_locked: bool = False
