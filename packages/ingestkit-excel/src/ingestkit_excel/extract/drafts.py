"""The body of a table as typed rows, block by block: in memory, or for a large table in a file of the job's directory.

blocks ─► typed columns ─► merged cells filled down ─► rows ─► list, or RowSpool
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingestkit_core.elements import CellRange, TableColumn, TableDraft
from ingestkit_core.spooled import RowSpool, SpooledRanges

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.facts import Piece
from ingestkit_excel.extract.lines import RowRanges
from ingestkit_excel.extract.names import column_names
from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import Rectangle, SqlValue, TypedColumn

__all__ = ["MAX_TABLE_COLUMNS", "drafts"]

MAX_TABLE_COLUMNS = 1500
_USUAL_COLUMNS = 20
"""Of a row that is kept in memory; wider ones count as several."""


def drafts(
    piece: Piece, title: str, header: Mapping[int, str], values: Sequence[TypedColumn], config: ExcelProcessorConfig
) -> Iterator[TableDraft]:
    """The table, in parts of at most 1,500 columns. What is written is noted in ``values``."""
    region, body = piece.region, piece.anatomy.body
    pairs = [(column, header.get(column, "")) for column in region.columns]
    names = column_names(pairs, clean=config.clean_column_names)
    columns = [TableColumn(name, text, value.type) for name, (_, text), value in zip(names, pairs, values, strict=True)]
    sheet_name = region.view.sheet.name
    top = piece.anatomy.header[0] if piece.anatomy.header else body[0]
    location = CellRange(sheet_name, Rectangle(top, region.left, body[-1], region.right).a1)
    parts = [slice(start, start + MAX_TABLE_COLUMNS) for start in range(0, len(columns), MAX_TABLE_COLUMNS)]
    for number, (part, (rows, places)) in enumerate(zip(parts, _rows(piece, values, parts, config), strict=True), 1):
        yield TableDraft(
            unit=sheet_name,
            region_id=piece.region_id if number == 1 else f"{piece.region_id}_part{number}",
            title=title,
            location=location,
            columns=tuple(columns[part]),
            rows=rows,
            row_locations=places,
        )


_Rows = tuple[Sequence[tuple[Any, ...]], Sequence[CellRange]]


def _rows(
    piece: Piece, values: Sequence[TypedColumn], parts: Sequence[slice], config: ExcelProcessorConfig
) -> list[_Rows]:
    """The rows of every part, and their places."""
    region, body = piece.region, piece.anatomy.body
    blocks = _blocks(values, region, config.max_sample_rows if config.log_sample_data else 0)
    sheet_name = region.view.sheet.name
    if len(body) * max(region.width / _USUAL_COLUMNS, 1) <= config.max_rows_in_memory:
        lists: list[list[tuple[Any, ...]]] = [[] for _ in parts]
        for _, columns in blocks:
            for rows, part in zip(lists, parts, strict=True):
                rows.extend(zip(*columns[part], strict=True))
        places = RowRanges(sheet_name, body, region.left, region.right)
        return [(rows, places) for rows in lists]
    spools = [RowSpool(len(values[part]), region.left, region.right) for part in parts]
    for numbers, columns in blocks:
        for spool, part in zip(spools, parts, strict=True):
            spool.add(zip(*columns[part], numbers, strict=True))
    written = [spool.finish() for spool in spools]
    return [(rows, SpooledRanges(rows, sheet_name)) for rows in written]


def _blocks(
    values: Sequence[TypedColumn], region: Region, max_samples: int
) -> Iterator[tuple[Sequence[int], list[list[SqlValue]]]]:
    """The numbers of the rows of one block after another, and their values column by column."""
    merges = _MergedDown(region)
    for stretches in zip(*(column.stretches() for column in values), strict=True):
        columns = [column.values(stretch) for column, stretch in zip(values, stretches, strict=True)]
        rows = stretches[0].rows
        merges.fill(columns, rows)
        for column, written in zip(values, columns, strict=True):
            column.note(written, max_samples)
        yield rows, columns


class _MergedDown:
    """Values of cells merged over several rows, for each of those rows, from block to block."""

    def __init__(self, region: Region) -> None:
        across = {column: index for index, column in enumerate(region.columns)}
        merges = [merge for merge in region.view.sheet.merges if merge.bottom > merge.top and merge.left == merge.right]
        self._waiting = deque(sorted((one.top, one.bottom, across[one.left]) for one in merges if one.left in across))
        self._open: list[tuple[int, int, int, SqlValue]] = []

    def fill(self, columns: list[list[SqlValue]], rows: Sequence[int]) -> None:
        """Fill the rows of a block."""
        if not self._waiting and not self._open:
            return
        places = {row: index for index, row in enumerate(rows)}
        begun = self._open
        while self._waiting and self._waiting[0][0] <= rows[-1]:
            top, bottom, column = self._waiting.popleft()
            if top in places:
                begun.append((top, bottom, column, columns[column][places[top]]))
        for top, bottom, column, value in begun:
            _fill(columns[column], places, range(max(top + 1, rows[0]), min(bottom, rows[-1]) + 1), value)
        self._open = [one for one in begun if one[1] > rows[-1]]


def _fill(cells: list[SqlValue], places: Mapping[int, int], rows: range, value: SqlValue) -> None:
    for row in rows:
        index = places.get(row)
        if index is not None and cells[index] is None:
            cells[index] = value
