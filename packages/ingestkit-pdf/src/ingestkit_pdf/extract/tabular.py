"""The tables of a document as elements and as SQL tables, each in its place among the text. Pure.

tables of pages ─► joined over page breaks ─► rows under one header ─► chunks, and from some size on SQL too
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingestkit_core.containing import contained
from ingestkit_core.elements import (
    ColumnType,
    Element,
    ElementKind,
    Span,
    TableColumn,
    TableDraft,
    merge_locations,
    unit_of,
)
from ingestkit_core.errors import ErrorCode, IngestError, ProcessError

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.rows import Row, body_rows, header_span
from ingestkit_pdf.extract.tables import Table, column_names, continues, find_tables
from ingestkit_pdf.extract.text import TextElement
from ingestkit_pdf.values import Drawings, Line

__all__ = ["PageTables", "PlacedTable", "page_tables", "placed_tables", "rows_for_sql", "with_tables"]

_MAX_NAME_BYTES = 63


@dataclass(frozen=True, slots=True)
class PageTables:
    """The tables of one page and the lines that are left: ``places`` are their indices before."""

    page_number: int
    tables: tuple[Table, ...]
    characters: tuple[int, ...]
    left: list[Line]
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlacedTable:
    """A table over one or several pages: its elements, where it begins, and where it went on.

    ``failures`` tell what of it could not be put into words: all of it, or its description. ``leaders`` are the visible
    characters of leaders that were left out, by page number.
    """

    page_number: int
    before: int
    elements: tuple[Element, ...]
    draft: TableDraft | None
    continued_on: tuple[int, ...]
    failures: tuple[IngestError, ...] = ()
    leaders: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Surface:
    width: float
    height: float
    lines: Sequence[Line]


def page_tables(number: int, width: float, height: float, lines: list[Line], drawings: Drawings | None) -> PageTables:
    """Find a page's tables among its lines."""
    tables = tuple(find_tables(_Surface(width, height, lines), drawings)) if lines else ()
    taken = {index for table in tables for index in table.lines}
    places = tuple(index for index in range(len(lines)) if index not in taken)
    return PageTables(
        page_number=number,
        tables=tables,
        characters=tuple(sum(lines[index].characters for index in table.lines) for table in tables),
        left=[lines[index] for index in places] if taken else lines,
        places=places,
    )


def placed_tables(
    pages: Sequence[PageTables], config: PDFProcessorConfig, before: Sequence[PlacedTable] = ()
) -> list[PlacedTable]:
    """The tables of some pages in order; those that go on over a page break are one. Numbers follow ``before``."""
    threshold = config.table_continuation_column_match_threshold
    runs: list[list[tuple[int, Table, int]]] = []
    for page in pages:
        for position, (table, characters) in enumerate(zip(page.tables, page.characters, strict=True)):
            part = (page.page_number, table, characters)
            last = runs[-1][-1] if runs and position == 0 else None
            if last is not None and last[0] == page.page_number - 1 and continues(last[1], table, threshold):
                runs[-1].append(part)
            else:
                runs.append([part])
    placed: list[PlacedTable] = []
    drafts = sum(table.draft is not None for table in before)
    for number, run in enumerate(runs, len(before) + 1):
        is_large = sum(len(table.rows) - table.header_row_count for _, table, _ in run) >= rows_for_sql(config)
        placed.append(_placed_or_told(run, number, drafts if is_large else None))
        drafts += placed[-1].draft is not None
    return placed


def _placed_or_told(run: Sequence[tuple[int, Table, int]], number: int, table_index: int | None) -> PlacedTable:
    """The table of a run; one that cannot be made into text costs itself."""
    page_number, first, _ = run[0]
    try:
        return contained(
            ErrorCode.E_PROCESS_SERIALIZE,
            f"a table on page {page_number} could not be made into text",
            lambda: _placed(run, number, table_index),
            page_number=page_number,
        )
    except ProcessError as exc:
        return PlacedTable(page_number, first.lines[0] if first.lines else 0, (), None, (), (exc.to_error(),))


def rows_for_sql(config: PDFProcessorConfig) -> int:
    """The rows from which a table becomes a SQL table besides its chunks.

    The two settings meet by default. Where they overlap the one that was changed decides: fewer rows for the
    database, or more of them told in chunks only.
    """
    least, told_only = config.table_min_rows_for_db, config.table_max_rows_for_serialization
    is_default = least == PDFProcessorConfig.model_fields["table_min_rows_for_db"].default
    return max(least, told_only + 1) if is_default else least


