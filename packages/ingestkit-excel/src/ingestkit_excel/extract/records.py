"""A table into SQL rows, a description and lines of text.

header row(s) ─► column names, header line (repeated in every chunk)
body          ─► typed values ─► TableDraft (parts of at most 1,500 columns)
              └► lines, up to row_serialization_limit rows
totals        ─► lines only: a sum among what it sums would be counted twice
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingestkit_core.elements import CellRange, Element, ElementKind, Span, TableColumn, TableDraft

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.facts import Piece
from ingestkit_excel.extract.headers import flat_header, header_span
from ingestkit_excel.extract.lines import RowRanges, row_spans, rows_of, shown_rows
from ingestkit_excel.extract.names import column_names
from ingestkit_excel.extract.schema import describe
from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import Rectangle, TypedColumn, typed

__all__ = ["MAX_TABLE_COLUMNS", "Record", "read_record"]

MAX_TABLE_COLUMNS = 1500

Metadata = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What a table gave. ``in_sql_only`` counts the cells that stand in no text. Table indexes count from 0."""

    elements: tuple[Element, ...]
    tables: tuple[TableDraft, ...]
    in_sql_only: int


def read_record(
    piece: Piece,
    title: str,
    config: ExcelProcessorConfig,
    *,
    targets: Mapping[tuple[int, int], str],
    names: Sequence[str],
    metadata: Metadata,
    headings: Sequence[Element],
    first_table: int,
) -> Record:
    """Read a table.

    ``headings`` are the elements of its title, ``names`` what the workbook itself calls it, ``first_table`` is its
    index in the document.
    """
    region, anatomy = piece.region, piece.anatomy
    header = flat_header(region, anatomy.header)
    values = _filled_down([typed(column) for column in piece.columns], region, anatomy.body)
    tables = tuple(_drafts(piece, title, header, values, clean=config.clean_column_names))
    told = len(anatomy.body) <= config.row_serialization_limit
    elements: list[Element] = []
    if told:
        elements.extend([*headings, *_lines(piece, header, tables[0], targets, metadata, first_table)])
    elif anatomy.totals:
        elements.append(_totals(piece, header, targets, metadata, first_table))
    for index, table in enumerate(tables):
        # The title of a table that is not told row by row stands in its description.
        titles = [span for heading in headings for span in heading.spans] if not told and not index else []
        lines = describe(table, values, piece, names, config, part=index, offset=index * MAX_TABLE_COLUMNS)
        elements.append(
            Element(
                ElementKind.SCHEMA,
                (*titles, *(Span(line, table.location, 0) for line in lines)),
                metadata=metadata,
                table_index=first_table + index,
                columns=tuple(column.name for column in table.columns),
            )
        )
    return Record(tuple(elements), tables, 0 if told else _untold(piece))


def _untold(piece: Piece) -> int:
    """Cells of header and body of a table that is not told row by row."""
    anatomy = piece.anatomy
    body = sum(column.filled for column in piece.columns)
    if anatomy.totals:
        return body
    return body + sum(piece.region.masks[row].bit_count() for row in anatomy.header)


def _lines(
    piece: Piece,
    header: Mapping[int, str],
    table: TableDraft,
    targets: Mapping[tuple[int, int], str],
    metadata: Metadata,
    table_index: int,
) -> list[Element]:
    """The rows of a table; hidden ones, where they are wanted, in an element of their own."""
    anatomy, region = piece.anatomy, piece.region
    body = row_spans(region, anatomy.body, shown_rows(piece.columns, anatomy.body, targets))
    totals = row_spans(region, anatomy.totals, rows_of(region, anatomy.totals, targets))
    whole = Element(
        ElementKind.TABLE,
        (*body, *totals),
        header=header_span(region, anatomy.header, header),
        metadata=metadata,
        table_index=table_index,
        columns=tuple(column.name for column in table.columns),
    )
    hidden = region.view.sheet.hidden_rows
    rows = [*anatomy.body, *anatomy.totals]
    if not any(row in hidden for row in rows):
        return [whole]
    seen = tuple(span for row, span in zip(rows, whole.spans, strict=True) if row not in hidden)
    unseen = tuple(span for row, span in zip(rows, whole.spans, strict=True) if row in hidden)
    again = tuple(replace(span, count=0) for span in whole.header)
    labelled = replace(whole, spans=unseen, header=again, metadata=(*metadata, ("hidden", True)))
    return [replace(whole, spans=seen), labelled] if seen else [replace(labelled, header=whole.header)]


def _totals(
    piece: Piece,
    header: Mapping[int, str],
    targets: Mapping[tuple[int, int], str],
    metadata: Metadata,
    table_index: int,
) -> Element:
    region, anatomy = piece.region, piece.anatomy
    return Element(
        ElementKind.TABLE,
        row_spans(region, anatomy.totals, rows_of(region, anatomy.totals, targets)),
        header=header_span(region, anatomy.header, header),
        metadata=metadata,
        table_index=table_index,
    )


def _filled_down(values: list[TypedColumn], region: Region, body: Sequence[int]) -> list[TypedColumn]:
    """Values of cells merged over several rows, in each of those rows."""
    merges = [merge for merge in region.view.sheet.merges if merge.bottom > merge.top and merge.left == merge.right]
    if not merges:
        return values
    place = {row: index for index, row in enumerate(body)}
    across = {column: index for index, column in enumerate(region.columns)}
    for merge in merges:
        if merge.left in across and merge.top in place:
            cells = values[across[merge.left]].values
            for row in range(merge.top + 1, merge.bottom + 1):
                if row in place and cells[place[row]] is None:
                    cells[place[row]] = cells[place[merge.top]]
    return values


def _drafts(
    piece: Piece, title: str, header: Mapping[int, str], values: Sequence[TypedColumn], *, clean: bool
) -> Iterator[TableDraft]:
    region, body = piece.region, piece.anatomy.body
    pairs = [(column, header.get(column, "")) for column in region.columns]
    names = column_names(pairs, clean=clean)
    columns = [TableColumn(name, text, value.type) for name, (_, text), value in zip(names, pairs, values, strict=True)]
    rows = [*piece.anatomy.header, *body]
    sheet_name = region.view.sheet.name
    location = CellRange(sheet_name, Rectangle(rows[0], region.left, rows[-1], region.right).a1)
    for part, start in enumerate(range(0, len(columns), MAX_TABLE_COLUMNS)):
        stop = start + MAX_TABLE_COLUMNS
        yield TableDraft(
            unit=sheet_name,
            region_id=piece.region_id if not part else f"{piece.region_id}_part{part + 1}",
            title=title,
            location=location,
            columns=tuple(columns[start:stop]),
            rows=list(zip(*(value.values for value in values[start:stop]), strict=True)),
            row_locations=RowRanges(sheet_name, body, region.left, region.right),
        )
