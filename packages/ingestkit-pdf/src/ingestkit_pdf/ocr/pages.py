"""One page through OCR. Runs in the worker.

small picture ─► skew ─► large picture, straight ─► engine ─► lines
                                 ▲                    │
                                 └── another side up, where it was read badly
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
from ingestkit_pdf.ocr.pixels import SKEW_DPI, prepared, skew_degrees
from ingestkit_pdf.ocr.protocol import PictureReader
from ingestkit_pdf.ocr.rulings import find_strokes, without_strokes
from ingestkit_pdf.ocr.tesseract import TesseractReader, degrees_to_upright
from ingestkit_pdf.ocr.values import PageSeen, Picture, SeenLine
from ingestkit_pdf.values import Drawings

if TYPE_CHECKING:  # importing it imports pymupdf, which a test of this needs not
    from ingestkit_pdf.document import Document

__all__ = ["see_page"]

_NOISE_CONFIDENCE = 0.35
"""A line that is less sure than this is what an engine makes of a photograph, of handwriting, of a script it does
not know: no text."""

_UPRIGHT_CONFIDENCE = 0.6
"""Pages that are read so badly may lie on a side or on their head: a look at their orientation is worth its time."""

_ENGINE_SHARE = 0.95
"""Of a page's time, for the engine: its own limit is softer than that of the job."""


def see_page(
    document: Document,
    number: int,
    clip: Box | None,
    engine: OCREngine,
    settings: PDFProcessorConfig,
) -> PageSeen:
    """Read a page (1-based), or a part of it (points), by OCR.

    Raises OCRError (E_OCR_TIMEOUT, E_OCR_FAILED), and as Document.picture does.
    """
    started = time.monotonic()
    deadline = started + settings.ocr_per_page_timeout_seconds * _ENGINE_SHARE
    turn = 0.0
    if clip is None and "deskew" in settings.ocr_preprocessing_steps:
        # A part is too little to tell skew from, and lies beside text that stands straight.
        turn -= skew_degrees(document.picture(number, SKEW_DPI))
    look = _look(document.picture(number, settings.ocr_dpi, turn, clip), engine, settings, deadline)
    if clip is None and engine == OCREngine.TESSERACT and look.confidence < _UPRIGHT_CONFIDENCE:
        quarters = degrees_to_upright(look.picture, deadline - time.monotonic())
        if quarters:
            other = _look(document.picture(number, settings.ocr_dpi, turn + quarters), engine, settings, deadline)
            look = max(look, other, key=lambda look: look.confidence)
    picture, drawings, seen = look.picture, look.drawings, look.seen
    lines = page_lines([line for line in seen if _confidence(line) >= _NOISE_CONFIDENCE], picture, drawings)
    confidences = [word.confidence for line in seen for word in line.words]
    return PageSeen(
        result=OCRResult(
            page_number=number,
            text=text_of(lines),
            confidence=round(look.confidence, 4),
            engine=engine,
            dpi=round(picture.dpi),
            preprocessing=tuple(settings.ocr_preprocessing_steps),
            seconds=time.monotonic() - started,
        ),
        lines=tuple(lines),
        words=len(confidences),
        unsure_words=sum(confidence < settings.ocr_confidence_threshold for confidence in confidences),
        drawings=drawings,
        turned_degrees=picture.turned_degrees,
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """A picture as it was shown to an engine, and what it saw. ``confidence`` is the words' mean, 0 without one."""

    picture: Picture
    drawings: Drawings | None
    seen: Sequence[SeenLine]

    @property
    def confidence(self) -> float:
        words = [word.confidence for line in self.seen for word in line.words]
        return fmean(words) if words else 0.0


def _look(picture: Picture, engine: OCREngine, settings: PDFProcessorConfig, deadline: float) -> _Look:
    steps = settings.ocr_preprocessing_steps
    if set(steps) - {"deskew"}:
        picture = prepared(picture, steps)
    drawings = find_strokes(picture)
    if drawings is not None and drawings.strokes:
        picture = without_strokes(picture, drawings)
    left = deadline - time.monotonic()
    if left <= 0:
        raise OCRError(ErrorCode.E_OCR_TIMEOUT, "its picture took all the time there was")
    return _Look(picture, drawings, _reader(engine, settings.ocr_language).read(picture, left))


def _confidence(line: SeenLine) -> float:
    return fmean(word.confidence for word in line.words)


@cache
def _reader(engine: OCREngine, language: str) -> PictureReader:
    if engine == OCREngine.TESSERACT:
        return TesseractReader(language)
    from ingestkit_pdf.ocr.rapid import RapidReader  # with its runtime two seconds to import

    return RapidReader()
