"""What is painted on a page besides its text, in the file's order. Part of the document room.

MuPDF runs the page and calls back for each mark. Text, of which a page has most, calls nobody.
"""

from __future__ import annotations

from typing import Any

from pymupdf import mupdf

__all__ = ["marks_of"]

_Rect = tuple[float, float, float, float]


class _Marks(mupdf.FzDevice2):  # type: ignore[misc]  # MuPDF's bindings are not typed
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
    rotation = page.rotation
    if rotation:
        page.set_rotation(0)
    try:
        mupdf.fz_run_page(page.this, marks, mupdf.FzMatrix(), mupdf.FzCookie())
        mupdf.fz_close_device(marks)
    finally:
        if rotation:
            page.set_rotation(rotation)
    return marks


def _rect(rect: Any) -> _Rect:
    return rect.x0, rect.y0, rect.x1, rect.y1
