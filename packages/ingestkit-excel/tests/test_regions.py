"""A sheet falls into the regions a person sees, and their rows are what a person takes them for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from ingestkit_excel.extract.anatomy import anatomy_of
from ingestkit_excel.extract.headers import flat_header
from ingestkit_excel.extract.regions import find_regions
from ingestkit_excel.extract.view import Region, SheetView, bits, view_of
from ingestkit_excel.workbook import Rectangle, open_workbook
from ingestkit_excel.workbook.book import find_workbook_part
from ingestkit_excel.workbook.content import Content
from ingestkit_excel.workbook.package import Package
from ingestkit_excel.workbook.surroundings import parse_range

N = None
Rows = list[list[Any]]


def view(path: str, *, include_hidden: bool = False) -> SheetView:
    package = Package.open(Content.of(Path(path).read_bytes()), 100)
    workbook = open_workbook(package.content, package, find_workbook_part(package))
    return view_of(workbook.sheets[0], include_hidden=include_hidden)


def places(path: str) -> list[str]:
    return [region.place.a1 for region in find_regions(view(path))]


LAYOUTS: dict[str, tuple[Rows, list[str]]] = {
    "one table": ([["a", "b"], [1, 2], [3, 4]], ["A1:B3"]),
    "a blank row divides": ([["a", "b"], [1, 2], [N], ["c", "d"], [3, 4]], ["A1:B2", "A4:B5"]),
    "a blank column divides": ([["a", "b", N, "c", "d"], ["x", 2, N, "y", 4]], ["A1:B2", "D1:E2"]),
    "both ways": (
        [["a", "b", N, "c", "d"], ["x", 2, N, "y", 4], [N], ["e", "f", N, N, N], ["x", 6, N, N, N]],
        ["A1:B2", "D1:E2", "A4:B5"],
    ),
    "tables side by side of different length": (
        [["a", "b", N, "c", "d"], ["x", 1, N, "y", 2], ["x", 3, N, N, N], ["x", 5, N, "e", "f"], ["x", 7, N, "z", 8]],
        ["A1:B5", "D1:E2", "D4:E5"],
    ),
    "a spacer column does not divide": (
        [["a", N, "2010", N, "2011"], *[[f"x{i}", N, i + 0.5, N, i + 1.5] for i in range(5)]],
        ["A1:E6"],
    ),
    "tables side by side that begin with the same column": (
        [["day", "n", N, "day", "m"], *[[i + 0.5, i, N, i + 0.5, i] for i in range(5)]],
        ["A1:B6", "D1:E6"],
    ),
    "a header a blank row above its rows": (
        [[N, "men", "women"], ["age", "n", "n"], [N], ["0-9", 1.5, 2.5], ["10-19", 3.5, 4.5]],
        ["A1:C5"],
    ),
    "a table that goes on below a blank row": (
        [["a", "b"], ["x", 1.5], ["y", 2.5], [N], ["z", 3.5], ["total", 7.5]],
        ["A1:B6"],
    ),
    "a column that some rows of a table leave blank": (
        [
            ["state", "m", "n", "full", "half"],
            ["a", 1.5, 2.5, "X", "X"],
            ["b", 1.5, 2.5, N, "X"],
            [N],
            ["c", 1.5, 2.5, N, "X"],
            ["d", 1.5, 2.5, N, "X"],
            [N],
            ["e", 1.5, 2.5, "X", N],
        ],
        ["A1:E8"],
    ),
    "a note beside rows that go on": (
        [
            ["state", "m", "n", "full", "half"],
            ["a", 1.5, 2.5, "X", "X"],
            [N],
            ["c", 1.5, 2.5, N, "see"],
            ["d", 1.5, 2.5, N, "below"],
        ],
        ["A1:E5", "E4:E5"],
    ),
    "a header far above its rows": (
        [["state", "2007", "2008"], [N], [N], [N], [N], [N], ["x", 1.5, 2.5], ["y", 3.5, 4.5]],
        ["A1:C8"],
    ),
    "a header above a section of its table": (
        [["fuel", "unit", "use"], [N], ["Consumption"], [N], ["oil", "t", 1.5], ["gas", "t", 2.5]],
        ["A1:C6"],
    ),
    "a header above a row of units": (
        [["state", "code", "2007"], [N], ["unit", N, "(percent)"], ["x", "01", 1.5], ["y", "02", 2.5]],
        ["A1:C5"],
    ),
    "headings over several columns a blank row above": (
        [[N, "men", N, "women"], [N], ["age", "n", "%", "n", "%"], ["0-9", 1, 2.5, 3, 4.5], ["10-19", 1, 2.5, 3, 4.5]],
        ["A1:E5"],
    ),
    "a header is not cut where it is blank": (
        [
            ["month", N, "2012", N, "2013"],
            [N],
            [N, "from", "to", "from", "to"],
            *[[f"m{i}", *[i + 0.5] * 4] for i in range(4)],
        ],
        ["A1:E7"],
    ),
    "text that goes on with what was said above": (
        [["state", "2004", "2008"], ["A", "6 to 16", "6 to 18"], [N], ["B", "6 to 16", "6 to 18"]],
        ["A1:C4"],
    ),
    "text with a header of its own does not go on": (
        [["name", "team", "city"], ["Ann", "red", "Rome"], [N], ["item", "shop", "place"], ["pen", "red", "Rome"]],
        ["A1:C2", "A4:C5"],
    ),
    "a column of group labels belongs to the rows it names": (
        [
            ["goal", N, "measure", "2010"],
            ["1", N, "a", 1.5],
            [N, N, "b", 2.5],
            ["2", N, "c", 3.5],
            [N, N, "d", 4.5],
            [N, N, "e", 5.5],
        ],
        ["A1:D6"],
    ),
    "a header with marks of footnotes": (
        [[N, "rates", N], ["unit", "(1)", "(2)"], ["no.", "a", "b"], [N], *[[200 + i, i + 0.5, 1.5] for i in range(3)]],
        ["A1:C7"],
    ),
    "labels written over a blank column": (
        [["no more than this in half a year", N, N, 621.5, "t"], ["of which by the new plant", N, 118.25, "t"]],
        ["A1:E2"],
    ),
    "a list beside a table, in a column of its own": (
        [["short", N, N, 621.5, "t"], ["list", N, N, 118.25, "t"]],
        ["A1:A2", "D1:E2"],
    ),
    "a title repeated in every cell it covered": (
        [["Prices"] * 4, ["day", "price"], ["x", 1.5], ["y", 2.5]],
        ["A1:D1", "A2:B4"],
    ),
    "a title and a note keep to themselves": (
        [["Title"], [N], ["a", "b"], ["x", 1.5], [N], ["Note: x"]],
        ["A1", "A3:B4", "A6"],
    ),
}


@pytest.mark.unit
@pytest.mark.parametrize("name", LAYOUTS)
def test_regions(name: str, book: Callable[..., str]) -> None:
    rows, expected = LAYOUTS[name]
    assert places(book({"S": rows})) == expected


@pytest.mark.unit
def test_labels_that_fit_into_their_column_are_written_over_nothing(book: Callable[..., str]) -> None:
    def widen(workbook: openpyxl.Workbook) -> None:
        workbook["S"].column_dimensions["A"].width = 40

    rows = [["no more than this in half a year", N, N, 621.5, "t"], ["of which by the new plant", N, 118.25, "t"]]
    assert places(book({"S": rows}, widen)) == ["A1:A2", "C1:E2"]


@pytest.mark.unit
def test_hidden_rows_neither_divide_nor_belong(book: Callable[..., str]) -> None:
    def hide(workbook: openpyxl.Workbook) -> None:
        workbook["S"].row_dimensions[3].hidden = True
        workbook["S"].column_dimensions["B"].hidden = True

    path = book({"S": [["a", "secret", "b"], ["x", 1, 2], ["hidden", 3, 4], ["y", 5, 6]]}, hide)
    (region,) = find_regions(view(path))
    assert (region.place.a1, region.columns, list(region.masks)) == ("A1:C4", (1, 3), [1, 2, 4])
    (whole,) = find_regions(view(path, include_hidden=True))
    assert (whole.columns, list(whole.masks)) == ((1, 2, 3), [1, 2, 3, 4])


@pytest.mark.unit
def test_an_excel_table_is_a_region_as_it_is_defined(book: Callable[..., str]) -> None:
    def define(workbook: openpyxl.Workbook) -> None:
        table = openpyxl.worksheet.table.Table(displayName="T", ref="A2:B4")
        workbook["S"].add_table(table)

    rows = [["not of it", "x"], ["a", "b"], ["x", 1], ["y", 2], ["not of it", 3]]
    regions = find_regions(view(book({"S": rows}, define)))
    assert "A2:B4" in [region.place.a1 for region in regions]
    table = next(region for region in regions if region.place.a1 == "A2:B4")
    anatomy = anatomy_of(table)
    assert (list(anatomy.header), list(anatomy.body)) == ([2], [3, 4])


@pytest.mark.unit
def test_scattered_cells_by_the_thousand_take_no_time(book: Callable[..., str]) -> None:
    rows = [[1 if (r + c) % 2 == 0 and r % 2 == 0 else N for c in range(60)] for r in range(200)]
    assert len(find_regions(view(book({"S": rows})))) > 1000


ANATOMIES: dict[str, tuple[Rows, dict[str, list[int]]]] = {
    "header above numbers": ([["a", "b"], ["x", 1], ["y", 2]], {"header": [1], "body": [2, 3]}),
    "two header rows": (
        [["region", "Q1", N], [N, "units", "value"], ["north", 1.5, 2.5], ["south", 3.5, 4.5]],
        {"header": [1, 2], "body": [3, 4]},
    ),
    "years head columns": (
        [["country", 1990, 2000], ["x", 1.5, 2.5], ["y", 3.5, 4.5]],
        {"header": [1], "body": [2, 3]},
    ),
    "years below a heading": (
        [[N, "population", N], ["country", 1990, 2000], ["x", 1.5, 2.5], ["y", 3.5, 4.5]],
        {"header": [1, 2], "body": [3, 4]},
    ),
    "numbers alone have no header": ([[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]], {"header": [], "body": [1, 2, 3]}),
    "numbers written as text count as numbers": (
        [["a", "b"], ["x", "1 234,5"], ["y", "(12)"], ["z", "n/a"]],
        {"header": [1], "body": [2, 3, 4]},
    ),
    "columns of text": (
        [["name", "city", "team"], ["Ann", "Rome", "red"], ["Bob", "Oslo", "blue"]],
        {"header": [1], "body": [2, 3]},
    ),
    "a section label begins the body": (
        [["item", "qty"], ["Fruit"], ["apple", 1.5], ["pear", 2.5]],
        {"header": [1], "body": [2, 3, 4]},
    ),
    "titles and notes in the same block": (
        [["A long title"], ["a", "b"], ["x", 1.5], ["y", 2.5], ["Source: ledger"]],
        {"titles": [1], "header": [2], "body": [3, 4], "notes": [5]},
    ),
    "totals by their name": (
        [["a", "b"], ["x", 1.5], ["y", 2.5], ["Grand total", 4.0]],
        {"header": [1], "body": [2, 3], "totals": [4]},
    ),
    "totals in another language": (
        [["a", "b"], ["x", 1.5], ["y", 2.5], ["Insgesamt", 4.0]],
        {"header": [1], "body": [2, 3], "totals": [4]},
    ),
    "a sum above the header": (
        [[N, N, "Sum", 3.0], ["name", "unit", "low", "high"], ["x", "kg", 1.5, 2.5], ["y", "kg", 1.5, 2.5]],
        {"titles": [1], "header": [2], "body": [3, 4]},
    ),
    "a title in every cell of its row": (
        [["Prices in 2023"] * 3, ["day", "low", "high"], ["x", 1.5, 2.5]],
        {"titles": [1], "header": [2], "body": [3]},
    ),
    "one heading over all values is header": (
        [[N, "persons", "persons", "persons"], ["area", "all", "men", "women"], ["x", 3, 1, 2], ["y", 7, 3, 4]],
        {"header": [1, 2], "body": [3, 4]},
    ),
    "a heading in every cell begins a section": (
        [["a", "b"], ["up-regulated proteins"] * 2, ["x", 1.5], ["y", 2.5]],
        {"header": [1], "body": [2, 3, 4]},
    ),
    "the label of rows stands below headings": (
        [[N, "men", "women"], ["age", N, N], [N], ["0-9", 1.5, 2.5], ["10-19", 1.5, 2.5]],
        {"header": [1, 2], "body": [4, 5]},
    ),
    "the label of rows stands between headings": (
        [[N, N, "cost"], ["item"], [N, "2012", "2013"], ["x", 1.5, 2.5]],
        {"header": [1, 2, 3], "body": [4]},
    ),
    "units are no data": (
        [["state", "a", "b"], ["unit", "(1,000)", "(1,000)"], ["x", 1.5, 2.5], ["y", 1.5, 2.5]],
        {"header": [1, 2], "body": [3, 4]},
    ),
    "rows whose values are all missing are data": (
        [["industry", "coal", "gas"], ["mining", ".", "."], ["steel", "1,5", "2,5"], ["glass", "1,5", "2,5"]],
        {"header": [1], "body": [2, 3, 4]},
    ),
    "days head columns": (
        [["path", date(2015, 1, 1), date(2016, 1, 1)], ["x", 895, 220], ["y", 304, 298]],
        {"header": [1], "body": [2, 3]},
    ),
    "days are data where all rows have them": (
        [["from", "to", "name"], ["2014-10-30", "2014-11-01", "a"], ["2014-12-06", "2014-12-09", "b"]],
        {"header": [1], "body": [2, 3]},
    ),
    "one year heads many plain numbers": (
        [["indicator", 2010], *[[f"x{i}", i + 0.5] for i in range(5)]],
        {"header": [1], "body": [2, 3, 4, 5, 6]},
    ),
    "numbers head columns of text": (
        [[N, 6, 9, 15], ["x", "N", "N", "T"], ["y", "N", "A", "T"]],
        {"header": [1], "body": [2, 3]},
    ),
    "few numbers in a table of text with sections": (
        [["gene", "name", "fold"], ["Pathway"], ["dpp", "a", "-"], ["tkv", "b", "-"], ["sax", "c", 2.5]],
        {"header": [1], "body": [2, 3, 4, 5]},
    ),
    "a first row with few numbers is body": (
        [
            ["state", "area", "people", "a", "b", "c", "d", "e"],
            ["North", "towns", 3716889],
            [N, "estimated", N, 20.5, 3.5, 14.5, 8.5, 9.5],
            [N, "counted", N, 20.5, 3.5, 14.5, 8.5, 9.5],
            ["South", "towns", 350298],
            [N, "estimated", N, 20.5, 3.5, 14.5, 8.5, 9.5],
            [N, "counted", N, 37.5, 3.5, 58.5, 8.5, 9.5],
        ],
        {"header": [1], "body": [2, 3, 4, 5, 6, 7]},
    ),
    "names with values are no header": (
        [["Maker:", "ACME"], ["Height:", 12.5], ["Width:", 3.5], ["Depth:", 1.5]],
        {"header": [], "body": [1, 2, 3, 4]},
    ),
}


def the_region(path: str) -> Region:
    (region,) = find_regions(view(path))
    return region


@pytest.mark.unit
@pytest.mark.parametrize("name", ANATOMIES)
def test_rows_are_what_a_person_takes_them_for(name: str, book: Callable[..., str]) -> None:
    rows, expected = ANATOMIES[name]
    anatomy = anatomy_of(the_region(book({"S": rows})))
    found = {part: list(getattr(anatomy, part)) for part in ("titles", "header", "body", "totals", "notes")}
    assert found == {"titles": [], "totals": [], "notes": [], **expected}


@pytest.mark.unit
def test_a_formula_over_plain_numbers_is_a_total(
    book: Callable[..., str], save: Callable[..., str], forge: Any
) -> None:
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    for row in range(2, 6):
        rows += f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>x{row}</t></is></c><c r="B{row}"><v>{row}.5</v></c></row>'
    rows += '<row r="6"><c r="A6" t="inlineStr"><is><t>All</t></is></c><c r="B6"><f>SUM(B2:B5)</f><v>16</v></c></row>'
    anatomy = anatomy_of(the_region(save(forge.parts_of(forge.sheet_xml(rows)))))
    assert list(anatomy.totals) == [6]


@pytest.mark.unit
def test_merged_headings_stand_over_all_their_columns(book: Callable[..., str]) -> None:
    def merge(workbook: openpyxl.Workbook) -> None:
        workbook["S"].merge_cells("B1:D1")
        workbook["S"].merge_cells("A1:A2")

    rows = [["region", "Q1", N, N, "Q2"], [N, "units", "value", N, "units"], *[["north", 1.5, 2.5, 3.5, 4.5]] * 2]
    region = the_region(book({"S": rows}, merge))
    header = flat_header(region, anatomy_of(region).header)
    assert [header.of(column) for column in range(1, 6)] == ["region", "Q1 / units", "Q1 / value", "Q1", "Q2 / units"]


@pytest.mark.unit
def test_what_stands_over_all_columns_is_said_once_where_it_is_long(book: Callable[..., str]) -> None:
    question = "Which party did you mainly vote for in the last election?"
    rows = [[N, question, N, N], ["answer", "A", "B", "C"], ["yes", 0.5, 0.25, 0.25], ["no", 0.5, 0.25, 0.25]]
    region = the_region(book({"S": rows}))
    header = flat_header(region, [1, 2])
    assert (header.line(region.columns), header.over_all) == (["answer", "A", "B", "C"], (question,))
    short = flat_header(the_region(book({"S": [[N, "votes", N, N], *rows[1:]]})), [1, 2])
    assert short.line(region.columns) == ["answer", "votes / A", "votes / B", "votes / C"]


def cells_in(sheet: SheetView, place: Rectangle) -> set[tuple[int, int]]:
    return {
        (row, column)
        for row, mask in sheet.masks.items()
        if place.top <= row <= place.bottom
        for column in bits(mask)
        if place.left <= column <= place.right
    }


@pytest.mark.integration
def test_regions_of_real_sheets(corpora: Path) -> None:
    truth = json.loads((corpora / "regions" / "truth.json").read_text())
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for path in sorted((corpora / "regions").rglob("*.xlsx")):
        sheet = view(str(path))
        found: list[set[tuple[int, int]]] = []
        for region in find_regions(sheet):
            anatomy = anatomy_of(region)
            rows = [*anatomy.header, *anatomy.body, *anatomy.totals]
            if region.width > 1 and len(rows) > 1:
                found.append(cells_in(sheet, Rectangle(rows[0], region.left, rows[-1], region.right)))
        tables = truth[path.name]["tables"]
        true = [cells_in(sheet, place) for table in tables if (place := parse_range(table["range"]))]
        hits = sum(any(len(one & other) >= 0.9 * len(one | other) for other in found) for one in true)
        scores[truth[path.name]["template"]].append(2 * hits / max(len(found) + len(true), 1))
    macro = sum(sum(of_one) / len(of_one) for of_one in scores.values()) / len(scores)
    assert macro >= 0.85


@pytest.mark.integration
@pytest.mark.parametrize(("collection", "least"), [("saus", 0.9), ("troy", 0.92)])
def test_headers_of_real_tables(corpora: Path, collection: str, least: float) -> None:
    truth = json.loads((corpora / "headers" / "truth.json").read_text())
    hits = found = true = 0
    for path in sorted((corpora / "headers" / "xlsx").glob(f"{collection}_*.xlsx")):
        regions = [region for region in find_regions(view(str(path))) if region.width > 1]
        largest = max(regions, key=lambda region: region.cells, default=None)
        predicted = set(anatomy_of(largest).header) if largest is not None else set()
        rows = set(truth[path.name]["header_rows"])
        hits, found, true = hits + len(rows & predicted), found + len(predicted), true + len(rows)
    assert 2 * hits / (found + true) >= least
