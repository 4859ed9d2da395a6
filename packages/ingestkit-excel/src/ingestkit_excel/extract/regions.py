"""A sheet into regions: first cut wherever a blank row or column goes all the way through, then joined again where a
cut went through something that belongs together.

    cut:   blank rows ─► blank columns ─► blank rows ─► ... until nothing more falls apart
    join:  side by side, where a single blank column is a spacer;
           one below the other, where a header lost its rows or a table goes on

Excel's own tables are regions as they are defined and are taken out before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from ingestkit_core.errors import ErrorCode, ProcessError

from ingestkit_excel.extract.cells import cells_of_region, glance, is_one_heading
from ingestkit_excel.extract.joining import join_below
from ingestkit_excel.extract.view import Region, SheetView, region_of
from ingestkit_excel.workbook import RowMasks

__all__ = ["MAX_REGIONS", "find_regions"]

MAX_REGIONS = 50_000
"""Of a sheet. Each takes about half a millisecond: more of them would cost the workbook its time."""
_MAX_HEADER_ROWS = 8
_MAX_HEADER_GAP_ROWS = 4
_MAX_ROOF_ROWS = 3
_MAX_DEPTH = 40
_ALIGNED = 0.6
_AGREEING = 0.7
_MAX_LABELLED_ROWS = 64
_OVER = 1.25
"""Of a column's width: what is hardly longer may still fit."""


def find_regions(view: SheetView) -> list[Region]:
    """The regions of a sheet in reading order: from top to bottom, then from left to right.

    Raises ProcessError (E_PROCESS_REGION_DETECT) where the sheet falls into more pieces than anybody laid out.
    """
    masks = view.masks
    regions: list[Region] = []
    for table in view.sheet.tables:
        columns = (1 << table.place.right + 1) - (1 << table.place.left)
        inside = masks.part(*masks.between(table.place.top, table.place.bottom)).within(columns)
        if inside:
            regions.append(region_of(view, inside))
            masks = masks.without_block(table.place.top, table.place.bottom, columns)
    loose = join_below(_cut_rows(_Budget(view, masks), masks, 0)) if masks else []
    cut = [part for region in loose for part in _without_wide_title(region)]
    return sorted([*regions, *cut], key=lambda region: (region.top, region.left))


class _Budget:
    """How many more regions a sheet may fall into."""

    def __init__(self, view: SheetView, masks: RowMasks) -> None:
        self.view = view
        self._masks = masks
        self._left = MAX_REGIONS

    def spent_on(self, masks: RowMasks) -> Region:
        """A region more. Raises ProcessError (E_PROCESS_REGION_DETECT) when it is one too many."""
        self._left -= 1
        if self._left < 0:
            raise ProcessError(
                ErrorCode.E_PROCESS_REGION_DETECT,
                f"The sheet falls into more than {MAX_REGIONS} regions; its cells are read as one, row by row.",
                recoverable=True,
                sheet_name=self.view.sheet.name,
                cell_range=region_of(self.view, self._masks).place.a1,
            )
        return region_of(self.view, masks)


def _without_wide_title(region: Region) -> list[Region]:
    """A region, and apart from it its title if that is repeated over more columns than the rows below fill."""
    masks = region.masks
    first = cells_of_region(region, masks.rows[:1])[region.top]
    if len(masks) < 2 or not is_one_heading(list(first.values()), region):
        return [region]
    below = region_of(region.view, masks.part(1, len(masks)))
    if below.width == region.width:
        return [region]
    return [region_of(region.view, masks.part(0, 1)), *_without_wide_title(below)]


def _cut_rows(budget: _Budget, masks: RowMasks, depth: int) -> list[Region]:
    view = budget.view
    groups = list(_groups(masks.rows, view.row_gap))
    if len(groups) == 1 and depth:
        return [budget.spent_on(masks)]
    regions: list[Region] = []
    below: list[int] = []
    top = 0
    for group in reversed(groups):
        inside = masks.part(*group)
        near = below and view.row_gap(inside.rows[-1], top) <= _MAX_HEADER_GAP_ROWS
        roof = _covering_run(view, inside, below) if near else 0
        if roof:
            regions.append(budget.spent_on(inside))
            below = [roof]
        else:
            cut, below = _cut_columns(budget, inside, depth + 1)
            regions.extend(cut)
        top = inside.rows[0]
    return regions


def _covering_run(view: SheetView, masks: RowMasks, runs: Sequence[int]) -> int:
    """The run of columns that a few rows lie above; 0 if none. A header is not cut where it is blank."""
    if len(masks) > (_MAX_HEADER_ROWS if glance(region_of(view, masks)).only_text else _MAX_ROOF_ROWS):
        return 0
    left, right = _lowest(masks.union), masks.union.bit_length() - 1
    return next((run for run in runs if _lowest(run) <= left and right < run.bit_length()), 0)


