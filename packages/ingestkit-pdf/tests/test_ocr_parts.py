"""What stands around an OCR engine: mending, order, pixels, the choice of an engine. No engine runs here."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ingestkit_core.errors import OCRError
from ingestkit_core.models import OCRStageResult, ParseStageResult, ProcessingResult
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import OCREngine
from ingestkit_pdf.ocr import choosing, doctor, tesseract
from ingestkit_pdf.ocr.choosing import choose, is_outdated
from ingestkit_pdf.ocr.doctor import examine
from ingestkit_pdf.ocr.languages import rapidocr_reads, tesseract_packs
from ingestkit_pdf.ocr.lines import page_lines
from ingestkit_pdf.ocr.mending import mended
from ingestkit_pdf.ocr.ordering import blocks_in_order
from ingestkit_pdf.ocr.pixels import prepared, skew_degrees
from ingestkit_pdf.ocr.rulings import find_strokes, without_strokes
from ingestkit_pdf.ocr.values import OCRChoice, Picture, SeenLine, SeenWord
from ingestkit_pdf.routing import OCRNeed, ocr_need
from ingestkit_pdf.values import Drawings, Ink, Line, Page

pytestmark = pytest.mark.unit


def seen(*texts: str, gap: float = 10.0) -> list[SeenLine]:
    """Lines of words that are ten pixels wide for each letter and twenty high."""
    lines = []
    for row, text in enumerate(texts):
        words, left = [], 0.0
        for word in text.split():
            right = left + 10.0 * len(word)
            words.append(SeenWord(word, (left, 40.0 * row, right, 40.0 * row + 20), 0.9))
            left = right + gap
        lines.append(SeenLine(tuple(words), 0, 20.0))
    return lines


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["the ‘‘Great’’ one", "and ''small''"], ["the “Great” one", "and “small”"]),
        (["“‘Go’ he said”"], ["“‘Go’ he said”"]),
        (["''a'' ''b'' ''c'' \"'d'\"."], ["“a” “b” “c” “d”."]),
        (["it's the dogs' food"], ["it's the dogs' food"]),
        (["© One", "¢ Two", "e Three"], ["• One", "• Two", "• Three"]),
        (["© 2020 A Company"], ["© 2020 A Company"]),
    ],
)
def test_mending(texts: list[str], expected: list[str]) -> None:
    assert [" ".join(word.text for word in line.words) for line in mended(seen(*texts))] == expected


def test_lines_are_in_points_and_cut_at_wide_gaps() -> None:
    picture = Picture(b"", 600, 600, dpi=144.0, left=5.0, top=-3.0)
    lines = page_lines([seen("one two")[0], *seen("left right", gap=60)], picture)
    assert [(line.text, line.box, line.characters) for line in lines] == [
        ("one two", (5.0, -3.0, 40.0, 7.0), 6),
        ("left", (5.0, -3.0, 25.0, 7.0), 4),
        ("right", (55.0, -3.0, 80.0, 7.0), 5),
    ]
    assert {line.size for line in lines} == {11.0}


def test_a_ruling_parts_words_however_close() -> None:
    picture = Picture(b"", 600, 600, dpi=72.0)
    for stroke, expected in (
        ((72.0, -10.0, 73.0, 50.0), ["one two", "three"]),
        ((72.0, 100.0, 73.0, 150.0), ["one two three"]),
        ((0.0, 10.0, 200.0, 11.0), ["one two three"]),
    ):
        lines = page_lines(seen("one two three"), picture, Drawings(strokes=(stroke,)))
        assert [line.text for line in lines] == expected


def test_sizes_that_differ_little_are_one() -> None:
    picture = Picture(b"", 600, 600, dpi=72.0)
    sizes = [(18.0, "the commonest size of the page"), (17.5, "nearly"), (18.6, "it"), (30.0, "A Title")]
    lines = page_lines([seen(text)[0]._replace(size=size) for size, text in sizes], picture)
    assert [line.size for line in lines] == [20.0, 20.0, 20.0, 33.5]


def test_text_is_composed_and_chinese_has_no_spaces() -> None:
    lines = page_lines(seen("cafe\u0301 ole\u0301", "汉 字"), Picture(b"", 600, 600, dpi=72.0))
    assert [line.text for line in lines] == ["caf\u00e9 ol\u00e9", "汉字"]


def columns(left: float, rows: range, width: float = 300.0) -> list[tuple[float, float, float, float]]:
    return [(left, 30.0 * row, left + width, 30.0 * row + 20) for row in rows]


def test_columns_under_a_heading_are_read_one_after_the_other() -> None:
    boxes = [*columns(400, range(1, 6)), (0.0, 0.0, 700.0, 20.0), *columns(0, range(1, 6))]
    assert [index for block in blocks_in_order(boxes) for index in block] == [5, *range(6, 11), *range(5)]


def test_short_cells_are_read_by_rows() -> None:
    boxes = [*columns(400, range(4), width=60), *columns(0, range(4), width=60)]
    assert [index for block in blocks_in_order(boxes) for index in block] == [4, 0, 5, 1, 6, 2, 7, 3]


def ruled_page(degrees: float) -> Picture:
    """A page of lines of marks that run down to the right by so many degrees."""
    page = np.full((1100, 850), 255, np.uint8)
    across = np.arange(100, 750)
    for row in range(150, 1000, 25):
        down = (row + (across - 425) * np.tan(np.radians(degrees))).astype(int)
        for height in range(8):
            page[down + height, across] = np.where(across // 7 % 2, 0, 255)
    return Picture(page.tobytes(), 850, 1100, dpi=100.0)


@pytest.mark.parametrize("degrees", [0.0, 0.1, 1.0, -2.5, 6.0])
def test_skew_is_found(degrees: float) -> None:
    expected = degrees if abs(degrees) >= 0.3 else 0.0
    assert skew_degrees(ruled_page(degrees)) == pytest.approx(expected, abs=0.15)


def test_an_empty_page_has_no_skew() -> None:
    assert skew_degrees(Picture(bytes([255]) * 10_000, 100, 100, dpi=100.0)) == 0.0


def pixels(picture: Picture) -> np.ndarray:
    return np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width)


def test_steps_do_what_they_say() -> None:
    shade = np.tile(np.linspace(120, 240, 200), (100, 1)).astype(np.uint8)
    shade[40:60, ::20] = shade[40:60, ::20] // 3
    page = Picture(shade.tobytes(), 200, 100, dpi=100.0)
    binary = pixels(prepared(page, ["binarize"]))
    assert set(np.unique(binary)) == {0, 255}
    assert (binary[45:55, 20:-20:20] == 0).all()
    assert (binary[:20] == 255).all()
    spread = pixels(prepared(page, ["contrast"]))
    assert (spread.min(), spread.max()) == (0, 255)
    speck = np.full((20, 20), 255, np.uint8)
    speck[10, 10] = 0
    assert (pixels(prepared(Picture(speck.tobytes(), 20, 20, 100.0), ["denoise"])) == 255).all()


def test_long_straight_lines_are_strokes_and_are_painted_over() -> None:
    page = np.full((600, 600), 255, np.uint8)
    page[100:103, 50:350] = 0
    page[100:400, 50:53] = 0
    page[500:540, 100:130] = 0
    page[200:300, 200:500] = 0
    picture = Picture(page.tobytes(), 600, 600, dpi=200.0, left=10.0)
    drawings = find_strokes(picture)
    assert drawings is not None
    across, down = drawings.strokes
    assert across == pytest.approx((10 + 18, 36, 10 + 126, 37.4), abs=1)
    assert down == pytest.approx((10 + 18, 36, 10 + 19.4, 144), abs=1)
    left = pixels(without_strokes(picture, drawings))
    assert (left[95:405, 45:195] == 255).all()
    assert (left[500:540, 100:130] == 0).all()


def test_languages_by_the_engines_names() -> None:
    assert tesseract_packs("en") == ["eng"]
    assert tesseract_packs("de+zh+deu_frak") == ["deu", "chi_sim", "deu_frak"]
    assert rapidocr_reads("en+zh")
    assert not rapidocr_reads("en+ru")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a tesseract with these packs on the PATH, or none; rapidocr is there or not, whatever is installed."""

    def put(*packs: str, rapidocr: str = "") -> None:
        folder = tmp_path / f"bin{len(packs)}"
        folder.mkdir(exist_ok=True)
        if packs:
            script = folder / "tesseract"
            listed = "\\n".join(["List of available languages:", *packs])
            script.write_text(
                f'#!/bin/sh\nif [ "$1" = --version ]; then echo "tesseract 9.9"; else printf "{listed}\\n"; fi\n'
            )
            script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(folder))
        for module in (choosing, doctor):
            monkeypatch.setattr(module, "rapidocr_version", lambda: rapidocr)

    return put


