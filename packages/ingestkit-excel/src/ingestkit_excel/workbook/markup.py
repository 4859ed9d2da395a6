"""The XML of a package's parts: decoded, as trees, with names and numbers as every producer means them.

No XML with a document type gets past here.
"""

from __future__ import annotations

import codecs
import re
from xml.etree import ElementTree

from ingestkit_core.errors import ErrorCode, SecurityError

__all__ = [
    "PartError",
    "attribute",
    "decoded",
    "decoder_of",
    "local_name",
    "parse_tree",
    "plain_tree",
    "refuse_document_type",
    "whole_number",
]

_MAX_NUMBER_DIGITS = 10
_PROLOG_WITH_DOCTYPE = re.compile(r"\ufeff?(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!(?:DOCTYPE|ENTITY)", re.DOTALL)
_DECLARED_ENCODING = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")


class PartError(Exception):
    """A part is missing, or its bytes are not what they should be. Told to callers inside this room only."""


def refuse_document_type(text: str) -> None:
    """Raise SecurityError (E_SECURITY_EXTERNAL_ENTITY) where XML begins with a document type."""
    if _PROLOG_WITH_DOCTYPE.match(text):
        raise SecurityError(
            ErrorCode.E_SECURITY_EXTERNAL_ENTITY,
            "An XML part has a document type, which workbooks never need and attacks do.",
        )


def plain_tree(xml: bytes) -> ElementTree.Element | None:
    """The tree of well-formed UTF-8 that has no document type; None where a closer look is needed."""
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml or _encoding(xml) != "utf-8-sig":
        return None
    parser = ElementTree.XMLParser()
    try:
        parser.feed(xml)
        return parser.close()
    except (ElementTree.ParseError, ValueError):
        return None


def parse_tree(text: str, name: str) -> ElementTree.Element:
    """XML text, without a document type, as a tree. Raises PartError."""
    try:
        return ElementTree.fromstring(_without_declaration(text))  # entities are refused before this
    except (ElementTree.ParseError, ValueError, UnicodeError) as exc:
        raise PartError(f"the part {name} is not well-formed XML") from exc


def _without_declaration(text: str) -> str:
    # Decoded text with an encoding declaration is refused by some parsers and ignored by others.
    text = text.lstrip("\ufeff \r\n\t\x00")
    return text[text.index("?>") + 2 :] if text.startswith("<?xml") and "?>" in text else text


def local_name(element: ElementTree.Element) -> str:
    """The element's name without its namespace: transitional, strict and prefixed files are alike."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: ElementTree.Element, name: str) -> str | None:
    """An attribute by its name without namespace."""
    value = element.get(name)
    if value is None:
        value = next((v for key, v in element.attrib.items() if key.rpartition("}")[2] == name), None)
    return value


def whole_number(text: str) -> int:
    """A number as XML attributes have it; 0 for what is none, or has more digits than any count of a workbook."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_NUMBER_DIGITS else 0


def decoder_of(head: bytes, name: str) -> codecs.IncrementalDecoder:
    """What decodes an XML part that begins with these bytes. Raises PartError."""
    try:
        return codecs.getincrementaldecoder(_encoding(head))(errors="strict")
    except LookupError as exc:
        raise PartError(f"the part {name} has an unknown encoding") from exc


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head.startswith(b"<\x00"):
        return "utf-16-le"
    if head.startswith(b"\x00<"):
        return "utf-16-be"
    declared = _DECLARED_ENCODING.match(head.removeprefix(b"\xef\xbb\xbf").lstrip())
    encoding = declared[1].decode("ascii").lower() if declared else "utf-8"
    return "utf-8-sig" if encoding in ("utf-8", "utf8", "utf-16", "us-ascii") else encoding


def decoded(decoder: codecs.IncrementalDecoder, block: bytes, name: str) -> str:
    """The next bytes of a part as text. Raises PartError."""
    try:
        return decoder.decode(block)
    except UnicodeError as exc:
        raise PartError(f"the part {name} is not in the encoding it declares") from exc
