"""Boxes into fewer boxes that hold nothing else. Pure.

▬▬▬▬▬▬▬▬▬▬▬     lines that follow each other are one box; a line that leaves room for others beside it
▬▬▬▬▬▬▬▬▬▬▬     or before it begins another
▬▬▬▬
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Box", "around_boxes", "joined_boxes"]

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in PDF points from the page's top left."""

_MAX_AREA_GROWTH = 1.4
"""Boxes are joined while the joined box is at most this much larger than its parts together: a citation
that covers a page proves nothing (the promise allows 1.5 at the median)."""

_MOST_OPEN = 16
_LINE_GAP_RATIO, _SIDE_GAP_RATIO = 0.8, 1.5
"""In lines' heights: a gap with no room for a line of others, one below the other and side by side."""
_STICKS_OUT_RATIO = 0.5


def joined_boxes(boxes: Iterable[Box]) -> list[Box]:
    """Boxes of one page, each put into the latest that takes it: columns of cells grow side by side."""
    joined: list[_Joined] = []
    for box in boxes:
        width, height = box[2] - box[0], box[3] - box[1]
        size = width if width < height else height
        area = width * height if size > 0 else 0.0
        for one in joined[: -_MOST_OPEN - 1 : -1]:
            if one.take(box, size, area):
                break
        else:
            joined.append(_Joined(box, area, box))
    return [one.box for one in joined]


def around_boxes(a: Box, b: Box) -> Box:
    """The smallest box that holds both."""
    # Compared here: min and max cost five times as much, and every line of a document comes by several times.
    left, top, right, bottom = a
    x0, y0, x1, y1 = b
    return (
        x0 if x0 < left else left,
        y0 if y0 < top else top,
        x1 if x1 > right else right,
        y1 if y1 > bottom else bottom,
    )


@dataclass(slots=True)
class _Joined:
    """A box made of boxes: ``covered`` is their area, ``last`` the one that came last."""

    box: Box
    covered: float
    last: Box

    def take(self, box: Box, size: float, area: float) -> bool:
        """Become a box around this one and another, unless it would have room for what belongs to neither.

        ``size`` is the other's shorter side. Whether it was taken.
        """
        x0, y0, x1, y1 = box
        left, top, right, bottom = self.box
        if left <= x0 and top <= y0 and x1 <= right and y1 <= bottom:
            return True
        below = y0 - bottom if y0 - bottom > top - y1 else top - y1
        beside = x0 - right if x0 - right > left - x1 else left - x1
        if below > _LINE_GAP_RATIO * size or beside > _SIDE_GAP_RATIO * size:
            return False
        joined = around_boxes(self.box, box)
        covered = self.covered + area
        if _area(joined) > _MAX_AREA_GROWTH * covered or not self._is_as_wide(box, int(below < beside), size, area):
            return False
        self.box, self.covered, self.last = joined, covered, box
        return True

    def _is_as_wide(self, box: Box, low: int, size: float, area: float) -> bool:
        """Whether a box begins and ends where this one does, along the axis of its edge ``low``.

        One line may end early; beside several of them there is room for others.
        """
        high, slack = low + 2, _SIDE_GAP_RATIO * size
        begin, end, start, stop = self.box[low], self.box[high], box[low], box[high]
        sticks_out = (begin - start if begin > start else 0.0) + (stop - end if stop > end else 0.0)
        if sticks_out > slack:
            depth = self.box[3 - low] - self.box[1 - low]
            if sticks_out * depth > _STICKS_OUT_RATIO * area:
                return False
        ends_early = stop < end - slack and self.last[high] < end - slack
        begins_late = start > begin + slack and self.last[low] > begin + slack
        return not ends_early and not begins_late


def _area(box: Box) -> float:
    x0, y0, x1, y1 = box
    return (x1 - x0) * (y1 - y0) if x1 > x0 and y1 > y0 else 0.0
