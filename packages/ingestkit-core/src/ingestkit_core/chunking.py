"""Elements into chunks. Pure; runs in the worker.

    heading ─┐            ┌─ chunk: heading + paragraphs up to the size, with the end of the chunk before
    para ────┼─ pieces ───┤
    para ────┘            └─ ...
    table ──── header rows + as many body rows as fit, the header again in every chunk

Nothing is invented and nothing is lost: every span of every element stands in a chunk exactly once, besides
what is repeated on purpose (overlap, table headers). What was really packed is counted by unit, for the
ledger.

Where prose is cut depends on the text near the cut, not on the distance from the top (content-defined
chunking, as in Muthitacharoen et al., LBFS, 2001): a sentence inserted at the top leaves most chunks as they
were, so their vectors are kept.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.containing import contained
from ingestkit_core.elements import (
    CELL_SEPARATOR,
    CellRange,
    Element,
    ElementKind,
    PageBox,
    Span,
    around,
    line_separator,
    merge_locations,
    unit_of,
)
from ingestkit_core.errors import ErrorCode, IngestError, ProcessError
from ingestkit_core.keys import hash_text
from ingestkit_core.language import estimate_tokens

__all__ = ["ChunkDraft", "ChunkLimits", "Packed", "pack", "pack_sparing"]

_CUT_WINDOW_RATIO = 0.5
"""A chunk of prose is cut somewhere between this share of its size and its full size."""


@dataclass(frozen=True, slots=True)
class ChunkLimits:
    """How large chunks are and what they respect. Sizes are tokens."""

    size_tokens: int = 512
    overlap_tokens: int = 50
    respect_headings: bool = True
    respect_tables: bool = True

    @classmethod
    def of(cls, config: ProcessorConfig) -> ChunkLimits:
        """The limits a config states."""
        return cls(
            size_tokens=config.chunk_size_tokens,
            overlap_tokens=config.chunk_overlap_tokens,
            respect_headings=config.chunk_respect_headings,
            respect_tables=config.chunk_respect_tables,
        )


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A chunk as a worker hands it over: all it can know without the owner.

    ``table_index`` points into the extraction's tables; ``metadata`` holds fields of the format's own
    metadata class. ``row_count`` is the number of table rows in the chunk.
    """

    text: str
    chunk_hash: str
    locations: tuple[PageBox | CellRange, ...]
    heading_path: tuple[str, ...] = ()
    content_type: str = "text"
    table_index: int | None = None
    row_count: int | None = None
    columns: tuple[str, ...] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Packed:
    """The chunks of a document in order, and how much of each unit they hold (in the ledger's measure).

    ``failures`` tell what of it could not be packed.
    """

    chunks: tuple[ChunkDraft, ...]
    emitted: Mapping[str, int]
    failures: tuple[IngestError, ...] = ()


def pack(
    elements: Iterable[Element],
    limits: ChunkLimits,
    count_tokens: Callable[[str], int] = estimate_tokens,
) -> Packed:
    """Pack elements, in reading order, into chunks of at most ``limits.size_tokens``.

    A table's header is repeated above each of its chunks; a header that would fill more than half of every
    chunk stands above the first only. A chunk never starts mid-word, unless one word alone is larger than
    a chunk.
    """
    packer = _Packer(limits, count_tokens)
    for element in elements:
        packer.add(element)
    packer.flush()
    return Packed(tuple(packer.chunks), dict(packer.emitted))


