"""A page's lines into elements: headings, paragraphs, list items, captions and footnotes, in reading order. Pure.

lines ─► groups that are one element ─► what each is ─► cut words joined ─► elements

Each line becomes one span with its own box, so that a citation never covers more than it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ingestkit_core.elements import Element, ElementKind, PageBox, Span, around

from ingestkit_pdf.extract.captions import is_caption
from ingestkit_pdf.extract.headings import Heading
from ingestkit_pdf.extract.hyphens import NO_WORDS, Words, without_line_hyphens
from ingestkit_pdf.extract.paragraphs import Group, groups_of
from ingestkit_pdf.models import ContentType
from ingestkit_pdf.values import Line

__all__ = ["TextElement", "hidden_elements", "text_elements"]

_NOTE_RATIO = 0.93
_NOTE_MARK = re.compile(r"(?:\d{1,3}(?=[\s.)A-Z“\"])|[*†‡§¶#]{1,3}|[a-z](?=[\s.)]))[\s.)]*\S")
_MOST_NOTES = 40


class TextElement(NamedTuple):
    """An element and the index of its first line."""

    first: int
    element: Element


def text_elements(
    lines: Sequence[Line],
    headings: Mapping[int, Heading],
    page_number: int,
    body_size: float = 0.0,
    words: Words = NO_WORDS,
) -> list[TextElement]:
    """The elements of a page. ``headings`` are the lines that belong to headings, by index in ``lines``.

    ``body_size`` is the size of the document's running text, in points; ``words`` are the document's.
    """
    groups = groups_of(lines, headings)
    notes = _footnotes(lines, groups, headings, body_size)
    return [
        TextElement(group.lines[0], _element(lines, group, headings, page_number, group.lines[0] in notes, words))
        for group in groups
    ]


def _element(
    lines: Sequence[Line],
    group: Group,
    headings: Mapping[int, Heading],
    page_number: int,
    is_note: bool,
    words: Words,
) -> Element:
    spans = [Span(lines[i].text, PageBox(page_number, lines[i].box), lines[i].characters) for i in group.lines]
    if group.has_drop_cap:
        spans[:2] = [_with_drop_cap(*spans[:2])]
    if len(spans) > 1:
        spans = without_line_hyphens(spans, words)
    first = group.lines[0]
    if first in headings:
        return Element(ElementKind.HEADING, tuple(spans), headings[first].level)
    if group.is_item:
        return Element(ElementKind.LIST_ITEM, tuple(spans))
    if is_caption(spans[0].text, sum(span.count for span in spans)):
        return Element(ElementKind.CAPTION, tuple(spans))
    return Element(ElementKind.PARAGRAPH, tuple(spans), content_type=ContentType.FOOTNOTE if is_note else None)


def _with_drop_cap(letter: Span, line: Span) -> Span:
    places = [place for span in (letter, line) for place in span.locations if isinstance(place, PageBox)]
    return Span(letter.text + line.text, around(places), letter.count + line.count, places=tuple(places))


def _footnotes(
    lines: Sequence[Line], groups: Sequence[Group], headings: Mapping[int, Heading], body_size: float
) -> frozenset[int]:
    """The first lines of groups that are footnotes: marked, set smaller than the text, and none of it below them."""
    smaller = [
        group.lines[0]
        for group in groups
        if lines[group.lines[0]].size < _NOTE_RATIO * body_size
        and group.lines[0] not in headings
        and _NOTE_MARK.match(lines[group.lines[0]].text)
    ][-_MOST_NOTES:]
    if not smaller:
        return frozenset()
    text = [line.box for line in lines if line.upright and line.size >= _NOTE_RATIO * body_size]
    return frozenset(
        first
        for first in smaller
        if not any(
            box[1] > lines[first].box[1] and box[0] < lines[first].box[2] and lines[first].box[0] < box[2]
            for box in text
        )
    )


def hidden_elements(lines: Sequence[Line], page_number: int) -> list[Element]:
    """Lines nobody sees, labelled as hidden."""
    return [
        Element(
            ElementKind.NOTE,
            (Span(line.text, PageBox(page_number, line.box), line.characters),),
            content_type=ContentType.HIDDEN,
        )
        for line in lines
    ]
