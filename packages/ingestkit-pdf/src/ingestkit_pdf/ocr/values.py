"""What goes into an OCR engine and what comes out of it. Plain values that pickle.

Picture ─► engine ─► SeenLine, SeenLine, ...     boxes in pixels from the picture's top left
                     └── SeenWord
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ingestkit_core.elements import Box

from ingestkit_pdf.models import OCREngine, OCRResult
from ingestkit_pdf.values import Drawings, Line

__all__ = ["OCRChoice", "PageSeen", "Picture", "SeenLine", "SeenWord"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A page, or a part of one, as grey pixels: a byte each, 0 is black, row by row from the top.

    ``left`` and ``top`` place the picture's first pixel on the page, in points. ``turned_degrees`` is by how
    much the page was turned clockwise about its middle to straighten it.
    """

    pixels: bytes
    width: int
    height: int
    dpi: float
    left: float = 0.0
    top: float = 0.0
    turned_degrees: float = 0.0


class SeenWord(NamedTuple):
    """A word as an engine read it. ``confidence`` is 0..1."""

    text: str
    box: Box
    confidence: float


class SeenLine(NamedTuple):
    """A line as an engine read it, with at least one word. ``block`` numbers the picture's paragraphs in reading
    order; ``size`` is the height from the tallest letters' tops to the lowest descenders (pixels)."""

    words: tuple[SeenWord, ...]
    block: int
    size: float


@dataclass(frozen=True, slots=True)
class OCRChoice:
    """Which engine serves a router, and why not another. ``engine`` is None where none does.

    ``configured`` is what the settings ask for; ``problem`` says what is missing and what to type, where the
    configured engine, or every one, is.
    """

    configured: OCREngine
    engine: OCREngine | None
    version: str = ""
    problem: str = ""

    @property
    def is_fallback(self) -> bool:
        """Whether another engine than the configured one serves."""
        return self.engine is not None and self.configured not in (OCREngine.AUTO, self.engine)


@dataclass(frozen=True, slots=True)
class PageSeen:
    """One page, or some regions of it, as OCR read it: lines as a native page's are.

    ``unsure_words`` are those below the confidence threshold, of ``words``; ``drawings`` are the straight lines
    of the picture. All boxes are those of the straightened page; ``turned_degrees`` turns them back.
    """

    result: OCRResult
    lines: tuple[Line, ...]
    words: int
    unsure_words: int
    drawings: Drawings | None = None
    turned_degrees: float = 0.0
