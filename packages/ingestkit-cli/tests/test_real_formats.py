"""The command over the formats that are really installed, each with the smallest file that holds a sentence."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

SENTENCE = "The harvest was plentiful"


def write_pdf(path: Path) -> None:
    content = f"BT /F1 12 Tf 72 700 Td ({SENTENCE}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    path.write_bytes(body + head + table + end)


SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORKBOOK = {
    "[Content_Types].xml": f"""<Types xmlns="{PACKAGE}/content-types">
        <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
        <Override PartName="/xl/workbook.xml"
          ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
        <Override PartName="/xl/worksheets/sheet1.xml"
          ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
        <Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{SPREADSHEET}" xmlns:r="{OFFICE}">
        <sheets><sheet name="Notes" sheetId="1" r:id="rId1"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
        <Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>""",
    "xl/worksheets/sheet1.xml": f"""<worksheet xmlns="{SPREADSHEET}"><sheetData>
        <row r="2"><c r="B2" t="inlineStr"><is><t>{SENTENCE}</t></is></c></row></sheetData></worksheet>""",
}


def write_workbook(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in WORKBOOK.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')


@pytest.fixture(params=["pdf", "excel"])
def real(request: pytest.FixtureRequest, here: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """A file of an installed format, where its sentence stands, and a path that hides the other format."""
    format = request.param
    pytest.importorskip(f"ingestkit_{format}.reader", reason=f"ingestkit-{format} is not installed")
    other = {"pdf": "excel", "excel": "pdf"}[format]
    info = tmp_path_factory.mktemp("site") / f"ingestkit_{other}-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ingestkit-{other}\nVersion: 1\n", encoding="utf-8")
    name, place = {"pdf": ("a.pdf", "page 1"), "excel": ("a.xlsx", "Notes!B2")}[format]
    {"pdf": write_pdf, "excel": write_workbook}[format](here / name)
    return name, place, os.pathsep.join(filter(None, (str(info.parent), os.environ.get("PYTHONPATH", ""))))


def test_a_real_document_is_read_found_and_cited(
    ingestkit: Callable[..., Any], real: tuple[str, str, str], here: Path
) -> None:
    name, place, path = real
    (here / f"broken.{name.partition('.')[2]}").write_bytes(b"no document")
    read = ingestkit("ingest", ".", PYTHONPATH=path)
    assert read.code == 1, read.err
    assert f"committed    {name}  1 chunk" in read.err
    assert "0.00 % unexplained" in read.err
    assert "quarantined  broken." in read.err
    found = ingestkit("search", "plentiful harvest", "--json", PYTHONPATH=path)
    assert [json.loads(line)["citation"] for line in found.lines] == [f"{name}, {place}"]
    converted = ingestkit("convert", name, "--to", "md", PYTHONPATH=path)
    assert (converted.code, SENTENCE in converted.out) == (0, True)
