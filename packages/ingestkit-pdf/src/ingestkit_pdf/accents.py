"""Accents painted over the letters that follow them, as TeX does where a font lacks the whole. Part of the document
room, without importing MuPDF.

An acute or a grave in front of a letter may be an apostrophe or a quotation mark. Only where it stands tells:

    ´ e   one above the other ──► é          one beside the other: ´e it stays
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from ingestkit_pdf.values import Line

__all__ = ["may_hold_accents", "put_accents"]

_COMBINING = {"´": "\u0301", "`": "\u0300"}
_DOTTED = {"ı": "i"}
_ACCENT_BEFORE = re.compile(r"[´`][^\W\d_]")
_OFF_EMS = 0.1
"""By so much the middles of an accent and its letter may differ."""


def may_hold_accents(lines: Iterable[Line]) -> bool:
    """Whether any line holds what may be an accent in front of its letter."""
    return any(_ACCENT_BEFORE.search(line.text) for line in lines)


def put_accents(blocks: Sequence[dict[str, Any]]) -> None:
    """Put the accents of a text dictionary with characters ("rawdict") onto the letters they are painted over."""
    for block in blocks:
        for line in block["lines"]:
            characters = [(one, span) for span in line["spans"] for one in span["chars"]]
            gone: set[int] = set()
            for (accent, _), (letter, span) in pairwise(characters):
                whole = _composed(accent, letter, span["size"])
                if whole is not None:
                    letter["c"] = whole
                    gone.add(id(accent))
            for span in line["spans"]:
                span["chars"] = [one for one in span["chars"] if id(one) not in gone]


def _composed(accent: dict[str, Any], letter: dict[str, Any], size: float) -> str | None:
    """A letter with its accent; None where they are not painted one over the other, or make no letter."""
    mark, text = accent["c"], letter["c"]
    if mark not in _COMBINING or abs(_middle(accent) - _middle(letter)) > _OFF_EMS * size:
        return None
    whole = unicodedata.normalize("NFC", _DOTTED.get(text, text) + _COMBINING[mark])
    return whole if len(whole) == 1 else None


def _middle(character: dict[str, Any]) -> float:
    return float(character["bbox"][0] + character["bbox"][2]) / 2
