"""The benchmarks measure what they say: every metric on cases worked out by hand, and on truths against themselves."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import __main__ as command
from benchmarks import corpora as truths
from benchmarks import metrics
from benchmarks.answerable import Lookup, answerable, pdf_lookups, split_markdown
from benchmarks.candidates import PDF
from benchmarks.corpora import Sheet
from benchmarks.edits import Tree, indel_distance, levenshtein, occurrences, tree_distance
from benchmarks.facts import holds
from benchmarks.fresh import NotMeasuredError, call
from benchmarks.metrics import Agreement
from benchmarks.options import Options
from benchmarks.outputs import Output, Region
from benchmarks.report import Column, Figures, as_json, as_text
from benchmarks.running import outputs, timings
from benchmarks.sheet_questions import sheet_lookups, shown_forms
from benchmarks.tables import Cell, Table, from_rows, plain_text, relations, spread, tables_of
from benchmarks.workbook_candidates import WORKBOOKS
from benchmarks.workbooks import rows, write_workbook

ROOT = Path(__file__).resolve().parents[1]

unit = pytest.mark.unit
integration = pytest.mark.integration


# Edits


@unit
@pytest.mark.parametrize(
    ("a", "b", "indel", "edits"),
    [
        ("", "", 0, 0),
        ("", "abc", 3, 3),
        ("abc", "", 3, 3),
        ("abc", "abc", 0, 0),
        ("kitten", "sitting", 5, 3),
        ("flaw", "lawn", 2, 2),
        ("a" * 100, "a" * 99 + "b", 2, 1),
        ("日本語", "日語本", 2, 2),
    ],
)
def test_distances_between_texts(a: str, b: str, indel: int, edits: int) -> None:
    assert (indel_distance(a, b), levenshtein(a, b)) == (indel, edits)


def by_the_book(a: str, b: str, substitution: int) -> int:
    """The textbook dynamic programme."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (0 if x == y else substitution)))
    return row[-1]


@unit
@settings(deadline=None)
@given(st.text("abc ", max_size=30), st.text("abc ", max_size=30))
def test_distances_are_those_of_the_textbook(a: str, b: str) -> None:
    assert levenshtein(a, b) == by_the_book(a, b, 1)
    assert indel_distance(a, b) == by_the_book(a, b, 2)


@unit
@settings(deadline=None)
@given(st.text("ab", min_size=1, max_size=5), st.text("ab", max_size=15), st.integers(0, 2))
def test_a_text_stands_where_some_part_is_near_enough(query: str, text: str, edits: int) -> None:
    near = any(
        by_the_book(query, text[start:end], 1) <= edits for end in range(1, len(text) + 1) for start in range(end + 1)
    )
    assert bool(occurrences(query, text, edits)) == near


@unit
def test_occurrences_are_starts() -> None:
    assert occurrences("ab", "abxab") == [0, 3]
    assert occurrences("", "abc") == []
    assert occurrences("colour", "a color", 1) == [1]


def node(label: str, *children: Tree) -> Tree:
    return Tree((label,), children=children)


@unit
def test_tree_distance_is_that_of_the_paper() -> None:
    """Zhang and Shasha's own example: one node moves up, at the price of a deletion and an insertion."""
    first = node("f", node("d", node("a"), node("c", node("b"))), node("e"))
    second = node("f", node("c", node("d", node("a"), node("b"))), node("e"))

    def rename(a: Tree, b: Tree) -> float:
        return float(a.label != b.label)

    assert tree_distance(first, second, rename) == 2
    assert tree_distance(first, first, rename) == 0
    assert tree_distance(node("a"), node("b"), rename) == 1
    assert tree_distance(node("a", node("b"), node("c")), node("a"), rename) == 2


# Tables


@unit
@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("| a | b |\n| --- | --- |\n| c | **d** |", [["a", "b"], ["c", "d"]]),
        ("a | b\n:-- | --:\nc | d", [["a", "b"], ["c", "d"]]),
        ("|  |  |\n|---|---|\n| a | b |", [["a", "b"]]),
        ("| a \\| b | c&amp;d |\n|---|---|\n| 1\\. | <br> |", [["a | b", "c&d"], ["1.", ""]]),
        ("<table><tr><th>a<td>b</tr><tr><td>c</td><td>d<br>e</td></tr></table>", [["a", "b"], ["c", "d e"]]),
        ("| no | table |\n| at | all |", None),
        ("|  |\n|---|\n|  |", None),
    ],
)
def test_tables_in_markdown(markdown: str, expected: list[list[str]] | None) -> None:
    found = tables_of(f"before\n\n{markdown}\n\nafter")
    assert found == ([from_rows(expected)] if expected else [])


