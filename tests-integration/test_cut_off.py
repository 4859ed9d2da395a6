"""Two workers on two networks of their own, one cut off in the middle of a batch: the other one finishes everything.

broker and store ── bridge ─┬─ cable ── worker with an address of its own
                            └─ cable ── another one
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ingestkit_core import Ingestor
from ingestkit_core.execution.distributed import DistributedExecutionBackend
from ingestkit_core.stores import open_store
from ingestkit_core.stores.jobs import Claim, JobRecord, JobRequest
from ingestkit_core.testing.ending import ending_with_us
from ingestkit_core.testing.postgres import PostgresServer, why_no_server
from ingestkit_core.testing.servers import RedisServer
from ingestkit_pdf.config import PDFProcessorConfig

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

FILES = 24


class Bridge:
    """A bridge with an address of this host; ``plug`` gives a namespace that reaches nothing else."""

    def __init__(self) -> None:
        self._name = f"ik{os.getpid() % 100000}"
        self._net = f"10.231.{os.getpid() % 250}"
        self.address = f"{self._net}.1"
        self.network = f"{self._net}.0/24"
        self._holders: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Bridge:
        _ip("link", "add", self._name, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", self._name)
        _ip("link", "set", self._name, "up")
        return self

    def plug(self) -> tuple[list[str], str]:
        """What to put before a command that runs in the new namespace, and this end of its cable."""
        number = len(self._holders) + 2
        holder = ending_with_us(subprocess.Popen(["unshare", "--net", "sleep", "infinity"]))
        self._holders.append(holder)
        ours = Path("/proc/self/ns/net").readlink()
        _until(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != ours)
        cable, far = f"{self._name}c{number}", f"{self._name}d{number}"
        _ip("link", "add", cable, "type", "veth", "peer", "name", far)
        _ip("link", "set", far, "netns", str(holder.pid))
        _ip("link", "set", cable, "master", self._name, "up")
        inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
        _ip("addr", "add", f"{self._net}.{number}/24", "dev", far, inside=inside)
        _ip("link", "set", far, "up", inside=inside)
        _ip("link", "set", "lo", "up", inside=inside)
        return inside, cable

    def __exit__(self, *_: object) -> None:
        for holder in self._holders:
            holder.kill()
            holder.wait()
        _ip("link", "del", self._name)


def _ip(*words: str, inside: list[str] | None = None) -> None:
    subprocess.run([*(inside or []), "ip", *words], check=True, capture_output=True, timeout=20)


def _until(there: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    if any(shutil.which(command) is None for command in ("ip", "nsenter", "unshare")):
        pytest.skip("needs ip, nsenter and unshare")
    made = Bridge()
    try:
        made.__enter__()
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"needs the right to make networks: {exc.stderr.decode().strip()}")
    with contextlib.ExitStack() as stack:
        stack.push(made)
        yield made


@pytest.fixture
def queue(bridge: Bridge, redis_server: RedisServer, tmp_path: Path) -> Iterator[str]:
    """A Redis at the bridge's address. ``redis_server`` says whether there is one to be had."""

    class OnBridge(RedisServer):
        address = bridge.address

    with OnBridge(tmp_path / "redis") as server:
        yield server.url


