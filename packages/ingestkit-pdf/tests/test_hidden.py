"""Text no person sees stays out and is listed; text a person sees stays in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymupdf
import pytest
from ingestkit_core.extraction import Extraction
from ingestkit_pdf.models import ContentType

pytestmark = pytest.mark.unit

Reading = Callable[..., Extraction]
MARK = "kumquat"


def picture(page: Any, rect: Any, shade: int = 200) -> None:
    pixmap = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 60, 80))
    pixmap.clear_with(shade)
    page.insert_image(rect, pixmap=pixmap, keep_proportion=False)


def invisible(page: Any) -> None:
    page.insert_text((72, 400), MARK, render_mode=3)


def transparent(page: Any) -> None:
    page.insert_text((72, 400), MARK, fill_opacity=0, stroke_opacity=0)


def white_on_white(page: Any) -> None:
    page.insert_text((72, 400), MARK, color=(1, 1, 1))


def white_beside_a_dark_box(page: Any) -> None:
    page.draw_rect(pymupdf.Rect(60, 500, 300, 540), fill=(0, 0, 0.5))
    page.insert_text((72, 400), MARK, color=(1, 1, 1))


def white_on_a_white_box(page: Any) -> None:
    page.draw_rect(pymupdf.Rect(60, 380, 300, 420), fill=(1, 1, 1), color=(0.8, 0, 0))
    page.insert_text((72, 400), MARK, color=(1, 1, 1))


def off_the_page(page: Any) -> None:
    page.insert_text((-300, 400), MARK)


def outside_the_crop_box(page: Any) -> None:
    page.insert_text((72, 800), MARK)
    page.set_cropbox(pymupdf.Rect(0, 0, 595, 700))


def tiny(page: Any) -> None:
    page.insert_text((72, 400), MARK, fontsize=0.4)


def clip_of_nothing(page: Any) -> None:
    page.insert_text((72, 400), MARK, render_mode=7)


def invisible_over_a_small_picture(page: Any) -> None:
    picture(page, pymupdf.Rect(60, 380, 200, 420))
    page.insert_text((72, 400), MARK, render_mode=3)


HIDDEN = [
    invisible,
    transparent,
    white_on_white,
    white_beside_a_dark_box,
    white_on_a_white_box,
    off_the_page,
    outside_the_crop_box,
    tiny,
    clip_of_nothing,
    invisible_over_a_small_picture,
]


def ordinary(page: Any) -> None:
    page.insert_text((72, 400), MARK)


def white_on_a_dark_box(page: Any) -> None:
    page.draw_rect(pymupdf.Rect(60, 380, 300, 420), fill=(0, 0, 0.5))
    page.insert_text((72, 400), MARK, color=(1, 1, 1))


def white_on_a_picture(page: Any) -> None:
    picture(page, pymupdf.Rect(60, 380, 300, 420), shade=40)
    page.insert_text((72, 400), MARK, color=(1, 1, 1))


def yellow(page: Any) -> None:
    page.insert_text((72, 400), MARK, color=(1, 1, 0))


def half_off_the_page(page: Any) -> None:
    page.insert_text((570, 400), MARK)


def outlined(page: Any) -> None:
    page.insert_text((72, 400), MARK, render_mode=1)


def painted_and_clipping(page: Any) -> None:
    page.insert_text((72, 400), MARK, render_mode=4)


def invisible_over_a_scan(page: Any) -> None:
    picture(page, page.rect)
    page.insert_text((72, 400), MARK, render_mode=3)


def transparent_over_a_scan(page: Any) -> None:
    picture(page, page.rect)
    page.insert_text((72, 400), MARK, fill_opacity=0, stroke_opacity=0)


SEEN = [
    ordinary,
    white_on_a_dark_box,
    white_on_a_picture,
    yellow,
    half_off_the_page,
    outlined,
    painted_and_clipping,
    invisible_over_a_scan,
    transparent_over_a_scan,
]


def read_with(book: Any, reading: Reading, paint: Callable[[Any], None], **settings: Any) -> Extraction:
    page = book.page()
    book.body(page, lines=5)
    paint(page)
    return reading(book.save(), **settings)


@pytest.mark.parametrize("paint", HIDDEN, ids=lambda paint: paint.__name__)
def test_hidden_text_is_left_out_and_listed(paint: Callable[[Any], None], book: Any, reading: Reading) -> None:
    extraction = read_with(book, reading, paint)
    assert not any(MARK in chunk.text for chunk in extraction.chunks)
    assert extraction.ledger.dropped == {"hidden": len(MARK)}
    assert extraction.ledger.unexplained == 0
    assert [issue.code for issue in extraction.issues] == ["W_HIDDEN_TEXT"]
    assert extraction.issues[0].page_number == 1
    assert MARK not in extraction.issues[0].message


@pytest.mark.parametrize("paint", SEEN, ids=lambda paint: paint.__name__)
def test_seen_text_is_kept_once(paint: Callable[[Any], None], book: Any, reading: Reading) -> None:
    extraction = read_with(book, reading, paint)
    assert sum(chunk.text.count(MARK) for chunk in extraction.chunks) == 1
    assert extraction.ledger.dropped == {}
    assert extraction.ledger.unexplained == 0
    assert extraction.issues == ()


@pytest.mark.parametrize("paint", HIDDEN, ids=lambda paint: paint.__name__)
def test_include_hidden_brings_it_in_labelled(paint: Callable[[Any], None], book: Any, reading: Reading) -> None:
    extraction = read_with(book, reading, paint, include_hidden=True, chunk_size_tokens=16, chunk_overlap_tokens=0)
    labelled = [chunk for chunk in extraction.chunks if MARK in chunk.text]
    assert len(labelled) == 1
    assert labelled[0].content_type in (ContentType.HIDDEN, ContentType.TEXT)
    assert extraction.ledger.dropped == {}
    assert extraction.ledger.unexplained == 0


def test_one_line_of_two_inks_is_cut_between_them(book: Any, reading: Reading) -> None:
    page = book.page()
    page.insert_text((72, 400), "shown")
    page.insert_text((105, 400), "secret", render_mode=3)
    page.insert_text((140, 400), "again")
    extraction = reading(book.save())
    assert " ".join(extraction.chunks[0].text.split()) == "shown again"
    assert extraction.ledger.dropped == {"hidden": len("secret")}


def test_glyphs_drawn_as_graphics_are_seen(raw: Any, write: Callable[..., str], reading: Reading) -> None:
    """A Type 3 font whose glyphs inherit the colour: MuPDF reports such text as invisible."""
    glyph = b"500 0 d0 0 0 400 700 re f"
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 500 700]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 97/LastChar 98"
        b"/Widths[500 500]/CharProcs<</a 6 0 R/b 6 0 R>>/Encoding<</Differences[97/a/b]>>/Resources<<>>>>"
    )
    content = raw.one_page({6: raw.stream(glyph), 7: raw.stream(b"BT /F1 20 Tf 72 700 Td (abba) Tj ET")})
    content = content.replace(b"/Contents 4 0 R", b"/Contents 7 0 R")
    content = content.replace(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", font)
    extraction = reading(write(content))
    assert extraction.chunks[0].text == "abba"
    assert extraction.ledger.dropped == {}
