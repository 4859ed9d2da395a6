"""A document as Markdown, HTML or JSON, and a place as people write it. Pure.

    Conversion ─► render(conversion, "md" | "html" | "json" | "jsonl") ─► text

Markdown and HTML show what a person reads, the sheets of a workbook under their names; elements that describe the
document rather than being part of it (a table's schema) stand in the JSON forms only. A text is escaped where it would
turn into markup and left alone otherwise.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import Any

from ingestkit_core.elements import (
    CELL_SEPARATOR,
    CellRange,
    Element,
    ElementKind,
    PageBox,
    Span,
    merge_locations,
    unit_of,
)
from ingestkit_core.extraction import Conversion
from ingestkit_core.ledger import Ledger

__all__ = ["FORMS", "place", "render", "table_cells"]


def render(conversion: Conversion, form: str) -> str:
    """The document in one of ``FORMS``, ending in a line feed. Raises ValueError for another form."""
    if form not in FORMS:
        raise ValueError(f"no form {form!r}; there are {', '.join(map(repr, FORMS))}")
    return FORMS[form](conversion)


def place(locations: Iterable[PageBox | CellRange]) -> str:
    """Where something stands, for people: ``page 3``, ``pages 3-4, 7``, ``Employees!A4:F20``; empty for nowhere."""
    listed = list(locations)
    pages = sorted({location.page_number for location in listed if isinstance(location, PageBox)})
    parts = [f"{'page' if len(pages) == 1 else 'pages'} {_runs(pages)}"] if pages else []
    ranges = [location for location in listed if isinstance(location, CellRange)]
    for sheet, group in groupby(ranges, key=lambda location: location.sheet_name):
        names = dict.fromkeys(location.cell_range for location in group)
        parts.append(f"{_sheet(sheet)}!{', '.join(names)}")
    return "; ".join(parts)


def _runs(numbers: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _sheet(name: str) -> str:
    """A sheet's name as Excel writes it before the ``!``."""
    return name if re.fullmatch(r"[^\W\d]\w*", name) else "'{}'".format(name.replace("'", "''"))


# Tables


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


# What a person reads


def _shown(elements: Iterable[Element]) -> Iterator[Element]:
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


# Markdown

_MARK = re.compile(r"(?=#{1,6}(?:\s|$)|>|[-+*](?:\s|$)|(?:=+|-{2,}|_{3,}|\*{3,})\s*$|```|~~~)")
_ORDERED = re.compile(r"^(\d{1,9})(?=[.)](?:\s|$))")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_OWN_NUMBER = re.compile(r"(\d{1,9}[.)])\s+(?=\S)")
_BULLET = re.compile(r"^[•●◦○▪■□‣⁃∙·➢➤✓–—*-]\s+(?=\S)")


def _markdown(conversion: Conversion) -> str:
    parts: list[str] = []
    previous: Element | None = None
    for element in _shown(conversion.elements):
        block = _markdown_block(element)
        if not block:
            continue
        if previous is not None:
            both_items = element.kind is previous.kind is ElementKind.LIST_ITEM
            parts.append("\n" if both_items else "\n\n")
        parts.append(block)
        previous = element
    return f"{''.join(parts)}\n"


def _markdown_block(element: Element) -> str:
    if element.kind is ElementKind.TABLE:
        return _markdown_table(element)
    text = _visible(element.text)
    if not text:
        return ""
    if element.kind is ElementKind.HEADING:
        return f"{'#' * _depth(element)} {_TAG.sub('&lt;', ' '.join(text.split()))}"
    if element.kind is ElementKind.LIST_ITEM:
        mark, text = _item(text)
        return f"{mark} " + "\n   ".join(_escaped(line) for line in text.split("\n"))
    lines = [_escaped(line) for line in text.split("\n")]
    if element.kind is ElementKind.NOTE:
        return "\n".join(f"> {line}" for line in lines)
    return "\n".join(lines)


def _item(text: str) -> tuple[str, str]:
    """A list item's mark and its text: its own number, or a dash for whatever bullet it has."""
    number = _OWN_NUMBER.match(text)
    if number:
        return number[1], text[number.end() :]
    return "-", _BULLET.sub("", text)


def _escaped(line: str) -> str:
    """A line of prose that stays one: no heading, list, quote, rule or tag comes of it by accident."""
    line = line.strip()
    if _MARK.match(line):
        line = f"\\{line}"
    return _TAG.sub("&lt;", _ORDERED.sub(r"\1\\", line))


def _markdown_table(element: Element) -> str:
    """Of several header rows the last one names the columns; Markdown has room for one, so the others stand above."""
    header, body = table_cells(element)
    if not header and not body:
        return ""
    *above, names = header or [[""] * len(body[0])]
    leads = [f"**{CELL_SEPARATOR.join(filter(None, map(_markdown_text, row)))}**\n" for row in above if any(row)]
    return "\n".join([*leads, _markdown_row(names), f"|{' --- |' * len(names)}", *map(_markdown_row, body)])


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_markdown_text(cell).replace("|", "\\|") for cell in cells) + " |"


