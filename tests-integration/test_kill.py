"""Kill anywhere: whatever the instant, the next run completes and the store is that of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ingestkit_core.stores import SqliteStore

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

KILLS = int(os.environ.get("INGESTKIT_KILLS", "12"))
"""How often the command is killed; a third of them inside a commit. More by hand: INGESTKIT_KILLS=50."""

ARMED = """
import os, signal, sys
from ingestkit_core.stores.sqlite import documents
calls = 0
def armed(name):
    real = getattr(documents, name)
    def call(*arguments):
        global calls
        calls += 1
        if calls == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)
    setattr(documents, name, call)
for name in ("insert_chunks", "create_table", "delete_source"):
    armed(name)
del sys.argv[1]
from ingestkit_cli.main import main
sys.exit(main())
"""


def test_killed_at_random_instants_the_store_ends_the_same(corpora: Path, samples: Path, tmp_path: Path) -> None:
    chosen = random.Random(20)
    documents = tmp_path / "documents"
    documents.mkdir()
    real = sorted((corpora / "pdf" / "tagged" / "pdf").glob("*.pdf"))[:50]
    real += sorted((corpora / "excel" / "headers").rglob("*.xlsx"))[:50]
    bad = [samples / name for name in ("truncated.pdf", "encrypted.xlsx", "not-a-workbook.xlsx")]
    for file in [*real, *bad, samples / "roster.xlsx", samples / "report.pdf"]:
        (documents / file.name).symlink_to(file)
    undisturbed = _export(tmp_path / "undisturbed.db", documents)
    assert undisturbed.count('"kind":"source"') >= 100

    store = tmp_path / "killed.db"
    killed = 0
    for number in range(KILLS * 4):
        if killed == KILLS:
            break
        if number % 3 == 0:
            code = _run(store, documents, armed_at=chosen.randint(1, 40))
        else:
            code = _run(store, documents, kill_after=chosen.uniform(0.2, 2.5))
        if code == -signal.SIGKILL:
            killed += 1
        else:
            store.unlink()
    assert killed == KILLS
    assert _run(store, documents) == 1
    assert _export(store) == undisturbed


def _run(store: Path, documents: Path, *, armed_at: int | None = None, kill_after: float | None = None) -> int:
    entry = ["-c", ARMED, str(armed_at)] if armed_at is not None else ["-m", "ingestkit_cli"]
    process = subprocess.Popen(
        [sys.executable, *entry, "ingest", str(documents), "--store", str(store), "--workers", "2", "--wait"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if kill_after is not None:
        time.sleep(kill_after)
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait(timeout=180)
    _wait_until(lambda: not _session_members(process.pid))
    return code


def _session_members(session: int) -> list[int]:
    """Processes of the killed command that are still there: everything it started shares its session."""
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                members.append(int(entry.name))
    return members


def _wait_until(condition: Callable[[], bool], seconds: float = 3.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "something outlived its owner"
        time.sleep(0.02)


def _export(store: Path, documents: Path | None = None) -> str:
    if documents is not None:
        assert _run(store, documents) == 1
    with SqliteStore(store) as opened:
        return "\n".join(opened.export())
