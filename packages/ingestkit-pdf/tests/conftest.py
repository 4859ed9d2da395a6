"""Small PDF files, made where they are needed: by PyMuPDF, or byte by byte where it would refuse to."""

from __future__ import annotations

import os
import shutil
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from ingestkit_core.elements import Element
from ingestkit_core.extraction import Extraction
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores import open_store
from ingestkit_pdf import PDFRouter
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import OCREngine
from ingestkit_pdf.ocr.values import OCRChoice
from ingestkit_pdf.reader import convert, read

NO_ENGINE = OCRChoice(OCREngine.AUTO, None, problem="none is installed")
"""What is installed here must make no difference to tests of anything else."""

WORDS = (
    "the river carries sand from the upper valley towards the plain where the farmers of the old villages have built "
    "low walls of stone to keep the spring floods away from their fields and orchards "
).split()


def prose(words: int, start: int = 0) -> str:
    """That many ordinary words; another ``start`` gives another text."""
    return " ".join(WORDS[(start * 7 + index) % len(WORDS)] for index in range(words))


@pytest.fixture(scope="session")
def text_of() -> Callable[..., str]:
    """Ordinary prose by number of words."""
    return prose


class Book:
    """A document being made: pages of text at given places, then bytes or a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.document = pymupdf.open()

    def page(self, width: float = 595, height: float = 842) -> Any:
        """A new page."""
        return self.document.new_page(width=width, height=height)

    def body(self, page: Any, lines: int = 20, start: int = 0, top: float = 150, size: float = 11) -> None:
        """A paragraph of lines of eight words, another one for another ``start``."""
        for line in range(lines):
            page.insert_text((72, top + line * 1.3 * size), prose(8, start * 31 + line), fontsize=size)

    def save(self, name: str = "file.pdf", **options: Any) -> str:
        """Write it; returns the path."""
        path = self._folder / name
        self.document.save(path, **options)
        return str(path)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def raw_pdf(objects: Mapping[int, bytes], trailer: bytes = b"/Root 1 0 R", head: bytes = b"%PDF-1.7\n") -> bytes:
    """A file of objects as they are given, with a correct cross-reference table."""
    out = bytearray(head)
    offsets: dict[int, int] = {}
    for number, body in objects.items():
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        if number in offsets:
            out += b"%010d 00000 n \n" % offsets[number]
        else:
            out += b"0000000000 65535 f \n"
    out += b"trailer <</Size %d %s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
    return bytes(out)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A stream object with its true length."""
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), entries, content)


def flate(content: bytes) -> bytes:
    return zlib.compress(content, 9)


HELLO = b"BT /F1 12 Tf 72 720 Td (Hello from a small page) Tj ET"


def one_page(extra: Mapping[int, bytes] | None = None, page: bytes = b"", catalog: bytes = b"") -> bytes:
    """A page that says hello, with further objects from number 6 on."""
    return raw_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
            2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>%s>>"
            % page,
            4: stream(HELLO),
            5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            **(extra or {}),
        }
    )


class Raw:
    """The byte-by-byte builders, for tests."""

    pdf = staticmethod(raw_pdf)
    stream = staticmethod(stream)
    flate = staticmethod(flate)
    one_page = staticmethod(one_page)


@pytest.fixture(scope="session")
def raw() -> type[Raw]:
    return Raw


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Bytes into a file; returns the path."""

    def _write(content: bytes, name: str = "file.pdf") -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return _write


@pytest.fixture(scope="session")
def reading() -> Callable[..., Extraction]:
    """Read a path with settings, as a worker does."""

    def _read(path: str, **settings: Any) -> Extraction:
        return read(path, PDFProcessorConfig(**settings).model_dump(), NO_ENGINE)

    return _read


@pytest.fixture(scope="session")
def elements() -> Callable[..., tuple[Element, ...]]:
    """The elements of a path, in reading order."""

    def _convert(path: str, **settings: Any) -> tuple[Element, ...]:
        return convert(path, PDFProcessorConfig(**settings).model_dump(), NO_ENGINE).elements

    return _convert


@pytest.fixture(scope="session")
def corpora() -> Path:
    folder = os.environ.get("INGESTKIT_CORPORA")
    if folder and Path(folder).is_dir():
        return Path(folder)
    reason = "set INGESTKIT_CORPORA to the folder with the real files"
    if "corpora" in os.environ.get("INGESTKIT_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def tesseract() -> str:
    command = shutil.which("tesseract")
    if command is None:
        reason = "install tesseract-ocr to run the tests of OCR"
        if "tesseract" in os.environ.get("INGESTKIT_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    return command


@pytest.fixture
def impostor(tmp_path: Path) -> Callable[[str], str]:
    """Makes a command that calls itself tesseract and does as told; returns a PATH on which it is."""

    def _make(body: str) -> str:
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "tesseract"
        script.write_text(
            "#!/bin/sh\n"
            'case "$1" in --version) echo tesseract 1.0;; --list-langs) printf "List:\\neng\\n";; *) '
            + body
            + ";; esac\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return f"{folder}:/usr/bin:/bin"

    return _make


@pytest.fixture
def processed(tmp_path: Path) -> Iterator[Callable[..., dict[str, ProcessingResult]]]:
    """Ingest a folder into the test's store, in worker processes; results by file name."""
    with open_store(str(tmp_path / "store.db")) as store:

        def process(paths: list[str], **settings: Any) -> dict[str, ProcessingResult]:
            config = PDFProcessorConfig(execution_max_workers=2, **settings)
            with PDFRouter(store, store, config=config) as router:
                return {Path(result.file_path).name: result for result in router.process_batch(paths)}

        yield process
