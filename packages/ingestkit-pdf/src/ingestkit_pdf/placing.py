"""Where things of a page stand once it is displayed. Pure; part of the document room.

MuPDF gives places on the page as it is before it is turned, the file's dictionaries give them from the bottom left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingestkit_core.elements import Box

__all__ = ["Placing"]

_STRAIGHT = 0.99


@dataclass(frozen=True, slots=True)
class Placing:
    """How a page's coordinates become those of the page as displayed.

    ``width`` and ``height`` are the displayed ones, ``rotation`` is clockwise degrees. ``left`` and ``top``
    are the crop box's in the file's own coordinates, ``unit`` is points per unit of those.
    """

    rotation: int
    width: float
    height: float
    left: float = 0.0
    top: float = 0.0
    unit: float = 1.0

    def box(self, box: Sequence[float]) -> Box:
        """A box of the unrotated page, turned and rounded to hundredths."""
        x0, y0, x1, y1 = box
        if self.rotation == 90:
            return _rounded((self.width - y1, x0, self.width - y0, x1))
        if self.rotation == 180:
            return _rounded((self.width - x1, self.height - y1, self.width - x0, self.height - y0))
        if self.rotation == 270:
            return _rounded((y0, self.height - x1, y1, self.height - x0))
        return _rounded(box)

    @property
    def place(self) -> Callable[[Sequence[float]], Box]:
        """``box``, without the turning where nothing is to be turned: it is asked for every line and rule."""
        return self.box if self.rotation else _rounded

    def file_box(self, box: Sequence[float]) -> Box:
        """A box in the file's own coordinates (from the bottom left), as displayed."""
        (x0, x1), (y0, y1) = sorted((box[0], box[2])), sorted((box[1], box[3]))
        return self.box(
            (
                (x0 - self.left) * self.unit,
                (self.top - y1) * self.unit,
                (x1 - self.left) * self.unit,
                (self.top - y0) * self.unit,
            )
        )

    def upright(self, direction: tuple[float, float]) -> bool:
        """Whether text running in a direction of the unrotated page reads from left to right as displayed."""
        x, y = direction
        return (x, -y, -x, y)[self.rotation // 90] > _STRAIGHT


def _rounded(box: Sequence[float]) -> Box:
    x0, y0, x1, y1 = box
    try:
        # A fifth of what rounding to two digits costs, which goes by way of a text.
        return round(x0 * 100) / 100, round(y0 * 100) / 100, round(x1 * 100) / 100, round(y1 * 100) / 100
    except (OverflowError, ValueError):  # infinite, or no number
        return round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2)
