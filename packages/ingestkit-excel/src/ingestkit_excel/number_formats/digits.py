"""A number through the digit placeholders of a section: ``0`` always, ``?`` or a space, ``#`` only if there is one.

Excel calculates with fifteen decimal digits and rounds halves away from zero; so does this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from ingestkit_excel.number_formats.tokens import Token, TokenKind

__all__ = ["DigitsFormat", "digits_format", "fill", "fixed"]

_LARGEST_SURE = 1e15
_MOST_DECIMALS = 30
_WIDE = Context(prec=400)
_ANY_DIGITS = Token(TokenKind.DIGIT, "#")
_PADDING = {"0": "0", "?": " ", "#": ""}


def fixed(value: float, decimals: int) -> str:
    """A number that is not negative with so many decimals (at most 30), as Excel rounds it."""
    decimals = min(decimals, _MOST_DECIMALS)
    scaled = value * 10.0**decimals
    if scaled < _LARGEST_SURE and not 0.4999 < scaled % 1.0 < 0.5001:
        return f"{value:.{decimals}f}"
    exact = Decimal(f"{value:.15g}")
    return f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _WIDE):f}"


def fill(placeholders: Sequence[Token], digits: str, *, grouped: bool = False) -> str:
    """Whole digits into placeholders, from the right; literals stay where they stand between them."""
    waiting = sum(token.kind is TokenKind.DIGIT for token in placeholders)
    shown: list[str] = []
    position = 0
    for token in reversed(placeholders):
        if token.kind is not TokenKind.DIGIT:
            shown.append(token.text)
            continue
        waiting -= 1
        # The first placeholder takes all digits that are left.
        for _ in range(1 if waiting else max(len(digits) - position, 1)):
            digit = digits[-1 - position] if position < len(digits) else _PADDING[token.text]
            if grouped and position and position % 3 == 0:
                shown.append("," if digit.isdigit() else digit)
            shown.append(digit)
            position += 1
    return "".join(reversed(shown))


def _fill_decimals(placeholders: Sequence[Token], digits: str) -> str:
    shown: list[str] = []
    significant = len(digits.rstrip("0"))
    position = 0
    for token in placeholders:
        if token.kind is not TokenKind.DIGIT:
            shown.append(token.text)
            continue
        shown.append(digits[position] if position < significant else _PADDING[token.text])
        position += 1
    return "".join(shown)


@dataclass(frozen=True, slots=True)
class DigitsFormat:
    """``prefix whole .decimals E+exponent suffix``, literals possible between the placeholders.

    ``exponent_plus`` is the sign shown before an exponent that is not negative. ``power`` is the power of ten the value
    is multiplied by (two a percent sign, minus three a trailing comma). ``least_whole`` is the number of ``0`` before
    the point where the placeholders make one plain run, which takes a short way; None where they do not.
    """

    prefix: str
    whole: tuple[Token, ...]
    point: bool
    decimals: tuple[Token, ...]
    exponent: tuple[Token, ...]
    exponent_plus: str
    suffix: str
    grouped: bool
    power: int
    least_whole: int | None
    least_decimals: int

    def show(self, value: float) -> str:
        """A number that is not negative."""
        if self.power:
            value = float(Decimal(f"{value:.15g}").scaleb(self.power))
        if self.exponent:
            text = self._scientific(value)
        elif self.least_whole is None:
            text = self._placed(fixed(value, _count(self.decimals)))
        else:
            text = self._plain(fixed(value, len(self.decimals)), self.least_whole)
        return f"{self.prefix}{text}{self.suffix}"

    def _plain(self, text: str, least_whole: int) -> str:
        whole, _, rest = text.partition(".")
        if len(rest) > self.least_decimals:
            rest = rest[: self.least_decimals] + rest[self.least_decimals :].rstrip("0")
        if least_whole != 1:
            whole = whole.lstrip("0").zfill(least_whole)
        if self.grouped and len(whole) > 3:
            whole = _grouped(whole)
        return f"{whole}.{rest}" if self.point else whole

    def _placed(self, text: str) -> str:
        whole, _, rest = text.partition(".")
        shown = fill(self.whole, whole.lstrip("0"), grouped=self.grouped)
        return f"{shown}.{_fill_decimals(self.decimals, rest)}" if self.point else shown

    def _scientific(self, value: float) -> str:
        places, decimals = _count(self.whole), _count(self.decimals)
        exponent = _exponent(value) // places * places
        mantissa = fixed(_shifted(value, exponent), decimals)
        if len(mantissa.partition(".")[0]) > places:
            exponent += places
            mantissa = fixed(_shifted(value, exponent), decimals)
        sign = "-" if exponent < 0 else self.exponent_plus
        return f"{self._placed(mantissa)}E{sign}{fill(self.exponent, str(abs(exponent)))}"


def _count(tokens: Sequence[Token]) -> int:
    return sum(token.kind is TokenKind.DIGIT for token in tokens)


def _exponent(value: float) -> int:
    return int(f"{value:.14e}".partition("e")[2]) if value else 0


def _shifted(value: float, exponent: int) -> float:
    return float(Decimal(f"{value:.15g}").scaleb(-exponent))


def _grouped(whole: str) -> str:
    head = len(whole) % 3
    parts = [whole[:head]] if head else []
    return ",".join([*parts, *(whole[i : i + 3] for i in range(head, len(whole), 3))])


def digits_format(tokens: Sequence[Token]) -> DigitsFormat:
    """Read the tokens of a section as digits."""
    prefix, body, thousands, suffix = _surroundings(tokens)
    mantissa, sign, exponent = _cut(body, TokenKind.EXPONENT)
    whole, point, decimals = _cut(mantissa, TokenKind.POINT)
    whole, grouped, more_thousands = _without_commas(whole)
    decimals, _, still_more = _without_commas(decimals)
    if not _count(whole):
        whole = (*whole, _ANY_DIGITS)
    plain = not sign and _is_plain(whole, "#0") and _is_plain(decimals, "0#")
    percents = sum(token.kind is TokenKind.PERCENT for token in tokens)
    return DigitsFormat(
        prefix=prefix,
        whole=whole,
        point=bool(point),
        decimals=decimals,
        exponent=(exponent or (_ANY_DIGITS,)) if sign else (),
        exponent_plus="+" if sign.endswith("+") else "",
        suffix=suffix,
        grouped=grouped,
        power=2 * percents - 3 * (thousands + more_thousands + still_more),
        least_whole=sum(token.text == "0" for token in whole) if plain else None,
        least_decimals=sum(token.text == "0" for token in decimals),
    )


def _surroundings(tokens: Sequence[Token]) -> tuple[str, tuple[Token, ...], int, str]:
    """What stands before the first placeholder or point, what follows it, commas that scale, what comes last."""
    body = [i for i, token in enumerate(tokens) if token.kind in (TokenKind.DIGIT, TokenKind.POINT)]
    if not body:
        return "".join(token.text for token in tokens), (), 0, ""
    first, last = body[0], body[-1]
    commas = 0
    while last + 1 + commas < len(tokens) and tokens[last + 1 + commas].kind is TokenKind.COMMA:
        commas += 1
    suffix = tokens[last + 1 + commas :]
    return _text(tokens[:first]), tuple(tokens[first : last + 1]), commas, _text(suffix)


def _text(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)


def _cut(tokens: Sequence[Token], kind: TokenKind) -> tuple[tuple[Token, ...], str, tuple[Token, ...]]:
    for index, token in enumerate(tokens):
        if token.kind is kind:
            return tuple(tokens[:index]), token.text, tuple(tokens[index + 1 :])
    return tuple(tokens), "", ()


def _without_commas(tokens: Sequence[Token]) -> tuple[tuple[Token, ...], bool, int]:
    """The tokens without commas, whether one stood between digits (grouping), how many after the last (scaling)."""
    last = max((i for i, token in enumerate(tokens) if token.kind is TokenKind.DIGIT), default=-1)
    between = any(token.kind is TokenKind.COMMA for token in tokens[: last + 1])
    after = sum(token.kind is TokenKind.COMMA for token in tokens[last + 1 :])
    return tuple(token for token in tokens if token.kind is not TokenKind.COMMA), between, after


def _is_plain(tokens: Sequence[Token], order: str) -> bool:
    text = _text(tokens)
    return _count(tokens) == len(tokens) and text == "".join(sorted(text, key=order.find)) and "?" not in text