@unit
def test_spans_cover_their_places() -> None:
    markup = (
        '<table><tr><td rowspan="2">a</td><td colspan="2">b</td></tr><tr><td>c</td><td>d</td></tr>'
        "<tr><td>e</td><td>f</td><td>g</td></tr></table>"
    )
    (table,) = tables_of(markup)
    grid = spread(table)
    assert {place: cell.text for place, cell in grid.items()} == {
        (0, 0): "a", (0, 1): "b", (0, 2): "b", (1, 0): "a", (1, 1): "c", (1, 2): "d", (2, 0): "e", (2, 1): "f", (2, 2): "g",
    }  # fmt: skip
    assert relations(table) == Counter(
        [
            ("a", "b", "right"), ("a", "c", "right"), ("c", "d", "right"), ("e", "f", "right"), ("f", "g", "right"),
            ("a", "e", "below"), ("b", "c", "below"), ("b", "d", "below"), ("c", "f", "below"), ("d", "g", "below"),
        ]
    )  # fmt: skip


@unit
def test_plain_text_has_no_marks() -> None:
    markdown = "# A *title*\n\n- one\n- **two**\n\n1\\. three\n\n| a | b |\n|---|---|\n| c | d |\n\nend &lt;here"
    assert plain_text(markdown) == "A title one two 1. three a b c d end <here"
    assert plain_text(markdown, with_tables=False) == "A title one two 1. three end <here"


SQUARE = from_rows([["a", "b"], ["c", "d"]])


@unit
@pytest.mark.parametrize(
    ("found", "agreement"),
    [
        ([SQUARE], Agreement(4, 4, 4)),
        ([], Agreement(4, 0, 0)),
        ([from_rows([["a", "b"], ["c", "x"]])], Agreement(4, 4, 2)),
        ([from_rows([["a", "", "b"], ["c", "", "d"]])], Agreement(4, 4, 4)),
        ([from_rows([["a", "b"]]), from_rows([["c", "d"]])], Agreement(4, 2, 2)),
        ([SQUARE, SQUARE], Agreement(4, 8, 4)),
    ],
)
def test_adjacency_relations(found: list[Table], agreement: Agreement) -> None:
    assert metrics.relation_agreement([SQUARE], found) == agreement


@unit
@pytest.mark.parametrize(
    ("true", "found", "score"),
    [
        (from_rows([["a", "b"]]), from_rows([["a", "b"]]), 1.0),
        (from_rows([["a", "b"]]), from_rows([["a", "x"]]), 1 - 1 / 3),
        (from_rows([["ab", "b"]]), from_rows([["ax", "b"]]), 1 - 0.5 / 3),
        (from_rows([["a"], ["b"]]), from_rows([["a"]]), 0.5),
        ((Cell(0, 0, "a", columns=2),), (Cell(0, 0, "a"),), 0.5),
        (from_rows([["a", "b"]]), from_rows([["a", "b"]] * 30), 0.0),
    ],
)
def test_teds(true: Table, found: Table, score: float) -> None:
    assert metrics.teds(true, found) == pytest.approx(score)


@unit
def test_teds_is_of_small_tables_and_the_best_of_the_page() -> None:
    large = from_rows([["x"] * 61])
    assert metrics.best_teds([SQUARE, large], [from_rows([["z"]]), SQUARE]) == [1.0]
    assert metrics.best_teds([SQUARE], []) == [0.0]


# Text


@unit
def test_similarity_counts_insertions_and_deletions() -> None:
    assert metrics.text_similarity("abcd", "abxd") == 0.75
    assert metrics.text_similarity("", "") == 1.0
    assert metrics.text_similarity("abc", "") == 0.0


@unit
def test_reading_order_with_and_without_tables() -> None:
    true = "# Head\n\n<table><tr><td>x</td></tr></table>\n\nbody"
    assert metrics.reading_order(true, "Head\n\n| x |\n|---|\n\n**body**") == (1.0, 1.0)
    with_tables, without = metrics.reading_order(true, "Head body")
    assert with_tables == pytest.approx(1 - 2 / 20)
    assert without == 1.0


