"""Tables as cells on a grid, from HTML, Markdown or our own elements. Pure.

Markdown (with HTML tables in it) ─► blocks: prose, tables
table ─► relations of neighbouring cells          for the adjacency F1
      ─► tree of rows and cells                   for TEDS
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import pairwise
from typing import Literal

from benchmarks.edits import Tree

__all__ = [
    "Cell",
    "Table",
    "blocks",
    "clean_text",
    "comparable",
    "from_rows",
    "plain_text",
    "relations",
    "spread",
    "table_tree",
    "tables_of",
    "unescaped",
]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell, where it begins (0-based) and how far it reaches."""

    row: int
    column: int
    text: str
    rows: int = 1
    columns: int = 1


Table = tuple[Cell, ...]


def from_rows(rows: Iterable[Sequence[str]]) -> Table:
    """A table without spans."""
    return tuple(Cell(r, c, text) for r, row in enumerate(rows) for c, text in enumerate(row))


def blocks(markdown: str) -> list[str | Table]:
    """A Markdown text taken apart in order: prose, and its pipe and HTML tables. Empty tables are left out."""
    found: list[str | Table] = []
    position = 0
    for match in _HTML_TABLE.finditer(markdown):
        found += _pipe_blocks(markdown[position : match.start()])
        found.append(_html_table(match[0]))
        position = match.end()
    found += _pipe_blocks(markdown[position:])
    return [block for block in found if isinstance(block, str) or any(cell.text for cell in block)]


def tables_of(markdown: str) -> list[Table]:
    """The tables of a Markdown text."""
    return [block for block in blocks(markdown) if not isinstance(block, str)]


def plain_text(markdown: str, *, with_tables: bool = True) -> str:
    """What a Markdown text says, without marks and tags, white space collapsed; tables cell by cell."""
    texts: list[str] = []
    for block in blocks(markdown):
        if isinstance(block, str):
            texts.append(clean_text(_LINE_MARK.sub("", block)))
        elif with_tables:
            texts += [cell.text for cell in block]
    return " ".join(text for text in texts if text)


# Markdown

_HTML_TABLE = re.compile(r"<table\b.*?</table>", re.IGNORECASE | re.DOTALL)
_BAR = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"\s*\|?(\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?\s*")
_EMPHASIS = re.compile(r"(?<!\\)(\*{1,3}|~~|__)(\S(?:.*?[^\s\\])?)\1", re.DOTALL)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LINE_MARK = re.compile(r"^[ \t]*(?:>[ \t]*)*(?:#{1,6}|[-*+])[ \t]+", re.MULTILINE)
_TAG = re.compile(r"</?[A-Za-z][^>]*>")


def _pipe_blocks(markdown: str) -> list[str | Table]:
    """Prose and pipe tables of a text without HTML tables."""
    lines = markdown.split("\n")
    found: list[str | Table] = []
    start = index = 0
    while index + 1 < len(lines):
        if "|" not in lines[index] or "|" not in lines[index + 1] or not _is_rule(lines[index + 1]):
            index += 1
            continue
        end = index + 2
        while end < len(lines) and "|" in lines[end]:
            end += 1
        found += ["\n".join(lines[start:index]), _pipe_table([lines[index], *lines[index + 2 : end]])]
        start = index = end
    return [*found, "\n".join(lines[start:])]


def _is_rule(line: str) -> bool:
    return _RULE.fullmatch(line) is not None


def _pipe_table(lines: Sequence[str]) -> Table:
    rows = [_pipe_cells(line) for line in lines]
    return from_rows(rows if any(rows[0]) else rows[1:])


def _pipe_cells(line: str) -> list[str]:
    line = line.strip()
    line = line.removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [clean_text(cell.replace("\\|", "|")) for cell in _BAR.split(line)]


def clean_text(markdown: str) -> str:
    """A text without emphasis marks, tags, entities and escapes, its white space collapsed."""
    before = None
    while before != markdown:
        before, markdown = markdown, _EMPHASIS.sub(r"\2", markdown)
    return " ".join(html.unescape(unescaped(_TAG.sub(" ", markdown))).split())


