"""A page's lines into elements: headings, paragraphs and list items, in MuPDF's order. Pure.

Each line becomes one span with its own box, so that a citation never covers more than it says.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from itertools import pairwise

from ingestkit_core.elements import Element, ElementKind, PageBox, Span

from ingestkit_pdf.extract.headings import Heading
from ingestkit_pdf.models import ContentType
from ingestkit_pdf.values import Line

__all__ = ["hidden_elements", "text_elements"]

_BULLET = re.compile(r"^[•‣⁃∙●○◦■□▪▫◆◇❖➢➤►▶✓✔☐☑☒❑◻·*–—−-](?:\s|$)")
_ENUMERATOR = re.compile(
    r"^(?:\((?P<inner>\d{1,3}|[a-z]{1,5})\)|(?P<outer>\d{1,3}|[a-z]|[ivx]{1,5})[.)])(?:\s+\S|$)", re.IGNORECASE
)


def text_elements(lines: Sequence[Line], headings: Mapping[int, Heading], page_number: int) -> list[Element]:
    """The elements of a page. ``headings`` are the lines that belong to headings, by index in ``lines``."""
    marked = _list_marks(lines, headings)
    elements: list[Element] = []
    for group in _groups(lines, headings, marked):
        first = group[0]
        spans = tuple([Span(lines[i].text, PageBox(page_number, lines[i].box), lines[i].characters) for i in group])
        if first in headings:
            elements.append(Element(ElementKind.HEADING, spans, headings[first].level))
        else:
            elements.append(Element(ElementKind.LIST_ITEM if first in marked else ElementKind.PARAGRAPH, spans))
    return elements


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


def _groups(lines: Sequence[Line], headings: Mapping[int, Heading], marked: Container[int]) -> list[list[int]]:
    """Runs of lines that are one element."""
    groups: list[list[int]] = []
    for index, line in enumerate(lines):
        heading = headings.get(index)
        if not groups or index in marked:
            goes_on = False
        elif heading is not None:
            goes_on = heading.first != index
        else:
            goes_on = groups[-1][0] not in headings and _goes_on(lines, groups[-1], line)
        if goes_on:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _goes_on(lines: Sequence[Line], group: Sequence[int], line: Line) -> bool:
    """Whether a line belongs to the group before it: the same block, or beside a bullet that stands alone."""
    last = lines[group[-1]]
    if last.block == line.block:
        return True
    middle = (line.box[1] + line.box[3]) / 2
    return (
        len(group) == 1
        and len(last.text) == 1
        and bool(_BULLET.match(last.text))
        and (last.box[1] < middle < last.box[3])
    )


def _list_marks(lines: Sequence[Line], headings: Container[int]) -> frozenset[int]:
    """The lines that begin a list item: with a bullet, or with a number or letter that counts on or is counted on."""
    marks: set[int] = set()
    counted: list[tuple[int, int]] = []
    for index, line in enumerate(lines):
        if index in headings or not line.upright:
            continue
        if _BULLET.match(line.text):
            marks.add(index)
        elif match := _ENUMERATOR.match(line.text):
            counted.append((index, _ordinal(match["inner"] or match["outer"])))
    for (index, number), (following, successor) in pairwise(counted):
        if successor == number + 1:
            marks.update((index, following))
    return frozenset(marks)


def _ordinal(label: str) -> int:
    return int(label) if label.isdigit() else sum(map(ord, label.lower()))
