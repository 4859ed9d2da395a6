"""Searching a store: by words, by vectors and by both; everything, one tenant's or one source."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from ingestkit_core.stores import SqliteStore, open_store
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.testing.postgres import shared_server, why_no_server

from benchmarks import made_up
from benchmarks.fresh import NotMeasuredError, call, cpu_seconds
from benchmarks.options import Options
from benchmarks.report import Column, Figures

__all__ = ["figures"]

CHUNKS, COLD_CHUNKS = 100_000, 10_000
CHUNKS_PER_DOCUMENT = 100
VECTOR_SIZE = 256
TENANTS = ("a", "b")
SEARCHES = 20

_COLUMNS = [
    Column("searches"),
    Column("cold: a new process to its first answer", ".3f"),
    Column("warm", ".4f"),
    Column("one tenant of two", ".4f"),
    Column("one source", ".4f"),
]


def figures(options: Options) -> Iterator[Figures]:
    """One table; in a large run with many more chunks, and on PostgreSQL as well."""
    table = Figures("Store: search, CPU seconds (with the server's)", _COLUMNS)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        small, large = Path(folder, "small.db"), Path(folder, "large.db")
        call(_fill_file, small, COLD_CHUNKS, 0)
        (words,) = call(_searched_file, small, 0)
        table.add(f"{COLD_CHUNKS:,} chunks by words", _cold_search(small), *words)
        if options.large:
            call(_fill_file, large, CHUNKS, VECTOR_SIZE)
            _add(table, "SQLite", call(_searched_file, large, VECTOR_SIZE))
    if options.large:
        if (missing := why_no_server()) is not None:
            table.notes.append(f"PostgreSQL was not measured: {missing}")
        else:
            _add(table, "PostgreSQL", call(_searched_server))
    table.notes.append("goal: cold over 10,000 chunks <= 0.7 s, warm over 100,000 vectors <= 0.030 s")
    yield table


Warm = tuple[float, float, float]


def _add(table: Figures, name: str, measured: list[Warm]) -> None:
    ways = ("words", f"{VECTOR_SIZE}-number vectors", "both")
    for way, warm in zip(ways, measured, strict=True):
        table.add(f"{name}: {CHUNKS:,} chunks by {way}", None, *warm)


def _fill_file(path: Path, chunks: int, vector_size: int) -> None:
    with SqliteStore(path) as store:
        _fill(store, chunks, vector_size)


def _fill(store: DocumentStore, chunks: int, vector_size: int) -> None:
    chance = random.Random(1)
    words = made_up.prose(20_000, "text").split()
    for number in range(0, chunks, CHUNKS_PER_DOCUMENT):
        numbers = range(number, min(number + CHUNKS_PER_DOCUMENT, chunks))
        texts = [" ".join([*chance.choices(words, k=150), str(number)]) for number in numbers]
        vectors = [made_up.vector(vector_size, chance) for _ in numbers] if vector_size else None
        tenant = TENANTS[number // CHUNKS_PER_DOCUMENT % len(TENANTS)]
        store.replace(made_up.document(f"/made/up/{number}.txt", texts, (), vectors, tenant))


def _queries(count: int) -> list[str]:
    """A common word and a rarer one of the made-up texts, each time others."""
    words = list(dict.fromkeys(made_up.prose(20_000, "text").split()))
    return [f"{words[number]} {words[len(words) // 2 + number]}" for number in range(count)]


_COLD = """
import sys
from ingestkit_core.stores import SqliteStore, open_store
with SqliteStore(sys.argv[1]) as store:
    sys.exit(not store.search(sys.argv[2], 5))
"""


def _cold_search(path: Path) -> float:
    """CPU seconds of a whole process that imports what it needs and searches once."""
    before = cpu_seconds()
    if subprocess.run([sys.executable, "-c", _COLD, path, *_queries(1)], stderr=subprocess.DEVNULL).returncode:
        raise NotMeasuredError("the search failed, or found nothing")
    return cpu_seconds() - before


def _searched_file(path: Path, vector_size: int) -> list[Warm]:
    with SqliteStore(path) as store:
        return _searched(store, vector_size, time.process_time)


def _searched_server() -> list[Warm]:
    server = shared_server()
    assert server.pid is not None
    postmaster = psutil.Process(server.pid)

    def cpu() -> float:
        served = [process.cpu_times() for process in postmaster.children(recursive=True)]
        return time.process_time() + sum(times.user + times.system for times in served)

    with server.database() as database, open_store(server.url(database)) as store:
        _fill(store, CHUNKS, VECTOR_SIZE)
        return _searched(store, VECTOR_SIZE, cpu)


def _searched(store: DocumentStore, vector_size: int, cpu: Callable[[], float]) -> list[Warm]:
    """CPU seconds of a search after the first, by words and, where there are vectors, by those and by both."""
    texts, chance = _queries(SEARCHES + 1), random.Random(2)
    vectors = [made_up.vector(vector_size, chance) if vector_size else None for _ in texts]
    ways: list[tuple[list[str], list[Any]]] = [(texts, [None] * len(texts))]
    if vector_size:
        ways += [([""] * len(texts), vectors), (texts, vectors)]
    source = {"source_uri": "/made/up/0.txt"}
    chosen: tuple[dict[str, Any], ...] = ({}, {"tenant_id": TENANTS[0]}, {"filters": source})
    measured = []
    for said, wanted in ways:
        seconds = []
        for options in chosen:
            if not store.search(said[0], 5, vector=wanted[0], **options) and not options:
                raise NotMeasuredError("the search found nothing")
            before = cpu()
            for text, vector in zip(said[1:], wanted[1:], strict=True):
                store.search(text, 5, vector=vector, **options)
            seconds.append((cpu() - before) / SEARCHES)
        measured.append((seconds[0], seconds[1], seconds[2]))
    return measured
