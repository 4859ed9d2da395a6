"""Blocks drawn after what they stand over: titles, headings, and most of a page after a part of it. Pure.

late       what stands above everything that came before it is read first, where it is a title or most of the page
headings   what is larger or bolder than the text right below it is read before that text
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from ingestkit_pdf.extract.wording import WORD
from ingestkit_pdf.values import Ink, Line

__all__ = ["without_displaced"]

_TOUCH_POINTS = 1.0
_LEAST_REST_RATIO = 0.25
_HEADING_LINES = 4
_HEADING_CHARACTERS = 200
_LARGER_RATIO = 1.1
_NEAR_HEIGHTS = 2.5
_MOST_BLOCKS_BACK = 60
_MOST_BLOCKS_AHEAD = 12
_ONE_HEADING_HEIGHTS = 0.6


@dataclass(frozen=True)
class _Block:
    """Consecutive lines of one block and how far down and across they reach."""

    lines: list[Line]
    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, lines: list[Line]) -> _Block:
        left, top, right, bottom = zip(*(line.box for line in lines), strict=True)
        return cls(lines, min(left), min(top), max(right), max(bottom))

    def is_over_or_under(self, other: _Block) -> bool:
        return self.left < other.right and other.left < self.right

    def is_above(self, other: _Block) -> bool:
        return self.bottom <= other.top + _TOUCH_POINTS

    @cached_property
    def smallest(self) -> float:
        return min(line.size for line in self.lines)

    @cached_property
    def largest(self) -> float:
        return max(line.size for line in self.lines)

    @cached_property
    def bold(self) -> bool:
        return all(line.bold for line in self.lines)


def without_displaced(lines: Sequence[Line]) -> Sequence[Line]:
    """The lines, each before what it stands over as a title; the very same sequence where nothing is displaced."""
    blocks = [_Block.of(list(group)) for _, group in groupby(lines, key=lambda line: line.block)]
    ordered = _with_headings_first(_with_late_first(blocks))
    return lines if ordered == blocks else [line for block in ordered for line in block.lines]


# What is above everything before it


def _with_late_first(blocks: list[_Block]) -> list[_Block]:
    """The blocks, those first that were drawn after everything below them: a title, or most of the page.

    Small print above a title that was drawn first stays behind it, a footer before the rest of its page, and a heading
    of what stands in one part of the page there.
    """
    late, rest = _late(blocks)
    if not late or _characters(rest) < _LEAST_REST_RATIO * _characters(blocks):
        return blocks
    if _characters(late) >= _characters(rest):
        is_page_after_its_footer = _largest(rest) < min(block.smallest for block in late)
        return blocks if is_page_after_its_footer else [*late, *rest]
    if _largest(late) < _largest(rest):
        return blocks
    headings = {index for index in range(len(blocks)) if _is_heading_of_what_came_before(blocks, index)}
    first = [block for block in late if not any(block is blocks[index] for index in headings)]
    return [*first, *(block for block in blocks if not any(block is other for other in first))]


def _late(blocks: Sequence[_Block]) -> tuple[list[_Block], list[_Block]]:
    """The blocks above all that came before them, from top to bottom, and the others as they were."""
    late: list[_Block] = []
    rest: list[_Block] = []
    top = float("-inf")
    for block in blocks:
        if block.bottom <= top + _TOUCH_POINTS and any(map(block.is_over_or_under, rest)):
            late.append(block)
        else:
            top = block.top if not rest else min(top, block.top)
            rest.append(block)
    return sorted(late, key=lambda block: block.top), rest


def _largest(blocks: Sequence[_Block]) -> float:
    return max(block.largest for block in blocks)


def _characters(blocks: Sequence[_Block]) -> int:
    return sum(line.characters for block in blocks for line in block.lines)


# Headings


def _with_headings_first(blocks: list[_Block]) -> list[_Block]:
    """The blocks, each heading before the first of what it stands over."""
    ordered = list(blocks)
    index = 0
    while index < len(ordered):
        # Most blocks follow what stands right above them: they cost one look.
        may_head = index > 0 and _may_head(ordered[index], ordered[index - 1])
        count = _heading_blocks(ordered, index) if may_head else 1
        if may_head and count and (first := _place_of_heading(ordered, index, count)) is not None:
            ordered[first : index + count] = ordered[index : index + count] + ordered[first:index]
        index += max(count, 1)
    return ordered


def _may_head(block: _Block, before: _Block) -> bool:
    """Whether the block before is not right above: then nothing under this one came before it."""
    return not (block.is_over_or_under(before) and before.top < block.top)


def _is_heading_of_what_came_before(blocks: Sequence[_Block], index: int) -> bool:
    count = _heading_blocks(blocks, index)
    return count > 0 and _place_of_heading(blocks, index, count) is not None


def _heading_blocks(blocks: Sequence[_Block], index: int) -> int:
    """How many blocks from an index on are one short text in one style, line under line; 0 for a long one."""
    if len(blocks[index].lines) > _HEADING_LINES:
        return 0
    count = 1
    while index + count < len(blocks) and _is_one_text(blocks[index + count - 1], blocks[index + count]):
        count += 1
    lines = [line for block in blocks[index : index + count] for line in block.lines]
    if len(lines) > _HEADING_LINES or sum(line.characters for line in lines) > _HEADING_CHARACTERS:
        return 0
    return count if all(map(_is_set, lines)) and any(WORD.search(line.text) for line in lines) else 0


def _is_one_text(block: _Block, following: _Block) -> bool:
    gap = following.top - block.bottom
    return (
        block.smallest == following.largest
        and block.bold == following.bold
        and abs(gap) < _ONE_HEADING_HEIGHTS * block.smallest
        and block.is_over_or_under(following)
    )


def _is_set(line: Line) -> bool:
    # What OCR left behind a picture has sizes, but they were guessed.
    return line.upright and line.ink is not Ink.INVISIBLE


def _place_of_heading(blocks: Sequence[_Block], index: int, count: int) -> int | None:
    """Where in the order what a heading stands over begins, if that came before it."""
    heading = _Block.of([line for block in blocks[index : index + count] for line in block.lines])
    first = nearest = None
    for place in range(index - 1, max(-1, index - 1 - _MOST_BLOCKS_BACK), -1):
        other = blocks[place]
        if not heading.is_over_or_under(other):
            continue
        if not heading.is_above(other):
            break
        first = place
        nearest = other if nearest is None or other.top < nearest.top else nearest
    if first is None or nearest is None or not _heads(heading, nearest):
        return None
    ahead = blocks[index + count : index + count + _MOST_BLOCKS_AHEAD]
    is_of_what_follows = any(
        heading.is_over_or_under(other) and heading.is_above(other) and other.top < nearest.top for other in ahead
    )
    return None if is_of_what_follows else first


def _heads(heading: _Block, text: _Block) -> bool:
    """Whether a block stands right above another and is set larger, or bold where the other is not."""
    if text.top - heading.bottom > _NEAR_HEIGHTS * heading.largest:
        return False
    if heading.smallest >= _LARGER_RATIO * text.largest:
        return True
    return heading.bold and not text.bold and heading.smallest >= text.largest
