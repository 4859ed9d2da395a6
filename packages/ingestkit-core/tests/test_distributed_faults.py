"""What happens to documents on a queue when a worker, the broker or the submitter dies, or messages are lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.execution.distributed import DistributedExecutionBackend
from ingestkit_core.execution.distributed.broker import Broker
from ingestkit_core.execution.distributed.keeping import Keeper, Pulse
from ingestkit_core.stores import SqliteStore
from ingestkit_core.stores.jobs import MAX_LOST_HOSTS, Claim, JobRequest
from ingestkit_core.stores.redis_calls import connect
from ingestkit_core.stores.redis_jobs import RedisJobs
from ingestkit_core.testing.servers import RabbitServer, RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Server = RedisServer | RabbitServer


@pytest.fixture(params=["redis_server", "rabbit_server"])
def server(request: pytest.FixtureRequest) -> Server:
    """A broker that may be killed, with nothing in it and nobody on it."""
    server: Server = request.getfixturevalue(request.param)
    if isinstance(server, RedisServer):
        connect(server.url).flushall()
    return server


def on_database(server: RedisServer, number: int) -> str:
    """A queue that no other test uses."""
    return server.url.removesuffix("/0") + f"/{number}"


def backend_for(server: Server, store: Path, reader: str = "read_slowly") -> DistributedExecutionBackend:
    return DistributedExecutionBackend(
        server.url, f"sqlite:///{store}", format_name=f"ingestkit_core.testing.execution:{reader}"
    )


def until(there: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def test_whoever_dies_nothing_is_lost_and_nothing_happens_twice(server: Server, tmp_path: Path, workers: Any) -> None:
    """In one batch: a worker is killed in the middle of a job, then the broker, then the submitter goes."""
    path = tmp_path / "store.db"
    first, second = (workers.start(server.url, str(path)) for _ in range(2))
    with backend_for(server, path) as backend, SqliteStore(path) as store:
        jobs = [backend.submit(f"good{number}", ProcessorConfig()) for number in range(40)]
        until(lambda: _stopped_in_a_job(first, store, jobs))
        first.send_signal(signal.SIGKILL)
        until(lambda: len(store.jobs.settled_among(jobs)) >= 10)
        server.kill()
        time.sleep(0.5)
        server.start()
    with backend_for(server, path) as another, SqliteStore(path) as store:
        results = [another.get_result(job, 60) for job in jobs]
        assert [Path(result.file_path).name for result in results] == [f"good{number}" for number in range(40)]
        assert {result.status for result in results} == {"committed"}
        records = [store.jobs.find(job) for job in jobs]
        assert sum(record.lost_hosts for record in records if record) >= 1
        assert max(record.attempts for record in records if record) <= 3
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0


def _stopped_in_a_job(worker: Any, store: SqliteStore, jobs: list[str]) -> bool:
    """Stop a worker; it goes on if it was between two jobs just then."""
    worker.send_signal(signal.SIGSTOP)
    time.sleep(0.05)  # what it was about to write is written
    if _had_by(store, jobs, worker.pid):
        return True
    worker.send_signal(signal.SIGCONT)
    return False


def _had_by(store: SqliteStore, jobs: list[str], pid: int) -> list[str]:
    records = [record for job in jobs if (record := store.jobs.find(job))]
    return [r.job_id for r in records if r.state == "running" and r.worker and f":{pid}:" in r.worker]


def test_a_job_under_which_five_hosts_were_lost_is_given_up(redis_server: RedisServer, workers: Any) -> None:
    url = on_database(redis_server, 2)
    workers.start(url)
    journal = RedisJobs(url)
    with DistributedExecutionBackend(url, format_name="nothing:there") as backend:
        journal.submit("cursed", JobRequest("/a.pdf", {}, "pdf:1"))
        for number in range(MAX_LOST_HOSTS):
            assert journal.begin("cursed", f"lost{number}", 0).claim is Claim.RUN
        journal.keep_alive(f"lost{number}")
        assert journal.take_lost(0.0) == ["cursed"]
        backend._broker.send(["cursed"], None)
        result = backend.get_result("cursed", 30)
    assert (result.status, result.errors) == ("quarantined", ("E_EXECUTION_CRASHED",))
    assert "5 hosts were lost" in result.error_details[0].message
    journal.close()


def test_what_the_broker_lost_is_sent_again_from_the_journal(
    redis_server: RedisServer, tmp_path: Path, workers: Any
) -> None:
    url = on_database(redis_server, 3)
    path = tmp_path / "store.db"
    with DistributedExecutionBackend(url, str(path), format_name="ingestkit_core.testing.execution:read_result") as on:
        jobs = [on.submit(f"good{number}", ProcessorConfig()) for number in range(10)]
        connect(url).flushdb()
        workers.start(url, str(path), lost_after="0.5")
        assert {on.get_result(job, 60).status for job in jobs} == {"committed"}


def test_a_worker_of_another_store_refuses_and_says_so(redis_server: RedisServer, tmp_path: Path, workers: Any) -> None:
    url = on_database(redis_server, 4)
    workers.start(url, str(tmp_path / "other.db"))
    with DistributedExecutionBackend(url, str(tmp_path / "store.db")) as backend:
        result = backend.get_result(backend.submit("a", ProcessorConfig()), 60)
    assert (result.status, result.errors) == ("deferred", ("E_EXECUTION_SUBMIT",))
    message = result.error_details[0].message
    assert "other.db" in message
    assert "start one for that store" in message


def test_an_ending_worker_finishes_what_it_has_and_leaves_the_rest(
    redis_server: RedisServer, tmp_path: Path, workers: Any
) -> None:
    url = on_database(redis_server, 5)
    worker = workers.start(url)
    journal = RedisJobs(url)
    with DistributedExecutionBackend(url, format_name="ingestkit_core.testing.execution:read_slowly") as backend:
        jobs = [backend.submit(f"good{number}", ProcessorConfig()) for number in range(30)]
        until(lambda: len(journal.settled_among(jobs)) >= 4)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
        records = [record for job in jobs if (record := journal.find(job))]
        assert {record.state for record in records} == {"done", "submitted"}
        assert {(record.attempts, record.lost_hosts) for record in records if record.state == "submitted"} == {(0, 0)}
        workers.start(url)
        assert {backend.get_result(job, 60).status for job in jobs} == {"committed"}
        records = [record for job in jobs if (record := journal.find(job))]
        assert {record.attempts for record in records} == {1}
    journal.close()


def test_the_only_worker_of_a_store_does_not_wait_for_the_one_before(
    redis_server: RedisServer, store: SqliteStore
) -> None:
    broker = Broker(on_database(redis_server, 7))
    store.jobs.submit("left", JobRequest("/a.pdf", {}, "pdf:1", store_url=store.url))
    store.jobs.keep_alive("before")
    assert store.jobs.begin("left", "before", 15).claim is Claim.RUN
    for only_one, state in ((False, ("running", 0)), (True, ("submitted", 1))):
        keeper = Keeper("now", broker, {store.url: store.jobs}, Pulse())
        keeper.start(only_one=only_one)
        record = store.jobs.find("left")
        assert record is not None
        assert ((record.state, record.lost_hosts), broker.waiting()) == (state, state[1])
        keeper.stop()
    broker.close()


def test_what_a_lost_worker_had_taken_and_not_begun_is_sent_again_with_what_it_had_begun(
    redis_server: RedisServer, store: SqliteStore
) -> None:
    broker = Broker(on_database(redis_server, 8))
    for job in ("begun", "taken"):
        store.jobs.submit(job, JobRequest("/a.pdf", {}, "pdf:1", store_url=store.url))
    store.jobs.keep_alive("before")
    assert store.jobs.begin("begun", "before", 15).claim is Claim.RUN
    keeper = Keeper("now", broker, {store.url: store.jobs}, Pulse(beat_seconds=0.2, lost_after_seconds=1.0))
    keeper.start()
    until(lambda: broker.waiting() == 2)
    records = store.jobs.find_all(["begun", "taken"]).values()
    assert sorted((record.state, record.lost_hosts) for record in records) == [("submitted", 0), ("submitted", 1)]
    keeper.stop()
    broker.close()
