"""What a page holds for its reader, before its text is put in order. Pure.

lines ─┬─ seen ─┬─ readable ─► text        fields ─┬─ seen
       │        └─ garbled                 notes  ─┤
       └─ hidden                                   └─ hidden
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_core.elements import Box, visible_length

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.forms import split_painted_values, unpainted_notes
from ingestkit_pdf.extract.hidden import split_hidden
from ingestkit_pdf.models import PageProfile
from ingestkit_pdf.ocr.values import PageSeen
from ingestkit_pdf.profile import picture_area, profile_page
from ingestkit_pdf.routing import OCRNeed, Route, ocr_need, route
from ingestkit_pdf.values import Annotations, Drawings, Field, Line, Note, Page

__all__ = ["PageContent", "PageInset", "page_content"]

_GARBLED_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class PageInset:
    """A large picture among a page's own text. ``seen`` is what OCR read in it: no lines where it shows no text, None
    where it was not read.
    """

    box: Box
    digest: str
    seen: PageSeen | None = None


@dataclass(frozen=True, slots=True)
class PageContent:
    """One page, sorted. ``garbled`` lines are seen, but most of their characters mean nothing.

    Once OCR has read the page (``ocr``), ``lines`` hold what it read, and ``replaced`` the characters of the
    page's own text in its stead. The ``lines`` and ``drawings`` of a ``mirrored`` page are so, its fields and notes
    are not.
    """

    number: int
    width: float
    height: float
    profile: PageProfile
    route: Route
    lines: Sequence[Line]
    garbled: Sequence[Line]
    hidden: Sequence[Line]
    fields: tuple[Field, ...]
    notes: tuple[Note, ...]
    unprinted: int
    annotations_unreadable: bool = False
    drawings: Drawings | None = None
    drawings_unreadable: bool = False
    need: OCRNeed = OCRNeed.NOTHING
    pictures: Box | None = None
    ocr: PageSeen | None = None
    replaced: int = 0
    mirrored: bool = False
    insets: tuple[PageInset, ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether the page's lines go out."""
        return self.route is Route.NATIVE or self.ocr is not None

    @property
    def hidden_characters(self) -> int:
        """Visible characters of what nobody sees: lines, fields and notes."""
        return (
            sum(line.characters for line in self.hidden)
            + sum(visible_length(item.value) for item in self.fields if item.hidden)
            + sum(visible_length(note.text) for note in self.notes if note.hidden)
        )

    @property
    def characters(self) -> int:
        """Everything that came in, in the ledger's measure."""
        return (
            sum(line.characters for lines in (self.lines, self.garbled, self.hidden) for line in lines)
            + sum(visible_length(item.value) for item in self.fields)
            + sum(visible_length(note.text) for note in self.notes)
            + self.unprinted
            + self.replaced
            + sum(line.characters for inset in self.insets if inset.seen is not None for line in inset.seen.lines)
        )


def page_content(page: Page, page_count: int, config: PDFProcessorConfig) -> PageContent:
    """Sort what is on a page."""
    seen, hidden = split_hidden(page, config.max_image_coverage_for_text)
    profile = profile_page(page, seen, sum(line.characters for line in hidden), page_count, config)
    annotations = page.annotations or Annotations()
    lines = split_painted_values(seen, annotations.fields) if annotations.fields else seen
    garbled = [line for line in lines if line.unreadable > _GARBLED_RATIO * line.characters]
    if garbled:
        lines = [line for line in lines if line.unreadable <= _GARBLED_RATIO * line.characters]
    need = ocr_need(profile, lines, config)
    way = route(profile)
    stands_by_itself = need is OCRNeed.NOTHING and way is Route.NATIVE
    return PageContent(
        number=page.number,
        width=page.width,
        height=page.height,
        profile=profile,
        route=way,
        lines=lines,
        garbled=garbled,
        hidden=hidden,
        fields=annotations.fields,
        notes=tuple(unpainted_notes(annotations.notes, page.lines)),
        unprinted=page.unprinted,
        annotations_unreadable=page.annotations is None,
        drawings=page.drawings,
        need=need,
        pictures=picture_area(page) if need is OCRNeed.PICTURES else None,
        drawings_unreadable=page.drawings_unreadable,
        insets=tuple(PageInset(inset.box, inset.digest) for inset in page.insets) if stands_by_itself else (),
    )
