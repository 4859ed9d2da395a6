"""Headings in capitals over text that is not. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestkit_pdf.extract.wording import NUMBERED, WORD
from ingestkit_pdf.values import Line

__all__ = ["heads_text", "is_in_capitals"]

_MAX_WORDS = 12
_LEAST_CHARACTERS = 25
_ROOM_ABOVE_RATIO = 0.35
_ROOM_BELOW_RATIO = 2.0
_BACK_RATIO = 1.5
_SIZE_POINTS = 0.5
_MARK = re.compile(r"[=$]|:(?! \S)")


def is_in_capitals(lines: Sequence[Line], run: Sequence[int]) -> bool:
    """Whether a numbered line is set in capitals over text that is not: ``IV. RESULTS``."""
    text = " ".join(lines[index].text for index in run)
    if not text.isupper() or NUMBERED.match(text) is None or len(WORD.findall(text)) < 2:
        return False
    following = lines[run[-1] + 1].text if run[-1] + 1 < len(lines) else ""
    return following != "" and (not following.isupper() or len(following) == 1)


def heads_text(lines: Sequence[Line], run: Sequence[int], body: tuple[float, bool]) -> bool:
    """Whether a line without a number is set in capitals right over running text, with room above it."""
    first, last = lines[run[0]], lines[run[-1]]
    if (
        not first.text.isupper()
        or not _is_all_capitals(" ".join(lines[index].text for index in run))
        or first.bold < body[1]
        or run[-1] + 1 == len(lines)
    ):
        return False
    below = lines[run[-1] + 1]
    if abs(below.size - body[0]) > _SIZE_POINTS or len(below.text) < _LEAST_CHARACTERS or below.text.isupper():
        return False
    if not -first.size < below.box[1] - last.box[3] < _ROOM_BELOW_RATIO * first.size:
        return False
    gap = first.box[1] - lines[run[0] - 1].box[3] if run[0] else first.size
    # A line that ends far below is the other column's or the other page's.
    return gap > _ROOM_ABOVE_RATIO * first.size or gap < -_BACK_RATIO * first.size


def _is_all_capitals(text: str) -> bool:
    """Whether it is words in capitals: none that has no such letters, and no mark of a label or a formula."""
    letters = [character for character in text if character.isalpha()]
    return (
        bool(letters)
        and all(map(str.isupper, letters))
        and WORD.search(text) is not None
        and text.count(" ") < _MAX_WORDS
        and _MARK.search(text) is None
    )
