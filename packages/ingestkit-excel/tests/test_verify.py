"""Citations of workbooks re-read from the raw XML: what is true holds, and what is made wrong is counted as wrong."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from ingestkit_core.elements import CellRange
from ingestkit_core.extraction import Extraction
from ingestkit_core.verification import Passage, Request, Rows, Tally, Verification, write_questions
from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.reader import read
from ingestkit_excel.verify import verify
from ingestkit_excel.verify.cells import Cell
from ingestkit_excel.verify.shown import shown
from openpyxl.comments import Comment

pytestmark = pytest.mark.unit

CONFIG: dict[str, Any] = ExcelProcessorConfig().model_dump()


def questions_of(extraction: Extraction) -> list[Passage | Rows]:
    chunks = [
        Passage(f"chunk {number}", chunk.text, chunk.locations, chunk.content_type)
        for number, chunk in enumerate(extraction.chunks)
    ]
    tables = [
        Rows(
            table.region_id,
            table.columns,
            tuple(
                (n, tuple(row), place)
                for n, (row, place) in enumerate(zip(table.rows, table.row_locations, strict=True), 1)
            ),
        )
        for table in extraction.tables
    ]
    return [*chunks, *tables]


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Verification]:
    def check(path: str, questions: Sequence[Passage | Rows], **request: Any) -> Verification:
        write_questions(tmp_path / "questions", questions)
        return verify(path, CONFIG, Request(str(tmp_path / "questions"), **{"came_in": {}, **request}))

    return check


@pytest.fixture
def workbook(tmp_path: Path) -> str:
    """A bit of everything that looks otherwise than it is stored."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Trips"
    sheet["A1"] = "Trips of the ferries"
    sheet.merge_cells("C3:D3")
    for cell, value in {
        "A3": "Boat",
        "B3": "Day",
        "C3": "Load",
        "C4": "Tons",
        "D4": "Share",
        "E3": "Code",
        "F3": "Left",
        "G3": "Paid",
    }.items():
        sheet[cell] = value
    for row in range(5, 17):
        values = [
            f"Ferry {row}",
            date(2024, 3, row),
            row * 1234.567,
            row / 37,
            f"{row:05d}",
            time(8, row),
            row % 2 == 0,
        ]
        for column, value in enumerate(values, 1):
            sheet.cell(row, column, value)
        sheet.cell(row, 2).number_format = "d-mmm-yy"
        sheet.cell(row, 3).number_format = '#,##0.00" t";[Red]-#,##0.00'
        sheet.cell(row, 4).number_format = "0.0%"
    sheet["A5"].comment = Comment("Plantedcomment about the first", "me")
    sheet["A6"].hyperlink = "https://example.org/ferry"
    sheet.row_dimensions[9].hidden = True
    sheet.column_dimensions["E"].hidden = True
    sheet["A20"], sheet["B20"] = "Captain:", "Ada Nordqvist"
    sheet["A21"], sheet["B21"] = "Harbour:", "Rimhaven"
    other = book.create_sheet("Notes")
    other["B2"] = "A remark of its own, with some words in it."
    path = tmp_path / "trips.xlsx"
    book.save(path)
    return str(path)


def test_what_was_read_stands_where_it_says(workbook: str, checked: Any) -> None:
    read_ = read(workbook, CONFIG)
    questions = questions_of(read_)
    found = checked(
        workbook, questions, came_in={unit.unit: unit.source for unit in read_.ledger.units}, shows_text=True
    )
    assert found.mismatches == ()
    assert (
        found.chunks.checked == sum(isinstance(one, Passage) and one.content_type != "schema" for one in questions) > 2
    )
    assert found.rows == Tally(11, 11)
    assert (found.described, found.units, found.counts) == (1, 2, ())


def test_wrong_citations_are_counted_as_mismatches(workbook: str, checked: Any) -> None:
    questions = questions_of(read(workbook, CONFIG))
    passages = [one for one in questions if isinstance(one, Passage)]
    remark = next(one for one in passages if "remark of its own" in one.text)
    (table,) = [one for one in questions if isinstance(one, Rows)]
    number, values, place = table.rows[0]
    assert isinstance(place, CellRange)
    wrong: list[Passage | Rows] = [
        replace(remark, locations=(CellRange("Notes", "B3"),)),
        replace(remark, locations=(CellRange("Trips", "A1"),)),
        replace(remark, text=remark.text.replace("remark", "song")),
        replace(table, rows=((number, values, CellRange("Trips", "A6:G6")),)),
        replace(table, rows=((number, (*values[:2], 99.5, *values[3:]), place),)),
        replace(table, rows=((number, (*values[:2], None, *values[3:]), place),)),
    ]
    found = checked(workbook, wrong)
    assert (found.chunks, found.rows) == (Tally(3, 0), Tally(3, 0))
    assert all(mismatch.stored is mismatch.found is None for mismatch in found.mismatches)


