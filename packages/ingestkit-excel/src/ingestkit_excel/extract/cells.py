"""What the first rows of a region look like, and what single rows of it say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ingestkit_excel.extract.closeup import Cell
from ingestkit_excel.extract.view import Region

__all__ = ["Glance", "cells_of_region", "glance", "is_one_heading", "says_units"]

_GLANCE_ROWS = 12
_HEAD_ROWS = 64
"""Of a region: what is looked at again and again is chosen once."""
_HARDLY_ANY = 0.1
_NEARLY_ALL = 0.8
_MOSTLY = 0.5

_UNIT = re.compile(r"[(\[][^()\[\]]{1,40}[)\]]|[%‰$€£¥#°]{1,2}")


@dataclass(frozen=True, slots=True)
class Glance:
    """What the first rows of a region look like. Columns hold numbers if most of their cells here do.

    ``headless``: nothing names its columns, or only some of them, as the lower rows of a header do. ``only_text``:
    hardly a number but years.
    """

    filled_columns: frozenset[int]
    numeric_columns: frozenset[int]
    only_text: bool
    begins_with_header: bool
    headless: bool


_GLANCES: WeakKeyDictionary[Region, Glance] = WeakKeyDictionary()
_HEADS: WeakKeyDictionary[Region, dict[int, Mapping[int, Cell]]] = WeakKeyDictionary()


def glance(region: Region) -> Glance:
    """Look at the first twelve filled rows."""
    found = _GLANCES.get(region)
    if found is None:
        found = _GLANCES[region] = _glance(region)
    return found


def _glance(region: Region) -> Glance:
    looked = cells_of_region(region, region.masks.rows[:_GLANCE_ROWS])
    texts: Counter[int] = Counter()
    numbers: Counter[int] = Counter()
    for cells in looked.values():
        for column, cell in cells.items():
            if not cell.missing:
                (numbers if cell.numeric and not cell.yearlike else texts)[column] += 1
    numeric = frozenset(column for column, count in numbers.items() if count >= texts[column])
    first = next((cells for cells in looked.values() if _tells(cells)), next(iter(looked.values())))
    named = [cell for cell in first.values() if cell.column > region.left] or list(first.values())
    values = [cell for cell in named if not cell.missing]
    with_numbers = any(cell.numeric and not cell.yearlike for cell in values)
    return Glance(
        filled_columns=frozenset(texts) | frozenset(numbers),
        numeric_columns=numeric,
        only_text=numbers.total() <= _HARDLY_ANY * texts.total(),
        begins_with_header=len(first) > 1 and bool(values) and not with_numbers,
        headless=region.left not in first or _lacks_names(region, looked, numeric),
    )


def _tells(cells: Mapping[int, Cell]) -> bool:
    return sum(not cell.missing for cell in cells.values()) > 1


def _lacks_names(region: Region, looked: Mapping[int, Mapping[int, Cell]], numeric: frozenset[int]) -> bool:
    """Whether the rows above the first numbers leave most columns without a name."""
    named: set[int] = set()
    for cells in looked.values():
        if any(column in numeric and cell.numeric and not cell.yearlike for column, cell in cells.items()):
            break
        if not says_units(list(cells.values())):
            named.update(column for column, cell in cells.items() if not cell.missing)
    return len(named) < _MOSTLY * region.width


def says_units(cells: Sequence[Cell]) -> bool:
    """Whether a row tells in what its columns are measured: ``(percent)``, ``(1,000)``, ``$``."""
    texts = [cell.text.strip() for cell in cells if not cell.missing]
    units = sum(_UNIT.fullmatch(text) is not None for text in texts)
    return units >= max(len(texts) - 1, 1)


def is_one_heading(cells: Sequence[Cell], region: Region) -> bool:
    """Whether a row says one thing over the whole width, as an unmerged title repeated in every cell it covered does.

    A day may stand in the corner beside it.
    """
    said = [cell for cell in cells if not (cell.dated and cell.column == region.left)]
    if len(said) < 2 or len(cells) < _NEARLY_ALL * region.width or cells[0].column > region.left:
        return False
    first = said[0]
    return not first.numeric and not first.missing and all(cell.text == first.text for cell in said)


def cells_of_region(region: Region, rows: Sequence[int]) -> dict[int, Mapping[int, Cell]]:
    """The cells of some rows of a region: row, then column, both ascending."""
    head = _HEADS.setdefault(region, {})
    found: dict[int, Mapping[int, Cell]] = {}
    for row in rows:
        cells = head.get(row)
        if cells is None:
            cells = _cells_of_row(region, row)
            if len(head) < _HEAD_ROWS:
                head[row] = cells
        found[row] = cells
    return found


def _cells_of_row(region: Region, row: int) -> Mapping[int, Cell]:
    cells, mask = region.view.closeup.row(row), region.masks.get(row, 0)
    if len(cells) == mask.bit_count():
        return cells
    return {column: cell for column, cell in cells.items() if mask >> column & 1}
