"""Answerable@5: what a reader of the index gets. Deterministic, no model.

true table ─► lookups: (row label, column label) asks for a value
chunks ─► full-text index ─► the first five chunks for a lookup
       ─► one of them, from the right document, holds both labels and the value          plain
          and the row label and the value stand in one row of it                          row-bound
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.metrics import mean
from benchmarks.tables import Table, clean_text, comparable, spread

__all__ = ["Answerable", "Lookup", "answerable", "pdf_lookups", "sample", "split_markdown"]

T = TypeVar("T")

LOOKUPS_PER_DOCUMENT = 40
CHUNKS_LOOKED_AT = 5
SPLIT_CHARACTERS = 2000
_SEED = 20240131


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question about one cell. Each part is given in all forms it may be shown in, the usual one first."""

    row_label: tuple[str, ...]
    column_label: tuple[str, ...]
    value: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answerable:
    """Shares of lookups that are answered, as means over documents, and how many there were."""

    plain: float | None
    row_bound: float | None
    lookups: int
    documents: int


def answerable(questions: Mapping[str, Sequence[Lookup]], chunks: Mapping[str, Sequence[str]]) -> Answerable:
    """Both shares for documents by name: what is asked about each, and the chunks it became."""
    index = _Index(chunks)
    plain: list[float] = []
    bound: list[float] = []
    asked = 0
    for document, lookups in questions.items():
        answers = [index.answers(document, lookup) for lookup in sample(document, lookups)]
        if answers:
            asked += len(answers)
            plain.append(sum(answer > 0 for answer in answers) / len(answers))
            bound.append(sum(answer > 1 for answer in answers) / len(answers))
    return Answerable(mean(plain), mean(bound), asked, len(plain))


def sample(document: str, questions: Sequence[T]) -> Sequence[T]:
    """At most 40 of a document's questions, by chance but always the same."""
    if len(questions) <= LOOKUPS_PER_DOCUMENT:
        return questions
    return random.Random(f"{_SEED} {Path(document).name}").sample(questions, LOOKUPS_PER_DOCUMENT)


class _Index:
    """Chunks of many documents in one full-text index."""

    def __init__(self, chunks: Mapping[str, Sequence[str]]) -> None:
        self._chunks = [(document, text) for document, texts in chunks.items() for text in texts]
        self._read: dict[int, _Chunk] = {}
        self._database = sqlite3.connect(":memory:")
        self._database.execute("CREATE VIRTUAL TABLE search USING fts5 (text, content = '')")
        rows = ((number, " ".join(_lines(text))) for number, (_, text) in enumerate(self._chunks))
        self._database.executemany("INSERT INTO search (rowid, text) VALUES (?, ?)", rows)

    def answers(self, document: str, lookup: Lookup) -> int:
        """0: not answered, 1: the chunk holds labels and value, 2: label and value in one row of it."""
        best = 0
        for number in self._first(f"{lookup.row_label[0]} {lookup.column_label[0]}"):
            source, text = self._chunks[number]
            if source == document:
                best = max(best, _answers(self._parts(number, text), lookup))
        return best

    def _parts(self, number: int, text: str) -> _Chunk:
        if number not in self._read:
            self._read[number] = _Chunk.of(text)
        return self._read[number]

    def _first(self, query: str) -> list[int]:
        """The best chunks: those with all terms first, filled up with those that have any."""
        terms = [f'"{term}"' for term in dict.fromkeys(re.findall(r"\w+", query))]
        found: list[int] = []
        for operator in (" AND ", " OR "):
            sql = "SELECT rowid FROM search WHERE search MATCH ? ORDER BY rank, rowid LIMIT ?"
            rows = self._database.execute(sql, (operator.join(terms), CHUNKS_LOOKED_AT)) if terms else []
            found += [number for (number,) in rows if number not in found]
        return found[:CHUNKS_LOOKED_AT]


def _answers(chunk: _Chunk, lookup: Lookup) -> int:
    if not all(chunk.whole.holds(part) for part in (lookup.row_label, lookup.column_label, lookup.value)):
        return 0
    return 1 + any(row.holds(lookup.row_label) and row.holds(lookup.value) for row in chunk.rows)


