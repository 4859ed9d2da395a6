"""Every citation of a workbook re-read: the cells of the cited range against what is stored."""

from __future__ import annotations

import re
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from ingestkit_core.elements import CellRange, range_name
from ingestkit_core.findings import Findings, LastFew
from ingestkit_core.verification import (
    Measure,
    Passage,
    Request,
    Rows,
    UnitCount,
    Verification,
    bytes_to_verify,
    measure,
    questions_in,
    tokens_of,
)

from ingestkit_excel.verify.cells import Cell, Range, SheetCells, WorkbookXml, parse_range
from ingestkit_excel.verify.names import Named, named_ranges
from ingestkit_excel.verify.shown import is_moment, moment_of, serial_of, shown

__all__ = ["verify"]

_SHEETS_KEPT = 2
_HEADER_ROWS = 10
_SECONDS = 86400
_OUR_WORDS = """hidden comment on chart series picture diagram choices in pivot table page header footer
    is the name of"""
"""Words that the reader adds to what it reads."""

_SAYS_NOTHING = re.compile(
    r"[-‐-―−.…·\s]*|\s*[(\[#]?(?:n\s?/?\s?a|n\.\s?/?\s?a\.?|nil|none|null|not available|not applicable)[)\]]?\s*",
    re.IGNORECASE,
)
"""A typed column may have no value where a cell shows this."""

_BROKEN = (zipfile.BadZipFile, zlib.error, KeyError, StopIteration, ValueError, ElementTree.ParseError)


def verify(file_path: str, config: dict[str, Any], request: Request) -> Verification:
    """Re-read the citations of one workbook. Raises SourceError. Of a binary one nothing can be re-read."""
    content = bytes_to_verify(file_path, request)
    reading = _Reading(shows_text=request.shows_text)
    try:
        sheets = reading.sheets = _Sheets(WorkbookXml(content))
    except _BROKEN:
        reading.pass_over(questions_in(request.questions))
        return reading.verification()
    for question in questions_in(request.questions):
        reading.answer(question)
    return reading.verification(len(request.came_in), _disagreements(sheets, request))


class _Sheets(LastFew[str, SheetCells]):
    """Sheets by name."""

    def __init__(self, book: WorkbookXml) -> None:
        super().__init__(book.sheet, _SHEETS_KEPT)
        self.date1904 = book.date1904
        self._names = named_ranges(book.tree)

    def named(self, name: str) -> list[Named]:
        """The ranges of a sheet that have a name, Excel's own tables among them."""
        return [*self._names.get(name, ()), *self[name].tables]


class _Reading(Findings):
    sheets: _Sheets

    def answer(self, question: Passage | Rows) -> None:
        try:
            super().answer(question)
        except _BROKEN:
            # A sheet whose XML is broken: the reader may have had it from elsewhere.
            self.pass_over([question])

    def check_passage(self, passage: Passage) -> None:
        stored = tokens_of(passage.text)
        there, optional = _place(passage, Counter(stored), self.sheets)
        self.found_of_passage(passage, measure(stored, there, optional, repeats=True), " ".join(there))

    def check_rows(self, rows: Rows) -> None:
        for number, values, location in rows.rows:
            assert isinstance(location, CellRange)
            sheet, place = self.sheets[location.sheet_name], parse_range(location.cell_range)
            found = _compare_row(values, sheet, place, date1904=self.sheets.date1904)
            there = " | ".join(cell.raw for cell in sheet.within(place)) if not found.matches else ""
            self.found_of_row(f"{rows.table} row {number}", (location,), found, repr(values), there)


def _place(passage: Passage, stored: Counter[str], sheets: _Sheets) -> tuple[list[str], list[str]]:
    """The tokens that stand in the cited ranges, and those that may be stored and need not be."""
    there: list[str] = []
    optional, said = tokens_of(_OUR_WORDS), passage.text.casefold()
    for location in passage.locations:
        assert isinstance(location, CellRange)
        sheet, place = sheets[location.sheet_name], parse_range(location.cell_range)
        comments = [text for (row, column), text in sheet.comments.items() if _holds(place, row, column)]
        named = [range_name(*at, *at) for at in sheet.comments if _holds(place, *at)]
        asides = tokens_of(" ".join((*sheet.asides, location.cell_range)))
        links = [target for range_, target in sheet.links if _meets(place, range_)]
        optional += tokens_of(" ".join(links))
        cells = there
        match passage.content_type:
            case "note":
                there += tokens_of(" ".join(comments))
                optional += [*tokens_of(" ".join(named)), *asides]
                cells = optional
            case "figure":
                optional += asides
                cells = optional
            case "table":
                optional += tokens_of(" ".join(comments))
            case _:
                optional += [*tokens_of(" ".join((*comments, *named))), *asides]
        in_table = passage.content_type == "table"
        # A name cites the range it stands for, and what has no place on a sheet its first cell.
        names = [] if in_table else [one for one in sheets.named(location.sheet_name) if one[0].casefold() in said]
        optional += tokens_of(" ".join(f"{name} {range_name(*range_)}" for name, range_ in names))
        if location.cell_range == "A1" and sheet.asides:
            cells = optional
        for cell in sheet.within(place):
            told = any(_holds(range_, cell.row, cell.column) for _, range_ in names)
            told = told or _is_said_beside(cell, sheet, place[0])
            told = told or (
                _is_said_above(cell, sheet, place[0]) if in_table else (cell.row, cell.column) in sheet.comments
            )
            wanted = cells if not (told or sheet.is_hidden(cell)) else optional
            wanted += _tokens(cell, stored, date1904=sheets.date1904)
            optional += tokens_of(cell.raw) if cell.kind == "f" else []
    return there, optional


