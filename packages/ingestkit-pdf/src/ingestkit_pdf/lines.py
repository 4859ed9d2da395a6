"""MuPDF's text dictionary into lines. Part of the document room, without importing MuPDF.

blocks ─ lines ─ spans ──► Line, Line, ...     one for each MuPDF line, in MuPDF's order,
                                               cut only where its ink changes
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from ingestkit_core.elements import Box, visible_length

from ingestkit_pdf.ligatures import spelled_out
from ingestkit_pdf.placing import Placing
from ingestkit_pdf.values import Ink, Line

__all__ = ["read_lines"]

_BOLD_FONT = 16
_PAINTED_BOLD = 8
_CLIPPING = 64
_TINY_POINTS = 1.0
_LARGEST_SIZE_POINTS = 10_000
_PALE = 0xFA
_ON_BASELINE_RATIO = 0.01
_STRAIGHT = 0.99
_ASCENT_RATIO = 0.9
_DESCENT_RATIO = 0.25
_WIDEST_RATIO = 1.3
_HAIR_RATIO = 0.1
_SPACE_RATIO = 0.35
_PALE_RED = _PALE << 16

_UNPRINTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\ufeff\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
"""Control characters, soft hyphens, byte order marks, non-characters, lone surrogates: no glyph of their own."""

_WORD = re.compile(r"[^\W\d_]{2}")
"""Of a bold line a number, a mark or a letter of a formula need not be bold."""

_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd]")

_COMBINING = {
    "´": "\u0301",
    "ˆ": "\u0302",
    "˜": "\u0303",
    "˘": "\u0306",
    "˙": "\u0307",
    "¨": "\u0308",
    "˚": "\u030a",
    "˝": "\u030b",
    "ˇ": "\u030c",
    "¸": "\u0327",
}
_DOTTED = {"ı": "i", "ȷ": "j"}
_LONE_ACCENT = re.compile(r"[ˆ˜˘˙¨˚˝ˇ][^\W\d_]|[^\W\d_]¸")
_ACCENT_BEFORE = re.compile(r"[´ˆ˜˘˙¨˚˝ˇ][^\W\d_]")
_CEDILLA = re.compile(r"[cCsStT]¸")

_SYMBOL_FONT = str.maketrans(
    {
        "\uf02d": "−",
        "\uf06c": "●",
        "\uf06e": "■",
        "\uf06f": "□",
        "\uf071": "❑",
        "\uf076": "❖",
        "\uf0a7": "▪",
        "\uf0a8": "◻",
        "\uf0b7": "•",
        "\uf0d8": "➢",
        "\uf0e0": "→",
        "\uf0fc": "✓",
        "\uf0fe": "☑",
    }
)
"""Bullets of the Symbol and Wingdings fonts, which arrive as private-use characters."""


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def read_lines(blocks: Iterable[dict[str, Any]], placing: Placing) -> tuple[list[Line], int]:
    """The lines of a page in MuPDF's order, and how many unprintable characters were taken out of them."""
    reader = _LineReader(placing)
    for number, block in enumerate(blocks):
        for line in block["lines"]:
            spans = line["spans"]
            if not spans:
                continue
            direction = None if line["wmode"] else line["dir"]
            if _all_painted(spans):
                reader.add(spans, line["bbox"], number, direction, Ink.PAINTED)
                continue
            for ink, part in _by_ink(spans):
                box = part[0]["bbox"] if len(part) == 1 else _around([span["bbox"] for span in part])
                reader.add(part, box, number, direction, ink)
    lines = reader.lines
    if any(line.ink is Ink.CLIP for line in lines):
        lines = _without_echoes(lines)
    return lines, reader.unprinted


