"""Scans, bad text layers and garbled pages through a real engine, and what is there when it fails."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from ingestkit_core.errors import BackendError, ErrorCode
from ingestkit_core.extraction import Extraction
from ingestkit_core.stores import open_store
from ingestkit_core.testing import ScriptedLLM
from ingestkit_pdf import PDFProcessorConfig, PDFRouter
from ingestkit_pdf.models import OCREngine
from ingestkit_pdf.ocr.values import OCRChoice
from ingestkit_pdf.reader import read

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

LINES = [
    "The keeper of the lighthouse wrote down every ship",
    "that passed the northern cape between the two wars",
    "and the weather of each night with a steady hand",
]
TITLE = "Harbour Records"


def written(page: Any, lines: list[str], top: float = 60, left: float = 40) -> None:
    for row, line in enumerate(lines):
        page.insert_text((left, top + 16 * row), line, fontsize=11)


def picture(width: float, height: float, paint: Callable[[Any], None], degrees: float = 0.0) -> Any:
    """What a scanner makes of a page: grey pixels, laid down aslant."""
    with pymupdf.open() as document:
        page = document.new_page(width=width, height=height)
        paint(page)
        turn = pymupdf.Matrix(200 / 72, 200 / 72).prerotate(degrees)
        return page.get_pixmap(matrix=turn, colorspace=pymupdf.csGRAY)


class Folder:
    """Files made of scans and text, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def save(self, name: str, *painters: Callable[[Any], None]) -> str:
        with pymupdf.open() as document:
            for paint in painters:
                paint(document.new_page(width=340, height=200))
            document.save(self.folder / name)
        return str(self.folder / name)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "in")


def scan(lines: list[str] = LINES, title: str = "", degrees: float = 0.0) -> Callable[[Any], None]:
    def paint(page: Any) -> None:
        def print_(paper: Any) -> None:
            if title:
                paper.insert_text((40, 36), title, fontsize=20)
            written(paper, lines)

        page.insert_image(page.rect, pixmap=picture(340, 200, print_, degrees), keep_proportion=False)

    return paint


def text(page: Any) -> None:
    written(page, LINES * 2)


def with_layer(layer: list[str]) -> Callable[[Any], None]:
    def paint(page: Any) -> None:
        scan()(page)
        for row, line in enumerate(layer):
            page.insert_text((40, 60 + 16 * row), line, fontsize=11, render_mode=3)

    return paint


def extracted(path: str, **settings: Any) -> Extraction:
    return read(path, PDFProcessorConfig(**settings).model_dump())


def told(extraction: Extraction) -> str:
    return "\n".join(chunk.text for chunk in extraction.chunks)


def codes(extraction: Extraction) -> list[str]:
    return [issue.code for issue in extraction.issues]


def test_a_scan_becomes_text_with_headings_places_and_an_account(tesseract: str, folder: Folder) -> None:
    extraction = extracted(folder.save("scan.pdf", scan(title=TITLE)))
    assert told(extraction) == f"{TITLE}\n\n{' '.join(LINES)}"
    (chunk,) = extraction.chunks
    assert chunk.heading_path == (TITLE,)
    unit = extraction.ledger.units[0]
    assert unit.source == unit.emitted == len("".join((TITLE + "".join(LINES)).split()))
    assert (extraction.ledger.unexplained, extraction.ledger.uncounted) == (0, {})
    first = chunk.locations[-1].box
    assert first[0] == pytest.approx(40, abs=2)
    assert 36 < first[1] < 60 < first[3] < 110
    metadata = chunk.metadata
    assert metadata["ocr_engine"] == "tesseract"
    assert metadata["ocr_confidence"] > 0.8
    assert (metadata["ocr_dpi"], metadata["ocr_preprocessing"]) == (300, ("deskew",))
    assert extraction.ocr is not None
    assert (extraction.ocr.pages, extraction.ocr.engine, extraction.ocr.failed_pages) == ((1,), "tesseract", ())
    assert extraction.parse.parsers["tesseract"]
    assert extraction.parse.units_done == 1
    assert codes(extraction) == []


