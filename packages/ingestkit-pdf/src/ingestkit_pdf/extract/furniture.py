"""Running headers, footers and page numbers: by position and repetition across pages. Pure.

    zone     top and bottom of the page, and as far in as most pages go on alike; its sides, for text that runs
             up or down
    same     the same text (digits masked), at the same height, in the same size, on pages nearby

A text whose digits differ from page to page is taken only where one of its numbers counts the pages. What is
set larger than the body and is not on most pages around is a title, and a row of several columns right above
the body heads a table: neither is taken. Where the body itself recurs, as in a mailing, only page numbers are,
and where nothing would be left of a document, nothing is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.inwards import DIGITS, ROMAN, SAME_HEIGHT_POINTS, grow, masked
from ingestkit_pdf.extract.margins import (
    PAGE_NUMBER,
    SMALL_PRINT_RATIO,
    PageLines,
    Zone,
    is_outermost,
    standing_apart,
    zones_of,
)
from ingestkit_pdf.values import Line

__all__ = ["PageLines", "find_furniture"]

_SAME_SIZE_POINTS = 0.6
_TITLE_RATIO = 1.15
_REPEATED_BODY_RATIO = 0.5
_ENOUGH_RECURRENCES = 2
_COLUMNS_OF_A_TABLE = 3


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A line that stands where furniture stands. ``page`` counts from 0, ``place`` is how far down it stands, or how
    far in at a side; ``numbers`` are those in its text.
    """

    page: int
    index: int
    line: Line
    zone: Zone
    place: float
    numbers: tuple[int, ...]

    def stands_like(self, other: _Candidate) -> bool:
        """Whether both stand at the same height (or as far in) in the same size."""
        return (
            -SAME_HEIGHT_POINTS <= other.place - self.place <= SAME_HEIGHT_POINTS
            and abs(other.line.size - self.line.size) <= _SAME_SIZE_POINTS
        )


_Body = Mapping[tuple[int, int], str]
"""The texts of a page outside the zones, by their places."""


def find_furniture(pages: Sequence[PageLines], body_size: float, config: PDFProcessorConfig) -> list[frozenset[int]]:
    """For each page the indexes of its lines that are furniture."""
    zones = [zones_of(page, config.header_footer_zone_ratio) for page in pages]
    recurring = _Recurring(pages, body_size, config)
    taken = _by_page(recurring.find(zones), len(pages))
    if grow(zones, pages, taken):
        taken = _by_page(recurring.find(zones), len(pages))
    small_from = SMALL_PRINT_RATIO * body_size if len(pages) == 1 else 0.0
    for page, in_zones, indexes in zip(pages, zones, taken, strict=True):
        indexes |= standing_apart(page, in_zones, indexes, small_from)
    if all(len(indexes) == len(page.lines) for page, indexes in zip(pages, taken, strict=True)):
        return [frozenset()] * len(pages)
    return [frozenset(indexes) for indexes in taken]


def _by_page(found: Set[tuple[int, int]], page_count: int) -> list[set[int]]:
    taken: list[set[int]] = [set() for _ in range(page_count)]
    for position, index in found:
        taken[position].add(index)
    return taken