def test_what_stands_in_no_cell_and_what_is_told_once_is_known(tmp_path: Path, checked: Any) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [["Plan"] * 4, [], ["name", "start", "end", "who"], *([f"step {n}", n, n + 1, "Ann"] for n in range(9))]:
        sheet.append(row)
    rule = openpyxl.worksheet.datavalidation.DataValidation(type="list", formula1='"red,green"')
    rule.add("F2")
    sheet.add_data_validation(rule)
    sheet.oddFooter.center.text = "&BStrictly confidential"
    names = openpyxl.workbook.defined_name.DefinedName("steps", attr_text="Sheet!$A$1:$XFD$9")
    book.defined_names["steps"] = names
    book.save(tmp_path / "plan.xlsx")
    extraction = read(str(tmp_path / "plan.xlsx"), CONFIG)
    said = "\n".join(chunk.text for chunk in extraction.chunks)
    assert all(text in said for text in ("Choices in F2: red, green", "Page footer: Strictly", "steps is A1:XFD9"))
    result = checked(str(tmp_path / "plan.xlsx"), questions_of(extraction))
    assert (result.chunks, result.mismatches) == (Tally(2, 2), ())
    wrong = [
        replace(one, text=f"{one.text} blue herring") for one in questions_of(extraction) if isinstance(one, Passage)
    ]
    assert (
        checked(str(tmp_path / "plan.xlsx"), [one for one in wrong if one.content_type != "table"]).chunks.matching == 0
    )


def test_pieces_of_a_long_row_cite_their_own_cells(tmp_path: Path, checked: Any) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in range(1, 9):
        for column in range(1, 301):
            sheet.cell(row, column, f"name{column}" if row == 1 else row * 1000 + column)
    path = str(tmp_path / "wide.xlsx")
    book.save(path)
    read_ = read(path, CONFIG)
    questions = questions_of(read_)
    assert len(read_.chunks) > 8
    assert checked(path, questions, shows_text=True).mismatches == ()
    assert (
        sum(isinstance(one, Passage) and one.content_type == "table" and "2001 |" in one.text for one in questions) == 1
    )
    assert read_.ledger.unexplained == 0


def test_a_mark_for_a_missing_value_is_no_lost_one(tmp_path: Path, checked: Any) -> None:
    book = openpyxl.Workbook()
    for row in [["Year", "Sales"], [2019, 10], [2020, "—"], [2021, 12], [2022, "n/a"], [2023, 14], [2024, 15]]:
        book.active.append(row)
    path = str(tmp_path / "gaps.xlsx")
    book.save(path)
    questions = questions_of(read(path, CONFIG))
    (rows,) = [one for one in questions if isinstance(one, Rows)]
    assert [values[1] for _, values, _ in rows.rows] == [10, None, 12, None, 14, 15]
    assert checked(path, questions, shows_text=True).rows == Tally(6, 6)
    lost = replace(rows, rows=tuple((number, (year, None), place) for number, (year, _), place in rows.rows))
    assert checked(path, [lost], shows_text=True).rows == Tally(6, 2)


def test_a_ledger_that_forgot_cells_is_listed(workbook: str, checked: Any) -> None:
    (unit,) = checked(workbook, [], came_in={"Notes": 0}).counts
    assert (unit.unit, unit.ledger, unit.counted) == ("Notes", 0, 1)


def test_of_what_is_no_zip_file_nothing_can_be_said(tmp_path: Path, checked: Any) -> None:
    path = tmp_path / "old.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    found = checked(str(path), [Passage("chunk 0", "text", (CellRange("S", "A1"),))])
    assert (found.chunks, found.unread) == (Tally(), 1)


def test_a_sheet_that_does_not_unpack_tells_nothing(workbook: str, tmp_path: Path, checked: Any) -> None:
    packed = bytearray(Path(workbook).read_bytes())
    with zipfile.ZipFile(workbook) as archive:
        start = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 30 + len("xl/worksheets/sheet1.xml")
    packed[start : start + 40] = b"\xff" * 40
    path = tmp_path / "damaged.xlsx"
    path.write_bytes(packed)
    passages = [Passage(f"chunk {n}", "text", (CellRange(sheet, "A1"),)) for n, sheet in enumerate(("Trips", "Notes"))]
    found = checked(str(path), passages, came_in={"Trips": 1})
    assert (found.chunks, found.unread, len(found.counts)) == (Tally(1, 0), 1, 1)


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        ("0.1234", "0.0%", "12.3%"),
        ("1234.5", '"$"#,##0.00', "$1,234.50"),
        ("-1234.5", "#,##0.0;(#,##0.0)", "(1,234.5)"),
        ("45111", "d-mmm-yy", "4-Jul-23"),
        ("45111.75", "yyyy-mm-dd hh:mm", "2023-07-04 18:00"),
        ("45111.75", "h:mm AM/PM", "6:00 PM"),
        ("1.5", "[h]:mm:ss", "36:00:00"),
        ("7", "00000", "00007"),
        ("0.00123", "0.00E+00", "1.23E-03"),
        ("26.530612244897959", "General", "26.530612244898"),
        ("1234567", '0.0,," million"', "1.2 million"),
        ("5", '0" m"', "5 m"),
        ("0.375", "# ?/?", "3/8"),
        ("2.5", "# ??/??", "2 1/2"),
        ("3", "[$€-407] 0.00", "€ 3.00"),
        ("-30.27942", "0.000", "-30.279"),
    ],
)
def test_the_second_opinion_on_formats(raw: str, code: str, text: str) -> None:
    assert shown(Cell(1, 1, "n", raw, code), date1904=False)[0] == text


def test_iso_moments_and_booleans() -> None:
    moment = datetime(2023, 7, 4, 18, 0).isoformat()
    assert shown(Cell(1, 1, "d", moment, "d-mmm-yy"), date1904=False)[0] == "4-Jul-23"
    assert shown(Cell(1, 1, "b", "1", "General"), date1904=False) == ["TRUE"]
