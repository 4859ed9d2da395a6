"""What is painted on a page besides its text, in the file's order. Part of the document room.

MuPDF runs the page and calls back for each mark. Text, of which a page has most, calls nobody.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pymupdf import mupdf

__all__ = ["PaintedImage", "images_of", "marks_of"]

_Rect = tuple[float, float, float, float]


class PaintedImage(NamedTuple):
    """Where an image is painted, in points of the unrotated page, and how many pixels it has across and down."""

    box: _Rect
    width: int
    height: int


class _Images(mupdf.FzDevice2):  # type: ignore[misc]  # MuPDF's bindings are not typed
    """Calls back for images alone."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[PaintedImage] = []
        self.use_virtual_fill_image()

    def fill_image(self, _context: Any, image: Any, matrix: Any, *_: Any) -> None:
        box = _rect(mupdf.ll_fz_transform_rect(mupdf.fz_unit_rect, matrix))
        self.images.append(PaintedImage(box, image.w, image.h))


class _Marks(mupdf.FzDevice2):  # type: ignore[misc]
    """Boxes in points of the unrotated page: ``images``, and ``fills`` of stencils, shadings and, where they are
    wanted, filled paths. ``count`` is how many marks there were, strokes too.
    """

    def __init__(self, *, wants_paths: bool) -> None:
        super().__init__()
        self.images: list[_Rect] = []
        self.fills: list[_Rect] = []
        self.count = 0
        self._wants_paths = wants_paths
        self.use_virtual_fill_path()
        self.use_virtual_stroke_path()
        self.use_virtual_fill_shade()
        self.use_virtual_fill_image()
        self.use_virtual_fill_image_mask()

    def fill_path(self, _context: Any, path: Any, _even_odd: int, matrix: Any, *_: Any) -> None:
        self.count += 1
        if self._wants_paths:
            self.fills.append(_rect(mupdf.ll_fz_bound_path(path, None, matrix)))

    def stroke_path(self, *_: Any) -> None:
        self.count += 1

    def fill_shade(self, _context: Any, shade: Any, matrix: Any, *_: Any) -> None:
        self.count += 1
        self.fills.append(_rect(mupdf.ll_fz_bound_shade(shade, matrix)))

    def fill_image(self, _context: Any, _image: Any, matrix: Any, *_: Any) -> None:
        self.count += 1
        self.images.append(_rect(mupdf.ll_fz_transform_rect(mupdf.fz_unit_rect, matrix)))

    def fill_image_mask(self, _context: Any, _image: Any, matrix: Any, *_: Any) -> None:
        self.count += 1
        self.fills.append(_rect(mupdf.ll_fz_transform_rect(mupdf.fz_unit_rect, matrix)))


def marks_of(page: Any, *, wants_paths: bool) -> _Marks:
    """The marks of a page."""
    marks = _Marks(wants_paths=wants_paths)
    _run(page, marks)
    return marks


def images_of(page: Any) -> list[PaintedImage]:
    """The images of a page, stencils apart."""
    images = _Images()
    _run(page, images)
    return images.images


def _run(page: Any, device: Any) -> None:
    rotation = page.rotation
    if rotation:
        page.set_rotation(0)
    try:
        mupdf.fz_run_page(page.this, device, mupdf.FzMatrix(), mupdf.FzCookie())
        mupdf.fz_close_device(device)
    finally:
        if rotation:
            page.set_rotation(rotation)


def _rect(rect: Any) -> _Rect:
    return rect.x0, rect.y0, rect.x1, rect.y1
