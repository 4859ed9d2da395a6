"""Ligatures as the letters they stand for. Part of the document room, without importing MuPDF.

A ligature with a character of its own is spelled out here: MuPDF would do so too, but makes what happens to lie in
memory of the characters beside them that stand for nothing else, like the ornate parentheses of Arabic.

Lam-alef without one comes as two letters in the wrong order. MuPDF gives the glyph's width to the first of them and
turns both round with everything else that runs from right to left, as if each had a glyph of its own:

    ل ا  one glyph ──► ا without a width, then ل          an alef with a glyph has a width: ا then ل it is
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["spelled_out", "with_lam_alef_mended"]

_FORM = re.compile("[\ufb00-\ufdff\ufe70-\ufefe]")
"""Ligatures and presentation forms of Latin, Armenian, Hebrew and Arabic."""

_ALEFS = "آأإاٱ"
_LAM = "ل"
_NO_WIDTH_POINTS = 0.01


def spelled_out(text: str) -> str:
    """The text with its ligatures and presentation forms as letters."""
    return text if text.isascii() else _FORM.sub(lambda form: unicodedata.normalize("NFKC", form[0]), text)


def with_lam_alef_mended(blocks: Sequence[dict[str, Any]]) -> bool:
    """Give the spans of a text dictionary with characters ("rawdict") their texts; whether any was mended.

    An alef without a width that stands before anything but a lam shows that the widths tell nothing here.
    """
    spans = [span for block in blocks for line in block["lines"] for span in line["spans"]]
    pairs = [pair for span in spans for pair in _without_width(span["chars"])]
    is_proven = bool(pairs) and all(_is_reversed(alef, following) for alef, following in pairs)
    reversed_alefs = {id(alef) for alef, _ in pairs} if is_proven else set()
    for span in spans:
        characters = span["chars"]
        for index, character in enumerate(characters):
            if id(character) in reversed_alefs:
                characters[index : index + 2] = [characters[index + 1], character]
                reversed_alefs.discard(id(character))
        span["text"] = "".join([character["c"] for character in characters])
    return is_proven


def _without_width(characters: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Each alef without a width, and what follows it in its span."""
    for index, character in enumerate(characters):
        if character["c"] in _ALEFS and _width(character) < _NO_WIDTH_POINTS:
            yield character, characters[index + 1] if index + 1 < len(characters) else None


def _is_reversed(alef: dict[str, Any], following: dict[str, Any] | None) -> bool:
    """Whether a lam with a width follows an alef and ends to the right where the alef stands."""
    return (
        following is not None
        and following["c"] == _LAM
        and _width(following) > _NO_WIDTH_POINTS
        and abs(following["bbox"][2] - alef["bbox"][0]) < _NO_WIDTH_POINTS
    )


def _width(character: dict[str, Any]) -> float:
    x0, _, x1, _ = character["bbox"]
    return float(x1 - x0)
