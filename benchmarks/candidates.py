"""What reads PDF files here: raw floors, our reader, and the peers that are installed.

Each stands behind a function that makes its reading function, so that imports happen in the process that is
measured and before its clock starts.
"""

# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"
# The peers need not be installed and most are not typed.

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.outputs import Output
from benchmarks.tables import from_rows

if TYPE_CHECKING:
    from ingestkit_core.extraction import Extraction

__all__ = ["PDF", "Candidate", "installed", "kreuzberg_output", "left_out", "markitdown_output", "our_reading"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """``timed`` makes the function whose CPU is measured; ``shown`` the one that gives its output, if that is
    compared. ``requires`` names modules. ``slow`` ones are run once, and only in large runs.
    """

    name: str
    kind: Literal["floor", "ours", "peer"]
    requires: str
    timed: Callable[[], Callable[[str], object]] | None = None
    shown: Callable[[], Callable[[str], Output]] | None = None
    slow: bool = False

    @property
    def installed(self) -> bool:
        """Whether what it needs can be imported here."""
        return all(importlib.util.find_spec(module) for module in self.requires.split())


def installed(candidates: Sequence[Candidate], *, large: bool) -> list[Candidate]:
    """Those that can be run here; slow ones in large runs only."""
    return [candidate for candidate in candidates if candidate.installed and (large or not candidate.slow)]


def left_out(candidates: Sequence[Candidate], chosen: Sequence[Candidate]) -> list[str]:
    """Notes on who is missing and why."""
    missing = [candidate.name for candidate in candidates if not candidate.installed]
    slow = [candidate.name for candidate in candidates if candidate.installed and candidate.slow]
    notes = [f"not installed: {', '.join(missing)}"] if missing else []
    if slow and not any(candidate.slow for candidate in chosen):
        notes.append(f"in --large runs only: {', '.join(slow)}")
    return notes


# Floors


def _page_by_page(read_page: Callable[[Any], object]) -> Callable[[str], object]:
    import pymupdf

    def read(path: str) -> None:
        with pymupdf.open(path) as document:
            for page in document:
                read_page(page)

    return read


def _dict() -> Callable[[str], object]:
    return _page_by_page(lambda page: page.get_text("dict"))


def _dict_without_images() -> Callable[[str], object]:
    import pymupdf

    flags = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES
    return _page_by_page(lambda page: page.get_text("dict", flags=flags))


def _drawings() -> Callable[[str], object]:
    return _page_by_page(lambda page: page.get_cdrawings())


def _plain_text() -> Callable[[str], Output]:
    import pymupdf

    def read(path: str) -> Output:
        with pymupdf.open(path) as document:
            return Output("\n\n".join(page.get_text() for page in document))

    return read


# Ours


def our_reading() -> Callable[[str], Extraction]:
    """Our reader, without OCR."""
    from ingestkit_pdf import PDFProcessorConfig, reader
    from ingestkit_pdf.models import OCREngine
    from ingestkit_pdf.ocr.values import OCRChoice

    # OCR costs a hundred times what reading costs, and the peers are told to leave it, too.
    without = OCRChoice(OCREngine.AUTO, None)
    settings = PDFProcessorConfig().model_dump()
    return lambda path: reader.read(path, settings, without)


def _our_output() -> Callable[[str], Output]:
    from ingestkit_core.elements import ElementKind
    from ingestkit_core.rendering import render, table_cells
    from ingestkit_pdf import PDFProcessorConfig, reader

    settings = PDFProcessorConfig().model_dump()

    def read(path: str) -> Output:
        conversion = reader.convert(path, settings)
        # The truths leave out what pictures among text say, and the peers read none.
        conversion = replace(conversion, elements=tuple(one for one in conversion.elements if not one.is_apart))
        tables = [table_cells(element) for element in conversion.elements if element.kind is ElementKind.TABLE]
        return Output(
            render(conversion, "md"),
            tuple(from_rows([*header, *body]) for header, body in tables),
            tuple(chunk.text for chunk in reader.read(path, settings).chunks),
        )

    return read


# Peers


def _liteparse() -> Callable[[str], Output]:
    from liteparse import LiteParse

    parser = LiteParse(ocr_enabled=False, output_format="markdown", quiet=True)
    return lambda path: Output(parser.parse(path).text)


def _pdf_oxide() -> Callable[[str], Output]:
    from pdf_oxide import PdfDocument

    return lambda path: Output(PdfDocument(path).to_markdown_all())


def kreuzberg_output() -> Callable[[str], Output]:
    """Kreuzberg's Markdown, of any format it reads."""
    import kreuzberg

    config = kreuzberg.ExtractionConfig(use_cache=False, disable_ocr=True, output_format="markdown")
    return lambda path: Output(kreuzberg.extract_file_sync(path, config=config).content)


def markitdown_output() -> Callable[[str], Output]:
    """MarkItDown's Markdown, of any format it reads."""
    from markitdown import MarkItDown

    converter = MarkItDown(enable_plugins=False)
    return lambda path: Output(converter.convert(path).markdown)


def _pypdfium2() -> Callable[[str], Output]:
    import pypdfium2

    def read(path: str) -> Output:
        with pypdfium2.PdfDocument(path) as document:
            return Output("\n\n".join(page.get_textpage().get_text_range() for page in document))

    return read


def _pdfplumber() -> Callable[[str], Output]:
    import pdfplumber

    def read(path: str) -> Output:
        with pdfplumber.open(path) as document:
            text = "\n\n".join(page.extract_text() for page in document.pages)
            tables = [table for page in document.pages for table in page.extract_tables()]
            return Output(text, tuple(from_rows([[cell or "" for cell in row] for row in table]) for table in tables))

    return read


def _pymupdf4llm(*, layout: bool) -> Callable[[str], Output]:
    import pymupdf4llm

    pymupdf4llm.use_layout(layout)
    options = {"use_ocr": False} if layout else {}
    return lambda path: Output(pymupdf4llm.to_markdown(path, show_progress=False, **options))


def _with_layout() -> Callable[[str], Output]:
    return _pymupdf4llm(layout=True)


def _without_layout() -> Callable[[str], Output]:
    return _pymupdf4llm(layout=False)


PDF = (
    Candidate("PyMuPDF dict", "floor", "pymupdf", _dict),
    Candidate("PyMuPDF text", "floor", "pymupdf", _plain_text, _plain_text),
    Candidate("PyMuPDF dict without images", "floor", "pymupdf", _dict_without_images),
    Candidate("PyMuPDF get_cdrawings", "floor", "pymupdf", _drawings),
    Candidate("ingestkit-pdf", "ours", "ingestkit_pdf", our_reading, _our_output),
    Candidate("pypdfium2 text", "peer", "pypdfium2", _pypdfium2, _pypdfium2),
    Candidate("liteparse", "peer", "liteparse", _liteparse, _liteparse),
    Candidate("pdf_oxide", "peer", "pdf_oxide", _pdf_oxide, _pdf_oxide),
    Candidate("kreuzberg", "peer", "kreuzberg", kreuzberg_output, kreuzberg_output),
    Candidate("markitdown", "peer", "markitdown pdfminer", markitdown_output, markitdown_output),
    Candidate("pdfplumber", "peer", "pdfplumber", _pdfplumber, _pdfplumber),
    Candidate("pymupdf4llm with layout", "peer", "pymupdf4llm", _with_layout, _with_layout, slow=True),
    Candidate("pymupdf4llm without layout", "peer", "pymupdf4llm", _without_layout, _without_layout, slow=True),
)
"""The first is what the others' speeds are multiples of."""
