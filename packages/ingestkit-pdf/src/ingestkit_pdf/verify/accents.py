"""Accents that are painted over their letters, as TeX does it, seen as what they make. Pure.

pdfium tells them as characters of their own, somewhere near the letter in its order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from ingestkit_pdf.verify.characters import Character

__all__ = ["with_accents"]

_COMBINING = dict(zip("´ˆ˜˘˙¨˚˝ˇ¸`", "\u0301\u0302\u0303\u0306\u0307\u0308\u030a\u030b\u030c\u0327\u0300", strict=True))
_DOTTED = {"ı": "i", "ȷ": "j"}
_NEAR = 12
"""In characters: as far as pdfium tells an accent from its letter."""
_OFF_RATIO = 0.35
"""In widths of the letter: by so much an accent stands off its middle."""


def with_accents(characters: Sequence[Character]) -> tuple[Character, ...]:
    """The characters with each accent that stands on a letter put onto it."""
    kept = list(characters)
    gone: set[int] = set()
    for index, accent in enumerate(characters):
        if accent.text not in _COMBINING:
            continue
        for at in range(max(index - _NEAR, 0), min(index + _NEAR, len(kept))):
            if at != index and (whole := _composed(kept[at], accent)) is not None:
                kept[at] = whole
                gone.add(index)
                break
    return tuple(character for index, character in enumerate(kept) if index not in gone)


def _composed(letter: Character, accent: Character) -> Character | None:
    """A letter with its accent; None where they are not painted one over the other, or make no letter."""
    (x0, y0, x1, y1), at = letter.loose, accent.loose
    if abs(letter.x - accent.x) > _OFF_RATIO * (x1 - x0) or not y0 < (at[1] + at[3]) / 2 < y1:
        return None
    whole = unicodedata.normalize("NFC", _DOTTED.get(letter.text, letter.text) + _COMBINING[accent.text])
    return letter._replace(text=whole) if len(whole) == 1 else None