class _LineReader:
    """Makes lines of runs of spans, one after the other."""

    def __init__(self, placing: Placing) -> None:
        self.lines: list[Line] = []
        self.unprinted = 0
        self._upright = _Remembered(placing.upright)
        self._rounded_size = _Remembered(_size)
        self._place = placing.place

    def add(
        self,
        spans: Sequence[dict[str, Any]],
        box: Sequence[float],
        block: int,
        direction: tuple[float, float] | None,
        ink: Ink,
    ) -> None:
        """Add one line. ``direction`` is that of its baseline, None for vertical writing."""
        lead = spans[0]
        tallest = lead["size"]
        if len(spans) == 1:
            text = lead["text"]
            bold = bool(lead["flags"] & _BOLD_FONT or lead["char_flags"] & _PAINTED_BOLD)
        else:
            text = "".join([span["text"] for span in spans])
            lead, bold, tallest = _lead(spans)
        words = text.split()
        if not words:
            return
        text = " ".join(words)
        if text.isascii() and text.isprintable():
            characters, unreadable = len(text) - len(words) + 1, 0
        else:
            text, characters, unreadable, removed = _cleaned(text)
            self.unprinted += removed
            if not text:
                return
        upright = False
        if direction is not None:
            upright = self._upright[direction]
            box = _snug(box, lead["origin"], direction, tallest, len(text))
        size = self._rounded_size[lead["size"]]
        box = self._place(box)
        if self.lines and self.lines[-1].text.endswith(text) and _is_painted_again(self.lines[-1], box, size, ink):
            self.lines[-1] = self.lines[-1]._replace(bold=True)
            return
        self.lines.append(
            _new_line(Line, (text, box, characters, block, size, lead["font"], bold, upright, ink, unreadable))
        )


_new_line = tuple.__new__
"""Half of what making a named tuple costs goes by way of its own ``__new__``."""


class _Remembered(dict[_Key, _Value]):
    """What a function says, kept: a page has thousands of lines in a few sizes and directions."""

    def __init__(self, function: Callable[[_Key], _Value]) -> None:
        self._function = function

    def __missing__(self, key: _Key) -> _Value:
        value = self[key] = self._function(key)
        return value


def _size(size: float) -> float:
    """To half points; a hostile matrix makes a size that is no number."""
    return round(size * 2) / 2 if 0 <= size <= _LARGEST_SIZE_POINTS else 0.0


def _snug(
    box: Sequence[float], origin: tuple[float, float], direction: tuple[float, float], size: float, length: int
) -> Sequence[float]:
    """The box without the room a font claims beyond its glyphs: neighbouring lines' boxes would overlap.

    The room is counted from the baseline. Of a box that does not fit the size (a Type 3 font's) the width tells
    whether ``length`` characters of that size are in it; else it is left alone.
    """
    x0, y0, x1, y1 = box
    above, below = _ASCENT_RATIO * size, _DESCENT_RATIO * size
    if direction[0] > _STRAIGHT:
        highest, lowest = origin[1] - above, origin[1] + below
        if y1 - y0 < 3 * size:
            return x0, (y0 if y0 > highest else highest), x1, (y1 if y1 < lowest else lowest)
        if x1 - x0 < _WIDEST_RATIO * size * length:
            return x0, highest, x1, lowest
        if y0 >= origin[1] - _ON_BASELINE_RATIO * (y1 - y0):
            # Of a Type 3 font that is drawn downwards MuPDF puts the box under the baseline its glyphs stand on.
            return x0, 2 * origin[1] - y1, x1, 2 * origin[1] - y0
    elif direction[1] < -_STRAIGHT:
        if x1 - x0 < 3 * size:
            return max(x0, origin[0] - above), y0, min(x1, origin[0] + below), y1
    elif direction[1] > _STRAIGHT and x1 - x0 < 3 * size:
        return max(x0, origin[0] - below), y0, min(x1, origin[0] + above), y1
    return box


def _is_painted_again(last: Line, box: Box, size: float, ink: Ink) -> bool:
    """Whether a line with the end of the last one's text is that once more, a hair's breadth beside it.

    Some programs make letters bold that way. A space at its end may make it wider.
    """
    x0, y0, x1, y1 = box
    left, top, right, bottom = last.box
    hair = _HAIR_RATIO * size
    return (
        size == last.size
        and ink is last.ink
        and x0 > left - hair
        and abs(y0 - top) <= hair
        and abs(y1 - bottom) <= hair
        and right - hair <= x1 <= right + hair + _SPACE_RATIO * size
    )


