"""Sheets that were read, put together into what the document gives: chunks, tables, account, stages. Pure.

The sheets may come from one job or from several: nothing here depends on where a sheet was read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ingestkit_core.chunking import ChunkDraft, ChunkLimits, pack_sparing
from ingestkit_core.elements import Element, TableDraft
from ingestkit_core.errors import ErrorCode, IngestError
from ingestkit_core.extraction import Conversion, Extraction
from ingestkit_core.language import detect_language
from ingestkit_core.ledger import DropReason, Ledger
from ingestkit_core.models import ClassificationStageResult, ParseStageResult, SkippedUnit

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.sheets import SheetContent
from ingestkit_excel.models import ClassificationResult, ParserUsed
from ingestkit_excel.routing import METHODS, classify, question
from ingestkit_excel.workbook import Sheet, SheetKind

__all__ = ["BookRead", "SheetRead", "conversion", "extraction", "packed", "sheet_read"]

_LANGUAGE_CHARACTERS = 8000


@dataclass(frozen=True, slots=True)
class SheetRead:
    """A sheet read to the end; pickles. ``content`` is None for a sheet that was left out.

    ``chunks`` are its content's once it is ``packed``, and ``emitted`` says how many cells they hold; table indexes
    count from 0 on every sheet.
    """

    name: str
    parser: ParserUsed
    failed: bool
    reason: str | None
    cells: int
    uncounted: dict[str, int]
    issues: tuple[IngestError, ...]
    content: SheetContent | None
    chunks: tuple[ChunkDraft, ...] = ()
    emitted: int = 0

    @property
    def tables(self) -> tuple[TableDraft, ...]:
        """Its tables."""
        return self.content.tables if self.content is not None else ()


@dataclass(frozen=True, slots=True)
class BookRead:
    """A workbook read to the end. ``issues`` are those of the workbook as a whole."""

    content_hash: str
    title: str
    issues: tuple[IngestError, ...]
    sheets: tuple[SheetRead, ...]

    @property
    def all_issues(self) -> tuple[IngestError, ...]:
        """All issues in order."""
        return (*self.issues, *(issue for sheet in self.sheets for issue in sheet.issues))

    def first_tables(self) -> Iterator[tuple[SheetRead, int]]:
        """Every sheet with the index its first table has in the document."""
        first = 0
        for sheet in self.sheets:
            yield sheet, first
            first += len(sheet.tables)


def sheet_read(sheet: Sheet, issues: Sequence[IngestError], content: SheetContent | None) -> SheetRead:
    """What is left to know of a sheet when it was read."""
    uncounted = {
        "charts": len(sheet.charts),
        "chart_sheets": int(sheet.kind is SheetKind.CHARTSHEET),
        "images": sheet.images,
        "pivot_tables": sheet.pivots,
        "comments": len(sheet.comments) if content is None else 0,
        "unreadable_sheets": int(sheet.failed),
    }
    told = (*issues, *(content.issues if content is not None else ()))
    return SheetRead(sheet.name, sheet.parser, sheet.failed, sheet.reason, sheet.cell_count(), uncounted, told, content)


def packed(sheet: SheetRead, settings: ExcelProcessorConfig) -> SheetRead:
    """The sheet with its elements made into chunks."""
    if sheet.content is None:
        return sheet
    limits = ChunkLimits.of(settings)
    done = [pack_sparing(section, limits) for section in sheet.content.sections if section]
    return replace(
        sheet,
        content=replace(sheet.content, sections=()),
        chunks=tuple(chunk for one in done for chunk in one.chunks),
        emitted=sum(count for one in done for count in one.emitted.values()),
        issues=(*sheet.issues, *(failure for one in done for failure in one.failures)),
    )


def extraction(book: BookRead, settings: ExcelProcessorConfig, started: float) -> Extraction:
    """What the document gives, from packed sheets. ``started`` is when reading began (``perf_counter``)."""
    chunks = tuple(_numbered(chunk, first) for sheet, first in book.first_tables() for chunk in sheet.chunks)
    ledger = _ledger(book)
    classifying = time.perf_counter()
    regions = {sheet.name: sheet.content.regions for sheet in book.sheets if sheet.content is not None}
    classification = classify(regions, settings)
    finished = time.perf_counter()
    return Extraction(
        content_hash=book.content_hash,
        chunks=chunks,
        tables=tuple(table for sheet in book.sheets for table in sheet.tables),
        ledger=ledger,
        parse=_parse_stage(book, classifying - started),
        classification=_classification_stage(classification, finished - classifying),
        ingestion_method=str(METHODS[classification.file_type]),
        language=_language(chunks),
        issues=(*book.all_issues, *_losses(ledger)),
        question=question(classification, regions, settings),
    )


def _numbered(chunk: ChunkDraft, first_table: int) -> ChunkDraft:
    if chunk.table_index is None or not first_table:
        return chunk
    return replace(chunk, table_index=chunk.table_index + first_table)


def conversion(book: BookRead, title: str) -> Conversion:
    """The elements of all sheets; ``title`` where the workbook has none."""
    elements: list[Element] = []
    counted: list[SheetRead] = []
    for sheet, first in book.first_tables():
        own = [element for section in (sheet.content.sections if sheet.content else ()) for element in section]
        emitted = sum(span.count for element in own for span in (*element.header, *element.spans))
        counted.append(replace(sheet, emitted=emitted))
        elements += [
            element if element.table_index is None else replace(element, table_index=element.table_index + first)
            for element in own
        ]
    ledger = _ledger(replace(book, sheets=tuple(counted)))
    return Conversion(
        title=book.title or title,
        elements=tuple(elements),
        ledger=ledger,
        issues=(*book.all_issues, *_losses(ledger)),
    )


def _ledger(book: BookRead) -> Ledger:
    source: Counter[str] = Counter()
    emitted: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    uncounted: Counter[str] = Counter()
    for sheet in book.sheets:
        content = sheet.content
        source[sheet.name] += sheet.cells
        emitted[sheet.name] += sheet.emitted + (content.in_sql_only if content is not None else 0)
        hidden[sheet.name] += sheet.cells - (content.cells if content is not None else 0)
        uncounted.update(sheet.uncounted)
    dropped = {name: {DropReason.HIDDEN: count} for name, count in hidden.items() if count}
    return Ledger.balance("cells", source, emitted, dropped, uncounted={k: n for k, n in uncounted.items() if n})


def _losses(ledger: Ledger) -> Iterator[IngestError]:
    for unit in ledger.units:
        if unit.unexplained:
            yield IngestError(
                code=ErrorCode.W_UNEXPLAINED_LOSS,
                message=f"{unit.unexplained} of {unit.source} cells are neither brought in nor accounted for.",
                stage="process",
                recoverable=True,
                sheet_name=unit.unit,
            )


def _parse_stage(book: BookRead, seconds: float) -> ParseStageResult:
    done = [sheet for sheet in book.sheets if sheet.content is not None]
    parsers = {sheet.name: str(sheet.parser) for sheet in done}
    least = max((sheet.parser for sheet in done), key=list(ParserUsed).index, default=ParserUsed.XML)
    return ParseStageResult(
        units_total=len(book.sheets),
        units_done=len(done),
        skipped=tuple(
            SkippedUnit(unit=issue.sheet_name, reason=issue.code)
            for issue in book.all_issues
            if issue.sheet_name is not None and issue.sheet_name not in parsers
        ),
        method=str(least),
        parsers=parsers,
        seconds=seconds,
    )


def _classification_stage(result: ClassificationResult, seconds: float) -> ClassificationStageResult:
    return ClassificationStageResult(
        tier=result.tier,
        document_type=str(result.file_type),
        confidence=result.confidence,
        signals=result.signals,
        reasoning=result.reasoning,
        unit_types={name: str(kind) for name, kind in result.sheet_types.items()},
        degraded=result.degraded,
        seconds=seconds,
    )


def _language(chunks: tuple[ChunkDraft, ...]) -> str | None:
    sample: list[str] = []
    length = 0
    for chunk in chunks:
        sample.append(chunk.text)
        length += len(chunk.text)
        if length >= _LANGUAGE_CHARACTERS:
            break
    return detect_language("\n".join(sample))