def pack_sparing(elements: Sequence[Element], limits: ChunkLimits) -> Packed:
    """``pack``; an element that cannot be packed is left out and told (E_PROCESS_CHUNK), and the others are packed.

    Where that happens, a chunk ends, and headings before it are no headings of what follows.
    """
    if not elements:
        return Packed((), {})
    place = next((span.location for span in (*elements[0].header, *elements[0].spans)), None)
    try:
        return contained(
            ErrorCode.E_PROCESS_CHUNK,
            f"a {elements[0].kind} could not be made into chunks",
            lambda: pack(elements, limits),
            page_number=place.page_number if isinstance(place, PageBox) else None,
            sheet_name=place.sheet_name if isinstance(place, CellRange) else None,
            cell_range=place.cell_range if isinstance(place, CellRange) else None,
        )
    except ProcessError as exc:
        if len(elements) == 1:
            return Packed((), {}, (exc.to_error(),))
    middle = len(elements) // 2
    first, second = pack_sparing(elements[:middle], limits), pack_sparing(elements[middle:], limits)
    emitted = Counter(first.emitted)
    emitted.update(second.emitted)
    return Packed((*first.chunks, *second.chunks), dict(emitted), (*first.failures, *second.failures))


class _Piece(NamedTuple):
    """A span on its way into a chunk. ``repeats`` marks text that stands in an earlier chunk already."""

    span: Span
    element: Element
    tokens: int
    starts_element: bool
    starts_span: bool = True
    is_header: bool = False
    repeats: bool = False


