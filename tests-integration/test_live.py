"""Codes that something emits and settings that something reads; what is not live yet stands here, and only shrinks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ingestkit_core.errors import ErrorCode
from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_pdf.config import PDFProcessorConfig

pytestmark = [pytest.mark.integration]

PACKAGES = Path(__file__).resolve().parents[1] / "packages"

CODES_NOT_LIVE: set[str] = set()
SETTINGS_NOT_LIVE: set[str] = set()


def _sources() -> str:
    declared_in = {"errors.py", "guide.py", "config.py"}
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted(PACKAGES.glob("*/src/**/*.py"))
        if path.name not in declared_in and "testing" not in path.parts
    )


def test_the_codes_that_nothing_emits_are_these() -> None:
    used = set(re.findall(r"\b[EW]_[A-Z0-9_]+\b", _sources()))
    assert {code.value for code in ErrorCode} - used == CODES_NOT_LIVE


def test_the_settings_that_nothing_reads_are_these() -> None:
    fields = {*PDFProcessorConfig.model_fields, *ExcelProcessorConfig.model_fields}
    sources = _sources() + (PACKAGES / "ingestkit-core/src/ingestkit_core/config.py").read_text(encoding="utf-8")
    read = {name for name in fields if re.search(rf"\.{name}\b", sources)}
    # The override reasons are read by name, through the pairs of guarded limits.
    read |= {reason for config in (PDFProcessorConfig, ExcelProcessorConfig) for _, reason in config.guarded_limits}
    assert fields - read == SETTINGS_NOT_LIVE
