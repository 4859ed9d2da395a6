"""What is refused before anything is read from a file, and what is only said about it. Runs in the worker.

    header → size → open → password → pages → decompression bombs → scripts → signatures, attachments

The first fatal finding wins and is raised as SecurityError or ParseError.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingestkit_core.errors import ErrorCode, IngestError, ParseError, SecurityError, SourceError

from ingestkit_pdf.bombs import Stream, check_bombs, contents_of, listed_in, stream_of
from ingestkit_pdf.config import PDFProcessorConfig

if TYPE_CHECKING:  # importing it imports pymupdf, which the owner must not
    from ingestkit_pdf.document import Document

__all__ = ["Findings", "inspect_file", "inspect_structure", "recognises"]

HEADER_WINDOW_BYTES = 1024

_MIB = 1 << 20

_STRING = re.compile(r"\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f\s]*>", re.DOTALL)
_NAME_END = r"(?![^\s()<>\[\]{}/%])"
_SCRIPT = re.compile(rf"/(?:JavaScript|JS){_NAME_END}|/S\s*/Launch{_NAME_END}")


@dataclass(frozen=True, slots=True)
class Findings:
    """What was noticed and read on.

    ``replacement_texts``: the structure tree tells other texts than those that are painted, which may be
    stale or empty.
    """

    issues: tuple[IngestError, ...]
    embedded_files: int = 0
    replacement_texts: bool = False


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a PDF: the header within the first 1,024 bytes."""
    return b"%PDF-" in head[:HEADER_WINDOW_BYTES]


def inspect_file(file_path: str, config: PDFProcessorConfig) -> bytes:
    """The file's bytes, after a look at its header and its size."""
    name = Path(file_path).name
    try:
        with open(file_path, "rb") as file:
            head = file.read(HEADER_WINDOW_BYTES)
            if not recognises(head):
                raise SecurityError(
                    ErrorCode.E_SECURITY_INVALID_PDF,
                    f"{name}: no PDF header in the first {HEADER_WINDOW_BYTES} bytes; it is no PDF file",
                )
            size = os.fstat(file.fileno()).st_size
            if size > config.max_file_size_mb * _MIB:
                raise SecurityError(
                    ErrorCode.E_SECURITY_TOO_LARGE,
                    f"{name}: {size / _MIB:.1f} MiB is more than max_file_size_mb={config.max_file_size_mb}; "
                    "raise it with a reason in max_file_size_override_reason",
                )
            file.seek(0)
            return file.read()
    except FileNotFoundError as exc:
        raise SourceError(ErrorCode.E_SOURCE_NOT_FOUND, f"{name}: the file does not exist") from exc
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise SourceError(ErrorCode.E_SOURCE_UNREADABLE, f"{name}: cannot be read: {reason}") from exc


def inspect_structure(document: Document, name: str, config: PDFProcessorConfig) -> Findings:
    """Look through an open document before its pages are read."""
    if document.locked:
        raise ParseError(ErrorCode.E_PARSE_PASSWORD, f"{name}: needs a password to be opened; save it without one")
    _check_pages(document, name, config)
    marks = _Marks()
    streams: list[Stream] = []
    run: set[int] = set()
    lists: dict[int, set[int]] = {}
    for number, source in document.objects():
        if "/Contents" in source:
            run |= contents_of(source)
        elif listed := listed_in(source):
            lists[number] = listed
        if "/Filter" in source:
            stream = stream_of(document, number, source)
            if stream is not None:
                streams.append(stream)
        marks.look(source)
    run |= {number for content in run for number in lists.get(content, ())}
    streams = [stream.as_content() if stream.number in run else stream for stream in streams]
    check_bombs(document, streams, name, config.max_decompression_ratio)
    return _findings(marks, document, name, config)


def _check_pages(document: Document, name: str, config: PDFProcessorConfig) -> None:
    count = document.page_count
    if count > config.max_page_count:
        raise SecurityError(
            ErrorCode.E_SECURITY_TOO_MANY_PAGES,
            f"{name}: {count} pages are more than max_page_count={config.max_page_count}; "
            "raise it with a reason in max_page_count_override_reason",
        )
    if count < 1:
        if document.repaired:
            raise ParseError(
                ErrorCode.E_PARSE_REPAIR_FAILED, f"{name}: is damaged, and no page was found in what is left"
            )
        raise ParseError(ErrorCode.E_PARSE_EMPTY, f"{name}: has no pages")


class _Marks:
    """What single objects gave away."""

    def __init__(self) -> None:
        self.script = False
        self.signed = False
        self.file_specifications = 0
        self.replacement_texts = False

    def look(self, source: str) -> None:
        if not self.script and ("/J" in source or "/Launch" in source):
            self.script = _SCRIPT.search(_STRING.sub("()", source)) is not None
        if "/ByteRange" in source:
            self.signed = True
        if "/ActualText" in source:
            self.replacement_texts = True
        if "/EF" in source and re.search(rf"/EF{_NAME_END}", source):
            self.file_specifications += 1


def _findings(marks: _Marks, document: Document, name: str, config: PDFProcessorConfig) -> Findings:
    if marks.script and config.reject_javascript:
        raise SecurityError(
            ErrorCode.E_SECURITY_JAVASCRIPT,
            f"{name}: holds JavaScript or a launch action, and reject_javascript is set",
        )
    embedded = max(marks.file_specifications, document.embedded_file_count())
    noticed = (
        (document.encrypted, ErrorCode.W_ENCRYPTED_OWNER_ONLY, "is protected by an owner password only"),
        (marks.script, ErrorCode.W_JAVASCRIPT_PRESENT, "holds JavaScript or a launch action; it is never run"),
        (marks.signed, ErrorCode.W_DOCUMENT_SIGNED, "is digitally signed; the signature is not checked"),
        (embedded > 0, ErrorCode.W_EMBEDDED_FILES, f"carries {embedded} embedded files; they are not read"),
    )
    issues = [
        IngestError(code=code, message=f"{name}: {message}", stage="security", recoverable=True)
        for present, code, message in noticed
        if present
    ]
    for limit, value, reason in config.overrides():
        issues.append(
            IngestError(
                code=ErrorCode.W_SECURITY_OVERRIDE,
                message=f"{name}: read under {limit}={value}: {reason}",
                stage="security",
                recoverable=True,
            )
        )
    return Findings(tuple(issues), embedded, marks.replacement_texts)
