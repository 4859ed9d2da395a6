"""One PDF file into elements, chunks and their account. Runs in a worker; pure: bytes and settings in, values out.

    guard → open → pages → profile → classify → elements by route → chunks
                     │                              │                  │
                     └── what came in               └── left out       └── what went out   = ledger

Importing this module does not import pymupdf; ``read`` and ``convert`` do.
"""

from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestkit_core.elements import Box
from ingestkit_core.errors import ErrorCode, IngestError, IngestkitError, ParseError, SourceError
from ingestkit_core.extraction import Conversion, Extraction, Split
from ingestkit_core.keys import hash_bytes
from ingestkit_core.progress import unit_done

from ingestkit_pdf import guard
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.content import PageContent, page_content
from ingestkit_pdf.extract.insets import each_once
from ingestkit_pdf.extract.ocr import merged
from ingestkit_pdf.extract.tables import may_hold_tables
from ingestkit_pdf.guard import recognises
from ingestkit_pdf.interpretation import (
    Known,
    PagesRead,
    Reading,
    conversion,
    extraction,
    interpreted,
    reader_versions,
)
from ingestkit_pdf.models import OCREngine
from ingestkit_pdf.ocr.choosing import choose
from ingestkit_pdf.ocr.values import OCRChoice, PageSeen
from ingestkit_pdf.routing import OCRNeed
from ingestkit_pdf.uncollected import uncollected

if TYPE_CHECKING:
    from ingestkit_pdf.document import Document

__all__ = ["PRELOAD", "convert", "convert_or_split", "read", "read_or_split", "reader_versions", "recognises"]

PRELOAD: tuple[str, ...] = ("ingestkit_pdf.preloading", "ingestkit_pdf.document", "ingestkit_pdf.reader")
"""Modules a worker template imports ahead."""

SPLIT_FROM_PAGES = 200
PAGES_PER_PART = 100
"""A document of so many pages is read in parts of so many, side by side."""


def read(file_path: str, config: dict[str, Any], ocr: OCRChoice | None = None) -> Extraction:
    """Read one PDF into chunks, in this process. ``config`` is a PDFProcessorConfig as ``model_dump()``.

    Raises an IngestkitError where the document as a whole cannot be read; what concerns single pages is in
    the extraction's issues. ``ocr`` is the engine to use; without it one is looked for.
    """
    step = _begin(file_path, config, Errand(extraction, ocr), in_ranges=False)
    value = in_one_go(step, file_path, config)
    assert isinstance(value, Extraction)
    return value


def read_or_split(file_path: str, config: dict[str, Any], ocr: OCRChoice | None = None) -> Extraction | Split:
    """As :func:`read`; a document of many pages, or with pages for OCR, comes back as parts to be read side by side."""
    step = _begin(file_path, config, Errand(extraction, ocr), in_ranges=True)
    assert not isinstance(step, Conversion)
    return step


def convert(file_path: str, config: dict[str, Any], ocr: OCRChoice | None = None) -> Conversion:
    """Read one PDF into elements in reading order, for rendering. Runs and raises as :func:`read` does."""
    step = _begin(file_path, config, Errand(conversion, ocr), in_ranges=False)
    value = in_one_go(step, file_path, config)
    assert isinstance(value, Conversion)
    return value


def convert_or_split(file_path: str, config: dict[str, Any], ocr: OCRChoice | None = None) -> Conversion | Split:
    """As :func:`convert`, in parts as :func:`read_or_split` does it."""
    step = _begin(file_path, config, Errand(conversion, ocr), in_ranges=True)
    assert not isinstance(step, Extraction)
    return step


Step = Extraction | Conversion | Split


def in_one_go(step: Step, file_path: str, config: dict[str, Any]) -> Extraction | Conversion:
    """What comes of a document whose further parts are read here, one after the other."""
    while isinstance(step, Split):
        values: list[Any] = []
        for part in step.parts:
            try:
                values.append(step.read_part(file_path, config, part))
            except IngestkitError as error:
                if not step.spares_failed_parts:
                    raise
                values.append(error.to_error())
        step = step.assemble(file_path, config, step.carried, values)
    return step


