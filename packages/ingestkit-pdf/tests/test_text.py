"""Paragraphs and list items from MuPDF's blocks, a span for every line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ingestkit_core.elements import Element, ElementKind
from ingestkit_pdf.extract.text import text_elements
from ingestkit_pdf.values import Line

pytestmark = pytest.mark.unit

ITEM, PARAGRAPH = ElementKind.LIST_ITEM, ElementKind.PARAGRAPH


def lines_of(*texts: str | tuple[int, str]) -> list[Line]:
    """Lines below each other; a pair gives the block, else each follows in block 0."""
    lines = []
    for index, entry in enumerate(texts):
        block, text = entry if isinstance(entry, tuple) else (0, entry)
        lines.append(
            Line(text, (72.0, 100.0 + 14 * index, 300.0, 112.0 + 14 * index), len(text), block, 11.0, "F", False)
        )
    return lines


def kinds(elements: Sequence[Element]) -> list[tuple[ElementKind, str]]:
    return [(element.kind, element.text) for element in elements]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["one line", "of a paragraph"], [(PARAGRAPH, "one line of a paragraph")]),
        ([(0, "a block"), (1, "another")], [(PARAGRAPH, "a block"), (PARAGRAPH, "another")]),
        (
            ["Things:", "• one", "going on", "• two"],
            [(PARAGRAPH, "Things:"), (ITEM, "• one going on"), (ITEM, "• two")],
        ),
        (["1. first", "2. second"], [(ITEM, "1. first"), (ITEM, "2. second")]),
        (["(a) first", "more", "(b) second"], [(ITEM, "(a) first more"), (ITEM, "(b) second")]),
        (["in the year", "1984. It was cold"], [(PARAGRAPH, "in the year 1984. It was cold")]),
        (["as in", "4. of the law", "9. of the law"], [(PARAGRAPH, "as in 4. of the law 9. of the law")]),
        (["a. Smith wrote", "and rested"], [(PARAGRAPH, "a. Smith wrote and rested")]),
        (["-5 degrees", "at night"], [(PARAGRAPH, "-5 degrees at night")]),
        (["- dash", "- dash again"], [(ITEM, "- dash"), (ITEM, "- dash again")]),
    ],
)
def test_lists_and_paragraphs(texts: list[Any], expected: list[tuple[ElementKind, str]]) -> None:
    assert kinds(text_elements(lines_of(*texts), {}, 1)) == expected


def test_a_bullet_in_a_block_of_its_own_joins_the_text_beside_it() -> None:
    bullet, text = lines_of((0, "•"), (1, "beside it"))
    text = text._replace(box=(90.0, bullet.box[1], 300.0, bullet.box[3]))
    assert kinds(text_elements([bullet, text], {}, 1)) == [(ITEM, "• beside it")]


def test_every_line_is_a_span_with_its_own_box() -> None:
    lines = lines_of("first line", "second line")
    (element,) = text_elements(lines, {}, 7)
    assert [span.location.box for span in element.spans] == [line.box for line in lines]  # type: ignore[union-attr]
    assert [span.location.page_number for span in element.spans] == [7, 7]  # type: ignore[union-attr]
    assert [span.count for span in element.spans] == [10, 11]


def test_blocks_of_a_real_page_are_paragraphs(book: Any, elements: Callable[..., tuple[Element, ...]]) -> None:
    page = book.page()
    book.body(page, lines=5, top=100)
    book.body(page, lines=5, start=9, top=300)
    found = elements(book.save())
    assert [element.kind for element in found] == [PARAGRAPH, PARAGRAPH]
    assert [len(element.spans) for element in found] == [5, 5]