@unit
@pytest.mark.parametrize(
    ("true", "found", "score"),
    [
        ("# One\n\ntext\n\n## Two", "### One\n\n# Two", 1.0),
        ("# One\n\n# Two", "# One", 0.5),
        ("# One", "# One\n# False\n# False too\n# And another", 0.25),
        ("# Title", "# Titel", 1 - 2 / 5),
        ("# **One**", "# One #", 1.0),
        ("# One", "One", 0.0),
        ("no heading", "# One", None),
    ],
)
def test_headings(true: str, found: str, score: float | None) -> None:
    assert metrics.heading_similarity(true, found) == (None if score is None else pytest.approx(score))


@unit
def test_ocr() -> None:
    assert metrics.character_error_rate("abcd", "abxd") == 0.25
    assert metrics.character_error_rate("a  b\nc", "a b c") == 0.0
    assert metrics.character_error_rate("ab", "") == 1.0
    assert metrics.character_error_rate("ab", "abcdef") == 2.0
    assert metrics.words_agreement("a b c a", "a b d").f1 == pytest.approx(4 / 7)
    assert metrics.whole_words("a consid-\n erable share of 1990- and well-known") == (
        "a considerable share of 1990- and well-known"
    )


FACTS = [
    ({"type": "present", "text": "brown fox"}, "The *brown*\nfox", True),
    ({"type": "present", "text": "brown fox"}, "The brown box", False),
    ({"type": "present", "text": "brown fox", "max_diffs": 1}, "The brown box", True),
    ({"type": "present", "text": "brown", "first_n": 5}, "The brown box", False),
    ({"type": "present", "text": "BROWN", "case_sensitive": False}, "The brown box", True),
    ({"type": "absent", "text": "12", "last_n": 5}, "page 12 of many pages", True),
    ({"type": "absent", "text": "12", "last_n": 5}, "of many pages 12", False),
    ({"type": "order", "before": "one", "after": "two"}, "one two", True),
    ({"type": "order", "before": "two", "after": "one"}, "one two", False),
    ({"type": "order", "before": "one", "after": "three"}, "one two", False),
    ({"type": "order", "before": "150.", "after": "157."}, "150\\. a\n157\\. b", True),
    ({"type": "math", "math": "x^{2} + 1"}, "as $$x^{2}+1$$ shows", True),
    ({"type": "math", "math": "x^{2} + 1"}, "x^{2}+1", False),
    ({"type": "table", "cell": "d", "up": "b", "left": "c"}, "| a | b |\n|---|---|\n| c | d |", True),
    ({"type": "table", "cell": "d", "up": "c"}, "| a | b |\n|---|---|\n| c | d |", False),
    ({"type": "table", "cell": "e", "top_heading": "b"}, "| a | b |\n|---|---|\n| c | d |\n| x | e |", True),
    ({"type": "table", "cell": "e", "left_heading": "a"}, "| a | b |\n|---|---|\n| c | d |\n| x | e |", False),
    ({"type": "table", "cell": "d"}, "a b\nc d", False),
]


@unit
@pytest.mark.parametrize(("fact", "markdown", "right"), FACTS)
def test_facts(fact: dict[str, object], markdown: str, right: bool) -> None:
    assert holds(fact, markdown, tables_of(markdown)) is right


@unit
def test_a_fact_of_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="smell"):
        holds({"type": "smell"}, "", [])


# Sheets


def block(top: int, bottom: int) -> Region:
    return Region("", top, 1, bottom, 2)


FILLED = {(row, column) for row in range(1, 31) for column in (1, 2)}


@unit
@pytest.mark.parametrize(
    ("found", "near", "exact"),
    [
        ([block(1, 10)], Agreement(1, 1, 1), Agreement(1, 1, 1)),
        ([block(1, 9)], Agreement(1, 1, 1), Agreement(1, 1, 0)),
        ([block(1, 8)], Agreement(1, 1, 0), Agreement(1, 1, 0)),
        ([block(1, 9), block(1, 10)], Agreement(1, 2, 1), Agreement(1, 2, 1)),
        ([Region("", 1, 1, 10, 50)], Agreement(1, 1, 1), Agreement(1, 1, 1)),
        ([], Agreement(1, 0, 0), Agreement(1, 0, 0)),
    ],
)
def test_regions(found: list[Region], near: Agreement, exact: Agreement) -> None:
    assert metrics.region_overlaps([block(1, 10)], found, FILLED) == near
    assert metrics.same_regions([block(1, 10)], found, FILLED) == exact


@unit
def test_agreements_add_up() -> None:
    assert metrics.header_rows({1, 2}, {2, 3}) + metrics.header_rows({4}, {4}) == Agreement(3, 3, 2)
    assert Agreement(3, 3, 2).f1 == pytest.approx(2 / 3)
    assert Agreement().f1 == 1.0
    assert metrics.mean([]) is None


