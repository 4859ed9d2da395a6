"""What chunks know besides their text: about their document, their pages, and who read them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingestkit_core.chunking import ChunkDraft
from ingestkit_core.elements import PageBox
from ingestkit_core.extraction import Mending

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.content import PageContent
from ingestkit_pdf.extract.ocr import about_ocr
from ingestkit_pdf.models import DocumentMetadata

__all__ = ["described", "mending"]


def described(
    chunks: Sequence[ChunkDraft], metadata: DocumentMetadata, contents: Sequence[PageContent]
) -> tuple[ChunkDraft, ...]:
    """The chunks with what every chunk of a PDF knows about its document and its pages."""
    seen = {page.number: page for page in contents if page.ocr is not None and page.ocr.lines}
    about = {
        "doc_title": metadata.title,
        "doc_author": metadata.author,
        "doc_date": metadata.created,
    }
    told: list[ChunkDraft] = []
    for chunk in chunks:
        places = [place for place in chunk.locations if isinstance(place, PageBox)]
        numbers = tuple(sorted({place.page_number for place in places}))
        by_ocr = about_ocr(places, seen)
        told.append(replace(chunk, metadata={**chunk.metadata, **about, **by_ocr, "page_numbers": numbers}))
    return tuple(told)


def mending(chunks: Sequence[ChunkDraft], settings: PDFProcessorConfig) -> Mending | None:
    """What a language model is to mend: prose of pages that OCR read. Cells are what they are, or numbers."""
    if not settings.enable_ocr_cleanup:
        return None
    told = [
        index
        for index, chunk in enumerate(chunks)
        if "ocr_engine" in chunk.metadata and chunk.content_type not in ("table", "schema")
    ]
    return Mending(tuple(told), settings.ocr_cleanup_model) if told else None
