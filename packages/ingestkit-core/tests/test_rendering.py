"""A document as Markdown, HTML and JSON: what a person would read, and nothing that turns into markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingestkit_core.elements import CellRange, Element, ElementKind, PageBox, Span
from ingestkit_core.errors import IngestError
from ingestkit_core.extraction import Conversion
from ingestkit_core.ledger import DropReason, Ledger
from ingestkit_core.rendering import FORMS, place, render, table_cells

pytestmark = pytest.mark.unit

HERE = PageBox(1, (10.0, 20.0, 30.0, 40.0))


def element(kind: ElementKind, *texts: str, **more: Any) -> Element:
    return Element(kind, tuple(Span(text, HERE, len(text)) for text in texts), **more)


def table(header: list[str], *rows: str, columns: tuple[str, ...] = ()) -> Element:
    spans = tuple(Span(row, CellRange("Staff", f"A{number}:B{number}"), 2) for number, row in enumerate(rows, 2))
    return Element(
        ElementKind.TABLE,
        spans,
        header=tuple(Span(row, CellRange("Staff", "A1:B1"), 2) for row in header),
        columns=columns,
    )


def document(*elements: Element, title: str = "Report") -> Conversion:
    ledger = Ledger.balance("characters", {"page 1": 30}, {}, {"page 1": {DropReason.HIDDEN: 2}})
    issue = IngestError(code="W_HIDDEN_TEXT", message="2 characters", stage="parse", page_number=1)
    return Conversion(title, elements, ledger, (issue,))


def markdown(*elements: Element) -> str:
    return render(document(*elements), "md")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (element(ElementKind.HEADING, "Results", level=2), "## Results\n"),
        (element(ElementKind.HEADING, "Deep", level=9), "###### Deep\n"),
        (element(ElementKind.HEADING, "No level"), "# No level\n"),
        (element(ElementKind.PARAGRAPH, "One line", "and another."), "One line and another.\n"),
        (element(ElementKind.PARAGRAPH, "   "), "\n"),
        (element(ElementKind.LIST_ITEM, "plain"), "- plain\n"),
        (element(ElementKind.LIST_ITEM, "• with its bullet"), "- with its bullet\n"),
        (element(ElementKind.LIST_ITEM, "3. with its number"), "3. with its number\n"),
        (element(ElementKind.NOTE, "first\nsecond"), "> first\n> second\n"),
        (element(ElementKind.SCHEMA, "table staff (name text)"), "\n"),
        (table(["A | B"], "a | 10", "b | 9"), "# Staff\n\n| A | B |\n| --- | --- |\n| a | 10 |\n| b | 9 |\n"),
        (table([], "Ada | 10"), "# Staff\n\n|  |  |\n| --- | --- |\n| Ada | 10 |\n"),
        (table(["a | b", "c | d"], "1 | 2"), "# Staff\n\n**a | b**\n\n| c | d |\n| --- | --- |\n| 1 | 2 |\n"),
        (table(["In <b>millions", "|", "c | d"]), "# Staff\n\n**In &lt;b>millions**\n\n| c | d |\n| --- | --- |\n"),
        (table([]), "\n"),
    ],
)
def test_markdown_of_each_kind(made: Element, expected: str) -> None:
    assert markdown(made) == expected


def test_a_sheet_begins_with_its_name_and_other_headings_stand_below() -> None:
    def on(sheet: str, kind: ElementKind, text: str) -> Element:
        return Element(kind, (Span(text, CellRange(sheet, "B2"), 1),), level=1 if kind is ElementKind.HEADING else 0)

    first = [on("Pay", ElementKind.HEADING, "In March"), on("Pay", ElementKind.PARAGRAPH, "x")]
    described = on("Large", ElementKind.SCHEMA, "Table: large")
    shown = markdown(*first, described, on("Notes", ElementKind.PARAGRAPH, "y"))
    assert shown == "# Pay\n\n## In March\n\nx\n\n# Large\n\n# Notes\n\ny\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# of units", r"\# of units"),
        ("#hashtag", "#hashtag"),
        ("- 5 degrees", r"\- 5 degrees"),
        ("-5 degrees", "-5 degrees"),
        ("> 90 %", r"\> 90 %"),
        ("2019. A good year", r"2019\. A good year"),
        ("3.5 litres", "3.5 litres"),
        ("---", r"\---"),
        ("```", r"\```"),
        ("a <b>bold</b> claim", "a &lt;b>bold&lt;/b> claim"),
        ("x < y", "x < y"),
        ("snake_case_name", "snake_case_name"),
        ("null\x00 and \x1b[31mred", "null and [31mred"),
    ],
)
def test_prose_does_not_turn_into_markup(text: str, expected: str) -> None:
    assert markdown(element(ElementKind.PARAGRAPH, text)) == f"{expected}\n"


def test_blocks_stand_apart_and_list_items_together() -> None:
    item = element(ElementKind.LIST_ITEM, "x")
    para = element(ElementKind.PARAGRAPH, "p")
    assert markdown(para, item, element(ElementKind.PARAGRAPH, " "), item, para) == "p\n\n- x\n- x\n\np\n"


@pytest.mark.parametrize(
    ("row", "columns", "cells"),
    [
        ("a | b", (), ["a", "b"]),
        ("| a | b |", ("A", "B"), ["a", "b"]),
        ("| a | b |", (), ["a", "b"]),
        ("|a|b|", ("A", "B"), ["a", "b"]),
        ("a |  | c", (), ["a", "", "c"]),
        ("| b", ("A", "B"), ["", "b"]),
        ("a |", ("A", "B"), ["a", ""]),
        ("x|y", ("A",), ["x|y"]),
        ("a|b | c", ("A", "B"), ["a|b", "c"]),
    ],
)
def test_cells_of_a_row(row: str, columns: tuple[str, ...], cells: list[str]) -> None:
    assert table_cells(table([], row, columns=columns)) == ([], [cells])


def test_rows_of_a_table_have_one_length() -> None:
    header, body = table_cells(table(["a | b | c"], "1", "1 | 2 | 3 | 4"))
    assert header == [["a", "b", "c", ""]]
    assert body == [["1", "", "", ""], ["1", "2", "3", "4"]]


def test_a_bar_in_a_cell_stays_in_its_cell() -> None:
    assert "| x\\|y | 2 |" in markdown(table(["a | b"], "x|y | 2"))


class _Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.places: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.places += [value for name, value in attrs if name == "data-place"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read_html(*elements: Element) -> _Read:
    reader = _Read()
    reader.feed(render(document(*elements), "html"))
    return reader


def test_html_says_what_each_element_is_and_where_it_stands() -> None:
    read = read_html(
        element(ElementKind.HEADING, "Results", level=2),
        element(ElementKind.LIST_ITEM, "• one"),
        element(ElementKind.LIST_ITEM, "two"),
        table(["Name | Pay"], "Ada | 10"),
        element(ElementKind.CAPTION, "Table 1"),
    )
    assert read.tags == ("html head meta title body h2 ul li li h1 table thead tr th th tbody tr td td p".split())
    assert read.places == ["page 1"] * 3 + ["Staff!A1", "Staff!A1:B2", "page 1"]
    assert [text for text in read.text if text.strip()] == [
        "Report",
        "Results",
        "one",
        "two",
        "Staff",
        *"Name Pay Ada 10".split(),
        "Table 1",
    ]


def test_html_is_escaped_everywhere() -> None:
    evil = '<script>alert("x")</script>'
    read = read_html(
        element(ElementKind.PARAGRAPH, evil),
        Element(ElementKind.TABLE, (Span(evil, CellRange('"><script>', "A1"), 1),)),
    )
    assert "script" not in read.tags
    assert read.text.count(evil) == 2
    assert read.places[1] == "'\"><script>'!A1"


def test_json_holds_everything() -> None:
    made = document(
        element(ElementKind.HEADING, "Results", level=1),
        table(["Name | Pay"], "Ada | 10"),
        element(ElementKind.SCHEMA, "table staff", metadata=(("sheet_name", "Staff"),), content_type="schema"),
    )
    whole = json.loads(render(made, "json"))
    assert whole["title"] == "Report"
    # What the elements hold is what came out: the reader counted what went in.
    assert whole["ledger"]["units"] == [
        {"unit": "page 1", "source": 30, "emitted": 18, "dropped": {"hidden": 2}, "unexplained": 10}
    ]
    assert whole["issues"][0]["page_number"] == 1
    heading, rows, schema = whole["elements"]
    assert heading == {
        "kind": "heading",
        "level": 1,
        "text": "Results",
        "locations": [{"page_number": 1, "box": [10.0, 20.0, 30.0, 40.0]}],
    }
    assert (rows["header"], rows["rows"]) == ([["Name", "Pay"]], [["Ada", "10"]])
    assert rows["row_locations"] == [{"sheet_name": "Staff", "cell_range": "A2:B2"}]
    assert rows["locations"] == [{"sheet_name": "Staff", "cell_range": "A1:B2"}]
    assert schema["metadata"] == {"sheet_name": "Staff"}
    lines = [json.loads(line) for line in render(made, "jsonl").splitlines()]
    assert lines[0] == {"kind": "document", **{key: whole[key] for key in ("title", "ledger", "issues")}}
    assert lines[1:] == whole["elements"]


@pytest.mark.parametrize(
    ("locations", "expected"),
    [
        ([], ""),
        ([PageBox(3, (0, 0, 1, 1))], "page 3"),
        ([PageBox(n, (0, 0, 1, 1)) for n in (4, 3, 4, 7)], "pages 3-4, 7"),
        ([CellRange("Employees", "A4:F20")], "Employees!A4:F20"),
        ([CellRange("Q1 'plan'", "A1"), CellRange("Q1 'plan'", "C3")], "'Q1 ''plan'''!A1, C3"),
        ([CellRange("Übersicht", "A1"), CellRange("2024", "B2")], "Übersicht!A1; '2024'!B2"),
    ],
)
def test_a_place_for_people(locations: list[PageBox | CellRange], expected: str) -> None:
    assert place(locations) == expected


def test_an_unknown_form_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no form 'docx'; there are 'md', 'json', 'jsonl', 'html'"):
        render(document(), "docx")


@given(st.lists(st.tuples(st.sampled_from(list(ElementKind)), st.text(max_size=40)), max_size=6))
def test_any_text_can_be_rendered_and_html_gives_it_back(drawn: list[tuple[ElementKind, str]]) -> None:
    made = document(*[element(kind, text) for kind, text in drawn])
    for form in FORMS:
        assert render(made, form).endswith("\n")
    reader = _Read()
    reader.feed(render(made, "html"))
    shown = "".join("".join(reader.text).split())
    for kind, text in drawn:
        letters = "".join(char for char in text if char.isalpha())
        if kind not in (ElementKind.SCHEMA, ElementKind.TABLE):
            assert letters in "".join(char for char in shown if char.isalpha())
