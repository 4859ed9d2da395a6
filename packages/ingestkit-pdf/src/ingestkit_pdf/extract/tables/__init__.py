"""Tables of a page, found and read by geometry alone. Pure: lines and drawings in, tables out.

    drawings ─► rules ─► regions ─┐
    lines ─► pieces ──────────────┴► grid ─► is it a table? ─► cells, header

Rooms, from the bottom: values, rulings, pieces · columns, breaks (texts alone) · regions, borderless
(where) · edges, reach, merging, grid (how) · verdict (whether) · leaders, cells, headers (what) · turning, search,
stitching.
"""

from ingestkit_pdf.extract.tables.headers import column_names
from ingestkit_pdf.extract.tables.search import find_tables, may_hold_tables
from ingestkit_pdf.extract.tables.stitching import continues
from ingestkit_pdf.extract.tables.values import Cell, Surface, Table

__all__ = [
    "Cell",
    "Surface",
    "Table",
    "column_names",
    "continues",
    "find_tables",
    "may_hold_tables",
]
