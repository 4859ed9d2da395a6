"""Searching a store: by words, by vectors and by both; everything, one tenant's or one source."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
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
TENANTS = tuple(f"tenant{number}" for number in range(20))
TOPICS = 500
SEARCHES = 20
NEAREST, SEARCHES_OF_A_TENANT = 10, 5

_COLUMNS = [
    Column("searches"),
    Column("cold: a new process to its first answer", ".3f"),
    Column("warm", ".4f"),
    Column(f"one tenant of {len(TENANTS)}", ".4f"),
    Column("one source", ".4f"),
]


def figures(options: Options) -> Iterator[Figures]:
    """One table; in a large run with many more chunks, and on PostgreSQL as well, with what it finds."""
    recall = Figures(
        f"Store: recall@{NEAREST} of vectors on PostgreSQL, against exact search",
        [Column("searches"), Column("least", ".3f"), Column("mean", ".3f")],
    )
    table = Figures("Store: search, CPU seconds (with the server's)", _COLUMNS)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        small, large = Path(folder, "small.db"), Path(folder, "large.db")
        call(_fill_file, small, COLD_CHUNKS, 0)
        (words,) = call(_searched_file, small, 0)
        table.add(f"{COLD_CHUNKS:,} chunks by words", _cold_search(small), *words)
        if options.large:
            call(_fill_file, large, CHUNKS, VECTOR_SIZE)
            _add(table, "SQLite", call(_searched_file, large, VECTOR_SIZE))
            if (missing := why_no_server()) is not None:
                table.notes.append(f"PostgreSQL was not measured: {missing}")
            else:
                warm, shares = call(_searched_server, large)
                _add(table, "PostgreSQL", warm)
                for name, found in shares.items():
                    recall.add(name, min(found), statistics.mean(found))
                recall.notes.append("goal: >= 0.99 for each tenant")
    table.notes.append("goal: cold over 10,000 chunks <= 0.7 s, warm over 100,000 vectors <= 0.030 s")
    yield table
    if recall.rows:
        yield recall


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
    topics = _topics(vector_size)
    for number in range(0, chunks, CHUNKS_PER_DOCUMENT):
        numbers = range(number, min(number + CHUNKS_PER_DOCUMENT, chunks))
        texts = [" ".join([*chance.choices(words, k=150), str(number)]) for number in numbers]
        vectors = [_about(topics, chance) for _ in numbers] if vector_size else None
        tenant = TENANTS[number // CHUNKS_PER_DOCUMENT % len(TENANTS)]
        store.replace(made_up.document(f"/made/up/{number}.txt", texts, (), vectors, tenant))


def _topics(vector_size: int) -> list[tuple[float, ...]]:
    chance = random.Random(3)
    return [made_up.vector(vector_size, chance) for _ in range(TOPICS)] if vector_size else []


def _about(topics: Sequence[tuple[float, ...]], chance: random.Random) -> tuple[float, ...]:
    """A vector of a text about one of the topics."""
    return tuple(number + chance.gauss(0, 1) for number in chance.choice(topics))


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


def _searched_server(exact: Path) -> tuple[list[Warm], dict[str, list[float]]]:
    """The searches, and recall by what was searched, beside an embedded store with the same content."""
    server = shared_server()
    assert server.pid is not None
    postmaster = psutil.Process(server.pid)

    def cpu() -> float:
        served = [process.cpu_times() for process in postmaster.children(recursive=True)]
        return time.process_time() + sum(times.user + times.system for times in served)

    with server.database() as database, open_store(server.url(database)) as store:
        _fill(store, CHUNKS, VECTOR_SIZE)
        warm = _searched(store, VECTOR_SIZE, cpu)
        with SqliteStore(exact) as embedded:
            return warm, _recall(store, embedded)


def _recall(store: DocumentStore, exact: DocumentStore) -> dict[str, list[float]]:
    """The share of the nearest chunks that are found: of each tenant by itself, and of everything."""
    topics, chance = _topics(VECTOR_SIZE), random.Random(4)

    def share(tenant: str | None) -> float:
        vectors = [_about(topics, chance) for _ in range(SEARCHES_OF_A_TENANT)]
        found, wanted = (
            [{hit.chunk_id for hit in one.search("", NEAREST, tenant, vector=vector)} for vector in vectors]
            for one in (store, exact)
        )
        return sum(len(some & all_) for some, all_ in zip(found, wanted, strict=True)) / sum(map(len, wanted))

    return {
        f"each of {len(TENANTS)} tenants": [share(tenant) for tenant in TENANTS],
        "everything": [share(None) for _ in TENANTS],
    }


def _searched(store: DocumentStore, vector_size: int, cpu: Callable[[], float]) -> list[Warm]:
    """CPU seconds of a search after the first, by words and, where there are vectors, by those and by both."""
    texts, chance = _queries(SEARCHES + 1), random.Random(2)
    topics = _topics(vector_size)
    vectors = [_about(topics, chance) if topics else None for _ in texts]
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
