"""RapidOCR on onnxruntime: from the package index alone, with its models in the wheel. Reads in a worker.

It finds lines and reads them, and says nothing of their order: that is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from ingestkit_core.elements import Box
from ingestkit_core.errors import ErrorCode, OCRError

from ingestkit_pdf.ocr.ordering import blocks_in_order
from ingestkit_pdf.ocr.values import Picture, SeenLine, SeenWord

__all__ = ["RapidReader"]

_LARGEST_SIDE_PIXELS = 4000
_PARAMETERS = {
    "Global.log_level": "critical",
    "Global.max_side_len": _LARGEST_SIDE_PIXELS,
    "Global.use_cls": False,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}
"""One thread each, because other pages are read beside this one; no look for lines that stand on their heads."""

_LETTERS_RATIO = 0.75
"""A line's letters over its box, which stands off from them on all sides."""


class RapidReader:
    """See PictureReader. It cannot be interrupted: a page past its limit ends with its worker."""

    def read(self, picture: Picture, timeout_seconds: float) -> Sequence[SeenLine]:
        """See PictureReader."""
        grey = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width)
        try:
            answer = _engine()(np.repeat(grey[:, :, None], 3, axis=2), return_word_box=True)
        except Exception as exc:  # a foreign border: OpenCV and onnxruntime raise straight from Exception
            raise OCRError(ErrorCode.E_OCR_FAILED, f"rapidocr failed ({type(exc).__name__})") from exc
        if answer.boxes is None:
            return []
        boxes = [_around(corners) for corners in answer.boxes.tolist()]
        words = [tuple(_words(found)) for found in answer.word_results]
        return [
            SeenLine(words[index], block, _LETTERS_RATIO * (boxes[index][3] - boxes[index][1]))
            for block, indexes in enumerate(blocks_in_order(boxes))
            for index in indexes
            if words[index]
        ]


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(params=_PARAMETERS)


def _words(found: Sequence[tuple[str, float, Sequence[Sequence[float]]]]) -> list[SeenWord]:
    return [
        SeenWord(text.strip(), _around(corners), float(confidence))
        for text, confidence, corners in found
        if text.strip()
    ]


def _around(corners: Sequence[Sequence[float]]) -> Box:
    across, down = [corner[0] for corner in corners], [corner[1] for corner in corners]
    return min(across), min(down), max(across), max(down)
