"""Single facts a page's output must get right, in the form of olmOCR-bench's tests.

A fact is a mapping: ``type`` is present, absent, order, table or math; texts may differ by ``max_diffs``
edits. White space, quotes, dashes and emphasis marks are made alike first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.edits import levenshtein, occurrences
from benchmarks.tables import Cell, Table, comparable, spread, unescaped

__all__ = ["holds"]

Fact = Mapping[str, Any]


def holds(fact: Fact, markdown: str, tables: Sequence[Table]) -> bool:
    """Whether the output of the fact's page gets it right. Raises ValueError for an unknown type of fact."""
    kind = fact["type"]
    if kind == "present":
        return bool(_found(fact["text"], _window(fact, markdown), fact))
    if kind == "absent":
        return not _found(fact["text"], _window(fact, markdown), fact)
    if kind == "order":
        before, after = (_found(fact[name], _normal(markdown), fact) for name in ("before", "after"))
        return min(before, default=len(markdown)) < max(after, default=-1)
    if kind == "table":
        return any(_cell_fits(fact, table) for table in tables)
    if kind == "math":
        return _squeezed(fact["math"]) in {_squeezed(formula) for formula in _formulas(markdown)}
    raise ValueError(f"a fact of unknown type {kind!r}")


_EMPHASIS = re.compile(r"(?<!\\)(\*\*|__|\*|_)(?=\S)(.*?)(?<=[^\s\\])\1")
_TAG = re.compile(r"</?(?:b|i|br)\s*/?>")


def _normal(markdown: str) -> str:
    text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", _TAG.sub(" ", markdown)))
    return comparable(unescaped(text), "NFC")


def _window(fact: Fact, markdown: str) -> str:
    """The part of the text a fact is about: all of it, its first or its last characters."""
    text = _normal(markdown)
    if not fact.get("case_sensitive", True):
        text = text.lower()
    first, last = fact.get("first_n") or 0, fact.get("last_n") or 0
    if not first and not last:
        return text
    return text[:first] + (text[-last:] if last else "")


def _found(query: str, text: str, fact: Fact) -> list[int]:
    query = _normal(query)
    if not fact.get("case_sensitive", True):
        query = query.lower()
    return occurrences(query, text, fact.get("max_diffs", 0))


_NEIGHBOURS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
_HEADINGS = {"top_heading": (-1, 0), "left_heading": (0, -1)}


def _cell_fits(fact: Fact, table: Table) -> bool:
    """Whether some cell has the wanted text, neighbours and headings."""
    grid = spread(table)
    for place, cell in grid.items():
        if not _alike(fact["cell"], cell.text, fact):
            continue
        beside = all(
            any(_alike(fact[name], other.text, fact) for other in _ray(grid, place, step, 1))
            for name, step in _NEIGHBOURS.items()
            if fact.get(name)
        )
        headed = all(
            any(_alike(fact[name], other.text, fact) for other in _ray(grid, place, step, len(grid)))
            for name, step in _HEADINGS.items()
            if fact.get(name)
        )
        if beside and headed:
            return True
    return False


def _ray(
    grid: Mapping[tuple[int, int], Cell], place: tuple[int, int], step: tuple[int, int], most: int
) -> Iterator[Cell]:
    """The different cells in one direction from a place, nearest first, at most so many."""
    own = last = grid[place]
    row, column = place
    while most and (row, column) in grid:
        row, column = row + step[0], column + step[1]
        cell = grid.get((row, column))
        if cell is not None and cell is not own and cell is not last:
            yield cell
            last, most = cell, most - 1


def _alike(wanted: str, text: str, fact: Fact) -> bool:
    wanted, text = _normal(wanted), _normal(text)
    most: int = min(fact.get("max_diffs", 0), len(wanted) // 2)
    return levenshtein(wanted, text) <= most


_FORMULA = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)|\$(.+?)\$", re.DOTALL)


def _formulas(markdown: str) -> Iterator[str]:
    for match in _FORMULA.finditer(markdown):
        yield next(group for group in match.groups() if group is not None)


def _squeezed(formula: str) -> str:
    return "".join(formula.split())
