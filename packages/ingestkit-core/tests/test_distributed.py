"""Documents over Redis and over RabbitMQ: the contract, and what happens when a part of it dies."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode, ExecutionError
from ingestkit_core.execution.distributed import DistributedExecutionBackend
from ingestkit_core.stores.redis_calls import connect
from ingestkit_core.testing.execution import KillingContract, Make
from ingestkit_core.testing.servers import RabbitServer, RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def _maker(queue_url: str, store_url: str | None) -> Iterator[Make]:
    """Backends whose jobs name the reader that the session's worker is to run."""
    made: list[DistributedExecutionBackend] = []

    def make(process_fn: Any, finish: Any = None) -> DistributedExecutionBackend:
        names = [f"{function.__module__}:{function.__qualname__}" for function in (process_fn, finish) if function]
        made.append(DistributedExecutionBackend(queue_url, store_url, format_name=" ".join(names)))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


class _OverAQueue(KillingContract):
    def test_a_reader_that_cannot_travel_is_refused_before_anything_starts(self, make: Make) -> None:
        """Nothing but names travels: there is nothing to refuse."""


class TestOnRedis(_OverAQueue):
    @pytest.fixture
    def make(self, redis_worker: str) -> Iterator[Make]:
        yield from _maker(redis_worker, None)


class TestOnRabbit(_OverAQueue):
    @pytest.fixture
    def make(self, rabbit_worker: tuple[str, str]) -> Iterator[Make]:
        yield from _maker(*rabbit_worker)


@pytest.fixture(scope="module")
def redis_worker(redis_server: RedisServer, workers: Any) -> str:
    """A queue that is served, with its records on Redis."""
    connect(redis_server.url).flushall()
    workers.start(redis_server.url, lost_after="15")
    return redis_server.url


@pytest.fixture(scope="module")
def rabbit_worker(
    rabbit_server: RabbitServer, workers: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """A queue that is served, and the store with its records."""
    url = f"sqlite:///{tmp_path_factory.mktemp('rabbit') / 'store.db'}"
    workers.start(rabbit_server.url, url, lost_after="15")
    return rabbit_server.url, url


def test_results_are_fetched_by_whoever_knows_the_id(redis_worker: str) -> None:
    script = """
        import os, sys
        from ingestkit_core import DistributedExecutionBackend, ProcessorConfig
        backend = DistributedExecutionBackend(sys.argv[1], format_name="ingestkit_core.testing.execution:read_slowly")
        print(*[backend.submit(f"good{number}", ProcessorConfig()) for number in range(4)], flush=True)
        os.kill(os.getpid(), 9)
    """
    submitted = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), redis_worker], capture_output=True, text=True, timeout=60
    )
    assert submitted.returncode == -signal.SIGKILL
    jobs = submitted.stdout.split()
    with DistributedExecutionBackend(redis_worker) as backend:
        assert [Path(backend.get_result(job, 30).file_path).name for job in jobs] == [f"good{n}" for n in range(4)]


def code_of(error: pytest.ExceptionInfo[ExecutionError]) -> ErrorCode:
    return error.value.code


def test_a_broker_that_is_down_is_said_at_submission_and_leaves_no_record(tmp_path: Path) -> None:
    pytest.importorskip("celery")
    path = tmp_path / "store.db"
    for url in ("redis://127.0.0.1:1/0", "amqp://guest:secret@127.0.0.1:1//"):
        with DistributedExecutionBackend(url, str(path)) as backend, pytest.raises(ExecutionError) as down:
            backend.submit("a", ProcessorConfig())
        assert code_of(down) is ErrorCode.E_EXECUTION_SUBMIT
        assert down.value.recoverable
        assert "secret" not in down.value.message
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT count(*) FROM ingest_jobs").fetchone() == (0,)
    raw.close()


@pytest.mark.parametrize(
    ("url", "said"), [("amqp://localhost//", "store_url"), ("kafka://localhost", "kafka"), ("localhost", "redis://")]
)
def test_queues_that_cannot_be_are_refused_at_construction(url: str, said: str) -> None:
    pytest.importorskip("celery")
    with pytest.raises(ExecutionError, match=said):
        DistributedExecutionBackend(url)


def test_a_record_that_went_away_is_a_lost_result(redis_server: RedisServer) -> None:
    url = redis_server.url.removesuffix("/0") + "/6"
    with DistributedExecutionBackend(url) as backend:
        job = backend.submit("a", ProcessorConfig())
        threading.Timer(0.3, connect(url).flushdb).start()
        with pytest.raises(ExecutionError) as lost:
            backend.get_result(job, 30)
    assert code_of(lost) is ErrorCode.E_EXECUTION_RESULT_LOST


def test_without_celery_it_says_what_to_type() -> None:
    script = """
        import sys
        sys.modules["celery"] = None
        from ingestkit_core import DistributedExecutionBackend
        DistributedExecutionBackend("redis://localhost")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "pip install 'ingestkit-core[celery]'" in done.stderr
