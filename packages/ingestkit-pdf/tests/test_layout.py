"""Pages that run from right to left."""

from __future__ import annotations

from typing import Any

import pymupdf
import pytest
from ingestkit_core.elements import Element, ElementKind, PageBox
from ingestkit_core.rendering import table_cells
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.content import page_content
from ingestkit_pdf.extract.layout import laid_out
from ingestkit_pdf.values import Line, Page

pytestmark = pytest.mark.unit

LABELS = ("תאריך הגשה", "מספר ישיבה", "יועץ הקבלה", "שם העיר")
SENTENCE = ("זוהי שורה ארוכה של טקסט", "שנכתבה מימין לשמאל")


def written(page: Any, text: str, right: float, top: float) -> None:
    """Hebrew that ends, that is begins, at a right edge."""
    room = (right - 180, top, right, top + 20)
    page.insert_htmlbox(room, f'<p dir="rtl" style="margin:0;font-size:11px">{text}</p>')


def places(element: Element) -> list[PageBox]:
    return [place for span in element.spans for place in span.places or (span.location,)]


def test_a_page_from_right_to_left_is_read_from_right_to_left(book: Any, elements: Any) -> None:
    page = book.page()
    written(page, SENTENCE[1], 350, 100)
    written(page, SENTENCE[0], 520, 100)
    for row, label in enumerate(LABELS):
        top = 200 + 24 * row
        page.draw_rect((320, top, 520, top + 24))
        page.draw_rect((120, top, 320, top + 24))
        written(page, label, 515, top + 4)
    x = 206.0
    # The last part is written first, as producers do where text runs from right to left.
    for part in ("1403", "/", "09", "/", "19"):
        x -= pymupdf.get_text_length(part, fontsize=11) + 0.8
        page.insert_text((x, 216), part, fontsize=11)
    written(page, "כן", 315, 228)
    written(page, "לא", 315, 252)
    written(page, "חיפה", 315, 276)
    text, table = elements(book.save())
    assert text.text == " ".join(SENTENCE)
    assert all(place.box[0] > 170 for place in places(text))
    assert table.kind is ElementKind.TABLE
    header, body = table_cells(table)
    assert [*header, *body] == [
        [LABELS[0], "19/09/1403"],
        [LABELS[1], "כן"],
        [LABELS[2], "לא"],
        [LABELS[3], "חיפה"],
    ]
    assert [round(place.box[2]) // 10 for place in places(table)] == [51] * 4
    assert min(place.box[0] for place in places(table)) == pytest.approx(147, abs=2)


@pytest.mark.parametrize("upright", [True, False])
def test_text_that_runs_up_the_page_is_left_to_its_tables(upright: bool) -> None:
    lines = [
        Line(text, (100.0 + 40 * n, 500.0, 115.0 + 40 * n, 600.0), 9, n, 11.0, "F", False, upright)
        for n, text in enumerate(LABELS)
    ]
    content = page_content(Page(1, 595.0, 842.0, 0, lines), 1, PDFProcessorConfig())
    assert laid_out(content).mirrored is upright
    assert (laid_out(content) is content) is not upright
