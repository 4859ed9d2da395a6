"""The cells of a workbook from its XML by the standard library alone, as plain values.

Nothing here knows how the reader reads: a second opinion is worth what it does not share. What it cannot open
(the binary formats) it says so.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, NamedTuple
from xml.etree import ElementTree

__all__ = ["Cell", "SheetCells", "WorkbookXml", "parse_range"]

Range = tuple[int, int, int, int]
"""(top, left, bottom, right), 1-based and inclusive."""

_MAX_COLUMNS = 16384
_PAGE_TEXTS = tuple(f"{pages}{end}" for pages in ("odd", "even", "first") for end in ("Header", "Footer"))
_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0", 6: "$#,##0", 7: "$#,##0.00", 8: "$#,##0.00",
    9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 14: "m/d/yyyy", 15: "d-mmm-yy", 16: "d-mmm",
    17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "m/d/yyyy h:mm",
    37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 41: "#,##0", 42: "$#,##0", 43: "#,##0.00",
    44: "$#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
"""ECMA-376, 18.8.30."""
_PAGE_CODES = re.compile(r'&"[^"]*"|&\d+|&[A-Za-z]')


class Cell(NamedTuple):
    """A cell that holds something.

    ``kind``: n number, s text, b boolean, e error, d moment, f formula without a result (``raw`` is the formula).
    """

    row: int
    column: int
    kind: str
    raw: str
    code: str


@dataclass(slots=True)
class SheetCells:
    """One sheet. ``asides`` is what is written on it in no cell: on charts and shapes, in rules, over printed pages."""

    rows: dict[int, list[Cell]] = field(default_factory=dict)
    merges: list[Range] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    comments: dict[tuple[int, int], str] = field(default_factory=dict)
    threads: dict[tuple[int, int], str] = field(default_factory=dict)
    links: list[tuple[Range, str]] = field(default_factory=list)
    asides: list[str] = field(default_factory=list)
    tables: list[tuple[str, Range]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many cells hold something."""
        return sum(map(len, self.rows.values()))

    def within(self, place: Range) -> Iterator[Cell]:
        """The cells of a range, row by row."""
        top, left, bottom, right = place
        rows = range(top, bottom + 1) if bottom - top < len(self.rows) else sorted(self.rows)
        for row in rows:
            if top <= row <= bottom:
                yield from (cell for cell in self.rows.get(row, ()) if left <= cell.column <= right)

    def is_hidden(self, cell: Cell) -> bool:
        """Whether its row or its column is."""
        return cell.row in self.hidden_rows or cell.column in self.hidden_columns


def parse_range(text: str) -> Range:
    """``B4`` or ``B4:D17``. Raises ValueError for anything else."""
    first, _, second = text.replace("$", "").partition(":")
    (top, left), (bottom, right) = _corner(first), _corner(second or first)
    return top, left, bottom, right


_CORNER = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")


def _corner(text: str) -> tuple[int, int]:
    match = _CORNER.fullmatch(text)
    if match is None:
        raise ValueError(f"not a cell: {text!r}")
    column = 0
    for letter in match[1].upper():
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column


