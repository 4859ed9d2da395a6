"""A sheet into elements and tables: every region by its own way, titles with their tables, comments at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingestkit_core.elements import Element, TableDraft
from ingestkit_core.errors import IngestError, ProcessError

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.asides import read_asides
from ingestkit_excel.extract.facts import Piece, read_region
from ingestkit_excel.extract.grid import read_grid, structure_of
from ingestkit_excel.extract.inherited import with_headers
from ingestkit_excel.extract.lines import link_targets, rows_of
from ingestkit_excel.extract.prose import read_prose, read_titles
from ingestkit_excel.extract.records import read_record
from ingestkit_excel.extract.regions import find_regions
from ingestkit_excel.extract.titles import Title, may_be_title, with_titles
from ingestkit_excel.extract.view import Region, SheetView, region_of
from ingestkit_excel.models import RegionType, SheetRegion
from ingestkit_excel.workbook import DefinedName, Rectangle

__all__ = ["SheetContent", "read_sheet"]

_MOSTLY = 0.5

Metadata = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SheetContent:
    """What one sheet gave. ``cells`` are those that were to be brought in, ``in_sql_only`` counts
    cells that stand in SQL tables and in no text.

    A section is what one heading can be about: a table with its title, its notes and its description, or text. Sections
    are packed one by one, so that the title of a table is no heading of the next.
    """

    sections: tuple[tuple[Element, ...], ...]
    tables: tuple[TableDraft, ...]
    regions: tuple[SheetRegion, ...]
    cells: int
    in_sql_only: int
    issues: tuple[IngestError, ...] = ()


def read_sheet(
    view: SheetView, names: Sequence[DefinedName], config: ExcelProcessorConfig, *, first_table: int
) -> SheetContent:
    """Read a sheet. ``first_table`` is the index its first table will have in the document."""
    reading = _Reading(view, names, config, first_table)
    regions, issues = _regions(view)
    read = [read_region(region, f"r{number}", config) for number, region in enumerate(regions, start=1)]
    pieces = list(with_headers(read))
    for piece, titles in with_titles(pieces):
        reading.add(piece, titles)
    reading.add_asides()
    return SheetContent(
        sections=tuple(map(tuple, reading.sections)),
        tables=tuple(reading.tables),
        regions=(*_named(reading.titles, pieces), *_without_cells(view)),
        cells=view.masks.cells,
        in_sql_only=reading.in_sql_only,
        issues=(*issues, *reading.failures),
    )


def _regions(view: SheetView) -> tuple[list[Region], tuple[IngestError, ...]]:
    """The regions of a sheet; where they cannot be told apart, all of its cells as one."""
    try:
        return find_regions(view), ()
    except ProcessError as exc:
        return [region_of(view, view.masks)], (exc.to_error(),)


def _named(titles: set[str], pieces: Sequence[Piece]) -> Iterator[SheetRegion]:
    """The facts of regions; text that belongs to a table above or below it is its header or footer block."""
    after_table = False
    for piece in pieces:
        facts = piece.facts
        if piece.region_id in titles:
            facts = facts.model_copy(update={"region_type": RegionType.HEADER_BLOCK})
        elif after_table and may_be_title(piece):
            facts = facts.model_copy(update={"region_type": RegionType.FOOTER_BLOCK})
        after_table = piece.is_table
        yield facts


def _without_cells(view: SheetView) -> Iterator[SheetRegion]:
    """The charts of a sheet; or that it is empty."""
    for number, chart in enumerate(view.sheet.charts, start=1):
        place = chart.place.a1 if chart.place is not None else "A1"
        yield SheetRegion(region_id=f"c{number}", region_type=RegionType.CHART, cell_range=place)
    if not view.masks and not view.sheet.charts:
        yield SheetRegion(region_id="r1", region_type=RegionType.EMPTY, cell_range="A1")


def _covers(name: Rectangle, table: Rectangle) -> bool:
    """Whether a named range is about a table: it covers most of it and reaches little beyond."""
    rows = min(name.bottom, table.bottom) - max(name.top, table.top) + 1
    columns = min(name.right, table.right) - max(name.left, table.left) + 1
    if rows < 1 or columns < 1:
        return False
    larger = max(_area(name), _area(table))
    return rows * columns >= _MOSTLY * larger


def _area(place: Rectangle) -> int:
    return (place.bottom - place.top + 1) * (place.right - place.left + 1)


class _Reading:
    """Gathers what the regions of a sheet give, in reading order."""

    def __init__(
        self, view: SheetView, names: Sequence[DefinedName], config: ExcelProcessorConfig, first_table: int
    ) -> None:
        self.sections: list[list[Element]] = [[]]
        self.tables: list[TableDraft] = []
        self.titles: set[str] = set()
        self.in_sql_only = 0
        self.failures: list[IngestError] = []
        self._sheet = view.sheet
        self._names = [name for name in names if name.sheet_name == view.sheet.name]
        self._config = config
        self._first_table = first_table
        self._targets = link_targets(view.sheet.links)
        self._told: set[str] = set()
        self._below_table = False

    def add(self, piece: Piece, titles: Sequence[Title]) -> None:
        """Read one region, with the text above that belongs to it."""
        if piece.is_table or titles or piece.anatomy.titles:
            self.sections.append([])
        self.titles.update(one.piece.region_id for one in titles)
        metadata = self._metadata(piece)
        title, headings = read_titles(titles, piece, self._targets, metadata)
        if piece.is_table:
            self._add_table(piece, title, headings, metadata)
        else:
            self._extend(headings)
            self._add_text(piece, metadata)
        self._add_prose(piece, piece.anatomy.notes, metadata)
        if piece.is_table:
            self.sections.append([])

    def _add_prose(self, piece: Piece, rows: Sequence[int], metadata: Metadata) -> None:
        self._extend(read_prose(piece.region, rows, self._targets, metadata, below_table=self._below_table))

    def _extend(self, elements: Iterable[Element]) -> None:
        self.sections[-1].extend(elements)

    def _metadata(self, piece: Piece) -> Metadata:
        fields: dict[str, Any] = {
            "sheet_name": self._sheet.name,
            "region_id": piece.region_id,
            "parser_used": str(self._sheet.parser),
            "original_structure": self._structure(piece),
        }
        if self._sheet.hidden:
            fields["hidden"] = True
        return tuple(fields.items())

    def _structure(self, piece: Piece) -> str:
        if piece.is_table:
            return "table"
        return structure_of(piece, rows_of(piece.region, piece.anatomy.body, {}))

    def _add_table(self, piece: Piece, title: str, headings: list[Element], metadata: Metadata) -> None:
        place = piece.region.place
        names = [table.name for table in self._sheet.tables if table.place.intersects(place)]
        names += [name.name for name in self._names if _covers(name.place, place)]
        self._told.update(names)
        record = read_record(
            piece,
            title,
            self._config,
            targets=self._targets,
            names=names,
            metadata=metadata,
            headings=headings,
            first_table=self._first_table + len(self.tables),
        )
        self._extend(record.elements)
        self._below_table = True
        self.tables.extend(record.tables)
        self.in_sql_only += record.in_sql_only
        self.failures.extend(record.failures)

    def _add_text(self, piece: Piece, metadata: Metadata) -> None:
        single = piece.region.width == 1 or all(mask.bit_count() == 1 for mask in piece.region.masks.values())
        if single:
            rows = [*piece.anatomy.header, *piece.anatomy.body, *piece.anatomy.totals]
            self._add_prose(piece, rows, metadata)
        elif piece.anatomy.body or piece.anatomy.header:
            self._extend([read_grid(piece, self._targets, metadata)])
            self._below_table = True

    def add_asides(self) -> None:
        """What stands in no cell."""
        self._extend(read_asides(self._sheet, self._names, self._told))
