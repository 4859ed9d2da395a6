"""Words that a line end cuts in two, put together again. Pure, and for any script that has small letters.

commu- | nication of      communication | of         what follows begins small: the hyphen was the line's
long-  | term rent        long-term | rent           ... unless the document shows that it is the word's
Jean-  | Paul             Jean-Paul |                a capital or a digit: the hyphen is the word's
pre-   | and post-war     stays                      a part that waits for a later word
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from ingestkit_core.elements import PageBox, Span, around

from ingestkit_pdf.values import Line

__all__ = ["NO_WORDS", "Words", "joined_texts", "without_line_hyphens"]

_HYPHENS = ("-", "‐")
_CUT = re.compile(r"(?P<before>[-‐])?(?P<part>[^\W_]+)[-‐]$")
_REST = re.compile(r"(?P<part>[^\W_]+)(?P<more>\S*)\s*")
_BRIDGES = frozenset("and or to und oder bis sowie et ou à y o u e ed en of och og eller i a lub и или".split())
_PUNCTUATION = ".,;:!?()[]\"'„“”‘’«»"
_LEAST_PART = 4


class Words:
    """The words of a document in small letters, gathered when they are first asked for."""

    def __init__(self, pages: Iterable[Sequence[Line]]) -> None:
        self._pages = pages

    @cached_property
    def _all(self) -> frozenset[str]:
        words = set(" ".join([line.text for lines in self._pages for line in lines]).lower().split())
        return frozenset(word.strip(_PUNCTUATION) for word in words)

    def __contains__(self, word: str) -> bool:
        return word in self._all


NO_WORDS = Words(())


def without_line_hyphens(spans: list[Span], words: Words) -> list[Span]:
    """The spans of a paragraph's lines: each word that a line end cuts stands whole in the line it begins in.

    A span keeps its box and its count. One of whose text nothing is left goes into the span before it.
    """
    if not any(span.text.endswith(_HYPHENS) for span in spans[:-1]):
        return spans
    kept: list[Span] = []
    for span in spans:
        pair = _joined(kept[-1].text, span.text, words) if kept and kept[-1].text.endswith(_HYPHENS) else None
        if pair is None:
            kept.append(span)
            continue
        above = kept[-1]
        if pair[1]:
            kept[-1:] = [replace(above, text=pair[0]), replace(span, text=pair[1])]
        else:
            kept[-1] = _over_both(pair[0], above, span)
    return kept


def joined_texts(texts: Sequence[str], words: Words = NO_WORDS) -> str:
    """The lines of a cell as one text."""
    text = texts[0]
    for following in texts[1:]:
        pair = _joined(text, following, words) if text.endswith(_HYPHENS) else None
        text = f"{text} {following}" if pair is None else " ".join(filter(None, pair))
    return text


def _joined(above: str, below: str, words: Words) -> tuple[str, str] | None:
    """Both lines with the cut word in the first; None where no word is cut."""
    cut, rest = _CUT.search(above), _REST.match(below)
    if cut is None or rest is None:
        return None
    first, second = cut["part"].lower(), rest["part"].lower()
    whole, following = rest["part"] + rest["more"], below[rest.end() :]
    if not below[0].islower():
        return (above + whole, following) if below[0].isupper() or below[0].isdigit() else None
    goes_on = rest["more"][:1] in _HYPHENS and len(rest["more"]) > 1
    if second in _BRIDGES and not goes_on:
        return None
    is_chained = cut["before"] is not None or goes_on or first.isdigit()
    if (is_chained and first + second not in words) or _is_compound(first, second, words):
        return above + whole, following
    return above[:-1] + whole, following


def _is_compound(first: str, second: str, words: Words) -> bool:
    """Whether the document writes the word with a hyphen, or has both its parts as words and not the whole."""
    if first + second in words:
        return False
    if f"{first}-{second}" in words:
        return True
    return min(len(first), len(second)) >= _LEAST_PART and first in words and second in words


def _over_both(text: str, above: Span, below: Span) -> Span:
    """The text of two lines, of which the second was the end of a word."""
    places = [place for span in (above, below) for place in span.locations if isinstance(place, PageBox)]
    return Span(text, around(places), above.count + below.count, places=tuple(places))
