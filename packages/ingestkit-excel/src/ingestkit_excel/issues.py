"""What a reader tells about a workbook and its sheets without stopping: the warnings and recoverable errors."""

from __future__ import annotations

from collections.abc import Iterator

from ingestkit_core.elements import range_name
from ingestkit_core.errors import ErrorCode, IngestError, Stage

from ingestkit_excel.models import ParserUsed
from ingestkit_excel.workbook import CellKind, Sheet, SheetKind, Workbook

__all__ = ["sheet_issues", "workbook_issues"]


def workbook_issues(book: Workbook) -> Iterator[IngestError]:
    """What is told once for a workbook."""
    if book.has_macros:
        yield _issue(ErrorCode.W_MACROS_PRESENT, "It has macros. They are not run.", stage="security")
    if book.has_external_links:
        yield _issue(
            ErrorCode.W_EXTERNAL_LINKS, "It links to other workbooks or data. They are not followed.", stage="security"
        )


def sheet_issues(sheet: Sheet, *, include_hidden: bool, is_locked: bool = False) -> Iterator[IngestError]:
    """What is told for a sheet, in the order of reading. ``is_locked``: hidden sheets of its workbook show to those
    only who know a password.
    """
    name = sheet.name
    if sheet.kind is SheetKind.CHARTSHEET:
        yield _issue(ErrorCode.W_SHEET_SKIPPED_CHART, "The sheet is a chart.", sheet_name=name)
        return
    if sheet.failed:
        code = ErrorCode.E_PARSE_OPENPYXL_FAIL if sheet.parser is ParserUsed.XML else ErrorCode.E_PARSE_FALLBACK_FAIL
        yield _issue(code, f"The sheet cannot be read: {sheet.reason}.", sheet_name=name)
        return
    if sheet.parser is not ParserUsed.XML:
        yield _issue(ErrorCode.W_PARSER_FALLBACK, f"Read with {sheet.parser}: {sheet.reason}.", sheet_name=name)
    if sheet.hidden and not include_hidden and is_locked:
        message = "The sheet is hidden and a password keeps it so; include_hidden brings it in."
        yield _issue(ErrorCode.W_SHEET_SKIPPED_PASSWORD, message, sheet_name=name)
    elif sheet.hidden and not include_hidden:
        yield _issue(
            ErrorCode.W_SHEET_SKIPPED_HIDDEN, "The sheet is hidden; include_hidden brings it in.", sheet_name=name
        )
    elif sheet.uncached:
        yield _issue(
            ErrorCode.W_FORMULA_UNCACHED,
            f"{sheet.uncached} formulas have no result in the file; their text stands in for it. "
            "Open and save the workbook in a spreadsheet program to have them calculated.",
            sheet_name=name,
            cell_range=_first_uncached(sheet),
        )


def _first_uncached(sheet: Sheet) -> str | None:
    places = [
        (band.rows[next(i for i, value in enumerate(column) if value is not None)], form.column)
        for band in sheet.bands
        for form, column in zip(band.forms, band.columns, strict=True)
        if form.kind is CellKind.FORMULA
    ]
    return range_name(*min(places), *min(places)) if places else None


def _issue(
    code: ErrorCode,
    message: str,
    *,
    stage: Stage = "parse",
    sheet_name: str | None = None,
    cell_range: str | None = None,
) -> IngestError:
    return IngestError(
        code=code, message=message, stage=stage, recoverable=True, sheet_name=sheet_name, cell_range=cell_range
    )
