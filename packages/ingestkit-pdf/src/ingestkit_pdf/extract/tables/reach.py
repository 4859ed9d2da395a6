"""Which columns a text stands in. Pure.

A line that runs through several cells is cut; a text over several columns reaches all of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence

from ingestkit_pdf.extract.tables.edges import EDGE_POINTS, Edge, distinct
from ingestkit_pdf.extract.tables.pieces import Piece, Row, split_piece
from ingestkit_pdf.extract.tables.regions import Region
from ingestkit_pdf.extract.tables.rulings import Rule

__all__ = ["centered_heads", "cut_pieces", "reach_of"]

_REACHED_RATIO = 0.25
_CENTERED_RATIO = 0.06


def cut_pieces(region: Region, columns: Sequence[Edge]) -> list[Piece]:
    """The pieces of a region, none of which runs through a vertical rule or over values of several columns."""
    pieces = _cut_at_rules(region.pieces, region.rulings.vertical)
    return _cut_values(pieces, [edge.at for edge in columns[1:-1]])


def _cut_at_rules(pieces: Iterable[Piece], rules: Sequence[Rule]) -> list[Piece]:
    """Pieces that run through a vertical rule are several."""
    if not rules:
        return list(pieces)
    places = [rule.at for rule in rules]
    cut: list[Piece] = []
    for piece in pieces:
        first = bisect_right(places, piece.x0 + EDGE_POINTS)
        last = bisect_left(places, piece.x1 - EDGE_POINTS)
        crossed = [rule.at for rule in rules[first:last] if rule.start < piece.middle < rule.end]
        cut += split_piece(piece, distinct(crossed)) if crossed else [piece]
    return cut


def _cut_values(pieces: Iterable[Piece], edges: Sequence[float]) -> list[Piece]:
    """Values of several columns that came as one line are several pieces; so are as many words as columns."""
    cut: list[Piece] = []
    for piece in pieces:
        crossed = edges[bisect_right(edges, piece.x0 + EDGE_POINTS) : bisect_right(edges, piece.x1 - EDGE_POINTS)]
        if crossed and " " in piece.text:
            words = piece.text.split(" ")
            if len(words) == len(crossed) + 1 and all(any(c.isdigit() for c in word) for word in words):
                cut += _dealt(piece, words, crossed)
                continue
            parts = split_piece(piece, crossed)
            if all(part.value for part in parts[1:]) and len(parts) == len(crossed) + 1:
                cut += parts
                continue
        cut.append(piece)
    return cut


def _dealt(piece: Piece, words: Sequence[str], edges: Sequence[float]) -> list[Piece]:
    """One word to each column. Their places within the line are not known: the columns' edges bound them."""
    bounds = [piece.x0, *edges, piece.x1]
    return [piece._replace(x0=bounds[i], x1=bounds[i + 1], text=word, value=True) for i, word in enumerate(words)]


def reach_of(piece: Piece, edges: Sequence[float], spans: Sequence[tuple[float, float]]) -> tuple[int, int]:
    """The first and the last column a piece stands in: those whose texts it overlaps, else the one it is in.

    ``edges`` are the inner edges of columns, ``spans`` how far the texts of each column reach.
    """
    x0, x1 = piece.x0, piece.x1
    at = bisect_right(edges, (x0 + x1) / 2)
    left, right = spans[at]
    if left <= x0 and x1 <= right:
        return at, at
    width = x1 - x0
    reached = [
        index
        for index, (left, right) in enumerate(spans)
        if left < x1 and x0 < right and min(x1, right) - max(x0, left) > _REACHED_RATIO * min(width, right - left)
    ]
    return (reached[0], reached[-1]) if reached else (at, at)


def centered_heads(
    region: Region,
    rows: Sequence[Row],
    reach: Mapping[Piece, tuple[int, int]],
    spans: Sequence[tuple[float, float]],
    body_top: float | None,
    full: Sequence[float],
) -> dict[Piece, tuple[int, int]]:
    """Heads that stand in the middle over several columns, each with a head of its own below; with their columns.

    Nothing where rules in the header, besides those through all columns (``full``), say what stands over what.
    """
    if body_top is None or _has_partial_rules(region, body_top, full):
        return {}
    rows = [row for row in rows if row[0].middle < body_top]
    found: dict[Piece, tuple[int, int]] = {}
    for index, row in enumerate(rows[:-1]):
        below = {column for under in rows[index + 1 :] for piece in under for column in _columns_of(reach[piece])}
        taken = [reach[piece] for piece in row]
        wider: dict[Piece, tuple[int, int]] = {}
        for number, piece in enumerate(row):
            left = _halfway(row[number - 1], piece) if number else spans[0][1]
            right = _halfway(piece, row[number + 1]) if number + 1 < len(row) else spans[-1][1]
            room = [column for column, span in enumerate(spans) if left < (span[0] + span[1]) / 2 < right]
            if not room:
                continue
            wide = _centered_over(piece, taken[number], (room[0], room[-1]), spans, below)
            if wide is not None:
                wider[piece] = wide
        if len(wider) > 1 or any(_stands_off(piece, rows[index + 1], reach, wide) for piece, wide in wider.items()):
            found.update(wider)
    return found


def _has_partial_rules(region: Region, body_top: float, full: Sequence[float]) -> bool:
    return any(region.box[1] + 1 < rule.at < body_top - 1 and rule.at not in full for rule in region.rulings.horizontal)


def _halfway(left: Piece, right: Piece) -> float:
    return (left.x0 + left.x1 + right.x0 + right.x1) / 4


def _columns_of(span: tuple[int, int]) -> range:
    return range(span[0], span[1] + 1)


def _centered_over(
    piece: Piece,
    own: tuple[int, int],
    room: tuple[int, int],
    spans: Sequence[tuple[float, float]],
    below: set[int],
) -> tuple[int, int] | None:
    """The widest stretch of columns with heads below whose middle a piece stands on; None if it is not wider than
    the columns it reaches.
    """
    middle = (piece.x0 + piece.x1) / 2
    best: tuple[int, int] | None = None
    for first in range(room[0], own[0] + 1):
        for last in range(own[1], room[1] + 1):
            width = spans[last][1] - spans[first][0]
            centered = abs((spans[first][0] + spans[last][1]) / 2 - middle) <= max(EDGE_POINTS, _CENTERED_RATIO * width)
            wider = last - first > max(own[1] - own[0], best[1] - best[0] if best else 0)
            if centered and wider and below.issuperset(range(first, last + 1)):
                best = first, last
    return best


def _stands_off(piece: Piece, below: Row, reach: Mapping[Piece, tuple[int, int]], wide: tuple[int, int]) -> bool:
    """Whether a head is set in another size than those below it, or they fill all its columns side by side."""
    under = [other for other in below if wide[0] <= reach[other][0] and reach[other][1] <= wide[1]]
    filled = {column for other in under for column in _columns_of(reach[other])}
    resized = bool(under) and all(abs(other.size - piece.size) > 1 for other in under)
    return resized or filled.issuperset(_columns_of(wide))