def test_a_skewed_scan_is_read_straight_and_cited_where_it_stands(tesseract: str, folder: Folder) -> None:
    path = folder.save("skewed.pdf", scan(LINES * 2, degrees=4))
    extraction = extracted(path, chunk_size_tokens=16, chunk_overlap_tokens=0)
    assert " ".join(LINES) in " ".join(told(extraction).split())
    boxes = [location.box for chunk in extraction.chunks for location in chunk.locations]
    # Straightened, every line is some ten points high; where it stands it runs down by twenty more.
    assert all(box[3] - box[1] > 20 for box in boxes)
    flat = extracted(path, chunk_size_tokens=16, chunk_overlap_tokens=0, ocr_preprocessing_steps=["contrast"])
    assert " ".join(LINES) not in " ".join(told(flat).split())


@pytest.mark.parametrize("degrees", [90, 180])
def test_a_scan_that_lies_on_its_side_is_read(degrees: int, tesseract: str, folder: Folder) -> None:
    def paint(page: Any) -> None:
        page.set_mediabox(pymupdf.Rect(0, 0, 400, 400))
        paper = picture(400, 400, lambda paper: written(paper, LINES * 6))
        page.insert_image(page.rect, pixmap=paper, rotate=degrees)

    extraction = extracted(folder.save("lying.pdf", paint))
    assert " ".join(LINES) in " ".join(told(extraction).split())
    box = extraction.chunks[0].locations[0].box
    assert (box[2] - box[0] < box[3] - box[1]) == (degrees == 90)


@pytest.mark.parametrize("layer", [LINES, ["xkq vbn zzt prw lkj gfd"] * 4], ids=["good", "bad"])
def test_a_text_layer_is_used_or_replaced(layer: list[str], tesseract: str, folder: Folder) -> None:
    extraction = extracted(folder.save("layer.pdf", with_layer(layer)))
    assert told(extraction) == " ".join(LINES)
    if layer is LINES:
        assert extraction.ocr is None
        assert (codes(extraction), extraction.ledger.dropped) == ([], {})
    else:
        assert codes(extraction) == ["W_OCR_FALLBACK"]
        assert extraction.ledger.dropped == {"duplicate": sum(len("".join(line.split())) for line in layer)}
    assert extraction.ledger.unexplained == 0


def test_a_stamp_on_a_scan_is_told_once(tesseract: str, folder: Folder) -> None:
    def stamped(page: Any) -> None:
        scan()(page)
        page.insert_text((40, 180), "Received by the office of the harbour master on the third of May", fontsize=9)

    extraction = extracted(folder.save("stamped.pdf", stamped))
    assert told(extraction).count("Received by the office") == 1
    assert " ".join(LINES) in told(extraction)
    assert extraction.ledger.unexplained == 0


def test_few_words_on_a_scan_are_not_trusted(tesseract: str, folder: Folder) -> None:
    def numbered(page: Any) -> None:
        scan()(page)
        page.insert_text((40, 180), "Page 7", fontsize=9)

    extraction = extracted(folder.save("numbered.pdf", numbered))
    assert told(extraction).count("Page 7") == 1
    assert codes(extraction) == ["W_OCR_FALLBACK"]
    assert extraction.ledger.dropped == {"duplicate": 5}


def test_columns_are_read_one_after_the_other(tesseract: str, folder: Folder) -> None:
    def paint(page: Any) -> None:
        def print_(paper: Any) -> None:
            for column, left in ((0, 20), (1, 190)):
                for row in range(8):
                    paper.insert_text((left, 30 + 14 * row), f"column {column} holds line {row} here", fontsize=10)

        page.insert_image(page.rect, pixmap=picture(340, 200, print_))

    words = told(extracted(folder.save("columns.pdf", paint)))
    assert [words.index(f"column {column} holds line {row}") for column in (0, 1) for row in range(8)] == sorted(
        words.index(f"column {column} holds line {row}") for column in (0, 1) for row in range(8)
    )


def test_a_ruled_table_on_a_scan_is_a_table(tesseract: str, folder: Folder) -> None:
    rows = [
        ["Harbour", "Ships", "Year"],
        ["Bergen", "412", "1921"],
        ["Tromso", "288", "1923"],
        ["Narvik", "96", "1928"],
    ]

    def paint(page: Any) -> None:
        def print_(paper: Any) -> None:
            for row in range(len(rows) + 1):
                paper.draw_line((40, 40 + 24 * row), (280, 40 + 24 * row), width=0.8)
            for column in range(4):
                paper.draw_line((40 + 80 * column, 40), (40 + 80 * column, 136), width=0.8)
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    paper.insert_text((46 + 80 * column, 57 + 24 * row), cell, fontsize=12)

        page.insert_image(page.rect, pixmap=picture(340, 200, print_))

    extraction = extracted(folder.save("table.pdf", paint))
    (chunk,) = extraction.chunks
    assert (chunk.content_type, chunk.text.split("\n")) == ("table", [" | ".join(row) for row in rows])
    assert extraction.ledger.unexplained == 0