class WorkbookXml:
    """A workbook in a zip file. Raises zipfile.BadZipFile, KeyError and ElementTree.ParseError where it is none."""

    def __init__(self, content: bytes) -> None:
        self._zip = zipfile.ZipFile(BytesIO(content))
        self._names = {name.replace("\\", "/").lstrip("/").lower(): name for name in self._zip.namelist()}
        start = next(target for kind, target in self._relations("").values() if kind == "officeDocument")
        book = self.tree = self._tree(start)
        related = self._relations(start)
        self.parts = {
            element.get("name", ""): related[identifier][1]
            for element in book.iter()
            if _local(element.tag) == "sheet" and (identifier := _attribute(element, "id")) in related
        }
        properties = next((element for element in book.iter() if _local(element.tag) == "workbookPr"), None)
        self.date1904 = properties is not None and properties.get("date1904") in ("1", "true")
        by_kind = dict(related.values())
        self._strings = list(self._shared_strings(by_kind.get("sharedStrings")))
        self._codes = self._number_codes(by_kind.get("styles"))

    def sheet(self, name: str) -> SheetCells:
        """Everything of one sheet that this reader knows of."""
        part = self.parts[name]
        sheet, links = SheetCells(), {}
        with self._open(part) as file:
            path: list[str] = []
            row = column = 0
            for event, element in ElementTree.iterparse(file, events=("start", "end")):
                tag = _local(element.tag)
                if event == "start":
                    path.append(tag)
                    if tag == "row":
                        row, column = int(element.get("r") or row + 1), 0
                        if element.get("hidden") in ("1", "true") or element.get("ht") == "0":
                            sheet.hidden_rows.add(row)
                    continue
                path.pop()
                if tag == "c":
                    place = element.get("r")
                    row_, column = _corner(place) if place else (row, column + 1)
                    cell = self._cell(element, row_, column)
                    if cell is not None:
                        sheet.rows.setdefault(row_, []).append(cell)
                    element.clear()
                elif tag == "row":
                    element.clear()
                elif tag == "col" and path[-1] == "cols" and _is_hidden_column(element):
                    last = min(int(element.get("max", "0")), _MAX_COLUMNS)
                    sheet.hidden_columns.update(range(int(element.get("min", "1")), last + 1))
                elif tag == "mergeCell":
                    sheet.merges.append(parse_range(element.get("ref", "")))
                elif tag == "dataValidation" or tag in _PAGE_TEXTS:
                    sheet.asides.append(_PAGE_CODES.sub(" ", "".join(element.itertext())))
                elif tag == "hyperlink":
                    links[element.get("ref", "")] = (_attribute(element, "id"), element.get("location", ""))
        for cells in sheet.rows.values():
            cells.sort(key=lambda cell: cell.column)
        self._add_surroundings(part, sheet, links)
        return sheet

    def _cell(self, element: ElementTree.Element, row: int, column: int) -> Cell | None:
        kind = element.get("t", "n")
        value, formula, inline, is_told = None, None, None, False
        for child in element:
            match _local(child.tag):
                case "v":
                    value, is_told = child.text, True
                case "f":
                    formula = f"={child.text or ''}"
                case "is":
                    inline = _text(child)
        code = self._codes.get(int(element.get("s") or 0), "General")
        if inline is not None and kind == "inlineStr":
            return Cell(row, column, "s", inline, code) if inline.strip() else None
        if not value or not value.strip():
            # A formula may come to an empty text: that is a result, and nothing to see.
            has_result = kind == "str" and is_told
            return Cell(row, column, "f", formula, code) if formula and not has_result else None
        if kind in ("s", "str"):
            text = _unescaped(value) if kind == "str" else self._string(int(value))
            return Cell(row, column, "s", text, code) if text.strip() else None
        return Cell(row, column, kind, value.strip(), code)

    def _string(self, index: int) -> str:
        return self._strings[index] if index < len(self._strings) else ""

    def _add_surroundings(self, part: str, sheet: SheetCells, links: dict[str, tuple[str, str]]) -> None:
        related = self._relations(part)
        for reference, (identifier, location) in links.items():
            target = related.get(identifier, ("", ""))[1] + (f"#{location}" if location else "")
            try:
                sheet.links.append((parse_range(reference), target))
            except ValueError:
                continue
        for kind, target in related.values():
            if kind in ("comments", "threadedComment") and self._has(target):
                (sheet.threads if kind == "threadedComment" else sheet.comments).update(self._comments(target))
            elif kind in ("table", "pivotTable") and self._has(target):
                tree = self._tree(target)
                sheet.asides += [tree.get(name, "") for name in ("name", "displayName")]
                if kind == "table":
                    sheet.tables.append((tree.get("displayName", ""), parse_range(tree.get("ref", ""))))
            elif kind == "drawing" and self._has(target):
                sheet.asides += self._drawn(target)
                for inner, part in self._relations(target).values():
                    if inner in ("chart", "chartEx", "diagramData") and self._has(part):
                        sheet.asides += self._drawn(part)
        # What stands in the old place of a thread is a notice that this is one.
        sheet.comments.update(sheet.threads)

    def _drawn(self, part: str) -> Iterator[str]:
        """The words in a drawing, a chart or a diagram, and those that describe pictures."""
        for element in self._tree(part).iter():
            yield element.get("descr", "")
            if _local(element.tag) in ("t", "v", "p"):
                yield _text(element)

    def _comments(self, part: str) -> dict[tuple[int, int], str]:
        found: dict[tuple[int, int], str] = {}
        for element in self._tree(part).iter():
            if _local(element.tag) in ("comment", "threadedComment") and element.get("ref"):
                place = _corner(element.get("ref", "").partition(":")[0])
                found[place] = f"{found.get(place, '')} {_text(element)}"
        return found

    def _shared_strings(self, part: str | None) -> Iterator[str]:
        if part is None or not self._has(part):
            return
        with self._open(part) as file:
            for _, element in ElementTree.iterparse(file):
                if _local(element.tag) == "si":
                    yield _text(element)
                    element.clear()

    def _number_codes(self, part: str | None) -> dict[int, str]:
        if part is None or not self._has(part):
            return {}
        tree = self._tree(part)
        own = {
            int(element.get("numFmtId", "0")): element.get("formatCode", "General")
            for element in tree.iter()
            if _local(element.tag) == "numFmt"
        }
        formats = next((element for element in tree if _local(element.tag) == "cellXfs"), ())
        identifiers = [int(element.get("numFmtId") or 0) for element in formats]
        return {index: own.get(one, _BUILT_IN.get(one, "General")) for index, one in enumerate(identifiers)}

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        folder, name = posixpath.split(part)
        path = posixpath.join(folder, "_rels", f"{name}.rels")
        if not self._has(path):
            return {}
        found: dict[str, tuple[str, str]] = {}
        for element in self._tree(path):
            kind, target = element.get("Type", "").rpartition("/")[2], element.get("Target", "")
            if element.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
            found[element.get("Id", "")] = kind, target
        return found

    def _has(self, part: str) -> bool:
        return part.lower() in self._names

    def _open(self, part: str) -> IO[bytes]:
        # Two parts whose names differ in case only are two parts.
        return self._zip.open(part if part in self._names.values() else self._names[part.lower()])

    def _tree(self, part: str) -> ElementTree.Element:
        with self._open(part) as file:
            return ElementTree.parse(file).getroot()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2]


def _attribute(element: ElementTree.Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.endswith("}" + name)), "")


def _is_hidden_column(element: ElementTree.Element) -> bool:
    no_width = element.get("width") == "0" and element.get("customWidth") in ("1", "true")
    return element.get("hidden") in ("1", "true") or no_width


def _text(element: ElementTree.Element) -> str:
    """All text below an element, without the reading aids of Japanese."""
    if _local(element.tag) == "rPh":
        return ""
    own = (element.text or "") if _local(element.tag) in ("t", "text", "v") and not len(element) else ""
    return _unescaped(own) + "".join(_text(child) for child in element)


def _unescaped(text: str) -> str:
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
