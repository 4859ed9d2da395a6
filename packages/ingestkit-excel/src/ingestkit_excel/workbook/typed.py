"""A column as typed values for SQL, block by block, in the type its cells agree on (``types``).

Dates are dates because of their number format, never because a number looks like one. Where cells do not agree the
column is text, as shown. An error has no value; a formula without a result has none either.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ingestkit_core.elements import ColumnType

from ingestkit_excel.number_formats import serials_to_iso
from ingestkit_excel.workbook.columns import Column, Piece, Stretch, place
from ingestkit_excel.workbook.meaning import moment_serial, shown_texts
from ingestkit_excel.workbook.types import type_of
from ingestkit_excel.workbook.values import CellKind, Styles

__all__ = ["SqlValue", "TypedColumn", "plain"]

_SECONDS = 86400
_WITH_RANGE = ("integer", "number", "date", "time", "datetime", "duration")

SqlValue = int | float | str | None


class TypedColumn:
    """A column with its type. ``errors`` counts the cells that show an error.

    ``low``, ``high`` and ``samples`` (the first different values) are known of what was noted; low and high for types
    that have an order.
    """

    __slots__ = ("_column", "errors", "high", "low", "samples", "type")

    def __init__(self, column: Column) -> None:
        self._column = column
        self.type: ColumnType = type_of(column)
        self.errors = sum(count for form, count in column.counts() if form.kind is CellKind.ERROR)
        self.low: int | float | str | None = None
        self.high: int | float | str | None = None
        self.samples: dict[str, None] = {}

    @property
    def column(self) -> int:
        """Which column of the sheet it is."""
        return self._column.column

    def stretches(self) -> Sequence[Stretch]:
        """The blocks it comes in."""
        return self._column.stretches

    def values(self, stretch: Stretch) -> list[SqlValue]:
        """The values of one block, None where there is none."""
        values: list[SqlValue] = [None] * len(stretch.rows)
        for piece in stretch.pieces():
            place(values, piece.positions, _converted(piece, self.type, self._column.styles))
        return values

    def note(self, values: Sequence[SqlValue], max_samples: int) -> None:
        """Take notice of values that are written out."""
        if self.type not in _WITH_RANGE and len(self.samples) >= max_samples:
            return
        filled = [value for value in values if value is not None] if None in values else values
        if not filled:
            return
        if self.type in _WITH_RANGE:
            ends = [end for end in (self.low, self.high) if end is not None]
            self.low = min([*ends, min(filled)])  # type: ignore[type-var]  # all of one type
            self.high = max([*ends, max(filled)])  # type: ignore[type-var]
        for value in filled:
            if len(self.samples) >= max_samples:
                break
            self.samples[plain(value)] = None


def plain(value: SqlValue) -> str:
    """A value as people write it."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _converted(piece: Piece, wanted: ColumnType, styles: Styles) -> Sequence[SqlValue]:
    """The values of cells of one form, in the type of their column."""
    kind, values = piece.form.kind, piece.values
    if kind is CellKind.ERROR or (kind is CellKind.FORMULA and wanted != "text"):
        return [None] * len(values)
    match wanted:
        case "text":
            return [text or None for text in shown_texts(piece.form, values, styles)]
        case "boolean":
            return [int(value.strip().lower() in ("1", "true")) for value in values]
        case "integer":
            return _integers(values)
        case "number":
            return list(map(float, values))
        case "decimal":
            return [f"{Decimal(raw.strip()):f}" for raw in values]
        case "duration":
            return [_seconds(raw) for raw in values]
        case _ if kind is CellKind.MOMENT:
            return values if wanted != "datetime" else [raw if "T" in raw else f"{raw}T00:00:00" for raw in values]
        case _:
            different = list(set(values))
            texts = serials_to_iso(map(float, different), wanted, date1904=styles.date1904)
            return list(map(dict(zip(different, texts, strict=True)).__getitem__, values))


def _integers(values: Sequence[str]) -> list[int]:
    try:
        return list(map(int, values))
    except ValueError:
        return list(map(int, map(float, values)))


def _seconds(raw: str) -> float | int:
    serial = moment_serial(raw, date1904=False) if ":" in raw else float(raw)
    seconds = round((serial or 0.0) * _SECONDS, 3)
    return int(seconds) if seconds.is_integer() else seconds
