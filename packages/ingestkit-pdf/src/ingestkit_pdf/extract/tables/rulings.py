"""Strokes and fills into a clean set of horizontal and vertical rules. Pure.

strokes ─┬─ level?  ─► snapped to one height ─► joined end to end ─► long enough? ─► Rule
fills   ─┘
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ingestkit_core.elements import Box

from ingestkit_pdf.values import Drawings

__all__ = ["Rule", "Rulings", "connected", "covered", "find_rulings", "without_underlines"]

MAX_STROKES = 6000
MAX_FILLS = 1500
MAX_RULES = 1200
"""A page with more is a drawing: strokes and edges of fills as they come, fills, rules once they are joined."""

_SNAP_POINTS = 1.6
_JOIN_POINTS = 3.2
_SEAM_POINTS = 0.8
_LEAST_POINTS = 6.0
_TOUCH_POINTS = 3.0
_BACKGROUND_RATIO = 0.85
_UNDERLINE_POINTS = 4.0
_LONGEST_UNDERLINE_POINTS = 400.0


class Rule(NamedTuple):
    """A rule: ``at`` is its y where it is horizontal (its x where vertical), from ``start`` to ``end``."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Rulings:
    """The rules of a page or of a part of it, ordered by ``at`` and ``start``."""

    horizontal: tuple[Rule, ...] = ()
    vertical: tuple[Rule, ...] = ()

    def within(self, box: Box, slack: float = _TOUCH_POINTS) -> Rulings:
        """Those whose middle lies in a box, cut to it."""
        x0, y0, x1, y1 = box[0] - slack, box[1] - slack, box[2] + slack, box[3] + slack
        return Rulings(_clipped(self.horizontal, y0, y1, x0, x1), _clipped(self.vertical, x0, x1, y0, y1))

    @property
    def box(self) -> Box:
        """Around all of them; there must be one."""
        xs = [x for rule in self.horizontal for x in rule[1:]] + [rule.at for rule in self.vertical]
        ys = [y for rule in self.vertical for y in rule[1:]] + [rule.at for rule in self.horizontal]
        return min(xs), min(ys), max(xs), max(ys)


def _clipped(rules: Sequence[Rule], low: float, high: float, start: float, end: float) -> tuple[Rule, ...]:
    first, last = bisect_left(rules, (low,)), bisect_right(rules, (high, math.inf))
    cut = (Rule(rule.at, max(rule.start, start), min(rule.end, end)) for rule in rules[first:last])
    return tuple(rule for rule in cut if rule.end - rule.start >= _LEAST_POINTS)


def find_rulings(drawings: Drawings, width: float, height: float) -> Rulings:
    """The rules of a page of the given size. None at all where there are too many for tables."""
    horizontal: list[Rule] = []
    vertical: list[Rule] = []
    for x0, y0, x1, y1 in drawings.strokes:
        if x1 - x0 >= y1 - y0:
            horizontal.append(Rule((y0 + y1) / 2, x0, x1))
        else:
            vertical.append(Rule((x0 + x1) / 2, y0, y1))
    fills = [
        (box, color)
        for box, color in drawings.fills
        if box[2] - box[0] < _BACKGROUND_RATIO * width or box[3] - box[1] < _BACKGROUND_RATIO * height
    ]
    if len(fills) <= MAX_FILLS:
        horizontal += _fill_edges([(y0, y1, x0, x1, color) for (x0, y0, x1, y1), color in fills])
        vertical += _fill_edges([(x0, x1, y0, y1, color) for (x0, y0, x1, y1), color in fills])
    if len(horizontal) + len(vertical) > MAX_STROKES:
        return Rulings()
    rulings = Rulings(_cleaned(horizontal, height), _cleaned(vertical, width))
    return rulings if len(rulings.horizontal) + len(rulings.vertical) <= MAX_RULES else Rulings()


def _fill_edges(fills: Iterable[tuple[float, float, float, float, int]]) -> list[Rule]:
    """The edges of fills, (near, far, start, end, colour) each, but not the seams between fills of one colour."""
    edges: dict[tuple[int, int], list[tuple[float, float, float, int]]] = {}
    for near, far, start, end, color in fills:
        for at, side in ((near, 1), (far, -1)):
            edges.setdefault((color, round(at / _SEAM_POINTS)), []).append((at, start, end, side))
    rules: list[Rule] = []
    for (color, level), found in edges.items():
        others = [edge for near in (level - 1, level, level + 1) for edge in edges.get((color, near), ())]
        for at, start, end, side in found:
            seams = [edge for edge in others if edge[3] != side and edge[1] < end and edge[2] > start]
            rules += [Rule(at, *part) for part in _outside((start, end), seams)] if seams else [Rule(at, start, end)]
    return rules


