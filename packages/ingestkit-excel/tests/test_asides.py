"""What stands on a sheet in no cell is told where it lies, and nothing of a workbook with one of everything is lost."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from ingestkit_core.elements import CellRange
from ingestkit_core.extraction import Extraction
from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.reader import profile, read
from ingestkit_excel.workbook.values import AsideKind

DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
ART = "http://schemas.openxmlformats.org/drawingml/2006/main"
MARKUP = "http://schemas.openxmlformats.org/markup-compatibility/2006"
ROWS = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'

Extract = Callable[..., Extraction]


def settings(**overrides: Any) -> dict[str, Any]:
    return ExcelProcessorConfig(**overrides).model_dump()


def text_of(extraction: Extraction) -> str:
    return "\n".join(chunk.text for chunk in extraction.chunks)


@pytest.mark.unit
def test_text_boxes_and_descriptions_of_pictures_are_told(save: Callable[..., str], forge: Any) -> None:
    def box(text: str) -> str:
        paragraphs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
        return f"<xdr:sp><xdr:txBody>{paragraphs}</xdr:txBody></xdr:sp>"

    corners = "".join(
        f"<xdr:{end}><xdr:col>{column}</xdr:col><xdr:row>{row}</xdr:row></xdr:{end}>"
        for end, column, row in (("from", 1, 4), ("to", 3, 8))
    )
    lines = box("first line\nsecond line")
    inside = (
        f"<mc:AlternateContent><mc:Choice>{lines}</mc:Choice>"
        f"<mc:Fallback>{box('for older programs')}</mc:Fallback></mc:AlternateContent>"
        '<xdr:pic><xdr:nvPicPr><xdr:cNvPr id="2" name="Picture 1" descr="a plan of the site"/></xdr:nvPicPr></xdr:pic>'
        '<xdr:pic><xdr:nvPicPr><xdr:cNvPr id="3" name="Picture 2" descr="Picture 2"/></xdr:nvPicPr></xdr:pic>'
    )
    drawing = (
        f'<xdr:wsDr xmlns:xdr="{DRAWING}" xmlns:a="{ART}" xmlns:mc="{MARKUP}">'
        f"<xdr:twoCellAnchor>{corners}{inside}</xdr:twoCellAnchor></xdr:wsDr>"
    )
    more = {
        "xl/worksheets/_rels/sheet1.xml.rels": forge.relations(("rId1", "drawing", "../drawings/drawing1.xml")),
        "xl/drawings/drawing1.xml": drawing,
    }
    extraction = read(save(forge.parts_of(forge.sheet_xml(ROWS), **more)), settings())
    assert text_of(extraction).split("\n\n") == [
        "shared zero",
        "first line\nsecond line",
        "Picture: a plan of the site",
    ]
    assert CellRange("Sheet1", "B5:D9") in extraction.chunks[0].locations
    assert extraction.ledger.unexplained == 0


@pytest.mark.unit
def test_choices_page_texts_names_and_series_are_told(extract: Extract) -> None:
    def add(workbook: openpyxl.Workbook) -> None:
        sheet = workbook["S"]
        for place in ("D2", "D9"):
            rule = openpyxl.worksheet.datavalidation.DataValidation(type="list", formula1='"low,middle,high"')
            rule.add(place)
            sheet.add_data_validation(rule)
        in_cells = openpyxl.worksheet.datavalidation.DataValidation(type="list", formula1="$A$2:$A$3")
        in_cells.add("E2")
        sheet.add_data_validation(in_cells)
        sheet.oddFooter.center.text = "Strictly confidential, page &P of &N"
        sheet.oddHeader.left.text = "Page &P of &N"
        workbook.defined_names["tax_rate"] = openpyxl.workbook.defined_name.DefinedName("tax_rate", attr_text="S!$B$2")
        chart = openpyxl.chart.LineChart()
        chart.add_data(openpyxl.chart.Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=False)
        chart.series[0].tx = openpyxl.chart.series.SeriesLabel(v="Revenue")
        sheet.add_chart(chart, "F2")

    extraction = extract({"S": [["a", "b"], ["x", 1], ["y", 2]]}, add)
    said = [line for chunk in extraction.chunks for line in chunk.text.split("\n") if line]
    assert said[-4:] == [
        "Chart: series Revenue",
        "Choices in D2: low, middle, high",
        "Page footer: Strictly confidential, page of",
        "tax_rate is B2",
    ]


@pytest.mark.unit
def test_diagrams_and_rules_among_extensions_are_told(save: Callable[..., str], forge: Any) -> None:
    diagram_namespace = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
    points = "".join(
        f'<dgm:pt modelId="{number}"><dgm:t><a:bodyPr/><a:p>{run}</a:p></dgm:t></dgm:pt>'
        for number, run in enumerate(
            ("<a:r><a:t>Plan</a:t></a:r>", "", "<a:r><a:t>Build and </a:t></a:r><a:r><a:t>test</a:t></a:r>")
        )
    )
    corners = "".join(
        f"<xdr:{end}><xdr:col>{column}</xdr:col><xdr:row>{row}</xdr:row></xdr:{end}>"
        for end, column, row in (("from", 2, 1), ("to", 4, 9))
    )
    frame = (
        f'<xdr:graphicFrame><dgm:relIds xmlns:dgm="{diagram_namespace}" r:dm="rId7" r:lo="rId8"/></xdr:graphicFrame>'
    )
    rule = (
        '<extLst><ext><x14:dataValidations xmlns:x14="urn:x14" xmlns:xm="urn:xm"><x14:dataValidation type="list">'
        '<x14:formula1><xm:f>"red,green"</xm:f></x14:formula1><xm:sqref>B2:B9</xm:sqref></x14:dataValidation>'
        "</x14:dataValidations></ext></extLst>"
    )
    more = {
        "xl/worksheets/_rels/sheet1.xml.rels": forge.relations(("rId1", "drawing", "../drawings/drawing1.xml")),
        "xl/drawings/drawing1.xml": f'<xdr:wsDr xmlns:xdr="{DRAWING}" xmlns:r="{forge.office}">'
        f"<xdr:twoCellAnchor>{corners}{frame}</xdr:twoCellAnchor></xdr:wsDr>",
        "xl/drawings/_rels/drawing1.xml.rels": forge.relations(("rId7", "diagramData", "../diagrams/data1.xml")),
        "xl/diagrams/data1.xml": f'<dgm:dataModel xmlns:dgm="{diagram_namespace}" xmlns:a="{ART}">'
        f"<dgm:ptLst>{points}</dgm:ptLst></dgm:dataModel>",
    }
    extraction = read(save(forge.parts_of(forge.sheet_xml(ROWS, after=rule), **more)), settings())
    assert text_of(extraction).split("\n\n") == [
        "shared zero",
        "Diagram: Plan\nBuild and test",
        "Choices in B2:B9: red, green",
    ]
    assert CellRange("Sheet1", "C2:E10") in extraction.chunks[0].locations


@pytest.mark.unit
def test_a_pivot_table_is_named_and_one_that_cannot_be_read_is_counted(save: Callable[..., str], forge: Any) -> None:
    pivot = f'<pivotTableDefinition xmlns="{forge.main}" name="Sales by region"><location ref="A3:C9"/></pivotTableDefinition>'
    more = {
        "xl/worksheets/_rels/sheet1.xml.rels": forge.relations(
            ("rId1", "pivotTable", "../pivotTables/pivotTable1.xml"),
            ("rId2", "pivotTable", "../pivotTables/missing.xml"),
        ),
        "xl/pivotTables/pivotTable1.xml": pivot,
    }
    extraction = read(save(forge.parts_of(forge.sheet_xml(ROWS), **more)), settings())
    assert "Pivot table: Sales by region" in text_of(extraction)
    assert CellRange("Sheet1", "A3:C9") in extraction.chunks[0].locations
    assert extraction.ledger.uncounted == {"pivot_tables": 2}


@pytest.mark.unit
def test_every_kind_of_aside_is_told(save: Callable[..., str], forge: Any) -> None:
    from ingestkit_excel.extract.asides import read_asides
    from ingestkit_excel.workbook import Aside, Sheet

    sheet = Sheet("S", asides=tuple(Aside(kind, "TOKEN") for kind in AsideKind))
    assert [element.text.count("TOKEN") for element in read_asides(sheet, (), ())] == [1] * len(AsideKind)


PROBE_SHOWN = [
    "12.34%", "$1,234.50", "€9,876.25", "01234", "4-Jul-23", "2024-03-15", "36:00:00", "#DIV/0!", "TRUE", "555",
    "GROUPQ1 / Sales", "GROUPQ1 / Cost", "GROUPQ2 / Sales", "GROUPQ2 / Cost", "SideKey | SideVal",
]  # fmt: skip


@pytest.mark.integration
def test_every_token_of_the_probe_is_shown_or_in_the_ledger(corpora: Path) -> None:
    path = corpora / "features" / "probe.xlsx"
    tokens = _tokens(path)
    hidden = {token for token in tokens if token.startswith(("HID", "VERYHID"))}
    assert (len(tokens), len(hidden)) == (16, 4)
    extraction = read(str(path), settings())
    said = text_of(extraction)
    assert {token for token in tokens if token not in said} == hidden
    assert [text for text in PROBE_SHOWN if text not in said] == []
    units = {unit.unit: (unit.dropped, unit.unexplained) for unit in extraction.ledger.units}
    assert units == {
        "Main": ({"hidden": 2}, 0),
        "Tbl": ({}, 0),
        "HiddenSheet": ({"hidden": 1}, 0),
        "VeryHidden": ({"hidden": 1}, 0),
    }
    everything = text_of(read(str(path), settings(include_hidden=True)))
    assert {token for token in tokens if token not in everything} == set()
    kinds = {region.region_type for sheet in profile(str(path), settings()).sheets for region in sheet.regions}
    assert {"data_table", "header_block", "chart"} <= kinds


def _tokens(path: Path) -> set[str]:
    """What was planted in the parts of a workbook, in whatever part."""
    with zipfile.ZipFile(path) as archive:
        parts = [archive.read(name).decode("utf-8", "replace") for name in archive.namelist() if "docProps" not in name]
    return {token for part in parts for token in re.findall(r"[A-Z0-9]*TOKEN[0-9]*", part.replace("&amp;L", " "))}
