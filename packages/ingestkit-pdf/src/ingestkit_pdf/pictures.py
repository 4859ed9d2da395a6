"""A page as grey pixels: the other half of the door to PyMuPDF. Runs in the worker."""

from __future__ import annotations

import math
from typing import Any

import pymupdf
from ingestkit_core.elements import Box

from ingestkit_pdf.ocr.values import Picture

__all__ = ["picture_of"]

_engine: Any = pymupdf  # typed here and there only

_POINTS_PER_INCH = 72.0
_MOST_PIXELS = 50_000_000
"""A page of A3 at 600 dpi is 70 million: larger ones, posters and hostile ones, are rendered coarser."""
_LONGEST_SIDE_PIXELS = 30_000


def picture_of(page: Any, dpi: float, turned_degrees: float, clip: Box | None) -> Picture:
    """A page as displayed, turned clockwise about its middle, or a part of it (points)."""
    bounds = _engine.Rect(page.rect if clip is None else clip)
    scale = min(dpi / _POINTS_PER_INCH, _largest_scale(bounds.width, bounds.height))
    middle = _engine.Point((bounds.x0 + bounds.x1) / 2, (bounds.y0 + bounds.y1) / 2)
    turn = _engine.Matrix(1, 0, 0, 1, -middle.x, -middle.y)
    turn.concat(turn, _engine.Matrix(turned_degrees))
    turn.concat(turn, _engine.Matrix(1, 0, 0, 1, middle.x, middle.y))
    turn.concat(turn, _engine.Matrix(scale, scale))
    pixmap = page.get_pixmap(matrix=turn, colorspace=_engine.csGRAY, alpha=False, clip=clip)
    return Picture(
        pixels=bytes(pixmap.samples_mv),
        width=pixmap.width,
        height=pixmap.height,
        dpi=scale * _POINTS_PER_INCH,
        left=pixmap.x / scale,
        top=pixmap.y / scale,
        turned_degrees=turned_degrees,
    )


def _largest_scale(width: float, height: float) -> float:
    """Pixels per point at which a part of this size (points) still makes a picture of bearable size."""
    return min(math.sqrt(_MOST_PIXELS / max(width * height, 1.0)), _LONGEST_SIDE_PIXELS / max(width, height, 1.0))