def test_the_configured_engine_serves_if_it_can(command: Callable[..., None]) -> None:
    command("eng", rapidocr="3.1")
    assert choose(PDFProcessorConfig()) == OCRChoice(OCREngine.AUTO, OCREngine.TESSERACT, "9.9")
    chosen = choose(PDFProcessorConfig(ocr_engine=OCREngine.RAPIDOCR))
    assert (chosen.engine, chosen.version, chosen.is_fallback) == (OCREngine.RAPIDOCR, "3.1", False)


def test_another_engine_serves_where_the_configured_one_is_missing(command: Callable[..., None]) -> None:
    command("eng")
    chosen = choose(PDFProcessorConfig(ocr_engine=OCREngine.RAPIDOCR))
    assert (chosen.engine, chosen.is_fallback) == (OCREngine.TESSERACT, True)
    assert "pip install 'ingestkit-pdf[rapidocr]'" in chosen.problem


def test_without_an_engine_auto_is_no_error_and_any_other_is(command: Callable[..., None]) -> None:
    command()
    chosen = choose(PDFProcessorConfig())
    assert chosen.engine is None
    for words in ("apt-get install tesseract-ocr", "brew install tesseract", "pip install"):
        assert words in chosen.problem
    with pytest.raises(OCRError) as caught:
        choose(PDFProcessorConfig(ocr_engine=OCREngine.TESSERACT))
    assert caught.value.code == "E_OCR_ENGINE_UNAVAILABLE"
    assert "apt-get install tesseract-ocr" in caught.value.message


