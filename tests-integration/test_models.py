"""Language models and both formats, from the command to the store: what is asked, and what comes of the answer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.testing import Fault, ModelServer

pytest.importorskip("httpx2", reason="needs ingestkit-core[http]")
xlsxwriter = pytest.importorskip("xlsxwriter")
pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

Run = Callable[..., Any]

PLANTED = ["Quixotic", "heliotrope", "wombat", "zephyr", "marmalade"]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def unsure(tmp_path: Path) -> Path:
    """A list of words in columns without a header: it may be a table, and it may be laid out text."""
    folder = tmp_path / "documents"
    folder.mkdir()
    with xlsxwriter.Workbook(folder / "wombat.xlsx") as book:
        book.set_properties({"title": "marmalade", "author": "marmalade"})
        sheet = book.add_worksheet("Quixotic")
        for row in range(8):
            for column, word in enumerate(("heliotrope", "zephyr", "wombat")):
                sheet.write(row, column, f"{word} {'abcdefgh'[row]}")
            sheet.write(row, 3, 1000 + row)
    return folder


def answer(kind: str, confidence: float = 0.9) -> dict[str, Any]:
    return {"document_type": kind, "confidence": confidence, "reasoning": "by its structure"}


def ingested(ingestkit: Run, folder: Path, *arguments: object, **environment: str) -> list[dict[str, Any]]:
    ran = ingestkit("ingest", folder, "--json", "--workers", "1", *arguments, **environment)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.parametrize("kind", ["openai", "ollama"])
def test_an_unsure_workbook_becomes_what_the_model_says(
    ingestkit: Run, unsure: Path, server: ModelServer, kind: str
) -> None:
    server.answers.appendleft(json.dumps(answer("tabular_data")))
    url = server.ollama_url if kind == "ollama" else server.openai_url
    (result,) = ingested(ingestkit, unsure, "--llm", url)
    found = result["classification_result"]
    assert (found["tier"], found["document_type"], found["degraded"]) == ("llm", "tabular_data", False)
    assert (result["ingestion_method"], result["tables_created"], result["warnings"]) == ("sql_agent", 1, [])
    (table,) = (json.loads(line) for line in ingestkit("tables", "--json").stdout.splitlines())
    assert table["row_count"] == 8
    prompt = server.requests[0].body["messages"][0]["content"]
    assert "8 rows by 4 columns" in prompt
    assert [word for word in PLANTED if word.lower() in prompt.lower()] == []


def test_without_a_model_the_rules_stand_and_say_that_they_are_unsure(
    ingestkit: Run, unsure: Path, server: ModelServer
) -> None:
    (alone,) = ingested(ingestkit, unsure)
    assert (alone["status"], alone["tables_created"]) == ("committed", 0)
    assert alone["classification_result"]["degraded"] is True
    assert alone["warnings"] == ["W_CLASSIFICATION_DEGRADED"]
    server.always = Fault("status", 503)
    (down,) = ingested(ingestkit, unsure, "--llm", server.ollama_url, INGESTKIT_BACKEND_BACKOFF_BASE="0")
    assert down["warnings"] == ["W_LLM_UNAVAILABLE", "W_CLASSIFICATION_DEGRADED"]
    server.always = None
    server.answers.appendleft(json.dumps(answer("formatted_document")))
    (asked,) = ingested(ingestkit, unsure, "--llm", server.ollama_url)
    assert (asked["classification_result"]["tier"], asked["tables_created"]) == ("llm", 0)
    (again,) = ingested(ingestkit, unsure, "--llm", server.ollama_url)
    assert again["status"] == "unchanged"


def test_the_type_may_be_said_beforehand(ingestkit: Run, unsure: Path, tmp_path: Path, server: ModelServer) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("excel: {document_type: tabular_data}\n", encoding="utf-8")
    (result,) = ingested(ingestkit, unsure, "--config", settings, "--llm", server.ollama_url)
    assert (result["tables_created"], result["warnings"], server.requests) == (1, [], [])
    assert result["classification_result"]["tier"] == "rules"


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="needs tesseract-ocr")
def test_a_pdf_that_turns_out_to_be_a_scan_is_read_again_by_ocr(
    ingestkit: Run, tmp_path: Path, server: ModelServer
) -> None:
    """A page under a picture has text of its own, which is kept unless somebody says that it is a scan."""
    import pymupdf

    words = "Near misses are written down on the same day"
    with pymupdf.open() as drawn, pymupdf.open() as made:
        drawn.new_page(width=400, height=200).insert_text((20, 100), [words, words], fontsize=16)
        page = made.new_page(width=400, height=200)
        page.insert_image(page.rect, stream=drawn[0].get_pixmap(dpi=200).tobytes("png"))
        page.insert_text((20, 20), "wombat " * 12, fontsize=4, render_mode=3)
        (tmp_path / "documents").mkdir()
        made.save(tmp_path / "documents" / "page.pdf")
    hard = tmp_path / "hard.yaml"
    hard.write_text("tier1_high_confidence_signals: 9\ntier1_medium_confidence_signals: 8\n", encoding="utf-8")
    server.answers.appendleft(json.dumps(answer("scanned")))
    (result,) = ingested(ingestkit, tmp_path / "documents", "--llm", server.ollama_url, "--config", hard)
    found = result["classification_result"]
    assert (found["tier"], found["document_type"], result["ocr_result"]["pages"]) == ("llm", "scanned", [1])
    assert "W_OCR_FALLBACK" in result["warnings"]
    assert "Near misses are written down" in ingestkit("search", "misses").stdout
    assert "nothing found" in ingestkit("search", "wombat").stderr


def test_sure_documents_are_nobodys_question_and_pdfs_are_asked_about_by_structure(
    ingestkit: Run, samples: Path, tmp_path: Path, server: ModelServer
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "handbook.pdf").write_bytes((samples / "handbook.pdf").read_bytes())
    (sure,) = ingested(ingestkit, folder, "--llm", server.openai_url)
    assert (sure["classification_result"]["tier"], server.requests) == ("rules", [])
    hard = tmp_path / "hard.yaml"
    hard.write_text("tier1_high_confidence_signals: 9\ntier1_medium_confidence_signals: 8\n", encoding="utf-8")
    server.answers.clear()
    server.answers.extend([json.dumps(answer("complex", 0.2)), json.dumps(answer("scanned", 0.7))])
    (result,) = ingested(ingestkit, folder, "--llm", server.openai_url, "--config", hard)
    found = result["classification_result"]
    assert (found["tier"], found["document_type"], found["confidence"]) == ("reasoning", "scanned", 0.7)
    assert result["ingestion_method"] == "ocr_pipeline"
    prompt = server.requests[0].body["messages"][0]["content"]
    assert "pages with content" in prompt
    assert [word for word in ("roof", "safety", "handbook", "Helvetica") if word in prompt] == []
