"""What comes out of a candidate, whatever it is. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.tables import Table

__all__ = ["Output", "Region"]


@dataclass(frozen=True, slots=True)
class Region:
    """A table on a sheet: rows and columns 1-based and inclusive, with the rows that head it."""

    sheet_name: str
    top: int
    left: int
    bottom: int
    right: int
    header_rows: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Output:
    """What a candidate made of one file. ``tables``, ``chunks`` and ``regions`` are None where it has no such
    notion of its own: tables are then taken from the Markdown and chunks from a splitter.
    """

    markdown: str = ""
    tables: tuple[Table, ...] | None = None
    chunks: tuple[str, ...] | None = None
    regions: tuple[Region, ...] | None = None
