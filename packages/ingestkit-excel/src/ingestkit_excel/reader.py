"""The functions that run in a worker: bytes and settings in, plain values out.

    read     ─► guard ─► open ─► every sheet: regions ─► tables, text ─► chunks, ledger, issues
    convert  ─► the same, as elements in reading order
    profile  ─► the same, as facts: no text of the workbook is in them

A workbook with several large sheets comes back as parts, which are read side by side: large sheets one by one, the
others together. None holds a store, an embedder or a connection.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ingestkit_core.errors import ErrorCode, ParseError, SourceError
from ingestkit_core.extraction import Conversion, Extraction, Split
from ingestkit_core.progress import unit_done

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.sheets import read_sheet
from ingestkit_excel.extract.view import view_of
from ingestkit_excel.guard import Admitted, check_size, guard, override_warnings, recognises
from ingestkit_excel.issues import sheet_issues, workbook_issues
from ingestkit_excel.models import FileProfile
from ingestkit_excel.outcome import BookRead, SheetRead, conversion, extraction, packed, sheet_read
from ingestkit_excel.profile import profile_workbook
from ingestkit_excel.workbook import Content, Sheet, SheetKind, Workbook, open_workbook, part_sizes, take

__all__ = ["PRELOAD", "convert", "profile", "read", "read_or_split", "reader_versions", "recognises"]

PRELOAD: tuple[str, ...] = ("ingestkit_excel.reader", "python_calamine")
"""Modules a worker's template imports ahead."""

LARGE_SHEET_BYTES = 8 << 20
"""XML of a sheet that takes about half a CPU second: what is saved by reading it elsewhere, beside a part's own cost of
a few milliseconds and of the workbook's shared strings, which every part reads."""
_STRINGS_COST = 0.25
"""Reading shared strings takes about a quarter of the time of as many bytes of a sheet."""
_LIBRARIES = ("python-calamine", "openpyxl")
_WITHOUT_CELLS = (SheetKind.CHARTSHEET, SheetKind.DIALOGSHEET, SheetKind.MODULE)


def reader_versions() -> dict[str, str]:
    """The versions of the libraries that read workbooks, by distribution name; none of them is imported."""
    return {name: version(name) for name in _LIBRARIES}


def read(file_path: str, config: dict[str, Any]) -> Extraction:
    """Read a workbook. ``config`` is ``ExcelProcessorConfig.model_dump()``.

    Raises an IngestkitError where the workbook as a whole cannot be read: SourceError, SecurityError, ParseError.
    """
    started = time.perf_counter()
    settings = ExcelProcessorConfig.model_validate(config)
    return _extraction(_admitted(file_path, settings), settings, started)


def read_or_split(file_path: str, config: dict[str, Any]) -> Extraction | Split:
    """As :func:`read`; a workbook with several large sheets comes back as parts to be read side by side."""
    started = time.perf_counter()
    settings = ExcelProcessorConfig.model_validate(config)
    source = _admitted(file_path, settings)
    parts = _parts(source.admitted)
    if len(parts) > 1:
        return Split(read_sheets, parts, assemble, weights=tuple(map(len, parts)))
    return _extraction(source, settings, started)


def _extraction(source: _Source, settings: ExcelProcessorConfig, started: float) -> Extraction:
    book = source.opened(settings)
    sheets = tuple(packed(sheet, settings) for sheet in _read_sheets(book, range(len(book.sheets)), settings))
    return extraction(_book_read(source, book, sheets, settings), settings, started)


def convert(file_path: str, config: dict[str, Any]) -> Conversion:
    """Read a workbook for rendering: its elements in reading order, every row of every table among them.

    Raises as :func:`read` does.
    """
    settings = ExcelProcessorConfig.model_validate(config).model_copy(update={"row_serialization_limit": 1 << 30})
    source = _admitted(file_path, settings)
    book = source.opened(settings)
    sheets = tuple(_read_sheets(book, range(len(book.sheets)), settings))
    return conversion(_book_read(source, book, sheets, settings), Path(file_path).stem)


