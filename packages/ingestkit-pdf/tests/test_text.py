"""Paragraphs, list items, captions and footnotes from MuPDF's blocks, a span for every line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ingestkit_core.elements import Element, ElementKind
from ingestkit_pdf.extract.text import text_elements
from ingestkit_pdf.values import Line

pytestmark = pytest.mark.unit

ITEM, PARAGRAPH, CAPTION = ElementKind.LIST_ITEM, ElementKind.PARAGRAPH, ElementKind.CAPTION


def lines_of(*texts: str | tuple[int, str]) -> list[Line]:
    """Lines below each other; a pair gives the block, else each follows in block 0."""
    lines = []
    for index, entry in enumerate(texts):
        block, text = entry if isinstance(entry, tuple) else (0, entry)
        lines.append(
            Line(text, (72.0, 100.0 + 14 * index, 300.0, 112.0 + 14 * index), len(text), block, 11.0, "F", False)
        )
    return lines


def elements_of(lines: Sequence[Line], page_number: int = 1, body_size: float = 0.0) -> list[Element]:
    return [found.element for found in text_elements(lines, {}, page_number, body_size)]


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
        (["* a remark by itself"], [(PARAGRAPH, "* a remark by itself")]),
        (["* one", "* two"], [(ITEM, "* one"), (ITEM, "* two")]),
        ([(0, "* Name:"), (1, "* Date:")], [(PARAGRAPH, "* Name:"), (PARAGRAPH, "* Date:")]),
        (
            [(0, "A sentence that is long"), (1, "and goes on below.")],
            [(PARAGRAPH, "A sentence that is long and goes on below.")],
        ),
        (
            [(0, "A sentence that is long."), (1, "another one")],
            [(PARAGRAPH, "A sentence that is long."), (PARAGRAPH, "another one")],
        ),
        (["Figure 3: A house", "on a hill"], [(CAPTION, "Figure 3: A house on a hill")]),
        (["Tab. 2.1 Rates of pay"], [(CAPTION, "Tab. 2.1 Rates of pay")]),
        (["Figure 3 shows a house"], [(PARAGRAPH, "Figure 3 shows a house")]),
    ],
)
def test_lists_and_paragraphs(texts: list[Any], expected: list[tuple[ElementKind, str]]) -> None:
    assert kinds(elements_of(lines_of(*texts))) == expected


def test_a_bullet_in_a_block_of_its_own_joins_the_text_beside_it() -> None:
    bullet, text = lines_of((0, "•"), (1, "beside it"))
    text = text._replace(box=(90.0, bullet.box[1], 300.0, bullet.box[3]))
    assert kinds(elements_of([bullet, text])) == [(ITEM, "• beside it")]


def moved(line: Line, x: float, y: float, **changes: Any) -> Line:
    return line._replace(box=(x, y, x + 200.0, y + 12.0), **changes)


def test_the_rest_of_a_line_in_a_block_of_its_own_goes_on_in_its_paragraph() -> None:
    first, second, third = lines_of((0, "by one nucleophilic amino acid, histi-"), (0, "dine"), (1, "(His) and one"))
    rest = moved(third, second.box[2], second.box[1])
    assert kinds(elements_of([first, second, rest])) == [
        (PARAGRAPH, "by one nucleophilic amino acid, histidine (His) and one")
    ]
    cell = moved(third, second.box[2] + 2 * third.size, second.box[1])
    assert len(elements_of([first, second, cell])) == 2


def test_an_item_goes_on_in_a_block_that_hangs_below_it() -> None:
    item, text = lines_of((0, "• one"), (1, "Of Many"))
    assert kinds(elements_of([item, moved(text, 80, 114)])) == [(ITEM, "• one Of Many")]


def test_a_gap_parts_a_block() -> None:
    lines = lines_of("Of one", "paragraph.", "A second", "one.")
    lines = [*lines[:2], *(moved(line, 72, line.box[1] + 20) for line in lines[2:])]
    assert kinds(elements_of(lines)) == [(PARAGRAPH, "Of one paragraph."), (PARAGRAPH, "A second one.")]


def test_an_indent_after_a_sentence_begins_a_paragraph() -> None:
    lines = lines_of("Of one", "paragraph.", "A second", "one.")
    lines[2] = moved(lines[2], 84, lines[2].box[1])
    assert kinds(elements_of(lines)) == [(PARAGRAPH, "Of one paragraph."), (PARAGRAPH, "A second one.")]


def test_the_number_of_an_equation_is_no_list_item() -> None:
    lines = lines_of((0, "x = y"), (1, "(1)"), (2, "and so"), (3, "(2)"))
    lines = [moved(lines[0], 72, 100), moved(lines[1], 400, 100), moved(lines[2], 72, 130), moved(lines[3], 400, 130)]
    assert all(element.kind is PARAGRAPH for element in elements_of(lines))


def test_a_sentence_goes_on_in_the_next_column() -> None:
    left, right = lines_of((0, "A sentence that begins"), (1, "and ends in another column"))
    elements = elements_of([moved(left, 72, 500), moved(right, 300, 100)])
    assert kinds(elements) == [(PARAGRAPH, "A sentence that begins and ends in another column")]


def caseless(*rows: tuple[str, float, float]) -> list[Line]:
    """Lines below each other from their texts and edges, a block each."""
    return [
        line._replace(box=(left, 100.0 + 20 * number, right, 112.0 + 20 * number))
        for number, (line, (_, left, right)) in enumerate(
            zip(lines_of(*((number, row[0]) for number, row in enumerate(rows))), rows, strict=True)
        )
    ]


HAN, REST, ARABIC = (
    "路段的交通量和大型车比例与基准值的编制条件不同时其用地",
    "指标进行调整。",
    "يصبح من الممكن معالجة كميات هائلة من",
)


@pytest.mark.parametrize(
    ("rows", "paragraphs"),
    [
        ([(HAN, 94, 380), (HAN, 72, 376), (REST, 72, 160)], [HAN + HAN + REST]),
        ([(HAN, 72, 380), (f"{HAN}。", 72, 376), (REST, 72, 160)], [f"{HAN}{HAN}。", REST]),
        ([(HAN, 72, 380), (HAN, 72, 340), (REST, 72, 160)], [HAN + HAN, REST]),
        ([(HAN, 72, 380), (HAN, 94, 380), (HAN, 72, 380)], [HAN, HAN + HAN]),
        ([(HAN, 72, 380), (f"（2）{REST}", 72, 160)], [HAN, f"（2）{REST}"]),
        ([("用地指标", 72, 116), ("用地", 72, 94)], ["用地指标", "用地"]),
        ([(ARABIC, 72, 372), (ARABIC, 72, 380), ("البيانات", 72, 112)], [f"{ARABIC} {ARABIC} البيانات"]),
        ([(ARABIC, 72, 380), (ARABIC, 72, 302), ("البيانات", 72, 112)], [f"{ARABIC} {ARABIC}", "البيانات"]),
        ([(ARABIC, 72, 380), (ARABIC, 92, 380)], [ARABIC, ARABIC]),
    ],
)
def test_a_full_line_goes_on_below_in_scripts_without_small_letters(
    rows: list[tuple[str, float, float]], paragraphs: list[str]
) -> None:
    assert [element.text for element in elements_of(caseless(*rows))] == paragraphs


def test_a_drop_cap_is_the_first_letter_of_its_word() -> None:
    letter, text = lines_of((0, "O"), (1, "ver the past decades"))
    letter = letter._replace(box=(72.0, 100.0, 90.0, 130.0), size=30.0)
    (element,) = elements_of([letter, moved(text, 91, 102)])
    assert element.text == "Over the past decades"
    assert [span.count for span in element.spans] == [21]


def test_footnotes_are_small_marked_and_last() -> None:
    text, note, small = lines_of((0, "Running text"), (1, "1 A note about it"), (2, "1 Small and above"))
    lines = [moved(small, 72, 60, size=8.0), text, moved(note, 72, 700, size=8.0)]
    assert [element.content_type for element in elements_of(lines, body_size=11.0)] == [None, None, "footnote"]


def test_every_line_is_a_span_with_its_own_box() -> None:
    lines = lines_of("first line", "second line")
    (element,) = elements_of(lines, 7)
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


def test_what_follows_a_list_further_out_is_no_part_of_its_last_item() -> None:
    item, text, after, more = lines_of("• An item that is as long", "as its line.", "After the list it", "goes on.")
    lines = [moved(item, 80, 100), moved(text, 90, 114), after, more]
    assert kinds(elements_of(lines)) == [
        (ITEM, "• An item that is as long as its line."),
        (PARAGRAPH, "After the list it goes on."),
    ]


def test_an_item_that_runs_on_below_its_mark_is_one() -> None:
    lines = lines_of("1. An item of a sentence.", "Another sentence below its number.", "2. The next.")
    assert [kind for kind, _ in kinds(elements_of(lines))] == [ITEM, ITEM]


def test_a_caption_is_no_part_of_the_label_above_it() -> None:
    lines = lines_of("(a) Left", "(b) Right", "Figure 5. What both show.")
    assert kinds(elements_of(lines))[1:] == [(ITEM, "(b) Right"), (CAPTION, "Figure 5. What both show.")]


def test_a_caption_in_the_middle_of_its_column_goes_on_in_a_block_below() -> None:
    caption, rest, below = lines_of((0, "Fig. 2: Architecture of data and"), (1, "SD-ICN for sharing."), (2, "A text"))
    rest = rest._replace(box=(112.0, 113.0, 260.0, 125.0))
    assert kinds(elements_of([caption, rest, below])) == [
        (CAPTION, "Fig. 2: Architecture of data and SD-ICN for sharing."),
        (PARAGRAPH, "A text"),
    ]