_ROW_END = re.compile(r"</tr\s*>|\n", re.IGNORECASE)


def _lines(chunk: str) -> list[str]:
    """The rows of a chunk, table marks taken out."""
    return [clean_text(line.replace("|", " ")) for line in _ROW_END.split(chunk)]


@dataclass(frozen=True, slots=True)
class _Text:
    """A text and its letters and digits alone, with where each of them stands.

    Spaces and leader dots differ between a truth and a page as it is set; words and numbers do not.
    """

    text: str
    letters: str
    places: Sequence[int]

    @classmethod
    def of(cls, text: str) -> _Text:
        text = comparable(text).casefold()
        places = [place for place, character in enumerate(text) if character.isalnum()]
        return cls(text, "".join(text[place] for place in places), places)

    def holds(self, forms: Iterable[str]) -> bool:
        """Whether one of the forms stands in here by itself, not as a part of a longer word or number."""
        return any(self._holds(_Text.of(form).letters) for form in forms)

    def _holds(self, wanted: str) -> bool:
        start = self.letters.find(wanted) if wanted else -1
        while start >= 0:
            before = self.text[: self.places[start]]
            after = self.text[self.places[start + len(wanted) - 1] + 1 :]
            if not _JOINS_BEFORE.search(before[-2:]) and not _JOINS_AFTER.match(after[:2]):
                return True
            start = self.letters.find(wanted, start + 1)
        return False


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk as it is looked into: all of it, and row by row."""

    whole: _Text
    rows: Sequence[_Text]

    @classmethod
    def of(cls, text: str) -> _Chunk:
        lines = _lines(text)
        return cls(_Text.of(" ".join(lines)), [_Text.of(line) for line in lines])


_JOINS_BEFORE = re.compile(r"\w$|\d[.,]$")
_JOINS_AFTER = re.compile(r"\w|[.,]\d")


# Questions


def pdf_lookups(tables: Iterable[Table]) -> list[Lookup]:
    """The questions about tables given as cells: every value with a row label and a column label."""
    return [lookup for table in tables for lookup in _lookups(table)]


def _lookups(table: Table) -> Iterator[Lookup]:
    grid = spread(table)
    width = max((column for _, column in grid), default=0) + 1
    heads = _header_height(table)
    for cell in table:
        label = grid.get((cell.row, 0))
        if cell.row < heads or cell.column == 0 or label is None or label.row != cell.row:
            continue
        above = (grid.get((row, cell.column)) for row in reversed(range(heads)))
        header = next((head for head in above if head and _says_something(head.text) and head.columns < width), None)
        if header is not None and _says_something(label.text) and _says_something(cell.text):
            yield Lookup((label.text,), (header.text,), (cell.text,))


def _header_height(table: Table) -> int:
    """The number of header rows: the first, and those after it that have no label or no digit in them."""
    rows: dict[int, list[str]] = {}
    for cell in table:
        rows.setdefault(cell.row, []).append(cell.text)
    labels = {cell.row: cell.text for cell in table if cell.column == 0}
    for number in sorted(rows)[1:]:
        if labels.get(number) and any(re.search(r"\d", text) for text in rows[number]):
            return number
    return 1


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


# Chunks for those who make none


def split_markdown(markdown: str, size: int = SPLIT_CHARACTERS) -> list[str]:
    """An ordinary Markdown splitter: at headings, then blank lines, then lines, then words, packed up to ``size``."""
    return [piece.strip() for piece in _split(markdown, size, ("\n#", "\n\n", "\n", " ")) if piece.strip()]


def _split(text: str, size: int, separators: Sequence[str]) -> list[str]:
    if len(text) <= size:
        return [text]
    if not separators:
        return [text[start : start + size] for start in range(0, len(text), size)]
    packed: list[str] = []
    first, *rest = text.split(separators[0])
    for piece in (first, *(separators[0] + piece for piece in rest)):
        for part in _split(piece, size, separators[1:]):
            if packed and len(packed[-1]) + len(part) <= size:
                packed[-1] += part
            else:
                packed.append(part)
    return packed