class _Packer:
    def __init__(self, limits: ChunkLimits, count_tokens: Callable[[str], int]) -> None:
        self.chunks: list[ChunkDraft] = []
        self.emitted: defaultdict[str, int] = defaultdict(int)
        self._limits = limits
        self._count_tokens = count_tokens
        self._pending: list[_Piece] = []
        self._tokens = 0
        self._path: list[tuple[int, str]] = []
        self._pending_path: tuple[str, ...] = ()
        self._is_apart = False

    def add(self, element: Element) -> None:
        if element.is_apart is not self._is_apart:
            self._part(element)
        if element.kind is ElementKind.HEADING:
            self._add_heading(element)
        elif element.kind is ElementKind.SCHEMA:
            self.flush()
            self._add_prose(element)
            self.flush()
        elif element.kind is ElementKind.TABLE:
            self._add_table(element)
        else:
            self._add_prose(element)

    def flush(self) -> None:
        if any(not piece.repeats for piece in self._pending):
            self._emit(self._pending)
        self._pending, self._tokens = [], 0

    def _part(self, element: Element) -> None:
        """Keep what a picture says apart from the text around it; its captions stay with it."""
        if not element.is_apart and element.kind is ElementKind.CAPTION and self._pending:
            return
        self._is_apart = element.is_apart
        if element.is_apart and not self._only_headings():
            self._flush_but_caption()
        elif not element.is_apart:
            self.flush()

    def _add_heading(self, element: Element) -> None:
        if self._limits.respect_headings and not self._only_headings():
            self.flush()
        while self._path and self._path[-1][0] >= element.level:
            self._path.pop()
        self._path.append((element.level, element.text))
        self._add_prose(element)

    def _add_prose(self, element: Element) -> None:
        self._take(self._pieces(element, element.spans, self._limits.size_tokens))
        while self._tokens > self._limits.size_tokens and len(self._pending) > 1:
            cut = self._best_cut()
            head, tail = self._pending[:cut], self._pending[cut:]
            self._emit(head)
            overlap = self._overlap(head, tail[0])
            self._restart([*overlap, *tail])

    def _add_table(self, element: Element) -> None:
        if self._limits.respect_tables and not self._only_headings():
            self._flush_but_caption()
        size = self._limits.size_tokens
        header = self._pieces(element, element.header, size, is_header=True)
        for piece in header:
            self._take_row(piece, ())
        header_tokens = sum(piece.tokens for piece in header)
        if header_tokens > size // 2:
            # A header of more than half a chunk leaves no room for what it heads: it is told once.
            header, header_tokens = [], 0
        again = [piece._replace(repeats=True) for piece in header]
        for piece in self._pieces(element, element.spans, size - header_tokens):
            self._take_row(piece, again)
        if self._limits.respect_tables:
            self.flush()

    def _take_row(self, piece: _Piece, again: Sequence[_Piece]) -> None:
        """Take a row of a table; where there is no room for it, into a chunk that begins with what comes again."""
        if self._tokens + piece.tokens > self._limits.size_tokens and any(not p.repeats for p in self._pending):
            self._emit(self._pending)
            self._restart(again)
        self._take([piece])

    def _take(self, pieces: Sequence[_Piece]) -> None:
        if self._only_headings():
            self._pending_path = self._current_path()
        self._pending.extend(pieces)
        self._tokens += sum(piece.tokens for piece in pieces)

    def _restart(self, pieces: Sequence[_Piece]) -> None:
        self._pending = list(pieces)
        self._tokens = sum(piece.tokens for piece in pieces)
        self._pending_path = self._current_path()

    def _current_path(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._path)

    def _flush_but_caption(self) -> None:
        """Emit what waits, but for a caption at its end: it goes with the table that follows."""
        start = len(self._pending) - 1
        while start > 0 and not self._pending[start].starts_element:
            start -= 1
        if self._pending[start].element.kind is not ElementKind.CAPTION:
            self.flush()
            return
        before, waiting = self._pending[:start], self._pending[start:]
        if any(piece.element.kind is not ElementKind.HEADING for piece in before):
            self._pending = before
            self.flush()
            self._restart(waiting)

    def _only_headings(self) -> bool:
        return all(piece.element.kind is ElementKind.HEADING for piece in self._pending)

    def _pieces(self, element: Element, spans: Iterable[Span], room: int, *, is_header: bool = False) -> list[_Piece]:
        pieces: list[_Piece] = []
        for span in spans:
            # The separator that will stand before the piece is counted with it.
            tokens = self._count_tokens(span.text + (" " if pieces else "\n\n"))
            if tokens <= room:
                pieces.append(_Piece(span, element, tokens, not pieces, True, is_header))
                continue
            for number, part in enumerate(self._fitting(span, room)):
                tokens = self._count_tokens(part.text + (" " if pieces else "\n\n"))
                pieces.append(_Piece(part, element, tokens, not pieces, number == 0, is_header))
        return pieces

    def _fitting(self, span: Span, room: int) -> list[Span]:
        """The span itself, or where it is larger than a chunk has room for its cells or its words, in groups."""
        if self._count_tokens(span.text) <= room:
            return [span]
        if span.parts:
            groups = [piece for group in self._grouped(span.parts, room) for piece in self._fitting(group, room)]
            return [replace(piece, count=0 if i else span.count) for i, piece in enumerate(groups)]
        texts = _split_text(span.text, room, self._count_tokens)
        return [Span(text, span.location, 0 if i else span.count, places=span.places) for i, text in enumerate(texts)]

    def _grouped(self, parts: Sequence[Span], room: int) -> list[Span]:
        """Neighbouring cells as one span, as many as there is room for."""
        groups: list[list[Span]] = []
        left = 0
        for part in parts:
            tokens = self._count_tokens(part.text + CELL_SEPARATOR)
            if not groups or tokens > left:
                groups.append([])
                left = room
            groups[-1].append(part)
            left -= tokens
        return [_side_by_side(group) for group in groups]

    def _best_cut(self) -> int:
        """Where the pending chunk ends.

        Before a paragraph that begins in the window, else after a sentence, else anywhere; among equals
        where the text that follows hashes lowest, wherever in the document it stands.
        """
        size = self._limits.size_tokens
        candidates: list[tuple[bool, bool, int, int]] = []
        total, last, has_own_text = 0, 1, False
        for index, piece in enumerate(self._pending):
            if total > size:
                break
            if has_own_text:
                last = index
                if total >= size * _CUT_WINDOW_RATIO:
                    before = self._pending[index - 1].span.text.rstrip()
                    hashed = zlib.crc32(piece.span.text.encode("utf-8", "surrogatepass"))
                    candidates.append((not piece.starts_element, not before.endswith(_SENTENCE_ENDS), hashed, index))
            has_own_text = has_own_text or not piece.repeats
            total += piece.tokens
        return min(candidates)[3] if candidates else last

    def _overlap(self, head: Sequence[_Piece], following: _Piece) -> list[_Piece]:
        """The end of a chunk, for the beginning of the next: whole spans, never a heading or a table row."""
        kept: list[_Piece] = []
        room = min(self._limits.overlap_tokens, self._limits.size_tokens - following.tokens)
        for piece in reversed(head):
            room -= piece.tokens
            if room < 0 or piece.element.kind in (ElementKind.HEADING, ElementKind.TABLE):
                break
            kept.append(piece._replace(repeats=True))
        return kept[::-1]

    def _emit(self, pieces: Sequence[_Piece]) -> None:
        text = _join(pieces)
        if not text.strip():
            return
        for piece in pieces:
            if not piece.repeats:
                self.emitted[unit_of(piece.span.location)] += piece.span.count
        content = [piece for piece in pieces if piece.element.kind not in _TITLES] or list(pieces)
        elements = list({id(piece.element): piece.element for piece in content}.values())
        metadata: dict[str, Any] = {}
        for element in elements:
            for key, value in element.metadata:
                metadata.setdefault(key, value)
        rows = sum(
            piece.element.kind is ElementKind.TABLE and piece.starts_span and not piece.is_header for piece in content
        )
        self.chunks.append(
            ChunkDraft(
                text=text,
                chunk_hash=hash_text(text),
                locations=merge_locations(place for piece in pieces for place in piece.span.locations),
                heading_path=self._pending_path,
                content_type=_content_type(elements),
                table_index=next((e.table_index for e in elements if e.table_index is not None), None),
                row_count=rows or None,
                columns=next((element.columns for element in elements if element.columns), None),
                metadata=metadata,
            )
        )


