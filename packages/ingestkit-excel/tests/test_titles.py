"""Titles stand with the tables that they are about: with one, or with several side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from ingestkit_core.extraction import Extraction
from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.reader import read

pytestmark = pytest.mark.unit

SALES = "Sales of the year"


def table(sheet: Any, row: int, column: int) -> None:
    for down in range(6):
        for right, name in enumerate(("Item", "Sold", "Price")):
            value = name if not down else f"{name} {down}" if not right else down * 10 + column + right
            sheet.cell(row + down, column + right, value)


@pytest.fixture
def titled(tmp_path: Path) -> Callable[..., Extraction]:
    def make(texts: dict[str, str], *tables: tuple[int, int], merged: str = "") -> Extraction:
        book = openpyxl.Workbook()
        for cell, text in texts.items():
            book.active[cell] = text
        for row, column in tables:
            table(book.active, row, column)
        if merged:
            book.active.merge_cells(merged)
        book.save(tmp_path / "book.xlsx")
        return read(str(tmp_path / "book.xlsx"), ExcelProcessorConfig().model_dump())

    return make


@pytest.mark.parametrize(
    ("texts", "tables", "merged", "titles"),
    [
        ({"A1": SALES}, [(3, 1), (3, 5)], "A1:G1", [SALES, SALES]),
        ({"A1": SALES}, [(2, 1), (2, 5)], "A1:G1", [SALES, SALES]),
        ({"A1": SALES}, [(3, 1), (3, 5)], "", [SALES, SALES]),
        ({"A1": SALES, "A4": "North", "E4": "South"}, [(5, 1), (5, 5)], "", [f"{SALES} / North", f"{SALES} / South"]),
        ({"A1": SALES, "E1": "Costs"}, [(3, 1), (3, 5)], "", [SALES, "Costs"]),
        ({"E1": "Costs"}, [(3, 1), (3, 5)], "", ["", "Costs"]),
        ({"A1": SALES}, [(3, 1), (20, 5)], "", [SALES, ""]),
        ({"A1": SALES, "A12": "Costs"}, [(3, 1), (13, 1)], "A1:G1", [SALES, "Costs"]),
    ],
)
def test_a_table_has_the_titles_above_it(
    texts: dict[str, str], tables: list[tuple[int, int]], merged: str, titles: list[str], titled: Any
) -> None:
    extraction = titled(texts, *tables, merged=merged)
    found = {draft.location.cell_range.split(":")[0]: draft.title for draft in extraction.tables}
    assert [found[f"{' ABCDE'[column]}{row}"] for row, column in tables] == titles
    assert extraction.ledger.unexplained == 0


def test_what_is_said_again_above_a_second_table_is_counted_once(titled: Any) -> None:
    extraction = titled({"A1": SALES}, (3, 1), (3, 5), merged="A1:G1")
    told = [chunk for chunk in extraction.chunks if chunk.content_type == "table"]
    assert [chunk.heading_path[-1] for chunk in told] == [SALES, SALES]
    assert all(chunk.text.startswith(SALES) and chunk.locations[0].cell_range == "A1" for chunk in told)
    assert (extraction.ledger.source, extraction.ledger.emitted) == (37, 37)


def test_a_long_text_above_several_tables_is_told_once(titled: Any) -> None:
    long = "What was sold, and what of it was paid. " * 8
    extraction = titled({"A1": long}, (3, 1), (3, 5), merged="A1:G1")
    assert sum(long.strip() in chunk.text for chunk in extraction.chunks) == 1
    assert {draft.title for draft in extraction.tables} == {"What was sold, and what of it was paid."}
