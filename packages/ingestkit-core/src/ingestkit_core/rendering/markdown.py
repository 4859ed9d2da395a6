"""A document as Markdown: a text is escaped where it would turn into markup and left alone otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingestkit_core.elements import CELL_SEPARATOR, Element, ElementKind
from ingestkit_core.extraction import Conversion
from ingestkit_core.rendering.showing import BULLET, depth, shown, table_cells, visible

__all__ = ["as_markdown"]

_MARK = re.compile(r"(?=#{1,6}(?:\s|$)|>|[-+*](?:\s|$)|(?:=+|-{2,}|_{3,}|\*{3,})\s*$|```|~~~)")
_ORDERED = re.compile(r"^(\d{1,9})(?=[.)](?:\s|$))")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_OWN_NUMBER = re.compile(r"(\d{1,9}[.)])\s+(?=\S)")


def as_markdown(conversion: Conversion) -> str:
    """Blocks with a blank line between them; items of a list stand together."""
    parts: list[str] = []
    previous: Element | None = None
    for element in shown(conversion.elements):
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
    text = visible(element.text)
    if not text:
        return ""
    if element.kind is ElementKind.HEADING:
        return f"{'#' * depth(element)} {_TAG.sub('&lt;', ' '.join(text.split()))}"
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
    return "-", BULLET.sub("", text)


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
    return _TAG.sub("&lt;", visible(text)).replace("\n", "<br>")
