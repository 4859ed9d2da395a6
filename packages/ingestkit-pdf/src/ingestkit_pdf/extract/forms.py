"""Form fields and notes as elements, and which of a page's lines only show them. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from ingestkit_core.elements import Box, Element, ElementKind, PageBox, Span, visible_length

from ingestkit_pdf.models import ContentType
from ingestkit_pdf.values import Field, Line, Note, overlap_ratio

__all__ = ["note_elements", "split_painted_values", "unpainted_notes", "with_fields"]

_INSIDE_RATIO = 0.6


def split_painted_values(lines: Sequence[Line], fields: Iterable[Field]) -> list[Line]:
    """The lines without those that paint the value of a form field: the field tells it, with its name."""
    kept = list(lines)
    for field in fields:
        value = _squeezed(field.value)
        kept = [
            line
            for line in kept
            if overlap_ratio(line.box, field.box) < _INSIDE_RATIO or _squeezed(line.text) not in value
        ]
    return kept


def unpainted_notes(notes: Sequence[Note], lines: Iterable[Line]) -> list[Note]:
    """The notes whose text does not stand in the page's lines anyway."""
    if not notes:
        return []
    on_page = _squeezed("".join(line.text for line in lines))
    return [note for note in notes if (note.hidden or not note.painted) and _squeezed(note.text) not in on_page]


def with_fields(elements: Sequence[Element], fields: Sequence[Field], page_number: int) -> list[Element]:
    """The elements of a page with ``name: value`` for every field, each after the text it stands closest to.

    Only the value is counted: the name stands nowhere on the page.
    """
    following: dict[int, list[Element]] = defaultdict(list)
    for field in fields:
        text = f"{field.name}: {field.value}" if field.name else field.value
        span = Span(text, PageBox(page_number, field.box), visible_length(field.value))
        following[_closest(elements, field.box)].append(_labelled(ElementKind.FORM_FIELD, span, field.hidden))
    placed = following[-1]
    for index, element in enumerate(elements):
        placed.append(element)
        placed.extend(following.get(index, ()))
    return placed


def note_elements(notes: Iterable[Note], page_number: int) -> list[Element]:
    """The notes' texts."""
    return [
        _labelled(
            ElementKind.NOTE,
            Span(note.text, PageBox(page_number, note.box), visible_length(note.text)),
            note.hidden,
        )
        for note in notes
    ]


def _labelled(kind: ElementKind, span: Span, hidden: bool) -> Element:
    return Element(kind, (span,), content_type=ContentType.HIDDEN if hidden else None)


def _closest(elements: Sequence[Element], box: Box) -> int:
    """The index of the element with the line that stands closest beside or above a box, -1 for none."""
    best, closest = math.inf, -1
    for index, element in enumerate(elements):
        for span in element.spans:
            if not isinstance(span.location, PageBox) or span.location.box[1] >= box[3]:
                continue
            x0, _, x1, y1 = span.location.box
            distance = max(box[1] - y1, 0.0) + max(x0 - box[2], box[0] - x1, 0.0)
            if distance <= best:
                best, closest = distance, index
    return closest


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()
