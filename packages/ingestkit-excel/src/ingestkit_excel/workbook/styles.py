"""``styles.xml``: what a cell's style id says about its number format, whether it stands out, where it is set."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from ingestkit_excel.number_formats import BUILTIN_FORMATS
from ingestkit_excel.workbook.markup import local_name, whole_number
from ingestkit_excel.workbook.package import Package
from ingestkit_excel.workbook.values import Styles

__all__ = ["read_styles"]

_OFF = ("0", "false", "none")


def read_styles(package: Package, name: str, *, date1904: bool) -> Styles:
    """The styles of a workbook. Raises PartError, SecurityError."""
    parts = {local_name(child): child for child in package.tree(name)}
    codes = dict(BUILTIN_FORMATS)
    for element in parts.get("numFmts", ()):
        codes[_number(element, "numFmtId")] = element.get("formatCode") or "General"
    bold = [_is_bold(font) for font in parts.get("fonts", ())]
    filled = [_is_filled(fill) for fill in parts.get("fills", ())]
    bordered = [_is_bordered(border) for border in parts.get("borders", ())]
    cells = [xf for xf in parts.get("cellXfs", ()) if local_name(xf) == "xf"]
    return Styles(
        formats=tuple(codes.get(_number(xf, "numFmtId"), "General") for xf in cells) or ("General",),
        date1904=date1904,
        bold=frozenset(_where(cells, "fontId", bold)),
        filled=frozenset(_where(cells, "fillId", filled)),
        bordered=frozenset(_where(cells, "borderId", bordered)),
        right=frozenset(style for style, xf in enumerate(cells) if _setting(xf) == "right"),
        centred=frozenset(style for style, xf in enumerate(cells) if _setting(xf) == "center"),
    )


def _setting(xf: ElementTree.Element) -> str:
    """Where in its cell a text is set; nothing where that depends on what it is."""
    return next((child.get("horizontal", "") for child in xf if local_name(child) == "alignment"), "")


def _where(cells: list[ElementTree.Element], key: str, flags: list[bool]) -> Iterator[int]:
    for style, xf in enumerate(cells):
        index = _number(xf, key)
        if index < len(flags) and flags[index]:
            yield style


def _number(element: ElementTree.Element, key: str) -> int:
    return whole_number(element.get(key, "0"))


def _is_bold(font: ElementTree.Element) -> bool:
    return any(local_name(child) == "b" and child.get("val", "1") not in _OFF for child in font)


def _is_filled(fill: ElementTree.Element) -> bool:
    return any(
        local_name(child) == "gradientFill"
        or (local_name(child) == "patternFill" and child.get("patternType", "none") != "none")
        for child in fill
    )


def _is_bordered(border: ElementTree.Element) -> bool:
    return any(child.get("style", "none") != "none" for child in border)
