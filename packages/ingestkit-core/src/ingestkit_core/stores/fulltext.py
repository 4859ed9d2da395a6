"""Text as it is indexed and queried. Pure.

FTS5's ``unicode61`` splits at white space and punctuation, which serves every alphabet. Chinese, Japanese,
Korean, Thai, Lao and Khmer runs have no such marks (or hide words in compounds), so a run is turned into
its character bigrams on both sides::

    indexed  東京都庁  ->  東京 京都 都庁 庁
    queried  京都      ->  京都            (a bigram)
             庁        ->  庁*             (a prefix: the last character of a run stands alone)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from ingestkit_core.language import WIDE

__all__ = ["TOKENIZER", "Term", "index_text", "match_queries", "query_terms"]

TOKENIZER = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
"""Marks belong to their letters: without Mn and Mc, Thai and Hindi words fall apart at every vowel sign."""

_WIDE_RUN = re.compile(f"[{WIDE}]+")
_OPTIONAL_MARKS = re.compile("[\u0640\u064b-\u065f\u0670\u0591-\u05c7]")
"""Arabic vowel signs and stretching, Hebrew points: written or not, the word is the same."""

_MAX_TERMS = 64


def _folded(text: str) -> str:
    return _OPTIONAL_MARKS.sub("", unicodedata.normalize("NFKC", text)).replace("\x00", " ")


def index_text(text: str) -> str:
    """The form of a text that goes into the full-text index."""
    if text.isascii():
        return text.replace("\x00", " ")
    return _WIDE_RUN.sub(lambda run: f" {' '.join(_bigrams(run[0]))} {run[0][-1]} ", _folded(text))


def _bigrams(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


class Term(NamedTuple):
    """A word that is searched for. ``is_prefix``: any word that begins with it."""

    word: str
    is_prefix: bool = False


def query_terms(text: str) -> list[Term]:
    """The words of a query, each once, in order; none if the text holds no word at all."""
    return list(dict.fromkeys(_terms(_folded(text))))[:_MAX_TERMS]


def match_queries(text: str) -> tuple[str, str] | None:
    """The FTS5 queries for all words and for any word; None if the text holds no word at all."""
    terms = [_quoted(term) for term in query_terms(text)]
    if not terms:
        return None
    return " AND ".join(terms), " OR ".join(terms)


def _terms(text: str) -> Iterator[Term]:
    for word in text.split():
        position = 0
        for run in _WIDE_RUN.finditer(word):
            yield from _term(word[position : run.start()])
            if len(run[0]) == 1:
                yield from _term(run[0], is_prefix=True)
            else:
                for bigram in _bigrams(run[0]):
                    yield from _term(bigram)
            position = run.end()
        yield from _term(word[position:])


def _term(word: str, *, is_prefix: bool = False) -> Iterator[Term]:
    """The word, if it has a letter or a digit."""
    if any(unicodedata.category(char)[0] in "LN" or char == "\ue000" for char in word):
        yield Term(word, is_prefix)


def _quoted(term: Term) -> str:
    """A word as an FTS5 string: nothing in it is an operator."""
    escaped = term.word.replace('"', '""')
    return f'"{escaped}"*' if term.is_prefix else f'"{escaped}"'
