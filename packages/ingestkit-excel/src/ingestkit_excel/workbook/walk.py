"""The careful scan of a sheet's XML, for whatever the fast one does not read: a real parser, element by element.

Cells without a reference follow the one before; of a cell written twice the last holds; names count without their
namespace. A document type is refused here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from ingestkit_core.errors import ErrorCode, SecurityError

from ingestkit_excel.workbook.bands import BandBuilder, RawForm, Storage
from ingestkit_excel.workbook.blocks import MAX_ROWS, Blocks
from ingestkit_excel.workbook.formulas import SharedFormulas, link_of_formula
from ingestkit_excel.workbook.layouts import column_number
from ingestkit_excel.workbook.markup import PartError, whole_number
from ingestkit_excel.workbook.scan import Scanned
from ingestkit_excel.workbook.strings import Strings, plain_text
from ingestkit_excel.workbook.values import Link, Rectangle

__all__ = ["walk_sheet"]

_MAX_COLUMN = 1 << 14
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_STORAGES: dict[str, Storage] = {storage.value: storage for storage in Storage if storage is not Storage.FORMULA}


def walk_sheet(texts: Iterable[str], strings: Strings, blocks: Blocks, *, in_order: bool) -> Scanned:
    """Read a sheet's XML; rows that are not ``in_order`` are all gathered before anything is made of them.

    Raises PartError where it is not well-formed, SecurityError for a document type, UnfitRows where rows are not in
    order after all.
    """
    walk = _Walk(strings, blocks, in_order=in_order)
    parser = expat.ParserCreate("utf-8", namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.CharacterDataHandler = walk.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        for text in texts:
            parser.Parse(text, False)
        parser.Parse("", True)
    except expat.ExpatError as exc:
        raise PartError(f"the sheet is not well-formed XML in line {exc.lineno}") from exc
    return walk.finish()


def _refuse(*_: object) -> None:
    raise SecurityError(
        ErrorCode.E_SECURITY_EXTERNAL_ENTITY,
        "An XML part has a document type, which workbooks never need and attacks do.",
    )


class _Found(NamedTuple):
    storage: Storage
    style: int
    formula: bool
    value: str


class _Walk:
    """Handlers of the parser. Elements outside of ``sheetData`` go into a tree."""

    def __init__(self, strings: Strings, blocks: Blocks, *, in_order: bool) -> None:
        self._strings = strings
        self._blocks = blocks
        self._bands = BandBuilder(None, blocks)
        self._in_order = in_order
        self._tree = ElementTree.TreeBuilder()
        self._inside = False
        self._rows: dict[int, dict[int, _Found]] = {}
        self._hidden: set[int] = set()
        self._links: list[Link] = []
        self._formulas = SharedFormulas()
        self._row = self._column = 0
        self._cell: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._formula_attributes = ""
        self._collecting = ""
        self._phonetic = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if not self._inside:
            self._tree.start(name, {key.rpartition("}")[2]: value for key, value in attributes.items()})
            self._inside = name == "sheetData"
        elif name == "c":
            self._start_cell(attributes)
        elif name == "row":
            self._start_row(attributes)
        elif name in ("v", "f", "t"):
            self._collecting = name
            self._texts.setdefault(name, "")
            if name == "f":
                self._formula_attributes = "".join(f' {key}="{value}"' for key, value in attributes.items())
        elif name == "rPh":
            self._phonetic = True

    def text(self, text: str) -> None:
        if not self._inside:
            self._tree.data(text)
        elif self._collecting and not self._phonetic:
            self._texts[self._collecting] += text

    def end(self, tag: str) -> None:
        name = tag.rpartition("}")[2]
        if not self._inside:
            self._tree.end(name)
        elif name == "sheetData":
            self._inside = False
            self._tree.end(name)
        elif name == "c":
            self._end_cell()
        elif name == "rPh":
            self._phonetic = False
        elif name in ("v", "f", "t"):
            self._collecting = ""

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._row = whole_number(attributes.get("r", "")) or self._row + 1
        self._column = 0
        if self._in_order and len(self._rows) >= self._blocks.room(len(next(iter(self._rows.values()), ()))):
            self._end_block()
        if attributes.get("hidden") in ("1", "true"):
            self._hidden.add(self._row)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._cell, self._texts, self._formula_attributes = attributes, {}, ""
        reference = _REFERENCE.fullmatch(attributes.get("r", ""))
        if reference is not None:
            self._column, self._row = column_number(reference[1].upper()), int(reference[2])
        else:
            self._column += 1

    def _end_cell(self) -> None:
        if not (1 <= self._row <= MAX_ROWS and 1 <= self._column <= _MAX_COLUMN):
            return
        found = self._found()
        if found is not None:
            self._rows.setdefault(self._row, {})[self._column] = found

    def _found(self) -> _Found | None:
        storage = _STORAGES.get(self._cell.get("t", "n"), Storage.TEXT)
        is_formula = "f" in self._texts
        raw = self._texts.get("t" if storage is Storage.INLINE else "v")
        if is_formula:
            formula = self._texts["f"]
            target = link_of_formula(formula)
            if target is not None:
                self._links.append(Link(Rectangle(self._row, self._column, self._row, self._column), target))
            self._formulas.note(self._formula_attributes, formula, self._row, self._column)
            if not raw and not (storage is Storage.TEXT and raw is not None):
                text = self._formulas.text(self._formula_attributes, formula, self._row, self._column)
                return _Found(Storage.FORMULA, self._style(), True, text)
        if storage is Storage.SHARED:
            value = self._strings.get((raw or "").strip())
            storage = Storage.INLINE
        else:
            value = plain_text(raw or "")
        return None if value is None else _Found(storage, self._style(), is_formula, value)

    def _style(self) -> int:
        return whole_number(self._cell.get("s", ""))

    def _end_block(self) -> None:
        for row in sorted(self._rows):
            cells = sorted(self._rows[row].items())
            forms = tuple(RawForm(column, one.storage, one.style, one.formula) for column, one in cells)
            self._bands.add_row(forms, row, [one.value for _, one in cells])
        self._rows.clear()
        self._bands.end_block()

    def finish(self) -> Scanned:
        """Everything that was read. Raises UnfitRows."""
        self._end_block()
        return Scanned(self._blocks.all(), frozenset(self._hidden), tuple(self._links), self._tree.close())
