"""A header that a body says again is no row of the table, and what only resembles one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.reader import read

N = None
NAMES = ["Region", "Units", "Price"]
BODY = [[f"place {number}", number, number / 4] for number in range(1, 9)]

CASES: dict[str, tuple[list[list[Any]], int]] = {
    "on every page": ([NAMES, *BODY[:4], NAMES, *BODY[4:]], 8),
    "in other letters": ([NAMES, *BODY[:4], ["REGION", "UNITS", "PRICE"], *BODY[4:]], 9),
    "with the row above it": ([[N, "2023", "2023"], NAMES, *BODY[:4], [N, "2023", "2023"], NAMES, *BODY[4:]], 8),
    "below a label": ([NAMES, *BODY[:4], ["South", N, N], NAMES, *BODY[4:]], 9),
    "a part of it": ([NAMES, *BODY[:4], ["Region", "Units", 3], *BODY[4:]], 9),
    "text only": ([["Name", "Town", "State"], *[[f"n{n}", f"t{n}", "s"] for n in range(6)], ["Name", "x", "State"]], 7),
}


@pytest.mark.unit
@pytest.mark.parametrize("case", CASES)
def test_a_header_said_again_is_no_row(case: str, book: Callable[..., str]) -> None:
    rows, expected = CASES[case]
    extraction = read(book({"S": rows}), ExcelProcessorConfig(min_row_count_for_tabular=3).model_dump())
    (table,) = extraction.tables
    assert len(list(table.rows)) == expected
    assert [unit.unexplained for unit in extraction.ledger.units] == [0]


@pytest.mark.unit
def test_columns_keep_their_type_and_rows_their_place(book: Callable[..., str]) -> None:
    settings = ExcelProcessorConfig(row_serialization_limit=2).model_dump()
    extraction = read(book({"S": CASES["on every page"][0]}), settings)
    (table,) = extraction.tables
    assert [column.type for column in table.columns] == ["text", "integer", "number"]
    assert [place.cell_range for place in table.row_locations][3:5] == ["A5:C5", "A7:C7"]
    assert [unit.unexplained for unit in extraction.ledger.units] == [0]
