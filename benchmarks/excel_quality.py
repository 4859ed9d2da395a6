"""Excel: the tables of a sheet, their header rows, and what the index answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks import corpora, metrics, references
from benchmarks.answerable import answerable, split_markdown
from benchmarks.candidates import installed
from benchmarks.corpora import Sheet
from benchmarks.fresh import NotMeasuredError
from benchmarks.metrics import Agreement
from benchmarks.options import Options
from benchmarks.outputs import Output, Region
from benchmarks.report import Column, Figures
from benchmarks.running import outputs
from benchmarks.sheet_questions import sheet_lookups
from benchmarks.workbook_candidates import WORKBOOKS

__all__ = ["measure"]


def measure(options: Options) -> Iterator[Figures]:
    """One table each for regions, header rows and answers."""
    made, collected = corpora.region_sheets(), corpora.headed_sheets()
    regions, headers, answers = _region_figures(made), _header_figures(made, collected), _answer_figures()
    regions.add("whole used range", *_region_scores(made, lambda sheet: (sheet.used,)))
    for candidate in installed(WORKBOOKS, large=options.large):
        if candidate.shown is None:
            continue
        try:
            found = outputs(candidate, [sheet.path for sheet in (*made, *collected)])
        except NotMeasuredError as exc:
            regions.fail(candidate, str(exc))
            continue
        if found.failed:
            regions.fail(candidate, f"gave up on {found.failed} files")
        if candidate.kind == "ours":
            regions.add(candidate.name, *_region_scores(made, _regions_in(found.by_path)))
            headers.add(candidate.name, *_header_scores(made, collected, found.by_path))
        answers.add(candidate.name, *_answer_scores(made, collected, found.by_path))
    regions.refer(references.REGIONS)
    headers.refer(references.HEADERS)
    answers.refer(references.ANSWERABLE_SHEETS)
    yield from (regions, headers, answers)


def _regions_in(found: Mapping[str, Output]) -> Callable[[Sheet], Sequence[Region]]:
    return lambda sheet: found[sheet.path].regions or ()


def _region_figures(made: Sequence[Sheet]) -> Figures:
    groups = {sheet.group for sheet in made}
    return Figures(
        f"Excel: tables of a sheet, means over {len(groups)} templates (higher is better)",
        [Column("finds"), Column(f"F1 at IoU .9, n={len(made)}", ".3f"), Column("F1 exact", ".3f")],
    )


def _region_scores(made: Sequence[Sheet], found: Callable[[Sheet], Sequence[Region]]) -> tuple[float | None, ...]:
    near: defaultdict[str, Agreement] = defaultdict(Agreement)
    exact: defaultdict[str, Agreement] = defaultdict(Agreement)
    for sheet in made:
        near[sheet.group] += metrics.region_overlaps(sheet.regions, found(sheet), sheet.cells.keys())
        exact[sheet.group] += metrics.same_regions(sheet.regions, found(sheet), sheet.cells.keys())
    return tuple(metrics.mean(agreement.f1 for agreement in groups.values()) for groups in (near, exact))


def _header_figures(made: Sequence[Sheet], collected: Sequence[Sheet]) -> Figures:
    groups = {"FUSTE": made, **{_TITLES.get(group, group): sheets for group, sheets in _by_group(collected).items()}}
    columns = [Column(f"{group}, n={len(sheets)}", ".3f") for group, sheets in groups.items()]
    return Figures("Excel: header rows, F1 over rows (higher is better)", [Column("finds"), *columns])


_TITLES = {"saus": "SAUS", "troy": "Troy"}


def _by_group(sheets: Sequence[Sheet]) -> dict[str, list[Sheet]]:
    groups: defaultdict[str, list[Sheet]] = defaultdict(list)
    for sheet in sheets:
        groups[sheet.group].append(sheet)
    return dict(sorted(groups.items()))


def _header_scores(
    made: Sequence[Sheet], collected: Sequence[Sheet], found: Mapping[str, Output]
) -> tuple[float | None, ...]:
    return tuple(
        sum((_header_agreement(sheet, found[sheet.path]) for sheet in sheets), Agreement()).f1
        for sheets in (made, *_by_group(collected).values())
    )


def _header_agreement(sheet: Sheet, output: Output) -> Agreement:
    # One truth counts the blank rows inside a header and another does not: they count on neither side.
    filled = {row for row, _ in sheet.cells}
    rows = {row for region in output.regions or () for row in region.header_rows}
    return metrics.header_rows(sheet.header_rows & filled, rows & filled)


def _answer_figures() -> Figures:
    return Figures(
        "Excel: Answerable@5 over FUSTE and Troy (higher is better)",
        [Column("chunks of"), Column("plain", ".3f"), Column("row-bound", ".3f"), Column("lookups", "d")],
    )


def _answer_scores(
    made: Sequence[Sheet], collected: Sequence[Sheet], found: Mapping[str, Output]
) -> tuple[float | None, ...]:
    sheets = [*made, *_by_group(collected).get("troy", [])]
    chunks = {}
    for sheet in sheets:
        own = found[sheet.path].chunks
        chunks[sheet.path] = own if own is not None else split_markdown(found[sheet.path].markdown)
    answered = answerable({sheet.path: sheet_lookups(sheet) for sheet in sheets}, chunks)
    return answered.plain, answered.row_bound, answered.lookups
