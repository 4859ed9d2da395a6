"""A poisoned batch through the command: exactly the good are committed, the others set aside each with its cause."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.stores import open_store
from ingestkit_core.testing import ModelServer, write_text
from ingestkit_core.testing.postgres import PostgresServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

FAULTS = {
    "segfault": "E_EXECUTION_CRASHED",
    "kill": "E_EXECUTION_CRASHED",
    "c-loop": "E_EXECUTION_TIMEOUT",
    "python-loop": "E_EXECUTION_TIMEOUT",
    "grow": "E_EXECUTION_MEMORY",
    "plain-exception": "E_EXECUTION_CRASHED",
}
BAD_SAMPLES = {
    "encrypted.pdf": "E_PARSE_PASSWORD",
    "flate-bomb.pdf": "E_SECURITY_DECOMPRESSION_BOMB",
    "encrypted.xlsx": "E_PARSE_PASSWORD",
    "zip-bomb.xlsx": "E_SECURITY_DECOMPRESSION_BOMB",
    "not-a-workbook.xlsx": "E_SECURITY_INVALID_WORKBOOK",
}


@pytest.fixture
def plugged(tmp_path: Path) -> dict[str, str]:
    """An environment in which the format that misbehaves on purpose is installed like any other."""
    site = tmp_path / "site" / "misbehaving_format-1.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving-format\nVersion: 1\n")
    (site / "entry_points.txt").write_text(
        "[ingestkit.routers]\nmisbehaving = ingestkit_core.testing.textformat:TextRouter\n"
    )
    return {**os.environ, "PYTHONPATH": str(site.parent), "INGESTKIT_STORE": str(tmp_path / "ingestkit.db")}


def _run(environment: dict[str, str], *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-m", "ingestkit_cli", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_poisoned_batch_commits_exactly_the_good(
    corpora: Path, samples: Path, tmp_path: Path, plugged: dict[str, str]
) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    real = [*sorted((corpora / "pdf" / "tagged" / "pdf").glob("*.pdf"))[:70]]
    real += sorted((corpora / "excel" / "headers").rglob("*.xlsx"))[:130]
    for file in [*real, *(samples / name for name in BAD_SAMPLES)]:
        (documents / file.name).symlink_to(file)
    for fault in FAULTS:
        write_text(documents / f"{fault}.txt", f"!fault {fault}")
    limits = {"INGESTKIT_PER_DOCUMENT_TIMEOUT_SECONDS": "8", "INGESTKIT_MAX_MEMORY_MB": "900"}
    code, results = _run({**plugged, **limits}, "ingest", documents, "--workers", 2)
    assert code == 1
    causes = {Path(r["file_path"]).name: r["errors"][0] for r in results if r["status"] == "quarantined"}
    assert causes == {**BAD_SAMPLES, **{f"{fault}.txt": cause for fault, cause in FAULTS.items()}}
    committed = {Path(r["file_path"]).name for r in results if r["status"] == "committed"}
    assert committed == {path.name for path in real}

    # What was cured comes back: a mended file, and one whose limit was raised.
    write_text(documents / "segfault.txt", "mended")
    code, results = _run({**plugged, **limits}, "retry", "--code", "E_EXECUTION_CRASHED", "--workers", 2)
    assert code == 1
    assert Counter(r["status"] for r in results) == {"committed": 1, "quarantined": 2}


QUICK_FAULTS = ("segfault", "grow")


@pytest.fixture(params=["postgres", "paired"])
def server_store(request: pytest.FixtureRequest, plugged: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment whose store is on a server, or beside one with vectors."""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        with server.database() as database:
            yield {**plugged, "INGESTKIT_STORE": server.url(database)}
        return
    with request.getfixturevalue("qdrant_server")() as qdrant, ModelServer() as models:
        yield {
            **plugged,
            "INGESTKIT_STORE": f"qdrant+{qdrant.url}?journal={tmp_path / 'journal.db'}&collection=c",
            "INGESTKIT_EMBEDDER": models.openai_url,
            "INGESTKIT_EMBEDDING_MODEL": "hashing",
        }
        with open_store(f"qdrant+{qdrant.url}?journal={tmp_path / 'journal.db'}&collection=c") as store:
            written = {id_ for record in store.sources() for id_ in record.result.written.vector_point_ids}
        assert set(qdrant.points("c")) == written
        assert len(written) > 10


def test_a_poisoned_batch_commits_exactly_the_good_on_a_server(
    corpora: Path, samples: Path, tmp_path: Path, server_store: dict[str, str]
) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    real = [*sorted((corpora / "excel" / "headers").rglob("*.xlsx"))[:10]]
    for file in [*real, *(samples / name for name in BAD_SAMPLES if name.endswith(".xlsx"))]:
        (documents / file.name).symlink_to(file)
    for fault in QUICK_FAULTS:
        write_text(documents / f"{fault}.txt", f"!fault {fault}")
    limits = {"INGESTKIT_MAX_MEMORY_MB": "900"}
    code, results = _run({**server_store, **limits}, "ingest", documents, "--workers", 2)
    assert code == 1
    causes = {Path(r["file_path"]).name: r["errors"][0] for r in results if r["status"] == "quarantined"}
    bad = {name: cause for name, cause in BAD_SAMPLES.items() if name.endswith(".xlsx")}
    assert causes == {**bad, **{f"{fault}.txt": FAULTS[fault] for fault in QUICK_FAULTS}}
    assert {Path(r["file_path"]).name for r in results if r["status"] == "committed"} == {path.name for path in real}
