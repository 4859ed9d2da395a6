"""Tables by geometry: on values made here, and on real pages against their truth."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingestkit_pdf.drawings import read_drawings
from ingestkit_pdf.extract.tables import Table, column_names, continues, find_tables, may_hold_tables
from ingestkit_pdf.extract.tables.pieces import is_value, pieces_of, split_piece
from ingestkit_pdf.extract.tables.rulings import Rule, connected, find_rulings
from ingestkit_pdf.values import Drawings, Line, Page

pytestmark = pytest.mark.unit

SIZE = 10.0
WIDTH = 5.0
"""Of a character."""


def line(text: str, x: float, y: float, block: int = 0, width: float | None = None, bold: bool = False) -> Line:
    """A line of 10-point text whose top left corner is given."""
    right = x + (len(text) * WIDTH if width is None else width)
    return Line(text, (x, y, right, y + SIZE), len(text.replace(" ", "")), block, SIZE, "F", bold)


def page(lines: Sequence[Line], width: float = 600, height: float = 800) -> Page:
    return Page(1, width, height, 0, lines)


def rows_at(
    rows: Iterable[Sequence[str]], xs: Sequence[float], top: float = 100, pitch: float = 14, block: int = 0
) -> list[Line]:
    """Rows of texts at given left edges; empty ones leave their place free."""
    return [
        line(text, x, top + index * pitch, block)
        for index, row in enumerate(rows)
        for text, x in zip(row, xs, strict=False)
        if text
    ]


def level(y: float, x0: float = 95, x1: float = 400) -> tuple[float, float, float, float]:
    return (x0, y, x1, y)


def plumb(x: float, y0: float, y1: float) -> tuple[float, float, float, float]:
    return (x, y0, x, y1)


def boxed(xs: Sequence[float], ys: Sequence[float]) -> Drawings:
    """Rules around all cells between the given edges."""
    return Drawings((*(level(y, xs[0], xs[-1]) for y in ys), *(plumb(x, ys[0], ys[-1]) for x in xs)))


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def only(tables: Sequence[Table]) -> Table:
    assert len(tables) == 1
    return tables[0]


def is_whole(table: Table, lines: Sequence[Line]) -> None:
    """Each place belongs to one cell, each cell lies in its table, and all text of its lines is in its cells."""
    covered = Counter(
        (row, column)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    )
    assert covered == Counter((row, column) for row in range(len(table.rows)) for column in range(table.column_count))
    # A word that a line end cuts is joined in its cell, and leaders are left out: hyphens and dots may be fewer.
    inside = Counter(re.sub(r"[ .-]", "", "".join(cell.text for cell in table.cells)))
    assert inside == Counter(re.sub(r"[ .-]", "", "".join(lines[index].text for index in table.lines)))
    for cell in table.cells:
        assert table.box[0] - 0.1 <= cell.box[0] <= cell.box[2] <= table.box[2] + 0.1
        assert table.box[1] - 0.1 <= cell.box[1] <= cell.box[3] <= table.box[3] + 0.1
    assert 0 < table.confidence <= 1
    assert table.header_row_count < len(table.rows)


COUNTRIES = [["Country", "1995", "2000"], ["Denmark", "17", "49"], ["Finland", "21", "44"], ["Spain", "51", "29"]]
XS = (100.0, 220.0, 320.0)


# Rules


@pytest.mark.parametrize(
    ("drawings", "horizontal", "vertical"),
    [
        pytest.param(Drawings((level(50),)), [(50, 95, 400)], [], id="a line"),
        pytest.param(Drawings((level(50, 10, 60), level(50.8, 60, 90))), [(50, 10, 90)], [], id="end to end"),
        pytest.param(Drawings((level(50, 10, 40), level(50, 60, 90))), [(50, 10, 40), (50, 60, 90)], [], id="a gap"),
        pytest.param(
            Drawings(tuple(level(50, x, x + 2) for x in range(10, 90, 4))), [(50, 10, 88)], [], id="dashes are one"
        ),
        pytest.param(Drawings((level(50, 10, 13),)), [], [], id="a crumb"),
        pytest.param(Drawings((level(-5),)), [], [], id="off the page"),
        pytest.param(Drawings(((20, 40, 21, 90),)), [], [(20.5, 40, 90)], id="a thin box is a rule"),
        pytest.param(
            Drawings((), (((10, 10, 90, 30), 0),)),
            [(10, 10, 90), (30, 10, 90)],
            [(10, 10, 30), (90, 10, 30)],
            id="fill",
        ),
        pytest.param(
            Drawings((), (((10, 10, 90, 30), 0), ((10, 30, 90, 50), 0))),
            [(10, 10, 90), (50, 10, 90)],
            [(10, 10, 50), (90, 10, 50)],
            id="no seam within one colour",
        ),
        pytest.param(
            Drawings((), (((10, 10, 90, 30), 0), ((10, 30, 90, 50), 1))),
            [(10, 10, 90), (30, 10, 90), (50, 10, 90)],
            [(10, 10, 50), (90, 10, 50)],
            id="an edge between colours",
        ),
        pytest.param(Drawings((), (((0, 0, 600, 800), 0),)), [], [], id="a background is no table"),
        pytest.param(Drawings(tuple(level(y / 20) for y in range(7000))), [], [], id="a drawing is not looked into"),
    ],
)
def test_drawings_become_clean_rules(drawings: Drawings, horizontal: list[Any], vertical: list[Any]) -> None:
    rulings = find_rulings(drawings, 600, 800)

    assert list(rulings.horizontal) == [Rule(*rule) for rule in horizontal]
    assert list(rulings.vertical) == [Rule(*rule) for rule in vertical]


def test_rules_that_touch_are_one_group() -> None:
    left, right = boxed([10, 50, 90], [10, 30, 50]), boxed([200, 250, 290], [10, 30])
    rulings = find_rulings(Drawings(left.strokes + right.strokes), 600, 800)

    assert [group.box for group in connected(rulings)] == [(10, 10, 90, 50), (200, 10, 290, 30)]


def as_is(box: Sequence[float]) -> tuple[float, float, float, float]:
    return box[0], box[1], box[2], box[3]


@pytest.mark.parametrize(
    ("path", "strokes", "fills"),
    [
        ({"type": "s", "color": (0, 0, 0), "items": [("l", (10, 5), (90, 5))]}, [(10, 5, 90, 5)], []),
        ({"type": "s", "color": (0, 0, 0), "items": [("l", (10, 5), (90, 60))]}, [], []),
        ({"type": "s", "color": (0, 0, 0), "items": [("c", (1, 1), (2, 2), (3, 3), (4, 4))]}, [], []),
        ({"type": "f", "fill": (0.5,) * 3, "items": [("re", (10, 5, 90, 25), 1)]}, [], [((10, 5, 90, 25), 0)]),
        ({"type": "f", "fill": (0, 0, 0), "items": [("re", (10, 5, 90, 6), 1)]}, [(10, 5, 90, 6)], []),
        ({"type": "f", "fill": (1, 1, 1), "items": [("re", (10, 5, 90, 25), 1)]}, [], []),
        ({"type": "f", "fill": (1, 1, 1), "items": [("re", (10, 5, 90, 6), 1)]}, [(10, 5, 90, 6)], []),
        (
            {
                "type": "f",
                "fill": (0.5,) * 3,
                "items": [("l", (1, 1), (9, 1)), ("l", (9, 1), (9, 9)), ("l", (9, 9), (1, 9)), ("l", (1, 9), (1, 1))],
            },
            [],
            [((1, 1, 9, 9), 0)],
        ),
    ],
    ids="line slanted curve fill thin-fill white white-bar polygon".split(),
)
def test_paths_become_strokes_and_fills(path: dict[str, Any], strokes: list[Any], fills: list[Any]) -> None:
    corners = [corner for item in path["items"] for corner in item[1:] if isinstance(corner, tuple)]
    boxes = [corner if len(corner) == 4 else (*corner, *corner) for corner in corners]
    around = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))

    drawings = read_drawings([{**path, "rect": around}], as_is)

    assert list(drawings.strokes) == strokes
    assert list(drawings.fills) == fills


def test_a_page_of_line_art_is_read_up_to_its_limit() -> None:
    path = {"type": "s", "color": (0, 0, 0), "rect": (0, 0, 9, 9), "items": [("l", (0, 5), (90, 5))]}

    assert len(read_drawings([path] * 50, as_is, max_items=20).strokes) == 20


# Texts


@pytest.mark.parametrize("text", "1 1,234.50 $12 (70.480) 12% 94,87 – n/a 30 12.3* 1996 2.4mg 15-20 −0.3".split())
def test_values(text: str) -> None:
    assert is_value(text)


@pytest.mark.parametrize(
    "text", ["Denmark", "EU-15 average", "EU-15", "ISCED 0-2", "Table 3 of the annex", "(20+ years)", "", "PDF viewer"]
)
def test_no_values(text: str) -> None:
    assert not is_value(text)


def test_values_in_one_line_are_several_pieces_of_it() -> None:
    pieces = pieces_of([line("2,753,438 2,799,250 2,815,544", 100, 50)])

    assert [piece.text for piece in pieces] == ["2,753,438", "2,799,250", "2,815,544"]
    assert {piece.line for piece in pieces} == {0}
    assert pieces[0].x0 == 100
    assert pieces[-1].x1 == pytest.approx(100 + 29 * WIDTH)


def test_a_number_with_spaces_stays_whole() -> None:
    assert [piece.text for piece in pieces_of([line("2 246 496", 100, 50)])] == ["2 246 496"]


def test_a_piece_is_cut_at_the_space_nearest_to_the_edge() -> None:
    (piece,) = pieces_of([line("Author(s) Andreas Gal", 100, 50)])

    assert [part.text for part in split_piece(piece, [150])] == ["Author(s)", "Andreas Gal"]


# Ruled


def test_a_ruled_table() -> None:
    lines = rows_at(COUNTRIES, XS)

    table = only(find_tables(page(lines), boxed([95, 210, 310, 400], [97, 112, 126, 140, 155])))

    assert texts(table) == COUNTRIES
    assert table.found == "ruled"
    assert table.header_row_count == 1
    assert [cell.is_header for cell in table.rows[0] + table.rows[1]] == [True] * 3 + [False] * 3
    assert table.lines == tuple(range(12))
    assert column_names(table) == ("Country", "1995", "2000")
    is_whole(table, lines)


def test_cells_that_no_rule_parts_are_one() -> None:
    #   ┌──────┬─────────┐
    #   │      │  Sales  │
    #   │ Name ├────┬────┤
    #   │      │ Q1 │ Q2 │
    lines = [line("Sales", 250, 100), line("Name", 100, 107), *rows_at([["", "Q1", "Q2"]], XS, 114)]
    lines += rows_at([["Denmark", "17", "49"], ["Finland", "21", "44"]], XS, 128)
    ys = [97, 112, 126, 140, 155]
    strokes = [*(level(y) for y in (97, 126, 140, 155)), level(112, 210, 400)]
    strokes += [plumb(95, 97, 155), plumb(210, 97, 155), plumb(310, 112, 155), plumb(400, 97, 155)]

    table = only(find_tables(page(lines), Drawings(tuple(strokes))))

    assert len(ys) - 1 == len(table.rows)
    name, sales = table.rows[0]
    assert (name.text, name.row_span, name.column_span) == ("Name", 2, 1)
    assert (sales.text, sales.row_span, sales.column_span) == ("Sales", 1, 2)
    assert table.header_row_count == 2
    assert column_names(table) == ("Name", "Sales / Q1", "Sales / Q2")
    is_whole(table, lines)


def test_lines_of_one_cell_are_one_text() -> None:
    lines = [*rows_at([["Measure", "Remark"]], XS[:2]), line("Premature mortality", 100, 114)]
    lines += [line("before age 75", 100, 126), line("per 100,000", 220, 120)]
    lines += rows_at([["Income", "median"], ["Index", "Gini"]], XS[:2], 142)

    table = only(find_tables(page(lines), boxed([95, 210, 310], [97, 112, 138, 154, 170])))

    assert texts(table)[1] == ["Premature mortality before age 75", "per 100,000"]
    is_whole(table, lines)


def test_a_line_through_a_vertical_rule_is_cut_there() -> None:
    lines = [*rows_at(COUNTRIES[:3], XS), line("Great Britain 1156", 142, 142), line("3", 320, 142)]

    table = only(find_tables(page(lines), boxed([95, 210, 310, 400], [97, 112, 126, 140, 155])))

    assert texts(table)[3] == ["Great Britain", "1156", "3"]
    is_whole(table, lines)


def test_values_run_on_without_rules_between_their_rows() -> None:
    rows = [["Age", "Total"], *([f"{age} years", f"{age * 7},{age}00"] for age in range(10, 30))]
    lines = rows_at(rows, (100, 220))
    bottom = 100 + 14 * len(rows)

    table = only(find_tables(page(lines), boxed([95, 210, 310], [97, 112, bottom])))

    assert texts(table) == rows
    is_whole(table, lines)


def test_a_title_and_a_note_in_the_frame_are_not_rows() -> None:
    title, note = line("Exhibit 9", 200, 84), line("Source: adapted from the national centre of assessments", 100, 157)
    note = note._replace(text=note.text + " and others", box=(100, 157, 390, 167))
    strokes = boxed([95, 210, 310, 400], [97, 112, 126, 140, 155]).strokes
    frame = (level(82), level(169), plumb(95, 82, 169), plumb(400, 82, 169))

    table = only(find_tables(page([title, *rows_at(COUNTRIES, XS), note]), Drawings(strokes + frame)))

    assert texts(table) == COUNTRIES
    assert table.lines == tuple(range(1, 13))


# Partly ruled


def test_rules_over_and_under_make_a_table() -> None:
    lines = rows_at(COUNTRIES, XS)

    table = only(find_tables(page(lines), Drawings((level(97), level(112), level(155)))))

    assert texts(table) == COUNTRIES
    assert (table.found, table.header_row_count) == ("partly_ruled", 1)
    is_whole(table, lines)


def test_running_text_in_columns_over_a_table_is_no_part_of_it() -> None:
    above = [line(FOX, x, 100 + 13 * n, block, 240) for block, x in enumerate((60, 320)) for n in range(8)]
    table_lines = rows_at(COUNTRIES, (60, 250, 400), top=300, block=2)
    rules = [level(y, 58, 562) for y in (95, 297, 312, 355)]

    table = only(find_tables(page([*above, *table_lines]), Drawings(tuple(rules))))

    assert texts(table) == COUNTRIES


def test_a_rule_under_a_head_says_what_it_spans() -> None:
    lines = [
        line("Public", 262, 100),
        *rows_at([["Year", "Lower", "Upper"]], XS, 114),
        *rows_at(COUNTRIES[1:], XS, 130),
    ]
    strokes = (level(97), level(111.5, 218, 400), level(126), level(175))

    table = only(find_tables(page(lines), Drawings(strokes)))

    assert column_names(table) == ("Year", "Public / Lower", "Public / Upper")
    assert (table.rows[0][0].text, table.rows[0][0].row_span) == ("Year", 2)


def test_a_rule_under_several_heads_is_parted_by_the_rules_between_them() -> None:
    names = ["Area", "Yield", "Cost"]
    rows = [["Region", *names, *names], *([region, *"123456"] for region in ("North", "South", "West", "East"))]
    lines = [*rows_at([["Grown", "Caught"]], (255, 402)), *rows_at(rows, (100, 200, 250, 300, 350, 400, 450), 114)]
    levels = (level(97, 95, 495), level(111.5, 190, 495), level(126, 95, 495), level(185, 95, 495))

    table = only(find_tables(page(lines), Drawings((*levels, plumb(190, 97, 185), plumb(340, 97, 185)))))

    assert column_names(table)[1:] == tuple(f"{head} / {name}" for head in ("Grown", "Caught") for name in names)


def test_a_head_in_the_middle_over_two_columns_spans_them() -> None:
    rows = [["", "Male", "Female", "Male", "Female"], *([f"Area {n}", "10.5", "11.5", "12.5", "13.5"] for n in "ABCD")]
    xs = (100, 200, 260, 340, 400)
    lines = [line("1990", 233, 100), line("2000", 373, 100), *rows_at(rows, xs, 114)]

    table = only(find_tables(page(lines), Drawings((level(97, 95, 440), level(126, 95, 440), level(185, 95, 440)))))

    assert column_names(table)[1:] == ("1990 / Male", "1990 / Female", "2000 / Male", "2000 / Female")


def test_a_wrapped_label_is_one_row_and_a_new_label_is_another() -> None:
    lines = [
        *rows_at([["Measure", "1997", "1998"], ["Household income", "0.459", "0.456"]], XS),
        line("Between-state income", 100, 128),
        line("inequality (Gini index)", 100, 139),
        *rows_at([["", "0.628", "0.636"]], XS, 133),
        *rows_at([["Mortality", "0.762", "0.785"]], XS, 155),
    ]

    table = only(find_tables(page(lines), Drawings((level(97), level(112), level(170)))))

    assert [row[0].text for row in table.rows] == [
        "Measure",
        "Household income",
        "Between-state income inequality (Gini index)",
        "Mortality",
    ]
    is_whole(table, lines)


def test_an_underlined_word_is_no_rule() -> None:
    lines = rows_at([["Developer", "Mozilla"], ["Repository", "github.com"]], XS[:2], 100, 20)
    lines += [
        line("/mozilla/pdf.js", 220, 131),
        *rows_at([["Platform", "browser"], ["Licence", "Apache"]], XS[:2], 146, 20),
    ]
    rules = tuple(level(y, 95, 300) for y in (97, 117, 143, 163, 183))
    x0, _, x1, y1 = lines[3].box

    table = only(find_tables(page(lines), Drawings((*rules, (x0, y1 - 1, x1, y1 - 1)))))

    assert texts(table)[1] == ["Repository", "github.com /mozilla/pdf.js"]


def test_a_line_is_in_a_table_as_a_whole_or_not_at_all() -> None:
    lines = [*rows_at(COUNTRIES, XS), line("1,234 5,678 9,123", 370, 128)]

    table = only(find_tables(page(lines), Drawings((level(97), level(112), level(155)))))

    is_whole(table, lines)


# Without rules


def test_columns_of_values_are_a_table_without_rules() -> None:
    lines = rows_at([["Country", "Lower", "Upper"], *COUNTRIES[1:], ["Italy", "49", "39"]], XS)

    table = only(find_tables(page(lines), None))

    assert texts(table)[1:] == [*COUNTRIES[1:], ["Italy", "49", "39"]]
    assert (table.found, table.header_row_count) == ("borderless", 1)
    is_whole(table, lines)


HEADS = ["", "Tracking and Inventory", "Capitalize and Depreciate"]
LEVELS = [["Land", "$1", "Capitalize only"], ["Land Improvements", "$1", "$12,500"], ["Building", "$1", "$25,000"]]


def bold(lines: Sequence[Line]) -> list[Line]:
    return [line._replace(bold=True) for line in lines]


def test_a_bold_head_ends_where_the_text_is_bold_no_more() -> None:
    lines = bold(rows_at([HEADS], [100, 250, 400])) + rows_at(LEVELS, [100, 250, 400], top=114)
    table = only(find_tables(page(lines), None))
    assert (texts(table)[:2], table.header_row_count) == ([HEADS, LEVELS[0]], 1)


def test_a_caption_between_rows_begins_another_table() -> None:
    lines = []
    for top, number in ((100, 1), (170, 2)):
        lines += [line(f"Exhibit A-{number} What is capitalized", 100, top)]
        lines += bold(rows_at([HEADS], [100, 250, 400], top=top + 14))
        lines += rows_at(LEVELS, [100, 250, 400], top=top + 28)
    tables = find_tables(page(lines), None)
    assert [texts(table) for table in tables] == [[HEADS, *LEVELS]] * 2


def test_a_table_beside_running_text_is_found_alone() -> None:
    prose = [line("the river carries sand from the upper", 60, 100 + 14 * n, 1, 190) for n in range(8)]
    table_lines = rows_at([["Kind", "Range"], *([f"Kind {n}", f"{n}9%"] for n in "1234567")], (320, 420), block=2)

    table = only(find_tables(page([*prose, *table_lines]), None))

    assert min(table.lines) == len(prose)


FOX = "the quick brown fox jumps over the lazy dog and"


def two_columns() -> list[Line]:
    return [line(FOX, x, 100 + 13 * n, block, 240) for block, x in enumerate((60, 320)) for n in range(20)]


def contents() -> list[Line]:
    return [
        text
        for n in range(8)
        for text in (
            line(f"Chapter {n} {'of the book ' * (n % 3)}", 60, 100 + 14 * n),
            line(str(3 + 7 * n), 500, 100 + 14 * n),
        )
    ]


def contents_by_ranges() -> list[Line]:
    return [
        text
        for n in range(8)
        for text in (line(f"Note {n} {'.' * 12}", 60, 100 + 14 * n), line(f"{9 - n}-{19 - n}", 500, 100 + 14 * n))
    ]


def letterhead() -> list[Line]:
    left = [
        line(text, 60, 60 + 12 * n) for n, text in enumerate(["Mining Ltd", "12 High Street", "Perth WA", "Contact"])
    ]
    right = [line(text, 400, 60 + 12 * n) for n, text in enumerate(["Tel. office", "Fax", "Mail", "Web"])]
    return left + right


def bullets() -> list[Line]:
    return [text for n in range(6) for text in (line("•", 60, 100 + 14 * n), line(f"{FOX} {n}", 75, 100 + 14 * n))]


def references() -> list[Line]:
    return [
        text
        for n in range(9)
        for text in (line(f"[{n}]", 60, 100 + 14 * n), line(f"{FOX} 19{n}9, pp. {n}", 90, 100 + 14 * n))
    ]


def code() -> list[Line]:
    return [
        line(text, 60 + 15 * (n % 3), 100 + 12 * n) for n, text in enumerate(["def f(x):", "for i in x:", "y += i"] * 5)
    ]


def form() -> list[Line]:
    return [
        text
        for n, label in enumerate(["Name:", "First name:", "Street:", "Town:", "Country:"])
        for text in (line(label, 60, 100 + 20 * n), line("Somebody Somewhere", 200, 100 + 20 * n))
    ]


@pytest.mark.parametrize(
    "lines_of", [two_columns, contents, contents_by_ranges, letterhead, bullets, references, code, form]
)
def test_alignment_alone_is_no_table(lines_of: Callable[[], list[Line]]) -> None:
    assert find_tables(page(lines_of()), None) == []


def test_rules_around_running_text_are_no_table() -> None:
    frame = boxed([50, 310, 570], [95, 370])

    assert find_tables(page(two_columns()), frame) == []
    assert find_tables(page(two_columns()), Drawings((level(95, 50, 570), level(370, 50, 570)))) == []


def test_the_grid_of_a_chart_is_no_table() -> None:
    bars = rows_at([[str(year), "30.5", "49.0"] for year in range(2001, 2006)], XS, 105, 20)
    strokes = (*(plumb(x, 97, 205) for x in range(95, 400, 12)), *(level(y, 95, 395) for y in range(97, 206, 6)))

    assert find_tables(page(bars), Drawings(strokes)) == []


# Sideways


@pytest.mark.parametrize("upward", [True, False])
def test_a_table_on_its_side(upward: bool) -> None:
    upright = rows_at([["Country", "Lower", "Upper"], *COUNTRIES[1:], ["Italy", "49", "39"]], XS)
    rules = (level(97), level(112), level(170))

    def turn(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        x0, y0, x1, y1 = box
        return (y0, 800 - x1, y1, 800 - x0) if upward else (600 - y1, x0, 600 - y0, x1)

    lines = [item._replace(box=turn(item.box), upright=False) for item in upright]

    table = only(find_tables(page(lines), Drawings(tuple(map(turn, rules)))))

    assert texts(table)[1] == ["Denmark", "17", "49"]
    assert table.rows[1][0].box == lines[3].box
    assert table.box == pytest.approx(turn((95, 97, 400, 170)))


# Over pages


def split_table(first: Sequence[Sequence[str]], second: Sequence[Sequence[str]]) -> tuple[Table, Table]:
    tables = []
    for rows, top in ((first, 600), (second, 50)):
        ys = [top - 3 + 14 * n for n in range(len(rows) + 1)]
        tables.append(only(find_tables(page(rows_at(rows, XS, top)), boxed([95, 210, 310, 400], ys))))
    return tables[0], tables[1]


@pytest.mark.parametrize(
    ("second", "goes_on"),
    [
        pytest.param([COUNTRIES[0], ["Italy", "49", "39"], ["Malta", "8", "9"]], True, id="header repeated"),
        pytest.param([["12", "49", "39"], ["14", "8", "9"]], True, id="no header"),
        pytest.param([["Sector", "Men", "Women"], ["Industry", "8", "9"]], False, id="another header"),
    ],
)
def test_tables_over_a_page_break(second: list[list[str]], goes_on: bool) -> None:
    assert continues(*split_table(COUNTRIES, second), 0.8) is goes_on


def test_a_table_in_the_middle_of_a_page_is_not_continued() -> None:
    first, second = split_table(COUNTRIES, COUNTRIES)
    below = [line("text below", 100, 700 + 14 * n) for n in range(5)]
    lines = [*rows_at(COUNTRIES, XS, 600), *below]
    first = only(find_tables(page(lines), boxed([95, 210, 310, 400], [597, 611, 625, 639, 653])))

    assert first.lines_below == 5
    assert not continues(first, second, 0.8)


# Whatever comes


words = st.text(alphabet="abc 0123456789.,%", min_size=1, max_size=12).map(str.strip).filter(bool)
places = st.integers(0, 55).map(lambda n: n * 10.0)
random_lines = st.lists(
    st.builds(lambda text, x, y: line(" ".join(text.split()), x, y), words, places, places), max_size=40
)
strokes = st.lists(
    st.one_of(
        st.builds(lambda y, a, b: (min(a, b), y, max(a, b), y), places, places, places),
        st.builds(lambda x, a, b: (x, min(a, b), x, max(a, b)), places, places, places),
    ),
    max_size=20,
)
fills = st.lists(st.builds(lambda x, y, c: ((x, y, x + 60, y + 12), c), places, places, st.integers(0, 2)), max_size=8)


@given(random_lines, strokes, fills)
@settings(max_examples=150, deadline=None)
def test_whatever_is_found_is_whole(lines: list[Line], strokes: list[Any], fills: list[Any]) -> None:
    tables = find_tables(page(lines), Drawings(tuple(strokes), tuple(fills)))

    for table in tables:
        is_whole(table, lines)
    assert max(Counter(index for table in tables for index in table.lines).values(), default=1) == 1
    assert tables == find_tables(page(lines), Drawings(tuple(strokes), tuple(fills)))


@given(st.lists(st.lists(st.integers(0, 9999).map(str), min_size=3, max_size=3), min_size=4, max_size=12))
@settings(max_examples=40, deadline=None)
def test_a_boxed_grid_is_read_as_it_stands(rows: list[list[str]]) -> None:
    lines = rows_at(rows, XS)

    table = only(find_tables(page(lines), boxed([95, 210, 310, 400], [97 + 14 * n for n in range(len(rows) + 1)])))

    assert texts(table) == rows


# The pre-look


def test_drawings_are_asked_for_where_texts_stand_side_by_side() -> None:
    assert may_hold_tables(rows_at(COUNTRIES, XS))
    assert not may_hold_tables(two_columns())
    assert not may_hold_tables([line(FOX, 60, 100 + 13 * n) for n in range(30)])
    assert not may_hold_tables([])


# Real pages


def tables_of_file(path: Path) -> tuple[Page, list[Table]]:
    """The first page of a file and its tables."""
    import pymupdf
    from ingestkit_pdf.document import Document

    with Document(path.read_bytes(), path.name) as document:
        read = document.page(1, 200)
    with pymupdf.open(path) as raw:
        width, height, rotation = raw[0].rect.width, raw[0].rect.height, raw[0].rotation
        paths = raw[0].get_cdrawings()
    from ingestkit_pdf.placing import Placing

    return read, find_tables(read, read_drawings(paths, Placing(rotation, width, height).box))


def true_cells(path: Path) -> list[str]:
    import json

    return [
        "".join(cell["t"].split()) for table in json.loads(path.read_text()) for cell in table["cells"] if cell["t"]
    ]


@pytest.mark.integration
def test_cells_of_real_tables(corpora: Path) -> None:
    """Nine true cells in ten are found with exactly their text, on every fifth page of the ICDAR-2013 competition."""
    true: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for path in sorted((corpora / "pdf" / "tables" / "pdf").glob("*.pdf"))[::5]:
        read, tables = tables_of_file(path)
        for table in tables:
            is_whole(table, read.lines)
        true.update(true_cells(corpora / "pdf" / "tables" / "gt" / f"{path.stem}.json"))
        found.update("".join(cell.text.split()) for table in tables for cell in table.cells if cell.text)

    assert (true & found).total() >= 0.9 * true.total()
    assert (true & found).total() >= 0.9 * found.total()


@pytest.mark.integration
def test_few_pages_without_a_table_get_one(corpora: Path) -> None:
    """Of real tagged pages whose authors marked no table; some of them hold one all the same."""
    pages = [
        path
        for path in sorted((corpora / "pdf" / "tagged" / "pdf").glob("*.pdf"))
        if "<table" not in (corpora / "pdf" / "tagged" / "gt" / f"{path.stem}.md").read_text()
    ]
    wrong = [path.stem for path in pages if tables_of_file(path)[1]]

    assert len(pages) > 50
    assert len(wrong) <= 0.1 * len(pages), wrong
