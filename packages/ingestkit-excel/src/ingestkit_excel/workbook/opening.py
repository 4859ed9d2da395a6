"""From checked bytes to a workbook: the scan of the XML first, readers with less fidelity where it fails.

One sheet's failure never touches another: only the sheets that could not be scanned come from a fallback reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ingestkit_core.errors import ErrorCode, ParseError

from ingestkit_excel.workbook.blocks import MAX_ROWS
from ingestkit_excel.workbook.book import read_package
from ingestkit_excel.workbook.content import Content
from ingestkit_excel.workbook.extents import fits_densely
from ingestkit_excel.workbook.fallback import FallbackError, read_calamine, read_openpyxl
from ingestkit_excel.workbook.package import Package
from ingestkit_excel.workbook.values import Sheet, Workbook

__all__ = ["open_workbook"]


def open_workbook(
    content: Content,
    package: Package | None,
    part: str | None,
    max_rows_in_memory: int = MAX_ROWS,
    only: Sequence[int] | None = None,
) -> Workbook:
    """Open a workbook that the guard let pass.

    ``package`` and ``part`` are its container and main part, None for an .xls file. The rows of sheets with more than
    ``max_rows_in_memory`` are in a file of the job's directory. Sheets of a package that are not among ``only`` (places
    in the workbook) are named and not read. Raises ParseError (E_PARSE_CORRUPT, E_PARSE_EMPTY,
    E_PARSE_UNSUPPORTED) and SecurityError.
    """
    if package is None or part is None:
        book = _open_binary(content, None, "an .xls workbook")
    elif part.endswith(".bin"):
        book = _open_binary(content, package, "an .xlsb workbook")
    else:
        book = _open_package(content, package, part, max_rows_in_memory, only)
    if not book.sheets:
        raise ParseError(ErrorCode.E_PARSE_EMPTY, "The workbook has no sheets.")
    if all(sheet.failed for sheet in book.sheets):
        raise ParseError(ErrorCode.E_PARSE_CORRUPT, f"No sheet can be read: {book.sheets[0].reason}.")
    return book


def _open_binary(content: Content, package: Package | None, what: str) -> Workbook:
    if package is not None:
        package.measure()
        if not fits_densely(package):
            raise ParseError(ErrorCode.E_PARSE_UNSUPPORTED, f"Too large a range for {what}: save it as .xlsx.")
    try:
        return read_calamine(content.whole(), f"{what} is read without styles, hidden rows and columns")
    except FallbackError as exc:
        raise ParseError(ErrorCode.E_PARSE_CORRUPT, f"The workbook cannot be read ({exc}).") from exc


def _open_package(
    content: Content, package: Package, part: str, max_rows_in_memory: int, only: Sequence[int] | None
) -> Workbook:
    try:
        book = read_package(package, part, max_rows_in_memory, only)
    except ParseError as exc:
        found = next(_fallbacks(content, package, exc.message), None)
        if found is None:
            raise
        return found
    if any(sheet.failed for sheet in book.sheets):
        for other in _fallbacks(content, package, "its XML cannot be read"):
            book = replace(book, sheets=tuple(_mended(sheet, other) for sheet in book.sheets))
            if not any(sheet.failed for sheet in book.sheets):
                break
    return book


def _fallbacks(content: Content, package: Package, reason: str) -> Iterator[Workbook]:
    """The workbook as each fallback reader that can open it reads it."""
    package.measure()
    if not fits_densely(package):
        return
    for read in (read_calamine, read_openpyxl):
        try:
            yield read(content.whole(), reason)
        except FallbackError:
            continue


def _mended(sheet: Sheet, other: Workbook) -> Sheet:
    found = next((one for one in other.sheets if one.name == sheet.name and not one.failed), None)
    return sheet if found is None or not sheet.failed else replace(found, reason=sheet.reason, state=sheet.state)