def _cut_columns(budget: _Budget, masks: RowMasks, depth: int) -> tuple[list[Region], list[int]]:
    """The regions of some rows, and the runs of columns they were cut into."""
    view = budget.view
    runs = _column_runs(view, masks)
    if len(runs) > 1:
        runs = _join_beside(view, masks, runs)
    if len(runs) == 1 or depth > _MAX_DEPTH:
        return [budget.spent_on(masks)], runs
    parts: list[Region] = []
    for run in runs:
        parts.extend(_cut_rows(budget, masks.within(run), depth + 1))
    return parts, runs


def _groups(lines: Sequence[int], gap: Callable[[int, int], int]) -> Iterable[tuple[int, int]]:
    """Runs of ascending lines without a gap, each by its first place and the one after its last."""
    start = 0
    for place, (above, below) in enumerate(pairwise(lines if not isinstance(lines, range) else ()), start=1):
        if below - above > 1 and gap(above, below):
            yield start, place
            start = place
    yield start, len(lines)


def _column_runs(view: SheetView, masks: RowMasks) -> list[int]:
    """Runs of filled columns without a gap, each as a mask."""
    union = masks.union
    runs: list[int] = []
    while union:
        first = (union & -union).bit_length() - 1
        filled = union >> first
        length = (~filled & filled + 1).bit_length() - 1
        run = (1 << first + length) - (1 << first)
        if runs and not view.column_gap(runs[-1].bit_length() - 1, first):
            runs[-1] |= run
        else:
            runs.append(run)
        union &= ~run
    return runs


def _join_beside(view: SheetView, masks: RowMasks, runs: list[int]) -> list[int]:
    """Join runs that only a spacer divides: one blank column, rows aligned, nothing on the right that labels rows; or
    blank columns that the texts on the left are written over.
    """
    joined = [runs[0]]
    for run in runs[1:]:
        left = joined[-1]
        gap = view.column_gap(left.bit_length() - 1, _lowest(run))
        narrow = run.bit_count() == 1 or left.bit_count() == 1
        spaced = gap == 1 and _are_aligned(masks, left, run)
        spacer = spaced and (narrow or _begins_with_numbers(view, masks, left, run))
        if spacer or _is_written_over(view, masks, left, run):
            joined[-1] |= run
        else:
            joined.append(run)
    if len(joined) > 1 and _labels_groups(view, masks, joined[0], joined[1]):
        joined[:2] = [joined[0] | joined[1]]
    return joined


def _is_written_over(view: SheetView, masks: RowMasks, left: int, run: int) -> bool:
    """Whether labels in one column, one for each row of numbers beside, reach over the blank columns after them."""
    column = _lowest(left)
    labelled = [row for row, mask in masks.items() if mask & left and mask & run]
    few = 1 < len(labelled) <= _MAX_LABELLED_ROWS and left.bit_count() == 1
    if not few or len(labelled) < _AGREEING * len(masks) or not view.column_gap(column, _lowest(run)):
        return False
    rows = [view.closeup.row(row) for row in labelled]
    room = _OVER * view.sheet.width_of(column)
    over = sum(len(cells[column].text) > room and not cells[column].numeric for cells in rows)
    values = sum(any(cell.numeric for at, cell in cells.items() if run >> at & 1) for cells in rows)
    return min(over, values) >= _AGREEING * len(rows)


def _lowest(run: int) -> int:
    return (run & -run).bit_length() - 1


def _begins_with_numbers(view: SheetView, masks: RowMasks, left: int, run: int) -> bool:
    """Whether the first column of a run holds numbers, under another name than the rows' own labels have."""
    part, beside = _part(view, masks, run), _part(view, masks, left)
    again = _name(part) != "" and _name(part) == _name(beside)
    return part.left in glance(part).numeric_columns and not again


def _part(view: SheetView, masks: RowMasks, run: int) -> Region:
    return region_of(view, masks.within(run))


def _name(part: Region) -> str:
    cell = cells_of_region(part, [part.top])[part.top].get(part.left)
    return cell.text.casefold() if cell is not None and not cell.numeric else ""


def _are_aligned(masks: RowMasks, left: int, right: int) -> bool:
    both = sum(1 for mask in masks.values() if mask & left and mask & right)
    either = sum(1 for mask in masks.values() if mask & right)
    return len(masks) > 2 and both >= _ALIGNED * max(either, len(masks) * 0.5)


def _labels_groups(view: SheetView, masks: RowMasks, left: int, right: int) -> bool:
    """Whether a column begins with the rows beside it and names some of them: those that follow are of its group."""
    labelled = [row for row, mask in masks.items() if mask & left]
    both = sum(1 for row in labelled if masks[row] & right)
    first = next(row for row, mask in masks.items() if mask & right)
    beside = left.bit_count() == 1 and view.column_gap(left.bit_length() - 1, _lowest(right)) == 1
    return beside and len(labelled) > 2 and labelled[0] == first and both >= _AGREEING * len(labelled)
