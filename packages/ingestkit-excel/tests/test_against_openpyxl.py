"""What our own scan says about a workbook is what openpyxl says, cell by cell; where not, the reason is written here."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from ingestkit_excel.workbook import CellKind, Rectangle, Sheet, SheetKind, open_workbook
from ingestkit_excel.workbook.book import find_workbook_part
from ingestkit_excel.workbook.content import Content
from ingestkit_excel.workbook.package import Package
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.worksheet.cell_range import CellRange
from openpyxl.worksheet.worksheet import Worksheet

Facts = dict[str, Any]


def our_facts(sheet: Sheet) -> Facts:
    cells = dict(_our_cells(sheet))
    return {
        "merges": set(sheet.merges),
        "hidden rows": set(sheet.hidden_rows),
        "hidden columns": {n for first, last in sheet.hidden_columns for n in range(first, min(last, 1000) + 1)},
        "tables": {(table.name, table.place) for table in sheet.tables},
        "formulas": {place for place, (_, _, formula) in cells.items() if formula},
        "formats": {place: _spelled(form) for place, (_, form, _) in cells.items()},
        "kinds": {place: kind for place, (kind, _, formula) in cells.items() if not formula},
        "comments": {(comment.row, comment.column) for comment in sheet.comments},
    }


def _our_cells(sheet: Sheet) -> Iterator[tuple[tuple[int, int], tuple[str, str, bool]]]:
    for band in sheet.bands:
        for form, column in zip(band.forms, band.columns, strict=True):
            kind = {CellKind.MOMENT: "number"}.get(form.kind, str(form.kind))
            for row, value in zip(band.rows, column, strict=True):
                if value is not None:
                    yield (row, form.column), (kind, sheet.styles.format_of(form.style), form.formula)


def their_facts(sheet: Worksheet) -> Facts:
    cells = {(cell.row, cell.column): cell for row in sheet.iter_rows() for cell in row if _is_filled(cell)}
    hidden = [one for one in sheet.column_dimensions.values() if one.hidden or (one.customWidth and one.width == 0)]
    return {
        "merges": {Rectangle(r.min_row, r.min_col, r.max_row, r.max_col) for r in sheet.merged_cells.ranges},
        "hidden rows": {row for row, one in sheet.row_dimensions.items() if one.hidden or one.ht == 0},
        "hidden columns": {
            n
            for one in hidden
            for n in range(one.min or column_index_from_string(one.index), min(one.max or 1, 1000) + 1)
        },
        "tables": {(table.displayName, _rectangle(table.ref)) for table in sheet.tables.values()},
        "formulas": {place for place, cell in cells.items() if cell.data_type == "f"},
        "formats": {place: _spelled(cell.number_format) for place, cell in cells.items()},
        "kinds": {place: _KINDS.get(cell.data_type) for place, cell in cells.items() if cell.data_type != "f"},
        "comments": {place for place, cell in cells.items() if cell.comment is not None},
    }


def _spelled(number_format: str) -> str:
    """A format code as one of both spells it: openpyxl has the standard's text for 14, we have what Excel shows."""
    return {"mm-dd-yy": "m/d/yyyy"}.get(number_format, number_format).replace("\\(", "(").replace("\\)", ")")


_KINDS = {"n": "number", "d": "number", "s": "text", "inlineStr": "text", "b": "boolean", "e": "error"}


def _is_filled(cell: Cell | MergedCell) -> bool:
    # A text of blanks is no content for us.
    return isinstance(cell, Cell) and str("" if cell.value is None else cell.value).strip() != ""


def _rectangle(reference: str) -> Rectangle:
    left, top, right, bottom = openpyxl.utils.range_boundaries(reference)
    return Rectangle(top, left, bottom, right)


def our_sheets(content: bytes) -> dict[str, Sheet]:
    package = Package.open(Content.of(content), 100)
    book = open_workbook(package.content, package, find_workbook_part(package))
    return {sheet.name: sheet for sheet in book.sheets if sheet.kind is SheetKind.WORKSHEET and not sheet.failed}


