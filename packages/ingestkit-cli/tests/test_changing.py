"""Commands that change a store: retry, forget, backup. Nothing is erased by accident."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.testing import write_text

pytestmark = pytest.mark.integration

Run = Callable[..., Any]


def listed(run: Run, *arguments: str) -> dict[str, str]:
    lines = run("list", "--json", *arguments).lines
    return {Path(r["source_uri"]).name: r["status"] for r in map(json.loads, lines)}


def test_retry_reads_exactly_what_was_set_aside(quick: Run, faulty: Path) -> None:
    quick("ingest", str(faulty))
    again = quick("retry")
    assert again.code == 1
    assert again.out.startswith("0 committed, 0 unchanged, 1 quarantined")
    write_text(faulty / "broken.txt", "Now it is one.")
    write_text(faulty / "new.txt", "Not asked for.")
    mended = quick("retry", "--json")
    assert (mended.code, [json.loads(line)["status"] for line in mended.lines]) == (0, ["committed"])
    assert listed(quick) == {"broken.txt": "committed", "leave.txt": "committed", "report.txt": "committed"}
    nothing = quick("retry")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "nothing is set aside\n")


def test_retry_by_code(quick: Run, faulty: Path) -> None:
    quick("ingest", str(faulty))
    other = quick("retry", "--code", "E_EXECUTION_TIMEOUT")
    assert (other.code, other.err) == (0, "nothing is set aside with E_EXECUTION_TIMEOUT\n")
    assert quick("retry", "--code", "E_EXECUTION_TIMEOUT", "--code", "E_PARSE_UNSUPPORTED").code == 1
    unknown = quick("retry", "--code", "E_PARSE_UNSUPORTED")
    assert (unknown.code, "did you mean E_PARSE_UNSUPPORTED?" in unknown.err) == (2, True)
    assert listed(quick)["broken.txt"] == "quarantined"


def test_retry_of_a_file_that_is_gone(quick: Run, faulty: Path) -> None:
    quick("ingest", str(faulty))
    (faulty / "broken.txt").unlink()
    ran = quick("retry")
    assert (ran.code, "E_SOURCE_NOT_FOUND" in ran.err) == (1, True)
    assert "broken.txt" not in listed(quick)


def test_parts_that_failed_are_told_and_read_again(quick: Run, here: Path) -> None:
    write_text(here / "scan.lossy", "A long text that is long enough.", "!broken-engine")
    ran = quick("ingest", "scan.lossy")
    assert "committed    scan.lossy  1 chunk  0 tables  E_OCR_FAILED 2  " in ran.err
    told = "errors within 1 document: E_OCR_FAILED 2; to read them again: ingestkit retry"
    assert told in ran.err
    assert "warnings:" not in ran.err
    assert quick("list").out.rstrip().endswith("scan.lossy  E_OCR_FAILED 2")
    again = quick("ingest", "scan.lossy")
    assert "unchanged    scan.lossy  1 chunk  0 tables  E_OCR_FAILED 2\n" in again.err
    assert told in again.err
    (here / "cured").touch()
    assert quick("ingest", "scan.lossy").out.startswith("0 committed, 1 unchanged")
    assert quick("retry", "--code", "E_OCR_TIMEOUT").err == "nothing is set aside with E_OCR_TIMEOUT\n"
    assert quick("retry", "--code", "E_OCR_FAILED").out.startswith("1 committed")
    assert "E_OCR_FAILED" not in quick("list").out
    assert quick("retry").err == "nothing is set aside\n"


def test_retry_gives_each_tenant_its_own(quick: Run, faulty: Path) -> None:
    for tenant in ("north", "south", ""):
        quick("ingest", str(faulty / "broken.txt"), "--tenant", tenant)
    write_text(faulty / "broken.txt", "Now it is one.")
    assert quick("retry", "--tenant", "south").out.startswith("1 committed, 0 unchanged, 0 quarantined")
    assert [listed(quick, "--tenant", t)["broken.txt"] for t in ("north", "south", "")] == [
        "quarantined",
        "committed",
        "quarantined",
    ]
    assert quick("retry").code == 0
    assert {listed(quick, "--tenant", t)["broken.txt"] for t in ("north", "south", "")} == {"committed"}


def test_forget_one_document_to_its_last_byte(stored: Run, here: Path) -> None:
    ran = stored("forget", "leave", "--yes")
    assert (ran.code, ran.out) == (0, "")
    assert "forgotten: documents/below/leave.txt (1 document)" in ran.err
    assert listed(stored) == {"report.txt": "committed"}
    for file in here.glob("ingestkit.db*"):
        assert b"thirty" not in file.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["forget"], "say what to forget: a SOURCE, or --tenant T"),
        (["forget", "leave"], "to forget documents/below/leave.txt without being asked, add --yes"),
        (["forget", "txt", "--yes"], "'txt' may be any of 2"),
        (["forget", "absent.txt", "--yes"], "no document 'absent.txt'"),
        (["forget", "--tenant", "west", "--yes"], "tenant west has no documents"),
        (["forget", "", "--yes"], "say which document"),
    ],
)
def test_nothing_is_forgotten_by_accident(stored: Run, arguments: list[str], message: str) -> None:
    ran = stored(*arguments)
    assert ran.code == 2
    assert message in ran.err
    assert len(listed(stored)) == 2


def test_the_environment_names_no_tenant_to_erase(stored: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGESTKIT_TENANT_ID", "north")
    assert "say what to forget" in stored("forget", "--yes").err


def test_forget_a_tenant(quick: Run, documents: Path) -> None:
    for tenant in ("north", "south"):
        quick("ingest", str(documents), "--tenant", tenant)
    ran = quick("forget", "--tenant", "north", "--yes")
    assert (ran.code, "forgotten: all 2 documents of tenant north" in ran.err) == (0, True)
    assert listed(quick, "--tenant", "north") == {}
    assert len(listed(quick, "--tenant", "south")) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("answer", "code", "left"), [("n", 0, 2), ("y", 0, 1), ("\x03", 130, 2)])
def test_on_a_terminal_it_asks(stored: Run, environment: dict[str, str], answer: str, code: int, left: int) -> None:
    import pty

    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "ingestkit_cli", "forget", "leave"],
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        # Ctrl-C reaches a process only from the terminal it belongs to.
        preexec_fn=_take_terminal,
    )
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 1024)
    assert b"Forget documents/below/leave.txt" in shown
    os.write(ours, f"{answer}\n".encode())
    assert running.wait(60) == code
    os.close(ours)
    assert len(listed(stored)) == left


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_backup_is_a_store(stored: Run, here: Path) -> None:
    ran = stored("backup", "copy.db")
    assert (ran.code, ran.out) == (0, "")
    assert stored("export", "--store", "copy.db").out == stored("export").out
    again = stored("backup", "copy.db")
    assert (again.code, "exists already; a backup never overwrites" in again.err) == (2, True)


def test_an_export_to_a_folder(stored: Run, here: Path) -> None:
    ran = stored("export", "-o", "nowhere/all.jsonl")
    assert (ran.code, ran.err) == (2, "ingestkit: nowhere/all.jsonl.part: No such file or directory\n")
    ran = stored("export", "-o", str(here))
    assert (ran.code, ran.err) == (2, f"ingestkit: {here} is a folder: name a file in it\n")
