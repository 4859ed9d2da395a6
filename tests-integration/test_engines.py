"""The same real documents on three engines: here, over Redis, over RabbitMQ. The exported stores are the same bytes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import chain, zip_longest
from pathlib import Path

import pytest
from ingestkit_core.testing.postgres import PostgresServer
from ingestkit_core.testing.servers import RabbitServer, RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

FILES = int(os.environ.get("INGESTKIT_ENGINE_FILES", "60"))
"""How many real files each engine reads. More by hand: INGESTKIT_ENGINE_FILES=300."""

FOLDERS = ("pdf/tagged", "pdf/tables", "pdf/wild", "excel/headers", "excel/real", "excel/regions", "excel/hostile")

Serve = Callable[..., AbstractContextManager["subprocess.Popen[bytes]"]]


@pytest.fixture(scope="module")
def documents(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of links to real files, the smallest of each kind, as many of one kind as of another."""
    folder = tmp_path_factory.mktemp("engines") / "documents"
    folder.mkdir()
    kinds = [sorted(_documents_in(corpora / name), key=lambda path: (path.stat().st_size, path)) for name in FOLDERS]
    mixed = [path for path in chain.from_iterable(zip_longest(*kinds)) if path is not None]
    for number, path in enumerate(mixed[:FILES]):
        (folder / f"{number:03d} {path.name}").symlink_to(path)
    return folder


def _documents_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in (".pdf", ".xlsx", ".xlsm"))


@pytest.fixture(scope="module")
def undisturbed(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What one process makes of them in the embedded store."""
    store = str(tmp_path_factory.mktemp("local") / "store.db")
    _command("ingest", documents, "--store", store, "--workers", "2")
    export = _command("export", "--store", store).splitlines()
    assert sum(b'"kind":"source"' in line for line in export) > FILES / 2
    return export


@pytest.mark.parametrize(("broker", "workers"), [("redis_server", 1), ("rabbit_server", 2)])
def test_whatever_the_engine_the_export_is_the_same(
    documents: Path,
    undisturbed: list[bytes],
    postgres: PostgresServer,
    serve: Serve,
    broker: str,
    workers: int,
    request: pytest.FixtureRequest,
) -> None:
    server: RedisServer | RabbitServer = request.getfixturevalue(broker)
    with postgres.database() as database:
        store = postgres.url(database)
        with contextlib.ExitStack() as stack:
            for number in range(workers):
                each = ("--concurrency", str(2 // workers))
                stack.enter_context(serve(server.url, store, *each, name=f"worker{number}"))
            _command("ingest", documents, "--store", store, "--queue", server.url)
        export = _command("export", "--store", store).splitlines()
    different = [pair for pair in zip(export, undisturbed, strict=False) if pair[0] != pair[1]]
    assert not different, f"{len(different)} lines; first {different[0]}"
    assert len(export) == len(undisturbed)


def _command(*arguments: object) -> bytes:
    """What a command writes. Some of the documents are bad, so that an ingest may say 1."""
    command = [sys.executable, "-m", "ingestkit_cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=1200, check=False)
    assert done.returncode in (0, 1), done.stderr.decode()[-2000:]
    return done.stdout
