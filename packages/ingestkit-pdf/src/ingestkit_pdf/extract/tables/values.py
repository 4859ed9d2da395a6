"""What the table room hands out, and what it asks of a page. Values only.

    Table
    └── rows of Cell         each cell once, at its first row and column

Boxes are in points from the top left of the page as displayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ingestkit_core.elements import Box

from ingestkit_pdf.values import Line

__all__ = ["Cell", "Found", "Surface", "Table"]

Found = Literal["ruled", "partly_ruled", "borderless"]
"""How a table shows itself: rules around its cells, some rules, or alignment alone."""


class Surface(Protocol):
    """A page as far as tables are concerned: a Page, or what is left of one. Sizes are points as displayed."""

    @property
    def width(self) -> float:
        """From left to right."""

    @property
    def height(self) -> float:
        """From top to bottom."""

    @property
    def lines(self) -> Sequence[Line]:
        """The lines a table may hold, in any order."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell; ``row`` and ``column`` are where it begins, 0-based. Empty cells have no text but a box."""

    text: str
    box: Box
    row: int
    column: int
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page.

    Every place of the grid belongs to exactly one cell; ``rows`` hold the cells that begin there, from left
    to right. ``lines`` are the indices, within the page's lines, of all the text in it, ascending.
    ``leader_characters`` are visible characters of that text that no cell says: leaders from labels to values.
    ``confidence`` is 0..1. ``lines_above`` and ``lines_below`` count the page's lines over and under it.
    """

    box: Box
    rows: tuple[tuple[Cell, ...], ...]
    column_count: int
    header_row_count: int
    lines: tuple[int, ...]
    confidence: float
    found: Found
    lines_above: int = 0
    lines_below: int = 0
    leader_characters: int = 0

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, row by row."""
        return tuple(cell for row in self.rows for cell in row)
