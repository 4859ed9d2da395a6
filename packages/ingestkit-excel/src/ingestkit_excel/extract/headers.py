"""The header of a table, flattened: one text a column, levels from top to bottom.

    | Fall 2010 |       | Fall 2011 |           Fall 2010 / FT, Fall 2010 / PT, Fall 2011 / FT, ...
    | FT        | PT    | FT        |

A merged heading stands over all columns it covers, one that is not merged over those of its group (``groups``). What
stands over all columns alike tells none from another: where it is long it is said once, in a line above. So is what
stands over a group, where the line of names would be long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from ingestkit_core.elements import CellRange, Span
from ingestkit_core.language import estimate_tokens

from ingestkit_excel.extract.cells import cells_of_region
from ingestkit_excel.extract.closeup import Cell
from ingestkit_excel.extract.groups import Level, reach_of
from ingestkit_excel.extract.lines import header_parts, joined, labelled, narrowed
from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import Rectangle

__all__ = ["FlatHeader", "flat_header", "header_span"]

_LEVELS = " / "
_SAMPLE_ROWS = 12
_MANY_COLUMNS = 3
_LONG_CHARACTERS = 100
_LONG_TOKENS = 150
"""Of a line that stands above the rows of every chunk."""
_LONG_PREFIX = 15
_LONG_TITLE = 30
_AS_BEFORE = "…"


@dataclass(frozen=True, slots=True)
class FlatHeader:
    """The levels of each column that has some, by column, and what stands over all columns alike."""

    levels: Mapping[int, tuple[str, ...]]
    over_all: tuple[str, ...] = ()

    def of(self, column: int) -> str:
        """The text of a column; empty where it has none."""
        return _LEVELS.join(self.levels.get(column, ()))

    def line(self, columns: Sequence[int]) -> list[str]:
        """The texts of columns as they are told together: where they are long, those of a group once."""
        texts = [self.of(column) for column in columns]
        if sum(map(estimate_tokens, texts)) <= _LONG_TOKENS:
            return texts
        levels = [self.levels.get(column, ()) for column in columns]
        return [texts[0], *(_told_after(before, own) for before, own in pairwise(levels))]


def _told_after(before: Sequence[str], own: Sequence[str]) -> str:
    """The levels of a column without those at the top that the column before it has."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, own[:-1], strict=False)))
    kept = own if sum(map(len, own[:same])) < _LONG_PREFIX else (_AS_BEFORE, *own[same:])
    return _LEVELS.join(kept)


def flat_header(region: Region, rows: Sequence[int]) -> FlatHeader:
    """The header of a region, ``rows`` being its header rows."""
    levels, loose = _levels(region, rows)
    over_all = (*loose, *_over_all(levels, region))
    told = [{column: text for column, text in level.items() if text not in over_all} for level in levels]
    parts = {column: tuple(_parts(told, column)) for column in region.columns}
    return FlatHeader({column: own for column, own in parts.items() if own}, over_all)


def _levels(region: Region, rows: Sequence[int]) -> tuple[list[dict[int, str]], list[str]]:
    """The text of each column in each row, and texts that may stand over one column or over all of them.

    From the bottom up, since a heading stands over what the headings below it stand over.
    """
    found = cells_of_region(region, rows)
    labels = _label_columns(region, rows) if len(rows) > 1 else frozenset()
    merges = [merge for merge in region.view.sheet.merges if rows and merge.top <= rows[-1] and merge.bottom >= rows[0]]
    levels: list[dict[int, str]] = []
    loose: list[str] = []
    names: Mapping[int, str] = {}
    for above, row in reversed([*pairwise([0, *rows])]):
        level = _level(region, found[row].values(), found.get(above, {}))
        merged = _merged(region, row, level.texts, merges)
        texts = {**level.texts, **merged}
        if levels and _is_title(region, level.texts):
            loose.insert(0, texts.popitem()[1])
            texts.clear()
        elif levels and not merged:
            covered = _merged_above(row, merges)
            columns = [column for column in region.columns[1:] if column not in covered]
            reach = reach_of(level, columns, names, _named(levels), labels, region.view.column_gap)
            texts.update({column: level.texts[head] for head, group in reach.groups.items() for column in group})
            loose[:0] = (texts.pop(column) for column in reach.loose)
        levels.insert(0, texts)
        names = {**names, **level.texts}
    return levels, loose


