"""What ``doctor`` says about OCR. Runs in the owner."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import OCRError
from ingestkit_core.formats import Part

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.ocr import tesseract
from ingestkit_pdf.ocr.choosing import INSTALL_RAPIDOCR, choose, rapidocr_version

__all__ = ["examine"]


def examine(config: ProcessorConfig) -> Iterator[Part]:
    """The engines that are there, and who of them reads scanned pages under these settings."""
    assert isinstance(config, PDFProcessorConfig)
    yield _tesseract()
    yield _rapidocr()
    yield _ocr(config)


def _tesseract() -> Part:
    command = shutil.which("tesseract")
    if command is None:
        return Part("tesseract", "missing", "OCR of scanned pages, the fastest", tesseract.INSTALL)
    version = tesseract.installed_version()
    if not version:
        return Part("tesseract", "broken", f"{command} does not run")
    packs = [pack for pack in tesseract.installed_packs() if pack != "osd"]
    return Part("tesseract", "ok", f"{version} at {command}, languages: {' '.join(packs)}")


def _rapidocr() -> Part:
    version = rapidocr_version()
    if not version:
        return Part("rapidocr", "missing", "OCR that needs no system package, slower than tesseract", INSTALL_RAPIDOCR)
    return Part("rapidocr", "ok", version)


def _ocr(config: PDFProcessorConfig) -> Part:
    try:
        choice = choose(config)
    except OCRError as exc:
        return Part("ocr", "broken", exc.message)
    if choice.engine is None:
        return Part("ocr", "missing", "scanned pages are not read", choice.problem)
    detail = f"{choice.engine} reads scanned pages, language {config.ocr_language}"
    return Part("ocr", "ok", f"{detail}; {choice.problem}" if choice.problem else detail)
