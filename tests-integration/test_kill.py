"""Stopped anywhere, by whatever signal, the next run completes and the store is that of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ingestkit_core.stores import open_store
from ingestkit_core.testing import ModelServer
from ingestkit_core.testing.postgres import PostgresServer

if TYPE_CHECKING:
    from ingestkit_core.testing.qdrantserver import QdrantServer

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
calls, last = 0, int(sys.argv[1])
def armed(module, name):
    real = getattr(module, name)
    def call(*arguments):
        global calls
        calls += 1
        if calls == last:
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
IN_SQLITE = "sqlite.documents.insert_chunks,sqlite.documents.take_out,sqlite.store.put_tables,sqlite.store.written"
IN_POSTGRES = "postgres.documents.insert_chunks,postgres.tables.put_tables,postgres.store.written"
IN_A_PAIR = (
    "paired.generations.note,qdrant._point,paired.generations.take,sqlite.documents.insert_chunks,"
    "paired.generations.unused,paired.generations.forget_left_over"
)
"""Noted and not written, half written, inside the journal's transaction, committed and not swept, half swept."""


PDF, EXCEL = "pdf/tagged/pdf/*.pdf", "excel/headers/**/*.xlsx"


@dataclass(frozen=True)
class Batch:
    """A folder of documents, and how it is ingested. A few of them turn into others under their names."""

    corpora: Path
    folder: Path
    kinds: tuple[str, ...]
    options: tuple[str, ...] = ("--workers", "2", "--wait")

    def turn(self, number: int) -> None:
        """So there are versions to be replaced, and versions given up. Number 0 is how it began."""
        for kind in self.kinds:
            name = self.folder / f"turning{Path(kind).suffix}"
            name.unlink(missing_ok=True)
            name.symlink_to(sorted(self.corpora.glob(kind))[-1 - number % 3])

    def command(self, store: str) -> list[str]:
        """What follows the command's name."""
        return ["ingest", str(self.folder), "--store", store, *self.options]


def _batch(
    corpora: Path, samples: Path, folder: Path, number: int, *kinds: str, options: tuple[str, ...] = ()
) -> Batch:
    folder.mkdir()
    real = [file for kind in kinds for file in sorted(corpora.glob(kind))[:number]]
    suffixes = {Path(kind).suffix for kind in kinds}
    names = ("truncated.pdf", "encrypted.xlsx", "not-a-workbook.xlsx", "roster.xlsx", "report.pdf")
    for file in [*real, *(samples / name for name in names if Path(name).suffix in suffixes)]:
        (folder / file.name).symlink_to(file)
    batch = Batch(corpora, folder, kinds)
    batch = replace(batch, options=(*batch.options, *options))
    batch.turn(0)
    return batch


def test_killed_at_random_instants_the_store_ends_the_same(corpora: Path, samples: Path, tmp_path: Path) -> None:
    batch = _batch(corpora, samples, tmp_path / "documents", 50, PDF, EXCEL)
    undisturbed = _export(str(tmp_path / "undisturbed.db"), batch)
    assert undisturbed.count('"kind":"source"') >= 100
    store = tmp_path / "killed.db"
    _kill(str(store), batch, KILLS, IN_SQLITE, lambda: store.unlink(missing_ok=True))
    assert _run(str(store), batch) == 1
    assert _export(str(store)) == undisturbed


def test_killed_while_it_writes_to_a_server_the_store_ends_the_same(
    corpora: Path, samples: Path, tmp_path: Path, postgres: PostgresServer
) -> None:
    batch = _batch(corpora, samples, tmp_path / "documents", 10, PDF, EXCEL)
    undisturbed = _export(str(tmp_path / "undisturbed.db"), batch)
    with postgres.database() as database:
        store = postgres.url(database)

        def empty() -> None:
            postgres.execute("DROP SCHEMA IF EXISTS ingestkit, ingestkit_tables, ingestkit_parts CASCADE", database)

        _kill(store, batch, KILLS_ON_A_SERVER, IN_POSTGRES, empty)
        assert _run(store, batch) == 1
        assert _export(store) == undisturbed


def test_killed_while_it_writes_to_a_pair_both_end_the_same(
    corpora: Path,
    samples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qdrant_server: type[QdrantServer],
) -> None:
    # Threads, and no PDF: a third of the time, and the store is written by the same process.
    batch = _batch(corpora, samples, tmp_path / "documents", 10, EXCEL, options=("--strategy", "thread"))
    with qdrant_server() as qdrant, qdrant_server() as other, ModelServer() as models:
        monkeypatch.setenv("INGESTKIT_EMBEDDER", models.openai_url)
        monkeypatch.setenv("INGESTKIT_EMBEDDING_MODEL", "hashing")
        undisturbed = _export(_pair(other, tmp_path / "undisturbed.db"), batch)
        journal = tmp_path / "killed.db"
        store = _pair(qdrant, journal)

        def empty() -> None:
            journal.unlink(missing_ok=True)
            qdrant.drop("c")

        _kill(store, batch, KILLS_ON_A_SERVER, IN_A_PAIR, empty)
        assert _run(store, batch) == 1
        assert _export(store) == undisturbed
        points = other.points("c")
        assert len(points) > 20
        assert all(vectors for _, vectors in points.values())
        assert qdrant.points("c") == points


def _pair(qdrant: QdrantServer, journal: Path) -> str:
    return f"qdrant+{qdrant.url}?journal={journal}&collection=c"


def _kill(store: str, batch: Batch, kills: int, places: str, empty: Callable[[], object]) -> None:
    """Ingest and stop, again and again; a third of the kills are inside a commit. A run that ends begins anew."""
    chosen = random.Random(20)
    stopped = 0
    for number in range(kills * 3):
        if stopped == kills:
            break
        batch.turn(number)
        if stopped % 3 == 0:
            code = _run(store, batch, armed=(chosen.randint(1, 40), places))
        else:
            code = _run(store, batch, stop=(chosen.choice(SIGNALS), chosen.uniform(0.2, 2.5)))
        if code in STOPPED:
            stopped += 1
        else:
            assert code == 1, "it neither was stopped nor ended as an undisturbed run does"
            empty()
    assert stopped == kills
    batch.turn(0)


def _run(
    store: str,
    batch: Batch,
    *,
    armed: tuple[int, str] | None = None,
    stop: tuple[signal.Signals, float] | None = None,
) -> int:
    entry = ["-c", ARMED, str(armed[0]), armed[1]] if armed is not None else ["-m", "ingestkit_cli"]
    process = subprocess.Popen(
        [sys.executable, *entry, *batch.command(store)],
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


def _wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "something outlived its owner"
        time.sleep(0.02)


def _export(store: str, batch: Batch | None = None) -> str:
    if batch is not None:
        assert _run(store, batch) == 1
    with open_store(store) as opened:
        return "\n".join(opened.export())
