"""A number as a fraction: ``# ?/?``, ``# ??/16``, ``?/?``.

Where there is nothing to show (no whole part, or no fraction) its place is left blank if any placeholder is a ``?``,
and closed otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ingestkit_excel.number_formats.digits import fill
from ingestkit_excel.number_formats.tokens import Token, TokenKind

__all__ = ["FractionFormat", "fraction_format"]


@dataclass(frozen=True, slots=True)
class FractionFormat:
    """``prefix whole gap numerator bar denominator suffix``; ``bar`` is the slash with what stands around it.

    ``whole`` is empty for improper fractions. ``fixed_denominator`` is 0 where the denominator is found.
    """

    prefix: str
    whole: tuple[Token, ...]
    gap: str
    numerator: tuple[Token, ...]
    bar: str
    denominator: tuple[Token, ...]
    fixed_denominator: int
    suffix: str

    def show(self, value: float) -> str:
        """A number that is not negative."""
        whole, numerator, denominator = self._parts(value)
        return f"{self.prefix}{self._body(whole, numerator, denominator)}{self.suffix}"

    def _parts(self, value: float) -> tuple[int, int, int]:
        whole = int(value) if self.whole else 0
        rest = value - whole
        if self.fixed_denominator:
            denominator = self.fixed_denominator
            numerator = int(rest * denominator + 0.5)
        else:
            nearest = Fraction(rest).limit_denominator(10 ** min(len(self.denominator), 9) - 1)
            numerator, denominator = nearest.numerator, nearest.denominator
        if self.whole and numerator == denominator:
            return whole + 1, 0, denominator if self.fixed_denominator else 1
        return whole, numerator, denominator

    def _body(self, whole: int, numerator: int, denominator: int) -> str:
        bottom = self._denominator(denominator)
        top = fill(self.numerator, str(numerator))
        if not self.whole:
            return f"{top}{self.bar}{bottom}"
        if not numerator and not _shows(self.numerator, "0"):
            blank = any(_shows(part, "?") for part in (self.whole, self.numerator, self.denominator))
            width = len(self.gap) + len(self.numerator) + len(self.bar) + len(bottom)
            return fill(self.whole, str(whole)) + " " * (width if blank else 0)
        if whole or _shows(self.whole, "0") or (not numerator and _shows(self.whole, "?")):
            return f"{fill(self.whole, str(whole))}{self.gap}{top}{self.bar}{bottom}"
        blank_gap = _shows(self.whole, "?") or _shows(self.numerator, "?")
        return f"{fill(self.whole, '')}{' ' * len(self.gap) * blank_gap}{top}{self.bar}{bottom}"

    def _denominator(self, denominator: int) -> str:
        digits = str(denominator)
        if not self.denominator:
            return digits
        if _shows(self.denominator, "0"):
            return digits.zfill(len(self.denominator))
        return digits.ljust(len(self.denominator)) if _shows(self.denominator, "?") else digits


def _shows(tokens: Sequence[Token], placeholder: str) -> bool:
    return any(token.kind is TokenKind.DIGIT and token.text == placeholder for token in tokens)


def fraction_format(tokens: Sequence[Token]) -> FractionFormat | None:
    """Read the tokens of a section as a fraction; None where a slash is only a slash."""
    slash = next(i for i, token in enumerate(tokens) if token.kind is TokenKind.SLASH)
    before, after = tokens[:slash], tokens[slash + 1 :]
    places = [i for i, token in enumerate(before) if token.kind is TokenKind.DIGIT]
    if not places:
        return None
    top_start = places[-1]
    while top_start - 1 in places:
        top_start -= 1
    whole = before[places[0] : top_start] if top_start > places[0] else ()
    whole_end = max((i for i in places if i < top_start), default=top_start - 1) + 1
    bottom_text, denominator, fixed_denominator, suffix = _bottom(after)
    if not denominator and not fixed_denominator:
        return None
    return FractionFormat(
        prefix=_text(before[: places[0]]),
        whole=tuple(before[places[0] : whole_end]) if whole else (),
        gap=_text(before[whole_end:top_start]) if whole else "",
        numerator=tuple(before[top_start : places[-1] + 1]),
        bar=f"{_text(before[places[-1] + 1 :])}/{bottom_text}",
        denominator=denominator,
        fixed_denominator=fixed_denominator,
        suffix=suffix,
    )


def _bottom(tokens: Sequence[Token]) -> tuple[str, tuple[Token, ...], int, str]:
    """What stands between slash and denominator, its placeholders, its fixed value, and what follows."""
    start = 0
    while start < len(tokens) and not _is_denominator(tokens[start]):
        start += 1
    end = start
    while end < len(tokens) and _is_denominator(tokens[end]):
        end += 1
    run = tokens[start:end]
    fixed = _text(run) if any(token.kind is TokenKind.LITERAL for token in run) else ""
    placeholders = () if fixed else tuple(run)
    return _text(tokens[:start]), placeholders, int(fixed or 0), _text(tokens[end:])


def _is_denominator(token: Token) -> bool:
    return token.kind is TokenKind.DIGIT or (token.text.isascii() and token.text.isdigit() and len(token.text) < 10)


def _text(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)
