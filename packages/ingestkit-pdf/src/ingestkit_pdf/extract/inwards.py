"""How far in, from the top and the bottom, most pages of a document go on alike. Pure.

page 1          page 2          page 3
Report 2020     Report 2020     Report 2020     in the zone
Department      Department      Department      alike, and apart from the body: it belongs to the zone
───────────     ───────────     ───────────
Dear ...        Sincerely ...   Annex ...       not alike
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence, Set

from ingestkit_pdf.extract.margins import PageLines, Zone
from ingestkit_pdf.values import Line

__all__ = ["DIGITS", "ROMAN", "SAME_HEIGHT_POINTS", "grow", "masked"]

SAME_HEIGHT_POINTS = 3.0
_GROWN_ZONE_RATIO = 0.2
_LEAST_PAGES_ALIKE = 3
_ENDS: tuple[Zone, ...] = ("top", "bottom")

DIGITS = re.compile(r"\d+")
ROMAN = re.compile(r"(?=[ivxlcdm])(?:x{0,3})(?:ix|iv|v?i{0,3})", re.IGNORECASE)


def grow(zones: Sequence[list[tuple[int, Line, Zone]]], pages: Sequence[PageLines], taken: Sequence[Set[int]]) -> bool:
    """Add to the zones what stands next to them, apart from the body, alike on most pages; whether anything was.

    Line by line from the edge of the page, as long as nothing but furniture, in ``taken``, stands further out.
    """
    if len(pages) < _LEAST_PAGES_ALIKE:
        return False
    has_grown = False
    for zone in _ENDS:
        gone = [set(indexes) for indexes in taken]
        grown: list[list[int]] = [[] for _ in pages]
        inwards = [_inwards(page, zone) for page in pages]
        while alike := _alike_at_the_edge(pages, inwards, gone, zone):
            for position, index in alike:
                gone[position].add(index)
                grown[position].append(index)
        for page, order, indexes, without, in_zones in zip(pages, inwards, grown, gone, zones, strict=True):
            in_zone = {index for index, _, _ in in_zones}
            new = [index for index in indexes if index not in in_zone]
            if new and _is_apart(page.lines[new[-1]], page, _outermost(order, without), zone):
                in_zones += [(index, page.lines[index], zone) for index in new]
                has_grown = True
    return has_grown


def _alike_at_the_edge(
    pages: Sequence[PageLines], inwards: Sequence[Sequence[int]], gone: Sequence[Set[int]], zone: Zone
) -> list[tuple[int, int]]:
    """(page, index) of the outermost lines that are left, where most pages have the same in the same place."""
    alike: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for position, (page, order, without) in enumerate(zip(pages, inwards, gone, strict=True)):
        index = _outermost(order, without)
        if index is None:
            continue
        line = page.lines[index]
        if (line.box[3] if zone == "top" else page.height - line.box[1]) <= _GROWN_ZONE_RATIO * page.height:
            alike[masked(line.text), round(line.box[1] / SAME_HEIGHT_POINTS)].append((position, index))
    most = max(alike.values(), key=len, default=[])
    return most if len(most) >= max(_LEAST_PAGES_ALIKE, len(pages) // 2 + 1) else []


def _inwards(page: PageLines, zone: Zone) -> list[int]:
    """The indexes of the upright lines of a page, those nearest to its top or bottom first."""
    upright = [index for index, line in enumerate(page.lines) if line.upright]
    if zone == "top":
        return sorted(upright, key=lambda index: page.lines[index].box[1])
    return sorted(upright, key=lambda index: -page.lines[index].box[3])


def _outermost(inwards: Sequence[int], gone: Set[int]) -> int | None:
    """The first of the indexes that is left."""
    return next((index for index in inwards if index not in gone), None)


def _is_apart(line: Line, page: PageLines, outermost: int | None, zone: Zone) -> bool:
    """Whether at least a line's height is between a line and what is left of the page: a table's head is nearer."""
    if outermost is None:
        return False
    nearest, height = page.lines[outermost].box, line.box[3] - line.box[1]
    return (nearest[1] - line.box[3] if zone == "top" else line.box[1] - nearest[3]) >= height


def masked(text: str) -> str:
    """A text in small letters with a sign for every number: what stays of a line that counts the pages."""
    stripped = text.strip("-–—[]() .")
    if stripped and ROMAN.fullmatch(stripped):
        return "#"
    return " ".join(DIGITS.sub("#", text).casefold().split())
