"""The cheap facts of pages and of a document, before anything is interpreted. Pure.

line values ─► PageProfile (type, quality) ─► DocumentProfile
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ingestkit_core.elements import Box
from ingestkit_core.language import detect_language

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import (
    DocumentMetadata,
    DocumentProfile,
    ExtractionQuality,
    PageProfile,
    PageType,
)
from ingestkit_pdf.values import Annotations, Facts, Line, Page, overlap_ratio

__all__ = [
    "image_coverage",
    "is_contents_page",
    "picture_area",
    "profile_document",
    "profile_page",
    "with_tables_counted",
]

_FIELDS_OF_A_FORM = 3
_PICTURE_COVERAGE = 0.01
"""A picture below this share of the page is decoration; a page with nothing else is no scan."""

_INCH = 72.0

_TABLE_HEAVY_RATIO = 0.5
_MIN_ENTRIES = 5
_ENTRY_RATIO = 0.6
_LEADER = ".·…_‥"


def profile_page(
    page: Page,
    seen: Sequence[Line],
    hidden_characters: int,
    page_count: int,
    config: PDFProcessorConfig,
) -> PageProfile:
    """The profile of one page from the lines a person sees on it."""
    characters = sum([line.characters for line in seen])
    unreadable = sum([line.unreadable for line in seen])
    words = "".join([line.text for line in seen]).count(" ") + len(seen)
    coverage = image_coverage(page)
    read = characters + page.unprinted
    return PageProfile(
        page_number=page.number,
        page_type=_page_type(page, seen, characters, coverage, page_count, config),
        characters=characters,
        words=words,
        fonts=tuple(sorted({line.font for line in seen})),
        image_count=page.image_count,
        image_coverage=None if coverage is None else round(coverage, 4),
        field_count=(page.annotations or Annotations()).field_count,
        hidden_characters=hidden_characters,
        quality=ExtractionQuality(
            coverage=1.0 if characters else 0.0,
            printable_ratio=round(max(0.0, 1 - unreadable / read), 4) if read else 1.0,
            words_per_page=words,
        ),
    )


def _page_type(
    page: Page,
    seen: Sequence[Line],
    characters: int,
    coverage: float | None,
    page_count: int,
    config: PDFProcessorConfig,
) -> PageType:
    annotations = page.annotations or Annotations()
    if annotations.field_count >= _FIELDS_OF_A_FORM:
        return PageType.FORM
    if not characters and not annotations.fields and not annotations.notes:
        if (coverage or 0.0) >= _PICTURE_COVERAGE:
            return PageType.SCANNED
        return PageType.VECTOR_ONLY if page.backdrop is not None and page.backdrop.marks else PageType.BLANK
    if characters < config.min_chars_per_page:
        return PageType.MIXED if (coverage or 0.0) >= config.max_image_coverage_for_text else PageType.TEXT
    return PageType.TOC if is_contents_page(seen, page_count) else PageType.TEXT


def with_tables_counted(page: PageProfile, table_count: int, table_characters: int) -> PageProfile:
    """The profile of a page in which so many tables with so many characters were found."""
    if not table_count:
        return page
    is_heavy = page.page_type is PageType.TEXT and table_characters >= _TABLE_HEAVY_RATIO * page.characters
    kind = PageType.TABLE_HEAVY if is_heavy else page.page_type
    return page.model_copy(update={"page_type": kind, "table_count": table_count})


def is_contents_page(lines: Sequence[Line], page_count: int) -> bool:
    """Whether a page is a table of contents and nothing else.

    Its lines are entries that end in a page of this document, in order, most of them after a leader. A page
    of figures with leaders fails on the order or on the size of its numbers.
    """
    if page_count < 3 or not any(".." in line.text or ". ." in line.text or "…" in line.text for line in lines):
        return False
    rows = _rows(lines)
    pages = [page for row in rows if (page := _entry(row)) is not None]
    if len(pages) < _MIN_ENTRIES or len(pages) < _ENTRY_RATIO * len(rows):
        return False
    ordered = sum(earlier <= later for earlier, later in pairwise(pages))
    return max(pages) <= page_count and ordered >= 0.9 * (len(pages) - 1)


def _entry(row: str) -> int | None:
    """The page a contents entry leads to ("Results ..... 12"), None where the row is no entry."""
    rest = row.rstrip("0123456789")
    digits = row[len(rest) :]
    rest = rest.rstrip()
    title = rest.rstrip(_LEADER + " ")
    leader = len("".join(rest[len(title) :].split()).replace("…", "..."))
    if not 1 <= len(digits) <= 4 or leader < 3 or not any(map(str.isalpha, title)):
        return None
    return int(digits)


def _rows(lines: Sequence[Line]) -> list[str]:
    """The lines' texts, those side by side joined."""
    rows: list[str] = []
    top = bottom = -1.0
    for line in lines:
        middle = (line.box[1] + line.box[3]) / 2
        if rows and top < middle < bottom:
            rows[-1] += " " + line.text
        else:
            rows.append(line.text)
            top, bottom = line.box[1], line.box[3]
    return rows


