"""The header of a table, flattened: one text a column, levels from top to bottom.

    | Fall 2010 |       | Fall 2011 |           Fall 2010 / FT, Fall 2010 / PT, Fall 2011 / FT, ...
    | FT        | PT    | FT        |

A merged heading stands over all columns it covers. One that is not merged reaches over the columns named below it, up
to the next heading. What stands over all columns alike tells none from another: where it is long it is said once, in a
line above.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingestkit_core.elements import CellRange, Span

from ingestkit_excel.extract.cells import cells_of_region
from ingestkit_excel.extract.lines import header_parts, joined, labelled, narrowed
from ingestkit_excel.extract.view import Region
from ingestkit_excel.workbook import Rectangle

__all__ = ["FlatHeader", "flat_header", "header_span"]

_LEVELS = " / "
_MANY_COLUMNS = 3
_LONG_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class FlatHeader:
    """The text of each column that has one, by column, and what stands over all columns alike."""

    texts: Mapping[int, str]
    over_all: tuple[str, ...] = ()

    def of(self, column: int) -> str:
        """The text of a column; empty where it has none."""
        return self.texts.get(column, "")


def flat_header(region: Region, rows: Sequence[int]) -> FlatHeader:
    """The header of a region, ``rows`` being its header rows."""
    found = cells_of_region(region, rows)
    merges = [merge for merge in region.view.sheet.merges if rows and rows[0] <= merge.top <= rows[-1]]
    levels: list[dict[int, str]] = []
    for index, row in enumerate(rows):
        texts = {column: " ".join(cell.text.split()) for column, cell in found[row].items()}
        below = region.masks[rows[index + 1]] if index + 1 < len(rows) else 0
        levels.append(_spread(region, row, texts, merges, below))
    over_all = tuple(_over_all(levels, region))
    told = [{column: text for column, text in level.items() if text not in over_all} for level in levels]
    texts = {column: text for column in region.columns if (text := _LEVELS.join(_parts(told, column)))}
    return FlatHeader(texts, over_all)


def _over_all(levels: Sequence[Mapping[int, str]], region: Region) -> Iterator[str]:
    """Texts that are long, written out, and stand over all columns (the first may be left out), each named by more."""
    for number, level in enumerate(levels):
        (text, count), *_ = Counter(level.values()).most_common(1) or [("", 0)]
        others = {column for other in (*levels[:number], *levels[number + 1 :]) for column in other}
        alike = count >= max(_MANY_COLUMNS, len(region.columns) - 1) and count * len(text) > _LONG_CHARACTERS
        if alike and all(column in others for column in region.columns[1:]):
            yield text


def header_span(region: Region, rows: Sequence[int], header: FlatHeader) -> tuple[Span, ...]:
    """The header as the line that stands above rows, after what stands over all columns; none without a header."""
    if not rows:
        return ()
    sheet = region.view.sheet
    texts = [labelled(header.of(column), hidden=sheet.is_hidden_column(column)).strip() for column in region.columns]
    ends = [*narrowed(region, rows).values()]
    left, right = (region.left, region.right) if len(ends) < len(rows) else (min(ends)[0], max(end for _, end in ends))
    place = CellRange(sheet.name, Rectangle(rows[0], left, rows[-1], right).a1)
    count = sum(region.masks[row].bit_count() for row in rows)
    names = Span(joined(texts), place, count, header_parts(region, rows, texts))
    return (*(Span(text, place, 0) for text in header.over_all), names)


def _spread(
    region: Region, row: int, texts: Mapping[int, str], merges: Sequence[Rectangle], below: int
) -> dict[int, str]:
    spread = dict(texts)
    for merge in merges:
        if merge.top == row and merge.left in texts:
            for column in range(merge.left, min(merge.right, region.right) + 1):
                spread.setdefault(column, texts[merge.left])
    if not below or not texts or len(texts) >= len(region.columns):
        return spread
    # A heading over several columns that is not merged: it reaches over the columns named below, to the next heading.
    last = None
    for column in region.columns:
        if column in texts:
            last = texts[column] if column > region.left else None
        elif last is not None and below >> column & 1 and column not in spread:
            spread[column] = last
        else:
            last = last if column in spread else None
    return spread


def _parts(levels: Sequence[Mapping[int, str]], column: int) -> list[str]:
    parts: list[str] = []
    for level in levels:
        text = level.get(column, "")
        if text and (not parts or parts[-1] != text):
            parts.append(text)
    return parts
