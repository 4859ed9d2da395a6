"""A batch of real documents over a queue, beside the same batch on the local engine: as many readers, the same store.

local   one process with two readers ─► PostgreSQL
queue   a submitter ─► Redis ─► two worker processes with one reader each ─► PostgreSQL
"""

# mypy: disable-error-code="import-untyped"
# psutil's types are a package of their own.

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from ingestkit_core import Ingestor
from ingestkit_core.testing.postgres import shared_server, why_no_server
from ingestkit_core.testing.servers import RedisServer, is_installed

from benchmarks import corpora
from benchmarks.fresh import NotMeasuredError, call
from benchmarks.options import Options
from benchmarks.report import Column, Figures

__all__ = ["queue_batch_figures"]

WORKERS = 2
KINDS = {"pdf/tagged/pdf": 50, "pdf/tables/pdf": 30, "excel/headers/xlsx": 40, "excel/real": 40}
"""So many documents of each folder; as many more as warm up are read before."""
WARM = 4
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What a batch took: wall seconds, and CPU seconds of all processes that are ours."""

    wall: float
    cpu: float


def queue_batch_figures(options: Options) -> Iterator[Figures]:
    """Rates on a machine that others use are those of the machine; the ratio of CPU holds."""
    chosen = {name: corpora.files(name)[: count + WARM] for name, count in KINDS.items()}
    warm = [path for paths in chosen.values() for path in paths[:WARM]]
    paths = [path for paths in chosen.values() for path in paths[WARM:]]
    figures = Figures(
        f"Execution: {len(paths)} real documents into PostgreSQL, {WORKERS} readers",
        [
            Column("runs"),
            Column("times the local rate"),
            Column("times the local CPU"),
            Column("documents per wall s", ".1f"),
        ],
    )
    taken: dict[str, list[Taken]] = {"the local engine": [], f"over Redis, {WORKERS} worker processes": []}
    for _ in range(options.rounds):
        for runs, way in zip(taken.values(), (_local, _queued), strict=True):
            runs.append(call(way, warm, paths))
    middle = {
        name: Taken(statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs))
        for name, runs in taken.items()
    }
    local, _ = middle.values()
    for name, run in middle.items():
        figures.add(name, local.wall / run.wall, run.cpu / local.cpu, len(paths) / run.wall)
    figures.notes.append("goal: >= 0.9 times the local rate")
    yield figures


def _local(warm: Sequence[str], paths: Sequence[str]) -> Taken:
    with _database() as store:
        return _ingested(store, {"execution_max_workers": WORKERS}, warm, paths, [])


def _queued(warm: Sequence[str], paths: Sequence[str]) -> Taken:
    if not is_installed("redis-server"):
        raise NotMeasuredError("apt-get install redis-server")
    with (
        _database() as store,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        RedisServer(Path(folder, "redis")) as server,
        _workers(server.url, store, Path(folder)) as workers,
    ):
        settings = {"execution_backend": "distributed", "execution_queue_url": server.url}
        return _ingested(store, settings, warm, paths, workers)


def _ingested(
    store: str, settings: Mapping[str, Any], warm: Sequence[str], paths: Sequence[str], workers: Sequence[int]
) -> Taken:
    with Ingestor(store, settings) as ingestor:
        _all(ingestor, warm)
        started, before = time.perf_counter(), _cpu(workers)
        _all(ingestor, paths)
        return Taken(time.perf_counter() - started, _cpu(workers) - before)


def _all(ingestor: Ingestor, paths: Sequence[str]) -> None:
    results = list(ingestor.ingest(paths))
    bad = [result for result in results if result.status not in ("committed", "quarantined")]
    if bad or len(results) != len(paths):
        raise NotMeasuredError(f"{len(bad)} of {len(paths)} documents did not end as they should: {bad[:1]}")


def _cpu(workers: Sequence[int]) -> float:
    """CPU seconds of this process, of the workers and of all below them."""
    owners = [psutil.Process(), *map(psutil.Process, workers)]
    processes = {process for owner in owners for process in (owner, *owner.children(recursive=True))}
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


@contextlib.contextmanager
def _database() -> Iterator[str]:
    if (missing := why_no_server()) is not None:
        raise NotMeasuredError(missing)
    server = shared_server()
    with server.database() as database:
        yield server.url(database)


@contextlib.contextmanager
def _workers(queue: str, store: str, folder: Path) -> Iterator[list[int]]:
    """``ingestkit worker``, several times, once they take jobs."""
    command = [sys.executable, "-m", "ingestkit_cli", "worker", "--queue", queue, "--store", store]
    logs = [folder / f"{number}.log" for number in range(WORKERS)]
    with contextlib.ExitStack() as stack:
        started = []
        for log in logs:
            output = stack.enter_context(open(log, "wb"))
            started.append(subprocess.Popen([*command, "--concurrency", "1"], stdout=output, stderr=output))
            stack.callback(started[-1].wait)
            stack.callback(started[-1].terminate)
        deadline = time.monotonic() + _START_SECONDS
        while any(b"serving " not in log.read_bytes() for log in logs):
            if time.monotonic() > deadline or any(worker.poll() is not None for worker in started):
                raise NotMeasuredError("a worker did not start")
            time.sleep(0.05)
        yield [worker.pid for worker in started]
