"""What OCR read takes its place among what pages hold; and what is said about it. Pure.

pages that need it ─► parts, one each ─► PageSeen, or why not ─► pages whose lines are OCR's
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from ingestkit_core.elements import PageBox
from ingestkit_core.errors import ErrorCode, IngestError
from ingestkit_core.models import OCRStageResult

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.content import PageContent
from ingestkit_pdf.extract.forms import split_painted_values
from ingestkit_pdf.extract.insets import with_seen
from ingestkit_pdf.ocr.values import OCRChoice, PageSeen
from ingestkit_pdf.routing import OCRNeed
from ingestkit_pdf.values import overlap_ratio

__all__ = ["about_ocr", "engine_issues", "merged", "ocr_issues", "ocr_lines", "ocr_stage"]

_UNSURE_RATIO = 0.1
"""From this share of unsure words on a page is flagged; a single one is found on nearly every scan."""
_USELESS_CONFIDENCE = 0.5
_MUCH_LESS_RATIO = 0.5
_SAME_PLACE_RATIO = 0.3
_MIN_LETTERS = 2


@dataclass(frozen=True, slots=True)
class Merged:
    """A document's pages with what OCR read, and an error for each page or picture that it did not."""

    pages: tuple[PageContent, ...]
    failures: tuple[IngestError, ...]


def merged(
    pages: Sequence[PageContent], values: Sequence[PageSeen | IngestError], name: str, config: PDFProcessorConfig
) -> Merged:
    """The pages with what OCR read of those that need it and of insets, page by page, in their order."""
    waiting = iter(values)
    kept: list[PageContent] = []
    failures: list[IngestError] = []
    for page in pages:
        is_whole = page.need is not OCRNeed.NOTHING
        read = [next(waiting) for _ in range(1 if is_whole else len(page.insets))]
        what = f"page {page.number}" if is_whole else f"a picture on page {page.number}"
        failed = [value for value in read if isinstance(value, IngestError)]
        failures += [_failure(page.number, what, value, name, config) for value in failed]
        if not is_whole:
            page = with_seen(page, read)
        elif isinstance(read[0], PageSeen):
            page = _with_ocr(page, read[0], config)
        kept.append(page)
    return Merged(tuple(kept), tuple(failures))


def _failure(page_number: int, what: str, error: IngestError, name: str, config: PDFProcessorConfig) -> IngestError:
    if error.code in (ErrorCode.E_OCR_TIMEOUT, ErrorCode.E_EXECUTION_TIMEOUT):
        limit = f"ocr_per_page_timeout_seconds={config.ocr_per_page_timeout_seconds:g}"
        return _issue(ErrorCode.E_OCR_TIMEOUT, f"{name}: OCR of {what} took longer than {limit}", page_number)
    cause = error.message if error.stage == "ocr" else f"{error.message} ({error.code})"
    return _issue(ErrorCode.E_OCR_FAILED, f"{name}: OCR of {what} failed: {cause}", page_number)


def _with_ocr(page: PageContent, seen: PageSeen, config: PDFProcessorConfig) -> PageContent:
    """The page with what OCR read of it; the page as it was where its own text is the better one."""
    if page.need is OCRNeed.PICTURES:
        return _with_pictures_text(page, seen, config)
    lines = split_painted_values(seen.lines, page.fields)
    own = sum(line.characters - line.unreadable for line in page.lines)
    read = sum(line.characters for line in lines)
    has_own = bool(page.lines or page.garbled)
    if has_own and (not lines or seen.result.confidence < _USELESS_CONFIDENCE or read < _MUCH_LESS_RATIO * own):
        return page
    replaced = sum(line.characters for line in (*page.lines, *page.garbled)) + page.unprinted
    return replace(page, lines=lines, garbled=(), unprinted=0, ocr=seen, replaced=replaced, drawings=seen.drawings)


def _with_pictures_text(page: PageContent, seen: PageSeen, config: PDFProcessorConfig) -> PageContent:
    """The page's own lines, then those of its pictures that do not repeat them and that the engine is sure of."""
    sure = seen.result.confidence >= config.ocr_confidence_threshold
    own = [line.box for line in page.lines]
    first = 1 + max((line.block for line in page.lines), default=-1)
    found = [
        line._replace(block=first + line.block)
        for line in seen.lines
        if sure
        and sum(map(str.isalnum, line.text)) >= _MIN_LETTERS
        and all(overlap_ratio(line.box, box) < _SAME_PLACE_RATIO for box in own)
    ]
    return replace(page, lines=[*page.lines, *found], ocr=replace(seen, lines=tuple(found)))