def test_unsure_words_flag_the_page(tesseract: str, folder: Folder) -> None:
    extraction = extracted(folder.save("scan.pdf", scan()), ocr_confidence_threshold=0.99)
    assert codes(extraction) == ["W_PAGE_LOW_OCR_CONFIDENCE"]
    assert extraction.ocr is not None
    assert extraction.ocr.low_confidence_pages == (1,)


def test_another_engine_is_said_and_its_text_logged_only_where_asked(tesseract: str, folder: Folder) -> None:
    path = folder.save("scan.pdf", scan())
    choice = OCRChoice(OCREngine.RAPIDOCR, OCREngine.TESSERACT, "5", "rapidocr is not installed")
    config = PDFProcessorConfig(ocr_engine=OCREngine.RAPIDOCR)
    extraction = read(path, config.model_dump(), choice)
    assert codes(extraction) == ["W_OCR_ENGINE_FALLBACK"]
    assert extraction.ocr is not None
    assert extraction.ocr.fallback_used
    assert extraction.log_lines == ()
    (line,) = read(path, {**config.model_dump(), "log_ocr_output": True}, choice).log_lines
    assert LINES[0] in line


def test_rapidocr_reads_the_same(folder: Folder) -> None:
    if importlib.util.find_spec("rapidocr") is None:
        pytest.skip("pip install 'ingestkit-pdf[rapidocr]' to run it")
    extraction = extracted(folder.save("scan.pdf", scan()), ocr_engine="rapidocr", ocr_dpi=150)
    assert told(extraction) == " ".join(LINES)
    assert extraction.chunks[0].metadata["ocr_engine"] == "rapidocr"
    assert extraction.ledger.unexplained == 0


