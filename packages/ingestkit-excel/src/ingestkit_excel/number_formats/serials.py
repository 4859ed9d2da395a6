"""Date serials: days since 1900 (with its 29 February that never was) or since 1904.

Serial 1 is 1 January 1900, serial 60 the day that never was, serial 61 is 1 March 1900. In the 1904 system serial 0 is
1 January 1904.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

__all__ = ["DateParts", "date_parts", "serials_to_iso"]

_ORDINAL_OF_ZERO = date(1899, 12, 30).toordinal()
_DAYS_TO_1904 = 1462
_FIRST_DAY_TOO_LATE = 2958466
_PHANTOM_DAY = 60
_SECONDS = 86400
_MILLISECONDS = 86_400_000


@dataclass(frozen=True, slots=True)
class DateParts:
    """A moment taken apart. ``weekday`` is 0 for Sunday; ``second`` is whole, its decimals are ``fraction``."""

    year: int
    month: int
    day: int
    weekday: int
    hour: int
    minute: int
    second: int
    fraction: str


def date_parts(serial: float, decimals: int, *, date1904: bool) -> DateParts | None:
    """The parts of a serial, rounded to ``decimals`` of a second; None where Excel shows no date."""
    days, seconds, fraction = _split(serial, decimals)
    if date1904:
        days += _DAYS_TO_1904
    if not 0 <= days < _FIRST_DAY_TOO_LATE:
        return None
    year, month, day = _calendar(days)
    return DateParts(year, month, day, (days - 1) % 7, seconds // 3600, seconds // 60 % 60, seconds % 60, fraction)


def _split(serial: float, decimals: int) -> tuple[int, int, str]:
    days = int(serial // 1)
    scale = 10**decimals
    # A double holds the time of a recent day to about a microsecond: a half may arrive as a little less.
    ticks = int((serial - days) * _SECONDS * scale + 0.5 + 1e-6 * scale)
    if ticks >= _SECONDS * scale:
        days, ticks = days + 1, ticks - _SECONDS * scale
    seconds, fraction = divmod(ticks, scale)
    return days, seconds, f"{fraction:0{decimals}d}" if decimals else ""


def _calendar(days: int) -> tuple[int, int, int]:
    if days == 0:
        return 1900, 1, 0
    if days == _PHANTOM_DAY:
        return 1900, 2, 29
    moment = date.fromordinal(_ORDINAL_OF_ZERO + days + (days < _PHANTOM_DAY))
    return moment.year, moment.month, moment.day


def serials_to_iso(serials: Iterable[float], kind: str, *, date1904: bool) -> list[str | None]:
    """ISO texts of serials as ``date``, ``time`` or ``datetime``; None where the calendar has no such day.

    Times are rounded to the millisecond, which is what a serial can hold.
    """
    first = _DAYS_TO_1904 if date1904 else 0
    texts: list[str | None] = []
    for serial in serials:
        if not abs(serial) < _FIRST_DAY_TOO_LATE:
            texts.append(None)
            continue
        days, moment = divmod(int(serial * _MILLISECONDS + 0.5), _MILLISECONDS)
        days += first
        if kind == "time":
            texts.append(_iso_clock(moment))
        elif not 0 < days < _FIRST_DAY_TOO_LATE or days == _PHANTOM_DAY:
            texts.append(None)
        elif kind == "date":
            texts.append(_iso_day(days))
        else:
            texts.append(f"{_iso_day(days)}T{_iso_clock(moment)}")
    return texts


@functools.lru_cache(maxsize=1 << 16)
def _iso_day(days: int) -> str:
    year, month, day = _calendar(days)
    return f"{year:04d}-{month:02d}-{day:02d}"


@functools.lru_cache(maxsize=1 << 17)
def _iso_clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{clock}.{rest:03d}" if rest else clock