def _level(region: Region, cells: Collection[Cell], above: Mapping[int, Cell]) -> Level:
    styles = region.view.sheet.styles
    texts = {cell.column: " ".join(cell.text.split()) for cell in cells}
    right = {cell.column for cell in cells if cell.form.style in styles.right}
    centred = {cell.column for cell in cells if cell.form.style in styles.centred}
    begun = {column for column, cell in above.items() if cell.form.style not in styles.right | styles.centred}
    return Level(texts, right, centred, begun if len(above) > 1 else ())


def _merged(region: Region, row: int, texts: Mapping[int, str], merges: Sequence[Rectangle]) -> dict[int, str]:
    """The columns that headings of a row stand over because they are merged over them."""
    return {
        column: texts[merge.left]
        for merge in merges
        if merge.top == row and merge.left in texts
        for column in range(merge.left + 1, min(merge.right, region.right) + 1)
        if column not in texts
    }


def _merged_above(row: int, merges: Sequence[Rectangle]) -> set[int]:
    """The columns where a heading of a row further up is merged down to a row."""
    covering = [merge for merge in merges if merge.top < row <= merge.bottom]
    return {column for merge in covering for column in range(merge.left, merge.right + 1)}


def _named(levels: Sequence[Mapping[int, str]]) -> dict[int, int]:
    """The columns that levels name, each with the number of the first that does, from 1."""
    return {column: number for number in range(len(levels), 0, -1) for column in levels[number - 1]}


def _is_title(region: Region, texts: Mapping[int, str]) -> bool:
    """Whether a row says one thing several times over blank columns, as a title does that is told on every page."""
    (text, *others) = texts.values()
    if not others or any(other != text for other in others):
        return False
    apart = any(left not in texts for left in region.columns if min(texts) < left < max(texts))
    return apart and (region.left in texts or len(text) > _LONG_TITLE)


def _label_columns(region: Region, header: Sequence[int]) -> frozenset[int]:
    """Columns of text: they name rows."""
    start = region.masks.rows.index(header[-1]) + 1
    sample = cells_of_region(region, region.masks.rows[start : start + _SAMPLE_ROWS])
    cells = [cell for of_row in sample.values() for cell in of_row.values() if not cell.missing]
    texts = Counter(cell.column for cell in cells if not cell.numeric)
    numbers = Counter(cell.column for cell in cells if cell.numeric)
    return frozenset(column for column, count in texts.items() if count > numbers[column])


def _over_all(levels: Sequence[Mapping[int, str]], region: Region) -> Iterator[str]:
    """Texts that are long, written out, and stand over all columns (the first may be left out), each named by more."""
    for number, level in enumerate(levels):
        (text, count), *_ = Counter(level.values()).most_common(1) or [("", 0)]
        others = {column for other in (*levels[:number], *levels[number + 1 :]) for column in other}
        alike = count >= max(_MANY_COLUMNS, len(region.columns) - 1) and count * len(text) > _LONG_CHARACTERS
        if alike and all(column in others for column in region.columns[1:]):
            yield text


def header_span(region: Region, rows: Sequence[int], header: FlatHeader, again: Sequence[int] = ()) -> tuple[Span, ...]:
    """The header as the line that stands above rows, after what stands over all columns; none without a header.

    Rows that say it ``again`` are counted with it.
    """
    if not rows:
        return ()
    sheet = region.view.sheet
    texts = [
        labelled(text, hidden=sheet.is_hidden_column(column)).strip()
        for column, text in zip(region.columns, header.line(region.columns), strict=True)
    ]
    ends = [*narrowed(region, rows).values()]
    left, right = (region.left, region.right) if len(ends) < len(rows) else (min(ends)[0], max(end for _, end in ends))
    place = CellRange(sheet.name, Rectangle(rows[0], left, rows[-1], right).a1)
    count = sum(region.masks[row].bit_count() for row in (*rows, *again))
    names = Span(joined(texts), place, count, header_parts(region, rows, texts))
    return (*(Span(text, place, 0) for text in header.over_all), names)


def _parts(levels: Sequence[Mapping[int, str]], column: int) -> list[str]:
    parts: list[str] = []
    for level in levels:
        text = level.get(column, "")
        if text and (not parts or parts[-1] != text):
            parts.append(text)
    return parts
