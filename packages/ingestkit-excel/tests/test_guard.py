"""Hostile and foreign files end in the right error, before anything is read from them."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ingestkit_core.errors import ErrorCode, IngestkitError
from ingestkit_excel.guard import recognises
from ingestkit_excel.reader import read
from ingestkit_excel.workbook import package as package_module
from ingestkit_excel.workbook.content import Content
from ingestkit_excel.workbook.package import Package

ROW = '<row r="1"><c r="A1"><v>1</v></c></row>'


def code_of(content: bytes, save: Callable[..., str], config: dict[str, Any]) -> str:
    with pytest.raises(IngestkitError) as caught:
        read(save(content), config)
    return str(caught.value.code)


def in_small_sectors(compound: bytes, first: int) -> bytes:
    """A compound file with one stream of small sectors, and in it, from the ``first`` on, a small stream."""
    root, stream = 1024 + 116, 1024 + 128 + 116
    moved = bytearray(compound)
    moved[root : root + 8] = compound[stream : stream + 8]
    moved[stream : stream + 8] = struct.pack("<II", first, 1000)
    return bytes(moved)


@pytest.fixture
def foreign(forge: SimpleNamespace) -> dict[str, bytes]:
    docx = {
        "_rels/.rels": forge.relations(("rId1", "officeDocument", "word/document.xml")),
        "word/document.xml": f'{forge.head}<w:document xmlns:w="http://x"/>',
    }
    doctype = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    entity = forge.parts_of(forge.sheet_xml(ROW))
    entity["xl/sharedStrings.xml"] = f'<?xml version="1.0"?>{doctype}<sst xmlns="{forge.main}"/>'
    late = forge.parts_of(f'<?xml version="1.0"?><!--{"x" * 9000}-->{doctype}<worksheet xmlns="{forge.main}"/>')
    utf16 = forge.parts_of(forge.sheet_xml(ROW))
    utf16["docProps/app.xml"] = f'<?xml version="1.0" encoding="UTF-16"?>{doctype}<a/>'.encode("utf-16")
    return {
        "nothing": b"",
        "text": b"hello, world",
        "old text": forge.compound({"WordDocument": b"x"}),
        "plain zip": forge.zipped({"readme.txt": "hello"}),
        "docx": forge.zipped(docx),
        "ods": forge.zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}, zipfile.ZIP_STORED),
        "encrypted": forge.compound({"EncryptionInfo": b"x", "EncryptedPackage": b"x"}),
        "encrypted xls": forge.compound({"Workbook": forge.biff_workbook([(0, 0, 1.0)], encrypted=True)}),
        "small encrypted xls": in_small_sectors(
            forge.compound({"Workbook": bytes(704) + forge.biff_workbook([(0, 0, 1.0)], encrypted=True)}), 11
        ),
        "cut off": forge.zipped(forge.parts_of(forge.sheet_xml(ROW)))[:300],
        "entity": forge.zipped(entity),
        "entity after a long comment": forge.zipped(late),
        "entity in utf-16": forge.zipped(utf16),
        "no sheets": forge.zipped(
            forge.parts_of(
                "", **{"xl/workbook.xml": f'{forge.head}<workbook xmlns="{forge.main}"><sheets/></workbook>'}
            )
        ),
    }


@pytest.mark.unit
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nothing", "E_SECURITY_INVALID_WORKBOOK"),
        ("text", "E_SECURITY_INVALID_WORKBOOK"),
        ("old text", "E_SECURITY_INVALID_WORKBOOK"),
        ("plain zip", "E_SECURITY_INVALID_WORKBOOK"),
        ("docx", "E_SECURITY_INVALID_WORKBOOK"),
        ("ods", "E_PARSE_UNSUPPORTED"),
        ("encrypted", "E_PARSE_PASSWORD"),
        ("encrypted xls", "E_PARSE_PASSWORD"),
        ("small encrypted xls", "E_PARSE_PASSWORD"),
        ("cut off", "E_PARSE_CORRUPT"),
        ("entity", "E_SECURITY_EXTERNAL_ENTITY"),
        ("entity after a long comment", "E_SECURITY_EXTERNAL_ENTITY"),
        ("entity in utf-16", "E_SECURITY_EXTERNAL_ENTITY"),
        ("no sheets", "E_PARSE_EMPTY"),
    ],
)
def test_refused_with_its_own_code(
    name: str, code: str, foreign: dict[str, bytes], save: Callable[..., str], forge: SimpleNamespace
) -> None:
    assert code_of(foreign[name], save, forge.settings()) == code


@pytest.mark.unit
def test_a_missing_file_and_a_folder_are_source_errors(tmp_path: Any, forge: SimpleNamespace) -> None:
    with pytest.raises(IngestkitError) as missing:
        read(str(tmp_path / "gone.xlsx"), forge.settings())
    assert missing.value.code is ErrorCode.E_SOURCE_NOT_FOUND
    with pytest.raises(IngestkitError) as folder:
        read(str(tmp_path), forge.settings())
    assert folder.value.code is ErrorCode.E_SOURCE_UNREADABLE


@pytest.mark.unit
def test_a_file_above_the_limit_is_not_read(save: Callable[..., str], forge: SimpleNamespace) -> None:
    content = forge.zipped({"x": bytes(2 << 20)}, zipfile.ZIP_STORED)
    assert code_of(content, save, forge.settings(max_file_size_mb=1)) == "E_SECURITY_TOO_LARGE"


@pytest.mark.unit
def test_a_bomb_is_refused_by_its_declared_size(save: Callable[..., str], forge: SimpleNamespace) -> None:
    bomb = forge.zipped({**forge.parts_of(forge.sheet_xml(ROW)), "xl/media/big.bin": bytes(80 << 20)})
    assert len(bomb) < 200_000
    assert code_of(bomb, save, forge.settings()) == "E_SECURITY_DECOMPRESSION_BOMB"


@pytest.mark.unit
def test_a_well_packed_entry_below_the_free_size_passes(save: Callable[..., str], forge: SimpleNamespace) -> None:
    packed = forge.zipped({**forge.parts_of(forge.sheet_xml(ROW)), "xl/media/big.bin": bytes(40 << 20)})
    assert read(save(packed), forge.settings()).ledger.source == 1


def understate(content: bytes, name: bytes, declared: int) -> bytes:
    """The archive with an entry's declared size replaced in the directory."""
    at = content.rindex(name, 0, len(content)) - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    return content[: at + 24] + struct.pack("<I", declared) + content[at + 28 :]


