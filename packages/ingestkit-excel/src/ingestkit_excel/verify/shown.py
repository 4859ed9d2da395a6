"""What a cell shows, worked out a second time and only as exactly as words and numbers need.

Colours and alignment say nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction

from ingestkit_excel.verify.cells import Cell

__all__ = ["is_moment", "moment_of", "serial_of", "shown"]

_LITERAL = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]-]*)(?:-[^\]]*)?\]|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_SECTIONS = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')
_CLOCK = re.compile(
    r"\[h+\]|\[m+\]|\[s+\]|yyyy|yyy|yy|y|mmmmm|mmmm|mmm|mm|m|dddd|ddd|dd|d|hh|h|ss(?:\.0+)?|s(?:\.0+)?|am/pm|a/p|\x00[^\x00]*\x00|.",
    re.IGNORECASE | re.DOTALL,
)
_DIGITS = re.compile(r"[0#?][0#?,]*(?:\.[0#?]*)?,*|\.[0#?]+,*")
_LASTING = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?")
_SECONDS = 86400


def shown(cell: Cell, *, date1904: bool) -> list[str]:
    """What a cell may show, the likeliest first; empty where it shows nothing."""
    if cell.kind == "s":
        return [cell.raw]
    if cell.kind == "f":
        return []
    if cell.kind == "b":
        return ["TRUE" if cell.raw in ("1", "true") else "FALSE"]
    if cell.kind == "e":
        return [cell.raw]
    value = serial_of(cell, date1904=date1904)
    if value is None:
        return [cell.raw]
    texts = [*_formatted(value, cell, date1904=date1904), *_general(value), cell.raw]
    return list(dict.fromkeys(texts))


def _section(code: str, value: float) -> str:
    sections = _SECTIONS.split(code)
    if value < 0 and len(sections) > 1:
        return sections[1]
    if value == 0 and len(sections) > 2:
        return sections[2]
    return sections[0]


def _bare(section: str) -> str:
    """A section with its literal texts between zero bytes, so that no letter of them is taken for a format's."""
    return _LITERAL.sub(lambda match: f"\0{match[1] or match[2] or match[3] or ' '}\0", section)


def is_moment(cell: Cell) -> bool:
    """Whether its format shows a date, a time or a duration."""
    if cell.code.lower() == "general" or cell.kind not in ("n", "d"):
        return cell.kind == "d"
    bare = re.sub(r"\0[^\0]*\0|general", "", _bare(_SECTIONS.split(cell.code)[0]), flags=re.IGNORECASE)
    return bool(re.search(r"[ymdhs]", bare, re.IGNORECASE)) and not re.search(r"[0#?](?!\])", re.sub(r"\.0+", "", bare))


def serial_of(cell: Cell, *, date1904: bool) -> float | None:
    """A number, or an ISO date or duration as a serial number; None for anything else."""
    try:
        if cell.kind != "d":
            return float(cell.raw)
        if lasting := _LASTING.fullmatch(cell.raw):
            days, hours, minutes, seconds = (float(part or 0) for part in lasting.groups())
            return timedelta(days, seconds, hours=hours, minutes=minutes) / timedelta(days=1)
        start = datetime(1904, 1, 1) if date1904 else datetime(1899, 12, 30)
        serial = (datetime.fromisoformat(cell.raw.rstrip("Z")) - start) / timedelta(days=1)
    except ValueError:
        return None
    return serial if serial >= 60 or date1904 else max(serial - 1, 0.0)


def moment_of(value: float, *, date1904: bool) -> datetime | None:
    """A serial number as a point in time; None beyond the calendar. Excel has a 29th of February 1900."""
    start = datetime(1904, 1, 1) if date1904 else datetime(1899, 12, 30 if value >= 60 else 31)
    try:
        return start + timedelta(milliseconds=round(value * _SECONDS * 1000))
    except OverflowError:
        return None


def _formatted(value: float, cell: Cell, *, date1904: bool) -> Iterator[str]:
    section = _section(cell.code, value)
    if is_moment(cell):
        moment = moment_of(value, date1904=date1904)
        if moment is not None and value >= 0:
            yield _clock(moment, value, _bare(section))
            return
    bare = _bare(section)
    if "general" in bare.lower():
        return
    plain = re.sub(r"\0[^\0]*\0", "\0", bare)
    if "/" in plain and "?" in plain.partition("/")[2] + plain.partition("/")[0]:
        yield _fraction(abs(value), plain)
        return
    if "/" in plain or not _DIGITS.search(plain):
        yield bare.replace("\0", " ")
        return
    try:
        sign = "-" if value < 0 and len(_SECTIONS.split(cell.code)) == 1 else ""
        yield sign + _number(abs(value), bare, plain)
    except (InvalidOperation, OverflowError, ValueError):
        return


