"""Readers with less fidelity, for what the scan of the XML cannot read: old and binary workbooks, damaged ones.

    calamine   .xls, .xlsb, and packages whose XML or relationships are damaged: values, merges, hidden sheets
    openpyxl   packages that calamine refuses too: values and number formats

Neither tells hidden rows and columns. Both make ranges dense in memory, so a package is measured before (``extents``).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple, TypeVar
from xml.etree import ElementTree

from ingestkit_excel.models import ParserUsed
from ingestkit_excel.workbook.bands import BandBuilder, RawForm, Storage
from ingestkit_excel.workbook.blocks import Blocks
from ingestkit_excel.workbook.mistakes import ErrorCells, error_cells
from ingestkit_excel.workbook.strings import plain_text
from ingestkit_excel.workbook.values import Block, Rectangle, Sheet, SheetKind, SheetState, Styles, Workbook

__all__ = ["FallbackError", "contained", "read_calamine", "read_openpyxl"]

_GENERAL, _ELAPSED = 0, 1
_CALAMINE_STYLES = Styles(formats=("General", "[h]:mm:ss"))
_SECONDS = 86400
_ERRORS = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA", "#SPILL!", "#CALC!")

# openpyxl has next to no exceptions of its own: a damaged file raises whatever its innards do.
_RAISED_BY_OPENPYXL = (
    zipfile.BadZipFile,
    zlib.error,
    ElementTree.ParseError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)

_T = TypeVar("_T")


class FallbackError(Exception):
    """A fallback reader could not open or read it. Told to callers inside this room only."""


class _Stored(NamedTuple):
    storage: Storage
    style: int
    text: str


def read_calamine(content: bytes, reason: str) -> Workbook:
    """Read a workbook with calamine; sheets it cannot read come as ``failed``. Raises FallbackError."""
    import python_calamine

    book = contained(lambda: python_calamine.load_workbook(io.BytesIO(content)))
    errors = error_cells(content)
    sheets = tuple(
        _calamine_sheet(
            book,
            index,
            errors.get(metadata.name, {}),
            Sheet(
                name=metadata.name,
                kind=_KINDS.get(_word(metadata.typ), SheetKind.WORKSHEET),
                state=_STATES.get(_word(metadata.visible), SheetState.VISIBLE),
                parser=ParserUsed.CALAMINE,
                reason=reason,
                styles=_CALAMINE_STYLES,
            ),
        )
        for index, metadata in enumerate(book.sheets_metadata)
    )
    return Workbook(sheets)


_KINDS = {
    "ChartSheet": SheetKind.CHARTSHEET,
    "DialogSheet": SheetKind.DIALOGSHEET,
    "MacroSheet": SheetKind.MACROSHEET,
    "Vba": SheetKind.MODULE,
}
_STATES = {"Hidden": SheetState.HIDDEN, "VeryHidden": SheetState.VERY_HIDDEN}


def _word(member: object) -> str:
    return str(member).rpartition(".")[2]


def contained(call: Callable[[], _T]) -> _T:
    """Run a call into calamine. Raises FallbackError for its errors and its panics."""
    import python_calamine

    try:
        return call()
    except (python_calamine.CalamineError, OSError, ValueError, OverflowError) as exc:
        raise FallbackError(f"calamine: {type(exc).__name__}") from exc
    except BaseException as exc:
        # A panic of the Rust library derives from BaseException and has no importable name.
        if type(exc).__name__ != "PanicException":
            raise
        raise FallbackError("calamine: panic") from exc


def _calamine_sheet(book: Any, index: int, errors: ErrorCells, sheet: Sheet) -> Sheet:
    if sheet.kind not in (SheetKind.WORKSHEET, SheetKind.MACROSHEET):
        return sheet
    try:
        found = contained(lambda: book.get_sheet_by_index(index))
        rows = contained(lambda: found.to_python(skip_empty_area=True))
    except FallbackError:
        return replace(sheet, failed=True)
    top, left = found.start or (0, 0)
    cells: Iterable[tuple[int, Iterable[tuple[int, _Stored | None]]]] = (
        (top + down + 1, ((left + across + 1, _stored(value)) for across, value in enumerate(row)))
        for down, row in enumerate(rows)
    )
    if errors:
        cells = _with_errors(cells, errors)
    merges = tuple(
        Rectangle(first[0] + 1, first[1] + 1, last[0] + 1, last[1] + 1)
        for first, last in found.merged_cell_ranges or ()
    )
    return replace(sheet, blocks=_blocks(cells), merges=merges)


def _with_errors(
    rows: Iterable[tuple[int, Iterable[tuple[int, _Stored | None]]]], errors: ErrorCells
) -> list[tuple[int, list[tuple[int, _Stored | None]]]]:
    """The rows with errors where they have nothing."""
    filled = {row: {column: stored for column, stored in cells if stored is not None} for row, cells in rows}
    for (row, column), text in errors.items():
        filled.setdefault(row + 1, {}).setdefault(column + 1, _Stored(Storage.ERROR, _GENERAL, text))
    return [(row, sorted(cells.items())) for row, cells in sorted(filled.items())]


def read_openpyxl(content: bytes, reason: str) -> Workbook:
    """Read a package with openpyxl. Raises FallbackError."""
    import openpyxl

    formats: dict[str, int] = {"General": 0}
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        rows = [(worksheet, _blocks(_openpyxl_rows(worksheet, formats))) for worksheet in book.worksheets]
    except _RAISED_BY_OPENPYXL as exc:
        raise FallbackError(f"openpyxl: {type(exc).__name__}") from exc
    styles = Styles(formats=tuple(formats), date1904=book.epoch.year == 1904)
    return Workbook(
        tuple(
            Sheet(
                name=worksheet.title,
                state=SheetState(worksheet.sheet_state),
                parser=ParserUsed.OPENPYXL,
                reason=reason,
                styles=styles,
                blocks=blocks,
            )
            for worksheet, blocks in rows
        )
    )


def _openpyxl_rows(
    worksheet: Any, formats: dict[str, int]
) -> Iterator[tuple[int, Iterator[tuple[int, _Stored | None]]]]:
    worksheet.reset_dimensions()
    for row in worksheet.iter_rows():
        filled = [cell for cell in row if cell.value is not None]
        if filled:
            yield filled[0].row, ((cell.column, _formatted(cell, formats)) for cell in filled)


def _formatted(cell: Any, formats: dict[str, int]) -> _Stored | None:
    stored = _stored(cell.value)
    if stored is None or stored.storage is Storage.MOMENT:
        return stored
    return stored._replace(style=formats.setdefault(cell.number_format or "General", len(formats)))


def _blocks(rows: Iterable[tuple[int, Iterable[tuple[int, _Stored | None]]]]) -> tuple[Block, ...]:
    blocks = Blocks()
    builder = BandBuilder(None, blocks)
    for row, cells in rows:
        filled = [(column, stored) for column, stored in cells if stored is not None]
        if filled:
            forms = tuple(RawForm(column, stored.storage, stored.style, formula=False) for column, stored in filled)
            builder.add_row(forms, row, [stored.text for _, stored in filled])
    builder.end_block()
    return blocks.all()


def _stored(value: object) -> _Stored | None:
    """A Python value as a cell; None for an empty one."""
    match value:
        case None | "":
            return None
        case bool():
            return _Stored(Storage.BOOLEAN, _GENERAL, str(int(value)))
        case int() | float():
            return _Stored(Storage.NUMBER, _GENERAL, repr(value))
        case str():
            text = plain_text(value)
            storage = Storage.ERROR if value in _ERRORS else Storage.INLINE
            return None if text is None else _Stored(storage, _GENERAL, text)
        case datetime() if value.time() == time():
            return _Stored(Storage.MOMENT, _GENERAL, value.date().isoformat())
        case datetime() | date() | time():
            return _Stored(Storage.MOMENT, _GENERAL, value.isoformat())
        case timedelta():
            return _Stored(Storage.NUMBER, _ELAPSED, repr(value.total_seconds() / _SECONDS))
        case _:
            return _Stored(Storage.INLINE, _GENERAL, str(value))
