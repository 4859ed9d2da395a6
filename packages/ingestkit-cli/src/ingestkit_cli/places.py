"""Where a passage stands, as people write it: ``report.pdf, page 3``, ``roster.xlsx, Employees!A4:F20``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ingestkit_core.elements import CellRange, PageBox
from ingestkit_core.errors import IngestError
from ingestkit_core.rendering import place

__all__ = ["citation", "place_of", "place_of_error", "shown_path"]


def shown_path(uri: str) -> str:
    """A path as short as it can be understood: relative to the current folder where it lies in it."""
    try:
        return Path(uri).relative_to(Path.cwd()).as_posix() if os.path.isabs(uri) else uri
    except (ValueError, FileNotFoundError):
        # Elsewhere; or the current folder is gone.
        return uri


def place_of(locations: Iterable[Mapping[str, Any]]) -> str:
    """The place that a chunk's or a table's stored locations name; empty for none."""
    return place(
        PageBox(location["page_number"], tuple(location["box"]))
        if "page_number" in location
        else CellRange(location["sheet_name"], location["cell_range"])
        for location in locations
    )


def citation(uri: str, locations: Iterable[Mapping[str, Any]]) -> str:
    """Source and place together."""
    return ", ".join(filter(None, (shown_path(uri), place_of(locations))))


def place_of_error(error: IngestError) -> str:
    """Where an error or a warning stands; empty where it is about the whole document."""
    if error.page_number is not None:
        return f"page {error.page_number}"
    if error.sheet_name is None:
        return ""
    return place([CellRange(error.sheet_name, error.cell_range)]) if error.cell_range else f"sheet {error.sheet_name}"
