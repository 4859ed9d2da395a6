"""Pictures among the text of pages: which are read by OCR, and where their words come out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from ingestkit_core.extraction import Extraction
from ingestkit_core.stores import open_store
from ingestkit_core.verification import Tally
from ingestkit_core.verifying import verify_sources
from ingestkit_pdf import PDFProcessorConfig, PDFRouter, insets
from ingestkit_pdf.document import Document
from ingestkit_pdf.models import OCREngine
from ingestkit_pdf.ocr.pages import see_page
from ingestkit_pdf.ocr.pixels import SMALL_DPI, may_hold_text
from ingestkit_pdf.reader import read

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

LINES = [
    "The keeper of the lighthouse wrote down every ship",
    "that passed the northern cape between the two wars",
    "and the weather of each night with a steady hand",
]
AROUND = (72.0, 330.0, 472.0, 480.0)
"""Where the picture stands on a page of text: more than a tenth of it."""
CAPTION = "Figure 1: A page of the keeper's book"


def picture(paint: Callable[[Any], None], width: float = 400, height: float = 150, dpi: int = 200) -> Any:
    """A screen or a scan: grey pixels of something painted."""
    with pymupdf.open() as document:
        page = document.new_page(width=width, height=height)
        paint(page)
        return page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)


def lines(paper: Any) -> None:
    for row, line in enumerate(LINES):
        paper.insert_text((30, 50 + 24 * row), line, fontsize=13)


def noise() -> Any:
    pixels = np.random.default_rng(7).integers(0, 255, (300, 800), np.uint8)
    return pymupdf.Pixmap(pymupdf.csGRAY, 800, 300, pixels.tobytes(), False)


def set_in(book: Any, shown: Any, caption: str = CAPTION) -> Any:
    """A page of two paragraphs with a picture and its caption between them."""
    page = book.page()
    book.body(page, lines=12, top=100)
    page.insert_image(pymupdf.Rect(AROUND), pixmap=shown, keep_proportion=False)
    page.insert_text((72, 500), caption, fontsize=9)
    book.body(page, lines=12, start=5, top=540)
    return page


def extracted(path: str, **settings: Any) -> Extraction:
    return read(path, PDFProcessorConfig(**settings).model_dump())


def test_words_of_a_picture_stand_where_it_does(tesseract: str, book: Any) -> None:
    set_in(book, picture(lines))
    path = book.save()
    extraction = extracted(path)
    above, shown, below = extraction.chunks
    assert shown.text == f"{' '.join(LINES)}\n\n{CAPTION}"
    assert "ocr_engine" not in {**above.metadata, **below.metadata}
    assert (shown.metadata["ocr_engine"], shown.metadata["ocr_dpi"]) == ("tesseract", 300)
    assert shown.metadata["ocr_confidence"] > 0.8
    boxes = [place.box for place in shown.locations[:3]]
    for row, (box, line) in enumerate(zip(boxes, LINES, strict=True)):
        right = 102 + pymupdf.get_text_length(line, fontsize=13)
        assert box == pytest.approx((102, 370 + 24 * row, right, 383 + 24 * row), abs=3)
    with Document(Path(path).read_bytes(), "file.pdf") as document:
        cited = boxes[0][0] - 3, boxes[0][1] - 3, boxes[0][2] + 3, boxes[2][3] + 3
        again = see_page(document, 1, cited, OCREngine.TESSERACT, PDFProcessorConfig())
    assert again.result.text.split() == " ".join(LINES).split()
    assert extraction.issues == ()
    assert (extraction.ledger.unexplained, extraction.ledger.uncounted) == (0, {})
    assert extraction.ledger.source == sum(len("".join(chunk.text.split())) for chunk in extraction.chunks)
    assert extraction.ocr is not None
    assert extraction.ocr.pages == (1,)
    assert extracted(path).chunks == extraction.chunks


def test_a_caption_above_its_picture_stays_with_it(tesseract: str, book: Any) -> None:
    page = book.page()
    book.body(page, lines=12, top=60)
    page.insert_text((72, 322), "Table 1: Ships and years", fontsize=9)
    page.insert_image(pymupdf.Rect(AROUND), pixmap=picture(lines))
    book.body(page, lines=12, start=5, top=520)
    texts = [chunk.text for chunk in extracted(book.save()).chunks]
    assert texts[1] == f"Table 1: Ships and years\n\n{' '.join(LINES)}"
    assert len(texts) == 3


def test_a_picture_goes_to_its_caption_before_it_goes_to_what_is_nearer(tesseract: str, book: Any) -> None:
    page = book.page()
    book.body(page, lines=12, top=168)
    page.insert_image(pymupdf.Rect(AROUND), pixmap=picture(lines))
    book.body(page, lines=12, start=5, top=540)
    page.insert_text((72, 500), CAPTION, fontsize=9)
    assert f"{' '.join(LINES)}\n\n{CAPTION}" in [chunk.text for chunk in extracted(book.save()).chunks]


def test_a_table_in_a_picture_is_a_table_that_nobody_else_can_read(tesseract: str, book: Any, tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="pip install 'ingestkit-pdf[verify]' to run it")
    rows = [
        ["Harbour", "Ships", "Year"],
        ["Bergen", "412", "1921"],
        ["Tromso", "288", "1923"],
        ["Narvik", "96", "1928"],
    ]

    def ruled(paper: Any) -> None:
        for row in range(5):
            paper.draw_line((20, 15 + 30 * row), (320, 15 + 30 * row), width=0.8)
        for column in range(4):
            paper.draw_line((20 + 100 * column, 15), (20 + 100 * column, 135), width=0.8)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                paper.insert_text((30 + 100 * column, 35 + 30 * row), cell, fontsize=13)

    set_in(book, picture(ruled), caption="")
    path = book.save()
    extraction = extracted(path)
    (table,) = (chunk for chunk in extraction.chunks if chunk.content_type == "table")
    assert table.text.split("\n") == [" | ".join(row) for row in rows]
    assert table.metadata["ocr_engine"] == "tesseract"
    assert extraction.ledger.unexplained == 0
    config = PDFProcessorConfig(table_min_rows_for_db=3, execution_max_workers=1)
    with open_store(str(tmp_path / "store.db")) as store, PDFRouter(store, store, config=config) as router:
        assert router.process(path).tables_created == 1
        (verified,) = verify_sources(store, [router], store.sources())
        assert verified.verification is not None
        assert (verified.verification.mismatches, verified.verification.rows) == ((), Tally())


@pytest.mark.parametrize("case", ["photograph", "text over it", "switched off"])
def test_no_engine_is_asked_about(
    case: str, book: Any, impostor: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", impostor("exit 3"))
    page = set_in(book, noise() if case == "photograph" else picture(lines))
    if case == "text over it":
        page.insert_text((90, 400), "a word", fontsize=9)
    extraction = extracted(book.save(), auto_ocr_fallback=case != "switched off")
    assert (extraction.issues, extraction.ledger.uncounted, extraction.ledger.unexplained) == ((), {}, 0)


def test_a_picture_past_its_limit_costs_only_itself(
    book: Any, processed: Any, impostor: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", impostor("exec sleep 60"))
    set_in(book, picture(lines))
    result = processed([book.save()], ocr_per_page_timeout_seconds=2)["file.pdf"]
    assert (result.status, result.errors, result.chunks_created) == ("committed", ("E_OCR_TIMEOUT",), 1)
    assert "OCR of a picture on page 1 took longer" in result.error_details[0].message
    assert result.ledger.uncounted == {"picture": 1}


def test_without_an_engine_nothing_is_warned_of_and_a_later_one_reads_it(
    tesseract: str, book: Any, processed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestkit_pdf.ocr import choosing

    monkeypatch.setattr(choosing, "rapidocr_version", lambda: "")
    set_in(book, picture(lines))
    path, before = book.save(), os.environ["PATH"]
    told = []
    for folders in (str(tmp_path), str(tmp_path), before, before, str(tmp_path)):
        monkeypatch.setenv("PATH", folders)
        result = processed([path])["file.pdf"]
        assert (result.warnings, result.errors) == ((), ())
        told.append((result.status, result.ledger.uncounted))
    waiting, done = {"picture": 1}, {}
    assert told == [
        ("committed", waiting),
        ("unchanged", waiting),
        ("committed", done),
        ("unchanged", done),
        ("unchanged", done),
    ]


def test_a_picture_on_every_page_is_read_once(tesseract: str, book: Any) -> None:
    shown = picture(lines)
    for _ in range(3):
        set_in(book, shown)
    extraction = extracted(book.save())
    assert sum("lighthouse" in chunk.text for chunk in extraction.chunks) == 1
    assert extraction.ocr is not None
    assert (extraction.ocr.pages, extraction.ledger.uncounted, extraction.ledger.unexplained) == ((1,), {}, 0)


def test_what_the_engine_is_unsure_of_is_left_and_counted(tesseract: str, book: Any) -> None:
    set_in(book, picture(lines))
    extraction = extracted(book.save(), ocr_confidence_threshold=0.99)
    assert "lighthouse" not in " ".join(chunk.text for chunk in extraction.chunks)
    assert (extraction.issues, extraction.ledger.uncounted, extraction.ledger.unexplained) == ((), {"picture": 1}, 0)


def test_numbers_of_a_scale_are_one_paragraph(tesseract: str, book: Any) -> None:
    def scale(paper: Any) -> None:
        for row, line in enumerate(LINES):
            paper.insert_text((30, 20 + 18 * row), line, fontsize=13)
        for row in range(3):
            paper.insert_text((30, 80 + 30 * row), str(900 - 200 * row), fontsize=12)

    set_in(book, picture(scale))
    (shown,) = (chunk for chunk in extracted(book.save()).chunks if "ocr_engine" in chunk.metadata)
    assert "900 700 500" in shown.text


def insets_of(path: str) -> list[tuple[float, ...]]:
    with Document(Path(path).read_bytes(), "file.pdf") as document:
        return [inset.box for inset in document.page(1, 200, wants_insets=True).insets]


@pytest.mark.parametrize("rotation", [0, 90])
def test_strips_are_one_picture(rotation: int, book: Any) -> None:
    page = book.page()
    book.body(page, lines=12, top=100)
    x0, y0, x1, y1 = AROUND
    height = (y1 - y0) / 5
    for strip in range(5):
        around = (x0, y0 + strip * height, x1, y0 + (strip + 1) * height)
        page.insert_image(pymupdf.Rect(around), pixmap=picture(lines, height=height), keep_proportion=False)
    page.set_rotation(rotation)
    expected = AROUND if not rotation else (842 - y1, x0, 842 - y0, x1)
    assert insets_of(book.save()) == [pytest.approx(expected, abs=0.1)]


@pytest.mark.parametrize("behind", ["page", "picture"])
def test_a_picture_on_a_background_is_one_by_itself(behind: str, book: Any) -> None:
    page = book.page()
    outer = (0.0, 0.0, 595.0, 842.0) if behind == "page" else (40.0, 300.0, 500.0, 520.0)
    page.insert_image(pymupdf.Rect(outer), pixmap=noise(), keep_proportion=False)
    page.insert_image(pymupdf.Rect(AROUND), pixmap=picture(lines), keep_proportion=False)
    book.body(page, lines=12, top=100)
    expected = AROUND if behind == "page" else outer
    assert insets_of(book.save()) == [pytest.approx(expected, abs=0.1)]


def test_pages_with_small_pictures_are_not_looked_at_again(book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = book.page()
    book.body(page)
    page.insert_image(pymupdf.Rect(72, 40, 172, 80), pixmap=picture(lines, 100, 40, dpi=100))
    path = book.save()
    monkeypatch.setattr(insets, "images_of", lambda page: pytest.fail("the page was run"))
    assert insets_of(path) == []


@pytest.mark.parametrize(
    ("kind", "expected"), [("text", True), ("noise", False), ("dark", False), ("plain", False), ("shade", False)]
)
def test_what_may_hold_text(kind: str, expected: bool, book: Any) -> None:
    flat = np.tile(np.linspace(90, 250, 400), (150, 1)).astype(np.uint8)
    pixels = {"dark": np.zeros_like(flat), "plain": np.full_like(flat, 255), "shade": flat}.get(kind)
    shown = picture(lines) if kind == "text" else noise()
    if pixels is not None:
        shown = pymupdf.Pixmap(pymupdf.csGRAY, 400, 150, pixels.tobytes(), False)
    set_in(book, shown)
    with Document(Path(book.save()).read_bytes(), "file.pdf") as document:
        assert may_hold_text(document.picture(1, SMALL_DPI, clip=AROUND)) is expected


def test_a_page_looks_the_same_before_and_after_its_text_is_read(book: Any) -> None:
    page = book.page()
    page.draw_rect(AROUND, color=None, fill=(0.1, 0.8, 0.3, 0.2))
    content = Path(book.save()).read_bytes()
    with Document(content, "inked.pdf") as document:
        before = document.picture(1, SMALL_DPI, clip=AROUND)
        document.page(1, 0)
        assert document.picture(1, SMALL_DPI, clip=AROUND) == before
