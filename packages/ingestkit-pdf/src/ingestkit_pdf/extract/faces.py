"""Headings that the size of their letters does not tell: titles of many words, and lines in another face. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ingestkit_pdf.values import Line

__all__ = ["Style", "body_face", "heads_by_face", "is_title"]

_TITLE_RATIO = 1.4
_FACE_LINES = 20
_CLOSE_RATIO = 0.4

Style = tuple[float, bool]
"""Size (points, to halves) and boldness: what makes headings of one rank look alike."""


def body_face(pages: Iterable[Sequence[Line]], body: Style) -> str:
    """The font that most of what is set in the body's style is set in."""
    faces: Counter[str] = Counter()
    for lines in pages:
        for line in lines[:: 1 + len(lines) // _FACE_LINES]:
            if (line.size, line.bold) == body:
                faces[line.font] += line.characters
    return max(faces, key=lambda face: (faces[face], face), default="")


def is_title(lines: Sequence[Line], line: Line, body_size: float) -> bool:
    """Whether a line is much larger than the body, and nothing on its page is larger."""
    return line.size >= _TITLE_RATIO * body_size and all(other.size <= line.size for other in lines)


def heads_by_face(lines: Sequence[Line], run: Sequence[int], body_size: float, face: str) -> bool:
    """Whether lines are somewhat larger than the body, in another face, and over text that is set otherwise."""
    first, last = lines[run[0]], lines[run[-1]]
    if first.font == face or first.size <= body_size or run[-1] + 1 == len(lines):
        return False
    if first.text.startswith("(") or "=" in first.text:
        return False
    below = lines[run[-1] + 1]
    before = lines[run[0] - 1].font if run[0] else ""
    return below.box[1] >= last.box[3] - _CLOSE_RATIO * last.size and first.font not in (below.font, before)
