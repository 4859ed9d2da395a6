"""Execution: what a job costs, how soon a killed worker is replaced, batches, endless input, and a queue.

Wall time appears only as a ratio within one run, or where waiting is what is measured.
"""

# mypy: disable-error-code="import-untyped"
# psutil's types are a package of their own.

from __future__ import annotations

import itertools
import os
import queue
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
from ingestkit_core.execution.workers import Job, Outcome, WorkerPool
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import TextConfig, TextRouter, write_text
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.reader import PRELOAD
from ingestkit_pdf.router import PDFRouter

from benchmarks import corpora
from benchmarks.fresh import NotMeasuredError, call
from benchmarks.options import Options
from benchmarks.queue_batch import queue_batch_figures
from benchmarks.queueing import queue_figures
from benchmarks.report import Column, Figures

__all__ = ["STEPS"]

WORKERS = 2
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What some work took: wall seconds, CPU seconds of this process and of the processes below it."""

    wall: float
    owner: float
    workers: float

    @classmethod
    def of(cls, work: Callable[[], object]) -> Cost:
        """The cost of calling ``work`` while the processes below live on."""
        wall, owner, below = time.perf_counter(), time.process_time(), _cpu_below()
        work()
        return cls(time.perf_counter() - wall, time.process_time() - owner, _cpu_below() - below)


def _cpu_below() -> float:
    """CPU seconds of all living processes below this one."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        times = process.cpu_times()
        total += times.user + times.system
    return total


# Dispatch

TASKS = 5000


def _dispatch_figures(options: Options) -> Iterator[Figures]:
    figures = Figures(
        f"Execution: {TASKS:,} trivial tasks on {WORKERS} workers, as a share of ProcessPoolExecutor's cost",
        [Column("runs"), Column("wall"), Column("owner's CPU"), Column("all CPU"), Column("all CPU us a task", ".0f")],
    )
    taken: dict[str, list[Cost]] = {"ProcessPoolExecutor": [], "WorkerPool": []}
    for _ in range(options.rounds):
        taken["ProcessPoolExecutor"].append(call(_futures_cost))
        taken["WorkerPool"].append(call(_pool_cost))
    middle = {name: _median(costs) for name, costs in taken.items()}
    unit = middle["ProcessPoolExecutor"]
    for name, cost in middle.items():
        together = cost.owner + cost.workers
        figures.add(
            name,
            cost.wall / unit.wall,
            cost.owner / unit.owner,
            together / (unit.owner + unit.workers),
            together / TASKS * 1e6,
        )
    figures.notes.append("goal: <= 0.7")
    yield figures


