"""Excel: how much CPU reading takes, and how good what comes out is."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import citations, corpora, excel_quality
from benchmarks.candidates import Candidate, installed, left_out
from benchmarks.options import Options
from benchmarks.report import Column, Figures
from benchmarks.running import Timing, Timings, timings
from benchmarks.workbook_candidates import WORKBOOKS
from benchmarks.workbooks import COLUMNS, write_workbook

__all__ = ["STEPS"]

MIB = 1 << 20


def _speeds(options: Options) -> Iterator[Figures]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for count in (10_000, 100_000) if options.large else (10_000,):
            yield _speed(Path(folder), count, options)
        if options.large:
            yield _million(Path(folder))


def _speed(folder: Path, count: int, options: Options) -> Figures:
    path = folder / f"{count}.xlsx"
    write_workbook(path, count)
    figures = Figures(
        f"Excel: {count:,} x {COLUMNS} mixed cells, times the speed of openpyxl's full load (higher is better)",
        [Column("reads"), Column("times"), Column("CPU s"), Column("peak MiB", ".0f")],
    )
    chosen = installed(WORKBOOKS, large=options.large)
    run = timings(chosen, [str(path)], options.rounds)
    unit = run.taken.get(WORKBOOKS[0].name)
    for candidate in _measured(figures, chosen, run):
        mine = run.taken[candidate.name]
        figures.add(candidate.name, unit.total / mine.total if unit else None, mine.total, _mib(mine))
    figures.notes.append("goal: read >= 12 times, into SQLite tables >= 10 times")
    figures.notes += left_out(WORKBOOKS, chosen)
    return figures


def _mib(timing: Timing) -> float | None:
    return timing.peak_bytes / MIB if timing.peak_bytes is not None else None


def _measured(figures: Figures, chosen: Sequence[Candidate], run: Timings) -> Iterator[Candidate]:
    """Those whose timing counts; why others have none goes into the table."""
    for candidate in chosen:
        timing = run.taken.get(candidate.name)
        if timing is None:
            figures.fail(candidate, run.failures[candidate.name])
        elif timing.failed == len(timing.seconds):
            figures.fail(candidate, "gave up on every file")
        else:
            yield candidate


def _million(folder: Path) -> Figures:
    """A million rows: memory must not grow with them."""
    names = ("fastexcel to Arrow", "ingestkit-excel: into SQLite tables")
    chosen = [candidate for candidate in WORKBOOKS if candidate.name in names and candidate.installed]
    figures = Figures(
        "Excel: 1,000,000 x 10 cells",
        [
            Column("reads"),
            Column("times the CPU of fastexcel"),
            Column("peak MiB", ".0f"),
            Column("at 200,000 rows", ".0f"),
        ],
    )
    paths = []
    for count in (1_000_000, 200_000):
        paths.append(folder / f"{count}x10.xlsx")
        write_workbook(paths[-1], count, 10)
    whole, part = (timings(chosen, [str(path)], 1) for path in paths)
    unit = whole.taken.get(names[0])
    for candidate in _measured(figures, chosen, whole):
        mine, smaller = whole.taken[candidate.name], part.taken.get(candidate.name)
        figures.add(
            candidate.name,
            mine.total / unit.total if unit else None,
            _mib(mine),
            _mib(smaller) if smaller else None,
        )
    figures.notes.append("goal: <= 1.8 times, <= 400 MiB, flat from 200,000 rows on")
    return figures


def _small_workbooks(options: Options) -> Iterator[Figures]:
    paths = corpora.files("excel/real")
    figures = Figures(
        f"Excel: {len(paths)} ordinary workbooks, times the speed of openpyxl's full load of the same file",
        [Column("reads"), Column("median times"), Column("files given up", "d")],
    )
    chosen = installed(WORKBOOKS, large=options.large)
    run = timings(chosen, paths, options.rounds)
    unit = run.taken.get(WORKBOOKS[0].name)
    for candidate in _measured(figures, chosen, run):
        mine = run.taken[candidate.name]
        times = [a / b for a, b in zip(unit.seconds, mine.seconds, strict=True) if b] if unit else []
        figures.add(candidate.name, statistics.median(times) if times else None, mine.failed)
    figures.notes.append("goal: read >= 6 times at the median")
    yield figures


STEPS = (_speeds, _small_workbooks, excel_quality.measure, citations.measure_excel)
