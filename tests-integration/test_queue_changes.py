"""What changes a store, over a queue: ``sync`` and ``retry`` on a shared store, and why not on the embedded one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from ingestkit_core.testing.postgres import PostgresServer
from ingestkit_core.testing.servers import RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Serve = Callable[..., AbstractContextManager["subprocess.Popen[bytes]"]]


def test_sync_and_retry_over_a_queue(
    samples: Path, tmp_path: Path, postgres: PostgresServer, redis_server: RedisServer, serve: Serve, ingestkit: Run
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("roster.xlsx", "not-a-workbook.xlsx", "truncated.pdf"):
        shutil.copy(samples / name, folder)
    shutil.copy(samples / "roster.xlsx", folder / "another.xlsx")
    queue = redis_server.url.removesuffix("/0") + "/2"
    with postgres.database() as database:
        store = postgres.url(database)
        where = ("--store", store, "--queue", queue)
        with serve(queue, store, "--concurrency", "1"):
            first = ingestkit("sync", folder, *where)
            assert first.stdout.startswith("2 committed, 0 unchanged, 2 quarantined"), first.stderr
            (folder / "another.xlsx").unlink()
            second = ingestkit("sync", folder, *where)
            assert second.stdout.startswith("0 committed, 1 unchanged, 2 quarantined"), second.stderr
            assert "1 removed, 0 withheld" in second.stdout
            shutil.copy(samples / "roster.xlsx", folder / "not-a-workbook.xlsx")
            again = ingestkit("retry", *where)
            assert again.stdout.startswith("1 committed, 0 unchanged, 1 quarantined"), again.stderr
        assert "truncated.pdf" in ingestkit("list", "--store", store).stdout


@pytest.mark.parametrize("command", [("sync", "."), ("retry",)])
def test_the_embedded_store_belongs_to_the_worker(
    samples: Path, ingestkit: Run, command: tuple[str, ...], redis_server: RedisServer, tmp_path: Path
) -> None:
    shutil.copy(samples / "not-a-workbook.xlsx", tmp_path)
    assert ingestkit("ingest", "not-a-workbook.xlsx").returncode == 1
    refused = ingestkit(*command, "--queue", redis_server.url)
    assert refused.returncode == 2
    assert f"{command[0]} changes the store itself, and this one belongs to the queue's worker" in refused.stderr
