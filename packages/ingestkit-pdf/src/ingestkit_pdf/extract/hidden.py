"""Which lines a person sees on a page. Pure.

A line is left out only where the file proves that nobody sees it; text without ink over a scan is what OCR
put there, and is the page's text.
"""

from __future__ import annotations

import math

from ingestkit_core.elements import Box

from ingestkit_pdf.profile import image_coverage
from ingestkit_pdf.values import Backdrop, Ink, Line, Page, overlap_ratio

__all__ = ["split_hidden"]

_UNDER_PICTURE_RATIO = 0.8
_TOUCHED_RATIO = 0.05
_ON_PAGE_RATIO = 0.1
_NOWHERE = (0.0, 0.0, 0.0, 0.0)


def split_hidden(page: Page, scan_coverage: float) -> tuple[list[Line], list[Line]]:
    """The lines that are seen and those that are not, each in the page's order.

    ``scan_coverage`` is the share of the page under pictures from which text without ink counts as their
    OCR layer.
    """
    width, height = page.width, page.height
    seen: list[Line] = []
    hidden: list[Line] = []
    for line in page.lines:
        x0, y0, x1, y1 = line.box
        inside = x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height
        if not inside and not overlap_ratio(line.box, (0.0, 0.0, width, height)) >= _ON_PAGE_RATIO:
            # Written so that a box that is no number falls in here too.
            hidden.append(line if all(map(math.isfinite, line.box)) else line._replace(box=_NOWHERE))
        elif line.ink is Ink.PAINTED or _shows(line, page, scan_coverage):
            seen.append(line)
        else:
            hidden.append(line)
    return seen, hidden


def _shows(line: Line, page: Page, scan_coverage: float) -> bool:
    backdrop = page.backdrop
    if line.ink is Ink.TINY or backdrop is None:
        return False
    if line.ink is Ink.INVISIBLE:
        covered = sum(overlap_ratio(line.box, image) for image in backdrop.images)
        return covered >= _UNDER_PICTURE_RATIO and (image_coverage(page) or 0.0) >= scan_coverage
    return _touched(line.box, backdrop)


def _touched(box: Box, backdrop: Backdrop) -> bool:
    """Whether anything that is not white lies under a box. Whether over or under the text is not asked."""
    return any(overlap_ratio(box, other) > _TOUCHED_RATIO for other in (*backdrop.images, *backdrop.fills))
