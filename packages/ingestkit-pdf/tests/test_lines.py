"""MuPDF's text dictionary into lines: what is cleaned, counted and turned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingestkit_core.elements import visible_length
from ingestkit_pdf.lines import read_lines
from ingestkit_pdf.placing import Placing
from ingestkit_pdf.values import Line

pytestmark = pytest.mark.unit

PAGE = Placing(0, 595, 842)


def span(text: str, **changes: Any) -> dict[str, Any]:
    return {
        "text": text,
        "size": 11.0,
        "flags": 0,
        "char_flags": 16,
        "alpha": 255,
        "color": 0,
        "font": "Body",
        "bbox": (72.0, 100.0, 172.0, 114.0),
        "origin": (72.0, 111.0),
    } | changes


def lines_of(*spans: dict[str, Any], direction: tuple[float, float] = (1.0, 0.0)) -> tuple[list[Line], int]:
    line = {"spans": list(spans), "dir": direction, "bbox": (72.0, 100.0, 172.0, 114.0), "wmode": 0}
    return read_lines([{"lines": [line]}], PAGE)


@pytest.mark.parametrize(
    ("raw", "text", "characters", "unreadable", "removed"),
    [
        ("plain  text ", "plain text", 9, 0, 0),
        ("e\u0301t\u00e9", "\u00e9t\u00e9", 3, 0, 0),
        ("no\u00a0break", "no break", 7, 0, 0),
        ("nul\x00 and \x07bell", "nul and bell", 10, 2, 2),
        ("\x01\x02", "", 0, 0, 2),
        ("lone \ud800 surrogate", "lone surrogate", 13, 1, 1),
        ("not \uffff a character", "not a character", 13, 1, 1),
        ("wrap\u00adped line-\u00ad", "wrapped line--", 13, 1, 1),
        ("unknown \ufffd\ufffd", "unknown \ufffd\ufffd", 9, 2, 0),
        ("\uf0b7 bullet", "• bullet", 7, 0, 0),
        ("\ue123 private", "\ue123 private", 8, 1, 0),
        ("½ km²", "½ km²", 6, 0, 0),
        ("Min´aˇc", "Mináč", visible_length("Min´aˇc"), 0, 0),
        ("Fundac¸˜ao", "Fundação", visible_length("Fundac¸˜ao"), 0, 0),
        ("l´accord", "l´accord", visible_length("l´accord"), 0, 0),
        ("中文，测试", "中文，测试", 5, 0, 0),
        ("\u202bעברית\u202c", "\u202bעברית\u202c", 7, 0, 0),
        ("   ", "", 0, 0, 0),
    ],
)
def test_text_is_cleaned_and_counted(raw: str, text: str, characters: int, unreadable: int, removed: int) -> None:
    lines, unprinted = lines_of(span(raw))
    assert unprinted == removed
    assert [(line.text, line.characters, line.unreadable) for line in lines] == (
        [(text, characters, unreadable)] if text else []
    )


@given(st.text(min_size=1, max_size=60))
def test_every_text_becomes_valid_and_is_accounted_for(raw: str) -> None:
    lines, unprinted = lines_of(span(raw))
    for line in lines:
        line.text.encode("utf-8")
        assert "\x00" not in line.text
        assert line.characters >= visible_length(line.text)  # an accent by itself goes onto its letter
    total = sum(line.characters for line in lines) + unprinted
    assert (total == 0) <= (not raw.split() or visible_length(raw) == 0)


@pytest.mark.parametrize(
    ("spans", "size", "bold"),
    [
        ([span("Note:", flags=16), span(" a longer text that is not bold")], 11.0, False),
        ([span("A longer heading in bold", flags=16, size=14.2), span(" 1", size=8)], 14.0, True),
        ([span("A bold beginning of", flags=16), span(" a sentence")], 11.0, False),
        ([span("12. "), span("A bold line about", flags=16), span(" x (2).")], 11.0, True),
        ([span("fake bold", char_flags=24)], 11.0, True),
        ([span("no size", size=float("nan"))], 0.0, False),
        ([span("no size", size=float("inf"))], 0.0, False),
    ],
)
def test_a_line_has_the_size_of_most_of_it_and_is_bold_where_all_its_words_are(
    spans: list[dict[str, Any]], size: float, bold: bool
) -> None:
    lines, _ = lines_of(*spans)
    assert (lines[0].size, lines[0].bold) == (size, bold)


@pytest.mark.parametrize(
    ("direction", "box"),
    [
        ((1.0, 0.0), (72.0, 101.1, 172.0, 113.75)),
        ((0.0, -1.0), (72.0, 100.0, 74.75, 114.0)),
        ((0.0, 1.0), (72.0, 100.0, 81.9, 114.0)),
        ((0.7, 0.7), (72.0, 100.0, 172.0, 114.0)),
    ],
)
def test_a_box_is_no_taller_than_glyphs_are(
    direction: tuple[float, float], box: tuple[float, float, float, float]
) -> None:
    thin = {"bbox": (72.0, 100.0, 86.0, 114.0)} if not direction[0] else {}
    line = {"spans": [span("text")], "dir": direction, "bbox": (72.0, 100.0, 172.0, 114.0), "wmode": 0} | thin
    (found,), _ = read_lines([{"lines": [line]}], PAGE)
    assert found.box == box


def test_a_box_that_does_not_fit_the_size_is_left_alone() -> None:
    (found,), _ = lines_of(span("glyphs by drawing", size=1.5))
    assert found.box == (72.0, 100.0, 172.0, 114.0)


@pytest.mark.parametrize("top", [60.0, 111.0])
def test_a_font_that_claims_ten_lines_has_one_where_its_widths_fit_the_size(top: float) -> None:
    # Claimed around its baseline or under it, as of Type 3 fonts whose glyphs are drawn downwards.
    tall = span("glyphs by drawing", size=10.0)
    line = {"spans": [tall], "dir": (1.0, 0.0), "bbox": (72.0, top, 172.0, top + 100), "wmode": 0}
    (found,), _ = read_lines([{"lines": [line]}], PAGE)
    assert found.box == (72.0, 102.0, 172.0, 113.5)


def placed(text: str, x0: float, y0: float, x1: float) -> dict[str, Any]:
    return {
        "spans": [span(text, origin=(x0, y0 + 11.0))],
        "dir": (1.0, 0.0),
        "bbox": (x0, y0, x1, y0 + 14.0),
        "wmode": 0,
    }


def test_what_is_painted_several_times_to_look_bold_is_one_bold_line() -> None:
    painted = [
        placed("보험료", 72.0, 100.0, 105.0),
        placed("보험료", 71.8, 100.2, 104.8),
        placed("험료", 83.0, 100.0, 105.0),
        placed("험료 ", 82.8, 100.2, 108.0),
    ]
    (found,), _ = read_lines([{"lines": painted}], PAGE)
    assert (found.text, found.characters, found.bold) == ("보험료", 3, True)


@pytest.mark.parametrize(
    "other",
    [
        placed("7", 110.0, 100.0, 116.0),
        placed("7", 99.0, 114.0, 105.0),
        placed("27", 99.0, 100.0, 105.0),
    ],
)
def test_the_same_text_elsewhere_is_another_line(other: dict[str, Any]) -> None:
    lines, _ = read_lines([{"lines": [placed("in 2017", 72.0, 100.0, 105.0), other]}], PAGE)
    assert [(line.text, line.bold) for line in lines] == [("in 2017", False), (other["spans"][0]["text"], False)]


def test_a_line_without_spans_is_none() -> None:
    assert lines_of() == ([], 0)


def pdfium_text(path: str, box: tuple[float, float, float, float], size: tuple[float, float], rotation: int) -> str:
    """What an independent reader finds in a box of the page as displayed."""
    pdfium = pytest.importorskip("pypdfium2")
    page = pdfium.PdfDocument(path)[0]
    (width, height), (x0, y0, x1, y1) = size, box
    unrotated = {
        0: (x0, y0, x1, y1),
        90: (y0, width - x1, y1, width - x0),
        180: (width - x1, height - y1, width - x0, height - y0),
        270: (height - y1, x0, height - y0, x1),
    }[rotation]
    left, _, _, top = page.get_cropbox()
    text = page.get_textpage().get_text_bounded(
        left + unrotated[0], top - unrotated[3], left + unrotated[2], top - unrotated[1]
    )
    return str(" ".join(text.split()))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("cropped", [False, True])
def test_a_citation_is_where_the_page_shows_it(
    rotation: int, cropped: bool, book: Any, reading: Callable[..., Any]
) -> None:
    page = book.page(400, 600)
    page.insert_text((80, 120), "the upper words")
    page.insert_text((80, 300), "the lower words")
    widget = pymupdf.Widget()
    widget.field_type, widget.field_name, widget.field_value = pymupdf.PDF_WIDGET_TYPE_TEXT, "who", "Ada"
    widget.rect = pymupdf.Rect(80, 400, 200, 420)
    page.add_widget(widget)
    if cropped:
        page.set_cropbox(pymupdf.Rect(30, 50, 390, 500))
    page.set_rotation(rotation)
    path = book.save()
    shown = pymupdf.open(path)[0].rect
    extraction = reading(path, chunk_size_tokens=16, chunk_overlap_tokens=0)
    locations = [location for chunk in extraction.chunks for location in chunk.locations]
    found = [pdfium_text(path, place.box, (shown.width, shown.height), rotation) for place in locations]
    assert any("the upper words" in text for text in found)
    assert any("the lower words" in text for text in found)
    field = pymupdf.Rect(80, 400, 200, 420) - ((30, 50, 30, 50) if cropped else (0, 0, 0, 0))
    expected = tuple((field * pymupdf.open(path)[0].rotation_matrix).normalize())
    assert any(place.box == pytest.approx(expected, abs=0.1) for place in locations)


def test_text_that_runs_up_the_displayed_page_is_not_upright() -> None:
    assert Placing(0, 400, 600).upright((1.0, 0.0))
    assert not Placing(0, 400, 600).upright((0.0, -1.0))
    assert Placing(90, 600, 400).upright((0.0, -1.0))
    assert not Placing(90, 600, 400).upright((1.0, 0.0))
