"""A heading that is not merged stands over the columns a person takes it to stand over, and on no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from ingestkit_core.elements import ElementKind, Span
from ingestkit_core.extraction import Extraction
from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.reader import convert
from openpyxl.styles import Alignment

N = None
Rows = list[list[Any]]


@pytest.fixture
def header_of(book: Callable[..., str]) -> Callable[..., tuple[Span, ...]]:
    """The header of the only table of a sheet whose headings are set as told."""

    def read(rows: Rows, setting: str | None = None, merges: tuple[str, ...] = ()) -> tuple[Span, ...]:
        def change(workbook: openpyxl.Workbook) -> None:
            for cell in workbook["S"][1]:
                if setting is not None and cell.column > 1:
                    cell.alignment = Alignment(horizontal=setting)
            for place in merges:
                workbook["S"].merge_cells(place)

        body = [[f"name {row}", *[row + column / 4 for column in range(1, len(rows[-1]))]] for row in range(4)]
        body = [[value if rows[-1][at] or not at else N for at, value in enumerate(row)] for row in body]
        settings = ExcelProcessorConfig().model_dump()
        elements = convert(book({"S": [*rows, *body]}, change), settings).elements
        (table,) = [element for element in elements if element.kind is ElementKind.TABLE]
        return table.header

    return read


HEADINGS: dict[str, tuple[str | None, Rows, list[str]]] = {
    "to the next one": (
        N,
        [[N, "2010", N, "2011", N], ["name", "a", "b", "c", "d"]],
        ["name", "2010 / a", "2010 / b", "2011 / c", "2011 / d"],
    ),
    "set right, over what is left of them": (
        "right",
        [["in CHF", N, "2023", N, "2022"], [N, "a", "b", "c", "d"]],
        ["in CHF", "2023 / a", "2023 / b", "2022 / c", "2022 / d"],
    ),
    "set right, with a blank column between groups": (
        "right",
        [["in CHF", N, "2023", N, N, N, "2022"], [N, "a", "b", N, "c", "d", "e"]],
        ["in CHF", "2023 / a", "2023 / b", "2022 / c", "2022 / d", "2022 / e"],
    ),
    "set right, over groups nobody can tell": (
        "right",
        [[N, N, "x", N, N, N, "y"], ["name", "a", "b", "c", "d", "e", "f"]],
        ["name", "a", "x / b", "c", "d", "e", "y / f"],
    ),
    "one set right: over all or over one": (
        "right",
        [["in CHF", N, N, N, "2023"], [N, "a", "b", "c", "d"]],
        ["2023", "in CHF", "a", "b", "c", "d"],
    ),
    "centred over the middle": (
        "center",
        [[N, N, "x", N, N, "y", N], ["name", "a", "b", "c", "d", "e", "f"]],
        ["name", "x / a", "x / b", "x / c", "y / d", "y / e", "y / f"],
    ),
    "centred in the first column of groups": (
        "center",
        [[N, "x", N, "y", N], ["name", "a", "b", "c", "d"]],
        ["name", "x / a", "x / b", "y / c", "y / d"],
    ),
    "centred over groups whose names come again": (
        "center",
        [[N, N, "x", N, "y"], ["name", "a", "b", "a", "b"]],
        ["name", "x / a", "x / b", "y / a", "y / b"],
    ),
    "no further than the names of the group before": (
        N,
        [[N, "x", N, "y", N, N], ["name", "a", "b", "a", "b", "remark"]],
        ["name", "x / a", "x / b", "y / a", "y / b", "remark"],
    ),
    "words of one column each": (
        N,
        [[N, "Call", "Opt", N, "Option"], ["name", "Put", "Type", "Period", "Expiry"]],
        ["name", "Call / Put", "Opt / Type", "Period", "Option / Expiry"],
    ),
    "a name beside those of the columns that follow": (
        N,
        [["item", "unit", N, N, N], [N, N, "2001", "2002", "2003"]],
        ["item", "unit", "2001", "2002", "2003"],
    ),
    "over all that headings below stand over": (
        N,
        [[N, "people", N, N, "x"], [N, "men", N, "women", N], ["name", "n", "%", "n", "%"]],
        ["name", "people / men / n", "people / men / %", "people / women / n", "x / women / %"],
    ),
    "a title that is told on every page": (
        N,
        [["Plan", N, N, "Plan", N], [N, "2001", N, "2002", N], ["name", "a", "b", "c", "d"]],
        ["Plan", "name", "2001 / a", "2001 / b", "2002 / c", "2002 / d"],
    ),
}


@pytest.mark.unit
@pytest.mark.parametrize("name", HEADINGS)
def test_headings_reach(name: str, header_of: Callable[..., tuple[Span, ...]]) -> None:
    setting, rows, expected = HEADINGS[name]
    *lines, names = [span.text for span in header_of(rows, setting)]
    assert [*lines, *names.split(" | ")] == expected


@pytest.mark.unit
def test_beside_merged_headings_one_that_is_not_names_one_column(
    header_of: Callable[..., tuple[Span, ...]],
) -> None:
    rows = [[N, "2004", N, "all", "rate"], ["name", "a", "b", "c", "d"]]
    assert header_of(rows, merges=("B1:C1",))[-1].text == "name | 2004 / a | 2004 / b | all / c | rate / d"


@pytest.mark.unit
def test_a_long_heading_of_a_group_is_told_once_in_the_line_of_every_chunk(extract: Callable[..., Extraction]) -> None:
    group = "Share of those who live in households with two or more members who work"
    years = [f"year {year}" for year in range(2001, 2013)]
    rows = [[N, group, *[N] * 11, "all"], ["name", *years, "n"], *([f"name {row}", *[0.5] * 13] for row in range(40))]
    found = extract({"S": rows})
    chunks = [chunk.text for chunk in found.chunks if "name 3" in chunk.text]
    assert len(chunks) > 1
    assert all(text.count(group) == 1 for text in chunks)
    assert all(column.header.startswith(group) for column in found.tables[0].columns[1:13])


@pytest.mark.unit
def test_what_stands_over_all_columns_is_part_of_the_tables_title(extract: Callable[..., Extraction]) -> None:
    def set_right(workbook: openpyxl.Workbook) -> None:
        workbook["S"]["D3"].alignment = Alignment(horizontal="right")

    rows = [
        ["Revenue"],
        [N],
        ["in CHF", N, N, "June 2023"],
        [N, "a", "b", "c"],
        *([f"x{n}", 1, 2, 3] for n in range(4)),
    ]
    found = extract({"S": rows}, set_right)
    assert found.tables[0].title == "Revenue / June 2023"
    assert any(chunk.text.startswith("Table: Revenue / June 2023") for chunk in found.chunks)


@pytest.mark.unit
def test_a_text_too_long_for_a_heading_gives_its_first_sentence_to_the_table(
    extract: Callable[..., Extraction],
) -> None:
    long = "Rates of the second quarter by state. " + "They were taken from the books of all offices. " * 5
    rows = [[long], [N], ["state", "rate"], *([f"x{n}", n + 0.5] for n in range(4))]
    assert extract({"S": rows}).tables[0].title == "Rates of the second quarter by state."
