"""What a page is, how the document is classified, and what is said about pages that are not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymupdf
import pytest
from ingestkit_core.errors import IngestkitError
from ingestkit_core.extraction import Extraction
from ingestkit_pdf.models import ExtractionQuality, ExtractionQualityGrade

pytestmark = pytest.mark.unit

Reading = Callable[..., Extraction]


def picture(page: Any, rect: Any) -> None:
    pixmap = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 60, 80))
    pixmap.clear_with(200)
    page.insert_image(rect, pixmap=pixmap, keep_proportion=False)


def contents(page: Any, numbers: list[int]) -> None:
    page.insert_text((72, 80), "Contents")
    for row, number in enumerate(numbers):
        page.insert_text((72, 110 + 16 * row), f"Chapter about matter {'abcdefgh'[row]} {'.' * 60} {number}")


def text(book: Any) -> None:
    book.body(book.page())


def blank(book: Any) -> None:
    book.page()


def drawings(book: Any) -> None:
    page = book.page()
    page.draw_rect(pymupdf.Rect(72, 72, 200, 200))
    page.draw_line((10, 10), (100, 300))


def scan(book: Any) -> None:
    page = book.page()
    picture(page, page.rect)


def scan_in_strips(book: Any) -> None:
    page = book.page()
    for strip in range(10):
        picture(page, pymupdf.Rect(0, strip * 84, 595, strip * 84 + 84))


def stamped_scan(book: Any) -> None:
    page = book.page()
    picture(page, pymupdf.Rect(0, 0, 595, 700))
    page.insert_text((72, 780), "Received by the harbour office")


def logo_and_text(book: Any) -> None:
    page = book.page()
    picture(page, pymupdf.Rect(20, 20, 100, 60))
    page.insert_text((72, 780), "A title page")


def table_of_contents(book: Any) -> None:
    contents(book.page(), [2, 2, 3, 3, 3, 4])
    for start in range(3):
        book.body(book.page(), start=start)


def figures_with_leaders(book: Any) -> None:
    contents(book.page(), [412, 17, 960, 3, 44, 12])
    for start in range(3):
        book.body(book.page(), start=start)


def rising_figures_with_leaders(book: Any) -> None:
    contents(book.page(), [3, 17, 44, 96, 412, 960])
    for start in range(3):
        book.body(book.page(), start=start)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (text, "text"),
        (blank, "blank"),
        (drawings, "vector_only"),
        (scan, "scanned"),
        (scan_in_strips, "scanned"),
        (stamped_scan, "mixed"),
        (logo_and_text, "text"),
        (table_of_contents, "toc"),
        (figures_with_leaders, "text"),
        (rising_figures_with_leaders, "text"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_page_types(make: Callable[[Any], None], expected: str, book: Any, reading: Reading) -> None:
    make(book)
    assert reading(book.save()).classification.unit_types["page 1"] == expected


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (blank, "W_PAGE_SKIPPED_BLANK"),
        (drawings, "W_PAGE_SKIPPED_VECTOR_ONLY"),
        (table_of_contents, "W_PAGE_SKIPPED_TOC"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_skipped_pages_are_said_and_listed(make: Callable[[Any], None], code: str, book: Any, reading: Reading) -> None:
    make(book)
    book.body(book.page())
    extraction = reading(book.save())
    assert [(issue.code, issue.page_number) for issue in extraction.issues] == [(code, 1)]
    assert [(skipped.unit, skipped.reason) for skipped in extraction.parse.skipped] == [("page 1", code)]
    assert extraction.parse.units_done == extraction.parse.units_total - 1
    page = extraction.ledger.units[0]
    assert page.emitted == 0
    assert page.unexplained == 0
    assert page.source == page.dropped.get("blank_or_contents_page", 0)


def test_scans_are_counted_as_not_extracted_yet(book: Any, reading: Reading) -> None:
    book.body(book.page())
    scan(book)
    stamped_scan(book)
    extraction = reading(book.save())
    assert extraction.ledger.uncounted == {"scanned_page": 1, "scanned_region": 1}
    assert [(skipped.unit, skipped.reason) for skipped in extraction.parse.skipped] == [("page 2", "not_extracted_yet")]
    assert any("Received by the harbour office" in chunk.text for chunk in extraction.chunks)
    assert [issue.code for issue in extraction.issues] == ["W_OCR_ENGINE_UNAVAILABLE"]


@pytest.mark.parametrize(
    ("makers", "document_type", "confidence"),
    [
        ([text, text], "text_native", 0.9),
        ([text] * 9 + [scan], "text_native", 0.9),
        ([scan, scan], "scanned", 0.9),
        ([scan, scan, scan, text], "scanned", 0.7),
        ([text, stamped_scan], "complex", 0.7),
        ([blank], "text_native", 0.5),
    ],
)
def test_tier_1_always_answers(
    makers: list[Callable[[Any], None]], document_type: str, confidence: float, book: Any, reading: Reading
) -> None:
    for make in makers:
        make(book)
    result = reading(book.save()).classification
    assert (result.document_type, result.confidence) == (document_type, confidence)
    assert result.tier == "rules"
    assert result.reasoning
    assert set(result.signals.values()) <= {True, False, None}


@pytest.mark.parametrize(
    ("coverage", "printable", "words", "score", "grade"),
    [
        (1.0, 1.0, 300, 1.0, ExtractionQualityGrade.HIGH),
        (1.0, 1.0, 50, 0.9, ExtractionQualityGrade.HIGH),
        (0.5, 1.0, 100, 0.8, ExtractionQualityGrade.MEDIUM),
        (0.5, 0.5, 100, 0.6, ExtractionQualityGrade.MEDIUM),
        (0.0, 0.0, 0, 0.0, ExtractionQualityGrade.LOW),
    ],
)
def test_quality(coverage: float, printable: float, words: float, score: float, grade: ExtractionQualityGrade) -> None:
    quality = ExtractionQuality(coverage=coverage, printable_ratio=printable, words_per_page=words)
    assert (quality.score, quality.grade) == (score, grade)


def garbled(raw: Any, text: bytes) -> bytes:
    """A font whose characters have no names: nothing maps its codes to Unicode."""
    differences = b" ".join(b"/g%d" % number for number in range(256))
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[0 %s]>>>>" % differences
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 7 0 R/Resources<</Font<</F1 5 0 R/F2 6 0 R>>>>>>"
    content = raw.stream(b"BT /F1 12 Tf 72 700 Td (Readable words) Tj /F2 12 Tf 0 -30 Td (%s) Tj ET" % text)
    document: bytes = raw.one_page({3: page, 6: font, 7: content})
    return document


def test_garbled_lines_are_no_content(raw: Any, write: Callable[..., str], reading: Reading) -> None:
    extraction = reading(write(garbled(raw, b"unmapped gibberish")))
    assert [chunk.text for chunk in extraction.chunks] == ["Readable words"]
    assert extraction.ledger.dropped["not_extracted_yet"] > 10
    assert extraction.ledger.unexplained == 0
    assert [(issue.code, issue.page_number) for issue in extraction.issues] == [
        ("W_OCR_ENGINE_UNAVAILABLE", None),
        ("W_QUALITY_LOW_NATIVE", 1),
    ]


def with_kids(objects: dict[int, bytes], kids: bytes) -> dict[int, bytes]:
    return {**objects, 2: b"<</Type/Pages%s>>" % kids}


DAMAGED = {
    "no object": ({}, b"/Count 2/Kids[3 0 R 99 0 R]"),
    "no page object": ({6: b"(no page)"}, b"/Count 2/Kids[3 0 R 6 0 R]"),
    "not there": ({}, b"/Count 2/Kids[3 0 R]"),
    "no content at any place it names": (
        {6: b"<</Type/Page/Parent 2 0 R/Contents[98 0 R 99 0 R]>>"},
        b"/Count 2/Kids[3 0 R 6 0 R]",
    ),
    "a tree that bites its tail": ({6: b"<</Type/Pages/Count 1/Kids[2 0 R]>>"}, b"/Count 2/Kids[3 0 R 6 0 R]"),
    "no content": ({6: b"<</Type/Page/Parent 2 0 R/Contents 99 0 R>>"}, b"/Count 2/Kids[3 0 R 6 0 R]"),
    "content that does not unpack": (
        {
            6: b"<</Type/Page/Parent 2 0 R/Contents 7 0 R>>",
            7: b"<</Length 100/Filter/FlateDecode>>\nstream\n" + b"?" * 100 + b"\nendstream",
        },
        b"/Count 2/Kids[3 0 R 6 0 R]",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_page_that_cannot_be_read_costs_only_itself(
    name: str, raw: Any, write: Callable[..., str], reading: Reading
) -> None:
    objects, kids = DAMAGED[name]
    extraction = reading(write(raw.one_page(with_kids(objects, kids))))
    assert extraction.chunks[0].text == "Hello from a small page"
    assert [(issue.code, issue.page_number, issue.recoverable) for issue in extraction.issues] == [
        ("E_PARSE_CORRUPT", 2, True)
    ]
    assert extraction.ledger.uncounted == {"unreadable_page": 1}
    assert extraction.parse.skipped[0].unit == "page 2"


def test_a_page_without_content_is_blank_and_not_damaged(raw: Any, write: Callable[..., str], reading: Reading) -> None:
    empty = {6: b"<</Type/Page/Parent 2 0 R/Contents 7 0 R>>", 7: raw.stream(raw.flate(b""), b"/Filter/FlateDecode")}
    extraction = reading(write(raw.one_page(with_kids(empty, b"/Count 2/Kids[3 0 R 6 0 R]"))))
    assert [issue.code for issue in extraction.issues] == ["W_PAGE_SKIPPED_BLANK"]


def test_a_document_of_which_no_page_can_be_read(raw: Any, write: Callable[..., str], reading: Reading) -> None:
    with pytest.raises(IngestkitError) as caught:
        reading(write(raw.one_page(with_kids({}, b"/Count 1/Kids[99 0 R]"))))
    assert caught.value.code == "E_PARSE_CORRUPT"
    assert "file.pdf" in caught.value.message


def test_a_file_that_was_cut_off_says_so(raw: Any, write: Callable[..., str], reading: Reading) -> None:
    second = {6: b"<</Type/Page/Parent 2 0 R/Contents[7 0 R]>>", 7: raw.stream(b"BT ET " * 20)}
    whole = raw.one_page(with_kids(second, b"/Count 2/Kids[3 0 R 6 0 R]"))
    assert [issue.code for issue in reading(write(whole)).issues] == ["W_PAGE_SKIPPED_BLANK"]
    extraction = reading(write(whole[: whole.index(b"7 0 obj")]))
    assert [issue.code for issue in extraction.issues] == ["W_DOCUMENT_REPAIRED", "E_PARSE_CORRUPT"]
    assert "cut off" in extraction.issues[0].message
    (damaged, blank) = reading(write(whole.replace(b"startxref", b"startyref"))).issues
    assert (damaged.code, "is damaged" in damaged.message) == ("W_DOCUMENT_REPAIRED", True)
    assert blank.page_number == 2
