"""Running text: lines that fill their column. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from ingestkit_pdf.values import Line

__all__ = ["is_running_text", "rows_of"]

_FULL_RATIO = 0.85
_RIGHT_EDGE_TENTHS = 9
_FULL_ROWS_RATIO = 0.6
_ROW_CHARACTERS = 20


def is_running_text(lines: Sequence[Line], least_rows: int) -> bool:
    """Whether lines fill their column row after row, as text does and cells do not; too few rows tell nothing."""
    rows = rows_of(lines)
    if len(rows) < least_rows:
        return False
    left = median(row[0].box[0] for row in rows)
    right = sorted(row[-1].box[2] for row in rows)[_RIGHT_EDGE_TENTHS * len(rows) // 10]
    full = sum(row[-1].box[2] - left >= _FULL_RATIO * (right - left) for row in rows)
    characters = sum(line.characters for line in lines)
    return full >= _FULL_ROWS_RATIO * len(rows) and characters >= _ROW_CHARACTERS * len(rows)


def rows_of(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines by height, top to bottom; each row from left to right."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box[1] + line.box[3]):
        last = rows[-1][0].box if rows else None
        if last is not None and last[1] < (line.box[1] + line.box[3]) / 2 < last[3]:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]
