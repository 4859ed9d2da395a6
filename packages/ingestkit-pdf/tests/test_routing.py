"""What a document is taken for, what is asked about it, and what the answer changes."""

from __future__ import annotations

from typing import Any

import pytest
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import DocumentMetadata, DocumentProfile, ExtractionQuality, PageProfile, PageType, PDFType
from ingestkit_pdf.routing import OCRNeed, classify, ocr_need, question

pytestmark = pytest.mark.unit


def page(number: int = 1, **facts: Any) -> PageProfile:
    quality = ExtractionQuality(coverage=1.0, printable_ratio=facts.pop("printable", 1.0), words_per_page=100)
    defaults = {"page_type": PageType.TEXT, "characters": 600, "words": 100, "fonts": ("Quixotic",)}
    return PageProfile(page_number=number, quality=quality, **{**defaults, **facts})


def profile(*pages: PageProfile) -> DocumentProfile:
    metadata = DocumentMetadata(title="marmalade", author="heliotrope", page_count=len(pages))
    return DocumentProfile(metadata=metadata, pages=pages, quality=pages[0].quality)


GARBLED = page(characters=900, printable=0.2, fonts=())
UNDER_A_PICTURE = page(2, page_type=PageType.MIXED, image_coverage=0.95)


def test_only_what_is_unsure_is_asked_about() -> None:
    config = PDFProcessorConfig()
    sure = profile(page())
    assert question(sure, classify(sure, config), set(), config) is None
    blank = profile(page(page_type=PageType.BLANK, characters=0, words=0))
    assert question(blank, classify(blank, config), set(), config) is None
    unsure = profile(GARBLED, UNDER_A_PICTURE)
    result = classify(unsure, config)
    assert result.confidence == 0.5
    asked = question(unsure, result, {1}, config)
    assert asked is not None
    assert [(kind.name, kind.reads_otherwise) for kind in asked.types] == [
        ("text_native", True),
        ("scanned", True),
        ("complex", False),
    ]
    told = "\n".join(asked.facts)
    assert "pages with content: 2 of 2" in told
    assert [word for word in ("Quixotic", "marmalade", "heliotrope") if word in told] == []


@pytest.mark.parametrize(
    ("said", "garbled", "pictured"),
    [
        (None, OCRNeed.PAGE, OCRNeed.PICTURES),
        ("complex", OCRNeed.PAGE, OCRNeed.PICTURES),
        ("scanned", OCRNeed.PAGE, OCRNeed.PAGE),
        ("text_native", OCRNeed.NOTHING, OCRNeed.PICTURES),
    ],
)
def test_the_type_decides_which_text_is_trusted(said: str | None, garbled: OCRNeed, pictured: OCRNeed) -> None:
    config = PDFProcessorConfig(document_type=said)
    assert (ocr_need(GARBLED, [], config), ocr_need(UNDER_A_PICTURE, [], config)) == (garbled, pictured)
    assert ocr_need(page(), [], config) is OCRNeed.NOTHING
    assert ocr_need(page(page_type=PageType.SCANNED, image_coverage=1.0), [], config) is OCRNeed.PAGE
    found = classify(profile(GARBLED, UNDER_A_PICTURE), config)
    assert found.pdf_type == (said or PDFType.COMPLEX)
    assert question(profile(GARBLED), found, set(), config) is None or said is None
