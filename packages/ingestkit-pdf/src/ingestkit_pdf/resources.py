"""What a file's dictionaries hold, asked of MuPDF's own functions. Part of the document room.

PyMuPDF's wrap and describe each object on the way, which takes six times as long where there are many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from pymupdf import mupdf

__all__ = ["NamedImage", "key_lookup", "named_images"]

# Wrapped once and kept: the pointers in them are asked for with every page.
_RESOURCES, _XOBJECT, _SUBTYPE, _IMAGE, _WIDTH, _W, _HEIGHT, _H = (
    mupdf.PdfObj(getattr(mupdf, f"PDF_ENUM_NAME_{name}"))
    for name in ("Resources", "XObject", "Subtype", "Image", "Width", "W", "Height", "H")
)


class NamedImage(NamedTuple):
    """An image by its object number, 0 for none, and how many pixels it says it has across and down."""

    number: int
    width: int
    height: int


def named_images(page: Any) -> list[NamedImage]:
    """The images among a page's resources and among those of its forms, as often as they are named."""
    dictionary = mupdf.ll_pdf_page_from_fz_page(page.this.m_internal).obj
    first = mupdf.ll_pdf_dict_get_inheritable(dictionary, _RESOURCES.m_internal)
    images: list[NamedImage] = []
    # Not by recursion: hostile forms lie thousands deep in each other.
    waiting, seen = [first] if first else [], set[int]()
    while waiting:
        objects = _named(waiting.pop())
        images += [_image(entry) for entry in objects if _is_image(entry)]
        waiting += _inner(objects, seen)
    return images


def _named(resources: Any) -> list[Any]:
    named = mupdf.ll_pdf_dict_get(resources, _XOBJECT.m_internal)
    if not named:
        return []
    return [mupdf.ll_pdf_dict_get_val(named, index) for index in range(mupdf.ll_pdf_dict_len(named))]


def _inner(objects: Sequence[Any], seen: set[int]) -> Iterator[Any]:
    """The resources of forms. ``seen`` are the numbers of those looked through; one that comes again ends the look."""
    for entry in objects:
        own = mupdf.ll_pdf_dict_get(entry, _RESOURCES.m_internal)
        if not own:
            continue
        number = mupdf.ll_pdf_to_num(entry) if mupdf.ll_pdf_is_stream(entry) else 0
        if number in seen:
            return
        seen.add(number)
        yield own


def _is_image(entry: Any) -> bool:
    return bool(mupdf.ll_pdf_name_eq(mupdf.ll_pdf_dict_get(entry, _SUBTYPE.m_internal), _IMAGE.m_internal))


def _image(entry: Any) -> NamedImage:
    width, height = (
        mupdf.ll_pdf_to_int(mupdf.ll_pdf_dict_geta(entry, full.m_internal, short.m_internal))
        for full, short in ((_WIDTH, _W), (_HEIGHT, _H))
    )
    return NamedImage(mupdf.ll_pdf_to_num(entry), width, height)


def key_lookup(document: Any) -> Callable[[int, str], bool]:
    """Makes what tells whether the dictionary with an object number has a key."""
    objects = mupdf.pdf_specifics(document.this)

    def has_key(number: int, key: str) -> bool:
        entry = mupdf.ll_pdf_load_object(objects.m_internal, number)
        try:
            return bool(mupdf.ll_pdf_dict_gets(entry, key))
        finally:
            mupdf.ll_pdf_drop_obj(entry)

    return has_key