def image_coverage(page: Page) -> float | None:
    """The share of the page under pictures, 0..1; None where they were not looked at."""
    if page.backdrop is None:
        return None
    area = page.width * page.height
    return min(1.0, sum(map(_area, _disjoint(page.backdrop.images, page))) / area) if area > 0 else 0.0


def picture_area(page: Page) -> Box | None:
    """The smallest box around the pictures that are large enough to hold text; None without one."""
    if page.backdrop is None:
        return None
    large = [box for box in _disjoint(page.backdrop.images, page) if min(box[2] - box[0], box[3] - box[1]) >= _INCH]
    if not large:
        return None
    left, top, right, bottom = zip(*large, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _disjoint(images: Sequence[Box], page: Page) -> Iterable[Box]:
    """The images cut to the page, without those that lie in a larger one: masks repeat their picture."""
    kept: list[Box] = []
    for x0, y0, x1, y1 in sorted(images, key=_area, reverse=True):
        box = max(x0, 0.0), max(y0, 0.0), min(x1, page.width), min(y1, page.height)
        if box[0] < box[2] and box[1] < box[3] and all(overlap_ratio(box, other) < 0.9 for other in kept):
            kept.append(box)
    return kept


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def profile_document(
    facts: Facts, pages: Sequence[PageProfile], sample: str, config: PDFProcessorConfig
) -> DocumentProfile:
    """The profile of a document. ``sample`` is text of it to tell the language from."""
    return DocumentProfile(
        metadata=_metadata(facts),
        pages=tuple(pages),
        quality=_quality(pages),
        language=detect_language(sample) if config.enable_language_detection else config.default_language,
    )


def _quality(pages: Sequence[PageProfile]) -> ExtractionQuality:
    characters = sum(page.characters for page in pages)
    if not pages or not characters:
        return ExtractionQuality(coverage=0.0, printable_ratio=0.0, words_per_page=0.0)
    printable = sum(page.quality.printable_ratio * page.characters for page in pages) / characters
    return ExtractionQuality(
        coverage=round(sum(page.characters > 0 for page in pages) / len(pages), 4),
        printable_ratio=round(printable, 4),
        words_per_page=round(sum(page.words for page in pages) / len(pages), 2),
    )


def _metadata(facts: Facts) -> DocumentMetadata:
    info = {key: _readable(value) for key, value in facts.info.items()}
    return DocumentMetadata(
        title=info.get("title") or None,
        author=info.get("author") or None,
        subject=info.get("subject") or None,
        keywords=info.get("keywords") or None,
        creator=info.get("creator") or None,
        producer=info.get("producer") or None,
        created=_iso_date(info.get("creationdate", "")),
        modified=_iso_date(info.get("moddate", "")),
        pdf_version=info.get("format") or None,
        page_count=facts.page_count,
        encrypted=facts.encrypted,
        repaired=facts.repaired,
        outline_entries=len(facts.outline),
    )


_PDF_DATE = re.compile(r"D?:?(\d{4})(\d{2})?(\d{2})?(?:(\d{2})(\d{2})(\d{2})?)?(?:(Z|[+-]\d{2})'?(\d{2})?'?)?")


def _readable(text: str) -> str:
    return " ".join(re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]", " ", text).split())


def _iso_date(text: str) -> str | None:
    """ISO 8601 of a PDF date ("D:20240131120000+01'00'"); the text itself where it is none."""
    match = _PDF_DATE.match(text)
    if match is None:
        return text or None
    year, month, day, hour, minute, second, zone, zone_minutes = match.groups()
    date = "-".join(part for part in (year, month, day) if part)
    if hour is None:
        return date
    offset = "Z" if zone == "Z" else f"{zone}:{zone_minutes or '00'}" if zone else ""
    return f"{date}T{hour}:{minute}:{second or '00'}{offset}"
