"""What type the cells of a column agree on, gathered block by block.

Facts are gathered for all cells of one meaning (numbers, dates, clock times, ...) together and only then read, so that
it does not matter in which blocks, bands or styles they came.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ingestkit_core.elements import ColumnType

from ingestkit_excel.number_formats import serials_to_iso
from ingestkit_excel.workbook.columns import Column, Piece
from ingestkit_excel.workbook.meaning import format_of, moment_serial
from ingestkit_excel.workbook.values import CellKind

__all__ = ["type_of"]

_INTEGER_LIMIT = 1 << 63
_EXACT_INTEGER = 1 << 53
_FLOAT_DIGITS = 17
_SURELY_FEW_DIGITS = 10**17
_SURE_LENGTH = 19
"""``0.`` and 17 digits: a shorter number loses nothing as a float."""
_DAYS_WITH_HOLES, _LAST_DAYS = 61, 2_950_000
_WIDENING: tuple[tuple[ColumnType, set[str]], ...] = (
    ("number", {"integer", "number"}),
    ("decimal", {"integer", "number", "decimal"}),
    ("datetime", {"date", "datetime"}),
    ("duration", {"time", "duration"}),
)


def type_of(column: Column) -> ColumnType:
    """The type a column's cells agree on; text where they do not, or where there are none."""
    facts: dict[str, _Facts] = {}
    for stretch in column.stretches:
        for piece in stretch.pieces():
            meaning = _meaning(piece, column)
            if meaning == "text":
                return "text"
            if meaning:
                known = facts.get(meaning) or facts.setdefault(meaning, _FACTS.get(meaning, _Facts)(column, meaning))
                known.add(piece.values)
    return _agreed({known.type() for known in facts.values()})


def _agreed(types: set[ColumnType]) -> ColumnType:
    if len(types) == 1:
        return next(iter(types))
    return next((wider for wider, narrower in _WIDENING if types and types <= narrower), "text")


def _meaning(piece: Piece, column: Column) -> str:
    """What kind of thing the cells say; nothing for those that have no value."""
    match piece.form.kind:
        case CellKind.NUMBER:
            kind = format_of(piece.form, column.styles).kind
            if kind == "code":
                return "text"
            return kind if kind in ("date", "time", "datetime", "duration", "decimal") else "number"
        case CellKind.BOOLEAN | CellKind.MOMENT:
            return str(piece.form.kind)
        case CellKind.TEXT:
            return "text"
        case _:
            return ""


class _Facts:
    """Of what needs no looking at: a truth value is one."""

    def __init__(self, column: Column, meaning: str) -> None:
        self._date1904 = column.styles.date1904
        self._meaning = meaning

    def add(self, values: Sequence[str]) -> None:
        """More cells."""

    def type(self) -> ColumnType:
        """The type of all cells seen."""
        return "boolean"


class _NumberFacts(_Facts):
    """Numbers; under a format with decimals they are never integers."""

    def __init__(self, column: Column, meaning: str) -> None:
        super().__init__(column, meaning)
        self._integers = self._integral = meaning == "number"
        self._readable = self._finite = True
        self._many_digits = False
        self._low = self._high = 0

    def add(self, values: Sequence[str]) -> None:
        if not self._readable:
            return
        if self._meaning == "number" and (integers := _integers(values)) is not None:
            self._low, self._high = min(self._low, min(integers)), max(self._high, max(integers))
            largest = max(-self._low, self._high)
            self._integral = self._integral and largest < _EXACT_INTEGER
            self._many_digits = self._many_digits or (largest >= _SURELY_FEW_DIGITS and _have_many_digits(values))
            return
        self._integers = False
        try:
            floats = list(map(float, values))
        except ValueError:
            self._readable = False
            return
        self._many_digits = self._many_digits or _have_many_digits(values)
        self._finite = self._finite and (math.isfinite(sum(floats)) or all(map(math.isfinite, floats)))
        if self._integral:
            self._integral = all(map(float.is_integer, floats)) and max(map(abs, floats)) < _EXACT_INTEGER

    def type(self) -> ColumnType:
        if self._integers and self._readable:
            return "integer" if self._low >= -_INTEGER_LIMIT and self._high < _INTEGER_LIMIT else "decimal"
        if not self._readable or not self._finite:
            return "text"
        if self._many_digits:
            return "decimal"
        return "integer" if self._integral else "number"


def _integers(values: Sequence[str]) -> list[int] | None:
    try:
        return list(map(int, values))
    except ValueError:
        return None


def _have_many_digits(values: Sequence[str]) -> bool:
    if max(map(len, values)) <= _SURE_LENGTH:
        return False
    return any(_has_many_digits(raw) for raw in values if len(raw) > _SURE_LENGTH)


def _has_many_digits(raw: str) -> bool:
    mantissa = raw.strip().lower().partition("e")[0].lstrip("+-").replace(".", "").strip("0")
    return len(mantissa) > _FLOAT_DIGITS


class _SerialFacts(_Facts):
    """Dates and times by number format."""

    def __init__(self, column: Column, meaning: str) -> None:
        super().__init__(column, meaning)
        self._readable = self._whole_days = self._within_a_day = self._in_calendar = True

    def add(self, values: Sequence[str]) -> None:
        if not self._readable:
            return
        try:
            serials = list(map(float, set(values)))
        except ValueError:
            self._readable = False
            return
        low, high = min(serials), max(serials)
        # NaN compares with nothing.
        self._readable = math.isfinite(sum(serials))
        self._whole_days = self._whole_days and all(map(float.is_integer, serials))
        self._within_a_day = self._within_a_day and low >= 0 and high < 1
        if self._readable and not (low >= _DAYS_WITH_HOLES and high < _LAST_DAYS):
            days = serials_to_iso(serials, "date", date1904=self._date1904)
            self._in_calendar = self._in_calendar and None not in days

    def type(self) -> ColumnType:
        if not self._readable:
            return "text"
        if self._meaning == "duration":
            return "duration"
        if self._meaning == "time" and self._within_a_day:
            return "time"
        if not self._in_calendar:
            return "text"
        return "date" if self._meaning == "date" and self._whole_days else "datetime"


class _MomentFacts(_Facts):
    """Dates and times as ISO text."""

    def __init__(self, column: Column, meaning: str) -> None:
        super().__init__(column, meaning)
        self._readable = self._days = self._times = True

    def add(self, values: Sequence[str]) -> None:
        self._readable = self._readable and all(moment_serial(raw, date1904=False) is not None for raw in values)
        self._days = self._days and all("T" not in raw and "-" in raw for raw in values)
        self._times = self._times and all("-" not in raw for raw in values)

    def type(self) -> ColumnType:
        if not self._readable:
            return "text"
        if self._days:
            return "date"
        return "time" if self._times else "datetime"


_FACTS: dict[str, type[_Facts]] = {
    "number": _NumberFacts,
    "decimal": _NumberFacts,
    "date": _SerialFacts,
    "time": _SerialFacts,
    "datetime": _SerialFacts,
    "duration": _SerialFacts,
    "moment": _MomentFacts,
}
