"""A pandas DataFrame as a table. pandas is imported by whoever hands one over, never by us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingestkit_core.elements import CellRange, ColumnType, PageBox, RowPlace, TableColumn, range_name
from ingestkit_core.stores.base import NamedTable
from ingestkit_core.stores.records import place_of_row

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["table_from_frame"]

_TYPES: dict[str, ColumnType] = {
    "i": "integer",
    "u": "integer",
    "f": "number",
    "b": "boolean",
    "M": "datetime",
}


def table_from_frame(name: str, df: pd.DataFrame) -> NamedTable:
    """The frame's columns and rows; missing values become NULL, times ISO text.

    Columns that say where a row stands (``_page`` and ``_box``, or ``_sheet`` and ``_range``) become its place.
    """
    columns = [
        TableColumn(str(column), str(column), _TYPES.get(dtype.kind, "text"))
        for column, dtype in zip(df.columns, df.dtypes, strict=True)
    ]
    missing = df.isna()
    rows = [
        tuple(None if gone else _plain(value) for value, gone in zip(row, holes, strict=True))
        for row, holes in zip(
            df.itertuples(index=False, name=None), missing.itertuples(index=False, name=None), strict=True
        )
    ]
    width = max(len(columns), 1)
    location: PageBox | CellRange = CellRange(name, range_name(1, 1, len(rows) + 1, width))
    places: list[RowPlace] = [CellRange(name, range_name(i, 1, i, width)) for i in range(2, len(rows) + 2)]
    names = [column.name for column in columns]
    if names[-2:] in _PLACES:
        places = [place_of_row(*row[-2:], on_page=names[-2] == "_page") for row in rows]
        location = _first(places[0]) if places else location
        first = int(names[0] == "row_id")
        columns, rows = columns[first:-2], [row[first:-2] for row in rows]
    return NamedTable(
        name=name,
        unit=name,
        region_id="frame",
        title=name,
        location=location,
        columns=tuple(columns),
        rows=rows,
        row_locations=places,
    )


_PLACES = (["_page", "_box"], ["_sheet", "_range"])


def _first(place: RowPlace) -> PageBox | CellRange:
    return place[0] if isinstance(place, tuple) else place


def _plain(value: Any) -> Any:
    import datetime

    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float | str):
        return value
    # numpy's scalars know their Python value.
    return value.item() if type(value).__module__ == "numpy" else str(value)