def profile(file_path: str, config: dict[str, Any]) -> FileProfile:
    """What a workbook is made of: extents, formats, regions and their signals. Raises as :func:`read` does."""
    settings = ExcelProcessorConfig.model_validate(config)
    book = _admitted(file_path, settings).opened(settings)
    sheets = _read_sheets(book, range(len(book.sheets)), settings)
    return profile_workbook(book, {sheet.name: sheet.content.regions for sheet in sheets if sheet.content is not None})


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that passed the guard."""

    content: Content
    admitted: Admitted

    def opened(self, settings: ExcelProcessorConfig, only: Sequence[int] | None = None) -> Workbook:
        """The workbook, all of its sheets read or ``only`` some."""
        return open_workbook(self.content, self.admitted.package, self.admitted.part, settings.max_rows_in_memory, only)


def _admitted(file_path: str, settings: ExcelProcessorConfig) -> _Source:
    content = _content_of(Path(file_path), settings)
    return _Source(content, guard(content, settings))


@dataclass(frozen=True, slots=True)
class SheetsRead:
    """What a part brings: its sheets by their place in the workbook, and what is the same in every part."""

    sheets: dict[int, SheetRead]
    book: BookRead


def _parts(admitted: Admitted) -> tuple[tuple[int, ...], ...]:
    """The places of the sheets that are read together; one part where it does not pay to have more."""
    if admitted.package is None or admitted.part is None or admitted.part.endswith(".bin"):
        return ()
    sizes, strings = part_sizes(admitted.package, admitted.part)
    large = [place for place, size in enumerate(sizes) if size >= LARGE_SHEET_BYTES]
    others = tuple(place for place, size in enumerate(sizes) if size < LARGE_SHEET_BYTES)
    parts = tuple((place,) for place in large) + ((others,) if others else ())
    saved = sum(sizes) - max(sizes, default=0)
    spent = (len(parts) - 1) * strings * _STRINGS_COST
    return parts if len(large) > 1 and saved - spent >= LARGE_SHEET_BYTES else ()


def read_sheets(file_path: str, config: dict[str, Any], part: tuple[int, ...]) -> SheetsRead:
    """Some sheets of a large workbook."""
    settings = ExcelProcessorConfig.model_validate(config)
    source = _admitted(file_path, settings)
    book = source.opened(settings, part)
    sheets = [packed(sheet, settings) for sheet in _read_sheets(book, part, settings)]
    return SheetsRead(dict(zip(part, sheets, strict=True)), _book_read(source, book, (), settings))


def assemble(file_path: str, config: dict[str, Any], carried: bytes, parts: Sequence[SheetsRead]) -> Extraction:
    """What comes of the parts of a large workbook. Raises SourceError if the file changed meanwhile, ParseError."""
    started = time.perf_counter()
    settings = ExcelProcessorConfig.model_validate(config)
    book = parts[0].book
    if any(part.book.content_hash != book.content_hash for part in parts):
        raise SourceError(
            ErrorCode.E_SOURCE_CHANGED, f"{Path(file_path).name} changed while it was read.", recoverable=True
        )
    found = {place: sheet for part in parts for place, sheet in part.sheets.items()}
    sheets = tuple(found[place] for place in sorted(found))
    if all(sheet.failed for sheet in sheets):
        raise ParseError(ErrorCode.E_PARSE_CORRUPT, f"No sheet can be read: {sheets[0].reason}.")
    return extraction(BookRead(book.content_hash, book.title, book.issues, sheets), settings, started)


def _book_read(
    source: _Source, book: Workbook, sheets: tuple[SheetRead, ...], settings: ExcelProcessorConfig
) -> BookRead:
    issues = (*override_warnings(settings), *workbook_issues(book))
    return BookRead(source.content.hash, book.title, issues, sheets)


def _read_sheets(book: Workbook, places: Sequence[int], settings: ExcelProcessorConfig) -> list[SheetRead]:
    sheets: list[SheetRead] = []
    for number, place in enumerate(places):
        unit_done("parse", number, len(places))
        sheet = book.sheets[place]
        content = None
        if _is_read(sheet, settings):
            view = view_of(sheet, include_hidden=settings.include_hidden)
            content = read_sheet(view, book.names, settings, first_table=0)
        issues = sheet_issues(sheet, include_hidden=settings.include_hidden, is_locked=book.is_locked)
        sheets.append(sheet_read(sheet, list(issues), content))
    return sheets


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
