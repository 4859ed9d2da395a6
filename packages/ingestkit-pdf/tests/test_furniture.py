"""Running headers, footers and page numbers go; body lines and titles stay, however alike they look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ingestkit_core.extraction import Extraction

pytestmark = pytest.mark.unit

Reading = Callable[..., Extraction]


def text_of(extraction: Extraction) -> str:
    return "\n".join(chunk.text for chunk in extraction.chunks)


def furnished(book: Any, pages: int, paint: Callable[[Any, int], None]) -> str:
    for number in range(1, pages + 1):
        page = book.page()
        book.body(page, start=number)
        paint(page, number)
    return str(book.save())


def header(page: Any, number: int) -> None:
    page.insert_text((72, 40), "Annual Report of the Harbour Office", fontsize=9)


def header_of_either_side(page: Any, number: int) -> None:
    page.insert_text((72, 40), "Annual Report of the Harbour Office" if number % 2 else "Part Two", fontsize=9)


def footer_with_number(page: Any, number: int) -> None:
    page.insert_text((72, 810), f"Harbour Office 2023 - {number + 16}", fontsize=9)


def page_of_pages(page: Any, number: int) -> None:
    page.insert_text((280, 810), f"Page {number} of 9", fontsize=9)


def bare_number(page: Any, number: int) -> None:
    page.insert_text((290, 810), str(number), fontsize=9)


def roman_number(page: Any, number: int) -> None:
    page.insert_text((290, 810), ["i", "ii", "iii", "iv", "v", "vi"][number - 1], fontsize=9)


def header_of_several_lines(page: Any, number: int) -> None:
    for row, text in enumerate(("Statement of the Harbour Office", "Assets and Depreciation", "August 31, 2001")):
        page.insert_text((200, 75 + 18 * row), text, fontsize=13)


def footer_of_several_lines(page: Any, number: int) -> None:
    for row, text in enumerate(("Harbour Office, Upper Quay", "Open every day", f"Page {number} of 9")):
        page.insert_text((200, 745 + 25 * row), text, fontsize=9)


def running_up_the_side(page: Any, number: int) -> None:
    page.insert_text((25, 600), "Downloaded from an archive", fontsize=8, rotate=90)


FURNITURE = [
    (header, "Annual Report"),
    (header_of_either_side, "Annual Report"),
    (header_of_either_side, "Part Two"),
    (footer_with_number, "Harbour Office"),
    (page_of_pages, " of 9"),
    (bare_number, "3"),
    (roman_number, "iii"),
    (running_up_the_side, "Downloaded"),
    (header_of_several_lines, "August 31"),
    (footer_of_several_lines, "Upper Quay"),
]


@pytest.mark.parametrize(("paint", "text"), FURNITURE, ids=lambda value: getattr(value, "__name__", value))
def test_furniture_goes_into_the_ledger(
    paint: Callable[[Any, int], None], text: str, book: Any, reading: Reading
) -> None:
    extraction = reading(furnished(book, 6, paint))
    assert text not in text_of(extraction)
    assert set(extraction.ledger.dropped) == {"running_header_or_footer"}
    assert extraction.ledger.unexplained == 0
    assert all(unit.dropped for unit in extraction.ledger.units)


@pytest.mark.parametrize("pages", [2, 3])
def test_furniture_of_a_short_document(pages: int, book: Any, reading: Reading) -> None:
    def paint(page: Any, number: int) -> None:
        header(page, number)
        page_of_pages(page, number)

    extraction = reading(furnished(book, pages, paint))
    assert "Annual Report" not in text_of(extraction)
    assert " of 9" not in text_of(extraction)


@pytest.mark.parametrize("number", ["- 47 -", "ES-47", "A.47"])
def test_a_page_number_of_a_single_page(number: str, book: Any, reading: Reading) -> None:
    extraction = reading(furnished(book, 1, lambda page, _: page.insert_text((290, 810), number)))
    assert "47" not in text_of(extraction)


def title(text: str, size: float = 11, top: float = 60) -> Callable[[Any, int], None]:
    return lambda page, number: page.insert_text((72, top), text.format(number), fontsize=size)


def figure_captions(page: Any, number: int) -> None:
    header(page, number)
    page.insert_text((72, 75), f"Figure {number}", fontsize=9)


def numbered_list(page: Any, number: int) -> None:
    page.insert_text((72, 770), f"{number}. the next thing to be done", fontsize=11)
    page.insert_text((72, 800), f"and some remark on number {number * 7}", fontsize=11)


def label_right_above_the_body(page: Any, number: int) -> None:
    page.insert_text((72, 136), "What was seen in the harbour", fontsize=11)


def table_header(page: Any, number: int) -> None:
    for column, text in enumerate(("Vessel", "Tonnage", "Berth", "Departure")):
        page.insert_text((72 + 110 * column, 70), text, fontsize=10)
        page.insert_text((72 + 110 * column, 84), f"{number * 11 + column}", fontsize=10)


KEPT = [
    (title("Chapter {}", size=18), "Chapter 3"),
    (title("Weather and tides of the year {}", size=11, top=150), "Weather and tides of the year 4"),
    (figure_captions, "Figure 3"),
    (numbered_list, "3. the next thing to be done"),
    (label_right_above_the_body, "What was seen"),
    (table_header, "Tonnage"),
    (
        lambda page, number: page.insert_text((72, 60), f"{'ABCDEF'[number - 1]} is for something", fontsize=11),
        "C is for",
    ),
    (lambda page, number: page.insert_text((72, 60 + number * 5), "It rained.", fontsize=11), "It rained."),
]


@pytest.mark.parametrize(("paint", "text"), KEPT)
def test_titles_and_body_lines_are_never_taken(
    paint: Callable[[Any, int], None], text: str, book: Any, reading: Reading
) -> None:
    assert text in text_of(reading(furnished(book, 6, paint)))


def test_a_slide_title_on_some_slides_is_kept(book: Any, reading: Reading) -> None:
    def paint(page: Any, number: int) -> None:
        page.insert_text(
            (72, 60), "Results of the survey" if number in (3, 4, 5) else f"Slide about {number * 17}", fontsize=28
        )

    extraction = reading(furnished(book, 12, paint))
    assert text_of(extraction).count("Results of the survey") == 3


def test_the_body_of_a_mailing_is_kept(book: Any, reading: Reading) -> None:
    for number in range(1, 6):
        page = book.page()
        page.insert_text((72, 60), "To all owners of boats in the inner harbour", fontsize=11)
        book.body(page)
        page.insert_text((290, 810), f"{number} / 5", fontsize=9)
    text = text_of(reading(book.save(), chunk_overlap_tokens=0))
    assert text.count("To all owners") == 5
    assert "/ 5" not in text


def test_what_is_all_there_is_stays(book: Any, reading: Reading) -> None:
    for _ in range(4):
        book.page().insert_text((72, 40), "Slot 7, North Pier", fontsize=12)
    assert text_of(reading(str(book.save()))).count("Slot 7, North Pier") == 4


def test_a_long_document_costs_no_square(book: Any, reading: Reading) -> None:
    """The pages are compared with their neighbours, not with each other."""
    for number in range(400):
        page = book.page()
        page.insert_text((72, 40), "Register of Deeds", fontsize=9)
        page.insert_text((72, 300), f"entry {number * 13}", fontsize=11)
        page.insert_text((290, 810), str(number + 1), fontsize=9)
    extraction = reading(book.save(), chunk_overlap_tokens=0)
    text = text_of(extraction)
    assert "Register of Deeds" not in text
    assert text.count("entry") == 400


def lone_page(book: Any, paint: Callable[[Any], None]) -> str:
    page = book.page()
    book.body(page)
    paint(page)
    return str(book.save())


def test_small_print_far_from_the_body_of_a_single_page_goes(book: Any, reading: Reading) -> None:
    file = lone_page(book, lambda page: page.insert_text((72, 820), "Printed by the harbour press", fontsize=6))
    extraction = reading(file)
    assert "harbour press" not in text_of(extraction)
    assert extraction.ledger.dropped["running_header_or_footer"] == len("Printedbytheharbourpress")


def test_a_line_of_the_bodys_size_on_a_single_page_stays(book: Any, reading: Reading) -> None:
    file = lone_page(book, lambda page: page.insert_text((72, 40), "Bremen, 4 May 2024", fontsize=11))
    assert "Bremen, 4 May 2024" in text_of(reading(file))


def test_text_up_the_margin_of_a_single_page_goes(book: Any, reading: Reading) -> None:
    file = lone_page(
        book, lambda page: page.insert_text((25, 600), "Downloaded from an archive", fontsize=8, rotate=90)
    )
    assert "archive" not in text_of(reading(file))
