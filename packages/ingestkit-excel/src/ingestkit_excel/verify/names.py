"""The names of ranges, as the workbook itself lists them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ingestkit_excel.verify.cells import Range, parse_range

__all__ = ["Named", "named_ranges"]

Named = tuple[str, Range]
"""A name and what it stands for."""

_LAST_ROW, _LAST_COLUMN = 1 << 20, 1 << 14
_ROWS = re.compile(r"(\d+):(\d+)")
_COLUMNS = re.compile(r"([A-Z]+):([A-Z]+)")


def named_ranges(book: ElementTree.Element) -> dict[str, list[Named]]:
    """The names of every sheet's ranges, by sheet."""
    found: dict[str, list[Named]] = {}
    for element in book.iter():
        if element.tag.rpartition("}")[2] == "definedName":
            sheet, _, cells = (element.text or "").strip().rpartition("!")
            place = _range(cells.replace("$", "").upper())
            if place is not None:
                found.setdefault(sheet.strip("'").replace("''", "'"), []).append((element.get("name", ""), place))
    return found


def _range(cells: str) -> Range | None:
    if rows := _ROWS.fullmatch(cells):
        return int(rows[1]), 1, int(rows[2]), _LAST_COLUMN
    if columns := _COLUMNS.fullmatch(cells):
        cells = f"{columns[1]}1:{columns[2]}{_LAST_ROW}"
    try:
        return parse_range(cells)
    except ValueError:
        return None
