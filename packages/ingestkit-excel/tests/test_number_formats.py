"""Numbers, dates and texts as Excel shows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingestkit_excel.number_formats import BUILTIN_FORMATS, parse_format, serials_to_iso, show_general
from ingestkit_excel.workbook.book import find_workbook_part, read_package
from ingestkit_excel.workbook.content import Content
from ingestkit_excel.workbook.package import Package

SHOWN = [
    # General: eleven characters
    ("General", 0.1 + 0.2, "0.3"),
    ("General", 123456.789012, "123456.789"),
    ("General", 1e11, "1E+11"),
    ("General", 1.123459e-10, "1.12346E-10"),
    ("General", -12345.0, "-12345"),
    ('General" kg"', 5.5, "5.5 kg"),
    # digits
    ("0", -0.3, "-0"),
    ("0.00", 1.005, "1.01"),
    ("0.00", 2.675, "2.68"),
    ("#,##0", 1234567.0, "1,234,567"),
    ("#,##0.00_);[Red]\\(#,##0.00\\)", -1234.5, "(1,234.50)"),
    ("00000", 1234.0, "01234"),
    ("000-00-0000", 123456789.0, "123-45-6789"),
    ("(###) ###-####", 5551234567.0, "(555) 123-4567"),
    ("0.###", 5.0, "5."),
    (".00", 0.5, ".50"),
    ('0.0,,"M"', 12345678.0, "12.3M"),
    ("?,?????????", 1234567.0, "    1,234,567"),
    # percent, scientific, fractions
    ("0.0%", 0.1234, "12.3%"),
    ("0%", 1.005, "101%"),
    ("0.00E+00", 123456.0, "1.23E+05"),
    ("0.00E-00", 0.00123, "1.23E-03"),
    ("##0.0E+0", 123456.0, "123.5E+3"),
    ("# ?/?", 2.5, "2 1/2"),
    ("# ??/16", 2.3, "2  5/16"),
    ("?/?", 0.75, "3/4"),
    # currency and literals
    ("[$-409]#,##0.00", 12.3, "12.30"),
    ("[$€-407] #,##0.00", 12.3, "€ 12.30"),
    ('"Q"0', 3.0, "Q3"),
    ("+0;-0", 5.0, "+5"),
    ("\\$#,##0", -5.0, "-$5"),
    # sections and conditions
    ('0;-0;"zero"', 0.0, "zero"),
    (";;;", 5.0, ""),
    ("0;;", -5.0, ""),
    ('[=1]0" day";0" days"', 1.0, "1 day"),
    ('[=1]0" day";0" days"', 3.0, "3 days"),
    ("[<100]0.0;[>=100]0", 150.0, "150"),
    ("[Blue]0.0;[Red]-0.0", -2.0, "-2.0"),
    ('_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)', 0.0, " -   "),
    # dates and times
    ("m/d/yyyy", 1.0, "1/1/1900"),
    ("m/d/yyyy", 60.0, "2/29/1900"),
    ("m/d/yyyy", 61.0, "3/1/1900"),
    ("yyyy-mm-dd", 45111.0, "2023-07-04"),
    ("[$-409]d-mmm-yy;@", 45111.0, "4-Jul-23"),
    ("dddd, mmmm dd, yyyy", 45111.0, "Tuesday, July 04, 2023"),
    ("mmmmm", 45111.0, "J"),
    ('yyyy"年"m"月"d"日"', 45111.0, "2023年7月4日"),
    ("h:mm AM/PM", 0.0, "12:00 AM"),
    ("h:mm:ss", 0.999999, "24:00:00"),
    ("mm:ss.0", 0.0007, "01:00.5"),
    ("[h]:mm:ss", 1.5, "36:00:00"),
    ("[mm]:ss", 0.5, "720:00"),
    ("yyyy", -1.0, "-1"),
]


@pytest.mark.unit
@pytest.mark.parametrize(("code", "value", "shown"), [case for case in SHOWN if case[0] != "h:mm:ss"])
def test_shown_as_excel_does(code: str, value: float, shown: str) -> None:
    assert parse_format(code).show(value) == shown


@pytest.mark.unit
def test_seconds_that_round_up_carry_into_the_next_day() -> None:
    assert parse_format("yyyy-mm-dd h:mm:ss").show(45111.999999) == "2023-07-05 0:00:00"


@pytest.mark.unit
def test_the_1904_system_counts_from_another_day() -> None:
    assert parse_format("yyyy-mm-dd").show(0.0, date1904=True) == "1904-01-01"
    assert serials_to_iso([0.0], "date", date1904=True) == ["1904-01-01"]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("code", "text", "shown"),
    [
        ("General", "00123", "00123"),
        ("@", "x", "x"),
        ('0;0;0;"<"@">"', "x", "<x>"),
        ("0.00", "NA", "NA"),
        (";;;", "x", ""),
    ],
)
def test_text_goes_through_the_text_section(code: str, text: str, shown: str) -> None:
    assert parse_format(code).show_text(text) == shown


@pytest.mark.unit
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", "general"),
        ("0", "whole"),
        ("#,##0", "whole"),
        ("0.00", "decimal"),
        ("0%", "decimal"),
        ("00000", "code"),
        ("000-00-0000", "code"),
        ("@", "text"),
        ("yyyy-mm-dd", "date"),
        ("h:mm", "time"),
        ("d.m.yy h:mm", "datetime"),
        ("[h]:mm", "duration"),
        ('0" days"', "whole"),
        ("[Red]0.0", "decimal"),
        ("[$-F800]dddd", "date"),
        ("mmm", "date"),
        ("mm:ss", "time"),
    ],
)
def test_kind_says_what_a_number_is(code: str, kind: str) -> None:
    assert parse_format(code).kind == kind


@pytest.mark.unit
def test_a_part_number_never_becomes_a_date() -> None:
    assert parse_format("General").kind == parse_format(BUILTIN_FORMATS[1]).kind.replace("whole", "general")


@pytest.mark.unit
@pytest.mark.parametrize(
    ("serial", "kind", "text"),
    [
        (45111.0, "date", "2023-07-04"),
        (45111.75, "datetime", "2023-07-04T18:00:00"),
        (0.25, "time", "06:00:00"),
        (0.5000000058, "time", "12:00:00.001"),
        (60.0, "date", None),
        (0.0, "date", None),
        (-1.0, "datetime", None),
        (2958466.0, "date", None),
        (1.0, "date", "1900-01-01"),
    ],
)
def test_iso_text_of_serials(serial: float, kind: str, text: str | None) -> None:
    assert serials_to_iso([serial], kind, date1904=False) == [text]


@pytest.mark.unit
@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_general_is_close_and_short(value: float) -> None:
    shown = show_general(value)
    assert float(shown) == pytest.approx(value, rel=1e-4, abs=1e-9)
    assert len(shown.lstrip("-")) <= 12


@pytest.mark.unit
@given(st.text(max_size=30), st.floats(-1e15, 1e15))
def test_any_code_is_a_format(code: str, value: float) -> None:
    assert isinstance(parse_format(code).show(value), str)
    assert isinstance(parse_format(code).show_text("x"), str)


@pytest.mark.unit
@given(st.decimals(0, 10**9, places=3, allow_nan=False))
def test_grouped_numbers_read_back(value: object) -> None:
    number = float(str(value))
    shown = parse_format("#,##0.000").show(number)
    assert float(shown.replace(",", "")) == pytest.approx(number, abs=1e-3)
    assert re.fullmatch(r"\d{1,3}(,\d{3})*\.\d{3}", shown)


@pytest.mark.integration
def test_agrees_with_the_texts_excel_cached(corpora: Path) -> None:
    agreed = disagreed = 0
    for path in sorted((corpora / "features").glob("*FormatTests.xlsx")):
        package = Package.open(Content.of(path.read_bytes()), 100)
        workbook = read_package(package, find_workbook_part(package) or "", 100_000)
        sheet = next(sheet for sheet in workbook.sheets if sheet.name == "Tests")
        rows: dict[int, dict[int, tuple[str, str]]] = {}
        for band in sheet.bands:
            for form, values in zip(band.forms, band.columns, strict=True):
                for row, value in zip(band.rows, values, strict=True):
                    if value is not None:
                        rows.setdefault(row, {})[form.column] = (form.kind, value)
        for row, cells in rows.items():
            if row == 1 or not {1, 2, 3} <= cells.keys():
                continue
            code = f";;;{cells[2][1]}" if path.name.startswith("Text") else cells[2][1]
            kind, raw = cells[3]
            if kind == "number":
                shown = parse_format(code).show(float(raw), date1904=sheet.styles.date1904)
            else:
                shown = parse_format(code).show_text({"1": "TRUE", "0": "FALSE"}.get(raw, raw))
            expected = cells[1][1]
            agreed, disagreed = (agreed + 1, disagreed) if shown == expected else (agreed, disagreed + 1)
    assert agreed > 500
    assert agreed / (agreed + disagreed) >= 0.98
