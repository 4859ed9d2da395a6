"""The room that opens workbooks. Nothing else imports a workbook library, a zip or an XML parser.

:func:`open_workbook` takes checked bytes and gives plain values (``values``); what it takes to get there is told in
``package`` (the container), ``book`` (its parts), ``scan`` and ``walk`` (rows), ``fallback`` (other readers).
"""

from __future__ import annotations

from ingestkit_excel.workbook.columns import Column, Piece, columns_of, shown
from ingestkit_excel.workbook.meaning import format_of, shown_text
from ingestkit_excel.workbook.opening import open_workbook
from ingestkit_excel.workbook.typed import TypedColumn, typed
from ingestkit_excel.workbook.values import (
    Band,
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
    "Band",
    "CellForm",
    "CellKind",
    "Chart",
    "Column",
    "Comment",
    "DefinedName",
    "Link",
    "ListObject",
    "Piece",
    "Rectangle",
    "Sheet",
    "SheetKind",
    "SheetState",
    "Styles",
    "TypedColumn",
    "Workbook",
    "columns_of",
    "format_of",
    "open_workbook",
    "shown",
    "shown_text",
    "typed",
]
