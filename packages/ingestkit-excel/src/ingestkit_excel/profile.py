"""Cheap facts about a workbook: what is in it, before anything is made of it. Pure; runs in the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingestkit_excel.models import FileProfile, SheetProfile, SheetRegion
from ingestkit_excel.workbook import Rectangle, Sheet, Workbook

__all__ = ["profile_workbook"]


def profile_workbook(book: Workbook, regions: Mapping[str, Sequence[SheetRegion]]) -> FileProfile:
    """The profile of a workbook; ``regions`` by sheet name, as far as they were looked for."""
    return FileProfile(
        sheets=tuple(_profile_sheet(sheet, tuple(regions.get(sheet.name, ()))) for sheet in book.sheets),
        date1904=any(sheet.styles.date1904 for sheet in book.sheets),
        defined_names=tuple(name.name for name in book.names),
        has_macros=book.has_macros,
        has_external_links=book.has_external_links,
    )


def _profile_sheet(sheet: Sheet, regions: tuple[SheetRegion, ...]) -> SheetProfile:
    extent = _extent(sheet)
    styles = {form.style for band in sheet.bands for form in band.forms}
    return SheetProfile(
        name=sheet.name,
        hidden=sheet.hidden,
        parser_used=sheet.parser,
        extent=extent.a1 if extent is not None else None,
        rows=extent.bottom - extent.top + 1 if extent is not None else 0,
        columns=extent.right - extent.left + 1 if extent is not None else 0,
        cells=sheet.cell_count(),
        formulas=sheet.formulas,
        formulas_uncached=sheet.uncached,
        merged_ranges=len(sheet.merges),
        hidden_rows=len(sheet.hidden_rows),
        hidden_columns=sum(last - first + 1 for first, last in sheet.hidden_columns),
        excel_tables=tuple(table.name for table in sheet.tables),
        number_formats=tuple(sorted({sheet.styles.format_of(style) for style in styles})),
        charts=len(sheet.charts),
        images=sheet.images,
        comments=len(sheet.comments),
        links=len(sheet.links),
        regions=regions,
    )


def _extent(sheet: Sheet) -> Rectangle | None:
    """The rectangle around cells that hold something: formats of empty cells do not count."""
    if not sheet.bands:
        return None
    return Rectangle(
        min(band.rows[0] for band in sheet.bands),
        min(form.column for band in sheet.bands for form in band.forms),
        max(band.rows[-1] for band in sheet.bands),
        max(form.column for band in sheet.bands for form in band.forms),
    )
