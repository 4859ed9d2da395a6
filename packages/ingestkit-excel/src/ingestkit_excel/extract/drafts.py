"""The body of a table as typed rows, block by block: in memory, or for a large table in a file of the job's directory.

blocks ─► typed columns ─► merged cells filled down ─► rows ─► list, or RowSpool
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingestkit_core.elements import CellRange, TableColumn, TableDraft, column_letters, range_name
from ingestkit_core.spooled import RowSpool, SpooledRanges

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.facts import Piece
from ingestkit_excel.extract.headers import FlatHeader
from ingestkit_excel.extract.lines import RowRanges, narrowed
from ingestkit_excel.extract.names import column_names
from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import Rectangle, SqlValue, TypedColumn

__all__ = ["MAX_TABLE_COLUMNS", "drafts"]

MAX_TABLE_COLUMNS = 1500
_USUAL_COLUMNS = 20
"""Of a row that is kept in memory; wider ones count as several."""


def drafts(
    piece: Piece, title: str, header: FlatHeader, values: Sequence[TypedColumn], config: ExcelProcessorConfig
) -> Iterator[TableDraft]:
    """The table, in parts of at most 1,500 columns. What is written is noted in ``values``."""
    region, body = piece.region, piece.anatomy.body
    parts = [slice(start, start + MAX_TABLE_COLUMNS) for start in range(0, region.width, MAX_TABLE_COLUMNS)]
    written = _written(piece, values, parts, config)
    pairs = [(column, header.of(column)) for column in region.columns]
    names = column_names(pairs, clean=config.clean_column_names)
    columns = [TableColumn(name, text, value.type) for name, (_, text), value in zip(names, pairs, values, strict=True)]
    sheet_name = region.view.sheet.name
    top = piece.anatomy.header[0] if piece.anatomy.header else body[0]
    location = CellRange(sheet_name, Rectangle(top, region.left, body[-1], region.right).a1)
    for number, (part, (rows, places)) in enumerate(zip(parts, written, strict=True), 1):
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


def _written(
    piece: Piece, values: Sequence[TypedColumn], parts: Sequence[slice], config: ExcelProcessorConfig
) -> list[_Rows]:
    """The rows of every part with their places, in types that hold for all of them."""
    large = len(piece.anatomy.body) * max(piece.region.width / _USUAL_COLUMNS, 1) > config.max_rows_in_memory
    samples = config.max_sample_rows if config.log_sample_data else 0
    sink = (_InFile if large else _InMemory)(piece, parts)
    if not _fill(sink, piece.region, values, samples):
        for column in values:
            column.begin_again()
        sink.clear()
        _fill(sink, piece.region, values, samples)
    return sink.finish()


class _InMemory:
    """Rows as lists."""

    def __init__(self, piece: Piece, parts: Sequence[slice]) -> None:
        self._parts = parts
        region, body = piece.region, piece.anatomy.body
        self._places = RowRanges(region.view.sheet.name, body, region.left, region.right, narrowed(region, body))
        self.clear()

    def clear(self) -> None:
        """Back to no rows."""
        self._rows: list[list[tuple[Any, ...]]] = [[] for _ in self._parts]

    def add(self, numbers: Sequence[int], columns: list[list[SqlValue]]) -> None:
        """The rows of a block."""
        for rows, part in zip(self._rows, self._parts, strict=True):
            rows.extend(zip(*columns[part], strict=True))

    def finish(self) -> list[_Rows]:
        """All rows."""
        return [(rows, self._places) for rows in self._rows]


class _InFile:
    """Rows in files of the job's directory."""

    def __init__(self, piece: Piece, parts: Sequence[slice]) -> None:
        self._parts = parts
        self._sheet_name = piece.region.view.sheet.name
        self._ends = column_letters(piece.region.left), column_letters(piece.region.right)
        self._narrower = narrowed(piece.region, piece.anatomy.body)
        self._spools = [RowSpool(len(range(piece.region.width)[part])) for part in parts]

    def clear(self) -> None:
        """Back to no rows."""
        for spool in self._spools:
            spool.clear()

    def add(self, numbers: Sequence[int], columns: list[list[SqlValue]]) -> None:
        """The rows of a block."""
        first, last = self._ends
        places = [f"{first}{row}" if first == last else f"{first}{row}:{last}{row}" for row in numbers]
        if self._narrower:
            for index, row in enumerate(numbers):
                if row in self._narrower:
                    left, right = self._narrower[row]
                    places[index] = range_name(row, left, row, right)
        for spool, part in zip(self._spools, self._parts, strict=True):
            spool.add(zip(*columns[part], places, strict=True))

    def finish(self) -> list[_Rows]:
        """All rows."""
        written = [spool.finish() for spool in self._spools]
        return [(rows, SpooledRanges(rows, self._sheet_name)) for rows in written]


def _fill(sink: _InMemory | _InFile, region: Region, values: Sequence[TypedColumn], max_samples: int) -> bool:
    """Write block by block; False where the types of later blocks make what was written wrong."""
    merges = _MergedDown(region)
    for stretches in zip(*(column.stretches() for column in values), strict=True):
        columns = [column.values(stretch) for column, stretch in zip(values, stretches, strict=True)]
        if any(column.widened for column in values):
            continue
        merges.fill(columns, stretches[0].rows)
        for column, written in zip(values, columns, strict=True):
            column.note(written, max_samples)
        sink.add(stretches[0].rows, columns)
    return not any(column.widened for column in values)


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
            _fill_down(columns[column], places, range(max(top + 1, rows[0]), min(bottom, rows[-1]) + 1), value)
        self._open = [one for one in begun if one[1] > rows[-1]]


def _fill_down(cells: list[SqlValue], places: Mapping[int, int], rows: range, value: SqlValue) -> None:
    for row in rows:
        index = places.get(row)
        if index is not None and cells[index] is None:
            cells[index] = value
