"""What the rows of a region are: titles, header, body, totals, notes.

    Sales by region, 2023            title
              |  Q1   |  Q2   |      header, two rows
    Region    | units | units |
    North     |   12  |   30  |      body
    Total     |   12  |   30  |      totals
    Source: ledger                   note

A header is text above columns of numbers; where all columns are text it is a first row that is filled, distinct and
unlike the rows below.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingestkit_excel.extract.cells import cells_of_region, is_one_heading, says_units
from ingestkit_excel.extract.closeup import Cell
from ingestkit_excel.extract.repeats import header_again
from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import ListObject

__all__ = ["Anatomy", "Rows", "anatomy_of", "says_total"]

Rows = Sequence[int]

_HEAD_ROWS = 24
_SAMPLE_ROWS = 16
_TAIL_ROWS = 8
_MAX_HEADER_ROWS = 8
_MAX_TOTALS = 3
_MANY = 5
_MAX_PREAMBLE_ROWS = 3
_LONG_HEADER_CHARACTERS = 80
_LONG_NUMBER = 10
_MOSTLY = 0.5
_WIDE = 0.6
_FEW = 0.3
_NEARLY_ALL = 0.8

_TOTAL = re.compile(
    r"\W*(?:grand\s+|sub\s*-?\s*)?(?:totals?|sums?|overall|summe|gesamt\w*|insgesamt|zwischensumme|totaux|somme|totale|"
    r"totales|suma|soma|totaal|som|summa|totalt|i\s+alt|yhteensä|razem|ogółem|celkem|összesen|toplam|итого|всего|"
    r"合计|总计|小计|合計|総計|小計|합계|총계|소계|المجموع|סה\"כ)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The filled rows of a region by what they are. ``body`` may be a range; ``again`` are rows in its midst that only
    say the header again.
    """

    titles: Rows
    header: Rows
    body: Rows
    totals: Rows
    notes: Rows
    again: Rows = ()


@dataclass(frozen=True, slots=True)
class _Looked:
    """A region's first, middle and last rows, cell by cell; which columns hold numbers, how many a row has usually."""

    region: Region
    rows: Rows
    cells: Mapping[int, Mapping[int, Cell]]
    numeric: frozenset[int]
    usual_numbers: float

    def row(self, row: int) -> list[Cell]:
        return list(self.cells[row].values())


def anatomy_of(region: Region) -> Anatomy:
    """What the rows of a region are."""
    rows = region.masks.rows
    table = next((one for one in region.view.sheet.tables if one.place.contains(region.top, region.left)), None)
    if table is not None:
        return _defined(rows, table)
    start, end = _without_notes(region, rows, _without_titles(region, rows))
    looked = _look(region, rows[start:end])
    first = _first_body_row(looked)
    header_start = _header_start(looked, first)
    body_end = len(looked.rows) - _count_totals(looked, first)
    header, body = looked.rows[header_start:first], looked.rows[first:body_end]
    again = frozenset(header_again(region, header, body))
    return Anatomy(
        titles=rows[: start + header_start],
        header=header,
        body=[row for row in body if row not in again] if again else body,
        totals=looked.rows[body_end:],
        notes=rows[end:],
        again=sorted(again),
    )


def _defined(rows: Rows, table: ListObject) -> Anatomy:
    """What Excel itself says about its table."""
    body_top = table.place.top + table.header_rows
    body_bottom = table.place.bottom - table.totals_rows
    header = [row for row in rows[: table.header_rows + 1] if row < body_top]
    totals = [row for row in rows[-table.totals_rows - 1 :] if row > body_bottom] if table.totals_rows else []
    return Anatomy((), header, rows[len(header) : len(rows) - len(totals)], totals, ())


def _is_alone(region: Region, row: int) -> bool:
    return region.masks[row].bit_count() == 1


