"""Pages laid out to be read from left to right, and what was read back on the pages as displayed. Pure.

scanned aslant       ─► straightened by OCR ─┐
from right to left   ─► mirrored ────────────┴─► read as every other page ─► boxes back to where they stand
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ingestkit_core.boxes import around_boxes
from ingestkit_core.elements import Box, Element, PageBox, Span, TableDraft

from ingestkit_pdf.extract.content import PageContent
from ingestkit_pdf.routing import OCRNeed
from ingestkit_pdf.values import Drawings, Line, on_one_height

__all__ = ["Displayed", "laid_out"]

_FROM_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
"""A letter of a script that runs from right to left."""

_GAP_EMS = 0.4
_SPACE_EMS = 0.15


def laid_out(page: PageContent) -> PageContent:
    """The page itself, or mirrored where most of its letters run from right to left.

    Its columns, the cells of its tables and the parts of its lines follow one another as they are read, then; a number
    or a word of another script in several parts is one line, which runs from left to right as displayed.
    """
    if not _runs_from_right(page.lines):
        return page
    width = page.width
    drawings = page.drawings
    return replace(
        page,
        lines=_in_order([line._replace(box=_mirrored(line.box, width)) for line in page.lines]),
        drawings=drawings
        and Drawings(
            tuple(_mirrored(box, width) for box in drawings.strokes),
            tuple((_mirrored(box, width), colour) for box, colour in drawings.fills),
        ),
        mirrored=True,
    )


def _runs_from_right(lines: Sequence[Line]) -> bool:
    # What runs up or down the page is laid out by its tables; a mirrored page would turn its rows round.
    others = [line.text for line in lines if line.upright and not line.text.isascii()]
    from_right = sum(len(_FROM_RIGHT.findall(text)) for text in others)
    if not from_right:
        return False
    return 2 * from_right > sum(sum(map(str.isalpha, line.text)) for line in lines)


def _in_order(lines: Sequence[Line]) -> list[Line]:
    """Mirrored lines, those that follow one another on one height from left to right."""
    ordered: list[Line] = []
    row: list[Line] = []
    for line in lines:
        if row and not _are_beside(row[-1], line):
            ordered += _joined(sorted(row, key=_left))
            row = []
        row.append(line)
    return ordered + _joined(sorted(row, key=_left))


def _are_beside(line: Line, other: Line) -> bool:
    return line.upright and other.upright and on_one_height(line, other)


def _left(line: Line) -> float:
    return line.box[0]


def _joined(row: Sequence[Line]) -> list[Line]:
    """Parts of numbers and words that run from left to right put together again: mirrored, they stand in reverse."""
    joined: list[Line] = []
    for line in row:
        if joined and _goes_before(line, joined[-1]):
            joined[-1] = _before(line, joined[-1])
        else:
            joined.append(line)
    return joined


def _goes_before(line: Line, last: Line) -> bool:
    gap = line.box[0] - last.box[2]
    return (
        line.ink is last.ink
        and abs(gap) < _GAP_EMS * last.size
        and _FROM_RIGHT.search(line.text) is None
        and _FROM_RIGHT.search(last.text) is None
    )


def _before(line: Line, last: Line) -> Line:
    box = around_boxes(last.box, line.box)
    characters = last.characters + line.characters
    space = " " if line.box[0] - last.box[2] > _SPACE_EMS * last.size else ""
    text, unreadable = f"{line.text}{space}{last.text}", last.unreadable + line.unreadable
    return last._replace(text=text, box=box, characters=characters, unreadable=unreadable)


def _mirrored(box: Box, width: float) -> Box:
    return round(width - box[2], 2), box[1], round(width - box[0], 2), box[3]


class _Layout(NamedTuple):
    """How a page was laid out: how far it was turned clockwise, and whether it was mirrored then."""

    width: float
    height: float
    degrees: float
    mirrored: bool

    def displayed(self, box: Box) -> Box:
        """A box as it stands on the page as displayed."""
        if self.mirrored:
            box = _mirrored(box, self.width)
        return _turned_back(box, self.degrees, self.width, self.height) if self.degrees else box


@dataclass(frozen=True, slots=True)
class Displayed:
    """Boxes of pages that were laid out otherwise, back on the pages as displayed. ``layouts`` are by page number."""

    layouts: Mapping[int, _Layout]

    @classmethod
    def of(cls, pages: Sequence[PageContent]) -> Displayed:
        """What is laid out otherwise among these."""
        layouts = (_Layout(page.width, page.height, _degrees(page), page.mirrored) for page in pages)
        numbered = zip((page.number for page in pages), layouts, strict=True)
        return cls({number: layout for number, layout in numbered if layout.degrees or layout.mirrored})

    def element(self, element: Element) -> Element:
        """An element with the places of its spans as displayed."""
        return replace(
            element,
            spans=tuple(self._span(span) for span in element.spans),
            header=tuple(self._span(span) for span in element.header),
        )

    def table(self, draft: TableDraft) -> TableDraft:
        """A table with its places as displayed."""
        return replace(
            draft,
            location=self._place(draft.location),
            row_locations=[self._place(place) for place in draft.row_locations],
        )

    def _span(self, span: Span) -> Span:
        return replace(
            span,
            location=self._place(span.location),
            places=tuple(self._place(place) for place in span.places),
            parts=tuple(self._span(part) for part in span.parts),
        )

    def _place(self, place: Any) -> Any:
        if isinstance(place, tuple):
            return tuple(self._place(box) for box in place)
        if not isinstance(place, PageBox) or place.page_number not in self.layouts:
            return place
        return PageBox(place.page_number, self.layouts[place.page_number].displayed(place.box))


def _degrees(page: PageContent) -> float:
    return page.ocr.turned_degrees if page.ocr is not None and page.need is OCRNeed.PAGE else 0.0


def _turned_back(box: Box, degrees: float, width: float, height: float) -> Box:
    """The box around a box that is turned counterclockwise about the middle of a page."""
    angle = math.radians(-degrees)
    cosine, sine, across, down = math.cos(angle), math.sin(angle), width / 2, height / 2
    corners = [
        (across + (x - across) * cosine - (y - down) * sine, down + (x - across) * sine + (y - down) * cosine)
        for x in (box[0], box[2])
        for y in (box[1], box[3])
    ]
    return (
        round(min(x for x, _ in corners), 2),
        round(min(y for _, y in corners), 2),
        round(max(x for x, _ in corners), 2),
        round(max(y for _, y in corners), 2),
    )
