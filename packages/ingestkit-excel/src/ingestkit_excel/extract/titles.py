"""Which texts of a sheet are titles of which of its tables.

Sales by region, 2023               alone in its row: a title of both tables, as one merged over both is
North           South               each of the table below it
Item | Sold     Item | Sold
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ingestkit_excel.extract.cells import cells_of_region, is_one_heading
from ingestkit_excel.extract.facts import Piece
from ingestkit_excel.extract.view import Region

__all__ = ["Title", "may_be_title", "with_titles"]

_MAX_GAP_ROWS = 2
_MAX_ROWS = 5
_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class Title:
    """Rows above a table. ``told``: they are a title of an earlier table, too, and stand there."""

    piece: Piece
    rows: Sequence[int]
    told: bool = False


@dataclass(slots=True)
class _Text:
    """Rows that may be a title: how far to the right they are merged, and the tables that they are a title of."""

    piece: Piece
    rows: Sequence[int]
    right: int
    tables: list[Region] = field(default_factory=list)


def with_titles(pieces: Sequence[Piece]) -> Iterator[tuple[Piece, list[Title]]]:
    """Pieces in reading order, each with what is its title above it; pieces that are nothing else come with it."""
    titles: dict[str, list[_Text]] = {}
    texts: deque[_Text] = deque(maxlen=_REMEMBERED)
    for piece in pieces:
        region, own = piece.region, piece.anatomy.titles
        if may_be_title(piece):
            rows = list(region.masks)
            texts.append(_Text(piece, rows, _right(region, rows)))
            continue
        titles[piece.region_id] = found = _titles_of(region, texts)
        for text in found:
            text.tables.append(region)
        if own and (right := _right(region, own)) > region.right:
            texts.append(_Text(piece, own, right, [region]))
    apart = {text.piece.region_id for found in titles.values() for text in found} - titles.keys()
    told = set(titles)
    for piece in pieces:
        if piece.region_id in apart:
            continue
        mine = titles.get(piece.region_id, [])
        yield piece, [Title(one.piece, one.rows, one.piece.region_id in told) for one in mine]
        told.update(one.piece.region_id for one in mine)


def may_be_title(piece: Piece) -> bool:
    """Whether a piece is a few rows that say one thing each."""
    rows = piece.region.masks
    if len(rows) > _MAX_ROWS:
        return False
    if all(mask.bit_count() == 1 for mask in rows.values()):
        return True
    found = cells_of_region(piece.region, list(rows))
    return all(is_one_heading(list(cells.values()), piece.region) for cells in found.values())


def _titles_of(table: Region, texts: Iterable[_Text]) -> list[_Text]:
    """The texts right above a table and above each other, from the top."""
    below, found = [(table.left, table.right, table.top)], list[_Text]()
    for text in reversed([*texts]):
        if any(_is_right_above(text, *one) for one in below) or _is_over_the_row_of(text, table):
            found.append(text)
            below.append((text.piece.region.left, text.right, text.rows[0]))
    return found[::-1]


def _is_right_above(text: _Text, left: int, right: int, top: int) -> bool:
    region, bottom = text.piece.region, text.rows[-1]
    beside = region.left <= right and text.right >= left - 1
    return bottom < top and beside and region.view.row_gap(bottom, top) <= _MAX_GAP_ROWS


def _is_over_the_row_of(text: _Text, table: Region) -> bool:
    """Whether a text is a title of the first of several tables in a row, and stands alone above them all."""
    region = text.piece.region
    if not any(one.left == region.left and one.top == table.top for one in text.tables):
        return False
    return all(region.view.masks[row] == region.masks[row] for row in text.rows)


def _right(region: Region, rows: Sequence[int]) -> int:
    """How far a text reaches: what is merged with one of its cells belongs to it."""
    first, last = rows[0], rows[-1]
    merges = (one for one in region.view.sheet.merges if first <= one.top <= last)
    return max([region.right, *(one.right for one in merges if one.left in region.columns)])
