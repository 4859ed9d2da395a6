"""A page's lines as pieces of text in rows: what columns and cells are made of. Pure.

A piece is a line, or a part of one where a line runs through several cells. A row is what stands on one height.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ingestkit_core.elements import Box

from ingestkit_pdf.values import Line

__all__ = ["Piece", "Row", "around", "is_value", "pieces_of", "rows_of", "split_piece", "word_edges"]


class Piece(NamedTuple):
    """A text and where it stands; ``line`` is the index of the page's line it comes from."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str
    line: int
    size: float
    bold: bool
    value: bool

    @property
    def middle(self) -> float:
        """The y halfway down."""
        return (self.y0 + self.y1) / 2


Row = list[Piece]
"""Pieces of one height, from left to right."""

_SAME_HEIGHT_RATIO = 0.5
_LONGEST_MEASURE = 24
_SIGNS = "(<>≤≥~±+-–−$€£¥. "

_BLANK_VALUES = frozenset(
    "- – — − . .. ... : x X • * ✓ ✔ n/a N/A NA na n.a. N.A. nil Nil c ** *** $ € £ % # + ++ † ‡ § ■ ● ○".split()
)
_DIGIT = re.compile(r"\d")
_MONTH_OR_UNIT = re.compile(
    r"(?<![^\W\d])(?:[a-z]{1,3}|million|billion|thousand|june?|july?|(?:jan|feb|mar|apr|aug|sep|oct|nov|dec)\w*)\b",
    re.IGNORECASE,
)
_WHOLE_VALUE = r"[($€£+\-–−]*(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\d{1,2}/\d{1,2}/\d{2,4})[)%*]*"
_WHOLE_VALUES = re.compile(rf"{_WHOLE_VALUE}(?: {_WHOLE_VALUE})+")
"""Values that nobody writes side by side in one cell."""


class _Widths(dict[str, float]):
    """The usual widths of characters, in ems."""

    def __missing__(self, character: str) -> float:
        self[character] = 0.52
        return 0.52


_WIDTHS = _Widths(dict.fromkeys(" iljtfrI.,:;'|!()[]-/·’‘`", 0.3) | dict.fromkeys("mwMW@%—ABCDGHKNOQRUVXYZ&", 0.75))


def is_value(text: str) -> bool:
    """Whether a text is a value as columns of numbers hold them: mostly digits, or a sign for none."""
    if text in _BLANK_VALUES:
        return True
    if _DIGIT.search(text) is None:
        return False
    digits = sum(map(str.isdigit, text))
    letters = sum(map(str.isalpha, text))
    if letters <= 1 or digits >= 2 * letters:
        return True
    if len(text) > _LONGEST_MEASURE or digits * 3 < letters or not text.lstrip(_SIGNS)[:1].isdigit():
        return False
    return not _MONTH_OR_UNIT.sub("", text).strip(" 0123456789.,:/()%$€£+-–*")


def pieces_of(lines: Sequence[Line]) -> list[Piece]:
    """The lines that read from left to right, as pieces."""
    pieces: list[Piece] = []
    for index, line in enumerate(lines):
        if not line.upright or line.box[2] <= line.box[0]:
            continue
        piece = Piece(*line.box, line.text, index, line.size, line.bold, is_value(line.text))
        if piece.value and _WHOLE_VALUES.fullmatch(line.text):
            pieces += [piece._replace(x0=left, x1=right, text=word) for left, right, word in word_edges(piece)]
        else:
            pieces.append(piece)
    return pieces


def rows_of(pieces: Iterable[Piece]) -> list[Row]:
    """Pieces by height, top to bottom; each row from left to right."""
    rows: list[Row] = []
    middle = height = 0.0
    for piece in sorted(pieces, key=_middle):
        _, y0, _, y1, *_ = piece
        own, center = y1 - y0, (y0 + y1) / 2
        if rows and center - middle < _SAME_HEIGHT_RATIO * (height if height < own else own):
            rows[-1].append(piece)
            continue
        rows.append([piece])
        middle, height = center, own
    for row in rows:
        if len(row) > 1:
            row.sort()
    return rows


def _middle(piece: Piece) -> float:
    return piece.y0 + piece.y1


def around(pieces: Iterable[Piece]) -> Box:
    """The box around pieces; there must be one."""
    boxes = list(pieces)
    return (
        min(piece.x0 for piece in boxes),
        min(piece.y0 for piece in boxes),
        max(piece.x1 for piece in boxes),
        max(piece.y1 for piece in boxes),
    )


def word_edges(piece: Piece) -> list[tuple[float, float, str]]:
    """A piece's words with their estimated left and right edges, by the usual widths of their characters."""
    width_of = _WIDTHS.__getitem__
    total = sum(map(width_of, piece.text)) or 1.0
    scale = (piece.x1 - piece.x0) / total
    words: list[tuple[float, float, str]] = []
    x = piece.x0
    for word in piece.text.split(" "):
        width = sum(map(width_of, word)) * scale
        words.append((x, x + width, word))
        x += width + width_of(" ") * scale
    return words


def split_piece(piece: Piece, edges: Sequence[float]) -> list[Piece]:
    """A piece cut at the spaces nearest to the edges that cross it. Uncut where it has no space there."""
    words = word_edges(piece)
    if len(words) < 2:
        return [piece]
    cuts: set[int] = set()
    for edge in edges:
        gaps = [(abs((words[i - 1][1] + words[i][0]) / 2 - edge), i) for i in range(1, len(words))]
        cuts.add(min(gaps)[1])
    parts: list[Piece] = []
    start = 0
    for end in [*sorted(cuts), len(words)]:
        text = " ".join(word for _, _, word in words[start:end])
        parts.append(piece._replace(x0=words[start][0], x1=words[end - 1][1], text=text, value=is_value(text)))
        start = end
    return parts