@pytest.mark.unit
def test_a_bomb_that_lies_about_its_size_is_stopped_while_inflating(
    save: Callable[..., str], forge: SimpleNamespace
) -> None:
    rows = f'<row r="1"><c r="A1"><v>1</v></c></row>{" " * (70 << 20)}'
    content = forge.zipped(forge.parts_of(forge.sheet_xml(rows)))
    lying = understate(content, b"xl/worksheets/sheet1.xml", 500)
    assert code_of(lying, save, forge.settings()) == "E_SECURITY_DECOMPRESSION_BOMB"


@pytest.mark.unit
def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch, forge: SimpleNamespace) -> None:
    monkeypatch.setattr(package_module, "MAX_ENTRIES", 3)
    with pytest.raises(IngestkitError) as caught:
        Package.open(Content.of(forge.zipped({str(i): "x" for i in range(4)})), 100)
    assert caught.value.code is ErrorCode.E_SECURITY_DECOMPRESSION_BOMB


@pytest.mark.unit
def test_one_long_text_in_very_many_cells_is_a_bomb_too(save: Callable[..., str], forge: SimpleNamespace) -> None:
    long = f'{forge.head}<sst xmlns="{forge.main}"><si><t>{"x" * 300_000}</t></si></sst>'
    rows = "".join(f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>' for i in range(1, 3001))
    content = forge.zipped(forge.parts_of(forge.sheet_xml(rows), **{"xl/sharedStrings.xml": long}))
    assert code_of(content, save, forge.settings()) == "E_SECURITY_DECOMPRESSION_BOMB"


@pytest.mark.unit
def test_macros_and_external_links_are_told(save: Callable[..., str], forge: SimpleNamespace) -> None:
    parts = forge.parts_of(
        forge.sheet_xml(ROW), **{"xl/vbaProject.bin": "x", "xl/externalLinks/externalLink1.xml": "<a/>"}
    )
    codes = [issue.code for issue in read(save(parts), forge.settings()).issues]
    assert codes == ["W_MACROS_PRESENT", "W_EXTERNAL_LINKS"]


@pytest.mark.unit
def test_a_raised_limit_is_told_with_its_reason(save: Callable[..., str], forge: SimpleNamespace) -> None:
    config = forge.settings(max_file_size_mb=600, max_file_size_override_reason="yearly archive")
    issues = read(save(forge.parts_of(forge.sheet_xml(ROW))), config).issues
    assert [issue.code for issue in issues] == ["W_SECURITY_OVERRIDE"]
    assert "yearly archive" in issues[0].message


@pytest.mark.unit
@pytest.mark.parametrize(
    ("head", "maybe"), [(b"PK\x03\x04rest", True), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", True), (b"%PDF-1.7", False)]
)
def test_recognised_by_the_first_bytes(head: bytes, maybe: bool) -> None:
    assert recognises(head) is maybe


@pytest.mark.unit
def test_a_wrong_extension_does_not_matter(save: Callable[..., str], forge: SimpleNamespace) -> None:
    path = save(forge.zipped(forge.parts_of(forge.sheet_xml(ROW))), "table.xls")
    assert read(path, forge.settings()).parse.method == "xml"
