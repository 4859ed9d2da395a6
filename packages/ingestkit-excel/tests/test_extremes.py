"""Sheets at the edge of what Excel allows, and numbers beyond it: nothing is lost, nothing breaks."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ingestkit_core.elements import column_letters
from ingestkit_core.extraction import Extraction
from ingestkit_excel import ExcelProcessorConfig
from ingestkit_excel.extract import regions
from ingestkit_excel.reader import read

pytestmark = pytest.mark.unit


def extraction(path: str, **overrides: Any) -> Extraction:
    return read(path, ExcelProcessorConfig(**overrides).model_dump())


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def table(header: list[str], rows: list[list[str]], style: str = "") -> str:
    """Rows of raw numbers under a header."""
    cells = [text_cell(f"{column_letters(index)}1", name) for index, name in enumerate(header, 1)]
    xml = [f'<row r="1">{"".join(cells)}</row>']
    for number, row in enumerate(rows, 2):
        filled = (
            f'<c r="{column_letters(index)}{number}"{style}><v>{raw}</v></c>' for index, raw in enumerate(row, 1) if raw
        )
        xml.append(f'<row r="{number}">{"".join(filled)}</row>')
    return "".join(xml)


def test_cells_in_the_corners_of_a_sheet_are_found_at_once(save: Callable[..., str], forge: SimpleNamespace) -> None:
    rows = (
        f'<row r="1">{text_cell("A1", "upper left")}{text_cell("XFD1", "upper right")}</row>'
        f'<row r="1048576">{text_cell("A1048576", "lower left")}</row>'
    )
    path = save(forge.parts_of(forge.sheet_xml(rows)))
    started = time.process_time()
    found = extraction(path)
    assert time.process_time() - started < 1
    text = "\n".join(chunk.text for chunk in found.chunks)
    assert all(corner in text for corner in ("upper left", "upper right", "lower left"))
    assert (found.ledger.source, found.ledger.emitted) == (3, 3)


@pytest.mark.parametrize("rows_in_memory", [1, 100_000])
def test_a_table_of_all_columns_comes_in_parts(
    rows_in_memory: int, save: Callable[..., str], forge: SimpleNamespace
) -> None:
    width = 16_384
    header = [f"col {number}" for number in range(1, width + 1)]
    rows = [[str(number * row) for number in range(1, width + 1)] for row in (1, 2)]
    path = save(forge.parts_of(forge.sheet_xml(table(header, rows))))
    found = extraction(path, min_row_count_for_tabular=1, row_serialization_limit=0, max_rows_in_memory=rows_in_memory)
    assert [len(part.columns) for part in found.tables] == [*[1500] * 10, 1384]
    assert [part.region_id for part in found.tables[:2]] == ["r1", "r1_part2"]
    assert list(found.tables[-1].rows)[1][-1] == 2 * width
    assert [place.cell_range for place in found.tables[3].row_locations] == ["A2:XFD2", "A3:XFD3"]
    assert found.ledger.unexplained == 0


def test_headers_that_differ_in_case_and_integers_beyond_64_bits(
    save: Callable[..., str], forge: SimpleNamespace
) -> None:
    rows = [[str(row), str(10**24 + row), str(row * 2)] for row in range(10)]
    found = extraction(save(forge.parts_of(forge.sheet_xml(table(["Name", "NAME", "name"], rows)))))
    (one,) = found.tables
    assert [(column.name, column.header, column.type) for column in one.columns] == [
        ("name", "Name", "integer"),
        ("name_2", "NAME", "decimal"),
        ("name_3", "name", "integer"),
    ]
    assert list(one.rows)[3] == (3, str(10**24 + 3), 6)


@pytest.mark.parametrize(
    ("code", "raw", "shown"),
    [
        ("yyyy-mm-dd", "1E+305", "text"),
        ("yyyy-mm-dd", "-1E+305", "text"),
        ("[h]:mm:ss", "1E+300", "text"),
        ("[h]:mm:ss", "1.5", "duration"),
        ("General", "1" * 5000, "text"),
        ("General", "²", "text"),
        ("h:mm", "1E+20", "text"),
    ],
)
def test_numbers_that_are_none_of_what_their_format_says(
    code: str, raw: str, shown: str, save: Callable[..., str], forge: SimpleNamespace
) -> None:
    styles = (
        f'{forge.head}<styleSheet xmlns="{forge.main}"><numFmts><numFmt numFmtId="170" formatCode="{code}"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs></styleSheet>'
    )
    rows = table(["a", "b"], [["1", raw] for _ in range(8)], ' s="1"')
    found = extraction(save({**forge.parts_of(forge.sheet_xml(rows)), "xl/styles.xml": styles}))
    assert [column.type for column in found.tables[0].columns][1] == shown
    assert found.ledger.unexplained == 0


def test_numbers_too_long_to_be_any_are_read_over(save: Callable[..., str], forge: SimpleNamespace) -> None:
    long = "1" * 5000
    xml = forge.sheet_xml(
        f'<row r="{long}"><c r="A1" s="{long}"><v>7</v></c></row>',
        before=f'<cols><col min="{long}" max="{long}" hidden="1"/></cols>',
    )
    assert extraction(save(forge.parts_of(xml))).ledger.emitted == 1


def test_a_sheet_of_too_many_regions_is_read_as_one(
    save: Callable[..., str], forge: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    scattered = "".join(
        f'<row r="{3 * row + 1}">'
        + "".join(f'<c r="{column_letters(3 * column + 1)}{3 * row + 1}"><v>{row}</v></c>' for column in range(20))
        + "</row>"
        for row in range(20)
    )
    monkeypatch.setattr(regions, "MAX_REGIONS", 300)
    found = extraction(save(forge.parts_of(forge.sheet_xml(scattered))))
    (issue,) = found.issues
    assert (issue.code, issue.sheet_name, issue.cell_range) == ("E_PROCESS_REGION_DETECT", "Sheet1", "A1:BF58")
    assert (found.ledger.emitted, found.ledger.unexplained) == (400, 0)