def _without_titles(region: Region, rows: Rows) -> int:
    """How many rows at the top have one cell only, in the first column or over the whole width, or say one thing."""
    if region.width < 2:
        return 0
    for index, row in enumerate(rows):
        mask = region.masks[row]
        if mask.bit_count() > 1:
            if index + 1 < len(rows) and is_one_heading(list(cells_of_region(region, [row])[row].values()), region):
                continue
            return index
        column = mask.bit_length() - 1
        if column > region.left and not _spans_most(region, row, column):
            return index
    return 0


def _spans_most(region: Region, row: int, column: int) -> bool:
    merge = next((merge for merge in region.view.sheet.merges if merge[:2] == (row, column)), None)
    return merge is not None and merge.right - merge.left + 1 >= 0.8 * (region.right - region.left + 1)


def _without_notes(region: Region, rows: Rows, start: int) -> tuple[int, int]:
    """Where titles end and notes begin: trailing rows with one text in the first column are notes."""
    end = len(rows)
    if region.width < 2:
        return start, end
    while end - 1 > start and _is_alone(region, rows[end - 1]) and region.masks[rows[end - 1]] >> region.left == 1:
        end -= 1
    if end < len(rows):
        tail = cells_of_region(region, rows[end:])
        texts = [cell for row in rows[end:] for cell in tail[row].values()]
        if any(cell.numeric for cell in texts):
            return start, len(rows)
    return start, end