_TITLES = (ElementKind.HEADING, ElementKind.CAPTION)
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", ":", "؟", "।")


def _content_type(elements: Sequence[Element]) -> str:
    kinds = {element.content_type or _KIND_NAMES.get(element.kind, str(element.kind)) for element in elements}
    return kinds.pop() if len(kinds) == 1 else "text"


_KIND_NAMES = {ElementKind.PARAGRAPH: "text", ElementKind.LIST_ITEM: "list"}


def _join(pieces: Sequence[_Piece]) -> str:
    parts: list[str] = []
    previous: _Piece | None = None
    for piece in pieces:
        if previous is not None:
            parts.append(_separator(previous, piece))
        parts.append(piece.span.text)
        previous = piece
    return "".join(parts)


def _separator(previous: _Piece, piece: _Piece) -> str:
    if piece.element is not previous.element:
        both_listed = piece.element.kind is previous.element.kind is ElementKind.LIST_ITEM
        return "\n" if both_listed else "\n\n"
    if piece.element.kind in (ElementKind.TABLE, ElementKind.SCHEMA):
        return "\n"
    return line_separator(previous.span.text, piece.span.text)


def _side_by_side(parts: Sequence[Span]) -> Span:
    """Neighbouring cells as one span."""
    places = [place for part in parts for place in part.locations]
    text = CELL_SEPARATOR.join(part.text for part in parts)
    return Span(text, around(places), 0, places=tuple(place for place in places if isinstance(place, PageBox)))


_WORDS = re.compile(r"\s*\S+")


def _split_text(text: str, size_tokens: int, count_tokens: Callable[[str], int]) -> list[str]:
    parts: list[str] = []
    current = ""
    for word in _WORDS.findall(text):
        for bit in _bits(word, size_tokens, count_tokens):
            if current and count_tokens(current + bit) > size_tokens:
                parts.append(current.strip())
                current = ""
            current += bit
    if current.strip():
        parts.append(current.strip())
    return parts


def _bits(word: str, size_tokens: int, count_tokens: Callable[[str], int]) -> list[str]:
    """The word, or its parts where it is larger than a chunk (scripts without spaces, encoded blobs)."""
    if count_tokens(word) <= size_tokens:
        return [word]
    bits = [bit for bit in re.split(r"(?<=[。！？、,;])", word) if bit]
    if len(bits) == 1:
        bits = [word[i : i + size_tokens] for i in range(0, len(word), size_tokens)]
    return [small for bit in bits for small in (_bits(bit, size_tokens, count_tokens) if bit != word else [bit])]
