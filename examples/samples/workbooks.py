"""The workbooks openpyxl can write: a roster, a checklist, a quote, hidden places, sums under two levels of heads."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.table import Table, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from .bytewise import archive_entry
from .company import OFFICES, PRODUCTS, orders, sold, staff

_BOLD = Font(bold=True)
_TITLE = Font(bold=True, size=16, color="15456F")
_SECTION = PatternFill("solid", fgColor="DCE6F1")
_LINE = Side(style="thin", color="999999")
_THIN = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_CENTRE = Alignment(horizontal="center", vertical="center")
_EURO = '"€"#,##0.00'
_ISO = "yyyy-mm-dd"
_SAVED = datetime(2025, 1, 31, 9, 0, 0)

_Value = str | float | date | None
_Cached = Mapping[tuple[int, str], str]
"""What a spreadsheet program would have calculated: (sheet, from 1; cell) to value."""


def _save_workbook(workbook: Workbook, path: Path, cached: _Cached | None = None) -> None:
    """Saves with fixed dates; formulas not in ``cached`` are left without a value, as openpyxl writes them."""
    properties = workbook.properties
    properties.creator, properties.created, properties.modified = "Brightholm Solar", _SAVED, _SAVED
    buffer = io.BytesIO()
    # Workbook.save would put the present time into the properties.
    ExcelWriter(workbook, zipfile.ZipFile(buffer, "w")).save()
    with zipfile.ZipFile(buffer) as written, zipfile.ZipFile(path, "w") as fixed:
        for name in written.namelist():
            fixed.writestr(archive_entry(name), _with_values(name, written.read(name), cached or {}))


def _with_values(name: str, content: bytes, cached: _Cached) -> bytes:
    for (sheet, cell), value in cached.items():
        if name == f"xl/worksheets/sheet{sheet}.xml":
            formula = rf'(<c r="{cell}"[^>]*><f>[^<]*</f>)<v\s*(?:/>|></v>)'.encode()
            content, count = re.subn(formula, rb"\g<1><v>" + value.encode() + b"</v>", content)
            if count != 1:
                raise ValueError(f"{name} has no formula in {cell}")
    return content


def _sheet(workbook: Workbook, title: str) -> Worksheet:
    """The first call names the sheet a new workbook has, the others add one."""
    if workbook.sheetnames != ["Sheet"]:
        added: Worksheet = workbook.create_sheet(title)
        return added
    sheet: Worksheet = workbook.worksheets[0]
    sheet.title = title
    return sheet


def _widths(sheet: Worksheet, widths: Iterable[float]) -> None:
    for letter, width in zip("ABCDEFGHIJKL", widths, strict=False):
        sheet.column_dimensions[letter].width = width


def _put(sheet: Worksheet, corner: str, rows: Iterable[Sequence[_Value]], head: bool = True) -> None:
    """Writes bordered rows from a corner on; the first is bold and shaded if it is a head."""
    first = sheet[corner]
    for row_index, row in enumerate(rows):
        for column_index, value in enumerate(row):
            cell = sheet.cell(first.row + row_index, first.column + column_index, value)
            cell.border = _THIN
            if head and row_index == 0:
                cell.font, cell.fill = _BOLD, _SECTION


def _format(sheet: Worksheet, cells: str, number_format: str) -> None:
    for row in sheet[cells]:
        for cell in row:
            cell.number_format = number_format


def _title(sheet: Worksheet, cells: str, text: str) -> None:
    sheet.merge_cells(cells)
    cell = sheet[cells.split(":")[0]]
    cell.value, cell.font = text, _TITLE


def write_roster(path: Path) -> None:
    workbook = Workbook()
    sheet = _sheet(workbook, "Staff")
    heads = "Staff id,Name,Office,Department,Job title,First day,Salary,Working time,Bonus".split(",")
    rows = list(staff())
    last = len(rows) + 1
    _put(sheet, "A1", [heads, *rows])
    _format(sheet, f"A2:A{last}", "@")
    _format(sheet, f"F2:F{last}", _ISO)
    _format(sheet, f"G2:G{last}", _EURO)
    _format(sheet, f"H2:H{last}", "0%")
    _format(sheet, f"I2:I{last}", "0.00%")
    table = Table(displayName="Staff", ref=f"A1:I{last}")
    table.tableStyleInfo = TableStyleInfo("TableStyleLight9", showRowStripes=True)
    sheet.add_table(table)
    sheet.freeze_panes = "A2"
    _widths(sheet, (10, 22, 10, 14, 20, 12, 13, 13, 9))
    _save_workbook(workbook, path)


_CHECKLIST = (
    ("A  Before leaving", "☑ Panels counted against the order", "☑ Harnesses inspected", "☑ Radio batteries charged"),
    ("B  On the roof", "☑ Anchor points set", "☑ Rails level within 2 mm", "☑ Panels clamped", "☐ Cables tied"),
    ("C  Electricity", "☐ Strings measured before connecting", "☐ Inverter earthed", "☐ Test log printed"),
    ("D  Handing over", "☐ Customer shown the off switch", "☐ Roof photographs deleted", "☐ Site swept"),
)


def write_checklist(path: Path) -> None:
    workbook = Workbook()
    sheet = _sheet(workbook, "Checklist")
    _title(sheet, "A1:E1", "Installation day checklist")
    sheet["A2"] = "Fill in one sheet a day. A box is ticked by the person who did the work."
    facts: tuple[tuple[str, _Value], ...] = (
        ("Site", "Harbour Hall, Bremen"),
        ("Date", date(2025, 4, 9)),
        ("Site lead", "Bernd Behrens"),
    )
    for row, (name, value) in enumerate(facts, 4):
        sheet.cell(row, 1, name).font = _BOLD
        sheet.cell(row, 2, value).number_format = _ISO
    row = 8
    for section, *items in _CHECKLIST:
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=5)
        sheet.cell(row, 1, section).font = _BOLD
        sheet.cell(row, 1).fill = _SECTION
        for item in items:
            row += 1
            sheet.merge_cells(start_row=row, end_row=row, start_column=2, end_column=4)
            sheet.cell(row, 1, item[0]).alignment = _CENTRE
            sheet.cell(row, 2, item[2:])
            sheet.cell(row, 5, "BB" if item[0] == "☑" else None)
        row += 2
    sheet.cell(row, 1, "Signed").font = _BOLD
    sheet.cell(row, 2, "Bernd Behrens, with Frauke Focke as second person on the ground")
    _widths(sheet, (11, 24, 14, 14, 10))
    _save_workbook(workbook, path)


_MATERIALS = (
    ("00431", "Fjell 430 panel", 120, 16850),
    ("00618", "Havn 5 inverter", 4, 89500),
    ("00733", "Rail, 3.2 m", 96, 2140),
    ("00740", "Clamp", 520, 165),
)
_LABOUR = (("Fitter", 2, 5, 385), ("Electrician", 1, 3, 460), ("Crane driver", 1, 1, 720))
"""People, days, euros a day."""


def write_hybrid(path: Path) -> None:
    workbook = Workbook()
    sheet = _sheet(workbook, "Quote")
    _title(sheet, "A1:J1", "Quote 2025-018: Harbour Hall, Bremen")
    sheet["A3"] = "Prices are without tax and hold until 31 March 2025. Scaffolding is provided by the customer."
    sheet["A4"] = "Panels are delivered to the roof by crane; the street is closed for one morning."
    details = (("Customer", "Hafenverein Bremen"), ("Site lead", "Bernd Behrens"), ("First day", date(2025, 4, 9)))
    _put(sheet, "A6", (*details, ("Peak power", "51.6 kWp"), ("Roof area", "260 m²")), head=False)
    _format(sheet, "B8:B8", _ISO)
    _put(sheet, "A13", [("Part", "Material", "Quantity", "Price", "Amount")])
    for row, (part, name, count, cents) in enumerate(_MATERIALS, 14):
        _put(sheet, f"A{row}", [(part, name, count, cents / 100, f"=C{row}*D{row}")], head=False)
    _put(sheet, "G13", [("Labour", "People", "Days", "Amount")])
    for row, (role, people, days, euros) in enumerate(_LABOUR, 14):
        _put(sheet, f"G{row}", [(role, people, days, f"=H{row}*I{row}*{euros}")], head=False)
    for cell, label in (("A12", "Materials"), ("G12", "Labour"), ("A20", "Total of the quote")):
        sheet[cell], sheet[cell].font = label, _BOLD
    _put(sheet, "A18", [("Total materials", None, None, None, "=SUM(E14:E17)")])
    _put(sheet, "G18", [("Total labour", None, None, "=SUM(J14:J16)")])
    sheet["E20"], sheet["E20"].font = "=E18+J18", _BOLD
    for cells in ("D14:E20", "J14:J18"):
        _format(sheet, cells, _EURO)
    _widths(sheet, (18, 22, 10, 12, 14, 4, 14, 9, 8, 13))
    _save_workbook(workbook, path, _quote_sums())


def _quote_sums() -> _Cached:
    cents = {f"E{row}": count * price for row, (_, _, count, price) in enumerate(_MATERIALS, 14)}
    cents |= {f"J{row}": people * days * euros * 100 for row, (_, people, days, euros) in enumerate(_LABOUR, 14)}
    cents |= {f"{column}18": sum(cents[cell] for cell in cents if cell[0] == column) for column in "EJ"}
    cents["E20"] = cents["E18"] + cents["J18"]
    return {(1, cell): _stored(amount) for cell, amount in cents.items()}


def _stored(cents: int) -> str:
    """An amount as a spreadsheet program stores a number: no more decimals than needed."""
    return repr(cents / 100).removesuffix(".0")


def write_hidden_workbook(path: Path) -> None:
    workbook = Workbook()
    sheet = _sheet(workbook, "Price list")
    _price_list(sheet)
    _formats(_sheet(workbook, "Formats"))
    states: tuple[Literal["hidden", "veryHidden"], ...] = ("hidden", "veryHidden")
    for state, title, word in zip(states, ("Margins", "Keys"), ("ambergull", "onyxtern"), strict=True):
        other = _sheet(workbook, title)
        _put(other, "A1", [("Part", "Margin"), ("00417", 0.31), ("00431", 0.34), (f"Agreed with {word}", None)])
        _format(other, "B2:B3", "0%")
        other.sheet_state = state
    cached = {(1, "F3"): "1490", (1, "F4"): "3370"}
    _save_workbook(workbook, path, cached)


def _price_list(sheet: Worksheet) -> None:
    """Formulas of F3 and F4 get a cached value, those of F6 and F7 have none."""
    _put(sheet, "A1", [("Article", None, "Price", None, None, None)])
    _put(sheet, "A2", [("Part", "Name", "Single", "Cost at basaltlynx", "Quantity", "Amount")])
    rows = [*PRODUCTS[:2], ("00499", "Offcuts sold to velvetheron", 1200), *PRODUCTS[2:]]
    for row, ((part, name, cents), quantity) in enumerate(zip(rows, (10, 20, 1, 100, 2), strict=True), 3):
        amount = 12 if row == 5 else f"=C{row}*E{row}"
        _put(sheet, f"A{row}", [(part, name, cents / 100, cents / 160, quantity, amount)], head=False)
    for cells in ("C3:D7", "F3:F7"):
        _format(sheet, cells, _EURO)
    for cells in ("A1:B1", "C1:F1"):
        sheet.merge_cells(cells)
        sheet[cells[:2]].alignment = _CENTRE
    sheet.row_dimensions[5].hidden = True
    sheet["C4"].comment = Comment("Ask saffronmole before giving a discount.", "Carla Claßen", height=60, width=200)
    sheet["B4"].hyperlink = "https://brightholm.example/panels/indigostoat"
    sheet["A9"], sheet["A9"].hyperlink = "All number formats", "#Formats!A1"
    _widths(sheet, (12, 28, 12, 12, 10, 13))
    sheet.column_dimensions["D"].hidden = True


def _formats(sheet: Worksheet) -> None:
    shown = (
        ("Share", 0.1234, "0.00%"),
        ("Price", 1234.5, _EURO),
        ("Loss", -1234.5, '#,##0.00 "€";[Red](#,##0.00 "€")'),
        ("Part", 417, "00000"),
        ("Day", date(2024, 3, 14), "d mmmm yyyy"),
        ("Time", datetime(2024, 3, 14, 16, 45), "yyyy-mm-dd hh:mm"),
        ("Hours worked", 1.5, "[h]:mm"),
        ("Resistance", 0.000123, "0.00E+00"),
        ("Thickness", 0.375, "# ?/?"),
        ("Looks like a day, is a number", 45365, "General"),
        ("Text, not a number", "00123", "@"),
        ("Text, not a gap", "NA", "General"),
        ("True or not", True, "General"),
    )
    _put(sheet, "A1", [("Quantity", "Value"), *[row[:2] for row in shown]])
    for row, (_, _, number_format) in enumerate(shown, 2):
        sheet.cell(row, 2).number_format = number_format
    _widths(sheet, (30, 20))


def write_sales(path: Path) -> None:
    workbook = Workbook()
    cached = _quarterly(_sheet(workbook, "Quarterly"))
    sheet = _sheet(workbook, "Orders")
    heads = ("Order", "Day", "Office", "Part", "Product", "Units", "Price", "Amount")
    rows = [
        (o.number, o.day, o.office, o.part, o.product, o.units, o.price_cents / 100, o.cents / 100) for o in orders()
    ]
    last = len(rows) + 1
    _put(sheet, "A1", [heads, *rows])
    _format(sheet, f"B2:B{last}", _ISO)
    _format(sheet, f"D2:D{last}", "@")
    _format(sheet, f"G2:H{last}", _EURO)
    sheet.auto_filter.ref = f"A1:H{last}"
    sheet.freeze_panes = "A2"
    _widths(sheet, (14, 12, 10, 8, 20, 8, 11, 14))
    _save_workbook(workbook, path, cached)


def _quarterly(sheet: Worksheet) -> dict[tuple[int, str], str]:
    """Two levels of heads, quarters over units and revenue, and a row of sums. Returns what the sums are."""
    _put(sheet, "A1", [("Office", "Q1", None, "Q2", None, "Q3", None, "Q4", None)])
    _put(sheet, "A2", [(None, *["Units", "Revenue"] * 4)])
    for cells in ("A1:A2", "B1:C1", "D1:E1", "F1:G1", "H1:I1"):
        sheet.merge_cells(cells)
        sheet[cells[:2]].alignment = _CENTRE
    for row, office in enumerate(OFFICES, 3):
        quarters = [sold(office, quarter) for quarter in (1, 2, 3, 4)]
        figures = [figure for units, cents in quarters for figure in (units, cents / 100)]
        _put(sheet, f"A{row}", [(office, *figures)], head=False)
    _put(sheet, "A7", [("Total", *[f"=SUM({letter}3:{letter}6)" for letter in "BCDEFGHI"])])
    cached = {}
    for quarter, (units, revenue) in enumerate((("B", "C"), ("D", "E"), ("F", "G"), ("H", "I")), 1):
        _format(sheet, f"{revenue}3:{revenue}7", _EURO)
        sold_units, sold_cents = sold(None, quarter)
        cached[1, f"{units}7"] = str(sold_units)
        cached[1, f"{revenue}7"] = _stored(sold_cents)
    _widths(sheet, (10, *[8, 15] * 4))
    return cached


def write_empty_workbook(path: Path) -> None:
    _save_workbook(Workbook(), path)
