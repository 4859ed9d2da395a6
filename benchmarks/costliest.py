"""PDF: the files whose pages cost most, as multiples of the median file: drawings are what usually makes them dear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import corpora
from benchmarks.candidates import our_reading
from benchmarks.fresh import call, cpu_seconds
from benchmarks.options import Options
from benchmarks.report import Column, Figures

__all__ = ["measure"]

_SHOWN = 5
_MOST = 20.0
"""No document may cost more than so many times the median page because of its drawings."""


def measure(options: Options) -> Iterator[Figures]:
    """The worst of all PDF files of the corpora, each read without OCR."""
    costs = call(_costs, corpora.files_below("pdf", ".pdf"), options.rounds)
    usual = median(cost.seconds for cost in costs)
    figures = Figures(
        f"PDF: CPU a page of the costliest of {len(costs)} files, as multiples of the median file's",
        [Column("file"), Column("pages", "d"), Column("CPU a page", ".1f")],
    )
    for cost in sorted(costs, key=lambda cost: -cost.seconds)[:_SHOWN]:
        figures.add(cost.name, cost.pages, cost.seconds / usual)
    figures.notes.append(f"the median is {1000 * usual:.1f} ms; because of drawings none may be above {_MOST:.0f}")
    yield figures


@dataclass(frozen=True, slots=True)
class _Cost:
    """CPU seconds a page."""

    name: str
    pages: int
    seconds: float


def _costs(paths: Sequence[str], rounds: int) -> list[_Cost]:
    """In the fresh process: every file that can be read, after one that is not counted; the best of the rounds."""
    from ingestkit_core.errors import IngestkitError

    read = our_reading()
    best: dict[str, _Cost] = {}
    for path in [paths[0], *list(paths) * rounds]:
        before = cpu_seconds()
        try:
            pages = read(path).parse.units_total
        except IngestkitError:
            continue
        cost = _Cost(Path(path).name, pages, (cpu_seconds() - before) / pages)
        if path not in best or cost.seconds < best[path].seconds:
            best[path] = cost
    return list(best.values())
