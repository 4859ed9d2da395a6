"""Pictures among the text of pages: which are read, and the place of what OCR read in them. Pure.

insets of pages ─► each picture once ─► (OCR) ─► tables and paragraphs of their own ─► beside what stands nearest

Lines of a picture never mix with the page's own: its columns, headings and tables stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from ingestkit_core.elements import Box, Element, ElementKind, PageBox
from ingestkit_core.errors import IngestError

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.content import PageContent
from ingestkit_pdf.extract.hyphens import Words
from ingestkit_pdf.extract.tabular import PlacedTable, page_tables, placed_tables, with_tables
from ingestkit_pdf.extract.text import text_elements
from ingestkit_pdf.models import OCRResult
from ingestkit_pdf.ocr.values import PageSeen

__all__ = ["InsetElements", "each_once", "inset_elements", "with_insets", "with_seen"]

_MOST_UNSURE_RATIO = 0.2
"""Scans that can be read have up to 0.11 unsure words, screens and slides up to 0.16; drawings with letters in them,
of which scraps would come out, have 0.29 and more, but for the plainest charts.
"""
_LEAST_SHARED_RATIO = 0.25
_CAPTION_BONUS_POINTS = 36.0
"""A caption so much farther away than other text still belongs to the picture."""


def each_once(pages: Sequence[PageContent]) -> tuple[PageContent, ...]:
    """The pages with the insets that no earlier page shows, too: what comes again is a logo or a background."""
    known: set[str] = set()
    kept: list[PageContent] = []
    for page in pages:
        if page.insets:
            new = tuple(inset for inset in page.insets if not inset.digest or inset.digest not in known)
            known.update(inset.digest for inset in page.insets)
            page = replace(page, insets=new) if len(new) < len(page.insets) else page
        kept.append(page)
    return tuple(kept)


def with_seen(page: PageContent, values: Sequence[PageSeen | IngestError]) -> PageContent:
    """The page with what OCR read in its insets, as far as it can be relied on."""
    insets = tuple(
        replace(inset, seen=_with_words_only(value)) if isinstance(value, PageSeen) and _is_reliable(value) else inset
        for inset, value in zip(page.insets, values, strict=True)
    )
    return replace(page, insets=insets) if insets else page


def _is_reliable(seen: PageSeen) -> bool:
    return seen.unsure_words <= _MOST_UNSURE_RATIO * seen.words


def _with_words_only(seen: PageSeen) -> PageSeen:
    """Without lines that hold no letter and no digit: arrows and frames."""
    return replace(seen, lines=tuple(line for line in seen.lines if any(map(str.isalnum, line.text))))


@dataclass(frozen=True, slots=True)
class InsetElements:
    """What a picture says, and where it stands."""

    box: Box
    elements: tuple[Element, ...]
    tables: tuple[PlacedTable, ...]


def inset_elements(
    page: PageContent, before: Sequence[PlacedTable], body_size: float, words: Words, config: PDFProcessorConfig
) -> Iterator[InsetElements]:
    """The elements of a page's insets, inset by inset. ``before`` are the tables that are numbered by then."""
    numbered = list(before)
    for inset in page.insets:
        if inset.seen is None or not inset.seen.lines:
            continue
        found = page_tables(page.number, page.width, page.height, list(inset.seen.lines), inset.seen.drawings)
        tables = placed_tables([found], config, numbered)
        numbered += tables
        texts = text_elements(found.left, {}, page.number, body_size, words)
        elements = _with_numbers_joined(with_tables(texts, found, tables))
        told = tuple(_element(element, inset.seen.result) for element in elements)
        yield InsetElements(inset.box, told, tuple(tables))


def _with_numbers_joined(elements: Iterable[Element]) -> Iterator[Element]:
    """Paragraphs of numbers that follow each other as one: the scale of a chart, of which each is a line."""
    for are_numbers, group in groupby(elements, _is_number):
        if not are_numbers:
            yield from group
            continue
        first, *others = group
        yield replace(first, spans=tuple(span for element in (first, *others) for span in element.spans))


def _is_number(element: Element) -> bool:
    return element.kind is ElementKind.PARAGRAPH and not any(map(str.isalpha, element.text))


def _element(element: Element, read: OCRResult) -> Element:
    """An element of a picture: apart from the page's text, and saying who read it."""
    about: dict[str, Any] = {
        "ocr_engine": str(read.engine),
        "ocr_confidence": read.confidence,
        "ocr_dpi": read.dpi,
        "ocr_preprocessing": read.preprocessing,
    }
    # A picture's caption stands beside it: what looks like one in it is a part of it.
    kind = ElementKind.PARAGRAPH if element.kind is ElementKind.CAPTION else element.kind
    return replace(element, kind=kind, metadata=tuple(about.items()), is_apart=True)


def with_insets(elements: Sequence[Element], insets: Sequence[InsetElements], page_number: int) -> list[Element]:
    """The elements of a page, in reading order, and those of its pictures where these stand."""
    placed: dict[int, list[Element]] = {}
    boxes = [_box(element, page_number) for element in elements]
    for inset in insets:
        placed.setdefault(_index(elements, boxes, inset.box), []).extend(inset.elements)
    return [
        element
        for index in range(len(elements) + 1)
        for element in (*placed.get(index, ()), *elements[index : index + 1])
    ]


def _index(elements: Sequence[Element], boxes: Sequence[Box | None], inset: Box) -> int:
    """Before which element a picture is read: next to the nearest above or below it, a caption first.

    Where there is none, it comes after what begins higher on the page.
    """
    nearest: tuple[float, int] | None = None
    higher = 0
    for index, (element, box) in enumerate(zip(elements, boxes, strict=True)):
        if box is None:
            continue
        if box[1] <= inset[1]:
            higher = index + 1
        shared = min(box[2], inset[2]) - max(box[0], inset[0])
        if shared <= _LEAST_SHARED_RATIO * min(box[2] - box[0], inset[2] - inset[0]):
            continue
        is_above = box[1] + box[3] < inset[1] + inset[3]
        gap = max(0.0, inset[1] - box[3] if is_above else box[1] - inset[3])
        if element.kind is ElementKind.CAPTION:
            gap -= _CAPTION_BONUS_POINTS
        place = gap, index + 1 if is_above else index
        nearest = place if nearest is None or place < nearest else nearest
    return higher if nearest is None else nearest[1]


def _box(element: Element, page_number: int) -> Box | None:
    """The box around what an element has on a page; None where it has nothing there."""
    boxes = [
        place.box
        for span in (*element.header, *element.spans)
        for place in span.locations
        if isinstance(place, PageBox) and place.page_number == page_number
    ]
    if not boxes:
        return None
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
