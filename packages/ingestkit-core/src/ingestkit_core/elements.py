"""What a reader finds: elements made of spans, each span with its place. Values only, no I/O.

    Element (heading, paragraph, list item, table, ...)
    └── Span: a text that can be cited by itself (a line of a page, a row of a table, a cell)
        └── Location: a box on a page, or a range on a sheet

Readers build elements in a worker; ``chunking`` packs them there too. Everything pickles.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from ingestkit_core.boxes import Box, around_boxes, joined_boxes
from ingestkit_core.language import WIDE

__all__ = [
    "CELL_SEPARATOR",
    "Box",
    "CellRange",
    "ColumnType",
    "Element",
    "ElementKind",
    "Location",
    "PageBox",
    "RowPlace",
    "Span",
    "TableColumn",
    "TableDraft",
    "around",
    "column_letters",
    "join_lines",
    "line_separator",
    "merge_locations",
    "range_name",
    "unit_of",
    "visible_length",
]

CELL_SEPARATOR = " | "


@dataclass(frozen=True, slots=True)
class PageBox:
    """A box on a page. ``page_number`` is 1-based; the box is in points from the page's top left."""

    page_number: int
    box: Box


@dataclass(frozen=True, slots=True)
class CellRange:
    """A range on a sheet in A1 notation (``B4`` or ``B4:D17``)."""

    sheet_name: str
    cell_range: str


Location = Annotated[PageBox | CellRange, Field(union_mode="left_to_right")]


RowPlace = PageBox | CellRange | tuple[PageBox, ...]
"""Where a row of a table stands: several boxes of one page where one box would take in text of other rows."""


class ElementKind(StrEnum):
    """What an element is to a reader of the document.

    A ``schema`` describes a table rather than being text of the document: it stands in a chunk of its own,
    cites what it describes, and its spans count 0.
    """

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE = "table"
    FIGURE = "figure"
    CAPTION = "caption"
    FORM_FIELD = "form_field"
    NOTE = "note"
    SCHEMA = "schema"


@dataclass(frozen=True, slots=True)
class Span:
    """The smallest text that can be cited by itself.

    ``count`` is how many source items the text stands for, in the unit's ledger measure: visible
    characters of a page, cells of a sheet. Text that repeats something else counts 0. ``parts`` are the cells of
    a long row, each with its own place: where the row is larger than a chunk it is cut between them. ``places``
    are the boxes within ``location`` that hold the text, where they do not fill it.
    """

    text: str
    location: PageBox | CellRange
    count: int
    parts: tuple[Span, ...] = ()
    places: tuple[PageBox, ...] = ()

    @property
    def locations(self) -> tuple[PageBox | CellRange, ...]:
        """Where the text stands, as a citation says it."""
        return self.places or (self.location,)


@dataclass(frozen=True, slots=True)
class Element:
    """One piece of a document in reading order.

    For a table ``spans`` are its body rows and ``header`` the rows repeated above every chunk of it; a row's
    text is its cells joined by ``CELL_SEPARATOR``.
    ``level`` is the depth of a heading, 1 being the highest; 0 for everything else. ``content_type``
    overrides the kind's name in the chunk's metadata. ``metadata`` holds fields of the format's own
    chunk metadata (``sheet_name``, ``region_id``, ``ocr_confidence``...). ``table_index`` points into
    the extraction's tables where the element belongs to one. ``columns`` are a table's column names.
    ``is_apart``: what a picture says, among text that stands by itself; no chunk holds both, but for captions.
    """

    kind: ElementKind
    spans: tuple[Span, ...]
    level: int = 0
    header: tuple[Span, ...] = ()
    content_type: str | None = None
    metadata: tuple[tuple[str, Any], ...] = ()
    table_index: int | None = None
    columns: tuple[str, ...] = ()
    is_apart: bool = False

    @property
    def text(self) -> str:
        """The element's text as prose (or as lines, for a table)."""
        texts = [span.text for span in self.spans]
        return "\n".join(texts) if self.kind is ElementKind.TABLE else join_lines(texts)


ColumnType = Literal["integer", "number", "decimal", "text", "boolean", "date", "time", "datetime", "duration"]
"""``decimal`` is exact text; dates and times are ISO text; ``duration`` is seconds."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a SQL table: its SQL name, the header as the document shows it, and its type."""

    name: str
    header: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class TableDraft:
    """A table for the SQL side, not yet named: the owner derives the name from tenant, source and place.

    ``unit`` is the sheet's name or ``page 3``; ``region_id`` tells tables of one unit apart (``r1``).
    ``rows`` hold one value per column, already in the column's SQL form (int, float, str, None;
    booleans as 0 and 1). ``row_locations`` has where each row stands.
    """

    unit: str
    region_id: str
    title: str
    location: PageBox | CellRange
    columns: tuple[TableColumn, ...]
    rows: Sequence[tuple[Any, ...]]
    row_locations: Sequence[RowPlace]