@pytest.fixture
def store(bridge: Bridge, tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL at the bridge's address."""
    if (missing := why_no_server()) is not None:
        pytest.skip(missing)
    server = PostgresServer(tmp_path / "postgres", address=bridge.address, network=bridge.network)
    server.start()
    try:
        with server.database() as database:
            yield server.url(database)
    finally:
        server.stop(hard=True)


def test_a_worker_that_is_cut_off_costs_nothing(
    bridge: Bridge, queue: str, store: str, corpora: Path, tmp_path: Path
) -> None:
    originals = sorted((corpora / "pdf" / "tagged" / "pdf").glob("*.pdf"), key=lambda path: path.stat().st_size)
    documents = [str(path) for path in originals[:FILES]]
    with Ingestor(tmp_path / "undisturbed.db", {"execution_max_workers": 2}) as ingestor:
        assert {result.status for result in ingestor.ingest(documents)} == {"committed"}
        undisturbed = list(ingestor.store.export())
    with contextlib.ExitStack() as stack:
        (lost, cable), (other, _) = (_serving(stack, bridge, queue, store, tmp_path) for _ in range(2))
        stored = stack.enter_context(open_store(store))
        backend = stack.enter_context(DistributedExecutionBackend(queue, store, format_name="pdf"))
        jobs = [backend.submit(path, PDFProcessorConfig()) for path in documents]

        def had_by_the_lost() -> list[JobRecord]:
            records = stored.jobs.find_all(jobs).values()
            return [record for record in records if record.state == "running" and f":{lost.pid}:" in str(record.worker)]

        def stopped_in_a_job() -> bool:
            lost.send_signal(signal.SIGSTOP)
            time.sleep(0.1)  # what it had sent arrives
            if had_by_the_lost():
                return True
            lost.send_signal(signal.SIGCONT)
            return False

        _until(lambda: len(stored.jobs.settled_among(jobs)) >= 4)
        _until(stopped_in_a_job)
        _ip("link", "set", cable, "down")
        cut = had_by_the_lost()
        lost.send_signal(signal.SIGCONT)
        results = [backend.get_result(job, 200) for job in jobs]
        assert {result.status for result in results} <= {"committed", "unchanged"}
        records = stored.jobs.find_all(jobs)
        assert [records[record.job_id].lost_hosts for record in cut] == [1] * len(cut)
        assert list(stored.export()) == undisturbed
        # What the lost one still holds comes too late when it is back.
        _ip("link", "set", cable, "up")
        time.sleep(3)
        assert list(stored.export()) == undisturbed
        assert [backend.get_result(job) for job in jobs] == results
        assert other.poll() is None
        if not cut:
            pytest.fail("it held nothing any more when it was cut off: the batch is too small")


HOLDING = """
import sys, time
from ingestkit_core.stores.postgres.connections import Server

with Server(sys.argv[1]).writing() as connection:
    connection.execute("SELECT * FROM ingest_jobs FOR UPDATE")
    connection.execute("UPDATE ingest_workers SET seen_ns = seen_ns")
    print("held", flush=True)
    time.sleep(300)
"""


@pytest.mark.timeout(120)
def test_what_was_locked_by_one_that_is_cut_off_is_free_again(bridge: Bridge, store: str, tmp_path: Path) -> None:
    """A host is cut off in the middle of a transaction, and nobody tells the server."""
    soon = f"{store}?keepalives_idle=1&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=3000"
    with contextlib.ExitStack() as stack:
        stored = stack.enter_context(open_store(soon))
        request = JobRequest(file_path="/a.pdf", config={}, parser_version="1")
        stored.jobs.submit_all([("a", request)])
        stored.jobs.keep_alive("lost")
        assert stored.jobs.begin("a", "lost", 15.0).claim is Claim.RUN
        inside, cable = bridge.plug()
        command = [*inside, sys.executable, "-c", HOLDING, soon]
        holding = ending_with_us(subprocess.Popen(command, stdout=subprocess.PIPE))
        stack.callback(holding.wait)
        stack.callback(holding.kill)
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"held\n"
        assert stored.jobs.take_lost(0.0) == []
        _ip("link", "set", cable, "down")
        found: list[str] = []
        _until(lambda: bool(found.extend(stored.jobs.take_lost(0.0)) or found), 30)
        assert found == ["a"]
        assert stored.jobs.begin("a", "other", 15.0).claim is Claim.RUN


def _serving(
    stack: contextlib.ExitStack, bridge: Bridge, queue: str, store: str, folder: Path
) -> tuple[subprocess.Popen[bytes], str]:
    """A worker in a namespace of its own that takes jobs, and this end of its cable."""
    inside, cable = bridge.plug()
    said = folder / f"{cable}.log"
    command = [sys.executable, "-m", "ingestkit_cli", "worker", "--queue", queue, "--store", store]
    with open(said, "wb") as log:
        worker = ending_with_us(subprocess.Popen([*inside, *command, "--concurrency", "1"], stdout=log, stderr=log))
    stack.callback(worker.wait)
    stack.callback(worker.kill)
    _until(lambda: b"serving " in said.read_bytes() or worker.poll() is not None)
    assert worker.poll() is None, said.read_text()
    return worker, cable
