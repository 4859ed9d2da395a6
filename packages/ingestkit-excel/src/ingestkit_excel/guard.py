"""What is refused before anything of a workbook is read, and what is only told. Runs in the worker.

In this order, the first fatal finding wins: size; what kind of file it is; encryption; the zip directory with its sizes
and counts; document types in XML; whether it is a workbook at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingestkit_core.errors import ErrorCode, IngestError, ParseError, SecurityError

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.workbook.book import find_workbook_part, root_name
from ingestkit_excel.workbook.content import Content
from ingestkit_excel.workbook.ole import OLE_MAGIC, OleContent, ole_content
from ingestkit_excel.workbook.package import Package

__all__ = ["Admitted", "guard", "override_warnings", "recognises"]

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A file that may be opened. ``package`` and ``part`` (its main part) are None for an .xls file."""

    package: Package | None
    part: str | None


def recognises(head: bytes) -> bool:
    """Whether a file that begins like this may be a workbook: a zip or an OLE compound file."""
    return head.startswith((*_ZIP_MAGIC, OLE_MAGIC))


def guard(content: Content, config: ExcelProcessorConfig) -> Admitted:
    """Let a file pass, or raise.

    SecurityError: E_SECURITY_TOO_LARGE, E_SECURITY_INVALID_WORKBOOK, E_SECURITY_DECOMPRESSION_BOMB,
    E_SECURITY_EXTERNAL_ENTITY. ParseError: E_PARSE_PASSWORD, E_PARSE_CORRUPT, E_PARSE_UNSUPPORTED.
    """
    check_size(len(content), config)
    if content.startswith(OLE_MAGIC):
        return _admit_compound(content)
    if not content.startswith(_ZIP_MAGIC):
        raise _no_workbook("It is neither a zip nor an OLE file.")
    package = Package.open(content, config.max_decompression_ratio)
    if _OPEN_DOCUMENT in content[:200]:
        raise ParseError(
            ErrorCode.E_PARSE_UNSUPPORTED, "An OpenDocument spreadsheet is not read: save it as .xlsx first."
        )
    package.refuse_document_types()
    part = find_workbook_part(package)
    if part is None or (not part.lower().endswith(".bin") and root_name(package, part) not in ("workbook", None)):
        raise _no_workbook("The zip file holds no workbook.")
    return Admitted(package, part)


def check_size(size: int, config: ExcelProcessorConfig) -> None:
    """Raise SecurityError (E_SECURITY_TOO_LARGE) for a file of more bytes than configured."""
    if size > config.max_file_size_mb << 20:
        raise SecurityError(
            ErrorCode.E_SECURITY_TOO_LARGE,
            f"It has {size >> 20} MiB, more than max_file_size_mb ({config.max_file_size_mb}).",
        )


def override_warnings(config: ExcelProcessorConfig) -> Iterator[IngestError]:
    """One warning for every limit that was raised, with its reason."""
    for limit, value, reason in config.overrides():
        yield IngestError(
            code=ErrorCode.W_SECURITY_OVERRIDE,
            message=f"{limit} is raised to {value}: {reason}",
            stage="security",
            recoverable=True,
        )


def _admit_compound(content: Content) -> Admitted:
    match ole_content(content.whole()):
        case OleContent.ENCRYPTED:
            raise ParseError(
                ErrorCode.E_PARSE_PASSWORD, "The workbook is encrypted: save it without a password to have it read."
            )
        case OleContent.OTHER:
            raise _no_workbook("The OLE file holds no workbook.")
        case _:
            return Admitted(None, None)


def _no_workbook(detail: str) -> SecurityError:
    return SecurityError(ErrorCode.E_SECURITY_INVALID_WORKBOOK, f"Not a workbook. {detail}")
