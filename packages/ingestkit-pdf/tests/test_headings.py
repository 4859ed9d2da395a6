"""Headings come from the outline or from fonts, with levels, and every chunk knows those above it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ingestkit_core.elements import Element, ElementKind
from ingestkit_core.extraction import Extraction
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.headings import find_headings
from ingestkit_pdf.values import Line

pytestmark = pytest.mark.unit

Elements = Callable[..., tuple[Element, ...]]


def headings(elements: tuple[Element, ...]) -> list[tuple[int, str]]:
    return [(element.level, element.text) for element in elements if element.kind is ElementKind.HEADING]


def sections(book: Any, titles: list[tuple[str, float, str]]) -> None:
    """A page on which each title (text, size, font) stands above a paragraph."""
    page = book.page()
    for index, (text, size, font) in enumerate(titles):
        page.insert_text((72, 100 + 150 * index), text, fontsize=size, fontname=font)
        book.body(page, lines=6, start=index, top=130 + 150 * index)


def test_larger_lines_are_headings_by_rank_of_their_size(book: Any, elements: Elements) -> None:
    sections(book, [("The Harbour", 24, "helv"), ("Its History", 16, "helv"), ("Its Trade", 16, "helv")])
    assert headings(elements(book.save())) == [(1, "The Harbour"), (2, "Its History"), (2, "Its Trade")]


def test_bold_lines_by_themselves_are_headings_below_the_larger_ones(book: Any, elements: Elements) -> None:
    sections(book, [("The Harbour", 20, "helv"), ("2.1 Sand and mud", 11, "hebo"), ("2.2 Tides", 11, "hebo")])
    assert headings(elements(book.save())) == [(1, "The Harbour"), (2, "2.1 Sand and mud"), (2, "2.2 Tides")]


@pytest.mark.parametrize(
    "line",
    [
        "This is a bold sentence that ends as sentences do.",
        "12,450",
        "x" * 230,
    ],
)
def test_what_reads_otherwise_is_no_heading(line: str, book: Any, elements: Elements) -> None:
    sections(book, [(line, 11, "hebo"), ("a paragraph", 11, "helv")])
    assert headings(elements(book.save())) == []


def test_somewhat_larger_lines_in_another_face_are_headings(book: Any, elements: Elements) -> None:
    sections(book, [("Materials and methods", 12, "tiro"), ("Results", 12, "tiro"), ("In the same face", 12, "helv")])
    assert headings(elements(book.save())) == [(1, "Materials and methods"), (1, "Results")]


def test_a_line_in_a_face_of_which_there_is_no_other_is_no_heading(book: Any, elements: Elements) -> None:
    sections(book, [("Visit the harbour", 12, "tiro")])
    assert headings(elements(book.save())) == []


@pytest.mark.parametrize(
    ("titles", "told"),
    [
        (["THE OLD HARBOUR", "PART II: ITS TRADE"], True),
        (["SIGNED AND SEALED", "SIGNED AND SEALED"], False),
        (["THE OLD HARBOUR", "a paragraph"], False),
        (["COST IN POUNDS = A", "DEPTH IN FEET:"], False),
    ],
)
def test_capitals_tell_headings_where_they_tell_two(
    titles: list[str], told: bool, book: Any, elements: Elements
) -> None:
    sections(book, [(title, 11, "helv") for title in titles])
    assert headings(elements(book.save())) == ([(1, title) for title in titles] if told else [])


def test_capitals_in_running_text_are_no_heading(book: Any, elements: Elements) -> None:
    page = book.page()
    for place, text in enumerate(["THE OLD HARBOUR", "ITS TRADE"]):
        book.body(page, lines=6, start=place, top=100 + 200 * place)
        page.insert_text((72, 100 + 200 * place + 6 * 14.3), text, fontsize=11)
        book.body(page, lines=6, start=place + 5, top=100 + 200 * place + 7 * 14.3)
    assert headings(elements(book.save())) == []


def test_what_stands_in_another_face_with_nothing_under_it_is_no_heading(book: Any, elements: Elements) -> None:
    page = book.page()
    book.body(page, lines=20)
    page.insert_text((72, 700), "Form of the harbour office", fontsize=12, fontname="tiro")
    assert headings(elements(book.save())) == []


def test_the_largest_lines_of_a_page_are_its_title_though_they_are_long(book: Any, elements: Elements) -> None:
    page = book.page()
    title = ["what became of the sand and the mud that was taken", "out of the harbour and its channel in the years"]
    for row, text in enumerate([*title, "between the wars and what it cost"]):
        page.insert_text((72, 80 + 20 * row), text, fontsize=17)
    book.body(page, lines=12, top=200)
    assert headings(elements(book.save())) == [(1, " ".join([*title, "between the wars and what it cost"]))]


def test_a_bold_row_of_cells_is_no_heading(book: Any, elements: Elements) -> None:
    page = book.page()
    book.body(page, lines=6)
    for column, text in enumerate(("Vessel", "Tonnage", "Berth")):
        page.insert_text((72 + 90 * column, 300), text, fontname="hebo")
        page.insert_text((72 + 90 * column, 314), str(column * 7), fontname="helv")
    assert headings(elements(book.save())) == []


def test_a_large_paragraph_is_no_heading(book: Any, elements: Elements) -> None:
    page = book.page()
    book.body(page, lines=8, top=100, size=16)
    book.body(page, lines=25, start=3, top=350, size=10)
    assert headings(elements(book.save())) == []


def test_the_outline_names_headings_and_levels(book: Any, elements: Elements) -> None:
    """Set in the body's own font: only the outline tells."""
    for number in range(3):
        page = book.page()
        page.insert_text((72, 100), f"{number + 1} A matter of {'abc'[number]}")
        book.body(page, lines=4, start=number)
        page.insert_text((72, 300), f"More on matter {'abc'[number]}")
        book.body(page, lines=4, start=number + 5, top=330)
    book.document.set_toc(
        [
            entry
            for n in range(3)
            for entry in ([1, f"A MATTER OF {'ABC'[n]}", n + 1], [2, f"More on matter {'abc'[n]}", n + 1])
        ]
    )
    found = headings(elements(book.save()))
    assert found[:2] == [(1, "1 A matter of a"), (2, "More on matter a")]
    assert len(found) == 6


