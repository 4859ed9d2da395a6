"""Right-to-left lines are read in the order of where their parts stand."""

from __future__ import annotations

from typing import Any

import pytest
from ingestkit_pdf.righttoleft import with_parts_in_order

pytestmark = pytest.mark.unit

WIDTH = 6.0


def line_of(*runs: tuple[str, int]) -> list[dict[str, Any]]:
    """A text dictionary of one line: each run a text and the column its first character stands in."""
    spans = []
    for text, column in runs:
        step = 1 if text[0].isascii() and text[0].isalnum() else -1
        places = [WIDTH * (column + step * index) for index in range(len(text))]
        characters = [{"c": c, "bbox": (x, 0.0, x + WIDTH, 10.0)} for c, x in zip(text, places, strict=True)]
        spans.append({"chars": characters, "size": 10.0, "bbox": (0.0, 0.0, 0.0, 10.0)})
    return [{"lines": [{"spans": spans, "wmode": 0, "dir": (1.0, 0.0)}]}]


def text_of(blocks: list[dict[str, Any]]) -> str:
    return "".join(one["c"] for span in blocks[0]["lines"][0]["spans"] for one in span["chars"])


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ([(":", 4), ("פרטי", 8)], "פרטי:"),
        ([("רשות", 3), (" ", 4), ("אישור", 9)], "אישור רשות"),
        ([("האגודה", 10), (".", 13), ("א", 14)], "א. האגודה"),
        ([("דירה", 4), ("20", 6), ("שם", 10)], "שם 20 דירה"),
        ([("דירה", 4), ("20", 6), ("30", 9), ("שם", 15)], "שם 20 30 דירה"),
        ([("or not", 1), ("שם פרטי ומשפחה", 22)], "שם פרטי ומשפחה or not"),
        ([(")", 10), ("פרטי", 9), ("(", 5), ("זה", 3)], "(פרטי) זה"),
    ],
)
def test_parts_are_read_from_right_to_left(runs: list[tuple[str, int]], text: str) -> None:
    blocks = line_of(*runs)
    assert with_parts_in_order(blocks)
    assert text_of(blocks) == text


def test_what_is_in_order_and_what_reads_from_the_left_stay() -> None:
    assert not with_parts_in_order(line_of(("פרטי", 9), (" ", 5), ("זה", 4)))
    assert not with_parts_in_order(line_of(("Name and place", 1), ("שם", 20), ("rest of it", 22)))


def test_the_second_letter_of_a_ligature_stays_with_the_first() -> None:
    blocks = line_of(("לא", 9), ("שם", 14))
    lam, alef = blocks[0]["lines"][0]["spans"][0]["chars"]
    alef["bbox"] = (lam["bbox"][2], 0.0, lam["bbox"][2], 10.0)
    assert with_parts_in_order(blocks)
    assert text_of(blocks) == "שם לא"
