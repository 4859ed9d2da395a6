"""The header of a table: its own, or that of the table above whose columns it goes on with.

Unit  | NOx | CO      header
201   | 442 | 43
Total | 442 | 43

Proposed              a table of its own, by its title; NOx and CO name its columns
201   | 127 | 77
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ingestkit_core.elements import Span

from ingestkit_excel.extract.cells import glance
from ingestkit_excel.extract.facts import Piece
from ingestkit_excel.extract.headers import FlatHeader, flat_header, header_span

__all__ = ["header_line", "header_of", "with_headers"]

_MAX_GAP_ROWS = 2


def with_headers(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Pieces in their order; those without a header know the piece whose header is theirs."""
    above: list[Piece] = []
    for piece in pieces:
        source = next((one for one in reversed(above) if _goes_on(one, piece)), None)
        known = piece if source is None else replace(piece, headed_by=source.headed_by or source)
        yield known
        above.append(known)


def _goes_on(above: Piece, piece: Piece) -> bool:
    """Whether a piece begins with a title, has no header, and is laid out as the one right above it."""
    upper, lower = above.region, piece.region
    titled = piece.anatomy.titles and not piece.anatomy.header
    if not titled or lower.width < 2 or upper.columns != lower.columns or upper.bottom >= lower.top:
        return False
    headed = above.anatomy.header or above.headed_by is not None
    near = upper.view.row_gap(upper.bottom, lower.top) <= _MAX_GAP_ROWS
    numeric = glance(lower).numeric_columns
    return bool(headed and near and numeric) and numeric <= glance(upper).numeric_columns | {upper.left}


def header_of(piece: Piece) -> FlatHeader:
    """What names the columns of a piece."""
    source = piece.headed_by or piece
    return flat_header(source.region, source.anatomy.header)


def header_line(piece: Piece, header: FlatHeader) -> tuple[Span, ...]:
    """The header as the line above its rows; that of another table is counted there."""
    if piece.headed_by is None:
        return header_span(piece.region, piece.anatomy.header, header, piece.anatomy.again)
    above = piece.headed_by
    return tuple(replace(span, count=0) for span in header_span(above.region, above.anatomy.header, header))
