"""Spaces between words that are painted as gaps. Part of the document room, without importing MuPDF.

Typesetters that move instead of painting a space leave a gap. MuPDF makes it a space after letters of the scripts
nearest to Latin only: not after Devanagari, Thai, Hangul, Vietnamese vowels, ligatures or letters of formulas. Between
the characters of Chinese and Japanese a gap means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ingestkit_pdf.values import Line

__all__ = ["may_lack_spaces", "put_spaces"]

_LETTERS = (
    "\u0900-\u1fff\u2c00-\u2dff\ua4d0-\uabff\uac00-\ud7ff\ufb00-\ufdff\ufe70-\ufefe"
    "\U00010000-\U0001cfff\U0001d400-\U0001d7ff"
)
_LETTER = re.compile(f"[{_LETTERS}]")
_LETTER_INSIDE = re.compile(f"[{_LETTERS}][^ ]")
_SPACE_EMS = 0.15
"""MuPDF's own measure."""
_STRAIGHT = 0.99


def may_lack_spaces(lines: Iterable[Line]) -> bool:
    """Whether any line holds letters after which MuPDF makes no spaces."""
    return any(not line.text.isascii() and _LETTER_INSIDE.search(line.text) for line in lines)


def put_spaces(blocks: Sequence[dict[str, Any]]) -> None:
    """Put spaces into the gaps of a text dictionary with characters ("rawdict"), and give its spans their texts."""
    for block in blocks:
        for line in block["lines"]:
            if line["wmode"] == 0 and line["dir"][0] > _STRAIGHT:
                _fill(line["spans"])
            for span in line["spans"]:
                span["text"] = "".join([one["c"] for one in span["chars"]])


def _fill(spans: Sequence[dict[str, Any]]) -> None:
    left = right = 0.0
    last = ""
    for span in spans:
        filled: list[dict[str, Any]] = []
        for one in span["chars"]:
            x0, y0, x1, y1 = one["bbox"]
            if one["c"].isspace():
                last = ""
            else:
                # Marks have no width of their own, and stand over letters: only beyond all before is a gap.
                goes_left = x0 < left
                apart = left - x1 if goes_left else x0 - right
                # MuPDF goes by the one to the left of a gap.
                beside = one["c"] if goes_left else last
                if last and apart > _SPACE_EMS * span["size"] and (_LETTER.match(last) or _LETTER.match(beside)):
                    gap = (x1, y0, left, y1) if goes_left else (right, y0, x0, y1)
                    filled.append(one | {"c": " ", "bbox": gap})
                    last = ""
                left, right = (min(left, x0), max(right, x1)) if last else (x0, x1)
                last = one["c"]
            filled.append(one)
        span["chars"] = filled
