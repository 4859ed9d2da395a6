"""The fast scan of a sheet's rows, for XML written the way producers write it.

    <row r="2" spans="1:3"><c r="A2" s="1"><v>43831</v></c><c r="B2" t="s"><v>7</v></c></row>

Rows of one sheet look alike. After some rows of one layout a pattern for the whole row is made of it; one match then
reads a row and says that nothing else stood in it. Rows that fit no pattern are read cell by cell, and each byte must
belong to a cell. Anything else (comments, CDATA, cells without references, rows that come twice) raises
:class:`~ingestkit_excel.workbook.rows.NotRegular`: the careful scan reads the sheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree

from ingestkit_excel.workbook.bands import BandBuilder, RawForm
from ingestkit_excel.workbook.blocks import Blocks, UnfitRows
from ingestkit_excel.workbook.layouts import (
    CellLayout,
    column_number,
    is_learnable,
    merged_layout,
    row_pattern,
    whole_layout,
)
from ingestkit_excel.workbook.markup import parse_tree
from ingestkit_excel.workbook.rows import NotRegular, RowReader, is_hidden, style_of
from ingestkit_excel.workbook.strings import Strings
from ingestkit_excel.workbook.values import Band, Block, Link

__all__ = ["Scanned", "scan_sheet"]

_LEARNED_AT = (64, 256, 1024, 4096)
"""Rows of one layout after which a pattern is made or widened: making one costs as much as reading a hundred rows."""
_MAX_PATTERNS = 8
_MAX_PATTERN_CELLS = 400
_MAX_ENVELOPE_CHARACTERS = 64 << 20
_LONGEST_TAG = 4096

_EMPTY_ROWS = re.compile(r"(?:<row[^>]*+(?<=/)>)++")
_EMPTY_ROW = re.compile(r"<row([^>]*)/>")
_ROW_NUMBER = re.compile(r' r="(\d+)"')
_SHEET_DATA = re.compile(r"<(\w+:)?sheetData( [^>]*?)?(/?)>")


class Scanned(NamedTuple):
    """What a scan found. ``envelope`` is the tree around the rows."""

    blocks: tuple[Block, ...]
    hidden_rows: frozenset[int]
    links: tuple[Link, ...]
    envelope: ElementTree.Element

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands of all blocks."""
        return tuple(band for block in self.blocks for band in block)


@dataclass(slots=True)
class _Pattern:
    layout: tuple[CellLayout, ...]
    match: re.Pattern[str]
    rows: list[tuple[str | None, ...]]


def scan_sheet(texts: Iterable[str], strings: Strings, blocks: Blocks) -> Scanned:
    """Read a sheet's XML. Raises NotRegular, and PartError where what surrounds the rows is no XML."""
    scan = _Scan(strings, blocks)
    envelope = "".join(_split_rows(texts, scan))
    return scan.finish(parse_tree(envelope, "sheet"))


def _split_rows(texts: Iterable[str], scan: _Scan) -> Iterator[str]:
    """Feed the rows to the scan; give what stands before and after them."""
    waiting = iter(texts)
    head, start = _head(waiting)
    prefix = start[1] or ""
    yield f"{head[: start.start()]}<{prefix}sheetData/>"
    rest = head[start.end() :]
    if not start[3]:
        rest = _feed_rows(scan, rest, waiting, prefix)
    yield rest
    yield from waiting


def _head(texts: Iterator[str]) -> tuple[str, re.Match[str]]:
    """The XML up to where the rows begin, and the tag that begins them."""
    head = ""
    for text in texts:
        searched = max(len(head) - _LONGEST_TAG, 0)
        head += text
        start = _SHEET_DATA.search(head, searched)
        if start is not None:
            if start[1] and not _is_main_prefix(head, start[1]):
                break
            return head, start
        if len(head) > _MAX_ENVELOPE_CHARACTERS:
            break
    raise NotRegular


def _is_main_prefix(head: str, prefix: str) -> bool:
    declared = re.search(rf'xmlns:{prefix[:-1]}\s*=\s*["\']([^"\']*)', head)
    return declared is not None and declared[1].rstrip("/").endswith("main")


def _feed_rows(scan: _Scan, rest: str, texts: Iterator[str], prefix: str) -> str:
    """Feed all rows; returns what follows them."""
    if prefix:
        rest += "".join(texts)
    end = f"</{prefix}sheetData>"
    while end not in rest:
        text = next(texts, None)
        if text is None:
            raise NotRegular
        rest = scan.feed(rest) + text
    last, _, tail = rest.partition(end)
    if prefix:
        last = last.replace(f"<{prefix}", "<").replace(f"</{prefix}", "</")
    if scan.feed(last).strip():
        raise NotRegular
    return tail


