"""Questions about the values of sheets, for Answerable@5. Pure.

A value is asked for by the label that begins its row and by the nearest text of the header rows above it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from benchmarks.answerable import Lookup, sample
from benchmarks.corpora import Sheet, SheetValue
from benchmarks.outputs import Region

__all__ = ["sheet_lookups", "shown_forms"]


def sheet_lookups(sheet: Sheet) -> list[Lookup]:
    """The questions asked about a sheet: over its known tables, or below its header rows where only those are known."""
    regions = sheet.regions
    if not regions:
        used = sheet.used
        regions = (
            Region("", min(sheet.header_rows), used.left, used.bottom, used.right, frozenset(sheet.header_rows)),
        )
    asked = [values for region in regions for values in _askable(sheet, region)]
    return [Lookup(*map(shown_forms, values)) for values in sample(sheet.path, asked)]


def _askable(sheet: Sheet, region: Region) -> Iterator[tuple[SheetValue, SheetValue, SheetValue]]:
    """Row label, column label and value of every cell that has them."""
    for row in range(region.top, region.bottom + 1):
        label = sheet.cells.get((row, region.left))
        if row in region.header_rows or label is None or not _says_something(label):
            continue
        above = sorted((head for head in region.header_rows if head < row), reverse=True)
        for column in range(region.left + 1, region.right + 1):
            value = sheet.cells.get((row, column))
            header = next((sheet.cells[head, column] for head in above if (head, column) in sheet.cells), None)
            if value is not None and header is not None and _says_something(header) and _says_something(value):
                yield label, header, value


def _says_something(value: SheetValue) -> bool:
    return not isinstance(value, str) or any(character.isalnum() for character in value)


def shown_forms(value: SheetValue) -> tuple[str, ...]:
    """The texts a value may be shown as, the usual one first: a number rounded as a cell has room, or in full."""
    if isinstance(value, bool):
        return ("TRUE", "True", "1") if value else ("FALSE", "False", "0")
    if isinstance(value, (int, float)):
        general = [f"{value:.{digits}g}" for digits in (11, 10, 9, 8, 15, 17)]
        forms = [*general, repr(value), f"{value:,.15g}", f"{value:,.2f}", f"{value:.2f}"]
        return tuple(dict.fromkeys(forms))
    if isinstance(value, (datetime.datetime, datetime.date)):
        return tuple(dict.fromkeys((str(value), value.isoformat(), value.strftime("%Y-%m-%d"))))
    return (str(value),)
