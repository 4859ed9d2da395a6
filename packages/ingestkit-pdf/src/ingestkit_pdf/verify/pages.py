"""The only door to pdfium: a page's characters with their boxes, its form fields and notes, as plain values.

Boxes are turned into the citations' coordinates: points from the top left of the page as it is displayed.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from ingestkit_core.elements import Box
from ingestkit_core.errors import ErrorCode, ParseError

from ingestkit_pdf.verify.accents import with_accents
from ingestkit_pdf.verify.characters import Character

__all__ = ["Inscription", "PageText", "PdfiumFile"]

_INVISIBLE = 3
_CLIPPING = 7
_PALE = 240
_MARKED_HYPHEN, _HYPHEN, _UNKNOWN = 2, "-", "\ufffd"
"""pdfium marks a hyphen at a line's end by a control character."""
_PUSH_BUTTON = 1
_CHECK_BOX, _RADIO_BUTTON = 2, 3
_NO_WIDTH, _LEAST_HEIGHT = 0.01, 1.0
"""pdfium leaves text out that is narrower, in points."""


@dataclass(frozen=True, slots=True)
class Inscription:
    """What an annotation says: the value of a form field, or a note. ``names`` are what the field is called."""

    text: str
    names: tuple[str, ...]
    box: Box
    is_field: bool

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of its box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True, slots=True)
class PageText:
    """One page, with what its annotations paint among its characters. ``lost`` is where text stands of which pdfium
    tells nothing: vertical writing in a font that is not in the file has no width to it.
    """

    number: int
    characters: tuple[Character, ...]
    inscriptions: tuple[Inscription, ...]
    lost: tuple[Box, ...]


class PdfiumFile:
    """An open file. A context manager. Raises ParseError where pdfium cannot open it."""

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        try:
            self._document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as exc:
            raise ParseError(ErrorCode.E_PARSE_CORRUPT, f"{name}: pdfium cannot open it") from exc
        self._has_form = self._document.get_formtype() != pdfium.FORMTYPE_NONE
        if self._has_form:
            self._document.init_forms()

    def __enter__(self) -> PdfiumFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._document.close()

    @property
    def page_count(self) -> int:
        """As pdfium counts."""
        return len(self._document)

    def page(self, number: int) -> PageText:
        """One page (1-based). Raises ParseError where pdfium cannot load it."""
        try:
            page = self._document[number - 1]
        except (pypdfium2.PdfiumError, IndexError) as exc:
            raise ParseError(ErrorCode.E_PARSE_CORRUPT, f"{self._name}: pdfium cannot load page {number}") from exc
        place = _placing(page)
        inscriptions = tuple(self._inscriptions(page, place))
        if pdfium.FPDFPage_GetAnnotCount(page):
            # What annotations paint is text of the page to everybody who looks at it.
            pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
            page.close()
            page = self._document[number - 1]
        text = page.get_textpage()
        try:
            characters = with_accents(list(_characters(text, place)))
            return PageText(number, characters, inscriptions, tuple(_lost(page, place)))
        finally:
            text.close()
            page.close()

    def _inscriptions(self, page: Any, place: Callable[[Box], Box]) -> Iterator[Inscription]:
        for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
            annotation = pdfium.FPDFPage_GetAnnot(page, index)
            if not annotation:
                continue
            try:
                found = self._inscription(annotation, place)
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)
            if found is not None:
                yield found

    def _inscription(self, annotation: Any, place: Callable[[Box], Box]) -> Inscription | None:
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_POPUP:
            return None
        rect = pdfium.FS_RECTF()
        pdfium.FPDFAnnot_GetRect(annotation, rect)
        box = place((rect.left, rect.bottom, rect.right, rect.top))
        if kind == pdfium.FPDF_ANNOT_WIDGET:
            return self._field(annotation, box) if self._has_form else None
        text = _text(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")
        return Inscription(text, (), box, is_field=False) if text.strip() else None

    def _field(self, annotation: Any, box: Box) -> Inscription | None:
        form = self._document.formenv
        kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
        if kind == _PUSH_BUTTON:
            return None
        if kind in (_CHECK_BOX, _RADIO_BUTTON):
            is_on = pdfium.FPDFAnnot_IsChecked(form, annotation)
            value = _text(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation) if is_on else ""
        else:
            value = _text(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
        if not value.strip():
            return None
        names = (
            _text(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation),
            _text(pdfium.FPDFAnnot_GetFormFieldName, form, annotation),
        )
        return Inscription(value, names, box, is_field=True)


def _text(function: Callable[..., int], *arguments: Any) -> str:
    size = function(*arguments, None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    function(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def _placing(page: Any) -> Callable[[Box], Box]:
    """From pdfium's coordinates (from the bottom left, not rotated) to those of citations."""
    left, bottom, right, top = page.get_bbox()
    rotation = page.get_rotation() % 360
    width, height = right - left, top - bottom

    def turn(x: float, y: float) -> tuple[float, float]:
        x, y = x - left, top - y
        if rotation == 90:
            return height - y, x
        if rotation == 180:
            return width - x, height - y
        if rotation == 270:
            return y, width - x
        return x, y

    def place(box: Box) -> Box:
        (x0, y0), (x1, y1) = turn(box[0], box[1]), turn(box[2], box[3])
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    return place


def _characters(text: Any, place: Callable[[Box], Box]) -> Iterator[Character]:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    loose = pdfium.FS_RECTF()
    apart, waiting = True, ""
    for index in range(pdfium.FPDFText_CountChars(text)):
        code = pdfium.FPDFText_GetUnicode(text, index)
        if 0xD800 <= code < 0xDC00:
            waiting = chr(code)
            continue
        character = _HYPHEN if code == _MARKED_HYPHEN else chr(code) if 0 < code <= sys.maxunicode else _UNKNOWN
        if waiting:
            character = (waiting + character).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            waiting = ""
        if character.isspace() or pdfium.FPDFText_IsGenerated(text, index) == 1:
            apart = True
            continue
        pdfium.FPDFText_GetCharBox(text, index, left, right, bottom, top)
        pdfium.FPDFText_GetLooseCharBox(text, index, loose)
        x0, y0, x1, y1 = place((left.value, bottom.value, right.value, top.value))
        around = place((loose.left, loose.bottom, loose.right, loose.top))
        unmapped = pdfium.FPDFText_HasUnicodeMapError(text, index) == 1 or character == _UNKNOWN
        middle = (x0 + x1) / 2, (y0 + y1) / 2
        yield Character(index, character, *middle, around, apart, _is_hidden(text, index), unmapped)
        apart = False


def _lost(page: Any, place: Callable[[Box], Box]) -> Iterator[Box]:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for index in range(pdfium.FPDFPage_CountObjects(page)):
        painted = pdfium.FPDFPage_GetObject(page, index)
        if pdfium.FPDFPageObj_GetType(painted) != pdfium.FPDF_PAGEOBJ_TEXT:
            continue
        pdfium.FPDFPageObj_GetBounds(painted, left, bottom, right, top)
        if right.value - left.value < _NO_WIDTH and top.value - bottom.value > _LEAST_HEIGHT:
            yield place((left.value, bottom.value, right.value, top.value))


def _is_hidden(text: Any, index: int) -> bool:
    painted = pdfium.FPDFText_GetTextObject(text, index)
    if painted and pdfium.FPDFTextObj_GetTextRenderMode(painted) in (_INVISIBLE, _CLIPPING):
        return True
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not pdfium.FPDFText_GetFillColor(text, index, red, green, blue, alpha):
        return False
    return alpha.value == 0 or min(red.value, green.value, blue.value) >= _PALE