def _look(region: Region, rows: Rows) -> _Looked:
    head, tail = rows[:_HEAD_ROWS], rows[max(len(rows) - _TAIL_ROWS, 0) :]
    step = max(len(rows) // _SAMPLE_ROWS, 1)
    sample = rows[::step]
    wanted = sorted({*head, *tail, *sample})
    cells = cells_of_region(region, wanted)
    numbers = sorted(sum(cell.numeric for cell in cells[row].values()) for row in sample[len(sample) // 4 :])
    return _Looked(region, rows, cells, _numeric_columns(cells), numbers[len(numbers) // 2] if numbers else 0)


def _numeric_columns(cells: Mapping[int, Mapping[int, Cell]]) -> frozenset[int]:
    """Columns most of whose cells hold numbers. Rows near the end weigh as much as rows at the top."""
    numbers: Counter[int] = Counter()
    filled: Counter[int] = Counter()
    for row in cells.values():
        filled.update([column for column, cell in row.items() if not cell.missing])
        numbers.update([column for column, cell in row.items() if cell.numeric and not cell.missing])
    return frozenset(column for column, count in filled.items() if numbers[column] >= _MOSTLY * count)


def _first_body_row(looked: _Looked) -> int:
    """The index of the first row that is not header; 0 where there is no header."""
    if len(looked.rows) < 2:
        return 0
    if not looked.numeric:
        return 1 if _is_text_header(looked) or _is_number_header(looked) else 0
    for index, row in enumerate(looked.rows[:_HEAD_ROWS]):
        if _is_data(looked, index, row) and not _is_before_header(looked, index):
            return 0 if _names_its_rows(looked, index) else _without_labels(looked, _without_body(looked, index))
    return 1 if _is_text_header(looked) else 0


def _without_body(looked: _Looked, first: int) -> int:
    """The header without rows that are body of a table whose numbers are few.

    A header that names its columns ends where a section begins, and no header has many rows that are all filled.
    """
    full = [looked.region.masks[row].bit_count() >= _WIDE * looked.region.width for row in looked.rows[:first]]
    if sum(full) > _MAX_HEADER_ROWS:
        return full.index(True) + 1
    for index in range(1, first - 1):
        if full[index - 1] and _is_section(looked, looked.rows[index]):
            return index
    return first


def _names_its_rows(looked: _Looked, first: int) -> bool:
    """Whether the rows above the first number are names with values, as the rows below are: a form has no header."""
    if not 0 < first < len(looked.rows):
        return False
    labels = [looked.cells[row].get(looked.region.left) for row in looked.rows[: first + 2]]
    return all(label is not None and label.text.endswith((":", "：")) for label in labels)


def _is_before_header(looked: _Looked, index: int) -> bool:
    """Whether the header only follows: a sum or a date above it is no data."""
    if index > _MAX_PREAMBLE_ROWS:
        return False
    for row in looked.rows[index + 1 : index + 3]:
        values = [cell for cell in looked.row(row) if cell.column in looked.numeric and not cell.missing]
        if len(values) >= max(2, _WIDE * len(looked.numeric)) and not any(cell.numeric for cell in values):
            return True
    return False


def _is_data(looked: _Looked, index: int, row: int) -> bool:
    """Whether numbers stand where columns hold numbers."""
    filled = looked.row(row)
    cells = [cell for cell in filled if cell.column in looked.numeric and not cell.missing]
    numbers = [cell for cell in cells if cell.numeric]
    missing = sum(cell.missing for cell in filled)
    if not numbers:
        return not cells and missing > 1 and not filled[0].missing and missing >= _MOSTLY * len(looked.numeric)
    if len(numbers) < _MOSTLY * len(cells):
        return False
    if len(numbers) + missing < _FEW * looked.usual_numbers and not _is_begun(looked, index, numbers):
        return False
    return not (says_units(filled) or _is_row_of_headings(looked, index, numbers))


def _is_begun(looked: _Looked, index: int, numbers: Sequence[Cell]) -> bool:
    """Whether a row with few numbers is body all the same: under a row that names every column, it has a label."""
    if not index or looked.region.left not in looked.cells[looked.rows[index]]:
        return False
    above = looked.row(looked.rows[index - 1])
    named = len(above) >= _WIDE * looked.region.width and not any(cell.numeric for cell in above)
    return named and not any(map(_is_time, numbers))


def _is_row_of_headings(looked: _Looked, index: int, numbers: Sequence[Cell]) -> bool:
    """Whether numbers are years or a sequence above columns of other numbers, or above more of the header."""
    if index >= _MAX_HEADER_ROWS:
        return False
    years = sum(map(_is_time, numbers)) >= _NEARLY_ALL * len(numbers)
    if not years and (index or not _is_sequence(numbers)):
        return False
    below = _below(looked, index, numbers)
    if not below:
        return False
    if years and all(not cell.numeric or cell.missing for cell in below):
        return True
    if years and len(numbers) == 1:
        bare = numbers[0].text.isdigit() or numbers[0].dated
        return not bare or (not index and _is_plain_column(looked, numbers[0].column))
    if years:
        return not all(map(_is_time, below))
    return not _is_sequence(below)


def _is_time(cell: Cell) -> bool:
    return cell.yearlike or cell.dated


def _is_plain_column(looked: _Looked, column: int) -> bool:
    """Whether below its first row a column holds many numbers, none of them a year."""
    below = [cells[column] for row, cells in looked.cells.items() if row > looked.rows[0] and column in cells]
    return len(below) >= _MANY and all(cell.numeric and not _is_time(cell) for cell in below)


def _below(looked: _Looked, index: int, numbers: Sequence[Cell]) -> list[Cell]:
    """What stands under numbers in the next row that has something there."""
    for row in looked.rows[index + 1 : index + 4]:
        cells = looked.cells[row]
        found = [cells[cell.column] for cell in numbers if cell.column in cells]
        if found:
            return found
    return []


def _is_sequence(cells: Sequence[Cell]) -> bool:
    values = [int(cell.raw) if cell.raw.isdecimal() and len(cell.raw) < _LONG_NUMBER else -1 for cell in cells]
    return len(values) > 2 and values == list(range(values[0], values[0] + len(values))) and values[0] in (0, 1)


def _without_labels(looked: _Looked, first: int) -> int:
    """The header without rows at its end that only have a label in the first column: those begin the body."""
    if _names_corner(looked, first - 1):
        return first
    end = first
    while end > 1 and _is_section(looked, looked.rows[end - 1]):
        end -= 1
    return end


def _names_corner(looked: _Looked, index: int) -> bool:
    """Whether a label that stands alone is the name of the first column: the first one there, set off from the body."""
    rows, left = looked.rows, looked.region.left
    if not 0 < index < len(rows) - 1 or not looked.region.view.row_gap(rows[index], rows[index + 1]):
        return False
    first = all(left not in looked.cells[row] for row in rows[:index])
    return first and not looked.row(rows[index])[0].text.rstrip().endswith(":")


def _is_section(looked: _Looked, row: int) -> bool:
    region = looked.region
    return region.masks[row] == 1 << region.left or is_one_heading(looked.row(row), region)


def _is_text_header(looked: _Looked) -> bool:
    """Whether the first row heads columns of text."""
    region = looked.region
    first = looked.row(looked.rows[0])
    texts = [cell.text.strip().casefold() for cell in first]
    if len(first) < max(2, _WIDE * region.width) or any(cell.numeric for cell in first):
        return False
    if len(set(texts)) < len(texts) or sum(map(len, texts)) > _LONG_HEADER_CHARACTERS * len(texts):
        return False
    second = looked.row(looked.rows[1])
    if _stands_out(looked, first) and not _stands_out(looked, second):
        return True
    if any(text.endswith(":") for text in texts):
        return False
    return region.width > 2 or len(looked.rows) > 4


def _is_number_header(looked: _Looked) -> bool:
    """Whether the first row has a number of its own for each column of text: positions, weeks, question numbers."""
    numbers = [cell for cell in looked.row(looked.rows[0]) if cell.column > looked.region.left]
    different = len({cell.text for cell in numbers}) == len(numbers) > 2
    full = len(numbers) >= _NEARLY_ALL * (looked.region.width - 1)
    return full and different and all(cell.numeric for cell in numbers)


def _stands_out(looked: _Looked, cells: Sequence[Cell]) -> bool:
    styles = looked.region.view.sheet.styles
    striking = sum(cell.form.style in styles.bold or cell.form.style in styles.filled for cell in cells)
    return striking > _MOSTLY * len(cells)


def _header_start(looked: _Looked, first: int) -> int:
    """Where the header begins: rows further up than a header reaches, or that name no columns, are titles."""
    start = first
    while start > 0 and first - start < _MAX_HEADER_ROWS:
        row = looked.rows[start - 1]
        if start < first and (_is_pair(looked, row) or _is_data(looked, start - 1, row)):
            break
        start -= 1
    while start < first - 1 and _is_section(looked, looked.rows[start]):
        start += 1
    return start


def _is_pair(looked: _Looked, row: int) -> bool:
    """Whether a row is a name and its value, above a table that is wider."""
    cells = looked.row(row)
    return len(cells) == 2 and looked.region.width > 3 and cells[0].text.rstrip().endswith(":")


def _count_totals(looked: _Looked, first: int) -> int:
    """How many rows at the end are totals: they say so, or alone hold formulas where the body has values."""
    count = 0
    while count < _MAX_TOTALS and len(looked.rows) - count - 1 > first:
        cells = looked.row(looked.rows[len(looked.rows) - count - 1])
        above = looked.row(looked.rows[len(looked.rows) - count - 2])
        if not (says_total(cells) or (not count and _sums_up(cells, above))):
            break
        count += 1
    return count


def says_total(cells: Sequence[Cell]) -> bool:
    """Whether a row is named as a total and has numbers."""
    label = next((cell for cell in cells[:2] if not cell.numeric), None)
    return label is not None and _TOTAL.match(label.text) is not None and any(cell.numeric for cell in cells)


def _sums_up(cells: Sequence[Cell], above: Sequence[Cell]) -> bool:
    formulas = [cell for cell in cells if cell.form.formula]
    plain = {cell.column for cell in above if cell.numeric and not cell.form.formula}
    return (
        len(formulas) > 0
        and all(cell.column in plain for cell in formulas)
        and all(cell.form.formula for cell in cells if cell.numeric)
    )
