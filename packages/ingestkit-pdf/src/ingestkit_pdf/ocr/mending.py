"""What engines get wrong in the same way every time, put right. Pure.

Words broken at a line's end are whole again, two single quotes that stand for a double one become one, and
the marks of a list are bullets, whatever sign they were taken for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from itertools import pairwise

from ingestkit_pdf.ocr.values import SeenLine, SeenWord

__all__ = ["mended"]

_BROKEN = re.compile(r"[^\W\d_][-‐¬]$")
_DOUBLE_QUOTES = (
    (re.compile(r"‘‘|''(?=\w)"), "“"),
    (re.compile(r"’’|''"), "”"),
)
_TAKEN_FOR_BULLETS = frozenset("©¢®°«»*e")
_LEAST_BULLETS = 3
"""A page has so many lines that begin with one of these signs by itself, or they are what they are."""


def mended(lines: Sequence[SeenLine]) -> list[SeenLine]:
    """The lines, put right; without those that held nothing but a broken word's end."""
    quoted = [line._replace(words=tuple(map(_with_quotes, line.words))) for line in lines]
    return _with_bullets(_with_whole_words(quoted))


def _with_quotes(word: SeenWord) -> SeenWord:
    text = word.text
    for pattern, quote in _DOUBLE_QUOTES:
        text = pattern.sub(quote, text)
    return word._replace(text=text)


def _with_whole_words(lines: Sequence[SeenLine]) -> list[SeenLine]:
    hyphenated = frozenset(_bare(word.text.lower()) for line in lines for word in line.words if "-" in word.text[1:-1])
    words = [list(line.words) for line in lines]
    for above, below in pairwise(words):
        if above and below and _BROKEN.search(above[-1].text) and below[0].text[:1].islower():
            last, first = above[-1], below.pop(0)
            whole = _whole(last.text, first.text, hyphenated)
            above[-1] = SeenWord(whole, last.box, min(last.confidence, first.confidence))
            if below:
                # The line's box stays what it was: columns are told by where lines begin.
                rest = below[0].box
                below[0] = below[0]._replace(
                    box=(first.box[0], min(first.box[1], rest[1]), rest[2], max(first.box[3], rest[3]))
                )
    return [line._replace(words=tuple(rest)) for line, rest in zip(lines, words, strict=True) if rest]


def _whole(beginning: str, end: str, hyphenated: Set[str]) -> str:
    """A broken word; its hyphen stays where it is one of several, or the page has it within a line too."""
    stem = beginning[:-1]
    keeps_hyphen = "-" in stem or f"{stem}-{_bare(end)}".lower() in hyphenated
    return f"{stem}-{end}" if keeps_hyphen else stem + end


def _bare(word: str) -> str:
    return word.strip(".,;:!?()[]“”‘’\"'")


def _with_bullets(lines: Sequence[SeenLine]) -> list[SeenLine]:
    marked = {
        index for index, line in enumerate(lines) if len(line.words) > 1 and line.words[0].text in _TAKEN_FOR_BULLETS
    }
    if len(marked) < _LEAST_BULLETS:
        return list(lines)
    return [
        line._replace(words=(line.words[0]._replace(text="•"), *line.words[1:])) if index in marked else line
        for index, line in enumerate(lines)
    ]