@dataclass(frozen=True, slots=True)
class Errand:
    """What is wanted of a document, and who reads its pictures. Travels between its jobs.

    ``finish`` makes it out of the document once it is read; ``ocr`` is None where no router has chosen.
    """

    finish: Callable[[str, PDFProcessorConfig, Reading, float], Extraction | Conversion]
    ocr: OCRChoice | None


@uncollected()
def _begin(file_path: str, config: dict[str, Any], errand: Errand, *, in_ranges: bool) -> Step:
    started = time.perf_counter()
    settings = _settings(config)
    with _opened(file_path, settings) as opened:
        count = opened.document.page_count
        if in_ranges and count >= SPLIT_FROM_PAGES:
            ranges = tuple(_ranges(count))
            weights = tuple(last - first + 1 for first, last in ranges)
            return Split(read_range, ranges, assemble, pickle.dumps(errand), weights=weights)
        known = Known(opened.name, opened.document.facts(), opened.findings, opened.content_hash)
        pages = _read_pages(opened, 1, count, settings)
    return _go_on(file_path, settings, errand, known, pages, started)


@uncollected()
def read_range(file_path: str, config: dict[str, Any], part: tuple[int, int]) -> PagesRead:
    """The pages from ``part[0]`` to ``part[1]`` (1-based, inclusive) of a large document, not yet interpreted."""
    settings = _settings(config)
    with _opened(file_path, settings) as opened:
        return _read_pages(opened, *part, settings)


@uncollected()
def assemble(file_path: str, config: dict[str, Any], carried: bytes, parts: Sequence[PagesRead]) -> Step:
    """What comes of a large document's ranges. Raises SourceError if the file changed meanwhile."""
    started = time.perf_counter()
    settings = _settings(config)
    with _opened(file_path, settings) as opened:
        known = Known(opened.name, opened.document.facts(), opened.findings, opened.content_hash)
    if any(part.content_hash != known.content_hash for part in parts):
        raise _changed(file_path)
    pages = PagesRead(
        known.content_hash,
        tuple(content for part in parts for content in part.contents),
        tuple(failure for part in parts for failure in part.failures),
    )
    errand: Errand = pickle.loads(carried)
    return _go_on(file_path, settings, errand, known, pages, started)


_last_settings: list[tuple[dict[str, Any], PDFProcessorConfig]] = []


def _settings(config: dict[str, Any]) -> PDFProcessorConfig:
    """The config as it was dumped. Kept for the next document: checking it takes longer than reading a page."""
    if not _last_settings or _last_settings[0][0] != config:
        _last_settings[:] = [(copy.deepcopy(config), PDFProcessorConfig.model_validate(config))]
    return _last_settings[0][1]


def _ranges(page_count: int) -> Iterator[tuple[int, int]]:
    for first in range(1, page_count + 1, PAGES_PER_PART):
        yield first, min(first + PAGES_PER_PART - 1, page_count)


def _changed(file_path: str) -> SourceError:
    message = f"{Path(file_path).name} changed while it was read; ingest it again when it is complete"
    return SourceError(ErrorCode.E_SOURCE_CHANGED, message, recoverable=True)


def _go_on(
    file_path: str, settings: PDFProcessorConfig, errand: Errand, known: Known, pages: PagesRead, started: float
) -> Step:
    """All pages are read as they are: what comes of them, or the parts of them that are for OCR."""
    pages = replace(pages, contents=each_once(pages.contents))
    if all(page.need is OCRNeed.NOTHING and not page.insets for page in pages.contents):
        return errand.finish(file_path, settings, interpreted(known, pages, None, settings), started)
    choice = errand.ocr or choose(settings)
    if choice.engine is None:
        return errand.finish(file_path, settings, interpreted(known, pages, choice, settings), started)
    return Split(
        read_by_ocr,
        tuple(part for page in pages.contents for part in _parts(page, choice.engine, known.content_hash)),
        assemble_ocr,
        pickle.dumps((replace(errand, ocr=choice), known, pages)),
        part_timeout_seconds=settings.ocr_per_page_timeout_seconds,
        spares_failed_parts=True,
        max_parts_at_once=settings.ocr_max_workers,
        stage="ocr",
    )


