"""How each page is read, and what the document is: Tier 1, rules only. Pure.

Every page goes its own way; the document's type only names the mixture, so one odd page zeroes nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from statistics import median

from ingestkit_core.extraction import PossibleType, Question

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import (
    ClassificationResult,
    DocumentProfile,
    IngestionMethod,
    PageProfile,
    PageType,
    PDFType,
)
from ingestkit_pdf.values import Ink, Line

__all__ = ["OCRNeed", "Route", "classify", "ingestion_method", "ocr_need", "question", "route"]

_HIGH_CONFIDENCE = 0.9
_MEDIUM_CONFIDENCE = 0.7
_LOW_CONFIDENCE = 0.5
_MOSTLY = 0.5
_NOTABLY = 0.25

_ENOUGH_WORDS = 20
_WORDLIKE_RATIO = 0.6
_AROUND_WORDS = ".,;:!?()[]{}<>“”‘’\"'/*|-–—"
_NO_WORD = re.compile("[0-9\u0250-\uffff]")
"""Numbers, and scripts other than Latin, in which words look otherwise."""
_WORDLIKE = re.compile(
    "[aAIOyeoà&]|(?=.*[aeiouyAEIOUYÀ-ÆÈ-ÏÒ-ÖØ-Ýà-æè-ïò-öø-ýÿŒœ])(?:[a-zA-ZÀ-ž][a-zß-ž'-]+|[A-ZÀ-Þ'-]{2,})"
)

_NOT_CONTENT = frozenset((PageType.BLANK, PageType.VECTOR_ONLY, PageType.TOC))
_PICTURES = frozenset((PageType.SCANNED, PageType.MIXED))
_STRUCTURED = frozenset((PageType.FORM, PageType.TABLE_HEAVY))


_MEANINGS = {
    PDFType.TEXT_NATIVE: "pages of text that a program wrote",
    PDFType.SCANNED: "pictures of pages, with no text of their own or one that cannot be relied on",
    PDFType.COMPLEX: "forms, tables, or text and scans mixed",
}


class Route(StrEnum):
    """How a page is read."""

    NATIVE = "native"
    OCR = "ocr"
    SKIP = "skip"


def route(page: PageProfile) -> Route:
    """The route of one page."""
    if page.page_type in _NOT_CONTENT:
        return Route.SKIP
    return Route.OCR if page.page_type is PageType.SCANNED else Route.NATIVE


class OCRNeed(StrEnum):
    """What of a page OCR should read."""

    NOTHING = "nothing"
    PAGE = "page"
    """All of it: its own text, if it has any, is not trusted."""
    PICTURES = "pictures"
    """What stands in its pictures, beside its own text."""


def ocr_need(page: PageProfile, lines: Sequence[Line], config: PDFProcessorConfig) -> OCRNeed:
    """What OCR should read of a page, whose lines a person sees these are.

    Text over pictures is not trusted in a document that is said to be a scan, and no text is mistrusted in one that is
    said to be text.
    """
    if page.page_type is PageType.SCANNED:
        return OCRNeed.PAGE
    if page.page_type in _NOT_CONTENT:
        return OCRNeed.NOTHING
    pictures = _is_under_pictures(page, config)
    if pictures and config.document_type is PDFType.SCANNED:
        return OCRNeed.PAGE
    if config.auto_ocr_fallback and config.document_type is not PDFType.TEXT_NATIVE:
        if page.quality.printable_ratio < config.quality_min_printable_ratio:
            return OCRNeed.PAGE
        if pictures and (page.words < config.quality_min_words_per_page or _is_bad_layer(lines)):
            return OCRNeed.PAGE
    has_layer = any(line.ink is Ink.INVISIBLE for line in lines)
    return OCRNeed.PICTURES if page.page_type is PageType.MIXED and not has_layer else OCRNeed.NOTHING


def _is_under_pictures(page: PageProfile, config: PDFProcessorConfig) -> bool:
    return (page.image_coverage or 0.0) >= config.max_image_coverage_for_text


def _is_bad_layer(lines: Sequence[Line]) -> bool:
    """Whether text that lies without ink over a scan was misread: too few of its words look like any."""
    text = " ".join(line.text for line in lines if line.ink is Ink.INVISIBLE)
    words = [word for part in text.split() if (word := part.strip(_AROUND_WORDS)) and not _NO_WORD.search(word)]
    if len(words) < _ENOUGH_WORDS:
        return False
    return sum(_WORDLIKE.fullmatch(word) is not None for word in words) < _WORDLIKE_RATIO * len(words)


def classify(profile: DocumentProfile, config: PDFProcessorConfig) -> ClassificationResult:
    """What the document is. Always answers; the confidence says on how many agreeing signals."""
    content = [page for page in profile.pages if page.page_type not in _NOT_CONTENT]
    kind, why = _kind(content, config)
    if config.document_type is not None:
        kind, why = config.document_type, "as it was said to be"
    signals = _signals(content, kind, config)
    agreeing = sum(value is True for value in signals.values())
    return ClassificationResult(
        pdf_type=kind,
        confidence=_confidence(agreeing, config),
        signals=signals,
        reasoning=f"{why}; {agreeing} of {len(signals)} signals agree",
        page_types={page.page_number: page.page_type for page in profile.pages},
    )


def ingestion_method(kind: PDFType) -> IngestionMethod:
    """How a document of this type is read."""
    if kind is PDFType.SCANNED:
        return IngestionMethod.OCR_PIPELINE
    if kind is PDFType.COMPLEX:
        return IngestionMethod.COMPLEX_PROCESSING
    return IngestionMethod.TEXT_EXTRACTION


def question(
    profile: DocumentProfile, result: ClassificationResult, by_ocr: Set[int], config: PDFProcessorConfig
) -> Question | None:
    """What to ask about a document that the rules are unsure of; None where they are sure, or it was said already.

    ``by_ocr`` are the numbers of pages of which OCR was to read everything.
    """
    content = [page for page in profile.pages if page.page_type not in _NOT_CONTENT]
    if config.document_type is not None or not content or result.confidence >= _MEDIUM_CONFIDENCE:
        return None
    kinds = Counter(str(page.page_type).replace("_", " ") for page in content)
    facts = [
        f"pages with content: {len(content)} of {len(profile.pages)}",
        f"kinds of pages: {', '.join(f'{kind} {number}' for kind, number in sorted(kinds.items()))}",
        f"characters on a page: {median(page.characters for page in content):.0f} (median)",
        f"words on a page: {median(page.words for page in content):.0f} (median)",
        f"share of a page under pictures: {sum(page.image_coverage or 0.0 for page in content) / len(content):.0%}",
        f"share of the text that can be decoded: {profile.quality.printable_ratio:.0%}",
        f"fonts: {len({font for page in content for font in page.fonts})}",
        f"form fields: {sum(page.field_count for page in content)}",
        f"hidden characters: {sum(page.hidden_characters for page in content)}",
        f"rules say {result.pdf_type}, unsure: {result.reasoning}",
    ]
    trusted = any(_is_under_pictures(page, config) and page.page_number not in by_ocr for page in content)
    mistrusted = any(page.page_type is not PageType.SCANNED and page.page_number in by_ocr for page in content)
    reads_otherwise = {PDFType.SCANNED: trusted, PDFType.TEXT_NATIVE: mistrusted}
    types = tuple(
        PossibleType(str(kind), meaning, str(ingestion_method(kind)), reads_otherwise.get(kind, False))
        for kind, meaning in _MEANINGS.items()
    )
    return Question("a PDF file", tuple(facts), types)


def _kind(content: Sequence[PageProfile], config: PDFProcessorConfig) -> tuple[PDFType, str]:
    if not content:
        return PDFType.TEXT_NATIVE, "no page has content"
    scanned = _share(content, frozenset((PageType.SCANNED,)))
    if scanned > _MOSTLY:
        return PDFType.SCANNED, f"{scanned:.0%} of the pages with content are scans"
    tables = sum(page.table_count for page in content)
    if tables >= config.min_table_count_for_complex:
        return PDFType.COMPLEX, f"its pages hold {tables} tables"
    special = _share(content, _PICTURES | _STRUCTURED)
    if special >= _NOTABLY:
        return PDFType.COMPLEX, f"{special:.0%} of the pages with content are forms, tables, scans or mixed"
    return PDFType.TEXT_NATIVE, f"{1 - special:.0%} of the pages with content are text"


def _share(pages: Sequence[PageProfile], types: frozenset[PageType]) -> float:
    return sum(page.page_type in types for page in pages) / len(pages)


def _signals(content: Sequence[PageProfile], kind: PDFType, config: PDFProcessorConfig) -> Mapping[str, bool | None]:
    """Signals for a type, true where they agree with it; None where the fact was not looked for."""
    if not content:
        return {}
    characters = sum(page.characters for page in content)
    unreadable = sum((1 - page.quality.printable_ratio) * page.characters for page in content)
    enough_text = median(page.characters for page in content) >= config.min_chars_per_page
    coverage = sum(page.image_coverage or 0.0 for page in content) / len(content)
    pictures = coverage >= config.max_image_coverage_for_text
    fonts = len({font for page in content for font in page.fonts}) >= config.min_font_count_for_digital
    readable = bool(characters) and 1 - unreadable / characters >= config.quality_min_printable_ratio
    forms = any(page.page_type is PageType.FORM for page in content)
    mixed = _share(content, _PICTURES) > 0
    tables = sum(page.table_count for page in content)
    if kind is PDFType.TEXT_NATIVE:
        return {
            "enough_text": enough_text,
            "few_pictures": not pictures,
            "digital_fonts": fonts,
            "readable_text": readable,
            "no_forms": not forms,
        }
    if kind is PDFType.SCANNED:
        return {
            "little_text": not enough_text,
            "pictures_cover_pages": pictures,
            "no_digital_fonts": not fonts,
            "mostly_scans": True,
        }
    return {
        "forms": forms,
        "tables": tables >= config.min_table_count_for_complex,
        "pictures_beside_text": mixed and bool(characters),
        "notable_share": True,
        "readable_text": readable,
    }


def _confidence(agreeing: int, config: PDFProcessorConfig) -> float:
    if agreeing >= config.tier1_high_confidence_signals:
        return _HIGH_CONFIDENCE
    if agreeing >= config.tier1_medium_confidence_signals:
        return _MEDIUM_CONFIDENCE
    return _LOW_CONFIDENCE
