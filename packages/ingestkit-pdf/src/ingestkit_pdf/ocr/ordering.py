"""Lines that come in no order into blocks in reading order. Pure.

Recursive cuts, as in Nagy and Seth, 1984: first between columns, where what stands on both sides is running
text, then where the most room is between rows; what cannot be cut is a block.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import median

from ingestkit_core.elements import Box

__all__ = ["blocks_in_order"]

_GUTTER_RATIO = 0.8
_COLUMN_LINES = 3
_COLUMN_WIDTH_RATIO = 7.0
"""Columns have so many lines, most of them so many times as wide as high: cells of a table are read by rows."""
_PARAGRAPH_GAP_RATIO = 0.9
_SAME_ROW_RATIO = 0.5


def blocks_in_order(boxes: Sequence[Box]) -> list[list[int]]:
    """The indexes of the boxes, in blocks, in reading order."""
    if not boxes:
        return []
    height = median(box[3] - box[1] for box in boxes)
    return _blocks(boxes, list(range(len(boxes))), height)


def _blocks(boxes: Sequence[Box], indexes: list[int], height: float) -> list[list[int]]:
    for parts in (_columns(boxes, indexes, height), _bands(boxes, indexes, height)):
        if len(parts) > 1:
            return [block for part in parts for block in _blocks(boxes, part, height)]
    return [_by_rows(boxes, indexes)]


def _columns(boxes: Sequence[Box], indexes: list[int], height: float) -> list[list[int]]:
    parts = _cut(boxes, indexes, 0, _GUTTER_RATIO * height)
    for part in parts:
        wide = median(boxes[index][2] - boxes[index][0] for index in part)
        if len(part) < _COLUMN_LINES or wide < _COLUMN_WIDTH_RATIO * height:
            return [indexes]
    return parts


def _bands(boxes: Sequence[Box], indexes: list[int], height: float) -> list[list[int]]:
    """The two parts on both sides of the widest gap between rows, if it is one between paragraphs."""
    parts = _cut(boxes, indexes, 1, 0.0)
    if len(parts) < 2:
        return parts
    gaps = [
        min(boxes[index][1] for index in below) - max(boxes[index][3] for index in above)
        for above, below in itertools.pairwise(parts)
    ]
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    if gaps[widest] < _PARAGRAPH_GAP_RATIO * height and not _columns_beside(boxes, indexes, height):
        return [indexes]
    return [[index for part in chosen for index in part] for chosen in (parts[: widest + 1], parts[widest + 1 :])]


def _columns_beside(boxes: Sequence[Box], indexes: list[int], height: float) -> bool:
    """Whether some rows stand beside each other with a gutter between them: a heading over columns is in the way."""
    ordered = sorted(indexes, key=lambda index: boxes[index][1])
    beside = sum(
        boxes[below][1] < (boxes[above][1] + boxes[above][3]) / 2
        and abs(boxes[below][0] - boxes[above][0]) > _COLUMN_WIDTH_RATIO * height
        for above, below in itertools.pairwise(ordered)
    )
    return beside >= _COLUMN_LINES


def _cut(boxes: Sequence[Box], indexes: list[int], side: int, least: float) -> list[list[int]]:
    """The parts between which there is at least so much room from left to right (0) or from top to bottom (1)."""
    parts: list[list[int]] = []
    reach = float("-inf")
    for index in sorted(indexes, key=lambda index: boxes[index][side]):
        if not parts or boxes[index][side] - reach > least:
            parts.append([])
        parts[-1].append(index)
        reach = max(reach, boxes[index][side + 2])
    return parts


def _by_rows(boxes: Sequence[Box], indexes: list[int]) -> list[int]:
    rows: list[list[int]] = []
    for index in sorted(indexes, key=lambda index: boxes[index][1] + boxes[index][3]):
        box = boxes[index]
        if rows:
            last = boxes[rows[-1][0]]
            shared = min(box[3], last[3]) - max(box[1], last[1])
            if shared > _SAME_ROW_RATIO * min(box[3] - box[1], last[3] - last[1]):
                rows[-1].append(index)
                continue
        rows.append([index])
    return [index for row in rows for index in sorted(row, key=lambda index: boxes[index][0])]
