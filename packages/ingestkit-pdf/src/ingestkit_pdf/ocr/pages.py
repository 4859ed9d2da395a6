"""One page through OCR, or one picture among its text. Runs in the worker.

page     small picture ─► skew ─► large picture, straight ─► engine ─► lines
                                          ▲                    │
                                          └── another side up, where it was read badly

inset    small picture ─► may it hold text? ─► large picture ─► engine ─► lines that it is sure of
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import TYPE_CHECKING

from ingestkit_core.elements import Box
from ingestkit_core.errors import ErrorCode, OCRError

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import OCREngine, OCRResult
from ingestkit_pdf.ocr.lines import page_lines, text_of
from ingestkit_pdf.ocr.pixels import SMALL_DPI, may_hold_text, prepared, skew_degrees
from ingestkit_pdf.ocr.protocol import PictureReader
from ingestkit_pdf.ocr.rulings import find_strokes, without_strokes
from ingestkit_pdf.ocr.tesseract import TesseractReader, degrees_to_upright
from ingestkit_pdf.ocr.values import PageSeen, Picture, SeenLine
from ingestkit_pdf.values import Drawings

if TYPE_CHECKING:  # importing it imports pymupdf, which a test of this needs not
    from ingestkit_pdf.document import Document

__all__ = ["see_inset", "see_page"]

_NOISE_CONFIDENCE = 0.35
"""A line that is less sure than this is what an engine makes of a photograph, of handwriting, of a script it does
not know: no text."""

_UPRIGHT_CONFIDENCE = 0.6
"""Pages that are read so badly may lie on a side or on their head: a look at their orientation is worth its time."""

_ENGINE_SHARE = 0.95
"""Of a page's time, for the engine: its own limit is softer than that of the job."""


def see_page(
    document: Document, number: int, clip: Box | None, engine: OCREngine, settings: PDFProcessorConfig
) -> PageSeen:
    """Read a page (1-based), or a part of it (points), by OCR.

    Raises OCRError (E_OCR_TIMEOUT, E_OCR_FAILED), and as Document.picture does.
    """
    sitting = _Sitting.begun(document, number, engine, settings)
    turn = 0.0
    if clip is None and "deskew" in settings.ocr_preprocessing_steps:
        # A part is too little to tell skew from, and lies beside text that stands straight.
        turn -= skew_degrees(document.picture(number, SMALL_DPI))
    look = sitting.look(turn, clip)
    if clip is None and engine == OCREngine.TESSERACT and look.confidence < _UPRIGHT_CONFIDENCE:
        quarters = degrees_to_upright(look.picture, sitting.seconds_left)
        if quarters:
            look = max(look, sitting.look(turn + quarters), key=lambda look: look.confidence)
    return sitting.seen(look, [line for line in look.lines if _confidence(line) >= _NOISE_CONFIDENCE], look.confidence)


def see_inset(document: Document, number: int, box: Box, engine: OCREngine, settings: PDFProcessorConfig) -> PageSeen:
    """Read a picture (points) among the text of a page (1-based) by OCR: the lines that the engine is sure of.

    There are none, and no words, where it does not look like a picture of text. Raises as :func:`see_page` does.
    """
    sitting = _Sitting.begun(document, number, engine, settings)
    small = document.picture(number, SMALL_DPI, clip=box)
    look = sitting.look(clip=box) if may_hold_text(small) else _Look(small, None, ())
    sure = [line for line in look.lines if _confidence(line) >= settings.ocr_confidence_threshold]
    return sitting.seen(look, sure, _mean(sure))


@dataclass(frozen=True, slots=True)
class _Look:
    """A picture as it was shown to an engine, and what it saw. ``confidence`` is the words' mean, 0 without one."""

    picture: Picture
    drawings: Drawings | None
    lines: Sequence[SeenLine]

    @property
    def confidence(self) -> float:
        return _mean(self.lines)


@dataclass(frozen=True, slots=True)
class _Sitting:
    """A page, who reads it, and until when (on the monotonic clock)."""

    document: Document
    number: int
    engine: OCREngine
    settings: PDFProcessorConfig
    start: float

    @classmethod
    def begun(cls, document: Document, number: int, engine: OCREngine, settings: PDFProcessorConfig) -> _Sitting:
        return cls(document, number, engine, settings, time.monotonic())

    @property
    def seconds_left(self) -> float:
        return self.start + self.settings.ocr_per_page_timeout_seconds * _ENGINE_SHARE - time.monotonic()

    def look(self, turned_degrees: float = 0.0, clip: Box | None = None) -> _Look:
        """Show the page, turned clockwise, or a part of it, to the engine."""
        picture = self.document.picture(self.number, self.settings.ocr_dpi, turned_degrees, clip)
        steps = self.settings.ocr_preprocessing_steps
        if set(steps) - {"deskew"}:
            picture = prepared(picture, steps)
        drawings = find_strokes(picture)
        if drawings is not None and drawings.strokes:
            picture = without_strokes(picture, drawings)
        left = self.seconds_left
        if left <= 0:
            raise OCRError(ErrorCode.E_OCR_TIMEOUT, "its picture took all the time there was")
        return _Look(picture, drawings, _reader(self.engine, self.settings.ocr_language).read(picture, left))

    def seen(self, look: _Look, told: Sequence[SeenLine], confidence: float) -> PageSeen:
        """What comes of a look, of which some lines are told."""
        lines = page_lines(told, look.picture, look.drawings)
        confidences = [word.confidence for line in look.lines for word in line.words]
        return PageSeen(
            result=OCRResult(
                page_number=self.number,
                text=text_of(lines),
                confidence=round(confidence, 4),
                engine=self.engine,
                dpi=round(look.picture.dpi),
                preprocessing=tuple(self.settings.ocr_preprocessing_steps),
                seconds=time.monotonic() - self.start,
            ),
            lines=tuple(lines),
            words=len(confidences),
            unsure_words=sum(confidence < self.settings.ocr_confidence_threshold for confidence in confidences),
            drawings=look.drawings,
            turned_degrees=look.picture.turned_degrees,
        )


def _mean(lines: Sequence[SeenLine]) -> float:
    words = [word.confidence for line in lines for word in line.words]
    return fmean(words) if words else 0.0


def _confidence(line: SeenLine) -> float:
    return fmean(word.confidence for word in line.words)


@cache
def _reader(engine: OCREngine, language: str) -> PictureReader:
    if engine == OCREngine.TESSERACT:
        return TesseractReader(language)
    from ingestkit_pdf.ocr.rapid import RapidReader  # with its runtime two seconds to import

    return RapidReader()
