"""Words that stand apart without a painted space are words by themselves, in every script that has such."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.unit


def page_of(raw: Any, words: list[str]) -> bytes:
    """A page with a line of words, a third of an em apart."""
    letters = sorted(set("".join(words)))
    pairs = "".join(f"<{code:02x}><{letter.encode('utf-16-be').hex()}>" for code, letter in enumerate(letters, 0x41))
    to_unicode = (
        "/CIDInit /ProcSet findresource begin begincmap /CMapName /A def 1 begincodespacerange <00><ff> "
        f"endcodespacerange {len(letters)} beginbfchar {pairs} endbfchar endcmap end"
    )
    shown = "-330".join("<" + "".join(f"{letters.index(letter) + 0x41:02x}" for letter in word) + ">" for word in words)
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Courier/ToUnicode 6 0 R>>"
    content = raw.stream(f"BT /F1 12 Tf 72 720 Td [{shown}] TJ ET".encode())
    return bytes(raw.one_page({4: content, 5: font, 6: raw.stream(to_unicode.encode())}))


@pytest.mark.parametrize(
    "text",
    ["मराठीत नजर जळणी", "quyế quyế sách", "한국어 문장 이다", "staﬀ only", "let 𝐵 and 𝑀 be", "ὁδὸ ὁδὸ"],
)
def test_a_gap_between_words_is_a_space(
    text: str, raw: Any, write: Callable[..., str], reading: Callable[..., Any]
) -> None:
    extraction = reading(write(page_of(raw, text.split())))
    assert [chunk.text for chunk in extraction.chunks] == [text.replace("ﬀ", "ff")]
    assert extraction.ledger.unexplained == 0


def test_a_gap_between_words_of_arabic_forms_is_a_space(
    raw: Any, write: Callable[..., str], reading: Callable[..., Any]
) -> None:
    painted = ["\ufee2\ufedf", "\u062f\ufeb3", "\ufeb3"]
    extraction = reading(write(page_of(raw, painted)))
    assert [chunk.text for chunk in extraction.chunks] == ["س سد لم"]


def test_a_gap_between_chinese_characters_is_none(
    raw: Any, write: Callable[..., str], reading: Callable[..., Any]
) -> None:
    extraction = reading(write(page_of(raw, ["中文", "文中"])))
    assert [chunk.text for chunk in extraction.chunks] == ["中文文中"]
