"""What stands apart from the body of a page and needs no other page to be told: all there is to go by in a
document of one page, or on a page that is unlike those around it. Pure.

    page number    nothing else in its line, outermost, alone
    margin text    runs up or down beside the body, where nothing else stands
    small print    smaller than the body, outermost, far from it; where there is one page only
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal

from ingestkit_pdf.values import Line

__all__ = ["PAGE_NUMBER", "SMALL_PRINT_RATIO", "PageLines", "Zone", "is_outermost", "standing_apart", "zones_of"]

SMALL_PRINT_RATIO = 0.85
_FAR_RATIO = 2.0
_MOST_ROWS = 2
_UPRIGHT_RATIO = 0.8

PAGE_NUMBER = re.compile(
    r"(?:[\W_]*(?:page|pagina|página|pág|pag|pg|p|seite|sida|side|sivu|strona|str|стр|страница|第))?"
    r"[\W_]*(?:(?:[A-Z]{1,3}[-–.])?\d{1,4}|[ivxl]{1,6})"
    r"(?:\s*(?:of|/|von|de|di|sur|van|av|z|из|\||-|–)\s*\d{1,4})?(?:\s*(?:页|頁|ページ))?[\W_]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PageLines:
    """The seen lines of a page and its size in points."""

    number: int
    width: float
    height: float
    lines: Sequence[Line]


Zone = Literal["top", "bottom", "side"]


def zones_of(page: PageLines, ratio: float) -> list[tuple[int, Line, Zone]]:
    """The lines that stand where furniture stands, with their indexes: upright ones at the top or the bottom, others
    at a side.
    """
    top, bottom = ratio * page.height, (1 - ratio) * page.height
    left, right = ratio * page.width, (1 - ratio) * page.width
    found: list[tuple[int, Line, Zone]] = []
    for index, line in enumerate(page.lines):
        x0, y0, x1, y1 = line.box
        if not line.upright:
            if not left <= (x0 + x1) / 2 <= right:
                found.append((index, line, "side"))
        elif not top <= (y0 + y1) / 2 <= bottom:
            found.append((index, line, "top" if (y0 + y1) / 2 < top else "bottom"))
    return found


def standing_apart(
    page: PageLines, in_zones: Sequence[tuple[int, Line, Zone]], taken: Set[int], small_from: float
) -> set[int]:
    """The indexes of lines, among those in the page's zones, that stand apart, by themselves, once those in ``taken``
    are gone.

    Lines smaller than ``small_from`` points may be small print; 0 for none.
    """
    zones = [entry for entry in in_zones if entry[0] not in taken]
    if not zones:
        return set()
    found = {index for index, line, zone in zones if zone == "side" and _is_margin_text(line, page.lines)}
    if small_from:
        for zone in ("top", "bottom"):
            near = [(index, line) for index, line, place in zones if place == zone]
            found |= _small_print(near, zone == "bottom", page.lines, small_from)
    gone = found | taken
    left = [line for index, line in enumerate(page.lines) if index not in gone] if gone else page.lines
    found.update(
        index for index, line, zone in zones if index not in found and _stands_as_page_number(line, zone, left)
    )
    return found


def _is_margin_text(line: Line, lines: Sequence[Line]) -> bool:
    """Whether nothing upright stands above or below a line that runs up or down, on a page that reads across."""
    upright = sum(other.characters for other in lines if other.upright)
    return upright >= _UPRIGHT_RATIO * sum(other.characters for other in lines) and not any(
        other.upright and other.box[0] < line.box[2] and line.box[0] < other.box[2] for other in lines
    )


def _small_print(
    near: Sequence[tuple[int, Line]], is_bottom: bool, lines: Sequence[Line], small_from: float
) -> set[int]:
    """The outermost one or two rows, where they are small and the body is far."""
    found: set[int] = set()
    ordered = sorted(near, key=lambda entry: entry[1].box[1], reverse=is_bottom)
    if not ordered or any(line.size >= small_from for _, line in ordered[:1]):
        return found
    row, rows = ordered[0][1], 1
    for index, line in ordered:
        if line.size >= small_from:
            break
        if _height_between(row, line) > 0:
            row, rows = line, rows + 1
        if rows > _MOST_ROWS:
            break
        found.add(index)
    taken = [lines[index] for index in found]
    edge = min(line.box[1] for line in taken) if is_bottom else max(line.box[3] for line in taken)
    room = _FAR_RATIO * max(line.box[3] - line.box[1] for line in taken)
    for index, line in enumerate(lines):
        if index in found or not line.upright:
            continue
        distance = edge - line.box[3] if is_bottom else line.box[1] - edge
        if distance < room:
            return set()
    return found


def _height_between(line: Line, other: Line) -> float:
    """The room between two lines one above the other; negative for lines that overlap in height."""
    return max(line.box[1], other.box[1]) - min(line.box[3], other.box[3])


def _stands_as_page_number(line: Line, zone: str, lines: Sequence[Line]) -> bool:
    """Whether a line is a page number by itself: nothing else, outermost, alone, away from the body."""
    return (
        zone != "side"
        and PAGE_NUMBER.fullmatch(line.text) is not None
        and is_outermost(line, zone, lines)
        and _is_alone(line, lines)
    )


def is_outermost(line: Line, zone: str, lines: Sequence[Line]) -> bool:
    """Whether no upright line stands further out than this one's row."""
    _, top, _, bottom = line.box
    margin = (bottom - top) / 2
    if zone == "bottom":
        return not any(other.upright and other.box[3] > bottom + margin for other in lines)
    return not any(other.upright and other.box[1] < top - margin for other in lines)


def _is_alone(line: Line, lines: Sequence[Line]) -> bool:
    """Whether nothing stands beside the line or close above or below it."""
    _, top, _, bottom = line.box
    margin = (bottom - top) / 2
    return not any(
        other.upright and other.box[1] < bottom + margin and other.box[3] > top - margin
        for other in lines
        if other is not line
    )
