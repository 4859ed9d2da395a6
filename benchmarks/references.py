"""What others were measured to reach, and what we go for: rows that stand below our own figures.

Measured once, on sets twice as large as the ones that come with the corpora, of the same kinds. A value that
was not measured is None.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ANSWERABLE_PDF", "ANSWERABLE_SHEETS", "HEADERS", "OCR", "PDF_SPEED", "PDF_TABLES", "PDF_TEXT", "REGIONS"]

Row = tuple[float | None, ...]

PDF_SPEED: Mapping[str, Row] = {
    "opendataloader": (None, 7.8),
    "first mark": (2.2, 0.95),
    "goal": (1.6, 0.9),
}
"""Multiples of the floor: speed corpus, tagged pages."""

PDF_TEXT: Mapping[str, Row] = {
    "PyMuPDF text": (0.919, 0.896, 0.02, 30 / 87),
    "opendataloader": (0.907, 0.878, 0.561, 30 / 87),
    "kreuzberg": (0.892, 0.870, 0.480, 34 / 87),
    "liteparse": (0.874, 0.820, 0.585, 45 / 87),
    "pymupdf4llm with layout": (0.861, 0.828, 0.606, 43 / 87),
    "goal": (0.93, 0.91, 0.66, 50 / 87),
}
"""NID, NID-S, MHS, share of facts."""

PDF_TABLES: Mapping[str, Row] = {
    "opendataloader": (None, 0.706, 14 / 118, 0.41, 0.57, 0.77),
    "kreuzberg": (None, 0.0, 1 / 118, 0.05, 0.02, None),
    "liteparse": (None, 0.533, 28 / 118, 0.88, 0.80, 0.70),
    "pymupdf4llm with layout": (None, 0.505, 15 / 118, 0.915, 0.940, 0.84),
    "goal": (None, 0.75, 4 / 118, 0.92, 0.94, 0.86),
}
"""Tagged pages F1 micro, macro, share of pages with a false table; competition tables F1 micro, macro, TEDS."""

OCR: Mapping[str, Row] = {
    "goal": (0.97, 0.02),
}
"""Bag-of-words F1, character error rate."""

ANSWERABLE_PDF: Mapping[str, Row] = {
    "ground truth, header repeated in every chunk": (None, 0.994),
    "opendataloader": (0.878, 0.825),
    "PyMuPDF text": (0.866, 0.025),
    "pymupdf4llm with layout": (0.825, 0.802),
    "kreuzberg": (0.778, 0.709),
    "liteparse": (0.686, 0.653),
    "markitdown": (0.602, 0.248),
    "goal": (None, 0.93),
}
"""Plain, row-bound."""

ANSWERABLE_SHEETS: Mapping[str, Row] = {
    "ground truth, header repeated in every chunk": (None, 0.958),
    "kreuzberg": (0.735, 0.723),
    "markitdown": (0.699, 0.688),
    "docling": (0.411, 0.401),
    "goal": (None, 0.93),
}
"""Plain, row-bound."""

REGIONS: Mapping[str, Row] = {
    "whole used range": (0.722, 0.212),
    "docling": (0.746, 0.319),
    "unstructured": (0.531, 0.525),
    "goal": (0.82, 0.68),
}
"""F1 at IoU .9, exact; means over templates."""

HEADERS: Mapping[str, Row] = {
    "goal": (0.92, 0.70, 0.92),
}
"""F1 over rows: FUSTE, SAUS, Troy."""
