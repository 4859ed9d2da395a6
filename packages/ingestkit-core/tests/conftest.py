from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import TextConfig, TextRouter
from ingestkit_core.testing.ending import ending_with_us
from ingestkit_core.testing.postgres import PostgresServer, shared_server, why_no_server
from ingestkit_core.testing.servers import RabbitServer, RedisServer, is_installed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 700 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "documents"
    made.mkdir()
    return made


@pytest.fixture
def router(store: SqliteStore) -> Iterator[TextRouter]:
    """A router on threads: everything but the faults, without the price of processes."""
    config = TextConfig(execution_strategy="thread", execution_max_workers=2)
    with TextRouter(store, store, config=config) as opened:
        yield opened


def _need(part: str, command: str) -> None:
    """Skip without a part; fail where it is required."""
    reason = ""
    try:
        import celery  # noqa: F401
        import redis  # noqa: F401
    except ImportError:
        reason = "pip install 'ingestkit-core[celery]'"
    if not is_installed(command):
        reason = f"apt-get install {command}"
    if reason and part in os.environ.get("INGESTKIT_REQUIRE", "").split(","):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    _need("redis", "redis-server")
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def rabbit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    _need("rabbitmq", "rabbitmq-server")
    with RabbitServer(tmp_path_factory.mktemp("rabbit")) as server:
        yield server


class QueueWorkers:
    """Worker processes of tests, see queue_worker.py."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[str]] = []

    def start(self, queue_url: str, store_url: str = "-", lost_after: str = "2") -> subprocess.Popen[str]:
        """One more, once it takes jobs."""
        script = Path(__file__).with_name("queue_worker.py")
        command = [sys.executable, str(script), queue_url, store_url, "0.3", lost_after]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        worker = ending_with_us(subprocess.Popen(command, stdout=pipe, stderr=nothing, text=True))
        self.running.append(worker)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        return worker

    def close(self) -> None:
        """Kill those that still run."""
        for worker in self.running:
            worker.kill()
            worker.wait()


@pytest.fixture(scope="module")
def workers() -> Iterator[QueueWorkers]:
    """Workers that end with the module."""
    started = QueueWorkers()
    yield started
    started.close()


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """A real server, one for all tests."""
    if (missing := why_no_server()) is not None:
        if "postgres" in os.environ.get("INGESTKIT_REQUIRE", "").split(","):
            pytest.fail(missing)
        pytest.skip(missing)
    return shared_server()
