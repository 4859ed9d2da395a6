"""What a document's way over a queue on Redis costs, and how many pass in a second.

Jobs that do nothing, records and messages on one Redis that writes its append-only file. CPU is counted in each
process, so that the figures hold on a machine that others use as well; documents per second do not.
"""

# mypy: disable-error-code="import-untyped"
# psutil's types are a package of their own.

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.execution.distributed import DistributedExecutionBackend
from ingestkit_core.testing.servers import RedisServer, is_installed

from benchmarks.fresh import NotMeasuredError, call
from benchmarks.options import Options
from benchmarks.report import Column, Figures

__all__ = ["queue_figures"]

JOBS = 2000
IN_FLIGHT = 500


@dataclass(frozen=True, slots=True)
class Way:
    """Per document: CPU milliseconds of who submits, of the workers and of Redis, and wall seconds."""

    submitter_ms: float
    workers_ms: float
    redis_ms: float
    wall_seconds: float


def queue_figures(options: Options) -> Iterator[Figures]:
    figures = Figures(
        f"Execution: {JOBS:,} jobs that do nothing over one Redis, submitted, run and fetched",
        [
            Column("submitter's CPU ms a job"),
            Column("workers' CPU ms a job"),
            Column("Redis' CPU ms a job"),
            Column("jobs per wall s", ".0f"),
            Column("jobs per s, each part on a core of its own", ".0f"),
        ],
    )
    for workers in (1, 2):
        way = call(_way, workers)
        slowest = max(way.submitter_ms, way.workers_ms / workers, way.redis_ms)
        figures.add(
            f"{workers} worker process{'es' if workers > 1 else ''}",
            way.submitter_ms,
            way.workers_ms,
            way.redis_ms,
            1 / way.wall_seconds,
            1000 / slowest,
        )
    figures.notes.append("goal: >= 500 jobs per second on one Redis")
    yield figures


def _way(worker_count: int) -> Way:
    if not is_installed("redis-server"):
        raise NotMeasuredError("apt-get install redis-server")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        RedisServer(Path(folder)) as server,
        _workers(server.url, worker_count) as workers,
        DistributedExecutionBackend(server.url) as backend,
    ):
        assert server.pid is not None
        _pass(backend, JOBS // 10)
        redis = psutil.Process(server.pid)
        before = _cpu([psutil.Process()]), _cpu(workers), _cpu([redis])
        started = time.perf_counter()
        _pass(backend, JOBS)
        wall = time.perf_counter() - started
        after = _cpu([psutil.Process()]), _cpu(workers), _cpu([redis])
    submitter, working, redis_cpu = (1000 * (now - then) / JOBS for now, then in zip(after, before, strict=True))
    return Way(submitter, working, redis_cpu, wall / JOBS)


@contextlib.contextmanager
def _workers(queue_url: str, count: int) -> Iterator[list[psutil.Process]]:
    command = [sys.executable, "-m", "benchmarks.queue_worker", queue_url]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for worker in started:
            assert worker.stdout is not None
            if worker.stdout.readline() != "ready\n":
                raise NotMeasuredError("a worker did not start")
        yield [psutil.Process(worker.pid) for worker in started]
    finally:
        for worker in started:
            worker.terminate()
        for worker in started:
            worker.wait()


def _cpu(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(one.user + one.system for one in times)


def _pass(backend: DistributedExecutionBackend, count: int) -> None:
    """So many jobs, few of them under way at a time."""
    done: queue.SimpleQueue[str] = queue.SimpleQueue()
    config = ProcessorConfig()
    running = 0

    def fetch() -> None:
        job_id = done.get()
        if backend.get_result(job_id).status != "committed":
            raise NotMeasuredError("a job failed")
        backend.release(job_id)

    for number in range(count):
        backend.submit_soon(f"/{number}", config, on_done=done.put)
        running += 1
        while running >= IN_FLIGHT or not done.empty():
            fetch()
            running -= 1
    for _ in range(running):
        fetch()