def _markdown_text(text: str) -> str:
    return _TAG.sub("&lt;", _visible(text)).replace("\n", "<br>")


# HTML

_TAGS = {
    ElementKind.PARAGRAPH: "p",
    ElementKind.LIST_ITEM: "li",
    ElementKind.FIGURE: "figure",
    ElementKind.CAPTION: "p",
    ElementKind.FORM_FIELD: "p",
    ElementKind.NOTE: "aside",
}
_STYLED = frozenset({ElementKind.CAPTION, ElementKind.FORM_FIELD})
"""Kinds that share a tag with another one and say so in a class."""


def _html(conversion: Conversion) -> str:
    shown = list(_shown(conversion.elements))
    lines = [
        "<!DOCTYPE html>",
        '<html><head><meta charset="utf-8">',
        f"<title>{_html_text(conversion.title)}</title></head><body>",
    ]
    for is_list, group in groupby(shown, key=lambda element: element.kind is ElementKind.LIST_ITEM):
        blocks = [_html_block(element) for element in group]
        lines += ["<ul>", *blocks, "</ul>"] if is_list else blocks
    return "\n".join([*lines, "</body></html>"]) + "\n"


def _html_block(element: Element) -> str:
    if element.kind is ElementKind.TABLE:
        return _html_table(element)
    tag = f"h{_depth(element)}" if element.kind is ElementKind.HEADING else _TAGS[element.kind]
    style = f' class="{element.kind}"' if element.kind in _STYLED else ""
    own = _BULLET.sub("", element.text) if element.kind is ElementKind.LIST_ITEM else element.text
    text = _html_text(own).replace("\n", "<br>")
    return f"<{tag}{style}{_html_place(element)}>{text}</{tag}>"


def _html_table(element: Element) -> str:
    header, body = table_cells(element)
    lines = [f"<table{_html_place(element)}>"]
    if header:
        lines += ["<thead>", *(_html_row(row, "th") for row in header), "</thead>"]
    lines += ["<tbody>", *(_html_row(row, "td") for row in body), "</tbody>", "</table>"]
    return "\n".join(lines)


def _html_row(cells: Iterable[str], tag: str) -> str:
    shown = (_html_text(cell).replace("\n", "<br>") for cell in cells)
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in shown)}</tr>"


def _html_place(element: Element) -> str:
    where = place(_locations(element))
    return f' data-place="{_html_text(where)}"' if where else ""


def _html_text(text: str) -> str:
    return html.escape(_visible(text))


# JSON


def _json(conversion: Conversion) -> str:
    document = {**_document_record(conversion), "elements": [_element_record(e) for e in conversion.elements]}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _jsonl(conversion: Conversion) -> str:
    """One line for the document, then one per element."""
    records = [{"kind": "document", **_document_record(conversion)}, *map(_element_record, conversion.elements)]
    return "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)


def _document_record(conversion: Conversion) -> dict[str, Any]:
    return {
        "title": conversion.title,
        "ledger": _account(conversion).model_dump(mode="json"),
        "issues": [issue.model_dump(mode="json", exclude_none=True) for issue in conversion.issues],
    }


def _account(conversion: Conversion) -> Ledger:
    """The ledger with what the elements hold as emitted: here nothing packs them into chunks and counts."""
    emitted: Counter[str] = Counter()
    for element in conversion.elements:
        for span in (*element.header, *element.spans):
            emitted[unit_of(span.location)] += span.count
    units = tuple(unit.model_copy(update={"emitted": emitted[unit.unit]}) for unit in conversion.ledger.units)
    return conversion.ledger.model_copy(update={"units": units})


def _element_record(element: Element) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": str(element.kind)}
    if element.level:
        record["level"] = element.level
    if element.kind is ElementKind.TABLE:
        record["header"], record["rows"] = table_cells(element)
        record["row_locations"] = [asdict(span.location) for span in element.spans]
    else:
        record["text"] = element.text
    if element.content_type:
        record["content_type"] = element.content_type
    if element.metadata:
        record["metadata"] = dict(element.metadata)
    record["locations"] = [asdict(location) for location in _locations(element)]
    return record


# What all of them need

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _visible(text: str) -> str:
    """The text without control characters, which no viewer shows and some obey."""
    return _UNSEEN.sub("", text).strip()


def _depth(element: Element) -> int:
    return min(max(element.level, 1), 6)


def _locations(element: Element) -> Iterator[PageBox | CellRange]:
    spans = [*element.header, *element.spans]
    yield from merge_locations(place for span in spans for place in span.locations)


FORMS: Mapping[str, Callable[[Conversion], str]] = {
    "md": _markdown,
    "json": _json,
    "jsonl": _jsonl,
    "html": _html,
}
"""The forms a document can be rendered in, by name; each name is also the suffix of such a file."""
