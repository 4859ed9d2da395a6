"""The room that opens workbooks. Nothing else imports a workbook library, a zip or an XML parser.

:func:`open_workbook` takes checked bytes and gives plain values (``values``); what it takes to get there is told in
``package`` (the container), ``book`` (its parts), ``scan`` and ``walk`` (rows), ``fallback`` (other readers).
"""

from __future__ import annotations

from ingestkit_excel.workbook.book import part_sizes
from ingestkit_excel.workbook.columns import Column, Piece, columns_of, shown, shown_stretch, without_rows
from ingestkit_excel.workbook.content import Content, take
from ingestkit_excel.workbook.masks import RowMasks
from ingestkit_excel.workbook.meaning import format_of, shower
from ingestkit_excel.workbook.opening import open_workbook
from ingestkit_excel.workbook.typed import SqlValue, TypedColumn, plain
from ingestkit_excel.workbook.values import (
    Aside,
    AsideKind,
    Band,
    Block,
    CellForm,
    CellKind,
    Chart,
    Comment,
    DefinedName,
    Link,
    ListObject,
    Rectangle,
    Sheet,
    SheetKind,
    SheetState,
    Styles,
    Workbook,
)

__all__ = [
    "Aside",
    "AsideKind",
    "Band",
    "Block",
    "CellForm",
    "CellKind",
    "Chart",
    "Column",
    "Comment",
    "Content",
    "DefinedName",
    "Link",
    "ListObject",
    "Piece",
    "Rectangle",
    "RowMasks",
    "Sheet",
    "SheetKind",
    "SheetState",
    "SqlValue",
    "Styles",
    "TypedColumn",
    "Workbook",
    "columns_of",
    "format_of",
    "open_workbook",
    "part_sizes",
    "plain",
    "shower",
    "shown",
    "shown_stretch",
    "take",
    "without_rows",
]
