"""A small table, a form or a checklist: rows as lines of text under a header if there is one. No SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ingestkit_core.elements import Element, ElementKind

from ingestkit_excel.extract.facts import Piece
from ingestkit_excel.extract.inherited import header_line, header_of
from ingestkit_excel.extract.lines import row_spans, rows_of
from ingestkit_excel.models import OriginalStructure

__all__ = ["read_grid", "structure_of"]

_CHECK = re.compile(r"[☐☑☒✓✔✗✘□■xX]|\[[ xX]?\]|yes|no|y|n|done|open|ok|true|false|ja|nein|oui|non|si|sí", re.IGNORECASE)
_MOSTLY = 0.7
_LABEL_ENDS = (":", "：", "?")


def read_grid(piece: Piece, targets: Mapping[tuple[int, int], str], metadata: tuple[tuple[str, Any], ...]) -> Element:
    """The region as one table element. Pairs of name and value read ``name: value``."""
    region, anatomy = piece.region, piece.anatomy
    rows = [*anatomy.body, *anatomy.totals]
    cells = rows_of(region, rows, targets)
    element = Element(ElementKind.TABLE, row_spans(region, rows, cells), metadata=metadata)
    if anatomy.header or piece.headed_by is not None:
        header = header_of(piece)
        names = tuple(header.of(column) for column in region.columns)
        return replace(element, header=header_line(piece, header), columns=names)
    if are_pairs(cells):
        pairs = [tuple(_pair(row)) for row in cells]
        return replace(element, spans=row_spans(region, rows, pairs, " "), content_type="form_field")
    return element


def are_pairs(cells: Sequence[Sequence[str]]) -> bool:
    """Whether rows are a name and a value each."""
    pairs = [[text for text in row if text] for row in cells]
    named = [pair for pair in pairs if len(pair) == 2 and pair[0].rstrip().endswith(_LABEL_ENDS)]
    two = [pair for pair in pairs if len(pair) <= 2]
    return len(two) == len(pairs) and len(named) >= _MOSTLY * len(pairs) > 0


def _pair(row: Sequence[str]) -> list[str]:
    return [text for text in row if text]


def structure_of(piece: Piece, cells: Sequence[Sequence[str]]) -> OriginalStructure:
    """Which of the known structures a region that is no SQL table has."""
    for column in zip(*cells, strict=True):
        filled = [text.strip() for text in column if text.strip()]
        if len(filled) > 1 and len(filled) >= _MOSTLY * len(cells) and all(map(_CHECK.fullmatch, filled)):
            return "checklist"
    return "matrix" if piece.anatomy.header and piece.region.width > 1 else "free_text"
