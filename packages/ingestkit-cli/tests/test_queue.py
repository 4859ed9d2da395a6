"""A folder handed to the workers of a queue: what it comes to, and what a signal or a killed worker does to it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.stores import open_store
from ingestkit_core.testing import write_text
from ingestkit_core.testing.servers import RedisServer, is_installed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    reason = "" if is_installed("redis-server") else "apt-get install redis-server"
    try:
        import celery  # noqa: F401
    except ImportError:
        reason = "pip install 'ingestkit-core[celery]'"
    if reason and "redis" in os.environ.get("INGESTKIT_REQUIRE", "").split(","):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def queue(redis_server: RedisServer, request: pytest.FixtureRequest) -> str:
    """A queue that no other test uses."""
    used = request.session.stash.setdefault(_USED, [0])
    used[0] += 1
    return redis_server.url.removesuffix("/0") + f"/{used[0]}"


_USED = pytest.StashKey[list[int]]()


@pytest.fixture
def folder(here: Path) -> Path:
    made = here / "folder"
    made.mkdir()
    return made


def serve(start: Start, queue: str, *more: str) -> Any:
    """A worker that takes jobs."""
    worker = start("worker", "--queue", queue, "--concurrency", "2", *more)
    assert worker.stderr is not None
    line = worker.stderr.readline()
    assert line.startswith("serving "), line + worker.stderr.read()
    return worker


def finished(process: Any) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def jobs(here: Path) -> list[tuple[str, int, int]]:
    """(state, attempts, lost hosts) of each job in the store."""
    connection = sqlite3.connect(here / "ingestkit.db")
    try:
        return connection.execute("SELECT state, attempts, lost_hosts FROM ingest_jobs").fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


def until(there: Callable[[], bool], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def test_a_folder_over_a_queue_comes_to_what_it_comes_to_here(
    start: Start, here: Path, folder: Path, queue: str
) -> None:
    for number in range(12):
        write_text(folder / f"good{number}.txt", f"# T{number}", "Some words.", "", "a|b", f"{number}|x")
    write_text(folder / "crash.txt", "!fault segfault")
    (folder / "broken.txt").write_text("nothing", encoding="utf-8")
    local = finished(start("ingest", "folder", "--store", "local.db"))
    worker = serve(start, queue)
    another = finished(start("worker", "--queue", queue))
    assert another[0] == 3
    assert "E_STORE_LOCKED" in another[2]
    over_queue = finished(start("ingest", "folder", "--queue", queue))
    assert over_queue[0] == local[0] == 1
    assert over_queue[1].startswith("12 committed, 0 unchanged, 2 quarantined")
    assert local[1].startswith("12 committed, 0 unchanged, 2 quarantined")
    assert sorted(line.split()[:2] for line in over_queue[2].splitlines() if "folder/" in line) == sorted(
        line.split()[:2] for line in local[2].splitlines() if "folder/" in line
    )
    again = finished(start("ingest", "folder", "--queue", queue, "--checksum"))
    assert again[1].startswith("0 committed, 12 unchanged, 2 quarantined")
    worker.send_signal(signal.SIGTERM)
    code, _, said = finished(worker)
    assert code == 0
    assert "finishing what is under way" in said
    with open_store("local.db") as one, open_store("ingestkit.db") as other:
        assert list(one.export()) == list(other.export())
    assert jobs(here) == [], "results that were taken are let go of"


def test_a_folder_behind_a_url_is_fetched_by_the_workers(start: Start, here: Path, folder: Path, queue: str) -> None:
    pytest.importorskip("fsspec", reason="pip install 'ingestkit-core[fsspec]'")
    for number in range(3):
        write_text(folder / f"good{number}.txt", f"# T{number}", "Some words.")
        os.utime(folder / f"good{number}.txt", (1_700_000_000, 1_700_000_000))
    (folder / "broken.txt").write_text("nothing", encoding="utf-8")
    local = finished(start("ingest", folder.as_uri(), "--store", "local.db"))
    serve(start, queue)
    over_queue = finished(start("ingest", folder.as_uri(), "--queue", queue))
    assert (over_queue[0], local[0]) == (1, 1), over_queue[2]
    assert over_queue[1].startswith("3 committed, 0 unchanged, 1 quarantined")
    again = finished(start("ingest", folder.as_uri(), "--queue", queue))
    assert again[1].startswith("0 committed, 3 unchanged, 1 quarantined")
    secret = finished(start("ingest", "ftp://ada:secret@127.0.0.1:1/folder", "--queue", queue))
    assert secret[0] in (2, 3)
    assert "secret" not in secret[2]
    with open_store("local.db") as one, open_store("ingestkit.db") as other:
        assert list(one.export()) == list(other.export())


def test_a_killed_worker_costs_nothing(start: Start, here: Path, folder: Path, queue: str) -> None:
    for number in range(10):
        write_text(folder / f"good{number}.txt", f"# T{number}", "Some words.")
    write_text(folder / "a-slow-one.txt", "# Slow", "!fault nap", *["!fault nap"] * 8)
    first = serve(start, queue)
    running = start("ingest", "folder", "--queue", queue)
    until(lambda: any(state == "running" for state, _, _ in jobs(here)))
    first.kill()
    serve(start, queue, "--wait")
    code, out, _ = finished(running)
    assert code == 0
    assert out.startswith("11 committed, 0 unchanged, 0 quarantined")
    with open_store("ingestkit.db") as store:
        assert store.status().sources == 11


def test_a_second_signal_gives_back_what_is_under_way(start: Start, here: Path, folder: Path, queue: str) -> None:
    write_text(folder / "endless.txt", "!fault sleep")
    worker = serve(start, queue)
    submitter = start("ingest", "folder", "--queue", queue)
    until(lambda: ("running", 1, 0) in jobs(here))
    worker.send_signal(signal.SIGTERM)
    assert worker.stderr.readline().startswith("finishing what is under way")
    time.sleep(0.5)
    worker.send_signal(signal.SIGTERM)
    code, _, said = finished(worker)
    assert code == 143
    assert "goes back to the queue" in said
    assert "Traceback" not in said
    assert jobs(here) == [("submitted", 0, 0)]
    submitter.send_signal(signal.SIGINT)
    code, out, _ = finished(submitter)
    assert code == 130
    assert out.startswith("0 committed, 0 unchanged, 0 quarantined, 1 cancelled")
    assert jobs(here) == []


def test_ctrl_c_withdraws_what_no_worker_began(start: Start, here: Path, folder: Path, queue: str) -> None:
    for number in range(5):
        write_text(folder / f"good{number}.txt", "Some words.")
    running = start("ingest", "folder", "--queue", queue)
    until(lambda: len(jobs(here)) == 5)
    running.send_signal(signal.SIGINT)
    code, out, err = finished(running)
    assert (code, jobs(here)) == (130, [])
    assert out.startswith("0 committed, 0 unchanged, 0 quarantined, 5 cancelled")
    assert "Traceback" not in err


def test_a_broker_that_is_down_is_one_line(start: Start, folder: Path, redis_server: RedisServer) -> None:
    write_text(folder / "good.txt", "Some words.")
    url = "redis://:secret@127.0.0.1:1/0"
    for command in (("ingest", "folder"), ("worker",)):
        code, _, err = finished(start(*command, "--queue", url))
        assert code == 3
        assert "does not answer" in err
        assert "Traceback" not in err
        assert "secret" not in err


def test_a_worker_of_other_readers_refuses_by_name(start: Start, here: Path, folder: Path, queue: str) -> None:
    write_text(folder / "good.txt", "Some words.")
    (here / "other.yaml").write_text("parser_version: text:2.0.0\n", encoding="utf-8")
    serve(start, queue, "--config", "other.yaml")
    code, out, err = finished(start("ingest", "folder", "--queue", queue))
    assert code == 3
    assert "1 deferred" in out
    assert "parser version text:1.0.0, this worker has text:2.0.0" in err
