"""A place as people write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from ingestkit_core.elements import CellRange, PageBox

__all__ = ["place"]


def place(locations: Iterable[PageBox | CellRange]) -> str:
    """Where something stands, for people: ``page 3``, ``pages 3-4, 7``, ``Employees!A4:F20``; empty for nowhere."""
    listed = list(locations)
    pages = sorted({location.page_number for location in listed if isinstance(location, PageBox)})
    parts = [f"{'page' if len(pages) == 1 else 'pages'} {_runs(pages)}"] if pages else []
    ranges = [location for location in listed if isinstance(location, CellRange)]
    for sheet, group in groupby(ranges, key=lambda location: location.sheet_name):
        names = dict.fromkeys(location.cell_range for location in group)
        parts.append(f"{_sheet(sheet)}!{', '.join(names)}")
    return "; ".join(parts)


def _runs(numbers: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _sheet(name: str) -> str:
    """A sheet's name as Excel writes it before the ``!``."""
    return name if re.fullmatch(r"[^\W\d]\w*", name) else "'{}'".format(name.replace("'", "''"))
