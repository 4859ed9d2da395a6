"""A table in words: where it is, how large, and what its columns hold. Describes; repeats no rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from ingestkit_core.elements import CellRange, TableColumn, TableDraft

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.facts import Piece
from ingestkit_excel.workbook import TypedColumn, plain

__all__ = ["describe"]


def describe(
    table: TableDraft,
    values: Sequence[TypedColumn],
    piece: Piece,
    names: Sequence[str],
    config: ExcelProcessorConfig,
    *,
    part: int,
    offset: int,
) -> list[str]:
    """The lines that describe a table. ``values`` are those of all its parts, ``offset`` is where this one begins."""
    stop = offset + len(table.columns)
    places = zip(table.columns, values[offset:stop], piece.region.columns[offset:stop], strict=True)
    sheet = piece.region.view.sheet
    return [
        *_heading(table, piece, names, part),
        *(
            _column_line(column, value, config) + (", hidden" if sheet.is_hidden_column(number) else "")
            for column, value, number in places
        ),
    ]


def _heading(table: TableDraft, piece: Piece, names: Sequence[str], part: int) -> Iterator[str]:
    assert isinstance(table.location, CellRange)
    sheet = piece.region.view.sheet
    yield f"Table: {table.title or ', '.join(names) or sheet.name}"
    hidden = " (hidden)" if sheet.hidden else ""
    split = f", part {part + 1} of its columns" if len(piece.region.columns) > len(table.columns) else ""
    yield f"Sheet {sheet.name}{hidden}, range {table.location.cell_range}, {len(table.rows)} rows{split}"
    if table.title and names:
        yield f"Named {', '.join(names)} in the workbook"
    if piece.anatomy.totals:
        rows = ", ".join(str(row) for row in piece.anatomy.totals)
        yield f"Totals in row {rows}, kept apart"


def _column_line(column: TableColumn, value: TypedColumn, config: ExcelProcessorConfig) -> str:
    told = [f"{column.name}: {column.type}"]
    if column.header and _words(column.header) != _words(re.sub(r"^c_(?=\d)", "", column.name)):
        told.append(column.header)
    if value.low is not None:
        told.append(f"{plain(value.low)} to {plain(value.high)}")
    if value.errors:
        told.append(f"{value.errors} errors")
    if value.marked:
        told.append(f"{value.marked} marked as missing")
    if value.samples and config.log_sample_data:
        told.append(f"for example {', '.join(value.samples)}")
    return ", ".join(told)


def _words(text: str) -> list[str]:
    """What a name and a header have in common: a header that only differs in case and marks is not told again."""
    return re.findall(r"[^\W_]+|[%‰$€£¥#]", unicodedata.normalize("NFKC", text).casefold())