def test_a_missing_language_pack_is_named(command: Callable[..., None]) -> None:
    command("eng")
    with pytest.raises(OCRError, match="apt-get install tesseract-ocr-deu"):
        choose(PDFProcessorConfig(ocr_engine=OCREngine.TESSERACT, ocr_language="en+de"))


def test_doctor_says_what_serves_and_what_to_type(command: Callable[..., None]) -> None:
    command("eng")
    parts = {part.name: part for part in examine(PDFProcessorConfig())}
    states = {name: part.state for name, part in parts.items()}
    assert states == {"tesseract": "ok", "rapidocr": "missing", "ocr": "ok"}
    assert "languages: eng" in parts["tesseract"].detail
    assert "tesseract reads scanned pages" in parts["ocr"].detail
    command()
    missing = {part.name: part for part in examine(PDFProcessorConfig())}
    assert (missing["tesseract"].state, missing["tesseract"].advice) == ("missing", tesseract.INSTALL)
    assert missing["ocr"].state == "missing"


def committed(engine: str = "tesseract", version: str = "5.0", *, fallback: bool = False, **changes: object) -> object:
    return ProcessingResult(
        file_path="a.pdf",
        status="committed",
        parse_result=ParseStageResult(units_total=1, units_done=1, method="pymupdf", parsers={engine: version}),
        ocr_result=OCRStageResult(pages=(1,), engine=engine, page_timeout_seconds=60, fallback_used=fallback),
    ).model_copy(update=changes)


TESSERACT = OCRChoice(OCREngine.AUTO, OCREngine.TESSERACT, "5.0")
NOBODY = OCRChoice(OCREngine.AUTO, None)


@pytest.mark.parametrize(
    ("result", "choice", "seconds", "expected"),
    [
        (committed(), TESSERACT, 60, False),
        (committed(), NOBODY, 60, False),
        (committed(version="4.0"), TESSERACT, 60, True),
        (committed("rapidocr"), TESSERACT, 60, False),
        (committed("rapidocr", fallback=True), OCRChoice(OCREngine.TESSERACT, OCREngine.TESSERACT, "5.0"), 60, True),
        (committed(errors=("E_OCR_TIMEOUT",)), TESSERACT, 60, False),
        (committed(errors=("E_OCR_TIMEOUT",)), TESSERACT, 120, True),
        (committed(ocr_result=None, warnings=("W_OCR_ENGINE_UNAVAILABLE",)), TESSERACT, 60, True),
        (committed(ocr_result=None, warnings=("W_OCR_ENGINE_UNAVAILABLE",)), NOBODY, 60, False),
        (committed(ocr_result=None), TESSERACT, 60, False),
    ],
)
def test_what_is_read_again(result: ProcessingResult, choice: OCRChoice, seconds: float, expected: bool) -> None:
    assert is_outdated(result, choice, seconds) is expected


GOOD = "The survey of the harbour was carried out in March and its results are given in the tables that follow here"
BAD = "Tl1c surv'cy 0f thc h4rb0ur xvas c4rr1cd 0ut ln Mnrclt ttntl lts rcsnlts nrc glvcn ln thc tnblcs thnt fllw hrc"


@pytest.mark.parametrize(
    ("text", "ink", "need"),
    [
        (GOOD, Ink.INVISIBLE, OCRNeed.NOTHING),
        (BAD, Ink.INVISIBLE, OCRNeed.PAGE),
        (BAD, Ink.PAINTED, OCRNeed.NOTHING),
    ],
)
def test_a_text_layer_is_used_when_good_and_replaced_when_bad(text: str, ink: Ink, need: OCRNeed) -> None:
    from ingestkit_pdf.profile import profile_page
    from ingestkit_pdf.values import Backdrop

    words = text.split()
    lines = [
        Line(
            " ".join(words), (50, 50 + 20 * row, 500, 62 + 20 * row), len("".join(words)), row, 11, "F", False, ink=ink
        )
        for row in range(3)
    ]
    page = Page(1, 595, 842, 0, lines, image_count=1, backdrop=Backdrop(((0, 0, 595, 842),), (), 1))
    config = PDFProcessorConfig()
    assert ocr_need(profile_page(page, lines, 0, 1, config), lines, config) is need
    lenient = PDFProcessorConfig(auto_ocr_fallback=False)
    assert ocr_need(profile_page(page, lines, 0, 1, lenient), lines, lenient) is OCRNeed.NOTHING
