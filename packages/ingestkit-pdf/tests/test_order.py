"""The order in which lines are read."""

from __future__ import annotations

from collections.abc import Sequence
from time import process_time

import pytest
from ingestkit_pdf.extract.disorder import by_place
from ingestkit_pdf.extract.order import in_reading_order
from ingestkit_pdf.values import Ink, Line

pytestmark = pytest.mark.unit

TEXT = "a line of running text as wide as its column"


def line(text: str, x: float, y: float, *, width: float = 200.0, block: int = 0, size: float = 10.0) -> Line:
    return Line(text, (x, y, x + width, y + size), len(text), block, size, "F", False)


def rows(count: int, top: float, right: float = 330.0) -> list[Line]:
    """Two columns as some producers write them: row by row."""
    lines = []
    for row in range(count):
        lines += [line(f"L{row} {TEXT}", 100, top + 14 * row), line(f"R{row} {TEXT}", right, top + 14 * row)]
    return lines


def names(lines: Sequence[Line]) -> list[str]:
    return [line.text.split()[0] for line in lines]


def test_columns_written_row_by_row_are_read_one_after_the_other() -> None:
    found = in_reading_order(rows(6, 100))
    assert names(found) == [f"{side}{row}" for side in "LR" for row in range(6)]


def test_a_heading_over_both_columns_stays_between_what_is_above_and_below_it() -> None:
    heading = line("Heading over both of the columns", 100, 190, width=430)
    found = in_reading_order([*rows(6, 100), heading, *rows(5, 210)])
    assert names(found)[11:14] == ["R5", "Heading", "L0"]


def test_rows_of_a_table_stay_rows() -> None:
    cells = []
    for row, text in enumerate(["a longer name of a thing", "a short name", "something else here", "more of it"] * 3):
        cells += [
            line(text, 100, 100 + 14 * row, width=4.5 * len(text)),
            line(text, 330, 100 + 14 * row, width=4.5 * len(text)),
        ]
    assert in_reading_order(cells) is cells


def test_columns_in_order_are_left_alone() -> None:
    lines = sorted(rows(6, 100), key=lambda line: line.box[0])
    assert in_reading_order(lines) is lines


def test_a_title_drawn_last_is_read_first() -> None:
    body = [line(TEXT, 100, 200 + 14 * row, block=0) for row in range(6)]
    title = line("Title", 100, 100, block=1, size=24.0)
    assert names(in_reading_order([*body, title]))[0] == "Title"


def test_small_print_above_a_title_stays_behind_it() -> None:
    title = [
        line("Title of the day", 100, 200, block=0, size=30.0),
        line("More of the title", 100, 240, block=0, size=30.0),
    ]
    print_above = line("Printed on", 100, 100, block=1, size=8.0)
    lines = [*title, print_above]
    assert in_reading_order(lines) is lines


def test_a_heading_drawn_after_its_text_is_read_before_it() -> None:
    above = [line(f"Above {TEXT}", 100, 100, block=0)]
    text = [line(f"Text{row} {TEXT}", 100, 220 + 14 * row, block=1) for row in range(3)]
    heading = [
        line("Heading of the", 100, 180, block=2, size=14.0),
        line("text below", 100, 196, block=3, size=14.0),
    ]
    found = in_reading_order([*above, *text, *heading])
    assert names(found) == ["Above", "Heading", "text", "Text0", "Text1", "Text2"]


def test_a_heading_of_the_column_to_the_right_stays_in_it() -> None:
    left = [line(f"Left{row} {TEXT}", 100, 100 + 14 * row, block=0) for row in range(6)]
    right = [line(f"Right{row} {TEXT}", 330, 118 + 14 * row, block=1) for row in range(3)]
    heading = line("Heading", 330, 96, block=2, size=14.0)
    assert names(in_reading_order([*left, *right, heading]))[5:8] == ["Left5", "Heading", "Right0"]


def test_a_large_text_far_above_or_as_large_as_the_text_below_it_stays() -> None:
    above = line(f"Above {TEXT}", 100, 60, block=0)
    text = [line(f"Text {TEXT}", 100, 220, block=1)]
    far = line("Not a heading", 100, 100, block=2, size=14.0)
    alike = line("Not larger", 100, 200, block=2)
    assert names(in_reading_order([above, *text, far])) == ["Above", "Text", "Not"]
    assert names(in_reading_order([above, *text, alike])) == ["Above", "Text", "Not"]


