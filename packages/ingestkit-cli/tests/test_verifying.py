"""``verify`` on formats that offer no second reader: it says so, and never calls that fine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Run = Callable[..., Any]


def test_without_a_verifier_nothing_is_called_fine(stored: Run, documents: Path) -> None:
    (documents / "below" / "leave.txt").unlink()
    ran = stored("verify")
    assert ran.code == 1
    assert "failed  documents/report.txt  E_PARSE_UNSUPPORTED: the format text has no verifier" in ran.out
    assert "gone  documents/below/leave.txt  its file is not there any more" in ran.out
    assert "documents: 1 gone, 1 failed" in ran.out
    one = stored("verify", "leave", "--json")
    record, total = map(json.loads, one.lines)
    assert (one.code, record["verdict"], total["documents"]) == (0, "gone", {"gone": 1})


def test_mistakes(quick: Run, documents: Path) -> None:
    assert "there is no store" in quick("verify").err
    assert quick("ingest", str(documents)).code == 0
    assert quick("verify", "absent").code == 2
    assert "there is no document to verify" in quick("verify", "--tenant", "north").err
