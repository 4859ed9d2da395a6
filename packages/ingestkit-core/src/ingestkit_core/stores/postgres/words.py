"""Text as PostgreSQL indexes and queries it: the very tokens of the embedded store.

PostgreSQL's own parser splits and stems otherwise. So SQLite's tokenizer, which comes with Python, makes the
tokens here too, and both stores find the same chunks::

    text ─► FTS5 in memory ─► (token, column, position) ─► 'solar':1A 'panel':2A 'roof':14B
"""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_core.stores.fulltext import TOKENIZER, index_text, query_terms

__all__ = ["Phrase", "Words", "indexed_words", "query_phrases"]

_MAX_TOKEN_BYTES = 2000
_MAX_VECTOR_BYTES = 1_000_000
"""PostgreSQL takes no longer lexeme than 2,046 bytes and no tsvector above 1 MB: what is beyond is not indexed."""

_MAX_KNOWN_WORDS = 100_000
_GAP = 8
"""Positions between text and headings: no phrase reaches over it."""


@dataclass(frozen=True, slots=True)
class Words:
    """A chunk's entry in the index: a tsvector as text (label A: text, B: headings), and its number of tokens."""

    vector: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """One word of a query as the tokens it makes, which must follow each other."""

    tokens: tuple[str, ...]
    is_prefix: bool = False

    @property
    def query(self) -> str:
        """As a tsquery."""
        parts = [_quoted(token) for token in self.tokens]
        if self.is_prefix:
            parts[-1] += ":*"
        return f"({' <-> '.join(parts)})"


class _Tokenizer:
    """SQLite's tokenizer, asked once for each word through an index in memory. Safe to use from several threads.

    White space always ends a token, so the tokens of a text are those of its words.
    """

    def __init__(self, name: str) -> None:
        self._known: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute(f"CREATE VIRTUAL TABLE words USING fts5 (word, content='', tokenize=\"{name}\")")
        self._connection.execute("CREATE VIRTUAL TABLE tokens USING fts5vocab (words, instance)")

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text, in order."""
        split = [text.split() for text in texts]
        with self._lock:
            if len(self._known) > _MAX_KNOWN_WORDS:
                self._known.clear()
            self._learn(list({word for words in split for word in words} - self._known.keys()))
            known = self._known
            return [[token for word in words for token in known[word]] for words in split]

    def _learn(self, words: Sequence[str]) -> None:
        found: dict[int, list[tuple[int, str]]] = {number: [] for number in range(len(words))}
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO words (rowid, word) VALUES (?, ?)", enumerate(words))
        for number, position, token in self._connection.execute("SELECT doc, offset, term FROM tokens"):
            found[number].append((position, _shortened(token)))
        self._connection.execute("ROLLBACK")
        for number, tokens in found.items():
            self._known[words[number]] = tuple(token for _, token in sorted(tokens))


_tokenizers = {True: _Tokenizer(f"porter {TOKENIZER}"), False: _Tokenizer(TOKENIZER)}


def indexed_words(texts: Sequence[tuple[str, str]], *, english: bool) -> list[Words]:
    """The index entries of (text, headings) pairs."""
    found = _tokenizers[english].tokens([index_text(part) for pair in texts for part in pair])
    return [_words(body, context) for body, context in zip(found[::2], found[1::2], strict=True)]


def _words(body: Sequence[str], context: Sequence[str]) -> Words:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for position, token in enumerate(body, 1):
        places[token].append(f"{position}A")
    for position, token in enumerate(context, len(body) + _GAP):
        places[token].append(f"{position}B")
    parts, room = [], _MAX_VECTOR_BYTES
    for token, positions in places.items():
        # 2 bytes a position and 8 an entry, beside the lexeme itself.
        room -= len(token.encode()) + 2 * len(positions) + 8
        if room < 0:
            break
        parts.append(f"{_quoted(token)}:{','.join(positions)}")
    return Words(" ".join(parts), len(body) + len(context))


def query_phrases(text: str, *, english: bool) -> list[Phrase | None]:
    """The words of a query as phrases of tokens; None for a word that makes no token and so is nowhere."""
    terms = query_terms(text)
    found = _tokenizers[english].tokens([term.word for term in terms])
    return [
        Phrase(tuple(tokens), term.is_prefix) if tokens else None for term, tokens in zip(terms, found, strict=True)
    ]


def _shortened(token: str) -> str:
    return token if len(token) <= _MAX_TOKEN_BYTES // 4 else token.encode()[:_MAX_TOKEN_BYTES].decode("utf-8", "ignore")


def _quoted(token: str) -> str:
    escaped = token.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