@dataclass(frozen=True, slots=True)
class OCRPart:
    """A page for OCR, or the part of it in the box; of the very bytes that the guard has seen.

    ``inset``: a picture among the page's own text, which may hold none.
    """

    page_number: int
    clip: Box | None
    engine: OCREngine
    content_hash: str
    inset: bool = False


def _parts(page: PageContent, engine: OCREngine, content_hash: str) -> Iterator[OCRPart]:
    """The parts of a page that are for OCR: one for it, or one for each inset."""
    if page.need is not OCRNeed.NOTHING:
        yield OCRPart(page.number, page.pictures, engine, content_hash)
    else:
        yield from (OCRPart(page.number, inset.box, engine, content_hash, inset=True) for inset in page.insets)


def read_by_ocr(file_path: str, config: dict[str, Any], part: OCRPart) -> PageSeen:
    """One part by OCR. Raises SourceError if the file changed, else OCRError or ParseError."""
    from ingestkit_pdf.document import Document
    from ingestkit_pdf.ocr.pages import see_inset, see_page

    settings = _settings(config)
    content = guard.inspect_file(file_path, settings)
    if hash_bytes(content) != part.content_hash:
        raise _changed(file_path)
    with Document(content, Path(file_path).name) as document:
        if part.inset and part.clip is not None:
            return see_inset(document, part.page_number, part.clip, part.engine, settings)
        return see_page(document, part.page_number, part.clip, part.engine, settings)


def assemble_ocr(
    file_path: str, config: dict[str, Any], carried: bytes, values: Sequence[PageSeen | IngestError]
) -> Extraction | Conversion:
    """What comes of a document's pages and what OCR read, in the order of the pages that need it."""
    started = time.perf_counter()
    settings = _settings(config)
    errand, known, pages = pickle.loads(carried)
    if any(isinstance(value, IngestError) and value.code == ErrorCode.E_SOURCE_CHANGED for value in values):
        raise _changed(file_path)
    read = merged(pages.contents, values, known.name, settings)
    pages = replace(pages, contents=read.pages, ocr_failures=read.failures)
    reading = interpreted(known, pages, errand.ocr, settings)
    value: Extraction | Conversion = errand.finish(file_path, settings, reading, started)
    return value


@dataclass(frozen=True, slots=True)
class _Opened:
    """A document that passed the guard."""

    name: str
    document: Document
    findings: guard.Findings
    content_hash: str


@contextmanager
def _opened(file_path: str, settings: PDFProcessorConfig) -> Iterator[_Opened]:
    from ingestkit_pdf.document import Document  # takes a second: only here, in the worker

    name = Path(file_path).name
    content = guard.inspect_file(file_path, settings)
    with Document(content, name) as document:
        yield _Opened(name, document, guard.inspect_structure(document, name, settings), hash_bytes(content))


def _read_pages(opened: _Opened, first: int, last: int, settings: PDFProcessorConfig) -> PagesRead:
    """Every page that can be read, and an error for every other one."""
    contents: list[PageContent] = []
    failures: list[IngestError] = []
    count = opened.document.page_count
    for number in range(first, last + 1):
        try:
            page = opened.document.page(
                number,
                settings.min_chars_per_page,
                replacement_texts=opened.findings.replacement_texts,
                wants_insets=settings.auto_ocr_fallback,
                wants_drawings=may_hold_tables,
            )
        except ParseError as error:
            failures.append(error.to_error().model_copy(update={"recoverable": True}))
        else:
            contents.append(page_content(page, count, settings))
        unit_done("parse", number - first + 1, last - first + 1)
    return PagesRead(opened.content_hash, tuple(contents), tuple(failures))
