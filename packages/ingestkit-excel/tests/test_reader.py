"""The whole way of a workbook: chunks, ledger, issues, classification; and that nothing is lost on it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.elements import CellRange, ElementKind
from ingestkit_core.errors import IngestkitError
from ingestkit_core.extraction import Extraction
from ingestkit_core.keys import hash_file
from ingestkit_excel import ChunkMetadata, ExcelProcessorConfig, FileType, RegionType
from ingestkit_excel.models import SheetRegion
from ingestkit_excel.reader import PRELOAD, convert, profile, read, reader_versions
from ingestkit_excel.routing import classify, decide, is_tabular

N = None
Extract = Callable[..., Extraction]
TABLE = [["who", "n"], *[[f"x{i}", i] for i in range(6)]]


def metadata(extraction: Extraction, index: int) -> ChunkMetadata:
    draft = extraction.chunks[index]
    return ChunkMetadata.model_validate(
        {
            **draft.metadata,
            "source_uri": "s",
            "ingestion_method": extraction.ingestion_method,
            "parser_version": "v",
            "chunk_index": index,
            "chunk_hash": draft.chunk_hash,
            "ingest_key": "k",
            "locations": draft.locations,
        }
    )


@pytest.mark.unit
def test_chunks_carry_what_their_metadata_needs(extract: Extract) -> None:
    extraction = extract({"Data": TABLE})
    for index in range(len(extraction.chunks)):
        found = metadata(extraction, index)
        assert (found.source_format, found.sheet_name, found.region_id) == ("xlsx", "Data", "r1")
        assert (found.parser_used, found.original_structure, found.hidden) == ("xml", "table", False)


@pytest.mark.unit
def test_an_extraction_crosses_a_process_boundary_and_is_the_same_again(
    book: Callable[..., str], forge: SimpleNamespace
) -> None:
    path = book({"Data": TABLE, "Text": [["some text"], ["more"]]})
    first, second = read(path, forge.settings()), read(path, forge.settings())
    assert first.content_hash == hash_file(path)
    assert pickle.loads(pickle.dumps(first)).chunks == second.chunks
    assert [list(table.rows) for table in first.tables] == [list(table.rows) for table in second.tables]
    assert first.ledger == second.ledger


@pytest.mark.unit
def test_hidden_parts_are_left_out_and_accounted_for(extract: Extract) -> None:
    def hide(workbook: openpyxl.Workbook) -> None:
        workbook["Secret"].sheet_state = "veryHidden"
        workbook["Data"].row_dimensions[3].hidden = True
        workbook["Data"].column_dimensions["B"].hidden = True

    rows = [["who", "HIDDENCOLUMN", "n"], *[[f"x{i}", f"HIDDEN{i}", i] for i in range(6)]]
    sheets = {"Data": rows, "Secret": [["TOKEN"]]}
    extraction = extract(sheets, hide)
    text = "\n".join(chunk.text for chunk in extraction.chunks)
    assert "HIDDEN" not in text
    assert "TOKEN" not in text
    assert "x1" not in text
    assert [row[0] for row in extraction.tables[0].rows] == ["x0", "x2", "x3", "x4", "x5"]
    data, secret = extraction.ledger.units
    assert (data.source, data.dropped) == (21, {"hidden": 9})
    assert (secret.source, secret.dropped) == (1, {"hidden": 1})
    assert extraction.ledger.unexplained == 0
    assert [(issue.code, issue.sheet_name) for issue in extraction.issues] == [("W_SHEET_SKIPPED_HIDDEN", "Secret")]
    assert extraction.parse.skipped[0].unit == "Secret"


@pytest.mark.unit
def test_hidden_parts_are_labelled_where_they_are_wanted(extract: Extract) -> None:
    def hide(workbook: openpyxl.Workbook) -> None:
        workbook["Secret"].sheet_state = "hidden"
        workbook["Data"].row_dimensions[3].hidden = True
        workbook["Data"].column_dimensions["C"].hidden = True

    rows = [["who", "n", "more"], *[[f"x{i}", i, i * 2] for i in range(6)]]
    extraction = extract({"Data": rows, "Secret": [["TOKEN"]]}, hide, include_hidden=True)
    seen, unseen, schema, secret = (metadata(extraction, index) for index in range(4))
    assert (seen.hidden, unseen.hidden, schema.hidden, secret.hidden) == (False, True, False, True)
    assert extraction.chunks[0].text.startswith("who | n | more (hidden)\nx0 | 0 | 0\nx2")
    assert extraction.chunks[1].text.endswith("x1 | 1 | 2 (hidden)")
    assert "more: integer, 0 to 10, hidden" in extraction.chunks[2].text
    assert [column.header for column in extraction.tables[0].columns] == ["who", "n", "more"]
    assert extraction.ledger.unexplained == 0
    assert extraction.issues == ()


@pytest.mark.unit
def test_formulas_without_results_stand_as_their_text(extract: Extract) -> None:
    extraction = extract({"S": [["a", "b"], ["x", "=1+1"], ["y", "=2+2"]]})
    assert "x | =1+1" in extraction.chunks[0].text
    assert [(issue.code, issue.cell_range) for issue in extraction.issues] == [("W_FORMULA_UNCACHED", "B2")]
    assert extraction.ledger.unexplained == 0


@pytest.mark.unit
def test_comments_links_and_chart_titles_are_told(extract: Extract) -> None:
    def add(workbook: openpyxl.Workbook) -> None:
        sheet = workbook["S"]
        sheet["B2"].comment = openpyxl.comments.Comment("please check", "me")
        sheet["A10"].hyperlink = "https://example.org/target"
        sheet["A11"].hyperlink = "https://example.org/same"
        chart = openpyxl.chart.BarChart()
        chart.title = "Growth"
        sheet.add_chart(chart, "D2")

    rows = [*TABLE, [N], [N], ["see here"], ["https://example.org/same"]]
    extraction = extract({"S": rows}, add)
    text = "\n".join(chunk.text for chunk in extraction.chunks)
    assert "see here (https://example.org/target)" in text
    assert text.count("https://example.org/same") == 1
    assert "Comment on B2: please check" in text
    assert "Chart: Growth" in text
    assert extraction.ledger.uncounted == {"charts": 1}
    notes = [chunk for chunk in extraction.chunks if "please check" in chunk.text]
    assert CellRange("S", "B2") in notes[0].locations


@pytest.mark.unit
def test_chart_sheets_are_told(extract: Extract) -> None:
    def add(workbook: openpyxl.Workbook) -> None:
        workbook.create_chartsheet("Chart")

    extraction = extract({"S": TABLE}, add)
    assert [(issue.code, issue.sheet_name) for issue in extraction.issues] == [("W_SHEET_SKIPPED_CHART", "Chart")]
    assert extraction.ledger.uncounted == {"chart_sheets": 1}
    assert (extraction.parse.units_total, extraction.parse.units_done) == (2, 1)


STRUCTURES: dict[str, tuple[list[list[Any]], str, list[str]]] = {
    "a form of many numbers": (
        [[f"Length {i}:", i + 0.5, "mm"] for i in range(8)],
        "free_text",
        ["Length 0: | 0.5 | mm"],
    ),
    "pairs of name and value": ([["Name:", "Ann"], ["City:", "Rome"]], "free_text", ["Name: Ann", "City: Rome"]),
    "a checklist": (
        [["Task", "Done"], ["Pay", "x"], ["Call", "☐"], ["Sign", "yes"]],
        "checklist",
        ["Task | Done", "Pay | x", "Call | ☐", "Sign | yes"],
    ),
    "a small matrix of text": (
        [["", "red", "blue"], ["round", "ball", "globe"], ["flat", "disc", "plate"]],
        "matrix",
        ["round | ball | globe"],
    ),
    "a paragraph": ([["Only some text that stands alone."]], "free_text", ["Only some text that stands alone."]),
    "a list": ([["- one"], ["- two"], ["- three"]], "free_text", ["- one", "- two", "- three"]),
}


@pytest.mark.unit
@pytest.mark.parametrize("name", STRUCTURES)
def test_what_is_no_table_keeps_its_structure(name: str, extract: Extract) -> None:
    rows, structure, lines = STRUCTURES[name]
    extraction = extract({"S": rows})
    assert extraction.tables == ()
    assert metadata(extraction, 0).original_structure == structure
    for line in lines:
        assert line in extraction.chunks[0].text.split("\n")
    assert extraction.ledger.unexplained == 0
    assert extraction.classification.document_type == "formatted_document"


@pytest.mark.unit
@pytest.mark.parametrize(
    "below", [[["p", "q"], *[[f"z{i}", i] for i in range(6)]], [["some text below"], ["and more"]]]
)
def test_a_title_is_no_heading_of_what_follows_its_table(below: list[list[Any]], extract: Extract) -> None:
    chunks = extract({"S": [["First"], *TABLE, [N], [N], [N], *below]}).chunks
    assert [chunk.heading_path for chunk in chunks[:3]] == [("First",), ("First",), ()]


@pytest.mark.unit
def test_a_workbook_of_both_is_hybrid(extract: Extract) -> None:
    extraction = extract({"Data": TABLE, "Text": [[f"line {i}"] for i in range(9)]})
    found = extraction.classification
    assert (found.document_type, found.unit_types) == ("hybrid", {"Data": "tabular_data", "Text": "formatted_document"})
    assert extraction.ingestion_method == "hybrid_split"
    assert extract({"Data": TABLE}).ingestion_method == "sql_agent"


@pytest.mark.unit
def test_an_empty_workbook_gives_nothing_and_loses_nothing(extract: Extract) -> None:
    extraction = extract({"S": []})
    assert (extraction.chunks, extraction.tables, extraction.ledger.source) == ((), (), 0)
    assert extraction.classification.document_type == "formatted_document"


@pytest.mark.unit
def test_a_sheet_nobody_can_read_is_an_error_beside_the_others(
    save: Callable[..., str], forge: SimpleNamespace
) -> None:
    parts = forge.parts_of(forge.sheet_xml('<row r="1"><c r="A1"><v>1</v></c></row>'))
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
        "</sheets>", '<sheet name="Gone" r:id="rId8"/></sheets>'
    )
    extraction = read(save(parts), forge.settings())
    (issue,) = extraction.issues
    assert (issue.code, issue.sheet_name, issue.recoverable) == ("E_PARSE_OPENPYXL_FAIL", "Gone", True)
    assert extraction.ledger.uncounted == {"unreadable_sheets": 1}
    assert [chunk.text for chunk in extraction.chunks] == ["1"]


@pytest.mark.unit
def test_an_old_workbook_says_who_read_it(save: Callable[..., str], forge: SimpleNamespace) -> None:
    cells = [
        (0, 0, "Name"),
        (0, 1, "Qty"),
        *[(i, 0, f"n{i}") for i in range(1, 7)],
        *[(i, 1, i + 0.5) for i in range(1, 7)],
    ]
    path = save(forge.compound({"Workbook": forge.biff_workbook(cells)}), "old.xls")
    extraction = read(path, forge.settings())
    assert [(issue.code, issue.sheet_name) for issue in extraction.issues] == [("W_PARSER_FALLBACK", "Old")]
    assert (extraction.parse.method, extraction.parse.parsers) == ("calamine", {"Old": "calamine"})
    assert extraction.tables[0].rows[0] == ("n1", 1.5)


@pytest.mark.unit
def test_convert_gives_every_row_in_reading_order(book: Callable[..., str], forge: SimpleNamespace) -> None:
    path = book({"S": [["Title"], ["who", "n"], *[[f"x{i}", i] for i in range(9)]]})
    conversion = convert(path, forge.settings(row_serialization_limit=3))
    kinds = [element.kind for element in conversion.elements]
    assert kinds == [ElementKind.HEADING, ElementKind.TABLE, ElementKind.SCHEMA]
    assert len(conversion.elements[1].spans) == 9
    assert (conversion.title, conversion.ledger.unexplained) == ("book", 0)


@pytest.mark.unit
def test_a_single_line_with_an_asterisk_below_a_table_is_a_note(
    book: Callable[..., str], forge: SimpleNamespace
) -> None:
    table = [["Unit", "NOx*", "CO"], *[[f"U{number}", number, number * 2] for number in range(1, 7)]]

    def texts(*below: str) -> list[tuple[str, str]]:
        path = book({"S": [*table, [], *[[line] for line in below]]})
        elements = convert(path, forge.settings()).elements
        return [(str(one.kind), one.text) for one in elements if one.kind in ("list_item", "paragraph")]

    assert texts("* NOx from a test") == [("paragraph", "* NOx from a test")]
    assert texts("Source: us", "* NOx from a test", "** CO, too")[1:] == [
        ("paragraph", "* NOx from a test"),
        ("paragraph", "** CO, too"),
    ]
    assert texts("* first", "* second") == [("list_item", "* first"), ("list_item", "* second")]
    assert texts("- one") == [("list_item", "- one")]


@pytest.mark.unit
def test_profile_tells_facts(book: Callable[..., str], forge: SimpleNamespace) -> None:
    found = profile(book({"Data": TABLE, "Text": [["x"]]}), forge.settings())
    data = found.sheets[0]
    assert (data.extent, data.rows, data.columns, data.cells) == ("A1:B7", 7, 2, 14)
    assert [(region.region_id, region.region_type, region.rows) for region in data.regions] == [
        ("r1", RegionType.DATA_TABLE, 6)
    ]
    assert found.sheets[1].regions[0].region_type is RegionType.TEXT_BLOCK


@pytest.mark.unit
def test_stray_formats_are_no_extent(book: Callable[..., str], forge: SimpleNamespace) -> None:
    def format_far_away(workbook: openpyxl.Workbook) -> None:
        workbook["Data"]["Z9000"].font = openpyxl.styles.Font(bold=True)

    assert profile(book({"Data": TABLE}, format_far_away), forge.settings()).sheets[0].extent == "A1:B7"


def region(**facts: Any) -> SheetRegion:
    known = {"rows": 10, "columns": 3, "header_rows": 1, "numeric_ratio": 0.6, "type_consistency": 0.9, "cells": 30}
    return SheetRegion(region_id="r1", region_type=RegionType.DATA_TABLE, cell_range="A1", **{**known, **facts})


@pytest.mark.unit
@pytest.mark.parametrize(
    ("facts", "confidence", "tabular"),
    [
        ({}, 0.9, True),
        ({"numeric_ratio": 0.1}, 0.9, True),
        ({"numeric_ratio": 0.1, "type_consistency": 0.5}, 0.7, True),
        ({"header_rows": 0}, 0.9, True),
        ({"header_rows": 0, "numeric_ratio": 0.1}, 0.5, False),
        ({"rows": 2}, 0.9, True),
        ({"rows": 2, "numeric_ratio": 0.0}, 0.5, False),
        ({"rows": 2, "numeric_ratio": 0.0, "type_consistency": 0.1}, 0.7, False),
        ({"columns": 1}, 0.9, False),
        ({"header_rows": 0, "numeric_ratio": 0.0, "rows": 1, "type_consistency": 0.1}, 0.9, False),
    ],
)
def test_five_signals_speak_for_a_table(facts: dict[str, Any], confidence: float, tabular: bool) -> None:
    config = ExcelProcessorConfig()
    assert decide(region(**facts), config) == (tabular, confidence)
    assert is_tabular(region(**facts), config) is tabular


@pytest.mark.unit
@pytest.mark.parametrize(
    ("said", "unsure", "sure"),
    [("tabular_data", True, True), ("formatted_document", False, True), ("hybrid", False, True)],
)
def test_the_type_of_a_workbook_decides_where_the_signals_do_not(said: str, unsure: bool, sure: bool) -> None:
    config = ExcelProcessorConfig(document_type=said)
    assert decide(region(header_rows=0, numeric_ratio=0.1), config) == (unsure, 0.5)
    assert decide(region(), config) == (sure, 0.9)
    assert decide(region(columns=1), config) == (False, 0.9)


@pytest.mark.unit
def test_the_rules_always_answer() -> None:
    found = classify({}, ExcelProcessorConfig())
    assert (found.file_type, found.confidence) == (FileType.FORMATTED_DOCUMENT, 0.5)


@pytest.mark.unit
@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.none(),
                st.integers(-9, 3000),
                st.floats(-5, 5),
                st.booleans(),
                st.sampled_from(["a", "Total", "x:", "n/a", "- b"]),
            ),
            max_size=7,
        ),
        max_size=14,
    )
)
def test_no_cell_is_lost_whatever_the_layout(tmp_path_factory: pytest.TempPathFactory, rows: list[list[Any]]) -> None:
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    path = tmp_path_factory.mktemp("any") / "any.xlsx"
    workbook.save(path)
    config = ExcelProcessorConfig().model_dump()
    extraction = read(str(path), config)
    assert extraction.ledger.source == sum(value is not None for row in rows for value in row)
    assert extraction.ledger.unexplained == 0
    assert convert(str(path), config).ledger.unexplained == 0


@pytest.mark.unit
def test_versions_are_those_installed() -> None:
    assert reader_versions() == {name: version(name) for name in ("python-calamine", "openpyxl")}


@pytest.mark.integration
def test_importing_the_reader_loads_no_workbook_library() -> None:
    script = (
        "import sys; import ingestkit_excel, ingestkit_excel.reader, ingestkit_excel.config, ingestkit_excel.models;"
        "print(sorted(set(sys.modules) & {'python_calamine', 'openpyxl', 'numpy', 'pandas'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.integration
@pytest.mark.parametrize("module", PRELOAD)
def test_what_a_template_imports_ahead_exists(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)


TOKENS = [
    "TITLETEXT", "GROUPQ1 / Sales", "NAMEDTOKEN", "SideKey", "12.34%", "$1,234.50", "01234", "4-Jul-23", "36:00:00",
    "2024-03-15", "COMMENTTOKEN", "https://example.org/LINKTOKEN", "CHARTTOKEN", "TBLTOKEN", "RICHTOKEN",
]  # fmt: skip


@pytest.mark.integration
def test_every_feature_of_the_probe_is_told(corpora: Path, forge: SimpleNamespace) -> None:
    extraction = read(str(corpora / "features" / "probe.xlsx"), forge.settings())
    text = "\n".join(chunk.text for chunk in extraction.chunks)
    assert [token for token in TOKENS if token not in text] == []
    assert "HID" not in text
    assert extraction.ledger.dropped == {"hidden": 4}


@pytest.mark.integration
def test_every_real_and_hostile_workbook_ends_well(corpora: Path, forge: SimpleNamespace) -> None:
    lost: list[str] = []
    done = refused = 0
    for path in sorted(corpora.rglob("*.xls?")):
        try:
            extraction = read(str(path), forge.settings())
        except IngestkitError:
            refused += 1
            continue
        done += 1
        for index in range(len(extraction.chunks)):
            metadata(extraction, index)
        if extraction.ledger.unexplained:
            lost.append(path.name)
    assert lost == []
    assert done > 500
    assert refused < 50


@pytest.mark.unit
def test_re_exports_are_the_identical_objects() -> None:
    import ingestkit_core.errors as core_errors
    import ingestkit_core.protocols as core_protocols
    from ingestkit_excel import errors, protocols

    for ours, theirs in ((errors, core_errors), (protocols, core_protocols)):
        for name in ours.__all__:
            assert getattr(ours, name) is getattr(theirs, name)


@pytest.mark.unit
def test_settings_have_the_documented_defaults() -> None:
    config = ExcelProcessorConfig()
    assert {
        name: getattr(config, name)
        for name in sorted(set(ExcelProcessorConfig.model_fields) - set(ProcessorConfig.model_fields))
    } == {
        "clean_column_names": True,
        "column_consistency_threshold": 0.7,
        "document_type": None,
        "log_sample_data": False,
        "max_rows_in_memory": 100000,
        "max_sample_rows": 3,
        "merged_cell_ratio_threshold": 0.05,
        "min_row_count_for_tabular": 5,
        "numeric_ratio_threshold": 0.3,
        "row_serialization_limit": 5000,
    }
    assert config.parser_version == "ingestkit_excel:1.0.0"