def _is_said_above(cell: Cell, sheet: SheetCells, top: int) -> bool:
    """Whether a cell of a header says what the one above it says: levels that are equal are told once."""
    if cell.kind != "s" or not top < cell.row < top + _HEADER_ROWS:
        return False
    above = (one.raw for one in sheet.rows.get(cell.row - 1, ()) if one.column == cell.column)
    return next(above, None) == cell.raw


def _is_said_beside(cell: Cell, sheet: SheetCells, top: int) -> bool:
    """Whether a cell near the top says what those before it say, but for a label: over all columns, it is told once."""
    if cell.kind != "s" or cell.row >= top + _HEADER_ROWS:
        return False
    beside = [one.raw for one in sheet.rows.get(cell.row, ()) if one.column < cell.column]
    return set(beside) == {cell.raw} or (len(beside) > 1 and set(beside[1:]) == {cell.raw})


def _tokens(cell: Cell, stored: Counter[str], *, date1904: bool) -> list[str]:
    """What a cell shows: of the forms it may have, the first that is stored."""
    forms = [tokens_of(text) for text in shown(cell, date1904=date1904)]
    return next((form for form in forms if all(token in stored for token in form)), forms[0] if forms else [])


def _compare_row(values: Sequence[Any], sheet: SheetCells, place: Range, *, date1904: bool) -> Measure:
    """Typed values against raw ones. Errors have no value, nor have formulas without a result."""
    cells = list(sheet.within(place))
    accepted = [(cell, _accepted(cell, date1904=date1904)) for cell in cells]
    merged = [text for cell in _merged_into(sheet, place) for text in _accepted(cell, date1904=date1904)]
    free = list(range(len(accepted)))
    stored = [value for value in values if value is not None]
    missing = 0
    for value in stored:
        text = _canonical(value)
        at = next((index for index in free if text in accepted[index][1]), None)
        if at is not None:
            free.remove(at)
        elif text not in merged:
            missing += 1
    wanted = [
        index
        for index, (cell, _) in enumerate(accepted)
        if cell.kind not in ("e", "f")
        and not sheet.is_hidden(cell)
        and not (cell.kind == "s" and _SAYS_NOTHING.fullmatch(cell.raw))
    ]
    lost = len([index for index in wanted if index in set(free)])
    return Measure(
        1 - missing / len(stored) if stored else 1.0,
        1 - lost / len(wanted) if wanted else 1.0,
    )


def _merged_into(sheet: SheetCells, place: Range) -> Iterator[Cell]:
    """Cells above a row that are merged into it: their value is said in every row."""
    for merge in sheet.merges:
        if merge[0] < place[0] <= merge[2] and _meets(merge, place):
            yield from sheet.within((merge[0], merge[1], merge[0], merge[1]))


def _accepted(cell: Cell, *, date1904: bool) -> set[str]:
    """The forms in which a typed column may hold a cell."""
    forms = {_squeezed(text) for text in (*shown(cell, date1904=date1904), *([cell.raw] if cell.kind == "f" else []))}
    if cell.kind == "b":
        forms |= {"1" if cell.raw in ("1", "true") else "0"}
    if cell.kind == "d":
        forms |= {_squeezed(cell.raw), _squeezed(f"{cell.raw}T00:00:00")}
    value = serial_of(cell, date1904=date1904)
    if value is None:
        return forms
    forms.add(_canonical(value))
    if is_moment(cell):
        forms.add(_canonical(round(value * _SECONDS, 3)))
        moment = moment_of(value, date1904=date1904)
        if moment is not None:
            forms |= {_squeezed(moment.isoformat(timespec=part)) for part in ("seconds", "milliseconds")}
            forms |= {_squeezed(moment.date().isoformat()), _squeezed(moment.time().isoformat())}
            forms |= {_squeezed(moment.time().isoformat(timespec="milliseconds"))}
    return forms


def _canonical(value: Any) -> str:
    if isinstance(value, int | float):
        return f"{value:.15g}"
    try:
        return f"{float(value):.15g}"
    except ValueError:
        return _squeezed(str(value))


def _squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _holds(place: Range, row: int, column: int) -> bool:
    return place[0] <= row <= place[2] and place[1] <= column <= place[3]


def _meets(place: Range, other: Range) -> bool:
    return place[0] <= other[2] and other[0] <= place[2] and place[1] <= other[3] and other[1] <= place[3]


def _disagreements(sheets: _Sheets, request: Request) -> Iterator[UnitCount]:
    """Sheets of which the raw XML has more or fewer filled cells than the ledger says."""
    for unit, came_in in request.came_in.items():
        try:
            counted = sheets[unit].count
        except _BROKEN:
            counted = 0
        if counted != came_in:
            yield UnitCount(unit, came_in, counted)
