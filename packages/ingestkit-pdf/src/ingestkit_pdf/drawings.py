"""MuPDF's list of drawings into strokes and fills. Pure; part of the document room by nature, but names no engine.

Only what runs along the page's edges is kept. Reading stops after a number of path items: a page with more is
a drawing, and a table in it is not worth its cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ingestkit_core.elements import Box

from ingestkit_pdf.values import Drawings

__all__ = ["MAX_PATH_ITEMS", "read_drawings"]

MAX_PATH_ITEMS = 12_000

_THIN_POINTS = 3.5
_LEVEL_POINTS = 0.7
_WHITE_FROM = 0.98
_LEAST_LENGTH = 0.2

Place = Callable[[Sequence[float]], Box]


def read_drawings(paths: Iterable[dict[str, Any]], place: Place, max_items: int = MAX_PATH_ITEMS) -> Drawings:
    """The strokes and fills of ``page.get_cdrawings()``, whose boxes ``place`` puts on the page as displayed."""
    strokes: list[Box] = []
    fills: list[tuple[Box, int]] = []
    colors: dict[tuple[float, ...], int] = {}
    count = 0
    for path in paths:
        items = path.get("items", ())
        count += len(items)
        if count > max_items:
            break
        kind = path["type"]
        inked = kind != "f" and path.get("color") is not None
        fill = path.get("fill") if kind != "s" else None
        # White bars are rules where they part shaded cells.
        if fill is not None and min(fill) >= _WHITE_FROM and (inked or not _is_thin(path["rect"])):
            fill = None
        if not inked and fill is None:
            continue
        color_number = colors.setdefault(tuple(fill), len(colors)) if fill is not None else None
        if color_number is not None and not inked and len(items) > 2 and _is_rectangle(items):
            _add_rectangle(path["rect"], False, color_number, strokes, fills)
            continue
        for item in items:
            _add(item, inked, color_number, strokes, fills)
    return Drawings(tuple(map(place, strokes)), tuple((place(box), color_number) for box, color_number in fills))


def _is_rectangle(items: Sequence[Sequence[Any]]) -> bool:
    """Whether a path is made of lines along the page's edges."""
    return all(
        item[0] == "l"
        and (abs(item[1][0] - item[2][0]) <= _LEVEL_POINTS or abs(item[1][1] - item[2][1]) <= _LEVEL_POINTS)
        for item in items
    )


def _is_thin(box: Sequence[float]) -> bool:
    return box[2] - box[0] < _THIN_POINTS or box[3] - box[1] < _THIN_POINTS


def _add(item: Sequence[Any], inked: bool, color: int | None, strokes: list[Any], fills: list[Any]) -> None:
    kind = item[0]
    if kind == "l":
        if inked:
            _add_line(item[1], item[2], strokes)
    elif kind == "re":
        _add_rectangle(item[1], inked, color, strokes, fills)
    elif kind == "qu":
        corners = item[1]
        xs, ys = [corner[0] for corner in corners], [corner[1] for corner in corners]
        _add_rectangle((min(xs), min(ys), max(xs), max(ys)), inked, color, strokes, fills)


def _add_line(start: Sequence[float], end: Sequence[float], strokes: list[Any]) -> None:
    x0, x1 = (start[0], end[0]) if start[0] <= end[0] else (end[0], start[0])
    y0, y1 = (start[1], end[1]) if start[1] <= end[1] else (end[1], start[1])
    if (x1 - x0 <= _LEVEL_POINTS) != (y1 - y0 <= _LEVEL_POINTS) and max(x1 - x0, y1 - y0) > _LEAST_LENGTH:
        strokes.append((x0, y0, x1, y1))


def _add_rectangle(box: Sequence[float], inked: bool, color: int | None, strokes: list[Any], fills: list[Any]) -> None:
    x0, y0, x1, y1 = box
    if x1 - x0 < _THIN_POINTS or y1 - y0 < _THIN_POINTS:
        if x1 - x0 > _LEAST_LENGTH or y1 - y0 > _LEAST_LENGTH:
            strokes.append((x0, y0, x1, y1))
        return
    if inked:
        strokes += [(x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)]
    if color is not None:
        fills.append(((x0, y0, x1, y1), color))
