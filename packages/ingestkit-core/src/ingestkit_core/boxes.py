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
        taker = next((one for one in joined[: -_MOST_OPEN - 1 : -1] if one.takes(box)), None)
        if taker is None:
            joined.append(_Joined(box, _area(box), box))
        else:
            taker.take(box)
    return [one.box for one in joined]


def around_boxes(a: Box, b: Box) -> Box:
    """The smallest box that holds both."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


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
        joined = around_boxes(self.box, box)
        if joined == self.box:
            return True
        size = min(box[2] - box[0], box[3] - box[1])
        beside = max(box[0] - self.box[2], self.box[0] - box[2])
        below = max(box[1] - self.box[3], self.box[1] - box[3])
        if below > _LINE_GAP_RATIO * size or beside > _SIDE_GAP_RATIO * size:
            return False
        if _area(joined) > _MAX_AREA_GROWTH * (self.covered + _area(box)):
            return False
        return self._is_as_wide(box, 0, size) if below >= beside else self._is_as_wide(box, 1, size)

    def _is_as_wide(self, box: Box, low: int, size: float) -> bool:
        """Whether a box begins and ends where this one does, along the axis of its edge ``low``.

        One line may end early; beside several of them there is room for others.
        """
        high, slack, depth = low + 2, _SIDE_GAP_RATIO * size, self.box[3 - low] - self.box[1 - low]
        sticks_out = max(self.box[low] - box[low], 0.0) + max(box[high] - self.box[high], 0.0)
        if sticks_out > slack and sticks_out * depth > _STICKS_OUT_RATIO * _area(box):
            return False
        ends_early = max(box[high], self.last[high]) < self.box[high] - slack
        begins_late = min(box[low], self.last[low]) > self.box[low] + slack
        return not ends_early and not begins_late


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)
