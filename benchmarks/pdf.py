"""PDF: how much CPU reading takes, and how good what comes out is."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import citations, corpora, costliest, pdf_quality, references
from benchmarks.candidates import PDF, installed, left_out
from benchmarks.options import Options
from benchmarks.report import Column, Figures
from benchmarks.running import timings

__all__ = ["STEPS"]


def _speed(options: Options) -> Iterator[Figures]:
    sets = {"pdf/speed": corpora.files("pdf/speed"), "pdf/tagged": list(corpora.pages("pdf/tagged"))}
    columns = [Column(f"{name}, {corpora.count_pages(paths)} pages") for name, paths in sets.items()]
    figures = Figures(
        "PDF: CPU as multiples of PyMuPDF's get_text('dict') on the same files (lower is better)",
        [Column("reads"), *columns, Column("files given up", "d")],
    )
    chosen = installed(PDF, large=options.large)
    runs = [timings(chosen, paths, options.rounds) for paths in sets.values()]
    for candidate in chosen:
        ratios: list[float | None] = []
        failed = 0
        for run in runs:
            mine, floor = run.taken.get(candidate.name), run.taken.get(PDF[0].name)
            ratios.append(mine.total / floor.total if mine and floor else None)
            failed += mine.failed if mine else 0
            if candidate.name in run.failures:
                figures.fail(candidate, run.failures[candidate.name])
        if failed and candidate.kind != "peer":
            figures.fail(candidate, f"gave up on {failed} files")
        figures.add(candidate.name, *ratios, failed)
    figures.refer(references.PDF_SPEED)
    for name, run in zip(sets, runs, strict=True):
        if PDF[0].name in run.taken:
            figures.notes.append(f"{name}: the floor took {run.taken[PDF[0].name].total:.2f} CPU s")
    figures.notes += left_out(PDF, chosen)
    yield figures


STEPS = (_speed, costliest.measure, pdf_quality.measure, citations.measure_pdf)
