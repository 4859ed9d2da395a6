"""The recipes that ship as examples do what they say, on the sample documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ingestkit_core import open_store
from ingestkit_core.recipes import load_recipe, run_recipe

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

RECIPES = Path(__file__).resolve().parents[1] / "examples" / "recipes"
BROKEN = {"encrypted.pdf", "truncated.pdf", "flate-bomb.pdf", "encrypted.xlsx", "zip-bomb.xlsx", "not-a-workbook.xlsx"}
DOUBTFUL = {"scanned.pdf"}
"""Nothing is in them, or nothing without OCR: what becomes of them is the formats' affair."""


def names(folder: Path, *suffixes: str) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix in suffixes}


def test_two_folders_become_one_store_and_one_summary(samples: Path, tmp_path: Path) -> None:
    store, output = tmp_path / "both.db", tmp_path / "summary.json"
    variables = {"papers": samples, "workbooks": samples, "store": store, "summary": output}

    state = run_recipe(load_recipe(RECIPES / "two-folders.yaml", variables))

    summary = json.loads(output.read_text(encoding="utf-8"))
    assert state["summary"] == summary
    total, papers, workbooks = summary["total"], summary["steps"]["papers"], summary["steps"]["workbooks"]
    assert papers["documents"] == len(names(samples, ".pdf"))
    assert workbooks["documents"] == len(names(samples, ".xlsx"))
    assert papers["codes"]["E_PARSE_PASSWORD"] == workbooks["codes"]["E_PARSE_PASSWORD"] == 1
    assert total["codes"]["E_PARSE_PASSWORD"] == 2
    assert total["statuses"]["committed"] == papers["statuses"]["committed"] + workbooks["statuses"]["committed"]
    with open_store(store) as opened:
        committed = {Path(record.state.file_path).name for record in opened.sources()}
        assert opened.status().chunks == total["chunks"] > 0
    assert committed - DOUBTFUL == names(samples, ".pdf", ".xlsx") - BROKEN - DOUBTFUL


def test_a_folder_becomes_markdown_and_json_lines(samples: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts"

    state = run_recipe(load_recipe(RECIPES / "convert.yaml", {"documents": samples, "output": texts}))

    markdown, json_lines = state["parallel_results"][0]["markdown"], state["parallel_results"][1]["json-lines"]
    assert markdown["documents"] == len(names(samples, ".pdf", ".xlsx"))
    assert markdown["failed"] == json_lines["failed"]
    readable = names(samples, ".pdf", ".xlsx") - BROKEN - DOUBTFUL
    for folder, form, branch in (("markdown", "md", markdown), ("json-lines", "jsonl", json_lines)):
        written = {str(path) for path in (texts / folder).iterdir()}
        assert written == set(branch["written"])
        # Under its full name, because hidden.pdf and hidden.xlsx are both there.
        assert {str(texts / folder / f"{name}.{form}") for name in readable} <= written
    assert "Brightholm" in (texts / "markdown" / "handbook.pdf.md").read_text(encoding="utf-8")
    lines = (texts / "json-lines" / "handbook.pdf.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["kind"] for line in lines} >= {"document", "heading", "paragraph"}
