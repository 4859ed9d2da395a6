"""What every OCR engine does for us. One method wide; the implementations stand beside it, one per file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ingestkit_pdf.ocr.values import Picture, SeenLine

__all__ = ["PictureReader"]


class PictureReader(Protocol):
    """Reads pictures of text. Lives in a worker and is never pickled."""

    def read(self, picture: Picture, timeout_seconds: float) -> Sequence[SeenLine]:
        """The lines of a picture in reading order; none where it holds no text.

        Raises OCRError: E_OCR_TIMEOUT past the limit (an engine that cannot be interrupted may not), else
        E_OCR_FAILED.
        """
