"""Real files: every one gives a typed answer, and no text goes missing between MuPDF and the chunks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.elements import visible_length

pytestmark = pytest.mark.integration

READ_ALL = """
import json, sys
from ingestkit_core.errors import IngestkitError
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import OCREngine
from ingestkit_pdf.ocr.values import OCRChoice
from ingestkit_pdf.reader import read
settings = PDFProcessorConfig().model_dump()
no_engine = OCRChoice(OCREngine.AUTO, None)  # their pages of pictures would take minutes
for path in sys.argv[1:]:
    print(json.dumps({"path": path, "began": True}), flush=True)
    try:
        extraction = read(path, settings, no_engine)
    except IngestkitError as error:
        answer = {"code": str(error.code)}
    else:
        answer = {
            "unexplained": extraction.ledger.unexplained,
            "sources": [unit.source for unit in extraction.ledger.units],
            "uncounted": extraction.ledger.uncounted,
            "chunks": len(extraction.chunks),
            "garbled": any(issue.code == "W_QUALITY_LOW_NATIVE" for issue in extraction.issues),
            "clean": all("\\x00" not in c.text and c.text.encode() is not None for c in extraction.chunks),
        }
    print(json.dumps({"path": path, **answer}), flush=True)
"""


def answers(paths: list[Path]) -> dict[str, dict[str, Any]]:
    """What reading each file gave, in a process of its own; a file that kills it has no answer."""
    run = subprocess.run(
        [sys.executable, "-c", READ_ALL, *map(str, paths)], capture_output=True, text=True, timeout=240, check=False
    )
    assert run.returncode == 0, run.stdout.splitlines()[-1:] + run.stderr.splitlines()[-3:]
    records = [json.loads(line) for line in run.stdout.splitlines()]
    return {record["path"]: record for record in records if "began" not in record}


@pytest.fixture(scope="module")
def ordinary(corpora: Path) -> dict[str, dict[str, Any]]:
    folder = corpora / "pdf"
    return answers(
        sorted([*folder.glob("tagged/pdf/*.pdf"), *folder.glob("tables/pdf/*.pdf"), *folder.glob("speed/*.pdf")])
    )


def test_wild_files_give_typed_answers(corpora: Path) -> None:
    paths = sorted((corpora / "pdf" / "wild").glob("*.pdf"))
    found = answers(paths)
    assert len(found) == len(paths)
    read = [record for record in found.values() if "code" not in record]
    assert len(read) > 0.8 * len(paths)
    assert [record for record in read if record["unexplained"]] == []
    assert all(record["clean"] for record in read)


def test_ordinary_files_are_all_read_without_loss(ordinary: dict[str, dict[str, Any]]) -> None:
    assert [record for record in ordinary.values() if record.get("unexplained") != 0] == []
    assert all(record["chunks"] or record["uncounted"] for record in ordinary.values())


def test_an_independent_reader_counts_as_many_characters(ordinary: dict[str, dict[str, Any]]) -> None:
    pdfium = pytest.importorskip("pypdfium2")
    ours = theirs = 0
    for path, record in ordinary.items():
        if record["garbled"]:
            continue
        document = pdfium.PdfDocument(path)
        for page, source in zip(document, record["sources"], strict=True):
            text = page.get_textpage().get_text_range().replace("\x02", "-").replace("\ufffe", "")
            theirs += visible_length(text)
            ours += source
    assert ours == pytest.approx(theirs, rel=0.005)