class _Scan:
    def __init__(self, strings: Strings, blocks: Blocks) -> None:
        self._blocks = blocks
        self._bands = BandBuilder(strings, blocks)
        self._room = 0
        self._patterns: list[_Pattern] = []
        self._retired: list[_Pattern] = []
        self._rows = RowReader(self._bands)
        self._hidden = self._rows.hidden

    def feed(self, text: str) -> str:
        """Read all whole rows in a text; returns what is left of it. Raises NotRegular."""
        pieces = text.split("</row>")
        left = pieces.pop()
        at = 0
        while at < len(pieces):
            if self._room <= 0:
                self._end_block()
                self._room = self._blocks.room(pieces[at].count("<c "))
            some = pieces[at : at + self._room]
            at += len(some)
            self._room -= len(some)
            self._feed(some)
        return self._skip_empty(left)

    def _feed(self, pieces: list[str]) -> None:
        at = 0
        while at < len(pieces):
            at = self._by_pattern(pieces, at) if self._patterns else self._by_cells(pieces, at)

    def _end_block(self) -> None:
        try:
            for pattern in (*self._patterns, *self._retired):
                self._take(pattern)
                pattern.rows.clear()
            self._retired.clear()
            self._bands.end_block()
        except UnfitRows as exc:
            raise NotRegular from exc

    def _by_cells(self, pieces: list[str], at: int) -> int:
        """Read rows cell by cell until a pattern is made; returns where to go on."""
        for index in range(at, len(pieces)):
            if self._read(pieces[index]):
                return index + 1
        return len(pieces)

    def _by_pattern(self, pieces: list[str], at: int) -> int:
        """Read rows with the pattern in front until another takes its place; returns where to go on."""
        front = self._patterns[0]
        match, add = front.match.fullmatch, front.rows.append
        for index in range(at, len(pieces)):
            found = match(pieces[index])
            if found is not None:
                add(found.groups())
            elif self._read(pieces[index]):
                return index + 1
        return len(pieces)

    def _read(self, piece: str) -> bool:
        """Read a row by the other patterns, else cell by cell. True if the pattern in front has changed."""
        for index, pattern in enumerate(self._patterns[1:], start=1):
            found = pattern.match.fullmatch(piece)
            if found is not None:
                pattern.rows.append(found.groups())
                self._patterns.insert(0, self._patterns.pop(index))
                return True
        return self._read_cells(self._skip_empty(piece))

    def _skip_empty(self, text: str) -> str:
        """The text without the rows at its beginning that have no cells."""
        empty = _EMPTY_ROWS.match(text)
        if empty is None:
            return text
        if "hidden" in empty[0]:
            for row in _EMPTY_ROW.finditer(empty[0]):
                number = _ROW_NUMBER.search(row[1])
                if is_hidden(row[1]) and number is not None:
                    self._hidden.add(int(number[1]))
        return text[empty.end() :]

    def _read_cells(self, piece: str) -> bool:
        kind = self._rows.read(piece)
        return kind.seen in _LEARNED_AT and self._learn(piece, kind.layout)

    def _learn(self, piece: str, key: tuple[CellLayout, ...]) -> bool:
        """Make a pattern of a layout seen often enough; True if one was made."""
        if not all(map(is_learnable, key)):
            return False
        layout = whole_layout(piece, key)
        for index, pattern in enumerate(self._patterns):
            merged = merged_layout(pattern.layout, layout)
            if merged is not None:
                self._retired.append(self._patterns.pop(index))
                layout = merged
                break
        if not key or len(layout) > _MAX_PATTERN_CELLS:
            return False
        if len(self._patterns) >= _MAX_PATTERNS:
            self._retired.append(self._patterns.pop())
        self._patterns.insert(0, _Pattern(layout, row_pattern(layout), []))
        return True

    def finish(self, envelope: ElementTree.Element) -> Scanned:
        """Everything that was read. Raises NotRegular."""
        self._end_block()
        return Scanned(self._blocks.all(), frozenset(self._hidden), tuple(self._rows.links), envelope)

    def _take(self, pattern: _Pattern) -> None:
        if not pattern.rows:
            return
        numbers, attributes, *columns = zip(*pattern.rows, strict=True)
        if any(map(is_hidden, set(attributes))):
            rows = zip(numbers, attributes, strict=True)
            self._hidden.update(int(number) for number, text in rows if is_hidden(text))
        forms = tuple(
            RawForm(column_number(cell.letters), cell.storage, style_of(cell.attributes), cell.formula)
            for cell in pattern.layout
            if cell.storage is not None
        )
        self._bands.add_columns(forms, numbers, columns)
