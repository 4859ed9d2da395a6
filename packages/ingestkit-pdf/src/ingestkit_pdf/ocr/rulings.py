"""The straight lines of a picture, as a native page's drawings tell them: a table's rulings. Pure numpy.

picture ─► small and dark ─► long runs along rows, and along columns ─► thin strokes
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from ingestkit_core.elements import Box

from ingestkit_pdf.ocr.values import Picture
from ingestkit_pdf.values import Drawings

__all__ = ["find_strokes", "without_strokes"]

_POINTS_PER_INCH = 72.0
_SMALL_DPI = 100
_DARK_BELOW = 140
_LEAST_INCHES = 0.4
"""Shorter runs are letters' strokes and dashes."""
_SURELY_INCHES = 0.8
"""From here on they are no letters' strokes even in the largest titles."""
_THICKEST_INCHES = 0.06
_PAPER = 255
_MOST_STROKES = 500
"""A page with more is a drawing, or a picture."""

Dark = npt.NDArray[np.bool_]


def find_strokes(picture: Picture) -> Drawings | None:
    """The lines parallel to the picture's edges, in points; None where there are too many to be rulings."""
    factor = max(1, round(picture.dpi / _SMALL_DPI))
    dark = _small(picture, factor)
    pixels_per_inch = picture.dpi / factor
    across = list(_strokes(dark, pixels_per_inch))
    down = [(y0, x0, y1, x1) for x0, y0, x1, y1 in _strokes(dark.T, pixels_per_inch)]
    if len(across) + len(down) > _MOST_STROKES:
        return None
    scale = _POINTS_PER_INCH / pixels_per_inch
    return Drawings(
        strokes=tuple(
            (
                round(x0 * scale + picture.left, 2),
                round(y0 * scale + picture.top, 2),
                round(x1 * scale + picture.left, 2),
                round(y1 * scale + picture.top, 2),
            )
            for x0, y0, x1, y1 in (*across, *down)
        )
    )


def without_strokes(picture: Picture, drawings: Drawings) -> Picture:
    """The picture with its long straight lines painted over: an engine would read them as bars, and cells as one."""
    grey = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width).copy()
    scale = picture.dpi / _POINTS_PER_INCH
    for x0, y0, x1, y1 in drawings.strokes:
        if max(x1 - x0, y1 - y0) < _SURELY_INCHES * _POINTS_PER_INCH:
            continue
        top, bottom = int((y0 - picture.top) * scale) - 1, int((y1 - picture.top) * scale) + 2
        left, right = int((x0 - picture.left) * scale) - 1, int((x1 - picture.left) * scale) + 2
        grey[max(top, 0) : bottom, max(left, 0) : right] = _PAPER
    return replace(picture, pixels=grey.tobytes())


def _small(picture: Picture, factor: int) -> Dark:
    """Where the picture is dark, so many times smaller; what is dark anywhere in a square stays dark."""
    grey = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width)
    height, width = picture.height // factor, picture.width // factor
    squares = grey[: height * factor, : width * factor].reshape(height, factor, width, factor)
    dark: Dark = squares.min(axis=(1, 3)) < _DARK_BELOW
    return dark


def _strokes(dark: Dark, pixels_per_inch: float) -> Iterator[Box]:
    """Long runs along rows, those that touch from row to row as one; without what is too thick to be a line."""
    thickest = max(2.0, _THICKEST_INCHES * pixels_per_inch)
    growing: list[list[int]] = []
    grown: list[list[int]] = []
    for row, start, end in _runs(dark, int(_LEAST_INCHES * pixels_per_inch)):
        grown += [run for run in growing if run[3] < row]
        growing = [run for run in growing if run[3] >= row]
        touching = next((run for run in growing if start < run[2] and run[0] < end), None)
        if touching is None:
            growing.append([start, row, end, row + 1])
        else:
            touching[:] = min(touching[0], start), touching[1], max(touching[2], end), row + 1
    for x0, y0, x1, y1 in (*grown, *growing):
        if y1 - y0 <= thickest:
            yield float(x0), float(y0), float(x1), float(y1)


def _runs(dark: Dark, least: int) -> Iterator[tuple[int, int, int]]:
    """(row, start, end) of the runs of at least so many dark pixels, row by row."""
    edged: npt.NDArray[Any] = np.pad(dark, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(edged, axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    long = ends - starts >= least
    return zip(rows[long].tolist(), starts[long].tolist(), ends[long].tolist(), strict=True)
