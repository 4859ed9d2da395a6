"""A date, a time or a duration through the letters of a section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ingestkit_excel.number_formats.serials import DateParts, date_parts
from ingestkit_excel.number_formats.tokens import Token, TokenKind

__all__ = ["ClockFormat", "ClockKind", "clock_format"]

ClockKind = Literal["date", "time", "datetime", "duration"]

_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()
_BUDDHIST_OFFSET = 543
_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class ClockFormat:
    """Tokens with ``m`` already told apart: ``M`` is minutes, ``m`` months. ``decimals`` are those of a second."""

    tokens: tuple[Token, ...]
    decimals: int
    kind: ClockKind
    half_day: bool

    def show(self, value: float, *, date1904: bool) -> str | None:
        """A number as a date or time; None where Excel shows hashes instead."""
        if self.kind == "duration":
            return self._duration(value)
        parts = date_parts(value, self.decimals, date1904=date1904)
        return None if parts is None else "".join(self._piece(token, parts) for token in self.tokens)

    def _piece(self, token: Token, at: DateParts) -> str:
        if token.kind is TokenKind.HALF_DAY:
            return _half_day(token.text, at.hour)
        if token.kind is TokenKind.DIGIT:
            return at.fraction.ljust(len(token.text), "0")[: len(token.text)]
        if token.kind is not TokenKind.CLOCK:
            return token.text
        letter, width = token.text[0], len(token.text)
        match letter:
            case "y" | "e":
                return f"{at.year % 100:02d}" if letter == "y" and width <= 2 else f"{at.year:04d}"
            case "b":
                year = at.year + _BUDDHIST_OFFSET
                return f"{year % 100:02d}" if width <= 2 else f"{year:04d}"
            case "m":
                return _name_or_number(_MONTHS[at.month - 1], at.month, width)
            case "d":
                return _name_or_number(_DAYS[at.weekday], at.day, width)
            case "h":
                hour = (at.hour % 12 or 12) if self.half_day else at.hour
                return f"{hour:0{min(width, 2)}d}"
            case "M":
                return f"{at.minute:0{min(width, 2)}d}"
            case "s":
                return f"{at.second:0{min(width, 2)}d}"
            case _:
                return ""

    def _duration(self, value: float) -> str:
        scale = 10**self.decimals
        ticks = int(abs(value) * _SECONDS * scale + 0.5 + 1e-6 * scale)
        total, fraction = divmod(ticks, scale)
        running = {token.text[0] for token in self.tokens if token.kind is TokenKind.ELAPSED}
        amounts = {
            "h": total // 3600 if "h" in running else total // 3600 % 24,
            "M": total // 60 if "M" in running else total // 60 % 60,
            "s": total if "s" in running else total % 60,
        }
        shown = ["-"] if value < 0 else []
        for token in self.tokens:
            if token.kind in (TokenKind.CLOCK, TokenKind.ELAPSED):
                shown.append(f"{amounts.get(token.text[0], 0):0{len(token.text)}d}")
            elif token.kind is TokenKind.DIGIT:
                shown.append(f"{fraction:0{self.decimals}d}"[: len(token.text)])
            elif token.kind is not TokenKind.HALF_DAY:
                shown.append(token.text)
        return "".join(shown)


def _half_day(spelled: str, hour: int) -> str:
    first, second = spelled.split("/")
    half = second if hour >= 12 else first
    return half.upper() if len(half) == 2 else half


def _name_or_number(name: str, number: int, width: int) -> str:
    if width <= 2:
        return f"{number:0{width}d}"
    if width == 5:
        return name[0]
    return name[:3] if width == 3 else name


def clock_format(tokens: Sequence[Token]) -> ClockFormat:
    """Read the tokens of a section as a date, time or duration."""
    merged = _second_fractions(tokens)
    told = tuple(_told_apart(merged))
    letters = {token.text[0] for token in told if token.kind is TokenKind.CLOCK}
    has_date, has_time = bool(letters & set("ymdebg")), bool(letters & set("hMs"))
    kind: ClockKind = "datetime" if has_date and has_time else "date" if has_date else "time"
    if any(token.kind is TokenKind.ELAPSED for token in told):
        kind = "duration"
    return ClockFormat(
        tokens=told,
        decimals=max((len(token.text) for token in told if token.kind is TokenKind.DIGIT), default=0),
        kind=kind,
        half_day=any(token.kind is TokenKind.HALF_DAY for token in told),
    )


def _second_fractions(tokens: Sequence[Token]) -> list[Token]:
    """``.000`` becomes a literal point and one run of digits; a digit elsewhere is itself."""
    merged: list[Token] = []
    for index, token in enumerate(tokens):
        if token.kind is TokenKind.DIGIT and token.text == "0" and index and tokens[index - 1].kind is TokenKind.POINT:
            merged.append(token)
        elif token.kind is TokenKind.DIGIT and merged and merged[-1].kind is TokenKind.DIGIT:
            merged[-1] = Token(TokenKind.DIGIT, merged[-1].text + token.text)
        elif token.kind in (TokenKind.CLOCK, TokenKind.ELAPSED):
            merged.append(Token(token.kind, token.text.lower()))
        elif token.kind in (TokenKind.HALF_DAY, TokenKind.LITERAL):
            merged.append(token)
        else:
            merged.append(Token(TokenKind.LITERAL, token.text))
    return merged


def _told_apart(tokens: Sequence[Token]) -> list[Token]:
    """``m`` after an hour or before a second is minutes, written ``M`` from here on."""
    letters = [
        (index, token.text[0])
        for index, token in enumerate(tokens)
        if token.kind in (TokenKind.CLOCK, TokenKind.ELAPSED)
    ]
    minutes: set[int] = set()
    for place, (index, letter) in enumerate(letters):
        if letter != "m":
            continue
        after_hour = place > 0 and letters[place - 1][1] == "h"
        before_second = place + 1 < len(letters) and letters[place + 1][1] == "s"
        after_second = place > 0 and letters[place - 1][1] == "s"
        if after_hour or before_second or after_second or tokens[index].kind is TokenKind.ELAPSED:
            minutes.add(index)
    return [
        Token(token.kind, token.text.replace("m", "M")) if index in minutes else token
        for index, token in enumerate(tokens)
    ]