def unescaped(markdown: str) -> str:
    """The text without the backslashes that keep a character from being a mark."""
    return _ESCAPE.sub(r"\1", markdown)


# HTML


class _TableParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[Cell]] = []
        self._taken: set[tuple[int, int]] = set()
        self._text: list[str] | None = None
        self._spans = (1, 1)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("tr", "td", "th"):
            self._end_cell()
        if tag == "tr" or (tag in ("td", "th") and not self.rows):
            self.rows.append([])
        if tag in ("td", "th"):
            given = dict(attributes)
            self._spans = _span(given.get("rowspan")), _span(given.get("colspan"))
            self._text = []
        elif tag == "br" and self._text is not None:
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _end_cell(self) -> None:
        if self._text is None:
            return
        row, column = len(self.rows) - 1, 0
        while (row, column) in self._taken:
            column += 1
        cell = Cell(row, column, clean_text("".join(self._text)), *self._spans)
        self._taken.update(_places(cell))
        self.rows[-1].append(cell)
        self._text = None


def _span(value: str | None) -> int:
    return min(max(int(value), 1), 1000) if value and value.isdecimal() else 1


def _html_table(markup: str) -> Table:
    parser = _TableParser()
    parser.feed(markup)
    parser.close()
    return tuple(cell for row in parser.rows for cell in row)


def _places(cell: Cell) -> Iterator[tuple[int, int]]:
    for row in range(cell.row, cell.row + cell.rows):
        for column in range(cell.column, cell.column + cell.columns):
            yield row, column


# What is compared

_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-"})


def comparable(text: str, form: Literal["NFC", "NFKC"] = "NFKC") -> str:
    """A text for comparison: normalised, with plain quotes and dashes, white space collapsed."""
    return " ".join(unicodedata.normalize(form, text).translate(_QUOTES).split())


def _squeezed(text: str) -> str:
    return comparable(text).replace(" ", "")


def spread(table: Table) -> dict[tuple[int, int], Cell]:
    """The cell at every place it covers, by (row, column)."""
    return {place: cell for cell in table for place in _places(cell)}


def relations(table: Table) -> Counter[tuple[str, str, str]]:
    """Each non-empty cell with its next non-empty neighbour to the right and below, empty ones skipped.

    The adjacency relations of Göbel, Hassan, Oro and Orsi (DocEng 2012): (text, neighbour's text, direction).
    A cell that spans several rows or columns has a relation to each different neighbour.
    """
    grid = spread(tuple(cell for cell in table if _squeezed(cell.text)))
    found: set[tuple[Cell, Cell, str]] = set()
    for lines, direction in ((_lines(grid, 0), "right"), (_lines(grid, 1), "below")):
        for line in lines:
            for cell, neighbour in pairwise(line):
                if cell is not neighbour:
                    found.add((cell, neighbour, direction))
    return Counter((_squeezed(cell.text), _squeezed(neighbour.text), way) for cell, neighbour, way in found)


def _lines(grid: dict[tuple[int, int], Cell], axis: int) -> list[list[Cell]]:
    """The cells row by row (axis 0) or column by column (axis 1)."""
    lines: dict[int, list[Cell]] = {}
    for place in sorted(grid, key=lambda place: (place[axis], place[1 - axis])):
        lines.setdefault(place[axis], []).append(grid[place])
    return list(lines.values())


def table_tree(table: Table) -> Tree:
    """table → rows → cells with their spans and texts."""
    rows: dict[int, list[Tree]] = {row: [] for row in range(max((cell.row for cell in table), default=-1) + 1)}
    for cell in table:
        rows[cell.row].append(Tree(("td", cell.rows, cell.columns), clean_text(cell.text)))
    return Tree(("table",), children=tuple(Tree(("tr",), children=tuple(cells)) for cells in rows.values()))
