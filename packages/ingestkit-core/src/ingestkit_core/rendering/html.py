"""A document as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable
from itertools import groupby

from ingestkit_core.elements import Element, ElementKind
from ingestkit_core.extraction import Conversion
from ingestkit_core.rendering.places import place
from ingestkit_core.rendering.showing import BULLET, depth, locations, shown, table_cells, visible

__all__ = ["as_html"]

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


def as_html(conversion: Conversion) -> str:
    """With the place of each element in ``data-place``."""
    elements = list(shown(conversion.elements))
    lines = [
        "<!DOCTYPE html>",
        '<html><head><meta charset="utf-8">',
        f"<title>{_html_text(conversion.title)}</title></head><body>",
    ]
    for is_list, group in groupby(elements, key=lambda element: element.kind is ElementKind.LIST_ITEM):
        blocks = [_html_block(element) for element in group]
        lines += ["<ul>", *blocks, "</ul>"] if is_list else blocks
    return "\n".join([*lines, "</body></html>"]) + "\n"


def _html_block(element: Element) -> str:
    if element.kind is ElementKind.TABLE:
        return _html_table(element)
    tag = f"h{depth(element)}" if element.kind is ElementKind.HEADING else _TAGS[element.kind]
    style = f' class="{element.kind}"' if element.kind in _STYLED else ""
    own = BULLET.sub("", element.text) if element.kind is ElementKind.LIST_ITEM else element.text
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
    where = place(locations(element))
    return f' data-place="{_html_text(where)}"' if where else ""


def _html_text(text: str) -> str:
    return html.escape(visible(text))