def differences(ours: Facts, theirs: Facts) -> dict[str, Any]:
    """What one says and the other does not, by fact."""
    found: dict[str, Any] = {}
    for name, mine in ours.items():
        other = theirs[name]
        if isinstance(mine, dict):
            unlike = {place: (mine.get(place), other.get(place)) for place in mine.keys() | other.keys()}
            unlike = {place: pair for place, pair in unlike.items() if pair[0] != pair[1]}
        else:
            unlike = mine ^ other
        if unlike:
            found[name] = unlike
    return found


@pytest.mark.integration
def test_real_workbooks_have_the_structure_openpyxl_sees(corpora: Path) -> None:
    found: dict[str, Any] = {}
    sheets = 0
    for path in sorted((corpora / "real").iterdir()):
        ours = our_sheets(path.read_bytes())
        for sheet in _loaded(path):
            sheets += 1
            unlike = differences(our_facts(ours[sheet.title]), their_facts(sheet))
            if unlike:
                found[f"{path.name} {sheet.title}"] = unlike
    assert sheets > 200
    assert found == {}


def _loaded(path: Path) -> list[Worksheet]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return list(openpyxl.load_workbook(path).worksheets)
        except (ValueError, KeyError, TypeError):  # openpyxl cannot read it
            return []


TEXTS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cn", "Cc")), min_size=1
)
# Numbers that are no day of Excel's calendar are errors to openpyxl where their format is a date's.
VALUES = st.one_of(
    st.integers(1, 2_000_000),
    st.floats(1, 2_000_000),
    st.booleans(),
    st.dates(date(1950, 1, 1), date(2100, 1, 1)).map(lambda day: datetime(day.year, day.month, day.day, 6, 30)),
    TEXTS.filter(lambda text: not text.startswith("=")),
    st.sampled_from(["00123", "NA", "=SUM(A1:A2)", '=IF(A1>1,"a","b")']),
)
FORMATS = st.sampled_from([None, "0.00%", "#,##0.00", "yyyy-mm-dd", "[h]:mm:ss", "00000", '0.0 "kg"', "@"])
PLACES = st.tuples(st.integers(1, 30), st.integers(1, 12))
CELLS = st.dictionaries(PLACES, st.tuples(VALUES, FORMATS), min_size=1, max_size=40)


@pytest.mark.unit
@given(
    cells=CELLS,
    merges=st.lists(st.tuples(PLACES, st.integers(0, 3), st.integers(0, 3)), max_size=3),
    hidden_rows=st.sets(st.integers(1, 30), max_size=4),
    hidden_columns=st.sets(st.integers(1, 12), max_size=3),
)
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_workbook_has_the_structure_openpyxl_sees(
    cells: dict[tuple[int, int], tuple[Any, str | None]],
    merges: list[tuple[tuple[int, int], int, int]],
    hidden_rows: set[int],
    hidden_columns: set[int],
) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for (row, column), (value, number_format) in cells.items():
        cell = sheet.cell(row, column, value)
        if number_format is not None:
            cell.number_format = number_format
    for (top, left), down, right in merges:
        if (down or right) and all(one.isdisjoint(_range(top, left, down, right)) for one in sheet.merged_cells.ranges):
            sheet.merge_cells(start_row=top, start_column=left, end_row=top + down, end_column=left + right)
    for row in hidden_rows:
        sheet.row_dimensions[row].hidden = True
    for column in hidden_columns:
        sheet.column_dimensions[get_column_letter(column)].hidden = True
    buffer = io.BytesIO()
    workbook.save(buffer)
    (ours,) = our_sheets(buffer.getvalue()).values()
    theirs = openpyxl.load_workbook(io.BytesIO(buffer.getvalue())).active
    assert differences(our_facts(ours), their_facts(theirs)) == {}


def _range(top: int, left: int, down: int, right: int) -> CellRange:
    return CellRange(min_row=top, min_col=left, max_row=top + down, max_col=left + right)
