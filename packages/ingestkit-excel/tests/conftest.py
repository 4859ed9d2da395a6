"""Workbooks for tests: ordinary ones by openpyxl, odd ones written byte by byte."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from ingestkit_core.extraction import Extraction
from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.reader import read

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def settings(**overrides: Any) -> dict[str, Any]:
    return ExcelProcessorConfig(**overrides).model_dump()


def relations(*entries: tuple[str, str, str]) -> str:
    inner = "".join(f'<Relationship Id="{i}" Type="{OFFICE}/{kind}" Target="{target}"/>' for i, kind, target in entries)
    return f'{HEAD}<Relationships xmlns="{RELATIONS}">{inner}</Relationships>'


def parts_of(sheet: str, **more: str) -> dict[str, str]:
    """The parts of a package with one sheet; ``more`` replaces or adds parts by name."""
    parts = {
        "[Content_Types].xml": f'{HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": relations(("rId1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            ("rId1", "worksheet", "worksheets/sheet1.xml"),
            ("rId2", "sharedStrings", "sharedStrings.xml"),
            ("rId3", "styles", "styles.xml"),
        ),
        "xl/sharedStrings.xml": f'{HEAD}<sst xmlns="{MAIN}"><si><t>shared zero</t></si><si><t>shared one</t></si></sst>',
        "xl/styles.xml": f'{HEAD}<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
        "</styleSheet>",
        "xl/worksheets/sheet1.xml": sheet,
    }
    return {**parts, **more}


def sheet_xml(rows: str, after: str = "", before: str = "") -> str:
    return (
        f'{HEAD}<worksheet xmlns="{MAIN}" xmlns:r="{OFFICE}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'
    )


def zipped(parts: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """Write bytes, or the parts of a package, to a file; returns its path."""

    def write(content: bytes | Mapping[str, str | bytes], name: str = "book.xlsx") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else zipped(content))
        return str(path)

    return write


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., str]:
    """Make a workbook by openpyxl: sheets as lists of rows, then whatever ``change`` does to it."""

    def make(
        sheets: Mapping[str, list[list[Any]]],
        change: Callable[[openpyxl.Workbook], None] | None = None,
        name: str = "book.xlsx",
    ) -> str:
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.active)
        for title, rows in sheets.items():
            worksheet = workbook.create_sheet(title)
            for row in rows:
                worksheet.append(row)
        if change is not None:
            change(workbook)
        path = tmp_path / name
        workbook.save(path)
        return str(path)

    return make


@pytest.fixture
def extract(book: Callable[..., str]) -> Callable[..., Extraction]:
    """Make a workbook and read it."""

    def run(
        sheets: Mapping[str, list[list[Any]]],
        change: Callable[[openpyxl.Workbook], None] | None = None,
        **overrides: Any,
    ) -> Extraction:
        return read(book(sheets, change), settings(**overrides))

    return run


@pytest.fixture
def corpora() -> Path:
    """The folder of real workbooks; the test skips where it is absent, unless it is required."""
    folder = os.environ.get("INGESTKIT_CORPORA")
    if folder and (Path(folder) / "excel").is_dir():
        return Path(folder) / "excel"
    if "corpora" in os.environ.get("INGESTKIT_REQUIRE", "").split(","):
        pytest.fail("INGESTKIT_REQUIRE asks for corpora, but INGESTKIT_CORPORA names no folder with excel/ in it")
    pytest.skip("INGESTKIT_CORPORA is not set: no real workbooks to read")


def biff_record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


BIFF_ERRORS = {"#DIV/0!": 0x07, "#N/A": 0x2A}


def biff_workbook(cells: list[tuple[int, int, float | str]], *, encrypted: bool = False) -> bytes:
    """The Workbook stream of a BIFF8 file with one sheet. #DIV/0! is an error, #N/A that of a formula."""
    sheet = biff_record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    for row, column, value in cells:
        if value == "#DIV/0!":
            sheet += biff_record(0x205, struct.pack("<HHHBB", row, column, 0, BIFF_ERRORS[value], 1))
        elif value == "#N/A":
            result = bytes((2, 0, BIFF_ERRORS[value], 0, 0, 0, 0xFF, 0xFF))
            sheet += biff_record(0x06, struct.pack("<HHH", row, column, 0) + result + bytes(6) + b"\x02\0\x1c\x2a")
        elif isinstance(value, str):
            text = struct.pack("<HB", len(value), 0) + value.encode("latin-1")
            sheet += biff_record(0x204, struct.pack("<HHH", row, column, 0) + text)
        else:
            sheet += biff_record(0x203, struct.pack("<HHHd", row, column, 0, value))
    sheet += biff_record(0x0A)
    head = biff_record(0x809, struct.pack("<HHHHII", 0x600, 0x5, 0, 0, 0, 0))
    if encrypted:
        head += biff_record(0x2F, struct.pack("<HHH", 1, 1, 1) + bytes(48))
    name = b"Old"
    entry_bytes = 4 + 4 + 2 + 2 + len(name)
    offset = len(head) + entry_bytes + 4
    head += biff_record(0x85, struct.pack("<IHBB", offset, 0, len(name), 0) + name)
    return head + biff_record(0x0A) + sheet


