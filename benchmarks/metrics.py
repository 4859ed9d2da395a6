"""How good an output is, given the ground truth: each metric once. Pure; all but error rates are 0..1, 1 best."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Self

from benchmarks.edits import Tree, indel_distance, levenshtein, tree_distance
from benchmarks.outputs import Region
from benchmarks.tables import Table, clean_text, comparable, plain_text, relations, table_tree

__all__ = [
    "Agreement",
    "best_teds",
    "character_error_rate",
    "header_rows",
    "heading_similarity",
    "mean",
    "reading_order",
    "region_overlaps",
    "relation_agreement",
    "same_regions",
    "teds",
    "text_similarity",
    "words_agreement",
]

MAX_TEDS_CELLS = 60
_MAX_SIZE_RATIO = 5
"""A table so many times as large as another is another one: not worth the tree distance."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much of the truth was found and how much of what was found is true, as counts; they add up."""

    true: int = 0
    found: int = 0
    shared: int = 0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 1 where there is nothing to find and nothing found."""
        return 2 * self.shared / (self.true + self.found) if self.true + self.found else 1.0

    def __add__(self, other: Self) -> Agreement:
        return Agreement(self.true + other.true, self.found + other.found, self.shared + other.shared)

    @classmethod
    def of(
        cls, true: Counter[str] | Counter[tuple[str, str, str]], found: Counter[str] | Counter[tuple[str, str, str]]
    ) -> Agreement:
        """The agreement of two multisets."""
        return cls(true.total(), found.total(), (true & found).total())  # type: ignore[operator]


def mean(values: Iterable[float]) -> float | None:
    """The arithmetic mean; None of nothing."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else None


# Text


def text_similarity(a: str, b: str) -> float:
    """1 - indel distance / total length (normalised indel similarity)."""
    total = len(a) + len(b)
    return 1 - indel_distance(a, b) / total if total else 1.0


def reading_order(true: str, found: str) -> tuple[float, float]:
    """NID and NID-S of two Markdown texts: the similarity of what they say, with tables and without."""
    return (
        text_similarity(plain_text(true), plain_text(found)),
        text_similarity(plain_text(true, with_tables=False), plain_text(found, with_tables=False)),
    )


def character_error_rate(true: str, found: str) -> float:
    """Edits per character of the truth, after NFKC, plain quotes and collapsed white space; 0 is best."""
    true, found = comparable(true), comparable(found)
    return levenshtein(true, found) / max(len(true), 1)


_CUT = re.compile(r"(?<=[^\W\d_])[-‐]\s+(?=[a-z])")


def whole_words(text: str) -> str:
    """A text with the words joined that were cut at the ends of lines, which are in it or are spaces by now."""
    return _CUT.sub("", text)


def words_agreement(true: str, found: str) -> Agreement:
    """The agreement of the bags of words: white-space separated, case kept."""
    return Agreement.of(Counter(comparable(true).split()), Counter(comparable(found).split()))


_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


def heading_similarity(true: str, found: str) -> float | None:
    """MHS: tree-edit similarity of the two Markdown texts' headings, all on one level; None without a true one.

    Turning one heading into another costs their edit distance over the longer one's length.
    """
    wanted, got = _headings(true), _headings(found)
    if not wanted.children:
        return None
    longer = max(len(wanted.children), len(got.children))
    return 1 - tree_distance(wanted, got, _renaming_cost) / longer


def _headings(markdown: str) -> Tree:
    texts = (clean_text(match[1]) for match in _HEADING.finditer(markdown))
    return Tree(("document",), children=tuple(Tree(("heading",), text) for text in texts))


def _renaming_cost(a: Tree, b: Tree) -> float:
    if a.label != b.label:
        return 1.0
    longer = max(len(a.text), len(b.text))
    return levenshtein(a.text, b.text) / longer if longer else 0.0


# Tables


def relation_agreement(true: Iterable[Table], found: Iterable[Table]) -> Agreement:
    """The adjacency relations of a page's tables (Göbel et al. 2012), all of them together."""
    return Agreement.of(_all_relations(true), _all_relations(found))


def _all_relations(tables: Iterable[Table]) -> Counter[tuple[str, str, str]]:
    together: Counter[tuple[str, str, str]] = Counter()
    for table in tables:
        together.update(relations(table))
    return together


def teds(true: Table, found: Table) -> float:
    """Tree-edit-distance similarity of two tables (Zhong, ShafieiBavani and Jimeno Yepes, ECCV 2020).

    Nodes are rows and cells; cells of different spans differ wholly, others by their texts.
    """
    a, b = table_tree(true), table_tree(found)
    larger = max(a.size, b.size) - 1
    if larger > _MAX_SIZE_RATIO * (min(a.size, b.size) - 1):
        return 0.0
    return 1 - tree_distance(a, b, _renaming_cost) / larger


def best_teds(true: Iterable[Table], found: Sequence[Table]) -> list[float]:
    """For each true table of at most 60 cells the TEDS of the page's table that is most like it, or 0."""
    return [max((teds(table, other) for other in found), default=0.0) for table in true if len(table) <= MAX_TEDS_CELLS]


# Sheets

Places = Set[tuple[int, int]]


def _filled_inside(region: Region, filled: Places) -> Places:
    rows, columns = range(region.top, region.bottom + 1), range(region.left, region.right + 1)
    return {(row, column) for row, column in filled if row in rows and column in columns}


def region_overlaps(true: Sequence[Region], found: Sequence[Region], filled: Places, least: float = 0.9) -> Agreement:
    """How many ranges are found: the intersection over union of their non-empty cells is at least ``least``.

    Each range counts once, the best pairs first. ``filled`` are the sheet's non-empty cells, (row, column)
    1-based.
    """
    wanted = [_filled_inside(region, filled) for region in true]
    got = [_filled_inside(region, filled) for region in found]
    pairs = sorted(
        ((_overlap(a, b), i, j) for i, a in enumerate(wanted) for j, b in enumerate(got)),
        key=lambda pair: (-pair[0], pair[1:]),
    )
    left, right = set(range(len(true))), set(range(len(found)))
    for overlap, i, j in pairs:
        if overlap >= least and i in left and j in right:
            left.remove(i)
            right.remove(j)
    return Agreement(len(true), len(found), len(true) - len(left))


def _overlap(a: Places, b: Places) -> float:
    return len(a & b) / len(a | b) if a or b else 0.0


def same_regions(true: Sequence[Region], found: Sequence[Region], filled: Places) -> Agreement:
    """How many ranges hold exactly the right cells."""
    return region_overlaps(true, found, filled, 1.0)


def header_rows(true: Set[int], found: Set[int]) -> Agreement:
    """Rows that head a table."""
    return Agreement(len(true), len(found), len(true & found))
