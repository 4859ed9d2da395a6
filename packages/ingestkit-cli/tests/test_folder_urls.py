"""``ingest``, ``sync``, ``retry`` and ``list`` for folders behind URLs, as a newcomer meets them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.testing import write_text

pytest.importorskip("fsspec", reason="pip install 'ingestkit-core[fsspec]'")
from ingestkit_core.testing.shelf import Served, serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Run = Callable[..., Any]


@pytest.fixture
def served(documents: Path) -> Iterator[Served]:
    with serving(documents) as served:
        yield served


def listed(run: Run) -> list[tuple[str, str]]:
    records = [json.loads(line) for line in run("list", "--json").lines]
    return [(record["source_uri"], record["status"]) for record in records]


def test_a_folder_is_read_again_only_where_it_changed(ingestkit: Run, documents: Path) -> None:
    url = documents.as_uri()
    first = ingestkit("ingest", url)
    assert first.code == 0, first.err
    assert first.lines[-1].startswith("2 committed, 0 unchanged, 0 quarantined")
    assert f"committed    {url}/below/leave.txt" in first.err
    assert "passed by, no installed format reads them: .docx 1" in first.err
    assert ingestkit("ingest", f"{url}/").lines[-1].startswith("0 committed, 2 unchanged, 0 quarantined")
    found = ingestkit("search", "annual leave", "--json")
    assert json.loads(found.lines[0])["source_uri"] == f"{url}/below/leave.txt"
    (documents / "report.txt").unlink()
    ran = ingestkit("sync", url)
    assert (ran.code, ran.lines[-1]) == (0, "1 removed, 0 withheld")
    assert f"removed: {url}/report.txt" in ran.err


@pytest.mark.parametrize("command", ["ingest", "sync"])
@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("nosuch://host/x", 2, "nosuch:// is no protocol that fsspec knows"),
        ("gs://bucket/x", 2, "gs:// needs a package that is not installed: pip install gcsfs"),
        ("shelf://host/empty", 2, "nothing found in shelf://host/empty: there are no files"),
        ("shelf://ada:secret@host/", 2, "shelf://ada@host may not be read (PermissionError)"),
        ("shelf://host/away", 3, "shelf://host/away cannot be reached (ConnectionRefusedError)"),
    ],
)
def test_a_wrong_url_is_told_in_one_line(
    quick: Run, served: Served, command: str, url: str, code: int, words: str
) -> None:
    (served.root / "empty").mkdir()
    served.failing["/away"] = ConnectionRefusedError(111, "refused")
    ran = quick(command, url)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert "secret" not in ran.err


def test_nothing_is_there(quick: Run, served: Served) -> None:
    assert "there is nothing at shelf://host/nowhere" in quick("ingest", "shelf://host/nowhere").err
    assert quick("sync", "shelf://host/nowhere").err == "ingestkit: no such file or folder: shelf://host/nowhere\n"


def test_an_emptied_folder_and_one_that_cannot_be_listed(quick: Run, served: Served) -> None:
    assert quick("sync", "shelf://host/").code == 0
    served.failing["/below"] = PermissionError("403")
    ran = quick("sync", "shelf://host/")
    assert (ran.code, ran.lines[-1]) == (1, "0 removed, 1 withheld")
    assert "could not be looked into: shelf://host/below" in ran.err
    assert "not removed: 1 document, since shelf://host/below cannot be looked into" in ran.err
    served.failing.clear()
    served.unlisted |= {"/below", "/report.txt"}
    for file in served.root.rglob("*.txt"):
        file.unlink()
    ran = quick("sync", "shelf://host/")
    assert (ran.code, ran.lines[-1]) == (1, "0 removed, 2 withheld")
    assert "not removed: 2 documents, since there is no document in shelf://host any more" in ran.err
    assert "--allow-deletes 2" in ran.err
    assert quick("sync", "shelf://host/", "--allow-deletes", "2").lines[-1] == "2 removed, 0 withheld"


def test_what_could_not_be_fetched_is_retried(quick: Run, served: Served) -> None:
    served.failing["/report.txt"] = PermissionError("403")
    ran = quick("ingest", "shelf://host/")
    assert (ran.code, ran.lines[-1].startswith("1 committed, 0 unchanged, 1 quarantined")) == (1, True)
    assert "E_SOURCE_UNREADABLE: shelf://host/report.txt may not be read (PermissionError)" in ran.err
    served.failing["/report.txt"] = ConnectionResetError(104, "reset")
    assert quick("retry").code == 3
    assert ("shelf://host/report.txt", "quarantined") in listed(quick), "what had no chance gets another one"
    served.failing.clear()
    assert quick("retry").code == 0
    assert listed(quick) == [("shelf://host/below/leave.txt", "committed"), ("shelf://host/report.txt", "committed")]


def test_a_document_that_is_none_is_set_aside_under_its_url(quick: Run, served: Served) -> None:
    (served.root / "broken.txt").write_text("no document", encoding="utf-8")
    assert quick("ingest", "shelf://host/").code == 1
    assert ("shelf://host/broken.txt", "quarantined") in listed(quick)
    write_text(served.root / "broken.txt", "mended")
    assert quick("retry").code == 0
    assert "mended" in quick("show", "broken.txt").out


def test_what_lies_behind_a_url_is_converted_and_verified(quick: Run, served: Served, here: Path) -> None:
    single = quick("convert", "shelf://host/below/leave.txt", "--to", "md")
    assert (single.code, single.lines[0]) == (0, "# Leave")
    several = quick("convert", "shelf://host/", "--to", "md", "-o", "texts")
    assert several.code == 0, several.err
    assert sorted(file.name for file in (here / "texts").rglob("*.md")) == ["leave.md", "report.md"]
    quick("ingest", "shelf://host/")
    (served.root / "below" / "leave.txt").unlink()
    verified = quick("verify", "shelf://host/below")
    assert "gone  shelf://host/below/leave.txt" in verified.out
    assert "documents: 1 gone" in verified.out