def compound(streams: Mapping[str, bytes]) -> bytes:
    """An OLE compound file of 512-byte sectors; streams are padded so that none needs the small-stream table."""
    sector = 512
    padded = {name: content.ljust(4096, b"\0") for name, content in streams.items()}
    sizes = {name: -(-len(content) // sector) for name, content in padded.items()}
    table = [0xFFFFFFFD]
    directory_start = 1
    directory_sectors = -(-(len(padded) + 1) // 4)
    table += [*range(directory_start + 1, directory_start + directory_sectors), 0xFFFFFFFE]
    starts = {}
    for name, count in sizes.items():
        starts[name] = len(table)
        table += [*range(len(table) + 1, len(table) + count), 0xFFFFFFFE]
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, directory_start, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0
    )
    header += struct.pack("<I", 0) + b"\xff" * (108 * 4)
    entries = [_entry("Root Entry", 5, 1 if padded else 0xFFFFFFFF, 0xFFFFFFFE, 0, 0xFFFFFFFF)]
    names = list(padded)
    for index, name in enumerate(names):
        following = index + 2 if index + 1 < len(names) else 0xFFFFFFFF
        entries.append(_entry(name, 2, 0xFFFFFFFF, starts[name], len(padded[name]), following))
    directory = b"".join(entries).ljust(directory_sectors * sector, b"\0")
    fat = b"".join(struct.pack("<I", number) for number in table).ljust(sector, b"\xff")
    return header + fat + directory + b"".join(content.ljust(sizes[n] * sector, b"\0") for n, content in padded.items())


def _entry(name: str, kind: int, child: int, start: int, size: int, right: int) -> bytes:
    spelled = name.encode("utf-16-le") + b"\0\0"
    return (
        spelled.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(spelled), kind, 1, 0xFFFFFFFF, right, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )


def xlsb_record(kind: int, body: bytes = b"") -> bytes:
    number = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size, spelled = len(body), b""
    while size >= 128:
        spelled += bytes([size & 0x7F | 0x80])
        size >>= 7
    return number + spelled + bytes([size]) + body


def xlsb_text(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb_parts(cells: list[tuple[int, int, float | str]]) -> dict[str, str | bytes]:
    """The parts of an .xlsb with one sheet."""
    rows = b""
    for row in sorted({row for row, _, _ in cells}):
        rows += xlsb_record(0, struct.pack("<I", row) + bytes(21))
        for at, column, value in cells:
            if at == row:
                place = struct.pack("<II", column, 0)
                text = isinstance(value, str)
                rows += xlsb_record(6 if text else 5, place + (xlsb_text(value) if text else struct.pack("<d", value)))
    size = struct.pack("<IIII", min(c[0] for c in cells), max(c[0] for c in cells), 0, max(c[1] for c in cells))
    sheet = xlsb_record(129) + xlsb_record(148, size) + xlsb_record(145) + rows + xlsb_record(146) + xlsb_record(130)
    bundle = struct.pack("<II", 0, 1) + xlsb_text("rId1") + xlsb_text("Binary")
    workbook = xlsb_record(131) + xlsb_record(143) + xlsb_record(156, bundle) + xlsb_record(144) + xlsb_record(132)
    return {
        "[Content_Types].xml": f'{HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": relations(("rId1", "officeDocument", "xl/workbook.bin")),
        "xl/workbook.bin": workbook,
        "xl/_rels/workbook.bin.rels": relations(("rId1", "worksheet", "worksheets/sheet1.bin")),
        "xl/worksheets/sheet1.bin": sheet,
    }


@pytest.fixture(scope="session")
def forge() -> SimpleNamespace:
    """What writes odd workbooks byte by byte."""
    return SimpleNamespace(
        biff_workbook=biff_workbook,
        compound=compound,
        head=HEAD,
        main=MAIN,
        office=OFFICE,
        parts_of=parts_of,
        relations=relations,
        settings=settings,
        sheet_xml=sheet_xml,
        strict=STRICT,
        xlsb_parts=xlsb_parts,
        zipped=zipped,
    )