def test_a_heading_followed_by_its_text_stays_with_it() -> None:
    above = line(f"Above {TEXT}", 100, 60, block=0)
    box = line(f"Box {TEXT}", 100, 220, block=1)
    heading, text = line("Heading", 100, 186, block=2, size=14.0), line(f"Text {TEXT}", 100, 202, block=3)
    assert names(in_reading_order([above, box, heading, text])) == ["Above", "Box", "Heading", "Text"]


def test_a_bold_heading_drawn_after_its_text_is_read_before_it_and_what_ocr_left_is_none() -> None:
    above = line(f"Above {TEXT}", 100, 100, block=0)
    text = line(f"Text {TEXT}", 100, 220, block=1)
    bold = line("Heading", 100, 200, block=2)._replace(bold=True)
    assert names(in_reading_order([above, text, bold])) == ["Above", "Heading", "Text"]
    guessed = line("Heading", 100, 200, block=2, size=14.0)._replace(ink=Ink.INVISIBLE)
    assert names(in_reading_order([above, text, guessed])) == ["Above", "Text", "Heading"]


def test_a_heading_at_the_top_of_the_right_column_is_no_title_of_the_page() -> None:
    right = [line(f"Right{row} {TEXT}", 330, 140 + 14 * row, block=1) for row in range(3)]
    left = [line(f"Left{row} {TEXT}", 100, 142 + 14 * row, block=0) for row in range(6)]
    heading = line("Heading", 330, 118, block=2, size=14.0)
    assert names(in_reading_order([*left, *right, heading])) == [*names(left), "Heading", *names(right)]


def form(rows: Sequence[Sequence[str]]) -> list[Line]:
    """The cells of a form, row by row."""
    return [
        line(text, (50, 90, 400)[column], 100 + 14 * row, width=5.0 * len(text), block=3 * row + column)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]


FORM = [
    ("1", "Wages, salaries, tips", "1"),
    ("2", "Taxable interest", "2"),
    ("3", "Ordinary dividends", "3"),
    ("4", "Other gains or losses", "4"),
    ("5", "Pensions and annuities", "5"),
    ("6", "Farm income or loss", "6"),
    ("7", "Total income of the year", "7"),
]


def test_a_form_drawn_in_no_order_is_read_row_by_row() -> None:
    lines = form(FORM)
    drawn = [*lines[::3], *lines[2::3], *lines[1::3][::-1]]
    assert [line.text for line in in_reading_order(drawn)] == [text for row in FORM for text in row]


def test_what_stands_side_by_side_in_no_rows_is_read_one_after_the_other() -> None:
    head = line("Head over everything on the page", 100, 80, width=430)
    left = [line(f"L{row} beside", 100, 100 + 30 * row, width=100, block=row) for row in range(6)]
    right = [line(f"R{row} beside", 330, 104 + 40 * row, width=100, block=10 + row) for row in range(5)]
    drawn = [*left[::-1], *right[::-1], head]
    assert names(in_reading_order(drawn)) == [
        "Head",
        *(f"L{row}" for row in range(6)),
        *(f"R{row}" for row in range(5)),
    ]


def test_paragraphs_drawn_in_no_order_stay_whole() -> None:
    paragraphs = [
        [line(f"P{number} {TEXT}", 100, 100 + 60 * number + 12 * part, block=number) for part in range(3)]
        for number in range(8)
    ]
    found = in_reading_order([line for paragraph in paragraphs[::-1] for line in paragraph])
    assert names(found) == [f"P{number}" for number in range(8) for _ in range(3)]
    assert len({line.block for line in found}) == 8


def test_lines_that_touch_stay_together_though_each_is_a_block() -> None:
    heads = [
        [
            line(f"H{column} {TEXT}", 50 + 180 * column, 100 + 11 * row, width=120, block=3 * column + row)
            for row in (0, 1)
        ]
        for column in range(3)
    ]
    below = [line(f"B{row} {TEXT}", 50, 140 + 30 * row, width=480, block=10 + row) for row in range(8)]
    found = in_reading_order([*below[::-1], *(each for head in heads[::-1] for each in head)])
    assert names(found)[:6] == ["H0", "H0", "H1", "H1", "H2", "H2"]


def test_the_scale_of_a_chart_drawn_upwards_stays_as_it_was_drawn() -> None:
    scale = [line(str(number), 100, 400 - 20 * number, width=20, block=number) for number in range(12)]
    assert in_reading_order(scale) is scale


def test_a_page_of_a_thousand_columns_in_disorder_keeps_its_lines_at_little_cost() -> None:
    lines = [line("word", 2.5 * column, 100 + 7 * column % 600, width=1, size=0.5) for column in range(1400)]
    started = process_time()
    found = by_place(lines[::-1])
    assert sorted(one.box for one in found) == [one.box for one in lines]
    assert process_time() - started < 5
