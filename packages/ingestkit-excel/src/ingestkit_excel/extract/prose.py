"""Text on a sheet: titles, notes, paragraphs, lists. One element a cell, each citing its cell."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ingestkit_core.elements import CellRange, Element, ElementKind, Span, range_name

from ingestkit_excel.extract.cells import cells_of_region
from ingestkit_excel.extract.closeup import Cell
from ingestkit_excel.extract.facts import Piece
from ingestkit_excel.extract.lines import BAR, labelled, one_line, with_link
from ingestkit_excel.extract.titles import Title
from ingestkit_excel.extract.view import Region

__all__ = ["read_prose", "read_titles"]

_BULLET = re.compile(r"\s*(?:[•·▪◦‣*–—-]\s+|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s+)\S")
_ASTERISK = re.compile(r"\s*\*\s")
_MAX_TITLE_CHARACTERS = 200
_MAX_TITLES = 3
_LEVELS = " / "
_SENTENCE = re.compile(r".{20,}?[.!?:。](?=\s)")

Metadata = tuple[tuple[str, Any], ...]
Targets = Mapping[tuple[int, int], str]


def read_titles(
    above: Sequence[Title], piece: Piece, targets: Targets, metadata: Metadata
) -> tuple[str, list[Element]]:
    """The title of a table and the elements of the rows above it: up to three headings, the rest paragraphs.

    Headings stay with the table in its first chunk, so what is no heading comes before them. Where all is too long for
    a heading, the title is how the last text begins. Of what stands above an earlier table only headings are said
    again, and not counted.
    """
    lines = [
        (single, replace(span, count=0) if title.told else span)
        for title in (*above, Title(piece, piece.anatomy.titles))
        for single, span in _row_spans(title.piece.region, title.rows, targets)
    ]
    headings = [span for single, span in lines if single and len(span.text) <= _MAX_TITLE_CHARACTERS][-_MAX_TITLES:]
    others = [span for _, span in lines if span not in headings and span.count]
    title = _LEVELS.join(span.text for span in headings) or _beginning([span.text for single, span in lines if single])
    return title, [
        *(Element(ElementKind.PARAGRAPH, (span,), metadata=metadata) for span in others),
        *(
            Element(ElementKind.HEADING, (span,), level=level, metadata=metadata)
            for level, span in enumerate(headings, start=1)
        ),
    ]


def _beginning(texts: Sequence[str]) -> str:
    """The first sentence of the last text, or as many words of it as a title may have."""
    if not texts:
        return ""
    words = textwrap.shorten(texts[-1], _MAX_TITLE_CHARACTERS, placeholder=" …")
    sentence = _SENTENCE.match(words)
    return sentence[0] if sentence is not None else words


def _row_spans(region: Region, rows: Sequence[int], targets: Targets) -> Iterator[tuple[bool, Span]]:
    """One span a row, and whether the row says one thing only, be it in every cell of it."""
    by_row: dict[int, list[Span]] = {}
    for cell, span in _spans(region, rows, targets):
        by_row.setdefault(cell.row, []).append(span)
    for row, spans in by_row.items():
        if len({span.text for span in spans}) == 1:
            place = spans[0].location if len(spans) == 1 else _across(region, row)
            yield True, Span(spans[0].text, place, len(spans))
        else:
            yield False, Span(BAR.join(span.text for span in spans), _across(region, row), len(spans))


def _across(region: Region, row: int) -> CellRange:
    return CellRange(region.view.sheet.name, range_name(row, region.left, row, region.right))


def read_prose(
    region: Region, rows: Sequence[int], targets: Targets, metadata: Metadata, *, below_table: bool
) -> Iterator[Element]:
    """Paragraphs, list items and headings (bold and short, with text below) of some rows.

    Below a table a single line that begins with an asterisk is a footnote, and the asterisk no bullet.
    """
    spans = list(_spans(region, rows, targets))
    styles = region.view.sheet.styles
    for index, (cell, span) in enumerate(spans):
        bold = cell.form.style in styles.bold and len(span.text) <= _MAX_TITLE_CHARACTERS
        followed = index + 1 < len(spans) and spans[index + 1][0].form.style not in styles.bold
        if bold and followed:
            yield Element(ElementKind.HEADING, (span,), level=1, metadata=metadata)
        elif _BULLET.match(span.text) and not (below_table and _is_footnote(spans, index)):
            yield Element(ElementKind.LIST_ITEM, (span,), metadata=metadata)
        else:
            yield Element(ElementKind.PARAGRAPH, (span,), metadata=metadata)


def _is_footnote(spans: Sequence[tuple[Cell, Span]], index: int) -> bool:
    around = spans[max(index - 1, 0) : index + 2]
    starred = [span for _, span in around if _ASTERISK.match(span.text)]
    return len(starred) == 1 and starred[0] is spans[index][1]


def _spans(region: Region, rows: Sequence[int], targets: Targets) -> Iterator[tuple[Cell, Span]]:
    sheet = region.view.sheet
    for cells in cells_of_region(region, rows).values():
        for cell in cells.values():
            text = one_line(cell.text)
            target = targets.get((cell.row, cell.column))
            if target is not None:
                text = with_link(text, target)
            place = range_name(cell.row, cell.column, cell.row, cell.column)
            unseen = cell.row in sheet.hidden_rows or sheet.is_hidden_column(cell.column)
            yield cell, Span(labelled(text or cell.raw, hidden=unseen), CellRange(sheet.name, place), 1)