# Answers

TABLE = from_rows([["Country", "1999", "2000"], ["Peru", "12", "3.5"], ["Chile", "", "2"]])
QUESTIONS = [
    Lookup(("Peru",), ("1999",), ("12",)),
    Lookup(("Peru",), ("2000",), ("3.5",)),
    Lookup(("Chile",), ("2000",), ("2",)),
]


@unit
def test_questions_about_a_table() -> None:
    assert pdf_lookups([TABLE]) == QUESTIONS
    two_levels = tables_of(
        '<table><tr><td></td><td colspan="2">Exports</td></tr><tr><td></td><td>1999</td><td>2000</td></tr>'
        "<tr><td>Peru</td><td>1</td><td>2</td></tr></table>"
    )
    assert [(q.column_label[0], q.value[0]) for q in pdf_lookups(two_levels)] == [("1999", "1"), ("2000", "2")]
    titled = tables_of(
        '<table><tr><td colspan="3">Exports</td></tr><tr><td></td><td></td><td>2000</td></tr>'
        "<tr><td>Peru</td><td>1</td><td>2</td></tr></table>"
    )
    assert [(q.column_label[0], q.value[0]) for q in pdf_lookups(titled)] == [("2000", "2")]


@unit
@pytest.mark.parametrize(
    ("chunks", "plain", "row_bound"),
    [
        (["Country | 1999 | 2000\nPeru | 12 | 3.5\nChile | | 2"], 1.0, 1.0),
        (["Country\n1999\n2000\nPeru\n12\n3.5\nChile\n2"], 1.0, 0.0),
        (["Country | 1999 | 2000\nPeru | 12 | 3.5", "Chile | | 2"], 2 / 3, 2 / 3),
        (["Country | 1999 | 2000\nPeru | 112 | 13.5\nChile | | 2.5"], 0.0, 0.0),
        (["<table><tr><td>Country</td><td>1999</td><td>2000</td></tr><tr><td>Peru</td><td>12</td><td>3.5</td></tr></table>"],
         2 / 3, 2 / 3),
        ([], 0.0, 0.0),
    ],
)  # fmt: skip
def test_answers(chunks: list[str], plain: float, row_bound: float) -> None:
    answered = answerable({"a": QUESTIONS}, {"a": chunks})
    assert (answered.plain, answered.row_bound) == (pytest.approx(plain), pytest.approx(row_bound))
    assert (answered.lookups, answered.documents) == (3, 1)


@unit
def test_an_answer_of_another_document_or_below_the_fifth_place_does_not_count() -> None:
    good = "Country | 1999 | 2000\nPeru | 12 | 3.5\nChile | | 2"
    assert answerable({"a": QUESTIONS}, {"a": ["nothing"], "b": [good]}).plain == 0.0
    closer = ["Peru 1999 2000 Chile"] * 5
    assert answerable({"a": QUESTIONS}, {"a": [good, "more"], "b": closer}).plain == 0.0
    assert answerable({"a": QUESTIONS}, {"a": [good, "more"], "b": closer[:4]}).plain == 1.0
    # Those with all words come first, however short the others are.
    asked = {"a": [Lookup(("Total",), ("Peryear",), ("7",))]}
    long = [f"Total Peryear {'filler ' * 300}"] * 5
    assert answerable(asked, {"a": ["Total | Per year\nTotal | 7"], "b": long}).plain == 0.0
    assert answerable(asked, {"a": ["Total | Per year\nTotal | 7"], "b": long[:4]}).plain == 1.0


@unit
def test_spaces_and_leader_dots_do_not_matter() -> None:
    asked = {"a": [Lookup(("Total . . . .",), ("Peryear",), ("1 234",))]}
    assert answerable(asked, {"a": ["Total | Per year\nTotal | 1,234"]}).row_bound == 1.0


@unit
def test_at_most_forty_questions_a_document_always_the_same() -> None:
    table = from_rows([["", "n"], *([f"r{number}", str(number)] for number in range(100))])
    lookups = pdf_lookups([table])
    chunks = {"a": [f"r{number} n {number}" for number in range(0, 100, 2)]}
    first = answerable({"a": lookups}, chunks)
    assert (len(lookups), first.lookups) == (100, 40)
    assert first == answerable({"a": lookups}, chunks)