class _Recurring:
    """Finds the candidates that recur."""

    def __init__(self, pages: Sequence[PageLines], body_size: float, config: PDFProcessorConfig) -> None:
        self._pages = pages
        self._body_size = body_size
        self._reach = config.header_footer_sample_pages
        self._needed = _needed(len(pages), config)
        self._zone_ratio = config.header_footer_zone_ratio
        self._bodies: dict[int, _Body] = {}
        self._recurring_bodies: dict[tuple[int, int], bool] = {}

    def find(self, zones: Sequence[Sequence[tuple[int, Line, Zone]]]) -> set[tuple[int, int]]:
        """(page, index) of each line that recurs, among those in each page's zones."""
        if len(self._pages) < 2:
            return set()
        alike: dict[tuple[Zone, str], dict[int, list[_Candidate]]] = defaultdict(lambda: defaultdict(list))
        for page, in_zones in enumerate(zones):
            for index, line, zone in in_zones:
                place = line.box[0] if zone == "side" else line.box[1]
                candidate = _Candidate(page, index, line, zone, place, _numbers(line.text))
                alike[zone, masked(line.text)][page].append(candidate)
        return {
            (candidate.page, candidate.index)
            for by_page in alike.values()
            if len(by_page) > self._needed
            for every in by_page.values()
            for candidate in every
            if self._recurs(candidate, by_page)
        }

    def _recurs(self, candidate: _Candidate, by_page: Mapping[int, Sequence[_Candidate]]) -> bool:
        near = self._near(candidate, by_page)
        same = {other.page for other in near if other.line.text == candidate.line.text}
        if len(same) < self._needed:
            # An identical text may be far away: chapters differ in length. A number is compared nearby only.
            same = _pages_with_same(candidate, by_page, self._needed)
        is_page_number = PAGE_NUMBER.fullmatch(candidate.line.text) is not None
        if len(same) < self._needed:
            same = {other.page for other in near if _counts_pages(candidate, other)}
            lines = self._pages[candidate.page].lines
            stands_out = is_outermost(candidate.line, candidate.zone, lines) and not self._is_large(candidate)
            if len(same) < self._needed or not (is_page_number or stands_out):
                return False
        if self._is_large(candidate) and 2 * len(same) <= min(2 * self._reach, len(self._pages) - 1):
            return False
        if _heads_a_table(candidate, self._pages[candidate.page]):
            return False
        return is_page_number or not self._body_recurs(candidate, same)

    def _near(self, candidate: _Candidate, by_page: Mapping[int, Sequence[_Candidate]]) -> list[_Candidate]:
        page = candidate.page
        return [
            other
            for number in (*range(page - self._reach, page), *range(page + 1, page + self._reach + 1))
            for other in by_page.get(number, ())
            if candidate.stands_like(other)
        ]

    def _is_large(self, candidate: _Candidate) -> bool:
        """Whether a line is set larger than the body, as titles are."""
        return candidate.line.upright and candidate.line.size > _TITLE_RATIO * self._body_size

    def _body_recurs(self, candidate: _Candidate, others: Set[int]) -> bool:
        """Whether the body recurs too on each of the others, so that a repeated line says nothing."""
        for other in others:
            pair = min(candidate.page, other), max(candidate.page, other)
            if pair not in self._recurring_bodies:
                self._recurring_bodies[pair] = _alike(self._body(pair[0]), self._body(pair[1]))
            if not self._recurring_bodies[pair]:
                return False
        return True

    def _body(self, page: int) -> _Body:
        if page not in self._bodies:
            self._bodies[page] = _body_by_place(self._pages[page], self._zone_ratio)
        return self._bodies[page]


def _pages_with_same(candidate: _Candidate, by_page: Mapping[int, Sequence[_Candidate]], enough: int) -> set[int]:
    """Pages, no more than enough, with the same text in the same place."""
    found: set[int] = set()
    for page, others in by_page.items():
        if page != candidate.page and any(
            other.line.text == candidate.line.text and candidate.stands_like(other) for other in others
        ):
            found.add(page)
            if len(found) == enough:
                break
    return found


def _numbers(text: str) -> tuple[int, ...]:
    digits = DIGITS.findall(text)
    if digits:
        return tuple(int(number) for number in digits if len(number) <= 6)
    stripped = text.strip("-–—[]() .")
    return (_roman(stripped),) if stripped and ROMAN.fullmatch(stripped) else ()


def _roman(text: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10}[letter] for letter in text.lower()]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def _needed(page_count: int, config: PDFProcessorConfig) -> int:
    """On how many other pages a text must recur: two, or its share of them in a shorter document."""
    others = math.ceil(config.header_footer_similarity_threshold * (page_count - 1))
    return max(1, min(_ENOUGH_RECURRENCES, others))


def _counts_pages(candidate: _Candidate, other: _Candidate) -> bool:
    """Whether one of the numbers goes up with the pages while the others stay."""
    if len(candidate.numbers) != len(other.numbers):
        return False
    pairs = list(zip(candidate.numbers, other.numbers, strict=True))
    distance = other.page - candidate.page
    counting = [b - a == distance for a, b in pairs]
    return any(counting) and all(counts or a == b for counts, (a, b) in zip(counting, pairs, strict=True))


def _heads_a_table(candidate: _Candidate, page: PageLines) -> bool:
    """Whether a row of several columns stands right above more text."""
    if candidate.zone != "top":
        return False
    _, y0, _, y1 = candidate.line.box
    middle, height = (y0 + y1) / 2, y1 - y0
    beside = [line for line in page.lines if line.box[1] < middle < line.box[3]]
    if len(beside) < _COLUMNS_OF_A_TABLE:
        return False
    return any(0 < (line.box[1] + line.box[3]) / 2 - middle < 2 * height for line in page.lines)


def _alike(body: _Body, other: _Body) -> bool:
    common = sum(len(text) for place, text in body.items() if other.get(place) == text)
    total = max(sum(map(len, body.values())), sum(map(len, other.values())))
    return common > _REPEATED_BODY_RATIO * total


def _body_by_place(page: PageLines, zone_ratio: float) -> _Body:
    top, bottom = page.height * zone_ratio, page.height * (1 - zone_ratio)
    return {
        (round(line.box[0]), round(line.box[1])): line.text
        for line in page.lines
        if line.box[1] > top and line.box[3] < bottom
    }