def ocr_issues(page: PageContent, name: str, config: PDFProcessorConfig) -> Iterator[IngestError]:
    """What is said about a page that OCR read."""
    if page.ocr is None:
        return
    if page.replaced:
        yield _issue(
            ErrorCode.W_OCR_FALLBACK,
            f"{name}: page {page.number} was read by OCR in place of its own text",
            page.number,
        )
    if _is_unsure(page.ocr, config):
        yield _issue(
            ErrorCode.W_PAGE_LOW_OCR_CONFIDENCE,
            f"{name}: page {page.number}: {page.ocr.unsure_words} of {page.ocr.words} words were read with a "
            f"confidence below {config.ocr_confidence_threshold}",
            page.number,
        )


def _is_unsure(seen: PageSeen, config: PDFProcessorConfig) -> bool:
    return seen.words > 0 and (
        seen.result.confidence < config.ocr_confidence_threshold or seen.unsure_words > _UNSURE_RATIO * seen.words
    )


def engine_issues(pages: Sequence[PageContent], name: str, choice: OCRChoice) -> Iterator[IngestError]:
    """What is said of a document whose pages need an engine that is not there, or that another one stands in for.

    Nothing is said of pictures among text that nobody is there to read: the ledger counts them.
    """
    needing = sum(page.need is not OCRNeed.NOTHING for page in pages)
    if choice.engine is None and needing:
        message = f"{name}: {_pages(needing)} need OCR and were not read: {choice.problem}; then ingest again"
        yield _issue(ErrorCode.W_OCR_ENGINE_UNAVAILABLE, message)
    elif choice.is_fallback:
        with_pictures = sum(any(inset.seen is not None for inset in page.insets) for page in pages)
        message = f"{name}: {_pages(needing + with_pictures)} were read with {choice.engine}: {choice.problem}"
        yield _issue(ErrorCode.W_OCR_ENGINE_FALLBACK, message)


def _pages(count: int) -> str:
    return f"{count} page{'' if count == 1 else 's'}"


def _issue(code: ErrorCode, message: str, page_number: int | None = None) -> IngestError:
    return IngestError(code=code, message=message, stage="ocr", recoverable=True, page_number=page_number)


def ocr_stage(
    pages: Sequence[PageContent], failures: Sequence[IngestError], choice: OCRChoice | None, config: PDFProcessorConfig
) -> OCRStageResult | None:
    """What OCR gave over the whole document; None where it was not tried."""
    if choice is None or choice.engine is None:
        return None
    read = [(page.number, seen) for page in pages for seen in _seen(page)]
    told = [seen.result.confidence for _, seen in read if seen.lines]
    low = [page.number for page in pages if page.ocr is not None and _is_unsure(page.ocr, config)]
    return OCRStageResult(
        pages=_each_once(number for number, _ in read),
        engine=choice.engine,
        mean_confidence=round(fmean(told), 4) if told else None,
        low_confidence_pages=tuple(low),
        failed_pages=_each_once(issue.page_number for issue in failures if issue.page_number is not None),
        page_timeout_seconds=config.ocr_per_page_timeout_seconds,
        fallback_used=choice.is_fallback,
        seconds=sum(seen.result.seconds for _, seen in read),
    )


def _seen(page: PageContent) -> Iterator[PageSeen]:
    """What OCR read of a page: all of it, or those of its insets that say something."""
    if page.ocr is not None:
        yield page.ocr
    yield from (inset.seen for inset in page.insets if inset.seen is not None and inset.seen.lines)


def _each_once(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(numbers))


def ocr_lines(pages: Sequence[PageContent]) -> tuple[str, ...]:
    """What the engine read, a line for the log for each page or inset."""
    return tuple(f"page={page.number} ocr={seen.result.text!r}" for page in pages for seen in _seen(page))


def about_ocr(places: Sequence[PageBox], pages: Mapping[int, PageContent]) -> dict[str, Any]:
    """What the metadata of a chunk that stands in these places say about OCR, by field; nothing where none read it.

    ``pages`` are those that OCR read anything of, by number.
    """
    numbers = sorted({place.page_number for place in places if _was_seen(place, pages)})
    seen = [ocr for number in numbers if (ocr := pages[number].ocr) is not None]
    if not seen:
        return {}
    first = seen[0].result
    return {
        "ocr_engine": str(first.engine),
        "ocr_confidence": round(fmean(page.result.confidence for page in seen), 4),
        "ocr_dpi": first.dpi,
        "ocr_preprocessing": first.preprocessing,
    }


def _was_seen(place: PageBox, pages: Mapping[int, PageContent]) -> bool:
    """Whether OCR read what stands there: of some pages it read what their pictures hold, and nothing else."""
    page = pages.get(place.page_number)
    if page is None or page.ocr is None:
        return False
    return page.need is not OCRNeed.PICTURES or any(overlap_ratio(line.box, place.box) > 0 for line in page.ocr.lines)
