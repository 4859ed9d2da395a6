"""What raw values mean under a form: the text a person sees.

Repeated values are worked out once. Padding that a number format adds is left out: it shows alignment, not content.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time

from ingestkit_excel.number_formats import NumberFormat, parse_format, show_general
from ingestkit_excel.workbook.values import CellForm, CellKind, Styles

__all__ = ["format_of", "is_elapsed", "moment_serial", "shower", "shown_texts"]

_PLAIN_CHARACTERS = 11
_PLAIN_NUMBER = re.compile(r"-?(?:[1-9][0-9]*|0)\.[0-9]*[1-9]|-?[1-9][0-9]{0,9}|0")
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
_ELAPSED = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_PER_DAY = (1, 24, 24 * 60, 24 * 60 * 60)
_BOOLEANS = {"0": "FALSE", "1": "TRUE", "false": "FALSE", "true": "TRUE"}


def format_of(form: CellForm, styles: Styles) -> NumberFormat:
    """The number format of a form."""
    return parse_format(styles.format_of(form.style) or "General")


def shower(form: CellForm, styles: Styles) -> Callable[[str], str]:
    """What makes of a value of this form what a person sees."""
    return _shower(form.kind, styles.format_of(form.style), styles.date1904)


def shown_texts(form: CellForm, values: Sequence[str], styles: Styles) -> Sequence[str]:
    """What a person sees in cells of one form."""
    show = shower(form, styles)
    if show is str.strip:
        return list(map(str.strip, values))
    known = {value: show(value) for value in set(values)}
    return [known[value] for value in values]


@functools.lru_cache(maxsize=4096)
def _shower(kind: CellKind, code: str, date1904: bool) -> Callable[[str], str]:
    """How the values of cells of one kind and number format are shown."""
    number_format = parse_format(code or "General")
    match kind:
        case CellKind.NUMBER:
            return _general if number_format.code == "General" else _number(number_format, date1904=date1904)
        case CellKind.TEXT:
            return str.strip if number_format.text_section is None else _text(number_format)
        case CellKind.BOOLEAN:
            return _text(number_format, _BOOLEANS)
        case CellKind.MOMENT:
            return _moment(number_format, date1904=date1904)
        case _:
            return str


def _general(raw: str) -> str:
    # Most numbers are written as they are shown.
    if len(raw) <= _PLAIN_CHARACTERS and _PLAIN_NUMBER.fullmatch(raw) is not None:
        return raw
    return _long_general(raw)


@functools.lru_cache(maxsize=8192)
def _long_general(raw: str) -> str:
    number = _float(raw)
    return raw.strip() if number is None else show_general(number)


def _number(number_format: NumberFormat, *, date1904: bool) -> Callable[[str], str]:
    def show(raw: str) -> str:
        number = _float(raw)
        return raw.strip() if number is None else number_format.show(number, date1904=date1904).strip()

    return show


def _float(raw: str) -> float | None:
    try:
        number = float(raw)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _text(number_format: NumberFormat, names: dict[str, str] | None = None) -> Callable[[str], str]:
    def show(raw: str) -> str:
        text = raw if names is None else names.get(raw.strip().lower(), raw)
        return number_format.show_text(text).strip()

    return show


def _moment(number_format: NumberFormat, *, date1904: bool) -> Callable[[str], str]:
    def show(raw: str) -> str:
        serial = moment_serial(raw, date1904=date1904)
        if serial is None or number_format.kind not in ("date", "time", "datetime", "duration"):
            return raw if is_elapsed(raw) else raw.replace("T", " ")
        return number_format.show(serial, date1904=date1904).strip()

    return show


def moment_serial(raw: str, *, date1904: bool) -> float | None:
    """The serial of ISO text, of an elapsed time its days; None where it is none."""
    if is_elapsed(raw):
        parts = _ELAPSED.fullmatch(raw)
        return (
            sum(float(part or 0) / per_day for part, per_day in zip(parts.groups(), _PER_DAY, strict=True))
            if parts
            else None
        )
    try:
        if "-" not in raw:
            clock = time.fromisoformat(raw.rstrip("Z"))
            return (clock.hour * 3600 + clock.minute * 60 + clock.second + clock.microsecond / 1e6) / 86400
        moment = datetime.fromisoformat(raw.rstrip("Z")) if "T" in raw else _midnight(date.fromisoformat(raw))
    except ValueError:
        return None
    distance = moment.replace(tzinfo=None) - (_EPOCH_1904 if date1904 else _EPOCH)
    return distance.days + (distance.seconds + distance.microseconds / 1e6) / 86400


def is_elapsed(raw: str) -> bool:
    """Whether ISO text says how long something took: ``PT1H30M``."""
    return raw.startswith("P")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
