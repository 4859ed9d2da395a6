"""What stands in the file comes out as it is: by the fast scan, by the careful one, by the fallback readers."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingestkit_core.errors import IngestkitError
from ingestkit_excel.workbook import Rectangle, Sheet, Workbook, open_workbook
from ingestkit_excel.workbook.blocks import Blocks
from ingestkit_excel.workbook.book import find_workbook_part
from ingestkit_excel.workbook.content import Content
from ingestkit_excel.workbook.extents import fits_densely
from ingestkit_excel.workbook.mistakes import error_cells
from ingestkit_excel.workbook.package import Package
from ingestkit_excel.workbook.rows import NotRegular
from ingestkit_excel.workbook.scan import scan_sheet
from ingestkit_excel.workbook.strings import Strings, read_shared_strings
from ingestkit_excel.workbook.surroundings import parse_range
from ingestkit_excel.workbook.walk import walk_sheet


def opened(content: bytes) -> Workbook:
    package = Package.open(Content.of(content), 100)
    return open_workbook(Content.of(content), package, find_workbook_part(package))


def cells(sheet: Any) -> dict[tuple[int, int], tuple[str, int, bool, str]]:
    """(row, column) -> kind, style, whether a formula, raw value."""
    return {
        (row, form.column): (str(form.kind), form.style, form.formula, value)
        for band in sheet.bands
        for form, values in zip(band.forms, band.columns, strict=True)
        for row, value in zip(band.rows, values, strict=True)
        if value is not None
    }


def raw(sheet: Any) -> dict[tuple[int, int], str]:
    return {place: cell[3] for place, cell in cells(sheet).items()}


STRINGS = Strings(["zero", "one", None])

ROWS = {
    "numbers and texts": (
        '<row r="1"><c r="A1"><v>1.5</v></c><c r="B1" t="s"><v>1</v></c></row>',
        {(1, 1): ("number", 0, False, "1.5"), (1, 2): ("text", 0, False, "one")},
    ),
    "styles": ('<row r="2"><c r="C2" s="7"><v>3</v></c></row>', {(2, 3): ("number", 7, False, "3")}),
    "blank text is no cell": (
        '<row r="1"><c r="A1" t="s"><v>2</v></c><c r="B1"><v>1</v></c></row>',
        {(1, 2): ("number", 0, False, "1")},
    ),
    "empty styled cells": (
        '<row r="1"><c r="A1" s="3"/><c r="B1"><v>1</v></c><c r="C1" s="4"/></row>',
        {(1, 2): ("number", 0, False, "1")},
    ),
    "inline": (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>a &amp; b</t></is></c></row>',
        {(1, 1): ("text", 0, False, "a & b")},
    ),
    "inline runs without phonetics": (
        '<row r="1"><c r="A1" t="inlineStr"><is><r><t>日</t></r><r><t>本</t></r><rPh sb="0" eb="1"><t>ニ</t></rPh></is></c></row>',
        {(1, 1): ("text", 0, False, "日本")},
    ),
    "escapes": (
        '<row r="1"><c r="A1" t="str"><v>a_x000D_b_x005F_c</v></c></row>',
        {(1, 1): ("text", 0, False, "a\nb_c")},
    ),
    "booleans and errors": (
        '<row r="1"><c r="A1" t="b"><v>1</v></c><c r="B1" t="e"><v>#N/A</v></c></row>',
        {(1, 1): ("boolean", 0, False, "1"), (1, 2): ("error", 0, False, "#N/A")},
    ),
    "a cached formula": ('<row r="1"><c r="A1"><f>1+1</f><v>2</v></c></row>', {(1, 1): ("number", 0, True, "2")}),
    "an uncached formula": (
        '<row r="1"><c r="A1"><f>B1&amp;"x"</f></c></row>',
        {(1, 1): ("formula", 0, True, '=B1&"x"')},
    ),
    "an uncached formula with an empty value": (
        '<row r="1"><c r="A1"><f>1+1</f><v></v></c></row>',
        {(1, 1): ("formula", 0, True, "=1+1")},
    ),
    "a formula whose result is an empty text": (
        '<row r="1"><c r="A1" t="str"><f>""</f><v></v></c><c r="B1"><v>1</v></c></row>',
        {(1, 2): ("number", 0, False, "1")},
    ),
    "a shared formula": (
        '<row r="1"><c r="A1"><f t="shared" ref="A1:A2" si="0">B1*2</f></c></row><row r="2"><c r="A2"><f t="shared" si="0"/></c></row>',
        {(1, 1): ("formula", 0, True, "=B1*2"), (2, 1): ("formula", 0, True, "=B2*2")},
    ),
    "an ISO date": (
        '<row r="1"><c r="A1" t="d"><v>2020-01-02</v></c></row>',
        {(1, 1): ("moment", 0, False, "2020-01-02")},
    ),
    "empty rows": (
        '<row r="1"/><row r="2" ht="3"/><row r="3"><c r="A3"><v>1</v></c></row><row r="4"/>',
        {(3, 1): ("number", 0, False, "1")},
    ),
    "an unknown attribute": (
        '<row r="1"><c r="A1" cm="1" s="2"><v>1</v></c></row>',
        {(1, 1): ("number", 2, False, "1")},
    ),
}

ODD_ROWS = {
    "no references": (
        "<row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c></row>",
        {(1, 1): "1", (1, 2): "2", (2, 1): "3"},
    ),
    "comments": ('<row r="1"><!-- x --><c r="A1"><v>1</v></c></row>', {(1, 1): "1"}),
    "CDATA": ('<row r="1"><c r="A1" t="str"><v><![CDATA[<x>]]></v></c></row>', {(1, 1): "<x>"}),
    "single quotes": ("<row r='1'><c r='A1'><v>1</v></c></row>", {(1, 1): "1"}),
    "white space between tags": ('<row r="1">\n <c r="A1">\n  <v>1</v>\n </c>\n</row>', {(1, 1): "1"}),
    "a row that comes twice": (
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1"><c r="B1"><v>2</v></c></row>',
        {(1, 1): "1", (1, 2): "2"},
    ),
    "a cell that comes twice": ('<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>', {(1, 1): "2"}),
    "cells out of order": ('<row r="1"><c r="B1"><v>2</v></c><c r="A1"><v>1</v></c></row>', {(1, 1): "1", (1, 2): "2"}),
    "a reference to another row": ('<row r="1"><c r="A5"><v>1</v></c></row>', {(5, 1): "1"}),
    "a shared string that is not there": (
        '<row r="1"><c r="A1" t="s"><v>99</v></c><c r="B1"><v>1</v></c></row>',
        {(1, 2): "1"},
    ),
    "beyond the last column": ('<row r="1"><c r="ZZZ1"><v>9</v></c><c r="A1"><v>1</v></c></row>', {(1, 1): "1"}),
}


@pytest.mark.unit
@pytest.mark.parametrize("name", ROWS)
def test_both_scans_read_the_same(name: str, forge: SimpleNamespace) -> None:
    rows, expected = ROWS[name]
    xml = forge.sheet_xml(rows)
    assert cells(scan_sheet([xml], STRINGS, Blocks())) == expected
    assert cells(walk_sheet([xml], STRINGS, Blocks(), in_order=True)) == expected


@pytest.mark.unit
@pytest.mark.parametrize("name", ODD_ROWS)
def test_what_the_fast_scan_does_not_read_the_careful_one_does(name: str, forge: SimpleNamespace) -> None:
    rows, expected = ODD_ROWS[name]
    xml = forge.sheet_xml(rows)
    with pytest.raises(NotRegular):
        scan_sheet([xml], STRINGS, Blocks())
    assert raw(walk_sheet([xml], STRINGS, Blocks(), in_order=True)) == expected


def row_xml(number: int, values: list[Any]) -> str:
    spelled = []
    for index, value in enumerate(values):
        place = f"{chr(65 + index)}{number}"
        match value:
            case None:
                continue
            case "styled":
                spelled.append(f'<c r="{place}" s="9"/>')
            case bool():
                spelled.append(f'<c r="{place}" t="b"><v>{int(value)}</v></c>')
            case "formula":
                spelled.append(f'<c r="{place}" s="2"><f>A{number}+1</f><v>7</v></c>')
            case str():
                spelled.append(f'<c r="{place}" s="1" t="s"><v>{value}</v></c>')
            case _:
                spelled.append(f'<c r="{place}" s="3"><v>{value!r}</v></c>')
    hidden = ' hidden="1"' if number % 97 == 0 else ""
    return f'<row r="{number}"{hidden} ht="15">{"".join(spelled)}</row>'


@pytest.mark.unit
@settings(max_examples=25, deadline=None)
@given(
    shapes=st.lists(
        st.lists(st.sampled_from([1.5, 7, "0", "1", "formula", "styled", True, None]), min_size=1, max_size=6),
        min_size=1,
        max_size=4,
    ),
    order=st.lists(st.integers(0, 3), min_size=150, max_size=500),
)
def test_patterns_learned_from_many_rows_change_nothing(
    forge: SimpleNamespace, shapes: list[list[Any]], order: list[int]
) -> None:
    xml = forge.sheet_xml("".join(row_xml(i, shapes[pick % len(shapes)]) for i, pick in enumerate(order, start=1)))
    blocks = [xml[at : at + 5000] for at in range(0, len(xml), 5000)]
    fast, careful = scan_sheet(blocks, STRINGS, Blocks()), walk_sheet([xml], STRINGS, Blocks(), in_order=True)
    assert cells(fast) == cells(careful)
    assert fast.hidden_rows == careful.hidden_rows


@pytest.mark.unit
def test_a_reference_to_another_row_is_noticed_among_thousands(forge: SimpleNamespace) -> None:
    rows = [row_xml(number, [number, "0"]) for number in range(1, 301)]
    rows[250] = rows[250].replace('r="B251"', 'r="B999"')
    with pytest.raises(NotRegular):
        scan_sheet([forge.sheet_xml("".join(rows))], STRINGS, Blocks())


@pytest.mark.unit
def test_targets_of_link_formulas_are_kept_among_thousands(forge: SimpleNamespace) -> None:
    rows = "".join(
        f'<row r="{n}"><c r="A{n}" t="str"><f>HYPERLINK("https://example.org/{n}","go")</f><v>go</v></c></row>'
        if n % 3
        else f'<row r="{n}"><c r="A{n}" t="str"><f>B{n}</f><v>go</v></c></row>'
        for n in range(1, 601)
    )
    links = scan_sheet([forge.sheet_xml(rows)], STRINGS, Blocks()).links
    assert len(links) == 400
    assert links[-1].target == "https://example.org/599"


@pytest.mark.unit
def test_thousands_of_equal_rows_make_few_bands(forge: SimpleNamespace) -> None:
    rows = "".join(row_xml(i, [i, "0", None if i % 5 else 2.5, "formula"]) for i in range(1, 3001))
    bands = scan_sheet([forge.sheet_xml(rows)], STRINGS, Blocks()).bands
    assert sum(len(band.rows) for band in bands) == 3000
    assert len(bands) < 8


@pytest.mark.unit
@pytest.mark.parametrize("prefix", ["", "x:"])
@pytest.mark.parametrize("namespace", ["main", "strict"])
def test_namespaces_and_prefixes_do_not_matter(
    prefix: str, namespace: str, save: Callable[..., str], forge: SimpleNamespace
) -> None:
    uri = getattr(forge, namespace)
    declared = f'xmlns:x="{uri}"' if prefix else f'xmlns="{uri}"'
    p = prefix
    sheet = (
        f'{forge.head}<{p}worksheet {declared}><{p}sheetData><{p}row r="1"><{p}c r="A1"><{p}v>5</{p}v></{p}c></{p}row>'
        f'</{p}sheetData><{p}mergeCells><{p}mergeCell ref="A1:B2"/></{p}mergeCells></{p}worksheet>'
    )
    found = opened(forge.zipped(forge.parts_of(sheet))).sheets[0]
    assert raw(found) == {(1, 1): "5"}
    assert found.merges == (Rectangle(1, 1, 2, 2),)
    assert str(found.parser) == "xml"


@pytest.mark.unit
def test_parts_are_found_by_relationships_whatever_their_names(forge: SimpleNamespace) -> None:
    parts = forge.parts_of(forge.sheet_xml('<row r="1"><c r="A1" t="s"><v>0</v></c></row>'))
    parts["odd\\Place\\Data.XML"] = parts.pop("xl/worksheets/sheet1.xml")
    parts["xl/_rels/workbook.xml.rels"] = forge.relations(
        ("rId1", "worksheet", "/odd/place/data.xml"), ("rId2", "sharedStrings", "SHAREDSTRINGS.xml")
    )
    assert raw(opened(forge.zipped(parts)).sheets[0]) == {(1, 1): "shared zero"}


@pytest.mark.unit
def test_an_encoding_other_than_utf8_is_read(forge: SimpleNamespace) -> None:
    sheet = forge.sheet_xml('<row r="1"><c r="A1" t="inlineStr"><is><t>Größe</t></is></c></row>')
    encoded = sheet.replace("UTF-8", "UTF-16").encode("utf-16")
    assert raw(opened(forge.zipped(forge.parts_of(encoded))).sheets[0]) == {(1, 1): "Größe"}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("xml", "texts"),
    [
        ("<si><t>a</t></si><si/><si><t> </t></si>", ["a", None, None]),
        ('<si><t xml:space="preserve"> a &lt;b&gt; </t></si>', [" a <b> "]),
        ("<si><r><t>x</t></r><r><rPr/><t>y</t></r></si>", ["xy"]),
        ("<si><t>東</t><rPh sb='0' eb='1'><t>ヒガシ</t></rPh></si>", ["東"]),
        ("<!-- note --><si><t>a</t></si>", ["a"]),
        ("<si><t><![CDATA[a<b]]></t></si>", ["a<b"]),
    ],
)
def test_shared_strings(xml: str, texts: list[str | None], forge: SimpleNamespace) -> None:
    content = forge.zipped({"s.xml": f'{forge.head}<sst xmlns="{forge.main}">{xml}</sst>'})
    found = read_shared_strings(Package.open(Content.of(content), 100), "s.xml")
    assert [found.get(str(index)) for index in range(len(texts))] == texts


@pytest.mark.unit
@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("B4", Rectangle(4, 2, 4, 2)),
        ("$B$4:D7", Rectangle(4, 2, 7, 4)),
        ("B:D", Rectangle(1, 2, 1 << 20, 4)),
        ("4:7", Rectangle(4, 1, 7, 1 << 14)),
        ("#REF!", None),
        ("D7:B4", None),
        ("", None),
    ],
)
def test_ranges(reference: str, place: Rectangle | None) -> None:
    assert parse_range(reference) == place


@pytest.mark.unit
def test_everything_around_the_cells_is_found(forge: SimpleNamespace) -> None:
    sheet = forge.sheet_xml(
        '<row r="1"><c r="A1"><f>HYPERLINK("https://b.example")</f><v>1</v></c></row>'
        '<row r="3" hidden="1"><c r="A3"><v>3</v></c></row><row r="4" hidden="1"/>',
        before='<cols><col min="2" max="3" hidden="1"/><col min="9" max="9" width="0" customWidth="1"/></cols>',
        after='<mergeCells><mergeCell ref="A1:B1"/></mergeCells>'
        '<hyperlinks><hyperlink ref="C3" r:id="rId1"/><hyperlink ref="D4" location="Other!A1"/></hyperlinks>',
    )
    parts = forge.parts_of(sheet)
    parts["xl/worksheets/_rels/sheet1.xml.rels"] = forge.relations(
        ("rId1", "hyperlink", "https://a.example"),
        ("rId2", "comments", "../comments1.xml"),
        ("rId3", "table", "../tables/table1.xml"),
        ("rId4", "drawing", "../drawings/drawing1.xml"),
        ("rId5", "pivotTable", "../p.xml"),
    ).replace('Target="https://a.example"', 'Target="https://a.example" TargetMode="External"')
    parts["xl/comments1.xml"] = (
        f'<comments xmlns="{forge.main}"><commentList><comment ref="B2"><text><r><t>look</t></r></text></comment>'
        "</commentList></comments>"
    )
    parts["xl/tables/table1.xml"] = f'<table xmlns="{forge.main}" displayName="Sales" ref="A1:B9" totalsRowCount="1"/>'
    parts["xl/drawings/drawing1.xml"] = (
        '<wsDr xmlns:r="r"><twoCellAnchor><from><col>1</col><row>2</row></from><to><col>3</col><row>9</row></to>'
        '<graphicFrame><c:chart xmlns:c="c" r:id="rId1"/></graphicFrame></twoCellAnchor></wsDr>'
    )
    parts["xl/drawings/_rels/drawing1.xml.rels"] = forge.relations(
        ("rId1", "chart", "../charts/chart1.xml"), ("rId2", "image", "../media/a.png")
    )
    parts["xl/charts/chart1.xml"] = (
        '<c:chart xmlns:c="c" xmlns:a="a"><c:title><a:t>Revenue</a:t></c:title><c:valAx><c:title><a:t>CHF</a:t></c:title>'
        "</c:valAx></c:chart>"
    )
    found = opened(forge.zipped(parts)).sheets[0]
    assert found.hidden_columns == ((2, 3), (9, 9))
    assert found.hidden_rows == {3, 4}
    assert found.merges == (Rectangle(1, 1, 1, 2),)
    assert [(link.place.a1, link.target) for link in found.links] == [
        ("C3", "https://a.example"),
        ("D4", "#Other!A1"),
        ("A1", "https://b.example"),
    ]
    assert [(comment.row, comment.column, comment.text) for comment in found.comments] == [(2, 2, "look")]
    assert [(table.name, table.place.a1, table.header_rows, table.totals_rows) for table in found.tables] == [
        ("Sales", "A1:B9", 1, 1)
    ]
    assert [(chart.titles, chart.place) for chart in found.charts] == [(("Revenue", "CHF"), Rectangle(3, 2, 10, 4))]
    assert (found.images, found.pivots, found.formulas, found.uncached) == (1, 1, 1, 0)


@pytest.mark.unit
def test_a_broken_part_beside_a_sheet_costs_only_itself(forge: SimpleNamespace) -> None:
    sheet = forge.sheet_xml('<row r="1"><c r="A1"><v>1</v></c></row>')
    parts = forge.parts_of(sheet, **{"xl/styles.xml": "<broken", "docProps/core.xml": "<broken"})
    parts["xl/worksheets/_rels/sheet1.xml.rels"] = forge.relations(("rId1", "comments", "../comments1.xml"))
    parts["xl/comments1.xml"] = "<broken"
    found = opened(forge.zipped(parts)).sheets[0]
    assert raw(found) == {(1, 1): "1"}
    assert found.comments == ()


def two_sheets(forge: SimpleNamespace, second: str) -> dict[str, str]:
    parts = forge.parts_of(forge.sheet_xml('<row r="1"><c r="A1"><v>1</v></c></row>'))
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
        "</sheets>", '<sheet name="Second" sheetId="2" r:id="rId9"/></sheets>'
    )
    parts["xl/_rels/workbook.xml.rels"] = forge.relations(
        ("rId1", "worksheet", "worksheets/sheet1.xml"), ("rId9", "worksheet", "worksheets/sheet2.xml")
    )
    parts["xl/worksheets/sheet2.xml"] = second
    return parts


@pytest.mark.unit
def test_a_sheet_that_cannot_be_parsed_is_read_by_a_fallback(forge: SimpleNamespace) -> None:
    # The last rows are cut off: no XML parser takes it, calamine reads up to where it ends.
    broken = forge.sheet_xml('<row r="1"><c r="A1"><v>7</v></c></row>').replace("</worksheet>", "")
    first, second = opened(forge.zipped(two_sheets(forge, broken))).sheets
    assert (str(first.parser), raw(first)) == ("xml", {(1, 1): "1"})
    assert str(second.parser) == "calamine"
    assert not second.failed
    assert {place: float(value) for place, value in raw(second).items()} == {(1, 1): 7.0}


@pytest.mark.unit
def test_a_sheet_nobody_can_read_does_not_touch_the_others(forge: SimpleNamespace) -> None:
    first, second = opened(forge.zipped(two_sheets(forge, "garbage"))).sheets
    assert raw(first) == {(1, 1): "1"}
    assert second.failed
    assert second.reason


@pytest.mark.unit
def test_only_sheets_nobody_can_read_make_a_corrupt_workbook(forge: SimpleNamespace) -> None:
    with pytest.raises(IngestkitError) as caught:
        opened(forge.zipped(forge.parts_of("garbage")))
    assert str(caught.value.code) == "E_PARSE_CORRUPT"


@pytest.mark.unit
def test_old_and_binary_workbooks_come_from_calamine(forge: SimpleNamespace) -> None:
    values: list[tuple[int, int, float | str]] = [(0, 0, "Name"), (0, 1, "Qty"), (1, 0, "a"), (1, 1, 2.5)]
    old = open_workbook(Content.of(forge.compound({"Workbook": forge.biff_workbook(values)})), None, None).sheets[0]
    binary = opened(forge.zipped(forge.xlsb_parts(values))).sheets[0]
    for sheet in (old, binary):
        assert str(sheet.parser) == "calamine"
        assert sheet.reason
        assert raw(sheet) == {(1, 1): "Name", (1, 2): "Qty", (2, 1): "a", (2, 2): "2.5"}


@pytest.mark.unit
def test_a_few_cells_at_the_ends_of_a_sheet_cost_nothing(forge: SimpleNamespace) -> None:
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c></row>'
        '<row r="1048576"><c r="A1048576"><v>3</v></c></row>'
    )
    content = forge.zipped(forge.parts_of(forge.sheet_xml(rows)))
    started = time.process_time()
    found = opened(content).sheets[0]
    assert time.process_time() - started < 0.5
    assert raw(found) == {(1, 1): "1", (1, 16384): "2", (1048576, 1): "3"}


@pytest.mark.unit
def test_no_dense_reader_is_asked_for_a_sparse_range(forge: SimpleNamespace) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>3</v></c></row>'
    broken = forge.sheet_xml(rows).replace("</worksheet>", "")
    sparse = Package.open(Content.of(forge.zipped(forge.parts_of(broken))), 100)
    assert not fits_densely(sparse)
    with pytest.raises(IngestkitError) as caught:
        open_workbook(sparse.content, sparse, find_workbook_part(sparse))
    assert str(caught.value.code) == "E_PARSE_CORRUPT"
    binary = forge.zipped(forge.xlsb_parts([(0, 0, 1.0), (1_048_575, 16_383, 2.0)]))
    with pytest.raises(IngestkitError) as refused:
        opened(binary)
    assert str(refused.value.code) == "E_PARSE_UNSUPPORTED"


@pytest.mark.unit
def test_sheet_states_kinds_and_names_are_kept(forge: SimpleNamespace) -> None:
    parts = two_sheets(forge, forge.sheet_xml(""))
    parts["xl/workbook.xml"] = (
        f'{forge.head}<workbook xmlns="{forge.main}" xmlns:r="{forge.office}"><workbookPr date1904="1"/><sheets>'
        '<sheet name="A &amp; B" r:id="rId1"/><sheet name="Hid" state="veryHidden" r:id="rId9"/>'
        '<sheet name="Chart" r:id="rId5"/><sheet name="Code" r:id=""/></sheets>'
        "<definedNames><definedName name=\"Sales\">'A &amp; B'!$A$1:$B$4</definedName></definedNames></workbook>"
    )
    parts["xl/_rels/workbook.xml.rels"] = forge.relations(
        ("rId1", "worksheet", "worksheets/sheet1.xml"),
        ("rId9", "worksheet", "worksheets/sheet2.xml"),
        ("rId5", "chartsheet", "chartsheets/sheet1.xml"),
    )
    parts["xl/chartsheets/sheet1.xml"] = f'<chartsheet xmlns="{forge.main}"/>'
    workbook = opened(forge.zipped(parts))
    assert [(sheet.name, str(sheet.state), str(sheet.kind)) for sheet in workbook.sheets] == [
        ("A & B", "visible", "worksheet"),
        ("Hid", "veryHidden", "worksheet"),
        ("Chart", "visible", "chartsheet"),
        ("Code", "visible", "module"),
    ]
    assert [(name.name, name.sheet_name, name.place.a1) for name in workbook.names] == [("Sales", "A & B", "A1:B4")]
    assert workbook.sheets[0].styles.date1904


@pytest.mark.unit
def test_row_masks_tell_filled_columns() -> None:
    sheet = Sheet(
        name="x",
        blocks=scan_sheet(
            [
                '<worksheet><sheetData><row r="2"><c r="A2"><v>1</v></c><c r="C2"><v>1</v></c></row></sheetData></worksheet>'
            ],
            Strings(),
            Blocks(),
        ).blocks,
    )
    assert sheet.row_masks() == {2: 0b1010}
    assert sheet.cell_count() == 2


@pytest.mark.unit
def test_the_error_cells_of_an_old_workbook_stand_where_they_belong(forge: SimpleNamespace) -> None:
    values = [(2, 1, "Share"), (3, 1, 1.5), (4, 1, "#DIV/0!"), (5, 1, 2.5), (6, 2, "#N/A")]
    content = forge.compound({"Workbook": forge.biff_workbook(values)})
    (sheet,) = open_workbook(Content.of(content), None, None).sheets
    assert raw(sheet) == {(3, 2): "Share", (4, 2): "1.5", (5, 2): "#DIV/0!", (6, 2): "2.5", (7, 3): "#N/A"}
    assert error_cells(content) == {"Old": {(4, 1): "#DIV/0!", (6, 2): "#N/A"}}
    for length in range(0, len(content), 37):
        error_cells(content[:length])