def _median(costs: Sequence[Cost]) -> Cost:
    """Part by part."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.owner for cost in costs),
        statistics.median(cost.workers for cost in costs),
    )


def _futures_cost() -> Cost:
    with ProcessPoolExecutor(WORKERS) as executor:

        def run(count: int) -> None:
            for future in [executor.submit(abs, -number) for number in range(count)]:
                future.result()

        run(TASKS // 10)
        return Cost.of(lambda: run(TASKS))


def _pool_cost() -> Cost:
    # A worker's replacement after so many jobs is left out: the other pool has nothing like it.
    with WorkerPool(WORKERS, max_jobs_per_worker=2 * TASKS) as pool:

        def run(count: int) -> None:
            done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
            for number in range(count):
                pool.submit(Job(abs, (-number,)), done.put)
            for _ in range(count):
                done.get().value()

        run(TASKS // 10)
        return Cost.of(lambda: run(TASKS))


# Replacement

KILLS = 7


def _replacement_figures(options: Options) -> Iterator[Figures]:
    figures = Figures(
        "Execution: a killed worker, from the kill to the next job's answer, everything imported",
        [Column("imported"), Column("median wall s", ".3f"), Column("longest wall s", ".3f")],
    )
    for name, preload in (("nothing", ()), ("the PDF reader", PRELOAD)):
        waits = call(_replacements, preload)
        figures.add(name, statistics.median(waits), max(waits))
    figures.notes.append("goal: <= 0.1 s")
    yield figures


def _replacements(preload: Sequence[str]) -> list[float]:
    """Seconds from killing the only worker to the answer of a job after it, several times."""
    waits = []
    with WorkerPool(1, preload=preload) as pool:
        done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        for _ in range(KILLS):
            pool.submit(Job(os.getpid, ()), done.put)
            worker = done.get().value()
            pool.submit(Job(time.sleep, (60,)), done.put)
            time.sleep(0.05)
            start = time.perf_counter()
            os.kill(worker, signal.SIGKILL)
            pool.submit(Job(os.getpid, ()), done.put)
            died, answer = done.get(), done.get()
            waits.append(time.perf_counter() - start)
            if not died.worker_died or answer.value() == worker:
                raise NotMeasuredError("the worker that was killed did not die")
    return waits


# Batch

DOCUMENTS = 100


def _batch_figures(options: Options) -> Iterator[Figures]:
    originals = corpora.documents_with_text("pdf/speed")
    figures = Figures(
        f"Execution: read, chunk and commit PDF documents, {WORKERS} workers beside one process",
        [
            Column("runs"),
            Column("times the documents per second"),
            Column("owner's CPU / readers' CPU", ".3f"),
            Column("times all CPU"),
            Column("pages per wall s", ".1f"),
        ],
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        paths = _copies(originals, Path(folder), DOCUMENTS)
        pages = corpora.count_pages(paths)
        serial, parallel = [], []
        for _ in range(options.rounds):
            serial.append(call(_ingest, paths, "thread", 1))
            parallel.append(call(_ingest, paths, "process", WORKERS))
    one, several = _median(serial), _median(parallel)
    share, together = several.owner / several.workers, several.owner + several.workers
    figures.add("serially in one process", 1.0, None, 1.0, pages / one.wall)
    figures.add(f"{WORKERS} workers", one.wall / several.wall, share, together / one.owner, pages / several.wall)
    figures.notes.append("goal: >= 1.8 times the documents per second, owner <= 0.1, >= 50 text pages per second")
    figures.notes.append(f"{len(paths)} documents, {pages} pages")
    yield figures


def _copies(originals: Sequence[str], folder: Path, least: int) -> list[str]:
    """At least so many files, each under a name of its own."""
    rounds = -(-least // len(originals))
    paths = []
    for number, original in itertools.product(range(rounds), originals):
        path = folder / f"{number:02d} {Path(original).name}"
        shutil.copyfile(original, path)
        paths.append(str(path))
    return paths


def _ingest(paths: Sequence[str], strategy: str, workers: int) -> Cost:
    """The cost of committing all documents, workers and imports warm."""
    config = PDFProcessorConfig.model_validate({"execution_strategy": strategy, "execution_max_workers": workers})
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        SqliteStore(Path(folder, "store.db")) as store,
        PDFRouter(store, store, config=config) as router,
    ):
        warm = _copies(paths[:workers], Path(folder), workers)
        router.process_batch(warm)

        def run() -> None:
            results = router.process_batch(paths) if workers > 1 else [router.process(path) for path in paths]
            failed = [result.errors for result in results if result.status != "committed"]
            if failed:
                raise NotMeasuredError(f"{len(failed)} of {len(results)} documents were not committed: {failed[0]}")

        return Cost.of(run)


# Stream

DIFFERENT_FILES = 1000


def _stream_figures(options: Options) -> Iterator[Figures]:
    count = 1_000_000 if options.large else 20_000
    figures = Figures(
        f"Execution: {count:,} paths of small texts through iter_batch, read and committed each time",
        [
            Column("runs"),
            Column("owner's growth MiB", ".1f"),
            Column("owner's CPU / workers' CPU"),
            Column("documents per wall s", ".0f"),
        ],
    )
    growth, cost = call(_stream, count)
    figures.add(f"{WORKERS} workers", growth / MIB, cost.owner / cost.workers, count / cost.wall)
    figures.notes.append("goal: <= 20 MiB over a million paths; growth is counted after the first tenth")
    yield figures


def _stream(count: int) -> tuple[int, Cost]:
    """How much the owner grew after the first tenth (bytes), and what all of it cost."""
    # Dedup is off: every path is read again, so that the jobs are real and the store stays small.
    config = TextConfig(execution_max_workers=WORKERS, enable_content_dedup=False, max_documents_per_worker=count)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        paths = [
            str(write_text(Path(folder, f"{number}.txt"), f"# Note {number}", "A few words.", f"Number {number}."))
            for number in range(DIFFERENT_FILES)
        ]
        with SqliteStore(Path(folder, "store.db")) as store, TextRouter(store, store, config=config) as router:
            sizes: list[int] = []
            process = psutil.Process()

            def run() -> None:
                asked = itertools.islice(itertools.cycle(paths), count)
                for number, result in enumerate(router.iter_batch(asked), 1):
                    if result.status != "committed":
                        raise NotMeasuredError(f"{result.file_path} was {result.status}: {result.errors}")
                    if number % (count // 10) == 0:
                        sizes.append(process.memory_info().rss)

            cost = Cost.of(run)
    return max(sizes) - sizes[0], cost


STEPS = (_dispatch_figures, _replacement_figures, _batch_figures, _stream_figures, queue_figures, queue_batch_figures)
