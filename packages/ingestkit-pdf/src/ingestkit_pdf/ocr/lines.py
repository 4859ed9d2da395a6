"""What an engine saw into lines as a native page has them. Pure.

words ─► mended ─► runs between wide gaps ─► Line, Line, ...     boxes in points
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ingestkit_core.elements import Box, join_lines, visible_length

from ingestkit_pdf.ocr.mending import mended
from ingestkit_pdf.ocr.values import Picture, SeenLine, SeenWord
from ingestkit_pdf.values import Drawings, Line

__all__ = ["FONT", "page_lines", "text_of"]

FONT = "ocr"
"""The font's name of every line that OCR read: there is none."""

_POINTS_PER_INCH = 72.0
_EM_RATIO = 0.9
"""From the tallest letters' tops to the lowest descenders, in ems of ordinary text faces."""
_WIDE_GAP_RATIO = 1.8
"""Words this many times the letters' height apart belong to different columns or cells."""
_SAME_SIZE_RATIO = 1.08


def page_lines(seen: Sequence[SeenLine], picture: Picture, drawings: Drawings | None = None) -> list[Line]:
    """The lines of a picture in the engine's order, in points of the straightened page, cut where rulings part them.

    Text is NFC. Words that a line's end cuts stay cut: they are joined with all others, once lines are in order.
    """
    lines = mended(seen)
    sizes = _sizes(lines, _POINTS_PER_INCH / (picture.dpi * _EM_RATIO))
    rulings = _upright(drawings, picture)
    return [
        _line(run, line.block, sizes[line.size], picture)
        for line in lines
        for run in _runs(line.words, _WIDE_GAP_RATIO * line.size, rulings)
    ]


def text_of(lines: Sequence[Line]) -> str:
    """The lines as text, one below the other."""
    return "\n".join(line.text for line in lines)


def _line(words: Sequence[SeenWord], block: int, size: float, picture: Picture) -> Line:
    text = unicodedata.normalize("NFC", join_lines([word.text for word in words]))
    scale = _POINTS_PER_INCH / picture.dpi
    box: Box = (
        round(min(word.box[0] for word in words) * scale + picture.left, 2),
        round(min(word.box[1] for word in words) * scale + picture.top, 2),
        round(max(word.box[2] for word in words) * scale + picture.left, 2),
        round(max(word.box[3] for word in words) * scale + picture.top, 2),
    )
    return Line(text, box, visible_length(text), block, size, FONT, bold=False)


def _upright(drawings: Drawings | None, picture: Picture) -> list[Box]:
    """The strokes that run down the picture, in its pixels."""
    if drawings is None:
        return []
    scale = picture.dpi / _POINTS_PER_INCH
    return [
        (
            (x0 - picture.left) * scale,
            (y0 - picture.top) * scale,
            (x1 - picture.left) * scale,
            (y1 - picture.top) * scale,
        )
        for x0, y0, x1, y1 in drawings.strokes
        if y1 - y0 > x1 - x0
    ]


def _runs(words: Sequence[SeenWord], gap: float, rulings: Sequence[Box]) -> Iterator[list[SeenWord]]:
    """The words of a line, cut where there is a wide gap or a ruling."""
    run: list[SeenWord] = []
    for word in words:
        if run and (word.box[0] - run[-1].box[2] > gap or _is_parted(run[-1], word, rulings)):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _is_parted(left: SeenWord, right: SeenWord, rulings: Sequence[Box]) -> bool:
    start, end = ((word.box[0] + word.box[2]) / 2 for word in (left, right))
    height = (left.box[1] + left.box[3]) / 2
    return any(start < (x0 + x1) / 2 < end and y0 < height < y1 for x0, y0, x1, y1 in rulings)


def _sizes(lines: Sequence[SeenLine], scale: float) -> Mapping[float, float]:
    """Font sizes (points, to halves) by the engine's: what differs little is one size, the commonest of them."""
    weights: Counter[float] = Counter()
    for line in lines:
        weights[line.size] += sum(len(word.text) for word in line.words)
    groups: list[list[float]] = []
    for size in sorted(weights):
        if groups and size <= groups[-1][-1] * _SAME_SIZE_RATIO:
            groups[-1].append(size)
        else:
            groups.append([size])
    return {size: _common(group, weights, scale) for group in groups for size in group}


def _common(group: Sequence[float], weights: Mapping[float, int], scale: float) -> float:
    size = max(group, key=lambda size: (weights[size], size))
    return round(size * scale * 2) / 2