def visible_length(text: str) -> int:
    """How many non-white-space characters ``text`` has after NFKC: the ledger's measure for pages."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return len("".join(text.split()))


_WIDE_END = re.compile(f"[{WIDE}\u3000-\u303f\uff00-\uffef]$")
_WIDE_START = re.compile(f"[{WIDE}\u3000-\u303f\uff00-\uffef]")


def line_separator(above: str, below: str) -> str:
    """What stands between two lines of a paragraph: nothing in scripts that are written without spaces."""
    return "" if not below.isascii() and _WIDE_START.match(below) and _WIDE_END.search(above) else " "


def join_lines(texts: Sequence[str]) -> str:
    """The lines of a paragraph as one text."""
    parts = list(texts[:1])
    for above, below in pairwise(texts):
        parts += [line_separator(above, below), below]
    return "".join(parts)


def unit_of(location: PageBox | CellRange) -> str:
    """The unit (page or sheet) a location lies on, as the ledger names it: ``page 3`` or the sheet's name."""
    if isinstance(location, PageBox):
        return f"page {location.page_number}"
    return location.sheet_name


@functools.lru_cache(maxsize=1 << 14)
def column_letters(column: int) -> str:
    """``1`` is ``A``, ``27`` is ``AA``."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def range_name(first_row: int, first_column: int, last_row: int, last_column: int) -> str:
    """The A1 name of a rectangle; rows and columns are 1-based and inclusive."""
    start = f"{column_letters(first_column)}{first_row}"
    if (first_row, first_column) == (last_row, last_column):
        return start
    return f"{start}:{column_letters(last_column)}{last_row}"


_Rectangle = tuple[int, int, int, int]
"""First row, first column, last row, last column."""
_A1 = re.compile(r"([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?")


@functools.lru_cache(maxsize=1 << 14)
def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _rectangle(cell_range: str) -> _Rectangle:
    match = _A1.fullmatch(cell_range)
    if match is None:
        raise ValueError(f"not an A1 range: {cell_range!r}")
    column, row = _column_number(match[1]), int(match[2])
    if match[3] is None:
        return row, column, row, column
    return row, column, int(match[4]), _column_number(match[3])


def merge_locations(locations: Iterable[PageBox | CellRange]) -> tuple[PageBox | CellRange, ...]:
    """Fewer locations for the same places: adjoining lines become one box, adjoining rows one range."""
    merged: list[PageBox | CellRange] = []
    for are_ranges, group in groupby(locations, key=lambda place: isinstance(place, CellRange)):
        places: Sequence[Any] = list(group)
        merged.extend(_merged_ranges(places) if are_ranges else _merged_boxes(places))
    return tuple(merged)


def _merged_boxes(locations: Iterable[PageBox]) -> Iterator[PageBox]:
    for page_number, places in groupby(locations, key=lambda place: place.page_number):
        for box in joined_boxes(place.box for place in places):
            yield PageBox(page_number, box)


def _merged_ranges(locations: Iterable[CellRange]) -> list[CellRange]:
    merged: list[tuple[str, _Rectangle]] = []
    for location in locations:
        rectangle = _rectangle(location.cell_range)
        if merged and merged[-1][0] == location.sheet_name:
            joined = _joined(merged[-1][1], rectangle)
            if joined is not None:
                merged[-1] = (location.sheet_name, joined)
                continue
        merged.append((location.sheet_name, rectangle))
    return [CellRange(sheet_name, range_name(*rectangle)) for sheet_name, rectangle in merged]


def around(locations: Sequence[PageBox | CellRange]) -> PageBox | CellRange:
    """The one location around all of them, which lie on one page or sheet."""
    first = locations[0]
    if isinstance(first, CellRange):
        tops, lefts, bottoms, rights = zip(
            *(_rectangle(place.cell_range) for place in locations if isinstance(place, CellRange)), strict=True
        )
        return CellRange(first.sheet_name, range_name(min(tops), min(lefts), max(bottoms), max(rights)))
    box = first.box
    for place in locations:
        if isinstance(place, PageBox):
            box = around_boxes(box, place.box)
    return PageBox(first.page_number, box)


def _joined(above: _Rectangle, below: _Rectangle) -> _Rectangle | None:
    """Two ranges as one, where the second adjoins or overlaps the first and is as wide, or as high."""
    top, left, bottom, right = above
    top2, left2, bottom2, right2 = below
    if (left, right) == (left2, right2) and top <= top2 <= bottom + 1:
        return top, left, max(bottom, bottom2), right
    if (top, bottom) == (top2, bottom2) and left <= left2 <= right + 1:
        return top, left, bottom, max(right, right2)
    return None
