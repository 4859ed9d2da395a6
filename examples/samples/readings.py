"""meter-readings.xlsx: a workbook of any length, written row by row and never held in full."""

from __future__ import annotations

import zipfile
from pathlib import Path

from .bytewise import SHEET_ENTRY, SHEET_TAIL, archive_entry, sheet_head, skeleton
from .company import OFFICES


def write_meter_readings(path: Path, rows: int) -> None:
    """A workbook of any length, written row by row: 15 minutes of one inverter each."""
    start = 45658  # 1 January 2025
    with zipfile.ZipFile(path, "w", compresslevel=1) as archive:
        for name, text in skeleton("Readings").items():
            archive.writestr(archive_entry(name), text)
        with archive.open(archive_entry(SHEET_ENTRY), "w", force_zip64=True) as sheet:
            sheet.write((sheet_head(f"A1:I{rows + 1}") + _reading_heads()).encode())
            for first in range(0, rows, 1000):
                block = range(first, min(first + 1000, rows))
                sheet.write("".join(_reading(index, start + index // 960) for index in block).encode())
            sheet.write(SHEET_TAIL.encode())


_READING_HEADS = ("Reading", "Day", "Minute", "Inverter", "Office", "kWh", "Volts", "Degrees", "State")
_READING = (
    '<row r="{0}"><c r="A{0}"><v>{1}</v></c><c r="B{0}" s="1"><v>{2}</v></c><c r="C{0}"><v>{3}</v></c>'
    '<c r="D{0}" t="inlineStr"><is><t>INV-{4:03}</t></is></c><c r="E{0}" t="inlineStr"><is><t>{5}</t></is></c>'
    '<c r="F{0}"><v>{6:.4f}</v></c><c r="G{0}"><v>{7}</v></c><c r="H{0}"><v>{8:.2f}</v></c>'
    '<c r="I{0}" t="inlineStr"><is><t>{9}</t></is></c></row>'
)


def _reading_heads() -> str:
    cells = (
        f'<c r="{letter}1" t="inlineStr"><is><t>{head}</t></is></c>'
        for letter, head in zip("ABCDEFGHI", _READING_HEADS, strict=True)
    )
    return f'<row r="1">{"".join(cells)}</row>'


def _reading(index: int, day: int) -> str:
    minute = index // 10 % 96 * 15
    # A parabola with its top at noon, nothing before six and after eighteen o'clock.
    light = max(0, (minute - 360) * (1080 - minute)) * (80 + index * 7919 % 21) // 1000
    inverter, office = index % 10, tuple(OFFICES)[index % 10 % 4]
    return _READING.format(
        index + 2,
        index + 1,
        day,
        minute,
        inverter,
        office,
        light / 10000,
        390 + light % 37,
        light / 400,
        "on" if light else "asleep",
    )
