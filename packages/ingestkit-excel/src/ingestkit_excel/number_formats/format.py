"""A whole format code: which section shows a value, and what kind of value it makes of a number."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ingestkit_excel.number_formats.clock import ClockFormat, clock_format
from ingestkit_excel.number_formats.digits import DigitsFormat, digits_format
from ingestkit_excel.number_formats.fractions import FractionFormat, fraction_format
from ingestkit_excel.number_formats.general import show_general
from ingestkit_excel.number_formats.tokens import Section, TokenKind, split_sections

__all__ = ["FormatKind", "NumberFormat", "parse_format"]

FormatKind = Literal["general", "whole", "decimal", "code", "text", "date", "time", "datetime", "duration"]
"""What a number under the format is to a person.

``whole`` shows no decimals; a ``code`` is padded with zeros or has literals between its digits: a post code, a phone
number.
"""

_CODE_ZEROS = 3


@dataclass(frozen=True, slots=True)
class _GeneralFormat:
    """The word General with literals around it."""

    prefix: str
    suffix: str

    def show(self, value: float) -> str:
        return f"{self.prefix}{show_general(value)}{self.suffix}"


@dataclass(frozen=True, slots=True)
class _LiteralFormat:
    """A section without placeholders: it shows itself, whatever the number."""

    text: str

    def show(self, value: float) -> str:
        return self.text


_Renderer = _LiteralFormat | DigitsFormat | FractionFormat | ClockFormat | _GeneralFormat


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """A parsed format code."""

    code: str
    kind: FormatKind
    sections: tuple[Section, ...]
    renderers: tuple[_Renderer, ...]
    text_section: Section | None
    conditional: bool

    def show(self, value: float, *, date1904: bool = False) -> str:
        """A number as Excel shows it, its padding included."""
        if not self.renderers:
            return self.show_text(show_general(value))
        index, signed = self._choose(value)
        renderer = self.renderers[index]
        if isinstance(renderer, ClockFormat):
            shown = renderer.show(value if signed else abs(value), date1904=date1904)
            return show_general(value) if shown is None else shown
        text = renderer.show(abs(value))
        return f"-{text}" if signed and value < 0 else text

    def show_text(self, text: str) -> str:
        """A text as Excel shows it: through the text section, or as it is."""
        if self.text_section is None:
            return text
        own = (TokenKind.TEXT, TokenKind.GENERAL)
        return "".join(text if token.kind in own else token.text for token in self.text_section.tokens)

    @property
    def shows_nothing(self) -> bool:
        """Whether every section is empty (``;;;``): cells hidden by their format."""
        return len(self.sections) > 1 and not any(section.tokens for section in self.sections)

    def _choose(self, value: float) -> tuple[int, bool]:
        """The section for a value, and whether a minus sign is still to be shown."""
        count = len(self.renderers)
        if not self.conditional:
            if value < 0 and count > 1:
                return 1, False
            return (2 if value == 0 and count > 2 else 0), True
        for index, section in enumerate(self.sections[:count]):
            condition = section.condition
            if condition is not None and condition.holds(value):
                return index, True
            if condition is None and index == 1 and count > 2 and value < 0:
                return index, False
        return count - 1, True


@functools.lru_cache(maxsize=4096)
def parse_format(code: str) -> NumberFormat:
    """Read a format code. Any string is a format: what means nothing is shown as it stands."""
    sections = split_sections(code)
    text_section = _text_section(sections)
    numeric = tuple(section for section in sections[:3] if section is not text_section)
    renderers = tuple(_renderer(section) for section in numeric)
    conditional = any(section.condition is not None for section in numeric)
    return NumberFormat(code, _kind(numeric, renderers), numeric, renderers, text_section, conditional)


def _text_section(sections: Sequence[Section]) -> Section | None:
    if len(sections) > 3:
        return sections[3]
    return sections[-1] if sections[-1].has(TokenKind.TEXT) else None


def _renderer(section: Section) -> _Renderer:
    tokens = section.tokens
    if section.has(TokenKind.GENERAL):
        at = next(i for i, token in enumerate(tokens) if token.kind is TokenKind.GENERAL)
        before, after = tokens[:at], tokens[at + 1 :]
        return _GeneralFormat("".join(t.text for t in before), "".join(t.text for t in after))
    if section.has(TokenKind.CLOCK, TokenKind.ELAPSED):
        return clock_format(tokens)
    if not section.has(TokenKind.DIGIT):
        return _LiteralFormat("".join(token.text for token in tokens))
    if section.has(TokenKind.SLASH):
        fraction = fraction_format(tokens)
        if fraction is not None:
            return fraction
    return digits_format(tokens)


def _kind(sections: Sequence[Section], renderers: Sequence[_Renderer]) -> FormatKind:
    if not renderers:
        return "text"
    clock = next((renderer for renderer in renderers if isinstance(renderer, ClockFormat)), None)
    if clock is not None:
        return clock.kind
    first = renderers[0]
    if isinstance(first, (_GeneralFormat, _LiteralFormat)):
        return "general"
    if not isinstance(first, DigitsFormat) or first.decimals or first.exponent or first.power:
        return "decimal"
    zeros = sum(token.text == "0" for token in first.whole)
    divided = any(token.kind is TokenKind.LITERAL for token in first.whole)
    return "code" if not first.grouped and (zeros >= _CODE_ZEROS or divided) else "whole"
