"""Ligatures that are one glyph: their letters come out in the order they are written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ingestkit_pdf.ligatures import with_lam_alef_mended

pytestmark = pytest.mark.unit

LETTERS = {"A": "0627", "L": "0644", "S": "0633", "M": "0645", "X": "06440627", "Y": "06440623"}
"""The letters of a font, the last two of them lam-alefs, by character code."""
FORMS = {"S": "FEB3", "X": "FEFC", "M": "FEE1", "O": "FD3E", "C": "FD3F", "B": "FDFD"}
"""Presentation forms, and beside them characters that stand for nothing else."""


def arabic_page(raw: Any, glyphs: str, letters: Mapping[str, str] = LETTERS) -> bytes:
    """A page of glyphs from left to right, as Arabic is painted."""
    pairs = "".join(f"<{ord(code):02x}><{text}>" for code, text in letters.items())
    to_unicode = (
        "/CIDInit /ProcSet findresource begin begincmap /CMapName /A def 1 begincodespacerange <00><ff> "
        f"endcodespacerange {len(letters)} beginbfchar {pairs} endbfchar endcmap end"
    )
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>"
    shown = raw.stream(f"BT /F1 12 Tf 72 720 Td ({glyphs}) Tj ET".encode())
    return bytes(raw.one_page({4: shown, 5: font, 6: raw.stream(to_unicode.encode())}))


@pytest.mark.parametrize(
    ("glyphs", "text"),
    [("MXS", "سلام"), ("MYLA", "اللأم"), ("MLAS", "سالم"), ("MXLA", "اللام"), ("MXSLA", "السلام")],
)
def test_the_letters_of_a_lam_alef_are_in_their_order(
    glyphs: str, text: str, raw: Any, write: Callable[..., str], reading: Callable[..., Any]
) -> None:
    extraction = reading(write(arabic_page(raw, glyphs)))
    assert [chunk.text for chunk in extraction.chunks] == [text]
    assert extraction.ledger.unexplained == 0


@pytest.mark.parametrize(("glyphs", "text"), [("MXS", "سلام"), ("OMXSC", "\ufd3fسلام\ufd3e"), ("BSX", "لاس\ufdfd")])
def test_a_form_is_its_letters_and_what_is_no_form_is_kept(
    glyphs: str, text: str, raw: Any, write: Callable[..., str], reading: Callable[..., Any]
) -> None:
    extraction = reading(write(arabic_page(raw, glyphs, FORMS)))
    assert [chunk.text for chunk in extraction.chunks] == [text]
    assert extraction.ledger.unexplained == 0


def character(text: str, left: float, right: float) -> dict[str, Any]:
    return {"c": text, "bbox": (left, 100.0, right, 112.0)}


def test_where_another_alef_has_no_width_nothing_is_proven() -> None:
    reversed_pair = [character("ا", 90, 90), character("ل", 80, 90)]
    span: dict[str, Any] = {"chars": [*reversed_pair, character("ا", 80, 80), character("م", 70, 80)]}
    blocks = [{"lines": [{"spans": [span]}]}]
    assert not with_lam_alef_mended(blocks)
    assert span["text"] == "الام"
    span["chars"] = reversed_pair
    assert with_lam_alef_mended(blocks)
    assert span["text"] == "لا"