def _fraction(value: float, plain: str) -> str:
    above, _, below = plain.partition("/")
    mixed = len(_DIGITS.findall(above)) > 1
    whole = int(value) if mixed else 0
    fixed = re.search(r"[1-9]\d*", below)
    largest = int(fixed[0]) if fixed else 10 ** max(below.count("?") + below.count("#") + below.count("0"), 1) - 1
    top, bottom = round((value - whole) * largest), largest
    if not fixed:
        top, bottom = Fraction(value - whole).limit_denominator(largest).as_integer_ratio()
    if not top and mixed:
        return str(whole)
    return f"{whole or ''} {top}/{bottom}".strip()


def _number(value: float, bare: str, plain: str) -> str:
    amount = Decimal(repr(value)) * (100 if "%" in plain else 1)
    scientific = re.search(r"e[+-]", plain, re.IGNORECASE)
    pattern = _DIGITS.findall(plain)[0] if scientific else "".join(_DIGITS.findall(plain))
    amount /= 1000 ** (len(pattern) - len(pattern.rstrip(",")))
    whole, _, fraction = pattern.rstrip(",").partition(".")
    decimals = sum(char in "0#?" for char in fraction)
    if scientific:
        mantissa = f"{amount:.{decimals}e}"
        number, _, exponent = mantissa.partition("e")
        return f"{number}E{exponent[0]}{int(exponent[1:]):02d}"
    rounded = amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    text = f"{rounded:f}"
    digits, _, rest = text.partition(".")
    least = fraction.count("0")
    while len(rest) > least and rest.endswith("0"):
        rest = rest[:-1]
    digits = digits.zfill(whole.count("0")) if whole.count("0") else digits.lstrip("0")
    if "," in whole and len(digits) > 3:
        digits = f"{int(digits):,}".rjust(len(digits))
    number = f"{digits}.{rest}" if rest else digits
    first = True

    def placed(match: re.Match[str]) -> str:
        nonlocal first
        if match[0][0] == "\0":
            return match[0].strip("\0")
        text, first = (number if first else ""), False
        return text

    return re.sub(rf"\0[^\0]*\0|{_DIGITS.pattern}", placed, bare)


def _clock(moment: datetime, value: float, bare: str) -> str:
    tokens = _CLOCK.findall(bare)
    half = any(token.lower() in ("am/pm", "a/p") for token in tokens)
    parts: list[str] = []
    before = ""
    for index, token in enumerate(tokens):
        kind = token.lower()
        if kind[0] in "hmsyd[":
            after = next((one.lower() for one in tokens[index + 1 :] if one[0].lower() in "hmsyd["), "")
            is_minute = kind in ("m", "mm") and ("h" in before or after.startswith("s"))
            parts.append(_piece(kind, moment, value, is_minute=is_minute, half=half))
            before = kind
        elif kind in ("am/pm", "a/p"):
            parts.append(("AM" if moment.hour < 12 else "PM")[: 2 if kind == "am/pm" else 1])
        else:
            parts.append(token.strip("\0") if token[0] == "\0" else token)
    return "".join(parts)


def _piece(kind: str, moment: datetime, value: float, *, is_minute: bool, half: bool) -> str:
    if value < 1 and kind[0] in "ymd" and not is_minute and moment.year < 1900:
        # The day before the first one is the 0th of January 1900 to Excel.
        return {"d": "0", "dd": "00"}.get(kind) or _piece(kind, datetime(1900, 1, 1), 1.0, is_minute=False, half=half)
    if kind.startswith("["):
        seconds = round(value * _SECONDS)
        return str(seconds // {"h": 3600, "m": 60, "s": 1}[kind[1]])
    if kind.startswith("s"):
        digits = len(kind.partition(".")[2])
        second = f"{moment.second:02d}" if kind.startswith("ss") else str(moment.second)
        return f"{second}.{moment.microsecond:06d}"[: len(second) + 1 + digits] if digits else second
    if is_minute:
        return f"{moment.minute:02d}" if kind == "mm" else str(moment.minute)
    hour = (moment.hour % 12 or 12) if half else moment.hour
    return {
        "y": f"{moment:%y}", "yy": f"{moment:%y}", "yyy": f"{moment.year:04d}", "yyyy": f"{moment.year:04d}",
        "m": str(moment.month), "mm": f"{moment.month:02d}", "mmm": f"{moment:%b}", "mmmm": f"{moment:%B}",
        "mmmmm": f"{moment:%B}"[0], "d": str(moment.day), "dd": f"{moment.day:02d}", "ddd": f"{moment:%a}",
        "dddd": f"{moment:%A}", "h": str(hour), "hh": f"{hour:02d}",
    }[kind]  # fmt: skip


def _general(value: float) -> Iterator[str]:
    """The forms of a number without a format: as it is, and fitted into eleven places."""
    yield f"{value:.15g}"
    places = max(10 - len(str(int(abs(value)))), 0) if abs(value) < 1e11 else 0
    fitted = f"{value:.{places}f}"
    yield fitted.rstrip("0").rstrip(".") if "." in fitted else fitted
    number, _, exponent = f"{value:.5e}".partition("e")
    yield f"{number.rstrip('0').rstrip('.')}E{exponent}"
