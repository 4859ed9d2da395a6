"""What came in, went out and was left out, page by page; and what is said about it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Literal

from ingestkit_core.errors import ErrorCode, IngestError
from ingestkit_core.ledger import DropReason, Ledger
from ingestkit_core.models import SkippedUnit

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.content import PageContent
from ingestkit_pdf.extract.tabular import PlacedTable
from ingestkit_pdf.models import PageType
from ingestkit_pdf.routing import Route
from ingestkit_pdf.values import Facts

__all__ = ["account", "continuation_issues", "document_issues", "loss_issues", "page_issues", "skipped_pages", "unit"]

_MIN_UNEXPLAINED_CHARACTERS = 20

_SKIPPED: Mapping[PageType, tuple[ErrorCode, str]] = {
    PageType.BLANK: (ErrorCode.W_PAGE_SKIPPED_BLANK, "is blank"),
    PageType.TOC: (ErrorCode.W_PAGE_SKIPPED_TOC, "is a table of contents"),
    PageType.VECTOR_ONLY: (ErrorCode.W_PAGE_SKIPPED_VECTOR_ONLY, "holds drawings only"),
}


def unit(page_number: int) -> str:
    """A page's name in the ledger."""
    return f"page {page_number}"


def account(
    contents: Sequence[PageContent],
    furniture: Sequence[Set[int]],
    tables: Iterable[PlacedTable],
    emitted: Mapping[str, int],
    failed_pages: Sequence[int],
    embedded_files: int,
    config: PDFProcessorConfig,
) -> Ledger:
    """The ledger of a document, in visible characters; ``furniture`` are indexes of each content's lines.

    What a picture holds can be counted by nobody: of a page that OCR read the source is what OCR saw, and the
    page's own text, if it had any, besides, dropped as a duplicate.
    """
    source: dict[str, int] = {}
    dropped: dict[str, dict[DropReason, int]] = {}
    uncounted: Counter[str] = Counter()
    leaders = _leaders(tables)
    for content, left_out in zip(contents, furniture, strict=True):
        name = unit(content.number)
        source[name] = content.characters
        dropped[name] = _dropped(content, left_out, leaders[content.number], config.include_hidden)
        uncounted["picture"] += sum(inset.seen is None for inset in content.insets)
        if content.ocr is not None:
            continue
        if content.profile.page_type is PageType.SCANNED:
            uncounted["scanned_page"] += 1
        elif content.profile.page_type is PageType.MIXED:
            uncounted["scanned_region"] += 1
    uncounted["unreadable_page"] = len(failed_pages)
    uncounted["embedded_file"] = embedded_files
    order = [unit(number) for number in sorted((*(content.number for content in contents), *failed_pages))]
    return Ledger.balance(
        "characters", source, emitted, dropped, order=order, uncounted={k: n for k, n in uncounted.items() if n}
    )


def _leaders(tables: Iterable[PlacedTable]) -> Counter[int]:
    """The visible characters of leaders that tables were left without, by page number."""
    counted: Counter[int] = Counter()
    for table in tables:
        for page_number, count in table.leaders:
            counted[page_number] += count
    return counted


def _dropped(content: PageContent, furniture: Set[int], leaders: int, include_hidden: bool) -> dict[DropReason, int]:
    running = sum(content.lines[index].characters for index in furniture)
    contents = 0
    if not content.is_read:
        contents = sum(line.characters for line in content.lines) - running
    return {
        DropReason.FURNITURE: running,
        DropReason.HIDDEN: 0 if include_hidden else content.hidden_characters,
        DropReason.LEADER: leaders,
        DropReason.DUPLICATE: content.replaced,
        DropReason.BLANK_OR_CONTENTS: contents,
        DropReason.NOT_EXTRACTED_YET: sum(line.characters for line in content.garbled) + content.unprinted,
    }


def document_issues(facts: Facts, name: str) -> list[IngestError]:
    """What is said about the file as a whole: what was lost with a part of it, nobody can count."""
    if not facts.repaired:
        return []
    how = "ends in the middle: it seems to have been cut off" if facts.cut_off else "is damaged"
    message = f"{name}: {how}; what could be found was read (pages: {facts.page_count}), and more may be missing"
    return [IngestError(code=ErrorCode.W_DOCUMENT_REPAIRED, message=message, stage="parse", recoverable=True)]


def page_issues(content: PageContent, name: str, config: PDFProcessorConfig) -> list[IngestError]:
    """What is said about one page."""
    issues: list[IngestError] = []

    def note(code: ErrorCode, message: str, stage: Literal["parse", "process"] = "parse") -> None:
        issues.append(
            IngestError(
                code=code,
                message=f"{name}: page {content.number} {message}",
                stage=stage,
                recoverable=True,
                page_number=content.number,
            )
        )

    profile = content.profile
    if profile.page_type in _SKIPPED:
        note(*_SKIPPED[profile.page_type])
    if profile.quality.printable_ratio < config.quality_min_printable_ratio:
        note(
            ErrorCode.W_QUALITY_LOW_NATIVE,
            f"has text of which {1 - profile.quality.printable_ratio:.0%} cannot be read",
        )
    if content.garbled and not content.lines:
        note(ErrorCode.E_PARSE_GARBLED, "has text, and none of it can be decoded")
    if content.annotations_unreadable:
        note(ErrorCode.E_PARSE_CORRUPT, "has annotations that cannot be read; its text was read")
    if content.drawings_unreadable:
        note(
            ErrorCode.E_PROCESS_TABLE_EXTRACT,
            "has drawings that cannot be read: tables in rules may have come out as text",
            "process",
        )
    if content.hidden_characters:
        what = "brought in, labelled" if config.include_hidden else "left out"
        note(ErrorCode.W_HIDDEN_TEXT, f"holds {content.hidden_characters} hidden characters, {what}")
    return issues


def continuation_issues(tables: Sequence[PlacedTable], name: str) -> list[IngestError]:
    """A word for every page on which a table goes on."""
    return [
        IngestError(
            code=ErrorCode.W_TABLE_CONTINUATION,
            message=f"{name}: page {page} goes on with the table of the page before; they were joined",
            stage="process",
            recoverable=True,
            page_number=page,
        )
        for table in tables
        for page in table.continued_on
    ]


def skipped_pages(contents: Sequence[PageContent], failed_pages: Sequence[int]) -> tuple[SkippedUnit, ...]:
    """The pages that were not read, with the code or reason, in page order."""
    reasons: dict[int, str] = dict.fromkeys(failed_pages, ErrorCode.E_PARSE_CORRUPT)
    for content in contents:
        if content.route is Route.SKIP:
            reasons[content.number] = _SKIPPED[content.profile.page_type][0]
        elif not content.is_read:
            reasons[content.number] = DropReason.NOT_EXTRACTED_YET
    return tuple(SkippedUnit(unit=unit(number), reason=str(reasons[number])) for number in sorted(reasons))


def loss_issues(ledger: Ledger, name: str, config: PDFProcessorConfig) -> tuple[IngestError, ...]:
    """A warning where more is unexplained than the config allows."""
    if ledger.unexplained <= _MIN_UNEXPLAINED_CHARACTERS or ledger.unexplained_ratio <= config.max_unexplained_ratio:
        return ()
    return (
        IngestError(
            code=ErrorCode.W_UNEXPLAINED_LOSS,
            message=f"{name}: {ledger.unexplained} of {ledger.source} characters are unaccounted for",
            stage="process",
            recoverable=True,
        ),
    )
