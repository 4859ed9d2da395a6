"""Citations that verify themselves: how many stored passages and rows stand where they say, by another reader."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from ingestkit_core.ingestor import Ingestor
from ingestkit_core.verification import Tally, Verification
from ingestkit_core.verifying import Verified

from benchmarks import corpora
from benchmarks.options import Options
from benchmarks.report import Column, Figures

__all__ = ["measure_excel", "measure_pdf"]

_WORKERS = 2


def measure_pdf(options: Options) -> Iterator[Figures]:
    """Single pages; large: the odd files too."""
    sets: dict[str, Sequence[str]] = {name: list(corpora.pages(name)) for name in ("pdf/tagged", "pdf/tables")}
    if options.large:
        sets["pdf/wild"] = corpora.files("pdf/wild")
    yield _figures("PDF: citations re-read by pdfium", sets)


def measure_excel(options: Options) -> Iterator[Figures]:
    """Ordinary workbooks; large: the odd ones too."""
    names = ["excel/real", *(["excel/hostile"] if options.large else [])]
    yield _figures("Excel: citations re-read from the raw XML", {name: corpora.files(name) for name in names})


def _figures(title: str, sets: Mapping[str, Sequence[str]]) -> Figures:
    columns = [
        Column("documents"),
        Column("chunks", "d"),
        Column("that match", ".4f"),
        Column("rows", "d"),
        Column("of those", ".4f"),
        Column("area", ".2f"),
        Column("not to be re-read", "d"),
        Column("pages or sheets counted differently"),
    ]
    figures = Figures(title, columns)
    for name, paths in sets.items():
        verified = _verified(paths)
        figures.add(f"{name}, {len(verified)}", *_row([one.verification for one in verified if one.verification]))
        failed = [one for one in verified if one.error is not None]
        if failed:
            figures.notes.append(f"{name}: {len(failed)} the other reader could not open")
    figures.notes.append("goal: >= 0.99 of chunks and rows; cited area <= 1.5 times that of the lines in it")
    return figures


def _verified(paths: Sequence[str]) -> list[Verified]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = {"execution_max_workers": _WORKERS}
        with Ingestor(Path(folder, "store.db"), settings) as ingestor:
            for _ in ingestor.ingest(paths):
                pass
            return list(ingestor.verify())


def _row(several: Sequence[Verification]) -> Iterator[int | float | str | None]:
    for tally in (sum((one.chunks for one in several), Tally()), sum((one.rows for one in several), Tally())):
        yield tally.checked
        yield tally.matching / tally.checked if tally.checked else None
    ratios = [one.area_ratio for one in several if one.area_ratio is not None]
    yield median(ratios) if ratios else None
    yield sum(one.unread for one in several)
    yield f"{sum(len(one.counts) for one in several)} of {sum(one.units for one in several)}"
