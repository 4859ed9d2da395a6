"""The rows of a sheet, block by block: in memory up to so many, in a file beyond.

A block is a few thousand rows; blocks follow each other without overlapping, so that whatever goes through a large
sheet needs one block in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ingestkit_excel.workbook.spill import Spill
from ingestkit_excel.workbook.values import Band, Block

__all__ = ["MAX_ROWS", "Blocks", "UnfitRows"]

MAX_ROWS = 1 << 20
_BLOCK_ROWS = 16_384
_BLOCK_CELLS = 160_000
_USUAL_CELLS = 20
"""Cells of a row; wider ones count as several where rows in memory are counted."""


class UnfitRows(Exception):
    """Rows come twice or in no order, or a cell points to no text: what holds is for the careful scan to say."""


class Blocks:
    """Keeps the blocks of a sheet; by default all of them in memory.

    ``watch`` is told how many bytes they take in the file, and may raise.
    """

    def __init__(
        self, max_rows_in_memory: int = MAX_ROWS, watch: Callable[[int], object] = lambda in_file: None
    ) -> None:
        self._max_rows = max_rows_in_memory
        self._watch = watch
        self._blocks: list[Block] = []
        self._spill: Spill | None = None
        self._rows = 0.0
        self._last = 0

    def room(self, cells: int) -> int:
        """How many rows of so many cells make a block."""
        return min(self._max_rows, _BLOCK_ROWS, max(_BLOCK_CELLS // max(cells, 1), 1))

    def add(self, block: Block) -> None:
        """The next block. Raises UnfitRows where it does not stand below the one before."""
        if min(band.rows[0] for band in block) <= self._last:
            raise UnfitRows
        self._last = max(band.rows[-1] for band in block)
        self._rows += sum(len(band.rows) * max(len(band.forms) / _USUAL_CELLS, 1) for band in block)
        if self._spill is None and self._rows > self._max_rows != MAX_ROWS:
            self._spill = Spill()
            self._blocks = [self._spilled(earlier, self._spill) for earlier in self._blocks]
        self._blocks.append(block if self._spill is None else self._spilled(block, self._spill))

    def _spilled(self, block: Block, spill: Spill) -> Block:
        bands: list[Band] = []
        for band in block:
            masks = band.masks()
            bands.append(replace(band, columns=tuple(map(spill.put, band.columns)), known=masks))
            self._watch(spill.bytes)
        return tuple(bands)

    def all(self) -> tuple[Block, ...]:
        """The blocks from top to bottom."""
        return tuple(self._blocks)
