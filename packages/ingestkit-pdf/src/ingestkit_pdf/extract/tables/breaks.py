"""Which lines of text make one row of a table, where no rule says so. Pure.

    Between-state income inequality    0.0628   0.0636      one row: the label had no room left on its line
      (Gini index)
    Household income                   0.4590   0.4560      another

The strongest sign that a line does not go on is that its first word would have fitted on the line before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from ingestkit_pdf.extract.tables.pieces import Piece, Row

__all__ = ["Reach", "body_breaks", "header_levels"]

Reach = Mapping[Piece, tuple[int, int]]
"""The first and the last column each piece stands in."""

_FILLED_RATIO = 0.6
_TIGHT_RATIO = 0.6
_LOOSE_RATIO = 1.25
_LOOSE_SHARE = 0.15
_OVERLAP_RATIO = 0.3


def header_levels(rows: Sequence[Row], reach: Reach) -> list[float]:
    """The heights between the levels of a header: below texts that span columns and have others under them."""
    breaks: list[float] = []
    for above, below in pairwise(rows):
        spans = {reach[piece] for piece in above if reach[piece][0] < reach[piece][1]}
        under = {reach[piece] for piece in below}
        if any((first, last) not in under and any(first <= a and b <= last for a, b in under) for first, last in spans):
            breaks.append(_between(above, below))
    return breaks


def body_breaks(rows: Sequence[Row], reach: Reach, column_count: int, *, strict: bool) -> list[float]:
    """The heights between rows of the body. With ``strict`` a rule would be there, and only columns of values
    that run on without one say otherwise.
    """
    if len(rows) < 2 or (strict and not _runs_on(rows, reach)):
        return []
    band = _Band(rows, reach, column_count)
    breaks: list[float] = []
    group = [rows[0]]
    for row in rows[1:]:
        if band.joins(group, row):
            group.append(row)
        else:
            breaks.append(_between(group[-1], row))
            group = [row]
    return breaks


def _between(above: Row, below: Row) -> float:
    """A height under the middles of one row and over those of the next."""
    upper, lower = max(piece.middle for piece in above), min(piece.middle for piece in below)
    bottom, top = max(piece.y1 for piece in above), min(piece.y0 for piece in below)
    edge = (bottom + top) / 2
    return edge if upper < edge < lower else (upper + lower) / 2


def _runs_on(rows: Sequence[Row], reach: Reach) -> bool:
    """Whether columns of values go through the rows as though there were rules between them."""
    filled: dict[int, int] = {}
    values: dict[int, int] = {}
    for row in rows:
        for column in {reach[piece][0] for piece in row}:
            filled[column] = filled.get(column, 0) + 1
        for column in {reach[piece][0] for piece in row if piece.value}:
            values[column] = values.get(column, 0) + 1
    needed = _FILLED_RATIO * len(rows) if len(rows) > 2 else 2
    return sum(count >= needed for count in filled.values()) > 1 and any(
        column > 0 and count >= needed for column, count in values.items()
    )


class _Band:
    """Rows between two rules, with what is usual among them."""

    def __init__(self, rows: Sequence[Row], reach: Reach, column_count: int) -> None:
        self._reach = reach
        self._widths = self._column_widths(rows, column_count)
        pitches = [below[0].middle - above[0].middle for above, below in pairwise(rows)]
        full = [
            pitch
            for pitch, (above, below) in zip(pitches, pairwise(rows), strict=True)
            if self._is_full(above) and self._is_full(below)
        ]
        self._usual = median(full or pitches)
        self._least = min(pitches)
        loose = sum(pitch > _LOOSE_RATIO * self._least for pitch in pitches)
        self._has_loose_rows = loose >= _LOOSE_SHARE * len(pitches)

    def _column_widths(self, rows: Sequence[Row], column_count: int) -> list[float]:
        widths = [0.0] * column_count
        for row in rows:
            for piece in row:
                first, last = self._reach[piece]
                if first == last:
                    widths[first] = max(widths[first], piece.x1 - piece.x0)
        return widths

    def _is_full(self, row: Row) -> bool:
        return len(row) > 1 and any(piece.value for piece in row[1:])

    def joins(self, group: Sequence[Row], row: Row) -> bool:
        """Whether a row of text goes on with the row of the table that a group of them has begun."""
        last = group[-1]
        above = {self._reach[piece][0]: piece for text_row in group for piece in text_row}
        below = {self._reach[piece][0]: piece for piece in row}
        shared = above.keys() & below.keys()
        height = min(piece.y1 - piece.y0 for piece in row)
        room = min(piece.y0 for piece in row) - max(piece.y1 for piece in last)
        if not shared and room < -_OVERLAP_RATIO * height:
            return True
        if room > _TIGHT_RATIO * height:
            return False
        if any(above[column].value and below[column].value for column in shared):
            return False
        pitch = row[0].middle - last[0].middle
        if below.keys() == {0}:
            return 0 in above and self._is_wrapped(above[0], below[0], pitch)
        if any(piece.value for column, piece in below.items() if column > 0 and column not in above):
            return self._label_goes_on(above, below)
        if not below.keys() <= above.keys():
            return False
        if 0 not in below:
            return len(below) == 1 or not self._all_fit(above, below)
        return not self._all_fit(above, below) and self._text_goes_on(above, below, pitch)

    def _all_fit(self, above: Mapping[int, Piece], below: Mapping[int, Piece]) -> bool:
        """Whether no text of a row needed a line of its own: all of them begin something."""
        return all(self._fits(above[column], piece, column) for column, piece in below.items())

    def _fits(self, above: Piece, below: Piece, column: int) -> bool:
        """Whether the first word of a piece would have had room on the line above it."""
        word = below.text.split(" ", 1)[0]
        width = (below.x1 - below.x0) * len(word) / max(len(below.text), 1)
        room = self._widths[column] - (above.x1 - above.x0)
        return width + 0.3 * below.size < 0.95 * room

    def _text_goes_on(self, above: Mapping[int, Piece], below: Mapping[int, Piece], pitch: float) -> bool:
        """Whether a row with a label goes on with the one above: its label does, or the room above it is no row's."""
        if self._says_so(above[0], below[0]):
            return not self._fits(above[0], below[0], 0) or pitch < _LOOSE_RATIO * self._least
        return self._has_loose_rows and pitch < _LOOSE_RATIO * self._least and len(below) < len(above)

    def _label_goes_on(self, above: Mapping[int, Piece], below: Mapping[int, Piece]) -> bool:
        """A label alone on its line whose values stand beside its last line."""
        if above.keys() != {0} or 0 not in below or above[0].bold != below[0].bold:
            return False
        return below[0].text[:1].islower() or below[0].text[:1] in "(&"

    def _is_wrapped(self, above: Piece, below: Piece, pitch: float) -> bool:
        """Whether a label alone on its line goes on with the label above it."""
        if above.bold != below.bold:
            return False
        if self._says_so(above, below):
            return True
        close = pitch < 0.85 * self._usual or (self._has_loose_rows and pitch < _LOOSE_RATIO * self._least)
        return not self._fits(above, below, 0) and (close or below.x0 > above.x0 + 2)

    def _says_so(self, above: Piece, below: Piece) -> bool:
        """Whether the texts read as though one went on with the other."""
        return below.text[:1].islower() or below.text[:1] in "(&/" or above.text[-1:] in "-–,/&("
