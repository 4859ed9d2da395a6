"""``ingestkit verify``: what the samples' citations say is there; what is made wrong, changed or taken away is said."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core import router
from ingestkit_core.errors import ParseError
from ingestkit_core.stores import SqliteStore
from ingestkit_core.verification import Request
from ingestkit_pdf import PDFRouter

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

Run = Callable[..., Any]


@pytest.fixture
def stored(ingestkit: Run, samples: Path, tmp_path: Path) -> Path:
    if find_spec("pypdfium2") is None:
        pytest.skip("needs pypdfium2: pip install 'ingestkit-pdf[verify]'")
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in (
        "handbook.pdf",
        "form.pdf",
        "hidden.pdf",
        "multilingual.pdf",
        "roster.xlsx",
        "hybrid.xlsx",
        "sales.xlsx",
        "hidden.xlsx",
    ):
        shutil.copy(samples / name, folder / name)
    assert ingestkit("ingest", folder, "--workers", 2).returncode == 0
    return folder


def records(ran: Any) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    *documents, total = map(json.loads, ran.stdout.splitlines())
    return {Path(one["source_uri"]).name: one for one in documents}, total


def test_what_lies_behind_a_url_is_fetched_again(ingestkit: Run, samples: Path, tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="pip install 'ingestkit-core[fsspec]'")
    folder = tmp_path / "documents"
    folder.mkdir()
    shutil.copy(samples / "roster.xlsx", folder)
    assert ingestkit("ingest", folder.as_uri(), "--workers", 1).returncode == 0
    _, total = records(ingestkit("verify", folder.as_uri(), "--json", "--workers", 1))
    assert total["documents"] == {"verified": 1}
    assert total["rows"]["checked"] == total["rows"]["matching"] > 50
    shutil.copy(samples / "sales.xlsx", folder / "roster.xlsx")
    assert records(ingestkit("verify", "--json", "--workers", 1))[1]["documents"] == {"changed": 1}
    (folder / "roster.xlsx").unlink()
    assert records(ingestkit("verify", "--json", "--workers", 1))[1]["documents"] == {"gone": 1}


def test_every_citation_of_the_samples_holds(ingestkit: Run, stored: Path) -> None:
    ran = ingestkit("verify", "--json", "--show-text", "--workers", 2)
    documents, total = records(ran)
    assert [one["mismatches"] for one in documents.values() if one["mismatches"]] == []
    assert [one["counts"] for one in documents.values() if one["counts"]] == []
    assert ran.returncode == 0, ran.stderr
    assert total["documents"] == {"verified": 8}
    assert total["chunks"]["checked"] == total["chunks"]["matching"] > 50
    assert total["rows"]["checked"] == total["rows"]["matching"] > 100
    assert total["described"] > 0
    assert 0.8 < total["area_ratio"] < 1.5


def test_wrong_changed_and_gone_are_told_apart(ingestkit: Run, stored: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ingestkit.db") as store:
        wrong = store.execute(
            "UPDATE chunks SET metadata = json_set(metadata, '$.locations', "
            """json('[{"page_number": 7, "box": [72, 72, 400, 300]}]')) WHERE id = """
            "(SELECT c.id FROM chunks c JOIN sources s ON s.id = c.source_id WHERE s.uri LIKE '%handbook.pdf' "
            "AND json_extract(c.metadata, '$.content_type') = 'text' AND c.text LIKE '%30 days of leave%' LIMIT 1)"
        )
        assert wrong.rowcount == 1
    with open(stored / "form.pdf", "ab") as file:
        file.write(b"%\n")
    os.unlink(stored / "roster.xlsx")
    ran = ingestkit("verify", stored, "--workers", 2)
    assert ran.returncode == 1
    assert "changed  documents/form.pdf  its file has changed since" in ran.stdout
    assert "gone  documents/roster.xlsx  its file is not there any more" in ran.stdout
    (mismatch,) = [line for line in ran.stdout.splitlines() if line.startswith("MISMATCH")]
    assert "documents/handbook.pdf" in mismatch
    (told,) = [line for line in ran.stdout.splitlines() if line.startswith("documents: ")]
    assert sorted(told.removeprefix("documents: ").split(", ")) == [
        "1 changed",
        "1 gone",
        "1 with mismatches",
        "5 verified",
    ]
    assert "leave" not in ran.stdout
    assert "leave" in ingestkit("verify", "handbook", "--show-text").stdout
    documents, _ = records(ingestkit("verify", "handbook", "hidden.xlsx", "--json"))
    assert set(documents) == {"handbook.pdf", "hidden.xlsx"}
    (found,) = documents["handbook.pdf"]["mismatches"]
    assert set(found) == {"name", "locations", "precision", "recall"}
    assert ingestkit("verify", "hybrid.xlsx").returncode == 0
    assert ingestkit("verify", "no-such-document").returncode == 2


def test_what_is_missing_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "find_spec", lambda name: None)
    with SqliteStore(tmp_path / "store.db") as store, PDFRouter(store, store) as pdf, pytest.raises(ParseError) as said:
        pdf.verify("a.pdf", Request("", {}))
    assert "pip install 'ingestkit-pdf[verify]'" in str(said.value)
