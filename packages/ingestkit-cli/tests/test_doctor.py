"""``doctor`` and the help: what a newcomer sees first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

COMMANDS = (
    "ingest search sql tables show list status export verify doctor retry forget reembed backup sync convert run worker"
).split()


def findings(ran: Any) -> dict[str, dict[str, str]]:
    return {finding["name"]: finding for finding in map(json.loads, ran.lines)}


@pytest.mark.integration
def test_it_says_what_is_there_and_what_to_type(quick: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    ran = quick("doctor")
    assert (ran.code, ran.err) == (0, "")
    assert " ok   text " in ran.out
    assert "pip install ./packages/ingestkit-pdf" in ran.out
    found = findings(quick("doctor", "--json"))
    parts = {"python", "sqlite", "text", "lossy", "pdf", "excel", "machine"}
    assert parts | {"embedder", "llm", "store"} == set(found)
    assert found["pdf"]["state"] == "missing"
    assert found["text"]["detail"] == ".txt, text:1.0.0, reads with text 1"
    assert "none yet at" in found["store"]["detail"]


@pytest.mark.integration
def test_a_format_that_cannot_be_imported_is_named(quick: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = here / "broken_format-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-format\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[ingestkit.routers]\nodd = not_there:Router\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(here))
    ran = quick("doctor", "--json")
    assert (ran.code, findings(ran)["odd"]["state"]) == (0, "broken")
    assert "broken-format cannot be imported: No module named 'not_there'" in ran.out
    refused = quick("ingest", ".")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "ingestkit: an installed format cannot be imported: No module named 'not_there' (see ingestkit doctor)\n"
    )


@pytest.mark.integration
def test_the_state_of_the_store(stored: Run, here: Path) -> None:
    assert "2 documents, 0 quarantined" in findings(stored("doctor", "--json"))["store"]["detail"]
    assert "nobody is writing to it" in stored("doctor").out
    lock = here / "ingestkit.db.lock"
    import socket

    for pid, told in ((os.getpid(), f"being written by process {os.getpid()}"), (2**22 + 1, "nobody is writing to it")):
        lock.write_text(json.dumps({"pid": pid, "host": socket.gethostname()}), encoding="utf-8")
        assert told in stored("doctor").out


@pytest.mark.integration
@pytest.mark.parametrize(
    ("store", "told"),
    [("broken.db", "is not a store of ingestkit, or is damaged"), ("nowhere/x.db", "does not exist")],
)
def test_a_broken_store_is_the_only_failure(quick: Run, here: Path, store: str, told: str) -> None:
    (here / "broken.db").write_bytes(b"no database at all, for sure" * 100)
    ran = quick("doctor", "--store", store)
    assert ran.code == 3
    assert "FAIL  store" in ran.out
    assert told in ran.out


@pytest.mark.unit
def test_the_help_lists_the_commands_of_this_version(quick: Run) -> None:
    shown = quick("--help").out
    words = [line.split()[1] for line in shown.splitlines() if line.startswith("│ ") and len(line.split()) > 1]
    assert sorted(word for word in words if word.isalpha()) == sorted([*COMMANDS, *_continued(shown)])


def _continued(shown: str) -> list[str]:
    """First words of lines that go on with the text of the line above."""
    return [line.split()[1] for line in shown.splitlines() if line.startswith("│    ") and line.split()[1].isalpha()]


@pytest.mark.unit
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(quick: Run, name: str) -> None:
    ran = quick(name, "--help")
    assert ran.code == 0
    assert f"Example: ingestkit {name}" in ran.out
    assert "--log-format" in ran.out
    assert ("--store" in ran.out) == (name not in ("convert", "run"))


@pytest.mark.unit
def test_version_and_help_are_no_mistakes(quick: Run) -> None:
    ran = quick("--version")
    assert (ran.code, ran.out.split()[0]) == (0, "ingestkit")
    assert "Usage: ingestkit" in (quick().out + quick().err)


@pytest.mark.integration
def test_the_help_imports_nothing_heavy(environment: dict[str, str]) -> None:
    code = (
        "import sys, atexit; sys.argv = ['ingestkit', '--help']\n"
        "heavy = ('ingestkit_core', 'ingestkit_pdf', 'pydantic_settings', 'numpy', 'pymupdf', 'openpyxl', 'yaml')\n"
        "atexit.register(lambda: print([name for name in heavy if name in sys.modules], file=sys.stderr))\n"
        "from ingestkit_cli.main import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stderr == "[]\n"
    if sys.platform != "win32":
        import resource

        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "ingestkit_cli", "--help"], env=environment, capture_output=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Told, not judged: machines differ.
        print(f"--help took {after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.2f} CPU seconds")


def test_a_variable_that_nearly_names_a_setting_is_a_finding(
    quick: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHUNK_SIZE_TOKENZ", "REQUIRE", "STORE", "SOMEBODY_ELSES"):
        monkeypatch.setenv(f"INGESTKIT_{name}", "x.db")
    ran = quick("doctor")
    assert ran.code == 0
    assert "FAIL  settings      INGESTKIT_CHUNK_SIZE_TOKENZ names no setting\n" in ran.out
    assert "did you mean 'INGESTKIT_CHUNK_SIZE_TOKENS'?" in ran.out
    assert ran.out.count("settings") == 1
