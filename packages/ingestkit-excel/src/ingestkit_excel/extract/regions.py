"""A sheet into regions: first cut wherever a blank row or column goes all the way through, then joined again where a
cut went through something that belongs together.

    cut:   blank rows ─► blank columns ─► blank rows ─► ... until nothing more falls apart
    join:  side by side, where a single blank column is a spacer;
           one below the other, where a header lost its rows or a table goes on

Excel's own tables are regions as they are defined and are taken out before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise

from ingestkit_core.errors import ErrorCode, ProcessError

from ingestkit_excel.extract.cells import cells_of_region, glance
from ingestkit_excel.extract.view import Region, SheetView, bits, region_of
from ingestkit_excel.workbook import RowMasks

__all__ = ["MAX_REGIONS", "find_regions"]

MAX_REGIONS = 50_000
"""Of a sheet. Each takes about half a millisecond: more of them would cost the workbook its time."""
_MAX_GAP_ROWS = 2
_MAX_HEADER_ROWS = 8
_MAX_HEADER_GAP_ROWS = 4
_MAX_DEPTH = 40
_MAX_JOINABLE = 2000
"""Regions of a sheet above which none are joined: every one is compared with those above it."""
_ALIGNED = 0.6
_AGREEING = 0.7


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
    cut = list(islice(_cut_rows(view, masks, 0), MAX_REGIONS + 1)) if masks else []
    if len(cut) > MAX_REGIONS:
        raise ProcessError(
            ErrorCode.E_PROCESS_REGION_DETECT,
            f"The sheet falls into more than {MAX_REGIONS} regions; its cells are read as one, row by row.",
            recoverable=True,
            sheet_name=view.sheet.name,
            cell_range=region_of(view, masks).place.a1,
        )
    loose = _join_below(cut)
    return sorted([*regions, *loose], key=lambda region: (region.top, region.left))


def _cut_rows(view: SheetView, masks: RowMasks, depth: int) -> Iterator[Region]:
    groups = list(_groups(masks.rows, view.row_gap))
    if len(groups) == 1 and depth:
        yield region_of(view, masks)
        return
    for group in groups:
        yield from _cut_columns(view, masks.part(*group), depth + 1)


def _cut_columns(view: SheetView, masks: RowMasks, depth: int) -> Iterator[Region]:
    whole = region_of(view, masks)
    runs = _column_runs(view, masks)
    if len(runs) > 1:
        runs = _join_beside(view, masks, runs)
    if len(runs) == 1 or depth > _MAX_DEPTH:
        yield whole
        return
    for run in runs:
        yield from _cut_rows(view, masks.within(run), depth + 1)


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
    """Join runs that only a spacer divides: one blank column, rows aligned, nothing on the right that labels rows."""
    joined = [runs[0]]
    for run in runs[1:]:
        left = joined[-1]
        gap = view.column_gap(left.bit_length() - 1, _lowest(run))
        narrow = run.bit_count() == 1 or left.bit_count() == 1
        if gap == 1 and _are_aligned(masks, left, run) and (narrow or _begins_with_numbers(view, masks, left, run)):
            joined[-1] |= run
        else:
            joined.append(run)
    return joined


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


def _join_below(regions: list[Region]) -> list[Region]:
    """Join regions one below the other where the lower one goes on with what the upper one began."""
    if len(regions) > _MAX_JOINABLE:
        return regions
    joined: list[Region] = []
    for lower in sorted(regions, key=lambda region: (region.top, region.left)):
        above = next((upper for upper in reversed(joined) if _is_above(upper, lower, _MAX_GAP_ROWS)), None)
        if above is not None and _goes_on(above, lower):
            joined[joined.index(above)] = _united(above, lower)
        else:
            joined.append(lower)
    return _join_headers(joined)


def _is_above(upper: Region, lower: Region, most: int) -> bool:
    return (
        upper.bottom < lower.top
        and upper.left <= lower.right
        and lower.left <= upper.right
        and upper.view.row_gap(upper.bottom, lower.top) <= most
    )


def _united(upper: Region, lower: Region) -> Region:
    apart = upper.bottom < lower.top
    blocks = [[upper.masks], [lower.masks]] if apart else [[upper.masks, lower.masks]]
    return region_of(upper.view, RowMasks.joined(blocks))


def _goes_on(upper: Region, lower: Region) -> bool:
    """Whether the lower region has no header and holds numbers where the upper one does."""
    if upper.width < 2 or lower.width < 2 or lower.left < upper.left or lower.right > upper.right:
        return False
    above, below = glance(upper), glance(lower)
    if above.only_text or below.begins_with_header or not below.numeric_columns:
        return False
    common = below.numeric_columns | (below.filled_columns & above.numeric_columns)
    return len(below.numeric_columns & above.numeric_columns) >= _AGREEING * len(common)


def _join_headers(regions: list[Region]) -> list[Region]:
    """Give tables that begin without a header the rows of text above them, from the bottom up."""
    left = sorted(regions, key=lambda region: (region.top, region.left))
    done: list[Region] = []
    while left:
        table = left.pop()
        while table.width > 1 and (fragments := _header_fragments(table, left)):
            left = [region for region in left if region not in fragments]
            for fragment in fragments:
                table = _united(fragment, table)
        done.append(table)
    return done


def _header_fragments(table: Region, others: Sequence[Region]) -> list[Region]:
    """The regions of text right above a table whose header is missing or only begun."""
    if not glance(table).headless:
        return []
    above = [
        region
        for region in others
        if _is_above(region, table, _MAX_HEADER_GAP_ROWS)
        and region.left >= table.left
        and region.right <= table.right
        and len(region.masks) <= _MAX_HEADER_ROWS
        and glance(region).only_text
    ]
    named = {column for region in above for mask in region.masks.values() for column in bits(mask)}
    return above if any(column > table.left for column in named) else []