def _all_painted(spans: Sequence[dict[str, Any]]) -> bool:
    for span in spans:  # noqa: SIM110 - any() with a generator costs twice as much in the hottest loop there is
        if span["alpha"] == 0 or span["color"] >= _PALE_RED or span["size"] < _TINY_POINTS:
            return False
    return True


def _lead(spans: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], bool, float]:
    """The span with the longest text, whether all of the words are bold, and the largest size."""
    lead, longest, total, bold, tallest = spans[0], -1, 0, 0, 0.0
    light: list[str] = []
    for span in spans:
        text = span["text"]
        length = len(text)
        total += length
        if length > longest:
            lead, longest = span, length
        if span["flags"] & _BOLD_FONT or span["char_flags"] & _PAINTED_BOLD:
            bold += length
        else:
            light.append(text)
        if span["size"] > tallest:
            tallest = span["size"]
    # Most of a line may be the bold beginning of its sentence.
    return lead, 2 * bold > total and not any(map(_WORD.search, light)), tallest


def _cleaned(text: str) -> tuple[str, int, int, int]:
    """The text as it goes out, its visible characters, the unreadable among them, and how many were removed."""
    text = unicodedata.normalize("NFC", spelled_out(text))
    if text.isprintable():
        # Printable to Python is all but controls, formatting marks, private use and the unassigned.
        characters = visible_length(text)
        return _with_accents(text), characters, text.count("\ufffd"), 0
    text = text.translate(_SYMBOL_FONT)
    if text.endswith("\xad"):
        text = text[:-1] + "-"
    clean, removed = _UNPRINTED.subn("", text)
    if removed:
        clean = " ".join(clean.split())
    return clean, visible_length(clean), len(_UNREADABLE.findall(clean)) + removed, removed


def _with_accents(text: str) -> str:
    """Accents that TeX sets by themselves put onto their letters: ``Min´aˇc`` is Mináč.

    An acute may be an apostrophe, so it needs another accent in its line for company.
    """
    if _LONE_ACCENT.search(text) is None:
        return text
    return _ACCENT_BEFORE.sub(_composed, _CEDILLA.sub(_composed, text))


def _composed(match: re.Match[str]) -> str:
    pair = match[0]
    letter, accent = (pair[0], pair[1]) if pair[1] in _COMBINING else (pair[1], pair[0])
    whole = unicodedata.normalize("NFC", _DOTTED.get(letter, letter) + _COMBINING[accent])
    return whole if len(whole) == 1 else pair


def _by_ink(spans: Sequence[dict[str, Any]]) -> list[tuple[Ink, list[dict[str, Any]]]]:
    parts: list[tuple[Ink, list[dict[str, Any]]]] = []
    for span in spans:
        if not parts:
            parts.append((_ink(span), [span]))
        elif span["text"].isspace() or _ink(span) is parts[-1][0]:
            parts[-1][1].append(span)
        else:
            parts.append((_ink(span), [span]))
    return parts


def _ink(span: dict[str, Any]) -> Ink:
    if span["char_flags"] & _CLIPPING:
        return Ink.CLIP
    if span["alpha"] == 0:
        return Ink.INVISIBLE
    # Some producers' font matrices make MuPDF report a thousandth of the size: the box tells.
    if span["size"] < _TINY_POINTS and span["bbox"][3] - span["bbox"][1] < 2 * _TINY_POINTS:
        return Ink.TINY
    color = span["color"]
    if color >> 16 >= _PALE and color >> 8 & 0xFF >= _PALE and color & 0xFF >= _PALE:
        return Ink.PALE
    return Ink.PAINTED


def _around(boxes: Sequence[Sequence[float]]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _without_echoes(lines: Sequence[Line]) -> list[Line]:
    """Text that is both painted and a clipping path is reported twice: the painted one stays."""
    painted = {(line.text, line.box) for line in lines if line.ink is not Ink.CLIP}
    return [line for line in lines if line.ink is not Ink.CLIP or (line.text, line.box) not in painted]
