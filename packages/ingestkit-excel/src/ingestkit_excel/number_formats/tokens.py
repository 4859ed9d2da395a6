"""A format code into sections of tokens.

``[Red][<0]0.0" kg";General`` gives two sections. Colours, fill characters and what only aligns are gone after this;
a padding ``_x`` has become a space.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Condition", "Section", "Token", "TokenKind", "split_sections"]


class TokenKind(Enum):
    """What a piece of a format code stands for."""

    LITERAL = auto()
    DIGIT = auto()
    POINT = auto()
    COMMA = auto()
    PERCENT = auto()
    EXPONENT = auto()
    SLASH = auto()
    GENERAL = auto()
    TEXT = auto()
    CLOCK = auto()
    ELAPSED = auto()
    HALF_DAY = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a format code; ``text`` is what it shows (a literal) or how it is spelled (all others)."""

    kind: TokenKind
    text: str


@dataclass(frozen=True, slots=True)
class Condition:
    """``[>=100]``: when a section applies."""

    operator: str
    operand: float

    def holds(self, value: float) -> bool:
        """Whether the section applies to the value."""
        match self.operator:
            case "<":
                return value < self.operand
            case "<=":
                return value <= self.operand
            case ">":
                return value > self.operand
            case ">=":
                return value >= self.operand
            case "<>":
                return value != self.operand
            case _:
                return value == self.operand


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a format code between semicolons."""

    tokens: tuple[Token, ...]
    condition: Condition | None = None

    def has(self, *kinds: TokenKind) -> bool:
        """Whether a token of one of these kinds is in it."""
        return any(token.kind in kinds for token in self.tokens)


_SCANNER = re.compile(
    r"""
      (?P<end>;)
    | "(?P<quoted>[^"]*)"?
    | \\(?P<escaped>.?)
    | _(?P<padding>.?)
    | \*(?P<fill>.?)
    | \[(?P<elapsed>[hH]+|[mM]+|[sS]+)\]
    | \[(?P<condition><=|>=|<>|<|>|=)(?P<operand>[^\]]*)\]
    | \[\$(?P<currency>[^\]-]*)(?:-[^\]]*)?\]
    | \[(?P<other>[^\]]*)\]
    | (?P<general>[Gg]eneral|GENERAL)
    | (?P<half>AM/PM|am/pm|Am/Pm|A/P|a/p|上午/下午)
    | (?P<exponent>[eE][+-])
    | (?P<clock>[yY]+|[mM]+|[dD]+|[hH]+|[sS]+|[eE]+|[bB]+|[gG]+)
    | (?P<digit>[0#?])
    | (?P<point>\.)
    | (?P<comma>,)
    | (?P<percent>%)
    | (?P<slash>/)
    | (?P<text>@)
    | (?P<literal>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_KINDS = {
    "elapsed": TokenKind.ELAPSED,
    "general": TokenKind.GENERAL,
    "half": TokenKind.HALF_DAY,
    "exponent": TokenKind.EXPONENT,
    "clock": TokenKind.CLOCK,
    "digit": TokenKind.DIGIT,
    "point": TokenKind.POINT,
    "comma": TokenKind.COMMA,
    "percent": TokenKind.PERCENT,
    "slash": TokenKind.SLASH,
    "text": TokenKind.TEXT,
}
_LITERALS = ("quoted", "escaped", "currency", "literal")


def split_sections(code: str) -> tuple[Section, ...]:
    """The sections of a format code, in order; at least one."""
    sections: list[Section] = []
    tokens: list[Token] = []
    condition: Condition | None = None
    for match in _SCANNER.finditer(code):
        name = match.lastgroup
        if match["end"]:
            sections.append(Section(tuple(tokens), condition))
            tokens, condition = [], None
        elif match["condition"]:
            condition = _condition(match["condition"], match["operand"])
        elif name in _KINDS:
            tokens.append(Token(_KINDS[name], match[name]))
        elif name == "padding":
            tokens.append(Token(TokenKind.LITERAL, " "))
        elif name in _LITERALS and match[name]:
            tokens.append(Token(TokenKind.LITERAL, match[name]))
    sections.append(Section(tuple(tokens), condition))
    return tuple(sections)


def _condition(operator: str, operand: str) -> Condition | None:
    try:
        return Condition(operator, float(operand))
    except ValueError:
        return None