def test_a_style_the_outline_uses_gives_its_level_elsewhere(book: Any, elements: Elements) -> None:
    sections(book, [("Part One", 20, "helv"), ("Listed", 15, "helv"), ("Not listed", 15, "helv")])
    book.document.set_toc([[1, "Part One", 1], [1, "Listed", 1]])
    assert headings(elements(book.save())) == [(1, "Part One"), (1, "Listed"), (1, "Not listed")]


def test_an_outline_that_names_nothing_on_its_pages_does_no_harm(book: Any, elements: Elements) -> None:
    sections(book, [("The Harbour", 24, "helv"), ("Its History", 16, "helv")])
    book.document.set_toc([[1, "scan0001.pdf", 1]])
    assert headings(elements(book.save())) == [(1, "The Harbour"), (2, "Its History")]


def test_a_title_of_two_lines_is_one_heading(book: Any, elements: Elements) -> None:
    page = book.page()
    page.insert_text((72, 100), "A long title that goes on", fontsize=20)
    page.insert_text((72, 126), "over two lines of the page", fontsize=20)
    book.body(page)
    assert headings(elements(book.save())) == [(1, "A long title that goes on over two lines of the page")]


@pytest.mark.parametrize(("gap", "headings_found"), [(4, 1), (30, 2)])
def test_a_title_may_be_a_block_a_line(gap: float, headings_found: int) -> None:
    def line(text: str, top: float, size: float, block: int) -> Line:
        return Line(text, (72.0, top, 400.0, top + 1.15 * size), len(text), block, size, "F", False)

    lines = [line("A long title that", 100, 20, 0), line("goes on", 123 + gap, 20, 1)]
    lines += [line("the body of the text " * 3, 300 + 14 * index, 11, 2) for index in range(9)]
    found = find_headings({1: lines}, (), (11.0, False), PDFProcessorConfig())[1]
    assert len({heading.first for heading in found.values()}) == headings_found


def test_every_chunk_knows_the_headings_above_it(book: Any, reading: Callable[..., Extraction]) -> None:
    sections(book, [("The Harbour", 24, "helv"), ("Its History", 16, "helv"), ("Its Trade", 16, "helv")])
    paths = [chunk.heading_path for chunk in reading(book.save()).chunks]
    assert paths == [("The Harbour",), ("The Harbour", "Its History"), ("The Harbour", "Its Trade")]


def bold(text: str, x: float, y: float, width: float = 150.0, **changes: Any) -> Line:
    return Line(text, (x, y, x + width, y + 11.0), len(text), 0, 11.0, "F", True)._replace(**changes)


def plain(text: str, y: float) -> Line:
    return bold(text, 72.0, y, 400.0, bold=False, block=9)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([bold("Location:", 72, 100, 50), bold("The harbour office", 150, 100)], []),
        ([bold("Table 3: Rates of the harbour", 72, 100)], []),
        ([bold("Write to office@harbour.example", 72, 100)], []),
        ([bold("How to cite this report:", 72, 100)], [[0]]),
        ([bold("1. The harbour", 72, 100), bold("1.1 Its history", 72, 113)], [[0], [1]]),
        ([bold("The trade of the harbour", 72, 100, 390), bold("in older times", 72, 113)], [[0, 1]]),
        ([bold("It is advised that the harbour be", 72, 100, 390, block=9), plain("closed.", 113)], []),
        ([bold("It is advised that the harbour be", 72, 100, 390, block=9), plain("Closed.", 113)], [[0]]),
        ([bold("4.1.8 Stage C of the work in it", 72, 100, 390, block=9), plain("on masonry", 113)], [[0]]),
        ([plain("IV. THE HARBOUR", 100)], [[0]]),
        ([plain("THE HARBOUR", 100)], []),
    ],
    ids=lambda value: value[0].text if value and isinstance(value[0], Line) else "",
)
def test_which_lines_make_a_heading(lines: list[Line], expected: list[list[int]]) -> None:
    body = [plain("Running text that says what there is to say.", 130 + 13 * index) for index in range(4)]
    found = find_headings({1: [*lines, *body]}, (), (11.0, False), PDFProcessorConfig())[1]
    runs: dict[int, list[int]] = {}
    for index, heading in found.items():
        runs.setdefault(heading.first, []).append(index)
    assert sorted(runs.values()) == expected
