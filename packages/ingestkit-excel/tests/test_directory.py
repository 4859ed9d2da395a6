"""Zip directories: what is read here agrees with zipfile, and what is not plain is left to it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from ingestkit_core.errors import ParseError
from ingestkit_excel.workbook import directory
from ingestkit_excel.workbook.content import Content
from ingestkit_excel.workbook.directory import read_directory


def _zipped(*, comment: bytes = b"", name: str = "xl/a.xml", extra: bytes = b"", zip64: bool = False) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        archive.writestr("folder/", "")
        entry = zipfile.ZipInfo(name)
        entry.extra = extra
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=zip64) as part:
            part.write(b"x" * 5000)
        archive.writestr("stored", "abc", zipfile.ZIP_STORED)
    return file.getvalue()


SHAPES: dict[str, Callable[[], bytes]] = {
    "plain": _zipped,
    "comment": lambda: _zipped(comment=b"made by hand"),
    "accents": lambda: _zipped(name="xl/\u00e4.xml"),
    "extra": lambda: _zipped(extra=b"\x55\x54\x05\x00\x01abcd"),
    "zip64": lambda: _zipped(zip64=True),
    "before": lambda: b"something first" + _zipped(),
}


@pytest.mark.unit
@pytest.mark.parametrize("shape", SHAPES)
def test_a_directory_says_what_zipfile_says(shape: str) -> None:
    content = SHAPES[shape]()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        expected = [
            (one.filename, one.compress_type, one.flag_bits, one.compress_size, one.file_size, one.header_offset)
            for one in archive.infolist()
        ]
    assert list(map(tuple, read_directory(Content.of(content)))) == expected


@pytest.mark.unit
def test_a_plain_directory_costs_no_zipfile(monkeypatch: pytest.MonkeyPatch) -> None:
    content = Content.of(_zipped())
    monkeypatch.setattr(directory.zipfile, "ZipFile", None)
    assert [one.filename for one in read_directory(content)] == ["folder/", "xl/a.xml", "stored"]


@pytest.mark.unit
@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_directory_that_was_cut_off_is_corrupt(cut: int) -> None:
    with pytest.raises(ParseError):
        read_directory(Content.of(_zipped()[:-cut]))
