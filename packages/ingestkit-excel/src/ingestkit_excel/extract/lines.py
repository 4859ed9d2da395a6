"""Rows as lines of text: cells as shown, joined by bars, links where they lead elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ingestkit_core.elements import CellRange, Span, range_name

from ingestkit_excel.extract.cells import cells_of_region
from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import Column, Link, columns_of, shown, without_rows

__all__ = [
    "BAR",
    "RowRanges",
    "header_parts",
    "joined",
    "labelled",
    "link_targets",
    "narrowed",
    "one_line",
    "region_columns",
    "row_spans",
    "rows_of",
    "shown_rows",
    "with_link",
]

BAR = " | "
_MAX_LINK_CELLS = 10_000
_FEW_ROWS = 64
"""Of few rows the single cells are at hand: columns pay for many."""
_LONG_ROW_CHARACTERS = 250
"""Shorter rows fit into the smallest of chunks worth having."""


@dataclass(frozen=True, slots=True)
class RowRanges(Sequence[CellRange]):
    """The places of rows, made when asked for: a million of them are three numbers and a list of rows.

    ``narrower`` are the first and last column of rows that reach less far.
    """

    sheet_name: str
    rows: Sequence[int]
    left: int
    right: int
    narrower: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # an index or a slice, as in any sequence
        if isinstance(index, slice):
            return RowRanges(self.sheet_name, self.rows[index], self.left, self.right, self.narrower)
        row = self.rows[index]
        left, right = self.narrower.get(row, (self.left, self.right))
        return CellRange(self.sheet_name, range_name(row, left, row, right))


def narrowed(region: Region, rows: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Of some rows those that share their place with another region: the first and last column of their own cells."""
    own = ((row, region.masks.get(row, 0)) for row in region.foreign(rows))
    return {row: ((mask & -mask).bit_length() - 1, mask.bit_length() - 1) for row, mask in own if mask}


def region_columns(region: Region, rows: Sequence[int]) -> list[Column]:
    """The columns of a region over some of its rows, without the cells of other regions in between."""
    columns = columns_of(region.view.sheet, region.columns, rows)
    foreign = region.foreign(rows)
    if not foreign:
        return columns
    left_out = {number: {row for row, mask in foreign.items() if mask >> number & 1} for number in region.columns}
    return [without_rows(column, left_out[column.column]) for column in columns]


def one_line(text: str) -> str:
    """A cell's text without line breaks."""
    return " ".join(text.split()) if "\n" in text or "\t" in text else text


def labelled(text: str, *, hidden: bool) -> str:
    """A text, saying so where a person does not see it."""
    return f"{text} (hidden)" if hidden else text


def link_targets(links: Sequence[Link]) -> Mapping[tuple[int, int], str]:
    """Where single cells lead outside the workbook, by (row, column)."""
    targets: dict[tuple[int, int], str] = {}
    for link in links:
        if link.target.startswith("#") or len(targets) > _MAX_LINK_CELLS:
            continue
        place = link.place
        if (place.bottom - place.top + 1) * (place.right - place.left + 1) <= _MAX_LINK_CELLS:
            for row in range(place.top, place.bottom + 1):
                for column in range(place.left, place.right + 1):
                    targets[row, column] = link.target
    return targets


def with_link(text: str, target: str) -> str:
    """A cell's text and where it leads, unless it says so itself."""
    bare = target.removeprefix("mailto:").rstrip("/")
    return text if bare.casefold() in text.casefold() else f"{text} ({target})" if text else target


