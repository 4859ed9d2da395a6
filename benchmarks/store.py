"""The store: loading rows, searching, re-ingesting what did not change, and many tables in one file."""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingestkit_core.ingestor import Ingestor
from ingestkit_core.stores import SqliteStore, open_store
from ingestkit_core.testing import TextConfig, write_text
from ingestkit_core.testing.postgres import shared_server, why_no_server
from ingestkit_core.testing.textformat import read as read_text
from ingestkit_pdf.reader import convert
from ingestkit_pdf.router import PDFRouter

from benchmarks import corpora, made_up, many_tables, searching
from benchmarks.fresh import NotMeasuredError, call, cpu_of
from benchmarks.options import Options
from benchmarks.report import Column, Figures

__all__ = ["STEPS"]


# Rows

ROWS = 200_000


def _rows_figures(options: Options) -> Iterator[Figures]:
    figures = Figures(
        f"Store: {ROWS:,} rows of {len(made_up.COLUMNS)} typed columns into SQL tables",
        [Column("writes"), Column("rows per CPU s", ",.0f"), Column("times executemany's CPU")],
    )
    raw, ours = [], []
    for _ in range(options.rounds):
        raw.append(call(_load_raw))
        ours.append(call(_load_ours))
    floor, mine = statistics.median(raw), statistics.median(ours)
    figures.add("sqlite3 executemany, one transaction", ROWS / floor, 1.0)
    figures.add("SqliteStore, with place columns and catalog", ROWS / mine, mine / floor)
    figures.notes.append("goal: SQLite >= 500,000 rows per CPU s, PostgreSQL >= 1,500,000; the server's own CPU apart")
    if (missing := why_no_server()) is not None:
        figures.notes.append(f"PostgreSQL was not measured: {missing}")
    else:
        for name, load in (("COPY BINARY", _load_copied), ("PostgresStore, with place columns and catalog", _load_pg)):
            seconds = statistics.median(call(load) for _ in range(options.rounds))
            figures.add(name, ROWS / seconds, seconds / floor)
    yield figures


def _load_copied() -> float:
    import psycopg

    server, rows = shared_server(), list(made_up.table_rows(ROWS))
    types = {"integer": "bigint", "boolean": "bigint", "number": "double precision"}
    kinds = [types.get(column.type, "text") for column in made_up.COLUMNS]
    columns = ", ".join(f"{column.name} {kind}" for column, kind in zip(made_up.COLUMNS, kinds, strict=True))
    with server.database() as database, psycopg.connect(server.url(database)) as connection:
        connection.execute(f"CREATE TEMPORARY TABLE records ({columns})".encode())

        def load() -> None:
            with connection.cursor().copy("COPY records FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(kinds)
                for row in rows:
                    copy.write_row(row)
            connection.commit()

        return cpu_of(load)


def _load_pg() -> float:
    server = shared_server()
    table = made_up.table("/made/up.xlsx", "r1", list(made_up.table_rows(ROWS)))
    version = made_up.document("/made/up.xlsx", ["a table"], [table])
    with server.database() as database, open_store(server.url(database)) as store:
        store.replace(made_up.document("/made/other.xlsx", ["creates the schema"]))
        return cpu_of(lambda: store.replace(version))


def _load_raw() -> float:
    rows = list(made_up.table_rows(ROWS))
    columns = ", ".join(column.name for column in made_up.COLUMNS)
    marks = ", ".join("?" * len(made_up.COLUMNS))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        connection = sqlite3.connect(Path(folder, "raw.db"))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"CREATE TABLE records ({columns})")

        def load() -> None:
            with connection:
                connection.executemany(f"INSERT INTO records VALUES ({marks})", rows)

        seconds = cpu_of(load)
        connection.close()
    return seconds


def _load_ours() -> float:
    table = made_up.table("/made/up.xlsx", "r1", list(made_up.table_rows(ROWS)))
    version = made_up.document("/made/up.xlsx", ["a table"], [table])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, SqliteStore(Path(folder, "store.db")) as store:
        store.replace(made_up.document("/made/other.xlsx", ["creates the file"]))
        return cpu_of(lambda: store.replace(version))


# Unchanged


def _unchanged_figures(options: Options) -> Iterator[Figures]:
    originals = [*corpora.pages("pdf/tagged"), *corpora.files("pdf/speed")]
    figures = Figures(
        f"Store: ingesting a folder of {len(originals)} PDF documents again, unchanged",
        [Column("run"), Column("CPU s", ".3f"), Column("share of the first run", ".4f")],
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        sources, store = Path(folder, "sources"), Path(folder, "store.db")
        sources.mkdir()
        for original in originals:
            shutil.copy2(original, sources)
        first = call(_ingest, store, sources, "committed", originals[0])
        again = statistics.median(
            call(_ingest, store, sources, "unchanged", originals[0]) for _ in range(options.rounds)
        )
    figures.add("first", first, 1.0)
    figures.add("again", again, again / first)
    figures.notes.append("goal: <= 0.02")
    yield figures


def _ingest(store: Path, sources: Path, expected: str, warm: str) -> float:
    """CPU seconds of ingesting the folder, all in this process. Raises NotMeasuredError for another outcome."""
    convert(warm, PDFRouter.format.config_class().model_dump())
    settings = {"execution_strategy": "thread", "execution_max_workers": 1}

    def run() -> None:
        with Ingestor(store, settings, routers={"pdf": PDFRouter}) as ingestor:
            for result in ingestor.ingest([sources]):
                if result.status != expected:
                    raise NotMeasuredError(f"{result.file_path} was {result.status}, not {expected}: {result.errors}")

    return cpu_of(run)


# Insertion

WORDS = 60_000


def _insertion_figures(options: Options) -> Iterator[Figures]:
    figures = Figures(
        f"Store: one sentence inserted at the top of a text of {WORDS:,} words",
        [Column("chunks"), Column("embedded again", ".3f"), Column("chunks", "d")],
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        new, total = call(_embedded_again, Path(folder))
    figures.add("of the new version", new / total, total)
    figures.notes.append("goal: <= 0.25")
    yield figures


def _embedded_again(folder: Path) -> tuple[int, int]:
    """How many chunks of the new version have texts the old one did not have, and how many there are."""
    paragraphs = [made_up.prose(120, number) for number in range(WORDS // 120)]
    lines = [line for paragraph in paragraphs for line in (*_wrapped(paragraph), "")]
    config = TextConfig().model_dump()
    before = read_text(str(write_text(folder / "before.txt", *lines)), config)
    after = read_text(
        str(write_text(folder / "after.txt", "A sentence that was not there before.", "", *lines)), config
    )
    known = {chunk.chunk_hash for chunk in before.chunks}
    return sum(chunk.chunk_hash not in known for chunk in after.chunks), len(after.chunks)


def _wrapped(paragraph: str) -> Sequence[str]:
    words = paragraph.split()
    return [" ".join(words[start : start + 12]) for start in range(0, len(words), 12)]


STEPS = (_rows_figures, searching.figures, _unchanged_figures, _insertion_figures, many_tables.figures)
