"""One PDF file into elements, chunks and their account. Runs in a worker; pure: bytes and settings in, values out.

    guard → open → pages → profile → classify → elements by route → chunks
                     │                              │                  │
                     └── what came in               └── left out       └── what went out   = ledger

Importing this module does not import pymupdf; ``read`` and ``convert`` do.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestkit_core.chunking import ChunkDraft, ChunkLimits, pack
from ingestkit_core.elements import Element, PageBox, TableDraft, unit_of
from ingestkit_core.errors import ErrorCode, IngestError, ParseError, SourceError
from ingestkit_core.extraction import Conversion, Extraction, Split
from ingestkit_core.keys import hash_bytes
from ingestkit_core.ledger import Ledger
from ingestkit_core.models import ClassificationStageResult, ParseStageResult
from ingestkit_core.progress import unit_done

from ingestkit_pdf import guard
from ingestkit_pdf.accounting import account, continuation_issues, loss_issues, page_issues, skipped_pages, unit
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.content import PageContent, page_content
from ingestkit_pdf.extract.forms import note_elements, with_fields
from ingestkit_pdf.extract.furniture import PageLines, find_furniture
from ingestkit_pdf.extract.headings import Style, body_style, find_headings
from ingestkit_pdf.extract.hyphens import Words
from ingestkit_pdf.extract.order import in_reading_order
from ingestkit_pdf.extract.tables import may_hold_tables
from ingestkit_pdf.extract.tabular import PlacedTable, page_tables, placed_tables, with_tables
from ingestkit_pdf.extract.text import hidden_elements, text_elements
from ingestkit_pdf.guard import recognises
from ingestkit_pdf.models import ClassificationResult, DocumentMetadata, DocumentProfile
from ingestkit_pdf.profile import profile_document
from ingestkit_pdf.routing import Route, classify, ingestion_method
from ingestkit_pdf.values import Facts

if TYPE_CHECKING:
    from ingestkit_pdf.document import Document

__all__ = ["PRELOAD", "convert", "read", "read_or_split", "reader_versions", "recognises"]

PRELOAD: tuple[str, ...] = ("ingestkit_pdf.document", "ingestkit_pdf.reader")
"""Modules a worker template imports ahead."""

SPLIT_FROM_PAGES = 200
PAGES_PER_PART = 100
"""A document of so many pages is read in parts of so many, side by side."""

_PARSER = "pymupdf"
_SAMPLE_CHARACTERS = 8000


def reader_versions() -> dict[str, str]:
    """The versions of what reads the files: part of the fingerprint."""
    return {_PARSER: version(_PARSER)}


def read(file_path: str, config: dict[str, Any]) -> Extraction:
    """Read one PDF into chunks. ``config`` is a PDFProcessorConfig as ``model_dump()``.

    Raises an IngestkitError where the document as a whole cannot be read; what concerns single pages is in
    the extraction's issues.
    """
    started = time.perf_counter()
    settings = PDFProcessorConfig.model_validate(config)
    return _extraction(file_path, settings, _read_document(file_path, settings), started)


def read_or_split(file_path: str, config: dict[str, Any]) -> Extraction | Split:
    """As :func:`read`; a document of many pages comes back as ranges of pages to be read side by side."""
    started = time.perf_counter()
    settings = PDFProcessorConfig.model_validate(config)
    with _opened(file_path, settings) as opened:
        count = opened.document.page_count
        if count >= SPLIT_FROM_PAGES:
            ranges = tuple(_ranges(count))
            return Split(read_range, ranges, assemble, weights=tuple(last - first + 1 for first, last in ranges))
        pages = _read_pages(opened, 1, count, settings)
        reading = _interpreted(opened, pages, settings)
    return _extraction(file_path, settings, reading, started)


def read_range(file_path: str, config: dict[str, Any], part: tuple[int, int]) -> PagesRead:
    """The pages from ``part[0]`` to ``part[1]`` (1-based, inclusive) of a large document, not yet interpreted."""
    settings = PDFProcessorConfig.model_validate(config)
    with _opened(file_path, settings) as opened:
        return _read_pages(opened, *part, settings)


def assemble(file_path: str, config: dict[str, Any], carried: bytes, parts: Sequence[PagesRead]) -> Extraction:
    """The extraction of a large document from its ranges. Raises SourceError if the file changed meanwhile."""
    started = time.perf_counter()
    settings = PDFProcessorConfig.model_validate(config)
    with _opened(file_path, settings) as opened:
        if any(part.content_hash != opened.content_hash for part in parts):
            message = f"{Path(file_path).name} changed while it was read; ingest it again when it is complete"
            raise SourceError(ErrorCode.E_SOURCE_CHANGED, message, recoverable=True)
        pages = PagesRead(
            opened.content_hash,
            tuple(content for part in parts for content in part.contents),
            tuple(failure for part in parts for failure in part.failures),
        )
        reading = _interpreted(opened, pages, settings)
    return _extraction(file_path, settings, reading, started)


def _ranges(page_count: int) -> Iterator[tuple[int, int]]:
    for first in range(1, page_count + 1, PAGES_PER_PART):
        yield first, min(first + PAGES_PER_PART - 1, page_count)


def _extraction(file_path: str, settings: PDFProcessorConfig, reading: _Reading, started: float) -> Extraction:
    packed = pack(reading.elements, ChunkLimits.of(settings))
    ledger = reading.ledger(packed.emitted, settings)
    return Extraction(
        content_hash=reading.content_hash,
        chunks=_described(packed.chunks, reading.profile.metadata),
        tables=reading.tables,
        ledger=ledger,
        parse=ParseStageResult(
            units_total=reading.profile.metadata.page_count,
            units_done=sum(content.route is Route.NATIVE for content in reading.contents),
            skipped=skipped_pages(reading.contents, reading.failed_pages),
            method=_PARSER,
            quality=reading.profile.quality.score,
            parsers=reader_versions(),
            seconds=time.perf_counter() - started,
        ),
        classification=_classification_stage(reading.classification),
        ingestion_method=ingestion_method(reading.classification),
        language=reading.profile.language,
        issues=(*reading.issues, *loss_issues(ledger, Path(file_path).name, settings)),
    )


def convert(file_path: str, config: dict[str, Any]) -> Conversion:
    """Read one PDF into elements in reading order, for rendering. Raises as :func:`read` does."""
    settings = PDFProcessorConfig.model_validate(config)
    reading = _read_document(file_path, settings)
    emitted: Counter[str] = Counter()
    for element in reading.elements:
        for span in (*element.header, *element.spans):
            emitted[unit_of(span.location)] += span.count
    ledger = reading.ledger(emitted, settings)
    return Conversion(
        title=reading.profile.metadata.title or Path(file_path).stem,
        elements=reading.elements,
        ledger=ledger,
        issues=(*reading.issues, *loss_issues(ledger, Path(file_path).name, settings)),
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """A document read and interpreted, before anything is packed. ``furniture`` is by content."""

    content_hash: str
    profile: DocumentProfile
    classification: ClassificationResult
    contents: Sequence[PageContent]
    furniture: Sequence[frozenset[int]]
    elements: tuple[Element, ...]
    tables: tuple[TableDraft, ...]
    issues: tuple[IngestError, ...]
    failed_pages: Sequence[int]
    embedded_files: int

    def ledger(self, emitted: Mapping[str, int], settings: PDFProcessorConfig) -> Ledger:
        """The account, given what went out by unit."""
        return account(self.contents, self.furniture, emitted, self.failed_pages, self.embedded_files, settings)


@dataclass(frozen=True, slots=True)
class PagesRead:
    """Pages of a document as they are, and an error for each that cannot be read."""

    content_hash: str
    contents: tuple[PageContent, ...]
    failures: tuple[IngestError, ...]


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


def _read_document(file_path: str, settings: PDFProcessorConfig) -> _Reading:
    with _opened(file_path, settings) as opened:
        pages = _read_pages(opened, 1, opened.document.page_count, settings)
        return _interpreted(opened, pages, settings)


def _interpreted(opened: _Opened, pages: PagesRead, settings: PDFProcessorConfig) -> _Reading:
    name, findings, contents, failures = opened.name, opened.findings, pages.contents, pages.failures
    facts = opened.document.facts()
    if not contents:
        code = ErrorCode.E_PARSE_REPAIR_FAILED if facts.repaired else ErrorCode.E_PARSE_CORRUPT
        raise ParseError(code, f"{name}: none of its {facts.page_count} pages can be read")
    body = body_style([page.lines for page in contents])
    furniture = find_furniture(
        [PageLines(page.number, page.width, page.height, page.lines) for page in contents], body[0], settings
    )
    profile = profile_document(facts, [page.profile for page in contents], _sample(contents), settings)
    issues = [*findings.issues, *failures]
    for page in contents:
        issues.extend(page_issues(page, name, settings))
    elements, tables = _elements(contents, furniture, facts, body, settings)
    issues.extend(continuation_issues(tables, name))
    return _Reading(
        content_hash=opened.content_hash,
        profile=profile,
        classification=classify(profile, settings),
        contents=contents,
        furniture=furniture,
        elements=tuple(elements),
        tables=tuple(table.draft for table in tables if table.draft is not None),
        issues=tuple(sorted(issues, key=lambda issue: issue.page_number or 0)),
        failed_pages=[issue.page_number for issue in failures if issue.page_number],
        embedded_files=findings.embedded_files,
    )


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
                wants_drawings=may_hold_tables,
            )
        except ParseError as error:
            failures.append(error.to_error().model_copy(update={"recoverable": True}))
        else:
            contents.append(page_content(page, count, settings))
        unit_done("parse", number - first + 1, last - first + 1)
    return PagesRead(opened.content_hash, tuple(contents), tuple(failures))


def _sample(contents: Sequence[PageContent]) -> str:
    """Text to tell the language from: the beginnings of pages up to a few thousand characters."""
    sample: list[str] = []
    length = 0
    for content in contents:
        for line in content.lines:
            sample.append(line.text)
            length += len(line.text)
            if length > _SAMPLE_CHARACTERS:
                return "\n".join(sample)
    return "\n".join(sample)


def _elements(
    contents: Sequence[PageContent],
    furniture: Sequence[frozenset[int]],
    facts: Facts,
    body: Style,
    settings: PDFProcessorConfig,
) -> tuple[list[Element], list[PlacedTable]]:
    """The elements of the document in reading order, page by page, and its tables."""
    bodies = [
        list(in_reading_order([line for index, line in enumerate(page.lines) if index not in left_out]))
        if page.route is Route.NATIVE
        else []
        for page, left_out in zip(contents, furniture, strict=True)
    ]
    found = [
        page_tables(page.number, page.width, page.height, lines, page.drawings)
        for page, lines in zip(contents, bodies, strict=True)
    ]
    placed = placed_tables(found, settings)
    headings = find_headings({page.page_number: page.left for page in found}, facts.outline, body, settings)
    words = Words(bodies)
    elements: list[Element] = []
    for page, tables in zip(contents, found, strict=True):
        read = text_elements(tables.left, headings[page.number], page.number, body[0], words)
        texts = list(with_tables(read, tables, placed))
        fields = [item for item in page.fields if settings.include_hidden or not item.hidden]
        elements += with_fields(texts, fields, page.number) if fields else texts
        notes = [note for note in page.notes if settings.include_hidden or not note.hidden]
        elements += note_elements(notes, page.number)
        if settings.include_hidden:
            elements += hidden_elements(page.hidden, page.number)
    return elements, placed


def _described(chunks: Sequence[ChunkDraft], metadata: DocumentMetadata) -> tuple[ChunkDraft, ...]:
    """The chunks with what every chunk of a PDF knows about its document and its pages."""
    about = {
        "doc_title": metadata.title,
        "doc_author": metadata.author,
        "doc_date": metadata.created,
    }
    return tuple(
        replace(
            chunk,
            metadata={
                **chunk.metadata,
                **about,
                "page_numbers": tuple(
                    sorted({place.page_number for place in chunk.locations if isinstance(place, PageBox)})
                ),
            },
        )
        for chunk in chunks
    )


def _classification_stage(result: ClassificationResult) -> ClassificationStageResult:
    return ClassificationStageResult(
        tier=result.tier_used,
        document_type=result.pdf_type,
        confidence=result.confidence,
        signals=dict(result.signals),
        reasoning=result.reasoning,
        unit_types={unit(number): str(kind) for number, kind in result.page_types.items()},
        degraded=result.degraded,
    )