def _outside(
    stretch: tuple[float, float], seams: Iterable[tuple[float, float, float, int]]
) -> list[tuple[float, float]]:
    """What is left of a stretch without the seams."""
    parts = [stretch]
    for _, start, end, _ in seams:
        parts = [
            part
            for low, high in parts
            for part in ((low, min(high, start)), (max(low, end), high))
            if part[1] - part[0] > _SNAP_POINTS
        ]
    return parts


def _cleaned(rules: list[Rule], limit: float) -> tuple[Rule, ...]:
    """Snapped, joined, without crumbs and what is off the page."""
    clean: list[Rule] = []
    level: list[Rule] = []
    rules.sort()
    for rule in rules:
        if not 0 <= rule.at <= limit:
            continue
        if level and rule.at - level[0].at > _SNAP_POINTS:
            clean += _joined(level)
            level = []
        level.append(rule)
    if level:
        clean += _joined(level)
    return tuple(clean)


def _joined(level: Sequence[Rule]) -> list[Rule]:
    """Rules of about the same height, end to end, at the height of the longest."""
    if len(level) == 1:
        rule = level[0]
        return [rule] if rule.end - rule.start >= _LEAST_POINTS else []
    longest, at = -1.0, 0.0
    for place, start, end in level:
        if end - start > longest:
            longest, at = end - start, place
    joined: list[Rule] = []
    stretches = sorted([(start, end) for _, start, end in level])
    first, last = stretches[0]
    for start, end in stretches:
        if start > last + _JOIN_POINTS:
            if last - first >= _LEAST_POINTS:
                joined.append(Rule(at, first, last))
            first, last = start, end
        elif end > last:
            last = end
    if last - first >= _LEAST_POINTS:
        joined.append(Rule(at, first, last))
    return joined


def without_underlines(rulings: Rulings, boxes: Iterable[Box]) -> Rulings:
    """Rulings without the lines under words: no longer than the text whose foot they touch.

    ``boxes`` are those of the texts.
    """
    feet = sorted((box[3], box[0], box[2]) for box in boxes)
    kept: list[Rule] = []
    for rule in rulings.horizontal:
        if rule.end - rule.start > _LONGEST_UNDERLINE_POINTS:
            kept.append(rule)
            continue
        first, last = bisect_left(feet, (rule.at - 1,)), bisect_right(feet, (rule.at + _UNDERLINE_POINTS, math.inf))
        if not any(x0 - 1.5 <= rule.start and rule.end <= x1 + 1.5 for _, x0, x1 in feet[first:last]):
            kept.append(rule)
    return Rulings(tuple(kept), rulings.vertical)


def connected(rulings: Rulings) -> list[Rulings]:
    """The rules that cross or touch each other, each group by itself; the largest box first."""
    horizontal, vertical = rulings.horizontal, rulings.vertical
    parents = list(range(len(horizontal) + len(vertical)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for number, (x, top, bottom) in enumerate(vertical, len(horizontal)):
        first = bisect_left(horizontal, (top - _TOUCH_POINTS,))
        last = bisect_right(horizontal, (bottom + _TOUCH_POINTS, math.inf))
        for index in range(first, last):
            _, start, end = horizontal[index]
            if start - _TOUCH_POINTS <= x <= end + _TOUCH_POINTS:
                parents[root(index)] = root(number)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for index, rule in enumerate((*horizontal, *vertical)):
        group = groups.setdefault(root(index), ([], []))
        group[index >= len(horizontal)].append(rule)
    found = [Rulings(tuple(h), tuple(v)) for h, v in groups.values() if h and v]
    return sorted(found, key=lambda group: -_area(group.box))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def covered(rules: Iterable[Rule], start: float, end: float) -> float:
    """The share of a stretch that rules of one height cover, 0..1."""
    length = 0.0
    for _, first, last in rules:
        first, last = (first if first > start else start), (last if last < end else end)
        if first < last:
            length += last - first
    return length / (end - start) if end > start else 0.0