@unit
def test_questions_about_a_sheet() -> None:
    cells = {(1, 1): "Report", (3, 1): "Year", (3, 2): "Sum", (4, 1): 1999.0, (4, 2): 12.5, (5, 1): "Note"}
    headed = Sheet("x", "g", cells, header_rows=frozenset({3}))
    known = Sheet("x", "g", cells, (Region("", 3, 1, 4, 2, frozenset({3})),), frozenset({3}))
    for sheet in (headed, known):
        (lookup,) = sheet_lookups(sheet)
        assert (lookup.row_label[0], lookup.column_label[0], lookup.value[0]) == ("1999", "Sum", "12.5")
    levels = {(1, 1): "Year", (1, 2): "Sum", (2, 1): "of account", (2, 2): "in dollars", (3, 1): 1999.0, (3, 2): 1.0}
    (lookup,) = sheet_lookups(Sheet("x", "g", levels, header_rows=frozenset({1, 2})))
    assert lookup.column_label == ("in dollars",)


@unit
def test_ranges() -> None:
    assert truths.rectangle("B4") == (4, 2, 4, 2)
    assert truths.rectangle("AA10:AB12") == (10, 27, 12, 28)
    assert truths.enclosing(["A5:B5", "C3:D9"]) == (3, 1, 9, 4)


@unit
@pytest.mark.parametrize(
    ("value", "forms"),
    [
        (1999.0, {"1999", "1999.0", "1,999", "1999.00"}),
        (0.123456789012, {"0.123456789", "0.123456789012"}),
        (True, {"TRUE", "True"}),
        (datetime.date(2020, 1, 31), {"2020-01-31"}),
        ("007", {"007"}),
    ],
)
def test_forms_a_value_is_shown_in(value: truths.SheetValue, forms: set[str]) -> None:
    assert forms <= set(shown_forms(value))


