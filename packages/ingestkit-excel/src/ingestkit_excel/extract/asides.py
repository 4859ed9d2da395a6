"""What stands on a sheet in no cell: charts, comments, text boxes, names of ranges. It counts nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ingestkit_core.elements import CellRange, Element, ElementKind, Span, range_name

from ingestkit_excel.extract.lines import one_line
from ingestkit_excel.workbook import Aside, AsideKind, Chart, DefinedName, Sheet

__all__ = ["read_asides"]

_MAX_NAMES = 200
"""Of a sheet; models with thousands of names have them for their formulas, not for readers."""

_LEADS = {
    AsideKind.TEXT_BOX: "",
    AsideKind.PICTURE: "Picture: ",
    AsideKind.DIAGRAM: "Diagram: ",
    AsideKind.PIVOT_TABLE: "Pivot table: ",
    AsideKind.PAGE_HEADER: "Page header: ",
    AsideKind.PAGE_FOOTER: "Page footer: ",
}


def read_asides(sheet: Sheet, names: Sequence[DefinedName], told: Collection[str]) -> Iterator[Element]:
    """The elements after those of the cells. ``names`` are those of ranges on the sheet, ``told`` those that stand in
    the description of a table.
    """
    texts = [
        *(_chart(chart) for chart in sheet.charts if chart.titles or chart.series),
        *(_aside(aside) for aside in sheet.asides),
        *(
            (ElementKind.NOTE, f"Comment on {place}: {one_line(comment.text)}", place)
            for comment in sheet.comments
            for place in (range_name(comment.row, comment.column, comment.row, comment.column),)
        ),
        *(
            (ElementKind.NOTE, f"{table.name} is the name of table {table.place.a1}", table.place.a1)
            for table in sheet.tables
            if table.name and table.name not in told
        ),
    ]
    untold = [name for name in names if name.name not in told][:_MAX_NAMES]
    metadata = (("sheet_name", sheet.name), ("parser_used", str(sheet.parser)))
    for kind, text, place in texts:
        yield Element(kind, (Span(text, CellRange(sheet.name, place), 0),), metadata=metadata)
    for name in untold:
        span = Span(f"{name.name} is {name.place.a1}", CellRange(sheet.name, name.place.a1), 0)
        yield Element(ElementKind.LIST_ITEM, (span,), metadata=metadata)


def _chart(chart: Chart) -> tuple[ElementKind, str, str]:
    told = [", ".join(chart.titles), f"series {', '.join(chart.series)}" if chart.series else ""]
    text = "; ".join(part for part in told if part)
    return ElementKind.FIGURE, f"Chart: {text}", chart.place.a1 if chart.place is not None else "A1"


def _aside(aside: Aside) -> tuple[ElementKind, str, str]:
    place = aside.place.a1 if aside.place is not None else "A1"
    if aside.kind is AsideKind.CHOICES:
        return ElementKind.NOTE, f"Choices in {place}: {aside.text}", place
    kind = ElementKind.FIGURE if aside.kind in (AsideKind.PICTURE, AsideKind.DIAGRAM) else ElementKind.NOTE
    return kind, f"{_LEADS[aside.kind]}{aside.text}", place
