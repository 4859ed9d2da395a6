"""Groups of rows under titles of their own, below totals: tables of their own that the header above names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ingestkit_core.elements import ElementKind
from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.reader import convert, read

N = None
FIRST: list[list[Any]] = [
    ["Measured", N, N],
    ["Unit", "NOx", "CO"],
    *[[f"U{number}", number * 1.5, number / 4] for number in range(1, 6)],
    ["Total", 22.5, 3.75],
    [],
]
GROUPS: list[list[Any]] = [
    ["Proposed", N, N],
    ["Turbine", 127.5, 77.25],
    ["Engines", 109.5, 7.75],
    [],
    ["Net change", N, N],
    ["all", -9.5, -50.25],
]


def tables_of(path: str) -> list[tuple[str, list[str]]]:
    elements = convert(path, ExcelProcessorConfig().model_dump()).elements
    return [
        (" / ".join(span.text for span in element.header), [span.text for span in element.spans])
        for element in elements
        if element.kind is ElementKind.TABLE
    ]


@pytest.mark.unit
def test_each_group_below_totals_is_a_table_under_the_same_header(book: Callable[..., str]) -> None:
    path = book({"S": [*FIRST, *GROUPS]})
    assert [(header, rows[0], len(rows)) for header, rows in tables_of(path)] == [
        ("Unit | NOx | CO", "U1 | 1.5 | 0.25", 6),
        ("Unit | NOx | CO", "Turbine | 127.5 | 77.25", 2),
        ("Unit | NOx | CO", "all | -9.5 | -50.25", 1),
    ]
    extraction = read(path, ExcelProcessorConfig().model_dump())
    assert [unit.unexplained for unit in extraction.ledger.units] == [0]
    (proposed,) = [chunk.text for chunk in extraction.chunks if "Turbine" in chunk.text]
    assert "Proposed" in proposed
    assert "Unit | NOx | CO" in proposed


@pytest.mark.unit
def test_typed_rows_of_a_group_have_the_names_of_the_header_above(book: Callable[..., str]) -> None:
    many = [[f"P{number}", number * 2.5, number / 8] for number in range(1, 13)]
    extraction = read(book({"S": [*FIRST, ["Proposed", N, N], *many]}), ExcelProcessorConfig().model_dump())
    named = [[column.name for column in table.columns] for table in extraction.tables]
    assert named[-1] == ["unit", "nox", "co"]
    assert len(list(extraction.tables[-1].rows)) == len(many)
    assert [unit.unexplained for unit in extraction.ledger.units] == [0]


@pytest.mark.unit
def test_sections_without_totals_stay_one_table(book: Callable[..., str]) -> None:
    rows = [row for row in FIRST if row[:1] != ["Total"]]
    assert len(tables_of(book({"S": [*rows, *GROUPS]}))) == 1


@pytest.mark.unit
def test_totals_that_stand_first_belong_to_the_sections_below(book: Callable[..., str]) -> None:
    header, total = FIRST[1], FIRST[-2]
    sections = [*GROUPS[:3], ["Boilers", 3.5, 1.25], [], ["By age", N, N], ["new", 4.5, 6.25], ["old", 5.5, 7.25]]
    (table,) = tables_of(book({"S": [header, [], total, [], *sections]}))
    assert table[0] == "Unit | NOx | CO"


@pytest.mark.unit
@pytest.mark.parametrize(
    "group",
    [
        [[], [], [], *GROUPS[:3]],
        [["Contacts", N, N], ["Turbine", "Ms Hall", "call first"]],
    ],
    ids=["far below", "without numbers"],
)
def test_a_group_of_another_kind_has_no_header_of_others(group: list[list[Any]], book: Callable[..., str]) -> None:
    found = tables_of(book({"S": [*FIRST, *group]}))
    assert [rows[0] for header, rows in found if "NOx" in header] == ["U1 | 1.5 | 0.25"]
