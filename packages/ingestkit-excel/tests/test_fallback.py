"""Readers with less fidelity: what they keep, and what of theirs never gets out."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from ingestkit_excel.workbook import Sheet
from ingestkit_excel.workbook.fallback import FallbackError, contained, read_calamine, read_openpyxl


def cells(sheet: Sheet) -> dict[tuple[int, int], tuple[str, str]]:
    return {
        (row, form.column): (str(form.kind), value)
        for band in sheet.bands
        for form, values in zip(band.forms, band.columns, strict=True)
        for row, value in zip(band.rows, values, strict=True)
        if value is not None
    }


@pytest.fixture
def rich(book: Callable[..., str]) -> bytes:
    def change(workbook: openpyxl.Workbook) -> None:
        workbook["Data"]["B2"].number_format = "0.0%"
        workbook["Data"].merge_cells("A9:C9")
        workbook.create_sheet("Hidden").sheet_state = "hidden"

    rows = [
        ["text", 0.25, 7, True],
        [datetime.date(2023, 7, 4), 0.5, datetime.datetime(2023, 7, 4, 12, 30), datetime.timedelta(hours=36)],
        [datetime.time(6, 30), None, "#N/A", " "],
    ]
    return Path(book({"Data": rows}, change)).read_bytes()


KEPT = {
    (1, 1): ("text", "text"),
    (1, 2): ("number", "0.25"),
    (1, 4): ("boolean", "1"),
    (2, 1): ("moment", "2023-07-04"),
    (2, 2): ("number", "0.5"),
    (2, 3): ("moment", "2023-07-04T12:30:00"),
    (2, 4): ("number", "1.5"),
    (3, 1): ("moment", "06:30:00"),
}


@pytest.mark.unit
@pytest.mark.parametrize("reader", [read_calamine, read_openpyxl])
def test_values_keep_their_kind(reader: Callable[..., object], rich: bytes) -> None:
    workbook = reader(rich, "for a test")
    sheets = {sheet.name: sheet for sheet in workbook.sheets}  # type: ignore[attr-defined]  # both give workbooks
    found = cells(sheets["Data"])
    assert {place: found[place] for place in KEPT} == KEPT
    assert float(found[1, 3][1]) == 7
    assert (3, 4) not in found
    assert str(sheets["Hidden"].state) == "hidden"
    assert {sheet.reason for sheet in sheets.values()} == {"for a test"}


@pytest.mark.unit
def test_openpyxl_keeps_number_formats_and_calamine_merges(rich: bytes) -> None:
    by_openpyxl = read_openpyxl(rich, "x").sheets[0]
    formats = {
        form.column: by_openpyxl.styles.format_of(form.style) for band in by_openpyxl.bands for form in band.forms
    }
    assert formats[2] == "0.0%"
    assert [merge.a1 for merge in read_calamine(rich, "x").sheets[0].merges] == ["A9:C9"]


@pytest.mark.unit
@pytest.mark.parametrize("reader", [read_calamine, read_openpyxl])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)])
def test_what_they_cannot_open_is_one_error(reader: Callable[..., object], content: bytes) -> None:
    with pytest.raises(FallbackError):
        reader(content, "x")


class PanicException(BaseException):
    """As the Rust library's: no Exception, and of no module one can import."""


@pytest.mark.unit
def test_a_panic_is_contained_and_an_interrupt_is_not() -> None:
    def panic() -> None:
        raise PanicException("index out of bounds")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(FallbackError):
        contained(panic)
    with pytest.raises(KeyboardInterrupt):
        contained(interrupt)


@pytest.mark.unit
def test_the_1904_system_is_kept(book: Callable[..., str]) -> None:
    def change(workbook: openpyxl.Workbook) -> None:
        workbook.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

    content = Path(book({"S": [[datetime.date(2023, 7, 4)]]}, change)).read_bytes()
    assert cells(read_openpyxl(content, "x").sheets[0]) == {(1, 1): ("moment", "2023-07-04")}
    assert read_openpyxl(content, "x").sheets[0].styles.date1904
