"""The functions that run in a worker: bytes and settings in, plain values out.

    read     ─► guard ─► open ─► every sheet: regions ─► tables, text ─► chunks, ledger, issues
    convert  ─► the same, as elements in reading order
    profile  ─► the same, as facts: no text of the workbook is in them

None holds a store, an embedder or a connection.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ingestkit_core.chunking import ChunkDraft, ChunkLimits, pack
from ingestkit_core.elements import Element, TableDraft
from ingestkit_core.errors import ErrorCode, IngestError, SourceError
from ingestkit_core.extraction import Conversion, Extraction
from ingestkit_core.language import detect_language
from ingestkit_core.ledger import DropReason, Ledger
from ingestkit_core.models import ClassificationStageResult, ParseStageResult, SkippedUnit
from ingestkit_core.progress import unit_done

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.sheets import SheetContent, read_sheet
from ingestkit_excel.extract.view import view_of
from ingestkit_excel.guard import check_size, guard, override_warnings, recognises
from ingestkit_excel.issues import sheet_issues, workbook_issues
from ingestkit_excel.models import ClassificationResult, FileProfile, ParserUsed, SheetRegion
from ingestkit_excel.profile import profile_workbook
from ingestkit_excel.routing import METHODS, classify, question
from ingestkit_excel.workbook import Content, Sheet, SheetKind, Workbook, open_workbook, take

__all__ = ["PRELOAD", "convert", "profile", "read", "reader_versions", "recognises"]

PRELOAD: tuple[str, ...] = ("ingestkit_excel.reader", "python_calamine")
"""Modules a worker's template imports ahead."""

_LIBRARIES = ("python-calamine", "openpyxl")
_LANGUAGE_CHARACTERS = 8000
_WITHOUT_CELLS = (SheetKind.CHARTSHEET, SheetKind.DIALOGSHEET, SheetKind.MODULE)


def reader_versions() -> dict[str, str]:
    """The versions of the libraries that read workbooks, by distribution name; none of them is imported."""
    return {name: version(name) for name in _LIBRARIES}


@dataclass(frozen=True, slots=True)
class _Read:
    """A workbook read to the end. ``contents`` stands beside ``book.sheets``: None for a sheet that was left out."""

    content_hash: str
    book: Workbook
    contents: tuple[SheetContent | None, ...]
    issues: tuple[IngestError, ...]

    @property
    def sections(self) -> list[tuple[Element, ...]]:
        return [section for content in self._done() for section in content.sections if section]

    @property
    def regions(self) -> dict[str, tuple[SheetRegion, ...]]:
        return {
            sheet.name: content.regions
            for sheet, content in zip(self.book.sheets, self.contents, strict=True)
            if content is not None
        }

    @property
    def tables(self) -> tuple[TableDraft, ...]:
        return tuple(table for content in self._done() for table in content.tables)

    def _done(self) -> list[SheetContent]:
        return [content for content in self.contents if content is not None]


def read(file_path: str, config: dict[str, Any]) -> Extraction:
    """Read a workbook. ``config`` is ``ExcelProcessorConfig.model_dump()``.

    Raises an IngestkitError where the workbook as a whole cannot be read: SourceError, SecurityError, ParseError.
    """
    started = time.perf_counter()
    settings = ExcelProcessorConfig.model_validate(config)
    result = _read_file(file_path, settings)
    chunks, emitted = _packed(result, settings)
    ledger = _ledger(result, emitted)
    classifying = time.perf_counter()
    classification = classify(result.regions, settings)
    finished = time.perf_counter()
    return Extraction(
        content_hash=result.content_hash,
        chunks=chunks,
        tables=result.tables,
        ledger=ledger,
        parse=_parse_stage(result, classifying - started),
        classification=_classification_stage(classification, finished - classifying),
        ingestion_method=str(METHODS[classification.file_type]),
        language=_language(chunks),
        issues=(*result.issues, *_losses(ledger)),
        question=question(classification, result.regions, settings),
    )


def convert(file_path: str, config: dict[str, Any]) -> Conversion:
    """Read a workbook for rendering: its elements in reading order, every row of every table among them.

    Raises as :func:`read` does.
    """
    settings = ExcelProcessorConfig.model_validate(config).model_copy(update={"row_serialization_limit": 1 << 30})
    result = _read_file(file_path, settings)
    emitted: dict[str, int] = {}
    for sheet, content in zip(result.book.sheets, result.contents, strict=True):
        elements = (element for section in (content.sections if content else ()) for element in section)
        emitted[sheet.name] = sum(span.count for element in elements for span in (*element.header, *element.spans))
    ledger = _ledger(result, emitted)
    return Conversion(
        title=result.book.title or Path(file_path).stem,
        elements=tuple(element for section in result.sections for element in section),
        ledger=ledger,
        issues=(*result.issues, *_losses(ledger)),
    )


