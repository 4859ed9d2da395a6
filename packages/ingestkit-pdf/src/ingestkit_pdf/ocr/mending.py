"""What engines get wrong in the same way every time, put right. Pure.

Two single quotes that stand for a double one become one, and the marks of a list are bullets, whatever sign
they were taken for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestkit_pdf.ocr.values import SeenLine, SeenWord

__all__ = ["mended"]

_PAIR = re.compile(r"‘‘|’’|''")
_OPENING = re.compile(r"^(?:‘‘|'')")
_ODD_OPENING = re.compile(r"^(?:[‘'][“\"]|[“\"][‘'])(?=\w)")
_ODD_CLOSING = re.compile(r"(?<=[\w.,;:!?])(?:[’'][”\"]|[”\"][’'])(?=[.,;:!?)]*$)")
_LEAST_PAIRS = 3
"""A page with so many pairs of single quotes is set in a face whose double quotes are read as anything."""
_TAKEN_FOR_BULLETS = frozenset("©¢®°«»*e")
_LEAST_BULLETS = 3
"""A page has so many lines that begin with one of these signs by itself, or they are what they are."""


def mended(lines: Sequence[SeenLine]) -> list[SeenLine]:
    """The lines, put right."""
    pairs = sum(_PAIR.search(word.text) is not None for line in lines for word in line.words)
    quoted = [
        line._replace(words=tuple(_with_quotes(word, pairs >= _LEAST_PAIRS) for word in line.words)) for line in lines
    ]
    return _with_bullets(quoted)


def _with_quotes(word: SeenWord, is_misread_often: bool) -> SeenWord:
    text = word.text
    if is_misread_often:
        text = _ODD_CLOSING.sub("”", _ODD_OPENING.sub("“", text))
    return word._replace(text=_PAIR.sub("”", _OPENING.sub("“", text)))


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
