"""A column as typed values for SQL: what type its cells agree on, and the values in that type's form.

Dates are dates because of their number format, never because a number looks like one. Where cells do not agree the
column is text, as shown. An error has no value; a formula without a result has none either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from ingestkit_core.elements import ColumnType

from ingestkit_excel.number_formats import serials_to_iso
from ingestkit_excel.workbook.columns import Column, Piece, place, shown
from ingestkit_excel.workbook.meaning import format_of, moment_serial
from ingestkit_excel.workbook.values import CellKind

__all__ = ["TypedColumn", "typed"]

_INTEGER_LIMIT = 1 << 63
_EXACT_INTEGER = 1 << 53
_FLOAT_DIGITS = 17
_SURE_LENGTH = 19
"""``0.`` and 17 digits: a shorter number loses nothing as a float."""
_SECONDS = 86400

SqlValue = int | float | str | None


class TypedColumn(NamedTuple):
    """A column's type and its values, None where there is none.

    ``empty`` counts the values that are None, ``errors`` the cells that show an error.
    """

    type: ColumnType
    values: list[SqlValue]
    empty: int
    errors: int


class _Part(NamedTuple):
    type: ColumnType
    positions: Sequence[int]
    values: Sequence[SqlValue]
    raw: Sequence[str]


def typed(column: Column) -> TypedColumn:
    """The type a column's cells agree on and its values in that type."""
    parts: list[_Part] = []
    errors = 0
    for piece in column.pieces:
        if piece.form.kind is CellKind.ERROR:
            errors += len(piece.values)
        elif piece.form.kind is not CellKind.FORMULA:
            parts.append(_part(piece, column))
    agreed = _agreed({part.type for part in parts})
    if agreed == "text":
        texts = _texts(column)
        return TypedColumn("text", texts, texts.count(None), errors)
    values: list[SqlValue] = [None] * column.length
    for part in parts:
        place(values, part.positions, _converted(part, agreed))
    return TypedColumn(agreed, values, column.length - sum(len(part.values) for part in parts), errors)


def _texts(column: Column) -> list[SqlValue]:
    texts: list[SqlValue] = [text or None for text in shown(column)]
    for piece in column.pieces:
        if piece.form.kind is CellKind.ERROR:
            place(texts, piece.positions, [None] * len(piece.values))
    return texts


def _agreed(types: set[ColumnType]) -> ColumnType:
    if len(types) == 1:
        return next(iter(types))
    if not types:
        return "text"
    for wider, narrower in _WIDENING:
        if types <= narrower:
            return wider
    return "text"


_WIDENING: tuple[tuple[ColumnType, set[str]], ...] = (
    ("number", {"integer", "number"}),
    ("decimal", {"integer", "number", "decimal"}),
    ("datetime", {"date", "datetime"}),
    ("duration", {"time", "duration"}),
)


def _converted(part: _Part, wanted: ColumnType) -> Sequence[SqlValue]:
    if part.type == wanted:
        return part.values
    match wanted:
        case "number":
            return [float(value) for value in part.values if value is not None]
        case "decimal":
            return [_exact(raw) for raw in part.raw]
        case "datetime":
            return [f"{value}T00:00:00" for value in part.values]
        case _:
            return [_seconds(float(raw)) for raw in part.raw]


def _part(piece: Piece, column: Column) -> _Part:
    match piece.form.kind:
        case CellKind.NUMBER:
            kind = format_of(piece.form, column.styles).kind
            if kind == "code":
                found: _Found = "text", piece.values
            elif kind in ("date", "time", "datetime", "duration"):
                found = _moments(piece.values, kind, date1904=column.styles.date1904)
            else:
                found = _numbers(piece.values, whole=kind != "decimal")
        case CellKind.BOOLEAN:
            found = "boolean", [int(value.strip().lower() in ("1", "true")) for value in piece.values]
        case CellKind.MOMENT:
            found = _iso_moments(piece.values)
        case _:
            found = "text", piece.values
    return _Part(found[0], piece.positions, found[1], piece.values)


_Found = tuple[ColumnType, Sequence[SqlValue]]


def _numbers(values: Sequence[str], *, whole: bool) -> _Found:
    try:
        if whole:
            return _integers(values)
    except ValueError:
        pass
    try:
        if max(map(len, values)) > _SURE_LENGTH and any(
            _has_too_many_digits(raw) for raw in values if len(raw) > _SURE_LENGTH
        ):
            return "decimal", [_exact(value) for value in values]
        floats = list(map(float, values))
    except (ValueError, InvalidOperation):
        return "text", values
    if not math.isfinite(sum(floats)) and not all(map(math.isfinite, floats)):
        return "text", values
    if whole and all(map(float.is_integer, floats)) and max(map(abs, floats)) < _EXACT_INTEGER:
        return "integer", list(map(int, floats))
    return "number", floats


def _integers(values: Sequence[str]) -> _Found:
    integers = list(map(int, values))
    if min(integers) >= -_INTEGER_LIMIT and max(integers) < _INTEGER_LIMIT:
        return "integer", integers
    return "decimal", [str(integer) for integer in integers]


def _has_too_many_digits(raw: str) -> bool:
    mantissa = raw.strip().lower().partition("e")[0].lstrip("+-").replace(".", "").strip("0")
    return len(mantissa) > _FLOAT_DIGITS


def _exact(raw: str) -> str:
    return f"{Decimal(raw.strip()):f}"


def _moments(values: Sequence[str], kind: str, *, date1904: bool) -> _Found:
    try:
        serials = {raw: float(raw) for raw in set(values)}
    except ValueError:
        return "text", values
    if kind == "duration":
        return "duration", [_seconds(serials[raw]) for raw in values]
    if kind == "date" and not all(map(float.is_integer, serials.values())):
        kind = "datetime"
    if kind == "time" and not all(0 <= serial < 1 for serial in serials.values()):
        kind = "datetime"
    texts = dict(zip(serials, serials_to_iso(serials.values(), kind, date1904=date1904), strict=True))
    if None in texts.values():
        return "text", values
    return kind, [texts[raw] for raw in values]  # type: ignore[return-value]  # one of the three


def _seconds(serial: float) -> float | int:
    seconds = round(serial * _SECONDS, 3)
    return int(seconds) if seconds.is_integer() else seconds


def _iso_moments(values: Sequence[str]) -> _Found:
    if any(moment_serial(raw, date1904=False) is None for raw in values):
        return "text", values
    if all("T" not in raw and "-" in raw for raw in values):
        return "date", values
    if all("-" not in raw for raw in values):
        return "time", values
    return "datetime", [raw if "T" in raw else f"{raw}T00:00:00" for raw in values]