def _packed(result: _Read, settings: ExcelProcessorConfig) -> tuple[tuple[ChunkDraft, ...], dict[str, int]]:
    """The chunks in order, and how many cells of each sheet they hold."""
    limits = ChunkLimits.of(settings)
    chunks: list[ChunkDraft] = []
    emitted: Counter[str] = Counter()
    for section in result.sections:
        packed = pack(section, limits)
        chunks.extend(packed.chunks)
        emitted.update(packed.emitted)
    return tuple(chunks), dict(emitted)


def profile(file_path: str, config: dict[str, Any]) -> FileProfile:
    """What a workbook is made of: extents, formats, regions and their signals. Raises as :func:`read` does."""
    result = _read_file(file_path, ExcelProcessorConfig.model_validate(config))
    return profile_workbook(result.book, result.regions)


def _read_file(file_path: str, settings: ExcelProcessorConfig) -> _Read:
    content = _content_of(Path(file_path), settings)
    admitted = guard(content, settings)
    book = open_workbook(content, admitted.package, admitted.part, settings.max_rows_in_memory)
    issues = [*override_warnings(settings), *workbook_issues(book)]
    contents: list[SheetContent | None] = []
    tables = 0
    for number, sheet in enumerate(book.sheets):
        unit_done("parse", number, len(book.sheets))
        issues.extend(sheet_issues(sheet, include_hidden=settings.include_hidden))
        read_one = None
        if _is_read(sheet, settings):
            view = view_of(sheet, include_hidden=settings.include_hidden)
            read_one = read_sheet(view, book.names, settings, first_table=tables)
            tables += len(read_one.tables)
        contents.append(read_one)
    return _Read(content.hash, book, tuple(contents), tuple(issues))


def _content_of(path: Path, settings: ExcelProcessorConfig) -> Content:
    """The file's bytes: what is hashed is what is parsed."""
    try:
        with path.open("rb") as file:
            check_size(file.seek(0, 2), settings)
            file.seek(0)
            return take(file)
    except FileNotFoundError as exc:
        raise SourceError(ErrorCode.E_SOURCE_NOT_FOUND, f"{path.name} is not there.") from exc
    except OSError as exc:
        raise SourceError(
            ErrorCode.E_SOURCE_UNREADABLE, f"{path.name} cannot be read: {exc.strerror or type(exc).__name__}."
        ) from exc


def _is_read(sheet: Sheet, settings: ExcelProcessorConfig) -> bool:
    seen = settings.include_hidden or not sheet.hidden
    return seen and not sheet.failed and sheet.kind not in _WITHOUT_CELLS


def _ledger(result: _Read, emitted: dict[str, int]) -> Ledger:
    source: dict[str, int] = {}
    dropped: dict[str, dict[DropReason, int]] = {}
    for sheet, content in zip(result.book.sheets, result.contents, strict=True):
        cells = sheet.cell_count()
        source[sheet.name] = source.get(sheet.name, 0) + cells
        hidden = cells if content is None else cells - content.cells
        if hidden:
            dropped.setdefault(sheet.name, {})[DropReason.HIDDEN] = hidden
        if content is not None:
            emitted[sheet.name] = emitted.get(sheet.name, 0) + content.in_sql_only
    return Ledger.balance("cells", source, emitted, dropped, uncounted=dict(_uncounted(result)))


def _uncounted(result: _Read) -> Iterator[tuple[str, int]]:
    sheets = result.book.sheets
    left_out = [sheet for sheet, content in zip(sheets, result.contents, strict=True) if content is None]
    counts = {
        "charts": sum(len(sheet.charts) for sheet in sheets),
        "chart_sheets": sum(sheet.kind is SheetKind.CHARTSHEET for sheet in sheets),
        "images": sum(sheet.images for sheet in sheets),
        "pivot_tables": sum(sheet.pivots for sheet in sheets),
        "comments": sum(len(sheet.comments) for sheet in left_out),
        "unreadable_sheets": sum(sheet.failed for sheet in sheets),
    }
    return ((kind, count) for kind, count in counts.items() if count)


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


def _parse_stage(result: _Read, seconds: float) -> ParseStageResult:
    sheets = result.book.sheets
    done = [sheet for sheet, content in zip(sheets, result.contents, strict=True) if content is not None]
    parsers = {sheet.name: str(sheet.parser) for sheet in done}
    least = max((sheet.parser for sheet in done), key=list(ParserUsed).index, default=ParserUsed.XML)
    return ParseStageResult(
        units_total=len(sheets),
        units_done=len(done),
        skipped=tuple(
            SkippedUnit(unit=issue.sheet_name, reason=issue.code)
            for issue in result.issues
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
