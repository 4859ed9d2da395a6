from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import TextConfig, TextRouter
from ingestkit_core.testing.servers import RabbitServer, RedisServer, is_installed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


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
