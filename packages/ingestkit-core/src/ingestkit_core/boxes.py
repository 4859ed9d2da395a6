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
        for one in joined[: -_MOST_OPEN - 1 : -1]:
            if one.takes(box):
                one.take(box)
                break
        else:
            joined.append(_Joined(box, _area(box), box))
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

    def take(self, box: Box) -> None:
        joined = around_boxes(self.box, box)
        if joined != self.box:
            self.covered += _area(box)
            self.box, self.last = joined, box

    def takes(self, box: Box) -> bool:
        """Whether a box around this one and another leaves no room for what belongs to neither."""
        x0, y0, x1, y1 = box
        left, top, right, bottom = self.box
        if left <= x0 and top <= y0 and x1 <= right and y1 <= bottom:
            return True
        width, height = x1 - x0, y1 - y0
        size = width if width < height else height
        most_beside, most_below = _SIDE_GAP_RATIO * size, _LINE_GAP_RATIO * size
        if y0 - bottom > most_below or top - y1 > most_below or x0 - right > most_beside or left - x1 > most_beside:
            return False
        if _area(around_boxes(self.box, box)) > _MAX_AREA_GROWTH * (self.covered + _area(box)):
            return False
        below, beside = max(y0 - bottom, top - y1), max(x0 - right, left - x1)
        return self._is_as_wide(box, 0, size) if below >= beside else self._is_as_wide(box, 1, size)

    def _is_as_wide(self, box: Box, low: int, size: float) -> bool:
        """Whether a box begins and ends where this one does, along the axis of its edge ``low``.

        One line may end early; beside several of them there is room for others.
        """
        high, slack = low + 2, _SIDE_GAP_RATIO * size
        begin, end, start, stop = self.box[low], self.box[high], box[low], box[high]
        sticks_out = (begin - start if begin > start else 0.0) + (stop - end if stop > end else 0.0)
        if sticks_out > slack:
            depth = self.box[3 - low] - self.box[1 - low]
            if sticks_out * depth > _STICKS_OUT_RATIO * _area(box):
                return False
        ends_early = stop < end - slack and self.last[high] < end - slack
        begins_late = start > begin + slack and self.last[low] > begin + slack
        return not ends_early and not begins_late


def _area(box: Box) -> float:
    x0, y0, x1, y1 = box
    return (x1 - x0) * (y1 - y0) if x1 > x0 and y1 > y0 else 0.0
