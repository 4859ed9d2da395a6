"""A document's pages, all read, into elements, and those into chunks and their account. Runs in a worker; pure.

pages ─► profile ─► classified ─► furniture, tables, headings ─► elements ─┬─ packed ─► Extraction
                                                                           └─ as they are ─► Conversion
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ingestkit_core.chunking import ChunkLimits, pack_sparing
from ingestkit_core.containing import contained
from ingestkit_core.elements import Element, TableDraft, unit_of
from ingestkit_core.errors import ErrorCode, IngestError, ParseError, ProcessError
from ingestkit_core.extraction import Conversion, Extraction
from ingestkit_core.ledger import Ledger
from ingestkit_core.models import ClassificationStageResult, ParseStageResult

from ingestkit_pdf import guard
from ingestkit_pdf.accounting import (
    account,
    continuation_issues,
    document_issues,
    loss_issues,
    page_issues,
    skipped_pages,
    unit,
)
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.content import PageContent
from ingestkit_pdf.extract.describing import described, mending
from ingestkit_pdf.extract.forms import note_elements, with_fields
from ingestkit_pdf.extract.furniture import find_furniture
from ingestkit_pdf.extract.headings import Style, body_style, find_headings
from ingestkit_pdf.extract.hyphens import Words
from ingestkit_pdf.extract.insets import inset_elements, with_insets
from ingestkit_pdf.extract.layout import Displayed, laid_out
from ingestkit_pdf.extract.margins import PageLines
from ingestkit_pdf.extract.ocr import engine_issues, ocr_issues, ocr_lines, ocr_stage
from ingestkit_pdf.extract.order import in_reading_order
from ingestkit_pdf.extract.tabular import PageTables, PlacedTable, page_tables, placed_tables, with_tables
from ingestkit_pdf.extract.text import hidden_elements, text_elements
from ingestkit_pdf.models import ClassificationResult, DocumentProfile
from ingestkit_pdf.ocr.values import OCRChoice
from ingestkit_pdf.profile import profile_document, with_tables_counted
from ingestkit_pdf.routing import OCRNeed, Route, classify, ingestion_method, question
from ingestkit_pdf.values import Facts, Line

__all__ = ["Known", "PagesRead", "Reading", "conversion", "extraction", "interpreted", "reader_versions"]

_PARSER = "pymupdf"
_SAMPLE_CHARACTERS = 4000


def reader_versions() -> dict[str, str]:
    """The versions of what reads the files: part of the fingerprint."""
    return {_PARSER: _parser_version()}


@cache
def _parser_version() -> str:
    # The package's metadata is a long text that is parsed anew each time.
    return version(_PARSER)


@dataclass(frozen=True, slots=True)
class PagesRead:
    """Pages of a document as they are, and an error for each that cannot be read."""

    content_hash: str
    contents: tuple[PageContent, ...]
    failures: tuple[IngestError, ...]
    ocr_failures: tuple[IngestError, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a document besides its pages. Travels between its jobs."""

    name: str
    facts: Facts
    findings: guard.Findings
    content_hash: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A document read and interpreted, before anything is packed. ``furniture`` is by content."""

    content_hash: str
    profile: DocumentProfile
    classification: ClassificationResult
    contents: Sequence[PageContent]
    furniture: Sequence[frozenset[int]]
    elements: tuple[Element, ...]
    placed: Sequence[PlacedTable]
    tables: tuple[TableDraft, ...]
    issues: tuple[IngestError, ...]
    failed_pages: Sequence[int]
    embedded_files: int
    ocr: OCRChoice | None
    ocr_failures: Sequence[IngestError]

    def ledger(self, emitted: Mapping[str, int], settings: PDFProcessorConfig) -> Ledger:
        """The account, given what went out by unit."""
        contents, furniture, tables = self.contents, self.furniture, self.placed
        return account(contents, furniture, tables, emitted, self.failed_pages, self.embedded_files, settings)


def interpreted(known: Known, pages: PagesRead, choice: OCRChoice | None, settings: PDFProcessorConfig) -> Reading:
    """The document, once all its pages are read. ``choice`` is who read its pictures, None where none needs it.

    Raises ParseError where no page could be read.
    """
    name, facts, failures = known.name, known.facts, pages.failures
    contents = [laid_out(page) for page in pages.contents]
    if not contents:
        code = ErrorCode.E_PARSE_REPAIR_FAILED if facts.repaired else ErrorCode.E_PARSE_CORRUPT
        raise ParseError(code, f"{name}: none of its {facts.page_count} pages can be read")
    body = body_style([page.lines for page in contents])
    furniture, unsure = _furniture(contents, body, name, settings)
    issues = [*known.findings.issues, *document_issues(facts, name), *failures, *pages.ocr_failures, *unsure]
    for page in contents:
        issues.extend(page_issues(page, name, settings))
        issues.extend(ocr_issues(page, name, settings))
    if choice is not None:
        issues.extend(engine_issues(contents, name, choice))
    found = [_page_tables(page, left_out) for page, left_out in zip(contents, furniture, strict=True)]
    elements, tables = _elements(contents, found, facts, body, settings)
    profiles = [
        with_tables_counted(page.profile, len(on_page.tables), sum(on_page.characters))
        for page, on_page in zip(contents, found, strict=True)
    ]
    profile = profile_document(facts, profiles, _sample(contents), settings)
    issues.extend(continuation_issues(tables, name))
    issues.extend(failure for table in tables for failure in table.failures)
    return Reading(
        content_hash=known.content_hash,
        profile=profile,
        classification=classify(profile, settings),
        contents=contents,
        furniture=furniture,
        elements=tuple(elements),
        placed=tables,
        tables=tuple(table.draft for table in tables if table.draft is not None),
        issues=tuple(sorted(issues, key=lambda issue: issue.page_number or 0)),
        failed_pages=[issue.page_number for issue in failures if issue.page_number],
        embedded_files=known.findings.embedded_files,
        ocr=choice,
        ocr_failures=pages.ocr_failures,
    )


def _furniture(
    contents: Sequence[PageContent], body: Style, name: str, settings: PDFProcessorConfig
) -> tuple[Sequence[frozenset[int]], tuple[IngestError, ...]]:
    """The running headers and footers of every page; where they cannot be told apart, they are text."""
    pages = [PageLines(page.number, page.width, page.height, page.lines) for page in contents]
    try:
        found = contained(
            ErrorCode.E_PROCESS_HEADER_FOOTER,
            f"{name}: running headers and footers could not be told apart",
            lambda: find_furniture(pages, body[0], settings),
        )
    except ProcessError as exc:
        return [frozenset()] * len(pages), (exc.to_error(),)
    return found, ()


def extraction(file_path: str, settings: PDFProcessorConfig, reading: Reading, started: float) -> Extraction:
    """The document as chunks. ``started`` is when this job did, on the performance counter."""
    packed = pack_sparing(reading.elements, ChunkLimits.of(settings))
    ledger = reading.ledger(packed.emitted, settings)
    ocr = ocr_stage(reading.contents, reading.ocr_failures, reading.ocr, settings)
    chunks = described(packed.chunks, reading.profile.metadata, reading.contents)
    return Extraction(
        content_hash=reading.content_hash,
        chunks=chunks,
        tables=reading.tables,
        ledger=ledger,
        parse=ParseStageResult(
            units_total=reading.profile.metadata.page_count,
            units_done=sum(content.is_read for content in reading.contents),
            skipped=skipped_pages(reading.contents, reading.failed_pages),
            method=_PARSER,
            quality=reading.profile.quality.score,
            parsers=reader_versions() | (_engine_version(reading.ocr) if ocr is not None else {}),
            seconds=time.perf_counter() - started,
        ),
        classification=_classification_stage(reading.classification),
        ingestion_method=ingestion_method(reading.classification.pdf_type),
        language=reading.profile.language,
        issues=(*reading.issues, *packed.failures, *loss_issues(ledger, Path(file_path).name, settings)),
        ocr=ocr,
        mending=mending(chunks, settings),
        log_lines=ocr_lines(reading.contents) if settings.log_ocr_output else (),
        question=question(
            reading.profile,
            reading.classification,
            {content.number for content in reading.contents if content.need is OCRNeed.PAGE},
            settings,
        ),
    )


def _engine_version(choice: OCRChoice | None) -> dict[str, str]:
    return {str(choice.engine): choice.version} if choice is not None and choice.engine is not None else {}


def conversion(file_path: str, settings: PDFProcessorConfig, reading: Reading, started: float) -> Conversion:
    """The document as elements. ``started`` is not told."""
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
    found: Sequence[PageTables],
    facts: Facts,
    body: Style,
    settings: PDFProcessorConfig,
) -> tuple[list[Element], list[PlacedTable]]:
    """The elements of the document in reading order, page by page, and its tables."""
    displayed = Displayed.of(contents)
    placed = [_as_displayed(table, displayed) for table in placed_tables(found, settings)]
    headings = find_headings({page.page_number: page.left for page in found}, facts.outline, body, settings)
    words = Words([lines for page in contents for lines in (page.lines, *_inset_lines(page))])
    elements: list[Element] = []
    for page, tables in zip(contents, found, strict=True):
        read = text_elements(tables.left, headings[page.number], page.number, body[0], words)
        texts = list(with_tables(read, tables, placed))
        if page.number in displayed.layouts:
            texts = [displayed.element(element) for element in texts]
        if page.insets:
            insets = list(inset_elements(page, placed, body[0], words, settings))
            placed += [table for inset in insets for table in inset.tables]
            texts = with_insets(texts, insets, page.number)
        fields = [item for item in page.fields if settings.include_hidden or not item.hidden]
        elements += with_fields(texts, fields, page.number) if fields else texts
        notes = [note for note in page.notes if settings.include_hidden or not note.hidden]
        elements += note_elements(notes, page.number)
        if settings.include_hidden:
            elements += hidden_elements(page.hidden, page.number)
    return elements, placed


def _as_displayed(table: PlacedTable, displayed: Displayed) -> PlacedTable:
    """The table as it goes into SQL; its elements stand among the text still."""
    return table if table.draft is None else replace(table, draft=displayed.table(table.draft))


def _inset_lines(page: PageContent) -> Iterator[Sequence[Line]]:
    return (inset.seen.lines for inset in page.insets if inset.seen is not None)


def _page_tables(page: PageContent, furniture: Set[int]) -> PageTables:
    return page_tables(page.number, page.width, page.height, _body(page, furniture), page.drawings)


def _body(page: PageContent, furniture: Set[int]) -> list[Line]:
    """The lines of a page that go out, in reading order: an OCR engine sees the page and knows its order best."""
    if not page.is_read:
        return []
    lines = [line for index, line in enumerate(page.lines) if index not in furniture]
    return lines if page.replaced or page.route is Route.OCR else list(in_reading_order(lines))


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
