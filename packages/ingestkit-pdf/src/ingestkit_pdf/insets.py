"""Pictures set into pages of text, which may be pictures of text. Part of the document room.

what the page names ─► enough pixels? ─► where they are painted ─► strips joined ─► large, and no text in them

Nothing is unpacked here: what a picture shows is looked at where it costs nobody but itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from ingestkit_core.elements import Box

from ingestkit_pdf.marks import PaintedImage, images_of
from ingestkit_pdf.resources import NamedImage
from ingestkit_pdf.values import Inset, Line

__all__ = ["insets_of"]

_LEAST_PAGE_RATIO = 0.1
"""Smaller ones are logos, icons and the like."""
_LEAST_PIXELS_PER_POINT = 1.0
"""Text cannot be read in pictures of fewer than 72 dots per inch."""
_MOST_IMAGES = 200
"""A page of more is a drawing made of images."""
_TOUCH_POINTS = 1.5
_SAME_EDGE_POINTS = 3.0
_DIGEST_BYTES = 16


def insets_of(
    document: Any, page: Any, named: Sequence[NamedImage], lines: Sequence[Line], place: Callable[[Any], Box]
) -> tuple[Inset, ...]:
    """The insets of a page from top to bottom; ``named`` are the images its resources name.

    ``place`` puts boxes on the page as displayed, where the lines are.
    """
    width, height = page.rect.width, page.rect.height
    least = _LEAST_PAGE_RATIO * width * height
    if sum(image.width * image.height for image in named) < least * _LEAST_PIXELS_PER_POINT**2:
        return ()
    painted = [image for image in images_of(page) if image.width > 1 and image.height > 1]
    if len(painted) > _MOST_IMAGES:
        return ()
    groups = _joined([(_on_page(place(image.box), width, height), [image]) for image in painted])
    large = [(box, images) for box, images in groups if _area(box) >= least and not _holds(box, lines)]
    outermost = [
        (box, images)
        for box, images in large
        if not any(box != other and _around(box, other) == other for other, _ in large)
    ]
    return tuple(
        Inset(box, _digest(document, named, images))
        for box, images in sorted(outermost, key=lambda group: (group[0][1], group[0][0]))
    )


_Group = tuple[Box, list[PaintedImage]]


def _joined(groups: list[_Group]) -> list[_Group]:
    """Strips and tiles that fill a rectangle together as one: that is how some programs cut a picture up."""
    joined: list[_Group] = []
    for box, images in groups:
        while True:
            beside = next((other for other in joined if _adjoin(other[0], box)), None)
            if beside is None:
                break
            joined.remove(beside)
            box, images = _around(beside[0], box), [*beside[1], *images]
        joined.append((box, images))
    return joined


def _adjoin(one: Box, other: Box) -> bool:
    """Whether two boxes have an edge in common, or are nearly the same: a picture and its mask."""
    for side in (0, 1):
        across = 1 - side
        same_edges = all(abs(one[end] - other[end]) <= _SAME_EDGE_POINTS for end in (across, across + 2))
        gap = max(one[side], other[side]) - min(one[side + 2], other[side + 2])
        if same_edges and gap <= _TOUCH_POINTS:
            return True
    return all(abs(edge - beside) <= _SAME_EDGE_POINTS for edge, beside in zip(one, other, strict=True))


def _around(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _on_page(box: Box, width: float, height: float) -> Box:
    x0, y0, x1, y1 = box
    return (
        round(max(x0, 0.0), 2),
        round(max(y0, 0.0), 2),
        round(min(x1, width), 2),
        round(min(y1, height), 2),
    )


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _holds(box: Box, lines: Sequence[Line]) -> bool:
    """Whether the middle of a line lies in a box, whether it is seen or not: a layer of text tells what is there."""
    x0, y0, x1, y1 = box
    return any(
        x0 <= (line.box[0] + line.box[2]) / 2 <= x1 and y0 <= (line.box[1] + line.box[3]) / 2 <= y1 for line in lines
    )


def _digest(document: Any, named: Sequence[NamedImage], images: Sequence[PaintedImage]) -> str:
    """A digest of the streams of some images; empty where it is not sure which these are."""
    found = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for image in images:
        numbers = {name.number for name in named if (name.width, name.height) == (image.width, image.height)}
        if len(numbers) != 1:
            return ""
        found.update(document.xref_stream_raw(numbers.pop()) or b"")
    return found.hexdigest()
