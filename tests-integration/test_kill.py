"""Stopped anywhere, by whatever signal, the next run completes and the store is that of an undisturbed run."""

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
from ingestkit_core.stores import open_store
from ingestkit_core.testing.postgres import PostgresServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

KILLS = int(os.environ.get("INGESTKIT_KILLS", "12"))
"""How often the command is stopped: a third killed inside a commit, the rest at random instants by one of SIGNALS.
More by hand: INGESTKIT_KILLS=50."""

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
STOPPED = {-number for number in SIGNALS} | {128 + signal.SIGTERM, 128 + signal.SIGINT}
"""How a stopped command ends: by the signal, also where Python has just begun, or by its own exit codes."""

KILLS_ON_A_SERVER = KILLS // 3

ARMED = """
import os, signal, sys
from importlib import import_module
calls = 0
def armed(module, name):
    real = getattr(module, name)
    def call(*arguments):
        global calls
        calls += 1
        if calls == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)
    setattr(module, name, call)
for place in sys.argv[2].split(","):
    module, _, name = place.rpartition(".")
    armed(import_module("ingestkit_core.stores." + module), name)
del sys.argv[1:3]
from ingestkit_cli.main import main
sys.exit(main())
"""
IN_SQLITE = "sqlite.documents.insert_chunks,sqlite.documents.create_table,sqlite.documents.delete_source"
IN_POSTGRES = "postgres.documents.insert_chunks,postgres.tables.put_tables,postgres.documents.written"


def _documents(corpora: Path, samples: Path, folder: Path, number: int) -> Path:
    folder.mkdir()
    real = sorted((corpora / "pdf" / "tagged" / "pdf").glob("*.pdf"))[:number]
    real += sorted((corpora / "excel" / "headers").rglob("*.xlsx"))[:number]
    bad = [samples / name for name in ("truncated.pdf", "encrypted.xlsx", "not-a-workbook.xlsx")]
    for file in [*real, *bad, samples / "roster.xlsx", samples / "report.pdf"]:
        (folder / file.name).symlink_to(file)
    return folder


def test_killed_at_random_instants_the_store_ends_the_same(corpora: Path, samples: Path, tmp_path: Path) -> None:
    documents = _documents(corpora, samples, tmp_path / "documents", 50)
    undisturbed = _export(str(tmp_path / "undisturbed.db"), documents)
    assert undisturbed.count('"kind":"source"') >= 100
    store = tmp_path / "killed.db"
    _kill(str(store), documents, KILLS, IN_SQLITE, lambda: store.unlink(missing_ok=True))
    assert _run(str(store), documents) == 1
    assert _export(str(store)) == undisturbed


def test_killed_while_it_writes_to_a_server_the_store_ends_the_same(
    corpora: Path, samples: Path, tmp_path: Path, postgres: PostgresServer
) -> None:
    documents = _documents(corpora, samples, tmp_path / "documents", 10)
    undisturbed = _export(str(tmp_path / "undisturbed.db"), documents)
    with postgres.database() as database:
        store = postgres.url(database)

        def empty() -> None:
            postgres.execute("DROP SCHEMA IF EXISTS ingestkit, ingestkit_tables, ingestkit_parts CASCADE", database)

        _kill(store, documents, KILLS_ON_A_SERVER, IN_POSTGRES, empty)
        assert _run(store, documents) == 1
        assert _export(store) == undisturbed


def _kill(store: str, documents: Path, kills: int, places: str, empty: Callable[[], object]) -> None:
    """Ingest and stop, again and again; a third of the kills are inside a commit. A run that ends begins anew."""
    chosen = random.Random(20)
    stopped = 0
    for number in range(kills * 4):
        if stopped == kills:
            break
        if number % 3 == 0:
            code = _run(store, documents, armed=(chosen.randint(1, 40), places))
        else:
            code = _run(store, documents, stop=(chosen.choice(SIGNALS), chosen.uniform(0.2, 2.5)))
        if code in STOPPED:
            stopped += 1
        else:
            empty()
    assert stopped == kills


def _run(
    store: str,
    documents: Path,
    *,
    armed: tuple[int, str] | None = None,
    stop: tuple[signal.Signals, float] | None = None,
) -> int:
    entry = ["-c", ARMED, str(armed[0]), armed[1]] if armed is not None else ["-m", "ingestkit_cli"]
    process = subprocess.Popen(
        [sys.executable, *entry, "ingest", str(documents), "--store", store, "--workers", "2", "--wait"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if stop is not None:
        number, seconds = stop
        time.sleep(seconds)
        os.killpg(process.pid, number)
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


def _export(store: str, documents: Path | None = None) -> str:
    if documents is not None:
        assert _run(store, documents) == 1
    with open_store(store) as opened:
        return "\n".join(opened.export())
