from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ingestkit_core.testing.ending import ending_with_us
from ingestkit_core.testing.postgres import PostgresServer, shared_server, why_no_server
from ingestkit_core.testing.servers import RabbitServer, RedisServer, is_installed

if TYPE_CHECKING:
    from ingestkit_core.testing.qdrantserver import QdrantServer

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Serve = Callable[..., AbstractContextManager["subprocess.Popen[bytes]"]]


def required(part: str) -> bool:
    return part in os.environ.get("INGESTKIT_REQUIRE", "").split(",")


@pytest.fixture(scope="session")
def corpora() -> Path:
    folder = os.environ.get("INGESTKIT_CORPORA")
    if folder and Path(folder).is_dir():
        return Path(folder).resolve()
    reason = "set INGESTKIT_CORPORA to the folder with the real files"
    if required("corpora"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample documents, made once."""
    folder = tmp_path_factory.mktemp("samples") / "documents"
    script = Path(__file__).parents[1] / "examples" / "samples"
    subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def ingestkit(tmp_path: Path) -> Run:
    """Runs the command with a store of its own."""

    def run(*arguments: object, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ingestkit_cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            check=False,
            env={**os.environ, "INGESTKIT_STORE": str(tmp_path / "ingestkit.db"), **environment},
        )

    return run


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """A real server, one for all tests."""
    if (missing := why_no_server()) is not None:
        if required("postgres"):
            pytest.fail(missing)
        pytest.skip(missing)
    return shared_server()


@pytest.fixture(scope="session")
def qdrant_server() -> type[QdrantServer]:
    """What speaks Qdrant's protocol; each test starts its own."""
    if importlib.util.find_spec("qdrant_client") is None:
        reason = "needs pip install 'ingestkit-core[qdrant]'"
        if required("qdrant"):
            pytest.fail(reason)
        pytest.skip(reason)
    from ingestkit_core.testing.qdrantserver import QdrantServer

    return QdrantServer


def _need_queue(part: str, command: str) -> None:
    reason = "" if importlib.util.find_spec("celery") is not None else "pip install 'ingestkit-core[celery]'"
    if not is_installed(command):
        reason = f"apt-get install {command}"
    if reason and required(part):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    _need_queue("redis", "redis-server")
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def rabbit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    _need_queue("rabbitmq", "rabbitmq-server")
    with RabbitServer(tmp_path_factory.mktemp("rabbit")) as server:
        yield server


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Starts ``ingestkit worker`` on a queue and a store; it takes jobs, and is told to end at the end."""

    @contextlib.contextmanager
    def serving(queue: str, store: str, *more: str, name: str = "worker") -> Iterator[subprocess.Popen[bytes]]:
        said = tmp_path / f"{name}.log"
        command = [sys.executable, "-m", "ingestkit_cli", "worker", "--queue", queue, "--store", store, *more]
        with open(said, "wb") as log:
            worker = ending_with_us(subprocess.Popen(command, stderr=log, stdout=log))
        try:
            deadline = time.monotonic() + 180
            while b"serving " not in said.read_bytes():
                assert worker.poll() is None, said.read_text()
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.05)
            yield worker
            worker.terminate()
            assert worker.wait(60) == 0, said.read_text()
        finally:
            worker.kill()
            worker.wait()

    return serving
