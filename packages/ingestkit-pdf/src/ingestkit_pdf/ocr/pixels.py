"""What is done to a picture before an engine reads it. Pure numpy.

skew_degrees       on a small picture of the page: the large one is rendered straight at once
may_hold_text      on a small picture of a picture: most photographs go no further
denoise, binarize, contrast   on the picture itself
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ingestkit_pdf.ocr.values import Picture

__all__ = ["SMALL_DPI", "may_hold_text", "prepared", "skew_degrees"]

SMALL_DPI = 100
"""Resolution at which skew and text are looked for: a tenth of a degree is still a row over the width of a page, and
the strokes of letters are edges.
"""

_STEEPEST_DEGREES = 8.0
_COARSE_DEGREES = 0.5
_FINE_DEGREES = 0.1
_LEAST_DEGREES = 0.3
"""The engines read lines that are this little aslant as well as straight ones."""
_CLEARLY_SHARPER = 1.1
_LEAST_EDGES = 500
_MOST_EDGES = 60_000

_LIGHT_FROM = 128
_NEAR_GREYS = 16
_GROUND_RATIO = 0.6
_STEEP_GREYS = 40
_EDGES_RATIO = 0.05
"""Text, drawings and screens stand on a ground of one light tone and have many steep edges. Of 49 pictures in real
files that cover a twentieth of their page or more 30 are so, all but one with words in them; the others hold labels at
most, and most of them nothing.
"""

_THRESHOLD_WINDOW = 0.05
_THRESHOLD_RATIO = 0.85
_PALEST_PERCENT = 5.0
_DARKEST_PERCENT = 1.0

Grey = npt.NDArray[np.uint8]


def skew_degrees(picture: Picture) -> float:
    """By how much a page's lines run down to the right; 0.0 where they are straight, or nothing tells.

    The lower edges of the letters of a line fall on one row when the page is turned right: of all angles the
    one with the sharpest profile wins (Postl, US patent 4,723,297, 1988).
    """
    grey = _grey(picture)
    dark = grey < _middle(grey)
    rows, columns = np.nonzero(dark[:-1] & ~dark[1:])
    if len(rows) < _LEAST_EDGES:
        return 0.0
    step = 1 + len(rows) // _MOST_EDGES
    down, across = rows[::step].astype(np.float32), columns[::step].astype(np.float32)
    coarse = _best(down, across, np.arange(-_STEEPEST_DEGREES, _STEEPEST_DEGREES + 0.01, _COARSE_DEGREES))
    best = _best(down, across, np.arange(coarse - _COARSE_DEGREES, coarse + _COARSE_DEGREES + 0.01, _FINE_DEGREES))
    if abs(best) < _LEAST_DEGREES or _sharpness(down, across, best) < _CLEARLY_SHARPER * _sharpness(down, across, 0.0):
        return 0.0
    return round(best, 2)


def may_hold_text(picture: Picture) -> bool:
    """Whether a picture at ``SMALL_DPI`` looks like one of text: a light, even ground and many steep edges."""
    if picture.height < 2 or picture.width < 2:
        return False
    grey = _grey(picture)
    counts = np.bincount(grey.ravel(), minlength=256)
    ground = int(counts.argmax())
    near = int(counts[max(0, ground - _NEAR_GREYS) : ground + _NEAR_GREYS + 1].sum())
    if ground < _LIGHT_FROM or near < _GROUND_RATIO * grey.size:
        return False
    levels = grey.astype(np.int16)
    across, down = (np.abs(np.diff(levels, axis=axis)) > _STEEP_GREYS for axis in (1, 0))
    steep = across[:-1] | down[:, :-1]
    return float(steep.mean()) >= _EDGES_RATIO


def prepared(picture: Picture, steps: Sequence[str]) -> Picture:
    """The picture after the steps, in their order. "deskew" is done by then: the picture was rendered straight."""
    grey = _grey(picture)
    for step in steps:
        if step in _STEPS:
            grey = _STEPS[step](grey)
    return replace(picture, pixels=grey.tobytes())


def _grey(picture: Picture) -> Grey:
    return np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width)


def _best(down: npt.NDArray[Any], across: npt.NDArray[Any], angles: npt.NDArray[Any]) -> float:
    return float(max(angles, key=lambda angle: _sharpness(down, across, float(angle))))


def _sharpness(down: npt.NDArray[Any], across: npt.NDArray[Any], degrees: float) -> float:
    """How unevenly edges fall on rows once lines that run down by so many degrees are made level."""
    angle = np.radians(degrees)
    rows = (down * np.cos(angle) - across * np.sin(angle)).astype(np.int32)
    counts = np.bincount(rows - rows.min()).astype(np.float64)
    return float(np.square(counts).sum())


def _middle(grey: Grey) -> int:
    """The grey that parts ink from paper (Otsu, 1979)."""
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    below, values = np.cumsum(counts), np.arange(256)
    sums = np.cumsum(counts * values)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = below * above * np.square(sums / below - (sums[-1] - sums) / above)
    return int(np.nanargmax(np.nan_to_num(spread))) + 1


def _denoised(grey: Grey) -> Grey:
    """Each pixel the middle one of itself and its four neighbours: specks go, strokes of two pixels stay."""
    edged = np.pad(grey, 1, mode="edge")
    around = (edged[:-2, 1:-1], edged[2:, 1:-1], edged[1:-1, :-2], edged[1:-1, 2:], grey)
    middle: Grey = np.median(np.stack(around), axis=0).astype(np.uint8)
    return middle


def _binarized(grey: Grey) -> Grey:
    """Black where a pixel is clearly darker than its surroundings (Bradley and Roth, 2007), white elsewhere."""
    reach = max(8, int(_THRESHOLD_WINDOW * min(grey.shape)) // 2)
    height, width = grey.shape
    sums = np.pad(grey, ((1, 0), (1, 0))).astype(np.int64).cumsum(axis=0).cumsum(axis=1)
    top, bottom = _window(height, reach)
    left, right = _window(width, reach)
    total = sums[bottom][:, right] - sums[top][:, right] - sums[bottom][:, left] + sums[top][:, left]
    size = (bottom - top)[:, None] * (right - left)[None, :]
    paper: Grey = np.where(grey * size < _THRESHOLD_RATIO * total, 0, 255).astype(np.uint8)
    return paper


def _window(length: int, reach: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    places = np.arange(length)
    return np.maximum(places - reach, 0), np.minimum(places + reach + 1, length)


def _contrasted(grey: Grey) -> Grey:
    """From black to white: the greys between a page's darkest and its paper spread over the whole range."""
    darkest, palest = np.percentile(grey, (_DARKEST_PERCENT, 100 - _PALEST_PERCENT))
    if palest - darkest < 1:
        return grey
    spread = (grey.astype(np.float32) - darkest) * (255.0 / (palest - darkest))
    wide: Grey = np.clip(spread, 0, 255).astype(np.uint8)
    return wide


_STEPS = {"denoise": _denoised, "binarize": _binarized, "contrast": _contrasted}
