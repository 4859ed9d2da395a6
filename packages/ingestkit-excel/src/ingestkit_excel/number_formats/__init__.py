"""Number formats as Excel shows them. Pure text and arithmetic; knows no workbook.

    format code ─► sections (positive; negative; zero; text) ─► tokens ─► a number, date or text as shown

``parse_format("#,##0.00").show(1234.5)`` is ``1,234.50``. The column's width and the reader's regional settings are not
known here: dates and names of months are shown as an English Excel does.
"""

from __future__ import annotations

from ingestkit_excel.number_formats.builtin import BUILTIN_FORMATS
from ingestkit_excel.number_formats.format import FormatKind, NumberFormat, parse_format
from ingestkit_excel.number_formats.general import show_general
from ingestkit_excel.number_formats.serials import serials_to_iso

__all__ = ["BUILTIN_FORMATS", "FormatKind", "NumberFormat", "parse_format", "serials_to_iso", "show_general"]
