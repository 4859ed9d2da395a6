"""The only door to PyMuPDF: bytes in, plain values out. Runs in the worker.

Importing this module imports pymupdf, which takes one to two seconds: only readers do, and never the owner.
MuPDF's messages are silenced here and its exceptions become ours, by type; nothing of it passes the door.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from ingestkit_core.elements import Box
from ingestkit_core.errors import ErrorCode, ExecutionError, ParseError

# PyMuPDF 2 imports onnxruntime, which leaves an identifier in ~/.cache and a file in the temporary folder for
# the statistics it sends home, unless this is set before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import pymupdf
from pymupdf import mupdf

from ingestkit_pdf.accents import may_hold_accents, put_accents
from ingestkit_pdf.annotations import read_annotations, without_prompts
from ingestkit_pdf.drawings import read_drawings
from ingestkit_pdf.gaps import may_lack_spaces, put_spaces
from ingestkit_pdf.insets import insets_of
from ingestkit_pdf.ligatures import with_lam_alef_mended
from ingestkit_pdf.lines import read_lines
from ingestkit_pdf.marks import marks_of
from ingestkit_pdf.ocr.values import Picture
from ingestkit_pdf.pictures import picture_of
from ingestkit_pdf.placing import Placing
from ingestkit_pdf.resources import NamedImage, key_lookup, named_images
from ingestkit_pdf.righttoleft import has_right_to_left, with_parts_in_order
from ingestkit_pdf.values import Annotations, Backdrop, Facts, Ink, Inset, Line, OutlineEntry, Page

__all__ = ["Document"]

_engine: Any = pymupdf  # typed here and there only
_engine.TOOLS.mupdf_display_errors(False)
_engine.TOOLS.mupdf_display_warnings(False)
# Boxes as MuPDF gives them. PyMuPDF's converter to Markdown sets this for the whole process when it is imported, so
# that boxes would depend on whether it was.
_engine.TOOLS.unset_quad_corrections(True)

_FOREIGN = (
    mupdf.FzErrorBase,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    SystemError,
    TypeError,
    ValueError,
)
"""What MuPDF and its bindings raise over broken files; an unset pointer is as good as any of theirs."""

_EVERYWHERE = _engine.INFINITE_RECT()

# No ligatures, no tabs, no images, no clipping: text that is clipped or off the page must be seen to be
# listed. Unknown characters become U+FFFD: their character code is no text, though it may look like it.
_TEXT_FLAGS = 0
_PAINTED_TEXT_FLAGS = _engine.TEXT_IGNORE_ACTUALTEXT
_CLEARLY_MORE = 1.02
_MAX_DRAWN_BYTES = 300_000

_PAGE = re.compile(r"/Type/Page(?![^\s()<>\[\]{}/%])")

_REFERENCE = re.compile(r"(\d+) \d+ R")

_END_MARK, _END_WINDOW_BYTES = b"%%EOF", 2048

_LARGEST_PACKED_NOTHING_BYTES = 64
"""An empty stream may be packed into a few bytes; more that unpack to nothing are damaged."""

_WHITE_FROM = 0.98
_THICK_STROKE = 4.0


@contextmanager
def _translated(name: str, failure: str, page_number: int | None = None) -> Iterator[None]:
    try:
        yield
    except mupdf.FzErrorSystem as exc:
        # The bytes are in memory, so the only system call that can fail is an allocation.
        raise ExecutionError(
            ErrorCode.E_EXECUTION_MEMORY, f"{name}: {failure}: out of memory", page_number=page_number
        ) from exc
    except _FOREIGN as exc:
        raise ParseError(
            ErrorCode.E_PARSE_CORRUPT, f"{name}: {failure} ({type(exc).__name__})", page_number=page_number
        ) from exc


@contextmanager
def _without_profiles() -> Iterator[None]:
    """Colours as the file names them: white and equal ones are told apart from the others, and no profile is needed
    for that. Preparing one costs as much as a page.
    """
    mupdf.fz_disable_icc()
    try:
        yield
    finally:
        mupdf.fz_enable_icc()


class Document:
    """An open PDF file. Use as a context manager; closing frees it.

    ``name`` is the file's, for messages. Raises ParseError(E_PARSE_CORRUPT) where the file is too broken for
    what is asked, and ExecutionError(E_EXECUTION_MEMORY) where MuPDF could not get memory.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        self._page_count: int | None = None
        self._rebuilt = False
        self._has_end = _END_MARK in content[-_END_WINDOW_BYTES:]
        try:
            with _translated(self._name, "cannot be opened as PDF"):
                self._document = _engine.open(stream=content, filetype="pdf")
        except ParseError as error:
            if b"/Encrypt" in content and b"/Standard" not in content:
                raise ParseError(
                    ErrorCode.E_PARSE_UNSUPPORTED,
                    f"{name}: is encrypted otherwise than with a password, which no reader here can open",
                ) from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._document.close()
        _engine.TOOLS.reset_mupdf_warnings()

    @property
    def locked(self) -> bool:
        """Whether a password is needed; the empty one has been tried by then."""
        return bool(self._document.needs_pass)

    @property
    def encrypted(self) -> bool:
        """Whether the file is encrypted at all."""
        return (self._document.metadata or {}).get("encryption") is not None

    @property
    def page_count(self) -> int:
        """As the page tree says. Of a broken tree the pages are searched for among the file's objects."""
        if self._page_count is None:
            with _translated(self._name, "its page tree cannot be read"):
                self._page_count = self._count_pages()
        return self._page_count

    def _count_pages(self) -> int:
        document = self._document
        try:
            count = int(document.page_count)
        except _FOREIGN:
            count = 0
        catalog = document.pdf_catalog()
        if count > 0 or (catalog > 0 and document.xref_get_key(catalog, "Pages/Kids") == ("array", "[]")):
            return count
        pages = [number for number, source in self.objects() if _PAGE.search(source)]
        if not pages or catalog < 1:
            return 0
        tree = document.get_new_xref()
        kids = " ".join(f"{number} 0 R" for number in pages)
        document.update_object(tree, f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>")
        document.xref_set_key(catalog, "Pages", f"{tree} 0 R")
        self._rebuilt = True
        return int(document.page_count)

    @property
    def repaired(self) -> bool:
        """Whether the file was so broken that its objects or pages had to be searched for."""
        return self._rebuilt or bool(self._document.is_repaired)

    def facts(self) -> Facts:
        """What the file says about itself. An outline that cannot be read is an empty one."""
        with _translated(self._name, "the document information cannot be read"):
            info = self._document.metadata or {}
        try:
            with _translated(self._name, "the outline cannot be read"):
                outline = tuple(
                    OutlineEntry(level, " ".join(title.split()), page)
                    for level, title, page in self._outline()
                    if title and title.strip() and page > 0
                )
        except ParseError:
            outline = ()
        return Facts(
            page_count=self.page_count,
            info={str(key).lower(): str(value) for key, value in info.items() if value},
            outline=outline,
            repaired=self.repaired,
            cut_off=self.repaired and not self._has_end,
            encrypted=self.encrypted,
        )

    def _outline(self) -> Sequence[tuple[int, str, int]]:
        catalog = self._document.pdf_catalog()
        if catalog > 0 and self._document.xref_get_key(catalog, "Outlines")[0] == "null":
            return ()
        entries: Sequence[tuple[int, str, int]] = self._document.get_toc(simple=True)
        return entries

    def objects(self) -> Iterator[tuple[int, str]]:
        """Every object's number and source text (a stream's dictionary); unreadable ones are passed over."""
        for number in range(1, self._document.xref_length()):
            try:
                yield number, self._document.xref_object(number, compressed=True)
            except _FOREIGN:
                continue

    def packed(self, number: int) -> bytes:
        """A stream's bytes as they are in the file, decrypted; none where the object is no stream or cannot be read."""
        try:
            return self._document.xref_stream_raw(number) or b""
        except _FOREIGN:
            return b""

    def unpacked_length(self, number: int, limit: int) -> int:
        """How many bytes a stream has unpacked, counted up to ``limit`` while unpacking, through all filters.

        No more than a small buffer is ever held. A broken stream counts as far as it goes.
        """
        counted = 0
        try:
            stream = mupdf.pdf_open_stream_number(mupdf.pdf_specifics(self._document.this), number)
            for length in _lengths_unpacked(stream, limit):
                counted += length
        except _FOREIGN:
            return counted
        return counted

    def embedded_file_count(self) -> int:
        """How many files the document's name tree carries."""
        try:
            return int(self._document.embfile_count())
        except _FOREIGN:
            return 0

    @_without_profiles()
    def page(
        self,
        number: int,
        few_characters: int,
        *,
        replacement_texts: bool = False,
        wants_insets: bool = False,
        wants_drawings: Callable[[Sequence[Line]], bool] | None = None,
    ) -> Page:
        """Read one page (1-based).

        Its backdrop is looked at where fewer than ``few_characters`` visible characters are painted, or
        where something is painted so that only the backdrop tells whether it can be seen. What is drawn is read
        where ``wants_drawings``, asked about the lines, says so. Insets are looked for with ``wants_insets``; with
        ``replacement_texts`` the painted text is read too, and taken where it says more.
        """
        failure = f"page {number} cannot be read"
        with _translated(self._name, failure, number):
            page = self._document.load_page(number - 1)
            placing = _placing(page)
        lines, unprinted = self._lines(number, page, placing, _TEXT_FLAGS)
        if replacement_texts:
            painted_lines, painted_unprinted = self._lines(number, page, placing, _PAINTED_TEXT_FLAGS)
            if _says_more(painted_lines, lines):
                lines, unprinted = painted_lines, painted_unprinted
        with _translated(self._name, failure, number):
            if not lines and self._content_is_missing(page.xref):
                raise ParseError(
                    ErrorCode.E_PARSE_CORRUPT, f"{self._name}: {failure}: its content is missing", page_number=number
                )
            paths = _Paths(page)
            images = named_images(page)
            read = self._page(number, page, paths, placing, lines, unprinted, few_characters, len(images))
        if wants_insets and images and lines:
            read = replace(read, insets=self._insets(page, images, lines, placing))
        if wants_drawings is None or not wants_drawings(read.lines):
            return read
        try:
            with _translated(self._name, failure, number):
                return replace(read, drawings=None if paths.too_many else read_drawings(paths.listed, placing.place))
        except ParseError:
            return replace(read, drawings_unreadable=True)

    def _lines(self, number: int, page: Any, placing: Placing, flags: int) -> tuple[list[Line], int]:
        """The lines of a page and how many unprintable characters were taken out of them."""
        failure = f"page {number} cannot be read"
        with _translated(self._name, failure, number):
            blocks = page.get_text("dict", flags=flags, clip=_EVERYWHERE)["blocks"]
        lines, unprinted = read_lines(blocks, placing)
        from_right = has_right_to_left(lines)
        if not from_right and not may_lack_spaces(lines) and not may_hold_accents(lines):
            return lines, unprinted
        # Beside ligatures MuPDF spells out characters that are none, with letters from memory it never wrote.
        flags |= _engine.TEXT_PRESERVE_LIGATURES
        with _translated(self._name, failure, number):
            blocks = page.get_text("rawdict", flags=flags, clip=_EVERYWHERE)["blocks"]
        if from_right:
            with_parts_in_order(blocks)
            with_lam_alef_mended(blocks)
        put_accents(blocks)
        put_spaces(blocks)
        return read_lines(blocks, placing)

    def _insets(
        self, page: Any, images: Sequence[NamedImage], lines: Sequence[Line], placing: Placing
    ) -> tuple[Inset, ...]:
        try:
            return insets_of(self._document, page, images, lines, placing.place)
        except _FOREIGN:
            # A picture that cannot even be found is not worth its page.
            return ()

    def picture(self, number: int, dpi: float, turned_degrees: float = 0.0, clip: Box | None = None) -> Picture:
        """A page (1-based) as grey pixels, turned clockwise about its middle, or a part of it (points)."""
        with _translated(self._name, f"page {number} cannot be rendered", number):
            return picture_of(self._document.load_page(number - 1), dpi, turned_degrees, clip)

    def _content_is_missing(self, number: int) -> bool:
        """Whether a page that looks blank to MuPDF is so because its objects are not there or do not unpack."""
        if not self._document.xref_object(number, compressed=True).startswith("<<"):
            return True
        streams = self._streams_named(*self._document.xref_get_key(number, "Contents"))
        return bool(streams) and all(map(self._is_lost, streams))

    def _streams_named(self, kind: str, value: str) -> list[int]:
        """The objects that a page's contents name: one, several, or one that lists several."""
        numbers = [int(number) for number in _REFERENCE.findall(value)] if kind in ("xref", "array") else []
        if kind != "xref" or self._document.xref_is_stream(numbers[0]):
            return numbers
        listed = self._document.xref_object(numbers[0], compressed=True)
        return [int(number) for number in _REFERENCE.findall(listed)] if listed.startswith("[") else numbers

    def _is_lost(self, number: int) -> bool:
        """Whether an object is no stream, or one that does not unpack."""
        if not self._document.xref_is_stream(number):
            return True
        packed = len(self.packed(number))
        return packed > _LARGEST_PACKED_NOTHING_BYTES and not self.unpacked_length(number, 1)

    def _page(
        self,
        number: int,
        page: Any,
        paths: _Paths,
        placing: Placing,
        lines: Sequence[Line],
        unprinted: int,
        few_characters: int,
        image_count: int,
    ) -> Page:
        annotations: Annotations | None = Annotations()
        try:
            if numbered := page.annot_xrefs():
                annotations = read_annotations(
                    self._document, numbered, _file_placing(page, placing), key_lookup(self._document)
                )
        except _FOREIGN:
            annotations = None
        if annotations and annotations.unsigned:
            lines = without_prompts(lines, annotations.unsigned)
        painted = sum(line.characters for line in lines if line.ink is Ink.PAINTED)
        doubtful = {line.ink for line in lines} - {Ink.PAINTED, Ink.TINY}
        if Ink.INVISIBLE in doubtful:
            lines = _with_glyph_programs_seen(lines, page)
        looked_at = painted < few_characters or bool(doubtful)
        return Page(
            number=number,
            width=round(placing.width, 2),
            height=round(placing.height, 2),
            rotation=placing.rotation,
            lines=lines,
            unprinted=unprinted,
            image_count=image_count,
            backdrop=_backdrop(page, paths, placing, doubtful) if looked_at else None,
            annotations=annotations,
        )


def _lengths_unpacked(stream: Any, limit: int) -> Iterator[int]:
    """The lengths of what a stream unpacks to, part by part, up to ``limit`` together."""
    left = limit
    while left > 0 and (length := mupdf.fz_skip(stream, min(left, 1 << 24))):
        yield length
        left -= length


class _Paths:
    """The paths drawn on a page, listed when they are first asked for.

    ``too_many``: the page is a drawing itself. Listing cannot be stopped halfway, so it is not begun.
    """

    def __init__(self, page: Any) -> None:
        self._page = page

    @cached_property
    def too_many(self) -> bool:
        page = mupdf.pdf_page_from_fz_page(self._page.this)
        contents = mupdf.pdf_dict_gets(page.obj(), "Contents")
        if not contents.m_internal:
            return False
        # Counted and thrown away: to keep all of it costs half as much again.
        stream = mupdf.pdf_open_contents_stream(page.doc(), contents)
        return sum(_lengths_unpacked(stream, _MAX_DRAWN_BYTES + 1)) > _MAX_DRAWN_BYTES

    @cached_property
    def listed(self) -> Sequence[dict[str, Any]]:
        paths: Sequence[dict[str, Any]] = self._page.get_cdrawings()
        return paths


def _says_more(lines: Sequence[Line], others: Sequence[Line]) -> bool:
    """Whether lines hold clearly more characters than the others, and no more unreadable ones."""
    characters, other_characters = (sum(line.characters for line in every) for every in (lines, others))
    unreadable, other_unreadable = (sum(line.unreadable for line in every) for every in (lines, others))
    return characters > other_characters * _CLEARLY_MORE and unreadable <= other_unreadable


def _placing(page: Any) -> Placing:
    rect = page.rect
    return Placing(page.rotation % 360, rect.width, rect.height)


def _file_placing(page: Any, placing: Placing) -> Placing:
    """The placing with what it takes to place boxes in the file's own coordinates."""
    crop = page.cropbox
    across = placing.height if placing.rotation in (90, 270) else placing.width
    return replace(
        placing,
        left=crop.x0,
        top=page.mediabox.y1 - crop.y0,
        unit=across / crop.width if crop.width else 1.0,
    )


def _with_glyph_programs_seen(lines: Sequence[Line], page: Any) -> Sequence[Line]:
    """MuPDF draws some Type 3 glyphs as graphics and reports their text as invisible: it is painted."""
    fonts = page.get_fonts()
    if not any(font[2] == "Type3" for font in fonts):
        return lines
    ordinary = {font[3].rpartition("+")[2] for font in fonts if font[2] != "Type3"}
    return [
        line._replace(ink=Ink.PAINTED) if line.ink is Ink.INVISIBLE and line.font not in ordinary else line
        for line in lines
    ]


def _backdrop(page: Any, paths: _Paths, placing: Placing, doubtful: set[Ink]) -> Backdrop:
    place = placing.place
    asks_for_paths = bool(doubtful & {Ink.PALE, Ink.CLIP})
    marks = marks_of(page, wants_paths=asks_for_paths and paths.too_many)
    fills = list(map(place, marks.fills))
    if asks_for_paths and not paths.too_many:
        fills.extend(place(drawing["rect"]) for drawing in paths.listed if _is_dark(drawing))
    return Backdrop(tuple(map(place, marks.images)), tuple(fills), marks.count)


def _is_dark(drawing: dict[str, Any]) -> bool:
    fill, stroke = drawing.get("fill"), drawing.get("color")
    if fill is not None and min(fill) < _WHITE_FROM:
        return True
    return stroke is not None and min(stroke) < _WHITE_FROM and (drawing.get("width") or 0) >= _THICK_STROKE
