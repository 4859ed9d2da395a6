"""``sync``: the store follows the folder, unless the folder looks wrong; then it says what to type."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.testing import write_text

pytestmark = pytest.mark.integration

Run = Callable[..., Any]


def listed(run: Run) -> list[str]:
    return [Path(json.loads(line)["source_uri"]).name for line in run("list", "--json").lines]


def test_a_folder_is_followed(quick: Run, documents: Path) -> None:
    first = quick("sync", str(documents))
    assert (first.code, first.lines[-1]) == (0, "0 removed, 0 withheld")
    (documents / "report.txt").rename(documents / "renamed.txt")
    (documents / "below" / "leave.txt").unlink()
    ran = quick("sync", str(documents))
    assert (ran.code, ran.lines[-1]) == (0, "1 removed, 0 withheld")
    assert "removed: documents/below/leave.txt" in ran.err
    assert listed(quick) == ["renamed.txt"]
    again = quick("sync", str(documents), "--json")
    assert [json.loads(line)["status"] for line in again.lines] == ["unchanged"]


def test_an_empty_folder_is_not_believed_and_the_printed_number_works(stored: Run, documents: Path) -> None:
    shutil.rmtree(documents)
    documents.mkdir()
    ran = stored("sync", str(documents))
    assert (ran.code, ran.lines[-1]) == (1, "0 removed, 2 withheld")
    assert "not removed: 2 documents, since there is no document in documents any more" in ran.err
    assert len(listed(stored)) == 2
    said = re.search(r"--allow-deletes \d+", ran.err)
    assert said is not None
    allowed = stored("sync", str(documents), *said[0].split())
    assert (allowed.code, allowed.lines[-1]) == (0, "2 removed, 0 withheld")
    assert listed(stored) == []
    nothing = stored("sync", str(documents))
    assert (nothing.code, "nothing found in" in nothing.err) == (2, True)


def test_a_missing_root(stored: Run, documents: Path) -> None:
    documents.rename(documents.with_name("unmounted"))
    ran = stored("sync", str(documents), "--json")
    assert ran.code == 1
    assert json.loads(ran.lines[-1]) == {
        "kind": "withheld",
        "cause": "missing_root",
        "place": str(documents.absolute()),
        "documents": 2,
        "allow_deletes": 2,
    }
    unknown = stored("sync", "nowhere")
    assert (unknown.code, unknown.err) == (2, "ingestkit: no such file or folder: nowhere\n")


def test_too_many(quick: Run, documents: Path) -> None:
    for number in range(11):
        write_text(documents / f"extra{number}.txt", f"extra {number}")
    quick("sync", str(documents))
    for file in documents.glob("extra*"):
        file.unlink()
    ran = quick("sync", str(documents))
    assert (ran.code, ran.lines[-1]) == (1, "0 removed, 11 withheld")
    assert "too many in documents are gone at once" in ran.err
    assert quick("sync", str(documents), "--allow-deletes", "10").code == 1
    assert quick("sync", str(documents), "--allow-deletes", "11").code == 0
    assert listed(quick) == ["leave.txt", "report.txt"]
