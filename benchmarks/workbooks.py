"""Makes the workbook whose reading is timed: mixed cells, the same every time."""

# mypy: disable-error-code="import-untyped"
# xlsxwriter ships no types.

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

__all__ = ["COLUMNS", "rows", "write_workbook"]

COLUMNS = 20
_SEED = 7
_FIRST_DAY = datetime.datetime(2015, 1, 1)
_WORDS = "north south east west river stone cloud amber cedar maple harbor signal copper silver meadow".split()

Value = str | int | float | bool | datetime.datetime | None


def _amount(chance: random.Random) -> Value:
    return round(chance.uniform(-5000, 250000), 2)


def _text(chance: random.Random) -> Value:
    return " ".join(chance.choices(_WORDS, k=chance.randint(1, 6)))


def _code(chance: random.Random) -> Value:
    return f"{chance.randint(0, 99999):05d}"


def _day(chance: random.Random) -> Value:
    return _FIRST_DAY + datetime.timedelta(days=chance.randint(0, 4000))


def _mostly_empty(chance: random.Random) -> Value:
    return chance.randint(1, 9) if chance.random() < 0.2 else None


_KINDS: tuple[tuple[str, Callable[[random.Random], Value], str | None], ...] = (
    ("Id", lambda chance: chance.randint(1, 10**9), None),
    ("Region", lambda chance: chance.choice(_WORDS), None),
    ("Amount", _amount, "#,##0.00"),
    ("Share", lambda chance: round(chance.random(), 4), "0.0%"),
    ("Date", _day, "yyyy-mm-dd"),
    ("Comment", _text, None),
    ("Active", lambda chance: chance.random() < 0.5, None),
    ("Part number", _code, None),
    ("Measure", lambda chance: chance.gauss(0, 1), None),
    ("Rating", _mostly_empty, None),
)


def rows(count: int, columns: int = COLUMNS) -> Iterator[list[Value]]:
    """The rows below the header, row by row."""
    chance = random.Random(_SEED)
    kinds = [_KINDS[number % len(_KINDS)][1] for number in range(columns)]
    for _ in range(count):
        yield [kind(chance) for kind in kinds]


def write_workbook(path: Path, count: int, columns: int = COLUMNS) -> None:
    """One sheet with a header row and ``count`` rows below it."""
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as workbook:
        sheet: Worksheet = workbook.add_worksheet("Records")
        kinds = [_KINDS[number % len(_KINDS)] for number in range(columns)]
        formats: list[Format | None] = [
            workbook.add_format({"num_format": form}) if form else None for *_, form in kinds
        ]
        sheet.write_row(0, 0, [f"{name} {number // len(_KINDS) + 1}" for number, (name, *_) in enumerate(kinds)])
        for number, row in enumerate(rows(count, columns), 1):
            for column, (value, form) in enumerate(zip(row, formats, strict=True)):
                if value is not None:
                    sheet.write(number, column, value, form)
