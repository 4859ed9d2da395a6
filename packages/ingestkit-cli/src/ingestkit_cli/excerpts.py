"""The part of a passage that is worth showing for a query, and which of its words the query found. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from ingestkit_core.language import WIDE

__all__ = ["excerpt", "found_spans"]

_MAX_CHARACTERS = 480
_MAX_LINES = 8
_MAX_LINE = 240
_BEFORE = 160
"""So many characters are shown before the first word found, where the text is cut."""


def excerpt(text: str, query: str, *, is_table: bool = False) -> str:
    """The part of a passage to show, without its blank lines: around the first word found.

    Of a table the first line, which says what the columns are, and the rows that hold most of the words.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    if sum(map(len, lines)) <= _MAX_CHARACTERS and len(lines) <= _MAX_LINES:
        return "\n".join(lines)
    return _best_lines(lines, query) if is_table else _around_first(lines, query)


def _best_lines(lines: Sequence[str], query: str) -> str:
    hits = [len(found_spans(line, query)) for line in lines]
    best = sorted(range(1, len(lines)), key=lambda number: (-hits[number], number))[: _MAX_LINES - 1]
    shown: list[str] = []
    before = -1
    for number in sorted([0, *best]):
        if number > before + 1:
            shown.append("…")
        line = lines[number]
        shown.append(line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]} …")
        before = number
    return "\n".join(shown if before == len(lines) - 1 else [*shown, "…"])


def _around_first(lines: Sequence[str], query: str) -> str:
    first = next((number for number, line in enumerate(lines) if found_spans(line, query)), 0)
    above = max(first - 1, 0)
    near = "\n".join(lines[above : above + _MAX_LINES])
    start, end = _window(near, query)
    before = "… " if above or start else ""
    after = " …" if end < len(near) or above + _MAX_LINES < len(lines) else ""
    return f"{before}{near[start:end].strip()}{after}"


def _window(text: str, query: str) -> tuple[int, int]:
    """Where to cut, at spaces where there are some: a little before the first word found, and well behind it."""
    spans = found_spans(text, query)
    start = max(spans[0][0] - _BEFORE, 0) if spans else 0
    if start:
        start = text.find(" ", start, start + _BEFORE) + 1 or start
    end = start + _MAX_CHARACTERS
    return start, max(text.rfind(" ", start, end), start + _BEFORE) if end < len(text) else len(text)


_WORD = re.compile(rf"[{WIDE}]+|[^\W_]+")
_ENDINGS = ("ings", "ing", "ies", "edly", "ed", "es", "s", "ly", "y", "e")
_MIN_STEM = 3


def found_spans(text: str, query: str) -> list[tuple[int, int]]:
    """(start, end) of the words in ``text`` that a query's words may have found, in order."""
    wanted = [(_folded(word), _is_wide(word)) for word in _WORD.findall(query)]
    stems = {_stem(word) for word, wide in wanted if not wide}
    runs = [word for word, wide in wanted if wide]
    spans = []
    for match in _WORD.finditer(text):
        if _is_wide(match[0]):
            spans += [
                (match.start() + at.start(), match.start() + at.end())
                for run in runs
                for at in re.finditer(re.escape(run), match[0])
            ]
        elif _is_like(_stem(_folded(match[0])), stems):
            spans.append(match.span())
    return sorted(spans)


def _is_like(stem: str, wanted: Collection[str]) -> bool:
    """Whether a stem is one of those wanted, or nearly: endings are many."""
    return stem in wanted or any(
        min(len(stem), len(other)) > _MIN_STEM
        and abs(len(stem) - len(other)) <= 2
        and (stem.startswith(other) or other.startswith(stem))
        for other in wanted
    )


def _is_wide(word: str) -> bool:
    return re.match(f"[{WIDE}]", word) is not None


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char)) or word


def _stem(word: str) -> str:
    """Rougher than the index's stemming, and only for colouring words."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
            return word[: -len(ending)]
    return word
