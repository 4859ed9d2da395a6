"""Every real file ends committed or set aside with a typed cause, and its text is accounted for."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.errors import ErrorCode

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

MACHINE_FAULTS = {"E_EXECUTION_RESULT_LOST", "E_EXECUTION_NOT_PICKLABLE", "E_EXECUTION_SUBMIT", "E_STORE_COMMIT"}


@pytest.fixture(scope="module")
def results(
    corpora: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the command says of all corpora: the first run and the second."""
    import os
    import sys

    store = tmp_path_factory.mktemp("corpora") / "ingestkit.db"
    runs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "ingestkit_cli", "ingest", str(corpora), "--json", "--workers", "2"],
            capture_output=True,
            text=True,
            timeout=850,
            check=False,
            env={
                **os.environ,
                "INGESTKIT_STORE": str(store),
                "INGESTKIT_PER_DOCUMENT_TIMEOUT_SECONDS": "60",
                # Nobody asks here how well scans are read: half the time for it.
                "INGESTKIT_OCR_DPI": "100",
            },
        )
        assert done.returncode == 1, done.stderr[-2000:]
        runs.append([json.loads(line) for line in done.stdout.splitlines()])
    return runs[0], runs[1]


def test_every_file_ends_committed_or_set_aside_with_its_cause(results: Any) -> None:
    first, _ = results
    assert len(first) > 900
    assert {result["status"] for result in first} == {"committed", "quarantined"}
    for result in first:
        if result["status"] == "quarantined":
            assert result["errors"], result["file_path"]
            assert set(result["errors"]) <= set(ErrorCode.__members__)
            assert not set(result["errors"]) & MACHINE_FAULTS, result["file_path"]
            assert Path(result["file_path"]).name in result["error_details"][0]["message"] or result["error_details"]


def test_no_reader_dies_of_an_untyped_exception(results: Any) -> None:
    untyped = [
        (Path(result["file_path"]).name, detail["message"])
        for result in results[0]
        for detail in result["error_details"]
        if "raised" in detail["message"] and detail["code"] == "E_EXECUTION_CRASHED"
    ]
    assert untyped == []


def test_committed_documents_have_chunks_unless_their_ledger_says_why(results: Any) -> None:
    for result in results[0]:
        if result["status"] == "committed" and result["chunks_created"] == 0:
            ledger = result["ledger"]
            assert ledger["emitted"] == 0
            assert ledger["source"] == sum(ledger["dropped"].values()), result["file_path"]


def test_practically_nothing_is_unexplained(results: Any) -> None:
    ledgers = [(result["file_path"], result["ledger"]) for result in results[0] if result["ledger"]]
    losing = [path for path, ledger in ledgers if ledger["unexplained"] > max(20, 0.005 * ledger["source"])]
    assert len(losing) <= 0.01 * len(ledgers), losing


def test_the_second_run_reads_nothing(results: Any) -> None:
    first, second = results
    assert Counter(r["status"] for r in second) == Counter(
        {
            "unchanged": sum(r["status"] == "committed" for r in first),
            "quarantined": sum(r["status"] == "quarantined" for r in first),
        }
    )
