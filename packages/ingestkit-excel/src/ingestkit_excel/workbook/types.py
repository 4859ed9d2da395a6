"""What type the cells of a column agree on, gathered block by block.

Facts are gathered for all cells of one meaning (numbers, dates, clock times, ...) together and only then read, so that
it does not matter in which blocks, bands or styles they came. A mark for a missing value (a dash, ``n/a``) among
numbers or dates is no value, and no reason to take them for text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ingestkit_core.elements import ColumnType

from ingestkit_excel.number_formats import serials_to_iso
from ingestkit_excel.workbook.columns import Piece
from ingestkit_excel.workbook.meaning import format_of, is_elapsed, moment_serial
from ingestkit_excel.workbook.values import CellKind, Styles

__all__ = ["Agreement", "Parsed"]

Parsed = list[int] | list[float]

_INTEGER_LIMIT = 1 << 63
_EXACT_INTEGER = 1 << 53
_FLOAT_DIGITS = 17
_SURELY_FEW_DIGITS = 10**17
_SURE_LENGTH = 19
"""``0.`` and 17 digits: a shorter number loses nothing as a float."""
_DAYS_WITH_HOLES, _LAST_DAYS = 61, 2_950_000
_MOST_DAYS = 10**10
"""Of a duration: more of them are no number of seconds that a column of integers can hold exactly."""
_WIDENING: tuple[tuple[ColumnType, set[str]], ...] = (
    ("number", {"integer", "number"}),
    ("decimal", {"integer", "number", "decimal"}),
    ("datetime", {"date", "datetime"}),
    ("duration", {"time", "duration"}),
)
_MISSING = re.compile(
    r"[-\u2010-\u2015\u2212]+|[.\u2026\u00b7]+"
    r"|[(\[]?(?:#?n\.?\s?/?\s?a\.?|nil|none|null|not (?:available|applicable))[)\]]?",
    re.IGNORECASE,
)
"""Dashes, dots, and words for nothing. Neither zeros nor letters that may refer to a footnote."""
_MAY_MISS = frozenset(("integer", "number", "decimal", "date", "time", "datetime", "duration"))


class Agreement:
    """What the cells of a column seen so far agree on."""

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._facts: dict[str, _Facts] = {}
        self._texts = _TextFacts(styles, "text")
        self._filled = 0

    def add(self, piece: Piece) -> Parsed | None:
        """More cells. Returns them as numbers where they were read as such, to be used again."""
        meaning = _meaning(piece, self._styles)
        if not meaning:
            return None
        self._filled += len(piece.values)
        if meaning == "text":
            return self._texts.add(piece.values)
        facts = self._facts.get(meaning)
        if facts is None:
            facts = self._facts[meaning] = _FACTS[meaning](self._styles, meaning)
        return facts.add(piece.values)

    def type(self) -> ColumnType | None:
        """The type; text where they do not agree, None where no cell had a value."""
        agreed = self._agreed()
        if not self._texts.count:
            return agreed
        few = not self._texts.words and 2 * self._texts.count <= self._filled
        return agreed if few and agreed in _MAY_MISS else "text"

    def _agreed(self) -> ColumnType | None:
        types = {facts.type() for facts in self._facts.values()}
        if len(types) <= 1:
            return next(iter(types), None)
        return next((wider for wider, narrower in _WIDENING if types <= narrower), "text")


def _meaning(piece: Piece, styles: Styles) -> str:
    """What kind of thing the cells say; nothing for those that have no value."""
    match piece.form.kind:
        case CellKind.NUMBER:
            kind = format_of(piece.form, styles).kind
            return kind if kind in ("date", "time", "datetime", "duration", "decimal", "code") else "number"
        case CellKind.BOOLEAN | CellKind.MOMENT:
            return str(piece.form.kind)
        case CellKind.TEXT:
            return "text"
        case _:
            return ""


class _Facts:
    """Of what needs no looking at: a code is text, a truth value is one."""

    def __init__(self, styles: Styles, meaning: str) -> None:
        self._date1904 = styles.date1904
        self._meaning = meaning

    def add(self, values: Sequence[str]) -> Parsed | None:
        """More cells."""
        return None

    def type(self) -> ColumnType:
        """The type of all cells seen."""
        return "boolean" if self._meaning == "boolean" else "text"


class _TextFacts(_Facts):
    """Text: whether a cell says more than that a value is missing."""

    def __init__(self, styles: Styles, meaning: str) -> None:
        super().__init__(styles, meaning)
        self.words = False
        self.count = 0

    def add(self, values: Sequence[str]) -> Parsed | None:
        self.words = self.words or not all(_MISSING.fullmatch(raw.strip()) for raw in values)
        self.count += len(values)
        return None


class _NumberFacts(_Facts):
    """Numbers; under a format with decimals they are never integers."""

    def __init__(self, styles: Styles, meaning: str) -> None:
        super().__init__(styles, meaning)
        self._integers = self._integral = meaning == "number"
        self._readable = self._finite = True
        self._many_digits = False
        self._low = self._high = 0

    def add(self, values: Sequence[str]) -> Parsed | None:
        if not self._readable:
            return None
        if self._meaning == "number" and (integers := _integers(values)) is not None:
            self._low, self._high = min(self._low, min(integers)), max(self._high, max(integers))
            largest = max(-self._low, self._high)
            self._integral = self._integral and largest < _EXACT_INTEGER
            self._many_digits = self._many_digits or (largest >= _SURELY_FEW_DIGITS and _have_many_digits(values))
            return integers
        self._integers = False
        try:
            floats = list(map(float, values))
        except ValueError:
            self._readable = False
            return None
        self._many_digits = self._many_digits or _have_many_digits(values)
        self._finite = self._finite and (math.isfinite(sum(floats)) or all(map(math.isfinite, floats)))
        if self._integral:
            self._integral = all(map(float.is_integer, floats)) and max(map(abs, floats)) < _EXACT_INTEGER
        return floats

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
    long = [raw for raw in values if len(raw) > _SURE_LENGTH]
    return any(map(_has_many_digits, [raw for raw in long if len(raw.lstrip("-0.")) > _FLOAT_DIGITS]))


def _has_many_digits(raw: str) -> bool:
    mantissa = raw.strip().lower().partition("e")[0].lstrip("+-").replace(".", "").strip("0")
    return len(mantissa) > _FLOAT_DIGITS


class _SerialFacts(_Facts):
    """Dates and times by number format."""

    def __init__(self, styles: Styles, meaning: str) -> None:
        super().__init__(styles, meaning)
        self._readable = self._whole_days = self._within_a_day = self._in_calendar = self._bearable = True

    def add(self, values: Sequence[str]) -> Parsed | None:
        if not self._readable:
            return None
        try:
            serials = list(map(float, set(values)))
        except ValueError:
            self._readable = False
            return None
        low, high = min(serials), max(serials)
        # NaN compares with nothing.
        self._readable = math.isfinite(sum(serials))
        self._whole_days = self._whole_days and all(map(float.is_integer, serials))
        self._bearable = self._bearable and max(-low, high) < _MOST_DAYS
        self._within_a_day = self._within_a_day and low >= 0 and high < 1
        if self._readable and not (low >= _DAYS_WITH_HOLES and high < _LAST_DAYS):
            days = serials_to_iso(serials, "date", date1904=self._date1904)
            self._in_calendar = self._in_calendar and None not in days
        return None

    def type(self) -> ColumnType:
        if not self._readable:
            return "text"
        if self._meaning == "duration":
            return "duration" if self._bearable else "text"
        if self._meaning == "time" and self._within_a_day:
            return "time"
        if not self._in_calendar:
            return "text"
        return "date" if self._meaning == "date" and self._whole_days else "datetime"


class _MomentFacts(_Facts):
    """Dates, times and elapsed times as ISO text."""

    def __init__(self, styles: Styles, meaning: str) -> None:
        super().__init__(styles, meaning)
        self._readable = self._days = self._times = True
        self._elapsed: set[bool] = set()

    def add(self, values: Sequence[str]) -> Parsed | None:
        self._readable = self._readable and all(moment_serial(raw, date1904=False) is not None for raw in values)
        self._days = self._days and all("T" not in raw and "-" in raw for raw in values)
        self._times = self._times and all("-" not in raw for raw in values)
        self._elapsed.update(map(is_elapsed, values))
        return None

    def type(self) -> ColumnType:
        if not self._readable or len(self._elapsed) > 1:
            return "text"
        if True in self._elapsed:
            return "duration"
        if self._days:
            return "date"
        return "time" if self._times else "datetime"


_FACTS: dict[str, type[_Facts]] = {
    "code": _Facts,
    "boolean": _Facts,
    "number": _NumberFacts,
    "decimal": _NumberFacts,
    "date": _SerialFacts,
    "time": _SerialFacts,
    "datetime": _SerialFacts,
    "duration": _SerialFacts,
    "moment": _MomentFacts,
}
