"""How many edits lie between two texts or two trees. Pure.

Texts are compared a whole row of the dynamic programme at a time, kept as the bits of one integer (Myers,
J. ACM 46(3), 1999; Hyyrö, 2003 and 2004): two pages of text take milliseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Tree", "indel_distance", "levenshtein", "occurrences", "tree_distance"]


def _masks(text: str) -> dict[str, int]:
    """For each character the positions where it stands, as bits."""
    masks: dict[str, int] = {}
    for position, character in enumerate(text):
        masks[character] = masks.get(character, 0) | 1 << position
    return masks


def indel_distance(a: str, b: str) -> int:
    """Insertions and deletions that turn one text into the other: both lengths less twice the longest common
    subsequence.
    """
    masks, ones = _masks(a), (1 << len(a)) - 1
    row = ones
    for character in b:
        matched = row & masks.get(character, 0)
        row = ((row + matched) | (row - matched)) & ones
    common = len(a) - row.bit_count()
    return len(a) + len(b) - 2 * common


def levenshtein(a: str, b: str) -> int:
    """Insertions, deletions and substitutions that turn one text into the other."""
    last = deque(_distances(a, b, anywhere=False), maxlen=1)
    return last[0] if last else len(a)


def occurrences(query: str, text: str, max_edits: int = 0) -> list[int]:
    """Where ``query`` stands in ``text`` with at most so many edits: starts, exact where ``max_edits`` is 0.

    An empty query stands nowhere.
    """
    if not query:
        return []
    ends = (end for end, distance in enumerate(_distances(query, text, anywhere=True), 1) if distance <= max_edits)
    return [max(end - len(query), 0) for end in ends]


def _distances(query: str, text: str, *, anywhere: bool) -> Iterator[int]:
    """After each character of ``text``: the edits between ``query`` and the text so far, or its best suffix."""
    masks, ones = _masks(query), (1 << len(query)) - 1
    last = 1 << (len(query) - 1) if query else 0
    plus, minus, distance = ones, 0, len(query)
    for number, character in enumerate(text, 1):
        if not query:
            yield 0 if anywhere else number
            continue
        equal = masks.get(character, 0)
        diagonal = (((equal & plus) + plus) ^ plus) | equal | minus
        right_plus = minus | (~(diagonal | plus) & ones)
        right_minus = diagonal & plus
        distance += bool(right_plus & last) - bool(right_minus & last)
        right_plus = right_plus << 1 | (not anywhere)
        right_minus <<= 1
        plus = (right_minus | ~(diagonal | right_plus)) & ones
        minus = right_plus & diagonal & ones
        yield distance


@dataclass(frozen=True, slots=True)
class Tree:
    """An ordered tree. ``label`` is what must be equal, ``text`` what may differ a little."""

    label: tuple[object, ...]
    text: str = ""
    children: tuple[Tree, ...] = ()

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return 1 + sum(child.size for child in self.children)


def tree_distance(first: Tree, second: Tree, rename: Callable[[Tree, Tree], float]) -> float:
    """The cheapest way from one tree to the other (Zhang and Shasha, SIAM J. Comput. 18(6), 1989).

    Inserting and deleting a node costs 1; ``rename`` says what turning a node into another costs.
    """
    a, b = _Ordered.of(first), _Ordered.of(second)
    distances = [[0.0] * len(b.nodes) for _ in a.nodes]
    for i in a.key_roots:
        for j in b.key_roots:
            _compare(a, b, i, j, distances, rename)
    return distances[-1][-1]


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A tree's nodes in postorder, each with the index of its leftmost leaf."""

    nodes: Sequence[Tree]
    leftmost: Sequence[int]
    key_roots: Sequence[int]

    @classmethod
    def of(cls, tree: Tree) -> _Ordered:
        nodes: list[Tree] = []
        leftmost: list[int] = []

        def visit(node: Tree) -> int:
            first = [visit(child) for child in node.children]
            nodes.append(node)
            leftmost.append(first[0] if first else len(nodes) - 1)
            return leftmost[-1]

        visit(tree)
        highest = {left: index for index, left in enumerate(leftmost)}
        return cls(nodes, leftmost, sorted(highest.values()))


def _compare(
    a: _Ordered,
    b: _Ordered,
    i: int,
    j: int,
    distances: list[list[float]],
    rename: Callable[[Tree, Tree], float],
) -> None:
    """Fill in the distances of all subtrees that begin at the leftmost leaves of ``i`` and ``j``."""
    left_a, left_b = a.leftmost[i], b.leftmost[j]
    rows, columns = i - left_a + 2, j - left_b + 2
    forest = [[float(row + column) for column in range(columns)] for row in range(rows)]
    for row in range(1, rows):
        node_a = left_a + row - 1
        whole_a = a.leftmost[node_a] == left_a
        for column in range(1, columns):
            node_b = left_b + column - 1
            cheapest = min(forest[row - 1][column], forest[row][column - 1]) + 1
            if whole_a and b.leftmost[node_b] == left_b:
                renamed = forest[row - 1][column - 1] + rename(a.nodes[node_a], b.nodes[node_b])
                forest[row][column] = distances[node_a][node_b] = min(cheapest, renamed)
            else:
                before = forest[a.leftmost[node_a] - left_a][b.leftmost[node_b] - left_b]
                forest[row][column] = min(cheapest, before + distances[node_a][node_b])
