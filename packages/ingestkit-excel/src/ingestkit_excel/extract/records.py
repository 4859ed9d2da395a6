"""A table into SQL rows, a description and lines of text.

header row(s) ─► column names, header line (repeated in every chunk)
body          ─► typed rows ─► TableDraft (``drafts``)
              └► lines, up to row_serialization_limit rows
totals        ─► lines only: a sum among what it sums would be counted twice
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingestkit_core.containing import contained
from ingestkit_core.elements import Element, ElementKind, Span, TableDraft
from ingestkit_core.errors import ErrorCode, IngestError, ProcessError

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.drafts import MAX_TABLE_COLUMNS, drafts
from ingestkit_excel.extract.facts import Piece
from ingestkit_excel.extract.headers import FlatHeader
from ingestkit_excel.extract.inherited import header_line, header_of
from ingestkit_excel.extract.lines import row_spans, rows_of, shown_rows
from ingestkit_excel.extract.schema import describe
from ingestkit_excel.workbook import TypedColumn

__all__ = ["Record", "read_record"]

Metadata = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What a table gave. ``in_sql_only`` counts the cells that stand in no text. Table indexes count from 0.

    ``failures`` tell what of it could not be put into words: its rows (E_PROCESS_SERIALIZE), which are in the SQL table
    all the same, or its description (E_PROCESS_SCHEMA_GEN).
    """

    elements: tuple[Element, ...]
    tables: tuple[TableDraft, ...]
    in_sql_only: int
    failures: tuple[IngestError, ...] = ()


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
    header = header_of(piece)
    values = [TypedColumn(column) for column in piece.columns]
    told_above = " / ".join(text for text in (title, *header.over_all) if text)
    tables = tuple(drafts(piece, told_above, header, values, config))
    told = len(anatomy.body) <= config.row_serialization_limit
    elements: list[Element] = []
    failures: list[IngestError] = []

    def attempt(code: ErrorCode, message: str, step: Callable[[], Sequence[Element]]) -> bool:
        sheet_name, cell_range = region.view.sheet.name, region.place.a1
        try:
            elements.extend(contained(code, message, step, sheet_name=sheet_name, cell_range=cell_range))
        except ProcessError as exc:
            failures.append(exc.to_error())
            return False
        return True

    def rows() -> Sequence[Element]:
        if told:
            return [*headings, *_lines(piece, header, tables[0], targets, metadata, first_table)]
        return [_totals(piece, header, targets, metadata, first_table)] if anatomy.totals else []

    if not attempt(ErrorCode.E_PROCESS_SERIALIZE, "the rows of a table could not be made into text", rows):
        told = False
    for index, table in enumerate(tables):
        # The title of a table that is not told row by row stands in its description.
        titles = [span for heading in headings for span in heading.spans] if not told and not index else []

        def description(
            table: TableDraft = table, index: int = index, titles: Sequence[Span] = titles
        ) -> Sequence[Element]:
            lines = describe(table, values, piece, names, config, part=index, offset=index * MAX_TABLE_COLUMNS)
            spans = (*titles, *(Span(line, table.location, 0) for line in lines))
            columns = tuple(column.name for column in table.columns)
            return [
                Element(ElementKind.SCHEMA, spans, metadata=metadata, table_index=first_table + index, columns=columns)
            ]

        attempt(ErrorCode.E_PROCESS_SCHEMA_GEN, "a table could not be described", description)
    return Record(tuple(elements), tables, 0 if told else _untold(piece), tuple(failures))


def _untold(piece: Piece) -> int:
    """Cells of header and body of a table that is not told row by row."""
    anatomy = piece.anatomy
    body = sum(column.filled for column in piece.columns)
    if anatomy.totals:
        return body
    return body + sum(piece.region.masks[row].bit_count() for row in (*anatomy.header, *anatomy.again))


def _lines(
    piece: Piece,
    header: FlatHeader,
    table: TableDraft,
    targets: Mapping[tuple[int, int], str],
    metadata: Metadata,
    table_index: int,
) -> list[Element]:
    """The rows of a table; hidden ones, where they are wanted, in an element of their own."""
    anatomy, region = piece.anatomy, piece.region
    body = row_spans(region, anatomy.body, shown_rows(region, piece.columns, anatomy.body, targets))
    totals = row_spans(region, anatomy.totals, rows_of(region, anatomy.totals, targets))
    whole = Element(
        ElementKind.TABLE,
        (*body, *totals),
        header=header_line(piece, header),
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
    header: FlatHeader,
    targets: Mapping[tuple[int, int], str],
    metadata: Metadata,
    table_index: int,
) -> Element:
    region, anatomy = piece.region, piece.anatomy
    return Element(
        ElementKind.TABLE,
        row_spans(region, anatomy.totals, rows_of(region, anatomy.totals, targets)),
        header=header_line(piece, header),
        metadata=metadata,
        table_index=table_index,
    )
