"""A store with very many tables: what opening it and adding to it cost, beside an empty one and SQLite itself."""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ingestkit_core.ingestor import Ingestor
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores import SqliteStore
from ingestkit_excel.router import ExcelRouter

from benchmarks import made_up
from benchmarks.fresh import NotMeasuredError, call, cpu_of
from benchmarks.options import Options
from benchmarks.report import Column, Figures
from benchmarks.workbooks import write_workbook

__all__ = ["figures"]

TABLES = 10_000
TABLES_PER_DOCUMENT = 50


def figures(options: Options) -> Iterator[Figures]:
    """One table, in a large run only."""
    if not options.large:
        return
    table = Figures(
        f"Store: one that holds {TABLES:,} tables, CPU seconds",
        [Column("what is done"), Column("empty store", ".4f"), Column(f"{TABLES:,} tables", ".4f"), Column("times")],
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        full, empty = Path(folder, "full.db"), Path(folder, "empty.db")
        call(_fill_tables, full, TABLES)
        call(_fill_tables, empty, 0)
        for names, measure in _MEASURES:
            for name, before, after in zip(names, call(measure, empty), call(measure, full), strict=True):
                table.add(name, before, after, after / before)
    table.notes.append("goal: open and search <= 0.1 s, a document <= 2 times what it costs in the empty one")
    yield table


def _fill_tables(path: Path, tables: int) -> None:
    rows = list(made_up.table_rows(3))
    with SqliteStore(path) as store:
        store.replace(made_up.document("/made/first.txt", ["some words: bace difo"]))
        for start in range(0, tables, TABLES_PER_DOCUMENT):
            uri = f"/made/{start}.xlsx"
            several = [made_up.table(uri, f"r{number}", rows) for number in range(TABLES_PER_DOCUMENT)]
            store.replace(made_up.document(uri, ["a workbook"], several))


def _open(path: Path) -> tuple[float, float]:
    """CPU seconds of SQLite's first answer from the file, and of opening the store and searching it."""

    def raw() -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("SELECT count(*) FROM sources").fetchone()

    def ours() -> None:
        with SqliteStore(path) as store:
            store.search("bace difo")

    ours()
    return cpu_of(raw), cpu_of(ours)


def _make_table(path: Path) -> tuple[float]:
    """CPU seconds of one CREATE TABLE, at the median of several."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        columns = ", ".join(f"column_{number}" for number in range(10))
        made = [cpu_of(lambda n=n: connection.execute(f"CREATE TABLE raw_{n} ({columns})")) for n in range(9)]  # type: ignore[misc]
        connection.execute("ROLLBACK")
    return (statistics.median(made),)


def _put(path: Path) -> tuple[float, float]:
    """CPU seconds of looking a document up and putting it in, and of its next version, at the median of several."""
    rows = list(made_up.table_rows(100))

    def put(store: SqliteStore, number: int, text: str) -> None:
        uri = f"/made/new {number}.xlsx"
        version = made_up.document(uri, [made_up.prose(300, text)], [made_up.table(uri, "r1", rows)])
        before.append(time.process_time())
        store.find(None, uri)
        store.replace(version)
        before[-1] = time.process_time() - before[-1]

    medians = []
    with SqliteStore(path) as store:
        for text in ("first", "second"):
            before: list[float] = []
            for number in range(9):
                put(store, number, text)
            medians.append(statistics.median(before))
    return medians[0], medians[1]


def _ingest_workbooks(path: Path) -> tuple[float]:
    """CPU seconds of a small workbook, read and committed in this process, at the median of several."""
    settings = {"execution_strategy": "thread", "execution_max_workers": 1}
    taken = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for number in range(9):
            write_workbook(Path(folder, f"{number}.xlsx"), 100)
        with Ingestor(path, settings, routers={"excel": ExcelRouter}) as ingestor:
            for number in range(9):
                paths = [Path(folder, f"{number}.xlsx")]
                taken.append(cpu_of(lambda paths=paths: [_committed(r) for r in ingestor.ingest(paths)]))  # type: ignore[misc]
    return (statistics.median(taken),)


def _committed(result: ProcessingResult) -> None:
    if result.status != "committed":
        raise NotMeasuredError(f"{result.file_path} was {result.status}: {result.errors}")


_MEASURES: tuple[tuple[tuple[str, ...], Callable[[Path], tuple[float, ...]]], ...] = (
    (("SQLite itself opens and answers", "open and search"), _open),
    (("SQLite itself makes a table",), _make_table),
    (("put a document with a table", "put its next version"), _put),
    (("ingest a workbook of 100 rows, read and all",), _ingest_workbooks),
)