def with_tables(texts: Sequence[TextElement], page: PageTables, placed: Sequence[PlacedTable]) -> Iterator[Element]:
    """The text of a page, made of the left lines, with its tables where they stand."""
    waiting = [table for table in placed if table.page_number == page.page_number]
    for first, element in texts:
        while waiting and waiting[0].before < page.places[first]:
            yield from waiting.pop(0).elements
        yield element
    for table in waiting:
        yield from table.elements


def _placed(run: Sequence[tuple[int, Table, int]], number: int, table_index: int | None) -> PlacedTable:
    page_number, first, _ = run[0]
    names = column_names(first)
    header: list[Span] = []
    rows: list[Row] = []
    for page, table, characters in run:
        count = characters - table.leader_characters
        if table is first and table.header_row_count:
            header.append(header_span(table, page, names, count))
            count = 0
        rows += body_rows(table, page, count)
    spans = tuple(row.span for row in rows)
    columns = tuple(names) if first.header_row_count else ()
    body = Element(ElementKind.TABLE, spans, header=tuple(header), table_index=table_index, columns=columns)
    draft = _draft(number, names, rows, header) if table_index is not None and rows else None
    described, failures = _described(draft, table_index, page_number) if draft is not None else ((), ())
    later = tuple(page for page, _, _ in run[1:])
    leaders = tuple((page, table.leader_characters) for page, table, _ in run if table.leader_characters)
    before = first.lines[0] if first.lines else 0
    return PlacedTable(page_number, before, (body, *described), draft, later, failures, leaders)


def _described(
    draft: TableDraft, table_index: int | None, page_number: int
) -> tuple[tuple[Element, ...], tuple[IngestError, ...]]:
    try:
        schema = contained(
            ErrorCode.E_PROCESS_SCHEMA_GEN,
            f"a table on page {page_number} could not be described",
            lambda: _schema(draft, table_index),
            page_number=page_number,
        )
    except ProcessError as exc:
        return (), (exc.to_error(),)
    return (schema,), ()


# As SQL


def _draft(number: int, names: Sequence[str], rows: Sequence[Row], header: Sequence[Span]) -> TableDraft:
    types = [_type([row.cells[index] for row in rows]) for index in range(len(names))]
    columns = [
        TableColumn(name, header_text, kind)
        for name, header_text, kind in zip(_sql_names(names), names, types, strict=True)
    ]
    location = merge_locations([span.location for span in header] + [row.span.location for row in rows])[0]
    return TableDraft(
        unit=unit_of(rows[0].span.location),
        region_id=f"t{number}",
        title="",
        location=location,
        columns=tuple(columns),
        rows=[tuple(_value(text, kind) for text, kind in zip(row.cells, types, strict=True)) for row in rows],
        row_locations=[row.place for row in rows],
    )


def _schema(draft: TableDraft, table_index: int | None) -> Element:
    lines = [f"Table on {draft.unit}, {len(draft.rows)} rows"]
    lines += [
        f"{column.name}: {column.type}" + (f", {column.header}" if column.header else "") for column in draft.columns
    ]
    spans = tuple(Span(line, draft.location, 0) for line in lines)
    return Element(ElementKind.SCHEMA, spans, table_index=table_index)


_INTEGER = re.compile(r"[-−+]?(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,17}|0)")
_NUMBER = re.compile(r"[-−+]?(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,14}|0)?(?:\.\d+)?")


def _type(texts: Sequence[str]) -> ColumnType:
    """Numbers only where every text is one; ids with leading zeros and anything else stay text."""
    filled = [text for text in texts if text]
    if filled and all(_INTEGER.fullmatch(text) for text in filled):
        return "integer"
    if filled and all(_NUMBER.fullmatch(text) and any(map(str.isdigit, text)) for text in filled):
        return "number"
    return "text"


def _value(text: str, kind: ColumnType) -> int | float | str | None:
    if not text:
        return None
    plain = text.replace(",", "").replace("−", "-")
    return int(plain) if kind == "integer" else float(plain) if kind == "number" else text


def _sql_names(names: Sequence[str]) -> list[str]:
    """Lower-case names, unique when case-folded and at most 63 bytes."""
    taken: set[str] = set()
    made: list[str] = []
    for index, name in enumerate(names, 1):
        base = re.sub(r"\W+", "_", name.casefold()).strip("_") or f"column_{index}"
        base = f"c_{base}" if base[0].isdigit() else base
        base = base.encode()[: _MAX_NAME_BYTES - 5].decode("utf-8", "ignore")
        candidate, number = base, 2
        while candidate in taken:
            candidate, number = f"{base}_{number}", number + 1
        taken.add(candidate)
        made.append(candidate)
    return made