@unit
@settings(deadline=None)
@given(st.text("ab#\n ", max_size=200), st.integers(5, 50))
def test_the_splitter_loses_nothing_and_keeps_to_its_size(text: str, size: int) -> None:
    pieces = split_markdown(text, size)
    assert all(0 < len(piece) <= size for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@unit
def test_the_splitter_cuts_at_headings_first() -> None:
    assert split_markdown("# A\n\naaa\n\n# B\n\nbbb", 14) == ["# A\n\naaa", "# B\n\nbbb"]


# Truths against themselves


@integration
def test_every_truth_scores_full_against_itself(corpora: Path) -> None:
    tagged, competition = truths.pages("pdf/tagged"), truths.pages("pdf/tables")
    assert len(tagged) >= 50
    assert len(competition) >= 50
    assert all(Path(path).exists() for path in (*tagged, *competition, *truths.facts(), *truths.text_pages("pdf/ocr")))
    assert all(metrics.reading_order(truth, truth) == (1.0, 1.0) for truth in tagged.values())
    assert {metrics.heading_similarity(truth, truth) for truth in tagged.values()} == {1.0, None}
    for truth in competition.values():
        tables = tables_of(truth)
        assert tables
        assert metrics.relation_agreement(tables, tables).f1 == 1.0
        assert set(metrics.best_teds(tables, tables)) <= {1.0}


@integration
def test_every_sheet_is_right_against_itself(corpora: Path) -> None:
    made, collected = truths.region_sheets(), truths.headed_sheets()
    assert {sheet.group for sheet in collected} == {"saus", "troy"}
    for sheet in made:
        count = len(sheet.regions)
        assert metrics.same_regions(sheet.regions, sheet.regions, sheet.cells.keys()) == Agreement(count, count, count)
    assert all(sheet.header_rows for sheet in collected)
    assert sum(bool(sheet_lookups(sheet)) for sheet in (*made, *collected)) > 0.95 * len((*made, *collected))


@integration
def test_tables_with_repeated_headers_answer_nearly_everything(corpora: Path) -> None:
    questions, chunks = {}, {}
    for path, truth in truths.pages("pdf/tables").items():
        questions[path] = pdf_lookups(tables_of(truth))
        chunks[path] = [chunk for table in tables_of(truth) for chunk in _chunks_under_header(table)]
    answered = answerable(questions, chunks)
    assert answered.lookups > 1000
    assert answered.row_bound is not None
    assert answered.row_bound > 0.95


def _chunks_under_header(table: Table, rows_together: int = 10) -> list[str]:
    grid = spread(table)
    height, width = (1 + max(place[axis] for place in grid) for axis in (0, 1))
    lines = [" | ".join(grid[r, c].text if (r, c) in grid else "" for c in range(width)) for r in range(height)]
    head, body = lines[:3], lines[1:]
    return ["\n".join([*head, *body[start : start + rows_together]]) for start in range(0, len(body), rows_together)]


# Running


@integration
def test_a_function_runs_in_a_process_of_its_own() -> None:
    assert call(os.getpid) != os.getpid()
    assert call(int, "ff", base=16) == 255


@integration
def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(NotMeasuredError, match="ended with 3"):
        call(os._exit, 3)
    with pytest.raises(NotMeasuredError, match="invalid literal"):
        call(int, "no number")


@integration
def test_files_a_candidate_gives_up_on_are_counted(samples: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"not a PDF")
    paths = [str(samples / "handbook.pdf"), str(broken)]
    text = next(candidate for candidate in PDF if candidate.name == "PyMuPDF text")
    found = outputs(text, paths)
    assert found.failed == 1
    assert len(found.by_path[paths[0]].markdown) > 1000
    assert found.by_path[paths[1]] == Output()
    timed = timings([text], paths, 1)
    assert not timed.failures
    assert timed.taken["PyMuPDF text"].failed == 1
    assert len(timed.taken["PyMuPDF text"].seconds) == 2


@integration
@pytest.mark.parametrize("candidates", [PDF, WORKBOOKS], ids=["pdf", "excel"])
def test_our_candidates_read_the_samples(candidates: tuple[object, ...], samples: Path) -> None:
    name = "handbook.pdf" if candidates is PDF else "sales.xlsx"
    path = str(samples / name)
    ours = [candidate for candidate in candidates if candidate.kind == "ours"]
    shown = outputs(ours[0], [path])
    assert shown.failed == 0
    assert shown.by_path[path].chunks
    if candidates is WORKBOOKS:
        assert shown.by_path[path].regions
    else:
        assert shown.by_path[path].markdown
    timed = timings(ours, [path], 1)
    assert not timed.failures
    assert all(timing.failed == 0 for timing in timed.taken.values())


@unit
def test_the_timed_workbook_is_always_the_same(tmp_path: Path) -> None:
    from python_calamine import CalamineWorkbook

    assert list(rows(50)) == list(rows(50))
    write_workbook(tmp_path / "made.xlsx", 50)
    read = CalamineWorkbook.from_path(tmp_path / "made.xlsx").get_sheet_by_index(0).to_python()
    assert (len(read), len(read[0])) == (51, 20)
    kinds = {type(value) for row in read[1:] for value in row}
    assert {str, float, bool, datetime.date} <= kinds


# The command


def _figures(**changes: list[str]) -> Figures:
    figures = Figures("A title", [Column("reads"), Column("times"), Column("count", "d")], **changes)
    figures.add("one", 1.0, 7)
    figures.add("another", None)
    return figures


@unit
def test_figures_on_paper_and_as_json() -> None:
    assert as_text(_figures(notes=["a note"])) == (
        "A title\n\n  reads    times  count\n  -------  -----  -----\n  one       1.00      7\n"
        "  another      -      -\n  a note\n"
    )
    assert as_json(_figures())["rows"] == [
        {"reads": "one", "times": 1.0, "count": 7},
        {"reads": "another", "times": None, "count": None},
    ]
    with pytest.raises(ValueError, match="one name"):
        Figures("A title", [Column("same"), Column("same")])


@unit
def test_only_what_is_not_measured_fails_a_run(monkeypatch, tmp_path: Path, capsys) -> None:
    def good(options: Options):
        yield _figures(notes=[f"{options.rounds} rounds"])

    def lacking(options: Options):
        yield _figures(unmeasured=["ours: it crashed"])

    def impossible(options: Options):
        yield from ()
        raise NotMeasuredError("no such folder")

    for steps, code in (((good,), 0), ((good, lacking), 1), ((impossible, good), 1)):
        monkeypatch.setattr(command, "FAMILIES", {"pdf": steps})
        assert command.main(["pdf", "--rounds", "2", "--json", str(tmp_path / "out.json")]) == code
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [figures["title"] for figures in written["figures"]["pdf"]] == ["A title"]
    printed = capsys.readouterr()
    assert "2 rounds" in printed.out
    assert "NOT MEASURED: ours: it crashed" in printed.out
    assert "no such folder" in printed.err


@integration
def test_a_missing_corpus_is_said_and_exits_with_one(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "INGESTKIT_CORPORA"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "pdf", "--json", str(tmp_path / "out.json")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "INGESTKIT_CORPORA" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["figures"] == {"pdf": []}
