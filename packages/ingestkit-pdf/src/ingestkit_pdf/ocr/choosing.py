"""Which OCR engine serves. Decided by the owner, once for each router; runs no engine and imports none."""

from __future__ import annotations

import importlib.util
from importlib.metadata import PackageNotFoundError, version

from ingestkit_core.errors import ErrorCode, OCRError

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import OCREngine, ProcessingResult
from ingestkit_pdf.ocr import tesseract
from ingestkit_pdf.ocr.languages import rapidocr_reads
from ingestkit_pdf.ocr.values import OCRChoice

__all__ = ["INSTALL_RAPIDOCR", "choose", "is_outdated", "rapidocr_problem", "rapidocr_version"]

INSTALL_RAPIDOCR = "pip install 'ingestkit-pdf[rapidocr]'"

_IN_ORDER = (OCREngine.TESSERACT, OCREngine.RAPIDOCR)


def choose(settings: PDFProcessorConfig) -> OCRChoice:
    """The engine that reads these settings' language here, the configured one first.

    With "auto" there may be none. A configured engine that is missing while no other serves raises
    OCRError(E_OCR_ENGINE_UNAVAILABLE).
    """
    configured = settings.ocr_engine
    problems: dict[OCREngine, str] = {}
    for engine in sorted(_IN_ORDER, key=lambda engine: engine is not configured):
        problem = _problem(engine, settings.ocr_language)
        if not problem:
            return OCRChoice(configured, engine, _version(engine), problems.get(configured, ""))
        problems[engine] = problem
    if configured is OCREngine.AUTO:
        return OCRChoice(configured, None, problem="; or ".join(problems.values()))
    wanted, others = problems.pop(configured), "; ".join(problems.values())
    raise OCRError(
        ErrorCode.E_OCR_ENGINE_UNAVAILABLE, f"ocr_engine={configured} cannot serve: {wanted}; no other can: {others}"
    )


def is_outdated(result: ProcessingResult, choice: OCRChoice, page_timeout_seconds: float) -> bool:
    """Whether OCR would read a committed document better today than it did.

    Its pages waited for an engine, or pictures among their text did, the configured engine is back, the engine has
    another version, or pages that took too long have more time now. A document that needs no OCR is up to date
    whatever is installed; so is one whose engine was removed: reading it again could only lose text.
    """
    if choice.engine is None:
        return False
    if ErrorCode.W_OCR_ENGINE_UNAVAILABLE in result.warnings:
        return True
    before = result.ocr_result
    if before is None:
        return result.ledger is not None and "picture" in result.ledger.uncounted
    if result.parse_result is None:
        return False
    if before.engine != choice.engine:
        return before.fallback_used and not choice.is_fallback
    more_time = page_timeout_seconds > (before.page_timeout_seconds or page_timeout_seconds)
    other_version = result.parse_result.parsers.get(choice.engine) != choice.version
    return other_version or (more_time and ErrorCode.E_OCR_TIMEOUT in result.errors)


def rapidocr_problem(language: str) -> str:
    """Why RapidOCR cannot read a language here, and what to type; empty where it can."""
    if not rapidocr_version():
        return f"rapidocr is not installed: {INSTALL_RAPIDOCR}"
    if not rapidocr_reads(language):
        return f"rapidocr's model does not know ocr_language={language}"
    return ""


def rapidocr_version() -> str:
    """The version of the package, if the runtime it needs is there too; empty else."""
    if importlib.util.find_spec("onnxruntime") is None:
        return ""
    try:
        return version("rapidocr")
    except PackageNotFoundError:
        return ""


def _problem(engine: OCREngine, language: str) -> str:
    return tesseract.problem(language) if engine is OCREngine.TESSERACT else rapidocr_problem(language)


def _version(engine: OCREngine) -> str:
    return tesseract.installed_version() if engine is OCREngine.TESSERACT else rapidocr_version()
