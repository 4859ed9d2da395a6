"""Regions joined again where a cut went through something that belongs together: rows that go on below a gap, what a
column that only some rows leave blank has cut off, headers above their tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingestkit_excel.extract.anatomy import anatomy_of, says_total
from ingestkit_excel.extract.cells import cells_of_region, glance
from ingestkit_excel.extract.view import Region, region_of
from ingestkit_excel.workbook import RowMasks

__all__ = ["join_below"]

_MAX_GAP_ROWS = 2
_MAX_HEADER_ROWS = 8
_MAX_HEADER_GAP_ROWS = 4
_MAX_WIDE_HEADER_GAP_ROWS = 8
_MARKS_COLUMNS = 1
_MAX_JOINABLE = 2000
"""Regions of a sheet above which none are joined: every one is compared with those above it."""
_SAMPLE_ROWS = 24
_ALIGNED = 0.6
_AGREEING = 0.7


def join_below(regions: list[Region]) -> list[Region]:
    """Join regions one below the other where the lower one goes on with what the upper one began."""
    if len(regions) > _MAX_JOINABLE:
        return regions
    joined: list[Region] = []
    groups: list[Region] = []
    for lower in sorted(regions, key=lambda region: (region.top, region.left)):
        above = next((upper for upper in reversed(joined) if _is_above(upper, lower, _MAX_GAP_ROWS)), None)
        whole = next((upper for upper in reversed(joined) if _is_inside(lower, upper)), None)
        if whole is not None and _has_the_like(whole, lower):
            joined[joined.index(whole)] = _united(whole, lower)
        elif above is not None and _is_group(lower) and (above in groups or _is_closed(above)):
            groups.append(lower)
            joined.append(lower)
        elif above is not None and _goes_on(above, lower):
            joined[joined.index(above)] = _united(above, lower)
        else:
            joined.append(lower)
    return _join_headers(joined)


def _is_inside(part: Region, whole: Region) -> bool:
    """Whether a part was cut off by a column that only some rows of another region leave blank."""
    rows = whole.top < part.top and part.bottom <= whole.bottom
    return rows and whole.left <= part.left and part.right <= whole.right


def _has_the_like(whole: Region, part: Region) -> bool:
    """Whether a region begins with numbers or words that stand in the same columns of another."""
    above = cells_of_region(whole, whole.masks.rows[:_SAMPLE_ROWS])
    said = {(column, cell.text) for cells in above.values() for column, cell in cells.items()}
    numeric = glance(whole).numeric_columns
    looked = cells_of_region(part, part.masks.rows[:_SAMPLE_ROWS])
    cells = [cell for of_row in looked.values() for cell in of_row.values()]
    alike = sum((cell.column, cell.text) in said or (cell.numeric and cell.column in numeric) for cell in cells)
    return alike >= _AGREEING * len(cells)


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


def _is_group(lower: Region) -> bool:
    """Whether a region begins with a title of its own in the first column, and goes on with rows."""
    rows = lower.masks.rows
    if len(rows) < 2 or lower.masks[rows[0]] != 1 << lower.left or lower.masks[rows[1]].bit_count() < 2:
        return False
    (title,) = cells_of_region(lower, rows[:1])[rows[0]].values()
    return not title.numeric and not title.missing


def _is_closed(upper: Region) -> bool:
    """Whether a region is a whole table that ends with its totals: what follows under a title is a group of its own.

    Totals that stand first, or below no header, belong to what follows.
    """
    if not says_total([*cells_of_region(upper, [upper.bottom])[upper.bottom].values()]):
        return False
    found = anatomy_of(upper)
    return bool(found.header and found.body and found.totals)


def _goes_on(upper: Region, lower: Region) -> bool:
    """Whether the lower region has no header and holds numbers where the upper one does."""
    if upper.width < 2 or lower.width < 2 or lower.left < upper.left or lower.right > upper.right + _MARKS_COLUMNS:
        return False
    above, below = glance(upper), glance(lower)
    if not above.numeric_columns and not below.numeric_columns:
        return _says_the_like(upper, lower)
    if above.only_text or below.begins_with_header or not below.numeric_columns:
        return False
    common = (below.numeric_columns & above.filled_columns) | (below.filled_columns & above.numeric_columns)
    return len(below.numeric_columns & above.numeric_columns) >= _AGREEING * len(common)


def _says_the_like(upper: Region, lower: Region) -> bool:
    """Whether a region of text begins with what stands above in the same columns, but with no row of it again."""
    above = cells_of_region(upper, upper.masks.rows[:_SAMPLE_ROWS])
    first = cells_of_region(lower, [lower.top])[lower.top]
    said = {(column, cell.text) for cells in above.values() for column, cell in cells.items()}
    again = [column for column, cell in first.items() if (column, cell.text) in said]
    return lower.left not in again and len(again) >= max(2, _ALIGNED * (len(first) - 1))


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
    """The regions of text right above a table whose header is missing or only begun.

    Labels may stand in between: what begins below them is a section of the table.
    """
    look = glance(table)
    if not look.headless:
        return [region for region in others if look.begins_with_header and _spans_columns(region, table)]
    taken: list[Region] = []
    top = table.top
    while above := [region for region in others if region not in taken and _may_head(region, table, top)]:
        taken.extend(above)
        if any(column > table.left for region in above for column in region.columns):
            return taken
        if look.begins_with_header:
            return []
        top = min(region.top for region in above)
    return []


def _spans_columns(region: Region, table: Region) -> bool:
    """Whether a row is headings above those of a table, each over several of its columns."""
    rows = region.masks
    several = len(rows) == 1 and 2 <= region.cells < table.width - 1 and region.left > table.left
    near = region.bottom < table.top and region.view.row_gap(region.bottom, table.top) <= _MAX_GAP_ROWS
    return several and near and region.right <= table.right and glance(region).only_text


def _may_head(region: Region, table: Region, top: int) -> bool:
    """Whether a region is text within the columns of a table, not far above a row."""
    if region.bottom >= top or region.left < table.left or region.right > table.right:
        return False
    wide = region.width >= _ALIGNED * table.width
    most = _MAX_WIDE_HEADER_GAP_ROWS if wide else _MAX_HEADER_GAP_ROWS
    pairs = region.width == 2 and table.width > 4 and len(region.masks) > 2
    near = len(region.masks) <= _MAX_HEADER_ROWS and region.view.row_gap(region.bottom, top) <= most
    return near and not pairs and glance(region).only_text