@pytest.mark.parametrize("body", ["exit 3", "kill -SEGV $$", "echo no answer"], ids=["failing", "crashing", "odd"])
def test_an_engine_that_fails_costs_its_page_only(
    body: str, folder: Folder, impostor: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", impostor(body))
    extraction = extracted(folder.save("mixed.pdf", text, scan()))
    (issue,) = extraction.issues
    assert (issue.code, issue.page_number, issue.stage, issue.recoverable) == ("E_OCR_FAILED", 2, "ocr", True)
    assert "mixed.pdf" in issue.message
    assert extraction.ledger.uncounted == {"scanned_page": 1}
    assert [(unit.unit, unit.reason) for unit in extraction.parse.skipped] == [("page 2", "not_extracted_yet")]


def test_a_page_past_its_limit_costs_only_itself(
    folder: Folder, processed: Any, impostor: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", impostor("exec sleep 60"))
    path = folder.save("mixed.pdf", text, scan())
    result = processed([path], ocr_per_page_timeout_seconds=2)["mixed.pdf"]
    assert (result.status, result.errors, result.chunks_created) == ("committed", ("E_OCR_TIMEOUT",), 1)
    assert "ocr_per_page_timeout_seconds=2" in result.error_details[0].message
    assert result.ocr_result is not None
    assert result.ocr_result.failed_pages == (2,)


def test_an_engine_that_is_installed_later_reads_what_waited_for_it(
    tesseract: str, folder: Folder, processed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestkit_pdf.ocr import choosing

    monkeypatch.setattr(choosing, "rapidocr_version", lambda: "")
    paths = [folder.save("scan.pdf", scan()), folder.save("text.pdf", text)]
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", str(tmp_path))
    before = processed(paths)
    assert (before["scan.pdf"].status, before["scan.pdf"].warnings) == ("committed", ("W_OCR_ENGINE_UNAVAILABLE",))
    assert "apt-get install tesseract-ocr" in before["scan.pdf"].error_details[0].message
    assert {result.status for result in processed(paths).values()} == {"unchanged"}
    monkeypatch.setenv("PATH", path)
    after = processed(paths)
    assert {name: result.status for name, result in after.items()} == {"scan.pdf": "committed", "text.pdf": "unchanged"}
    assert after["scan.pdf"].chunks_created == 1
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {result.status for result in processed(paths).values()} == {"unchanged"}


def test_convert_reads_scans_in_a_worker(tesseract: str, folder: Folder, tmp_path: Path) -> None:
    with open_store(str(tmp_path / "store.db")) as store, PDFRouter(store, store) as router:
        conversion = router.convert(folder.save("scan.pdf", scan(), text))
    assert " ".join(LINES) in " ".join(element.text for element in conversion.elements)
    assert conversion.ledger.uncounted == {}


def _mended(prompt: str) -> str:
    raw = prompt.split("=====")[1].strip()
    return raw.replace("lighthouse", "lightship").replace("cape", "coast") + " in 1999" * ("Cargo" in raw)


class Mender(ScriptedLLM):
    def generate(self, prompt: str, model: str, temperature: float = 0.7, timeout: float | None = None) -> str:
        self.prompts.append(f"{model}: {prompt}")
        return _mended(prompt)


def test_a_language_model_mends_words_and_no_digits(tesseract: str, folder: Folder, tmp_path: Path) -> None:
    paths = [folder.save("words.pdf", scan()), folder.save("digits.pdf", scan(["Cargo 1234 tons of salt", *LINES]))]
    settings = {"enable_ocr_cleanup": True, "ocr_cleanup_model": "mender", "execution_max_workers": 2}
    llm = Mender([])
    with open_store(str(tmp_path / "store.db")) as store:
        with PDFRouter(store, store, llm=llm, config=PDFProcessorConfig(**settings)) as router:
            words, digits = router.process_batch(paths)
        assert (words.status, words.warnings, words.errors) == ("committed", (), ())
        (chunk,) = store.chunks(None, paths[0])
        assert "The keeper of the lightship wrote down" in chunk.text
        (raw,) = read(paths[0], PDFProcessorConfig().model_dump()).chunks
        assert [place["box"] for place in chunk.metadata["locations"]] == [list(one.box) for one in raw.locations]
        assert (digits.status, digits.errors) == ("committed", ("E_LLM_SCHEMA_INVALID",))
        (chunk,) = store.chunks(None, paths[1])
        assert "lighthouse" in chunk.text
        assert "1999" not in chunk.text
    assert all(prompt.startswith("mender: ") for prompt in llm.prompts)


def test_without_its_language_model_what_ocr_read_stands_and_is_mended_later(
    tesseract: str, folder: Folder, tmp_path: Path
) -> None:
    path = folder.save("words.pdf", scan())
    down = ScriptedLLM([BackendError(ErrorCode.W_LLM_UNAVAILABLE, "it is down", recoverable=False)])
    config = PDFProcessorConfig(enable_ocr_cleanup=True)
    told: list[tuple[str, tuple[str, ...], bool]] = []
    with open_store(str(tmp_path / "store.db")) as store:
        for llm in (None, down, Mender([]), Mender([])):
            with PDFRouter(store, store, llm=llm, config=config) as router:
                result = router.process(path)
            (chunk,) = store.chunks(None, path)
            told.append((result.status, result.warnings, "lighthouse" in chunk.text))
    assert told == [
        ("committed", ("W_LLM_UNAVAILABLE",), True),
        ("committed", ("W_LLM_UNAVAILABLE",), True),
        ("committed", (), False),
        ("unchanged", (), False),
    ]


def test_text_beside_a_picture_is_not_said_to_be_read_by_ocr(tesseract: str, folder: Folder) -> None:
    own = [
        "Own words of this page stand above its",
        "picture and go on for so long that they",
        "are a passage of their own",
    ]

    def beside(page: Any) -> None:
        for row, line in enumerate(own):
            page.insert_text((40, 14 + 12 * row), line, fontsize=10)
        around = pymupdf.Rect(20, 50, 320, 190)
        page.insert_image(around, pixmap=picture(300, 140, lambda paper: written(paper, LINES, 40, 10)))

    extraction = extracted(folder.save("mixed.pdf", beside), chunk_size_tokens=32, chunk_overlap_tokens=0)
    by_engine = {chunk.text: "ocr_engine" in chunk.metadata for chunk in extraction.chunks}
    assert by_engine.pop(" ".join(own)) is False
    assert set(by_engine.values()) == {True}
    assert "lighthouse" in " ".join(by_engine)
