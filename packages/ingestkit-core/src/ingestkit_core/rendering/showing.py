"""What of a document is shown, whatever the form: its elements in order, the cells of a table, text as it is seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ingestkit_core.elements import CellRange, Element, ElementKind, PageBox, Span, merge_locations

__all__ = ["BULLET", "depth", "locations", "shown", "table_cells", "visible"]

BULLET = re.compile(r"^[•●◦○▪■□‣⁃∙·➢➤✓–—*-]\s+(?=\S)")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def shown(elements: Iterable[Element]) -> Iterator[Element]:
    """The elements without those that describe; every sheet of a workbook begins with its name, a heading above all
    others of it.
    """
    sheet = None
    for element in elements:
        place = next((span.location for span in (*element.header, *element.spans)), None)
        if isinstance(place, CellRange):
            if place.sheet_name != sheet:
                sheet = place.sheet_name
                yield Element(ElementKind.HEADING, (Span(sheet, CellRange(sheet, "A1"), 0),), level=1)
            if element.kind is ElementKind.HEADING:
                element = replace(element, level=element.level + 1)
        if element.kind is not ElementKind.SCHEMA:
            yield element


def table_cells(element: Element) -> tuple[list[list[str]], list[list[str]]]:
    """The cells of a table's header rows and of its body rows, all rows of one length."""
    width = len(element.columns)
    header = [_cells(span.text, width) for span in element.header]
    width = width or max(map(len, header), default=0)
    body = [_cells(span.text, width) for span in element.spans]
    widest = max(map(len, [*header, *body]), default=0)
    return _padded(header, widest), _padded(body, widest)


def _cells(row: str, width: int) -> list[str]:
    """The cells of a row whose text is ``a | b | c``, with or without bars at its ends.

    Of the readings of a row the one with ``width`` cells (0: unknown) is right: a bar may be part of a cell.
    """
    spaced = [cell.strip() for cell in f" {row} ".split(" | ")]
    tight = [cell.strip() for cell in row.split("|")]
    readings = [spaced, spaced[1:-1], tight, tight[1:-1]]
    likely = spaced[1:-1] if len(spaced) > 2 and not (spaced[0] or spaced[-1]) else spaced
    return next((cells for cells in readings if width and len(cells) == width), likely)


def _padded(rows: Sequence[list[str]], width: int) -> list[list[str]]:
    return [row + [""] * (width - len(row)) for row in rows]


def visible(text: str) -> str:
    """The text without control characters, which no viewer shows and some obey."""
    return _UNSEEN.sub("", text).strip()


def depth(element: Element) -> int:
    """A heading's level as far as the forms have one, 1 to 6."""
    return min(max(element.level, 1), 6)


def locations(element: Element) -> Iterator[PageBox | CellRange]:
    """Where an element stands, its header rows first; what lies next to each other is one place."""
    spans = [*element.header, *element.spans]
    yield from merge_locations(place for span in spans for place in span.locations)