def shown_rows(
    region: Region, columns: Sequence[Column], rows: Sequence[int], targets: Mapping[tuple[int, int], str]
) -> list[tuple[str, ...]]:
    """The cells of a region's rows as a person sees them, one tuple a row."""
    if len(rows) <= _FEW_ROWS:
        return _few_shown(region, rows, targets)
    texts = [shown(column) for column in columns]
    if targets:
        place = {row: index for index, row in enumerate(rows)}
        across = {column.column: index for index, column in enumerate(columns)}
        foreign = region.foreign(rows)
        for (row, column), target in targets.items():
            if row in place and column in across and not foreign.get(row, 0) >> column & 1:
                cells = texts[across[column]]
                cells[place[row]] = with_link(cells[place[row]], target)
    return list(zip(*texts, strict=True))


def _few_shown(region: Region, rows: Sequence[int], targets: Mapping[tuple[int, int], str]) -> list[tuple[str, ...]]:
    """The same from the cells that were looked at closely, as those of few rows were."""
    found = cells_of_region(region, rows)
    if not targets:
        return [tuple([cells[at].text if at in cells else "" for at in region.columns]) for cells in found.values()]
    foreign = region.foreign(rows)
    return [
        tuple(
            _linked(
                cells[at].text if at in cells else "", None if foreign.get(row, 0) >> at & 1 else targets.get((row, at))
            )
            for at in region.columns
        )
        for row, cells in found.items()
    ]


def _linked(text: str, target: str | None) -> str:
    return text if target is None else with_link(text, target)


def row_spans(
    region: Region, rows: Sequence[int], shown_cells: Sequence[Sequence[str]], separator: str = BAR
) -> tuple[Span, ...]:
    """One span a row. What is counted is the row's filled cells."""
    sheet = region.view.sheet
    ranges = RowRanges(sheet.name, rows, region.left, region.right, narrowed(region, rows))
    lines = [joined(cells, separator) for cells in shown_cells]
    if sheet.hidden_rows:
        unseen = sheet.hidden_rows
        lines = [labelled(line, hidden=row in unseen) for row, line in zip(rows, lines, strict=True)]
    return tuple(
        Span(line, ranges[index], region.masks[row].bit_count(), _parts(region, row, line, shown_cells[index]))
        for index, (row, line) in enumerate(zip(rows, lines, strict=True))
    )


def _parts(region: Region, row: int, line: str, cells: Sequence[str]) -> tuple[Span, ...]:
    """The cells of a row that may be too long for a chunk, each with its place."""
    if len(line) < _LONG_ROW_CHARACTERS or len(cells) != len(region.columns):
        return ()
    sheet = region.view.sheet
    texts = [*map(one_line, cells)]
    last = max(index for index, text in enumerate(texts) if text)
    texts[last] = labelled(texts[last], hidden=row in sheet.hidden_rows)
    return tuple(_column_spans(region, (row, row), texts[: last + 1]))


def header_parts(region: Region, rows: Sequence[int], texts: Sequence[str]) -> tuple[Span, ...]:
    """The texts of columns in a header that may be too long for a chunk, each with its place."""
    if sum(map(len, texts)) < _LONG_ROW_CHARACTERS:
        return ()
    last = max(index for index, text in enumerate(texts) if text)
    return tuple(_column_spans(region, (rows[0], rows[-1]), texts[: last + 1]))


def _column_spans(region: Region, ends: tuple[int, int], texts: Sequence[str]) -> Iterator[Span]:
    (top, bottom), name = ends, region.view.sheet.name
    for text, column in zip(texts, region.columns, strict=False):
        yield Span(text, CellRange(name, range_name(top, column, bottom, column)), 0)


def joined(cells: Iterable[str], separator: str = BAR) -> str:
    """Cells as one line; empty ones at its end are left out."""
    text = separator.join(cells)
    while text.endswith(separator):
        text = text[: -len(separator)]
    return one_line(text)


def rows_of(region: Region, rows: Sequence[int], targets: Mapping[tuple[int, int], str]) -> list[tuple[str, ...]]:
    """The cells of some rows of a region as a person sees them."""
    columns = region_columns(region, rows) if len(rows) > _FEW_ROWS else []
    return shown_rows(region, columns, rows, targets) if rows else []
