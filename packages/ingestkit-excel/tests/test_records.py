"""Tables keep their meaning: names, types, values, places; nothing is dropped in silence."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingestkit_core.elements import CellRange
from ingestkit_core.extraction import Extraction
from ingestkit_excel.extract.names import MAX_NAME_BYTES, column_names
from ingestkit_excel.extract.records import MAX_TABLE_COLUMNS
from ingestkit_excel.reader import read
from openpyxl.worksheet.table import Table

N = None
Extract = Callable[..., Extraction]


def names(*headers: str, clean: bool = True) -> list[str]:
    return column_names(enumerate(headers, start=1), clean=clean)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Order ID", "order_id"),
        ("Net (CHF) / 2023", "net_chf_2023"),
        ("2023", "c_2023"),
        ("", "column_a"),
        ("%", "column_a"),
        ("_hidden", "hidden"),
        ("Größe", "größe"),
        ("売上高", "売上高"),
        ("ชื่อ", "ชื่อ"),
        ("Ｆｕｌｌ", "full"),
    ],
)
def test_names_are_readable_in_any_script(header: str, name: str) -> None:
    assert names(header) == [name]


@pytest.mark.unit
def test_names_are_unique_when_case_folded() -> None:
    assert names("Name", "NAME", "name", "name 2") == ["name", "name_2", "name_3", "name_2_2"]
    assert names("Straße", "STRASSE", clean=False) == ["Straße", "STRASSE_2"]


@pytest.mark.unit
@given(st.lists(st.text(max_size=90), max_size=12), st.booleans())
def test_names_are_unique_short_and_never_begin_with_an_underscore(headers: list[str], clean: bool) -> None:
    found = names(*headers, clean=clean)
    assert len({name.casefold() for name in found}) == len(headers)
    for name in found:
        assert 0 < len(name.encode("utf-8", "replace")) <= MAX_NAME_BYTES
        assert not name.startswith("_")


def one_column(extract: Extract, values: list[Any], number_format: str | None = None) -> tuple[str, list[Any]]:
    """The type and values of a column beside a column of labels."""

    def style(workbook: openpyxl.Workbook) -> None:
        for row in range(2, len(values) + 2):
            if number_format is not None:
                workbook["S"].cell(row, 2).number_format = number_format

    rows = [["label", "value"], *[[f"row {i}", value] for i, value in enumerate(values)]]
    (table,) = extract({"S": rows}, style).tables
    return table.columns[1].type, [row[1] for row in table.rows]


DAY = datetime.date(2023, 7, 4)
TYPES: list[tuple[str, list[Any], str | None, str, list[Any]]] = [
    ("integers", [1, 2, 3, -4, 5], None, "integer", [1, 2, 3, -4, 5]),
    ("integers with gaps", [1, N, 3, 4, 5, 6], None, "integer", [1, N, 3, 4, 5, 6]),
    ("numbers", [1, 2.5, 3, 4, 5], None, "number", [1.0, 2.5, 3.0, 4.0, 5.0]),
    ("money stays a number", [1, 2, 3, 4, 5], "#,##0.00", "number", [1.0, 2.0, 3.0, 4.0, 5.0]),
    ("percent stays a number", [0.1, 0.25, 1, 0, 0.5], "0%", "number", [0.1, 0.25, 1.0, 0.0, 0.5]),
    (
        "text that looks like numbers",
        ["00123", "00124", "7", "8", "9"],
        None,
        "text",
        ["00123", "00124", "7", "8", "9"],
    ),
    ("NA stays text", ["NA", "n/a", "x", "y", "z"], None, "text", ["NA", "n/a", "x", "y", "z"]),
    ("mixed is text as shown", [1.5, "low", 2.25, 3, 4], "0.00", "text", ["1.50", "low", "2.25", "3.00", "4.00"]),
    ("a dash among numbers", [1, "—", 3, " - ", 5], None, "integer", [1, N, 3, N, 5]),
    ("two kinds of marks", [2, "..", "n/a", 4, 5], "0.00", "number", [2.0, N, N, 4.0, 5.0]),
    ("marks among dates", [DAY, DAY, "N.A.", DAY, "(nil)"], None, "date", [*["2023-07-04"] * 2, N, "2023-07-04", N]),
    ("mostly marks", [4, "-", "-", "-", 5], None, "text", ["4", "-", "-", "-", "5"]),
    ("a letter is no mark", [1, "a", 3, 4, 5], None, "text", ["1", "a", "3", "4", "5"]),
    ("codes and marks", [1, "-", 3, 4, 5], "000", "text", ["001", "-", "003", "004", "005"]),
    ("booleans", [True, False, True, True, False], None, "boolean", [1, 0, 1, 1, 0]),
    (
        "codes padded by their format",
        [1234, 45, 6, 7, 8],
        "00000",
        "text",
        ["01234", "00045", "00006", "00007", "00008"],
    ),
    ("dates", [45111, 45112, 45113, 45114, 45115], "d-mmm-yy", "date", [f"2023-07-0{i}" for i in range(4, 9)]),
    (
        "numbers like dates are no dates",
        [45111, 45112, 45113, 45114, 45115],
        None,
        "integer",
        [45111, 45112, 45113, 45114, 45115],
    ),
    (
        "dates with times",
        [45111.5, 45112, 45113, 45114, 45115],
        "yyyy-mm-dd",
        "datetime",
        [
            "2023-07-04T12:00:00",
            "2023-07-05T00:00:00",
            "2023-07-06T00:00:00",
            "2023-07-07T00:00:00",
            "2023-07-08T00:00:00",
        ],
    ),
    (
        "times",
        [0.25, 0.5, 0.75, 0, 0.125],
        "h:mm",
        "time",
        ["06:00:00", "12:00:00", "18:00:00", "00:00:00", "03:00:00"],
    ),
    ("durations", [1.5, 2, 0.25, 0, 1], "[h]:mm", "duration", [129600, 172800, 21600, 0, 86400]),
]


@pytest.mark.unit
@pytest.mark.parametrize(("name", "values", "code", "kind", "typed"), TYPES, ids=[case[0] for case in TYPES])
def test_types(name: str, values: list[Any], code: str | None, kind: str, typed: list[Any], extract: Extract) -> None:
    assert one_column(extract, values, code) == (kind, typed)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("raw", "kind", "value"),
    [
        ("9223372036854775807", "integer", 9223372036854775807),
        ("9223372036854775808", "decimal", "9223372036854775808"),
        ("0.1234567890123456789", "decimal", "0.1234567890123456789"),
        ("1E3", "integer", 1000),
        ("1e400", "text", "1e400"),
    ],
)
def test_numbers_are_exact(raw: str, kind: str, value: Any, save: Callable[..., str], forge: SimpleNamespace) -> None:
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    rows += "".join(
        f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>x</t></is></c><c r="B{row}"><v>{raw}</v></c></row>'
        for row in range(2, 8)
    )
    (table,) = read(save(forge.parts_of(forge.sheet_xml(rows))), forge.settings()).tables
    assert table.columns[1].type == kind
    assert {row[1] for row in table.rows} == {value}


@pytest.mark.unit
def test_marks_for_missing_values_are_told_as_they_are(extract: Extract) -> None:
    extraction = extract({"S": [["label", "value"], *[[f"row {i}", "—" if i == 3 else i] for i in range(1, 8)]]})
    assert "row 3 | —\nrow 4 | 4" in extraction.chunks[0].text
    assert "value: integer, 1 to 7, 1 marked as missing" in extraction.chunks[1].text


@pytest.mark.unit
def test_errors_have_no_value_and_do_not_change_the_type(save: Callable[..., str], forge: SimpleNamespace) -> None:
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    for row in range(2, 8):
        cell = f'<c r="B{row}" t="e"><v>#DIV/0!</v></c>' if row == 4 else f'<c r="B{row}"><v>{row}</v></c>'
        rows += f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>x</t></is></c>{cell}</row>'
    extraction = read(save(forge.parts_of(forge.sheet_xml(rows))), forge.settings())
    (table,) = extraction.tables
    assert (table.columns[1].type, [row[1] for row in table.rows]) == ("integer", [2, 3, N, 5, 6, 7])
    assert "x | #DIV/0!" in extraction.chunks[0].text
    assert "1 errors" in extraction.chunks[1].text


@pytest.mark.unit
def test_a_table_is_told_row_by_row_and_described(extract: Extract) -> None:
    rows = [["Sales 2023"], [N], ["Region", "Units"], *[[f"R{i}", i] for i in range(1, 8)], ["Total", 28]]
    extraction = extract({"North": rows})
    lines, schema = extraction.chunks
    assert lines.text.split("\n") == [
        "Sales 2023", "", "Region | Units", *[f"R{i} | {i}" for i in range(1, 8)], "Total | 28"]  # fmt: skip
    assert lines.heading_path == ("Sales 2023",)
    assert (lines.content_type, lines.row_count, lines.table_index) == ("table", 8, 0)
    assert lines.locations == (CellRange("North", "A1"), CellRange("North", "A3:B11"))
    assert schema.content_type == "schema"
    assert schema.text.split("\n") == [
        "Table: Sales 2023",
        "Sheet North, range A3:B10, 7 rows",
        "Totals in row 11, kept apart",
        "region: text",
        "units: integer, 1 to 7",
    ]
    (table,) = extraction.tables
    assert (table.unit, table.region_id, table.title) == ("North", "r2", "Sales 2023")
    assert table.rows[0] == ("R1", 1)
    assert len(table.rows) == 7
    assert table.row_locations[0] == CellRange("North", "A4:B4")


@pytest.mark.unit
def test_the_header_stands_above_every_chunk_of_a_table(extract: Extract) -> None:
    rows = [["Code", "Value"], *[[f"name of row {i}", i] for i in range(300)]]
    chunks = [chunk for chunk in extract({"S": rows}).chunks if chunk.content_type == "table"]
    assert len(chunks) > 3
    assert all(chunk.text.startswith("Code | Value\n") for chunk in chunks)
    assert sum(chunk.row_count or 0 for chunk in chunks) == 300


@pytest.mark.unit
def test_values_stand_in_chunks_as_a_person_sees_them(extract: Extract) -> None:
    def style(workbook: openpyxl.Workbook) -> None:
        for row in range(2, 8):
            for column, code in enumerate(["0.0%", '"$"#,##0.00', "d-mmm-yy", "00000"], start=2):
                workbook["S"].cell(row, column).number_format = code

    rows = [["item", "share", "price", "day", "zip"], *[["x", 0.123, 1200.5, DAY, 123] for _ in range(6)]]
    assert "x | 12.3% | $1,200.50 | 4-Jul-23 | 00123" in extract({"S": rows}, style).chunks[0].text


@pytest.mark.unit
def test_a_long_table_is_a_description_and_sql_rows_only(extract: Extract) -> None:
    rows = [["The title"], ["Code", "Value"], *[[f"n{i}", i] for i in range(30)], ["Total", 435]]
    extraction = extract({"S": rows}, row_serialization_limit=20)
    totals, schema = extraction.chunks
    assert totals.text == "Code | Value\nTotal | 435"
    assert schema.text.startswith("The title\nTable: The title")
    assert len(extraction.tables[0].rows) == 30
    assert (extraction.ledger.source, extraction.ledger.unexplained) == (65, 0)


@pytest.mark.unit
def test_a_very_wide_table_is_split_into_parts_that_share_their_rows(extract: Extract) -> None:
    width = MAX_TABLE_COLUMNS + 10
    rows = [[f"h{i}" for i in range(width)], *[[i * 10 + row for i in range(width)] for row in range(6)]]
    first, second = extract({"S": rows}).tables
    assert (first.region_id, second.region_id) == ("r1", "r1_part2")
    assert (len(first.columns), len(second.columns)) == (MAX_TABLE_COLUMNS, 10)
    assert second.rows[0] == tuple((MAX_TABLE_COLUMNS + i) * 10 for i in range(10))
    assert second.row_locations[0] == first.row_locations[0]


@pytest.mark.unit
def test_a_value_merged_over_rows_stands_in_each_of_them(extract: Extract) -> None:
    def merge(workbook: openpyxl.Workbook) -> None:
        workbook["S"].merge_cells("A2:A4")

    rows = [["group", "n"], ["g", 1], [N, 2], [N, 3], ["h", 4], ["h", 5], ["h", 6]]
    (table,) = extract({"S": rows}, merge, merged_cell_ratio_threshold=1).tables
    assert [row[0] for row in table.rows] == ["g", "g", "g", "h", "h", "h"]


@pytest.mark.unit
def test_tables_side_by_side_are_two_tables(extract: Extract) -> None:
    rows = [["a", "b", N, "c", "d"], *[[f"x{i}", i, N, f"y{i}", i * 2] for i in range(6)]]
    left, right = extract({"S": rows}).tables
    assert [table.location for table in (left, right)] == [CellRange("S", "A1:B7"), CellRange("S", "D1:E7")]
    assert left.region_id != right.region_id


@pytest.mark.unit
def test_column_names_can_be_left_as_the_header_shows_them(extract: Extract) -> None:
    rows = [["Order ID", "Net CHF"], *[[f"x{i}", i] for i in range(6)]]
    (table,) = extract({"S": rows}, clean_column_names=False).tables
    assert [column.name for column in table.columns] == ["Order ID", "Net CHF"]
    assert [column.header for column in table.columns] == ["Order ID", "Net CHF"]


@pytest.mark.unit
def test_sample_values_are_told_only_on_request(extract: Extract) -> None:
    rows = [["who", "n"], *[[f"secret{i}", i] for i in range(6)]]
    assert "secret" not in extract({"S": rows}).chunks[-1].text
    told = extract({"S": rows}, log_sample_data=True, max_sample_rows=2).chunks[-1].text
    assert "for example secret0, secret1" in told


@pytest.mark.unit
def test_names_the_workbook_gives_a_table_are_told(extract: Extract) -> None:
    def define(workbook: openpyxl.Workbook) -> None:
        workbook["S"].add_table(openpyxl.worksheet.table.Table(displayName="Orders", ref="A1:B7"))
        workbook.defined_names["AllOrders"] = openpyxl.workbook.defined_name.DefinedName(
            "AllOrders", attr_text="S!$A$1:$B$7"
        )

    rows = [["who", "n"], *[[f"x{i}", i] for i in range(6)]]
    assert extract({"S": rows}, define).chunks[-1].text.startswith("Table: Orders, AllOrders\n")


@pytest.mark.unit
@pytest.mark.parametrize(
    ("values", "style", "kind", "typed", "told"),
    [
        (["2023-07-04", "2023-07-05"], 1, "date", ["2023-07-04", "2023-07-05"], "7/4/2023"),
        (
            ["2023-07-04", "2023-07-05T06:00:00"],
            0,
            "datetime",
            ["2023-07-04T00:00:00", "2023-07-05T06:00:00"],
            "2023-07-04",
        ),
        (["06:00:00", "07:30:00"], 0, "time", ["06:00:00", "07:30:00"], "06:00:00"),
        (["soon", "later"], 0, "text", ["soon", "later"], "soon"),
        (["PT24H30M1.500S", "P2DT1H"], 0, "duration", [88201.5, 176400], "PT24H30M1.500S"),
        (["PT24H30M", "2023-07-04"], 0, "text", ["PT24H30M", "2023-07-04"], "PT24H30M"),
        (["P1W", "PT1H"], 0, "text", ["P1W", "PT1H"], "P1W"),
    ],
)
def test_iso_dates_of_strict_files(
    values: list[str],
    style: int,
    kind: str,
    typed: list[str],
    told: str,
    save: Callable[..., str],
    forge: SimpleNamespace,
) -> None:
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    for row in range(2, 8):
        value = values[row % 2]
        rows += f'<row r="{row}"><c r="A{row}"><v>{row}</v></c><c r="B{row}" s="{style}" t="d"><v>{value}</v></c></row>'
    extraction = read(save(forge.parts_of(forge.sheet_xml(rows))), forge.settings())
    (table,) = extraction.tables
    assert (table.columns[1].type, [row[1] for row in table.rows][:2]) == (kind, typed)
    assert f"2 | {told}\n" in extraction.chunks[0].text


@pytest.mark.unit
@pytest.mark.parametrize(
    ("cells", "kind", "typed"),
    [
        (
            [(45111, "yyyy-mm-dd"), (45112.5, "yyyy-mm-dd hh:mm")],
            "datetime",
            ["2023-07-04T00:00:00", "2023-07-05T12:00:00"],
        ),
        ([(0.25, "h:mm"), (1.5, "[h]:mm")], "duration", [21600, 129600]),
        ([(45111, "yyyy-mm-dd"), (12, "0")], "text", ["2023-07-04", "12"]),
        ([(True, "General"), (12, "General")], "text", ["TRUE", "12"]),
    ],
)
def test_types_that_differ_widen_or_become_text(
    cells: list[tuple[Any, str]], kind: str, typed: list[Any], extract: Extract
) -> None:
    def style(workbook: openpyxl.Workbook) -> None:
        for row in range(2, 10):
            workbook["S"].cell(row, 2).number_format = cells[row % 2][1]

    rows = [["label", "value"], *[[f"x{row}", cells[row % 2][0]] for row in range(2, 10)]]
    (table,) = extract({"S": rows}, style).tables
    assert (table.columns[1].type, [row[1] for row in table.rows][:2]) == (kind, typed)


@pytest.mark.unit
def test_cells_of_another_region_are_no_cells_of_the_rows_around_them(extract: Extract) -> None:
    rows = [[f"{letter}{number}" for letter in "abc"] for number in range(10, 22)]
    rows[8][2] = "inner"

    def add_table(workbook: openpyxl.Workbook) -> None:
        workbook["S"].add_table(Table(displayName="inside", ref="C10:C13"))
        workbook["S"]["C12"].hyperlink = "https://example.org/inside"

    extraction = extract({"S": [["one", "two", "three"], *rows]}, add_table)
    told = "\n".join(chunk.text for chunk in extraction.chunks if chunk.content_type != "schema")
    assert [told.count(text) for text in ("c17", "inner", "c19", "example.org/inside", "c21")] == [1] * 5
    table = max(extraction.tables, key=lambda one: len(one.columns))
    assert [(row, place.cell_range) for row, place in zip(table.rows, table.row_locations, strict=True)][6:10] == [
        (("a16", "b16", "c16"), "A8:C8"),
        (("a17", "b17", "c17"), "A9:C9"),
        (("a18", "b18", None), "A10:B10"),
        (("a19", "b19", None), "A11:B11"),
    ]


@pytest.mark.unit
def test_no_cell_is_told_in_two_chunks(extract: Extract) -> None:
    """Blank rows and a flag of its own in the last columns make a region within the rectangle of another."""
    rows = [
        [N, "Site:", "A", N, "B", N, "C", N, "D", N],
        ["Parameter", "Units"],
        ["Nitrogen", "mn/L", 3.2, N, 1.2, N, 0.5, N, 0.4],
        [],
        ["Nitrate", "mg/L", 0.025, "U", 0.025, "U", 0.025, "U", 0.025, "U"],
        [],
        ["Phosphorus", "mg/L", 0.04, N, 0.17, N, 0.062, N, 0.09, "J3"],
    ]
    extraction = extract({"S": rows})
    assert "\n".join(chunk.text for chunk in extraction.chunks).count("J3") == 1
    assert sorted(place.cell_range for chunk in extraction.chunks for place in chunk.locations)[-2:] == [
        "A7:G7",
        "I7:J7",
    ]
