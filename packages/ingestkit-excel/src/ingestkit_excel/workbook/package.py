"""The zip container of a workbook: its parts, their relationships, and bounds on what it inflates to.

Part names are found whatever their case and slashes. Nothing is read that would inflate beyond the bounds, and no XML
with a document type gets past here.
"""

from __future__ import annotations

import codecs
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree

from ingestkit_core.errors import ErrorCode, ParseError, SecurityError

from ingestkit_excel.workbook.content import Content

__all__ = [
    "Package",
    "PartError",
    "Relation",
    "attribute",
    "local_name",
    "relations_if_readable",
    "tree_if_readable",
    "whole_number",
]

ENTRY_FREE_BYTES = 64 << 20
TOTAL_FREE_BYTES = 512 << 20
MAX_ENTRIES = 20_000
_BLOCK_BYTES = 1 << 20
_PACKED_BYTES = 1 << 18
_HEAD_BYTES = 4096
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 0x1
_MAX_NUMBER_DIGITS = 10

_PROLOG_WITH_DOCTYPE = re.compile(r"\ufeff?(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!(?:DOCTYPE|ENTITY)", re.DOTALL)
_DECLARED_ENCODING = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")


class PartError(Exception):
    """A part is missing, or its bytes are not what they should be. Told to callers inside this room only."""


class Relation(NamedTuple):
    """A relationship: the last word of its type (``worksheet``), its target (a part's name, or a URL), its mode."""

    kind: str
    target: str
    external: bool


@dataclass(slots=True)
class Package:
    """A zip file, its directory read and its sizes checked."""

    content: Content
    max_ratio: int
    _parts: dict[str, zipfile.ZipInfo]
    _folded: dict[str, zipfile.ZipInfo]

    @classmethod
    def open(cls, content: Content, max_ratio: int) -> Package:
        """Read the directory and refuse what declares too much.

        Raises ParseError (E_PARSE_CORRUPT) where the bytes make no zip file, SecurityError
        (E_SECURITY_DECOMPRESSION_BOMB) where entries are too many or inflate beyond the ratio.
        """
        try:
            with zipfile.ZipFile(content.opened()) as archive:
                infos = archive.infolist()
        except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, ValueError, OSError) as exc:
            raise ParseError(
                ErrorCode.E_PARSE_CORRUPT, "The file starts as a zip file but its directory cannot be read."
            ) from exc
        package = cls(content, max_ratio, {}, {})
        for info in infos:
            if not info.is_dir():
                package._parts[_normal(info.filename)] = info
                package._folded.setdefault(_normal(info.filename).lower(), info)
        package._check_declared(infos)
        return package

    def _check_declared(self, infos: list[zipfile.ZipInfo]) -> None:
        if len(infos) > MAX_ENTRIES:
            raise _bomb(f"It has {len(infos)} entries; at most {MAX_ENTRIES} are read.")
        total = 0
        for info in infos:
            total += info.file_size
            self._check_size(info, info.file_size, total)

    def _check_size(self, info: zipfile.ZipInfo, size: int, total: int) -> None:
        packed = max(min(info.compress_size, len(self.content)), 1)
        if size > ENTRY_FREE_BYTES and size > self.max_ratio * packed:
            raise _bomb(f"An entry inflates {size // packed} times, to {size >> 20} MiB or more.")
        if total > TOTAL_FREE_BYTES and total > self.max_ratio * len(self.content):
            raise _bomb(f"It inflates {total // len(self.content)} times, to {total >> 20} MiB or more.")

    def check_text(self, characters: int) -> None:
        """Refuse text that its repetition makes as large as a bomb: many cells may share one long string."""
        if characters > TOTAL_FREE_BYTES and characters > self.max_ratio * len(self.content):
            raise _bomb(f"Its cells repeat a few strings to {characters >> 20} million characters.")

    def names(self) -> tuple[str, ...]:
        """The names of all parts, lower case."""
        return tuple(self._folded)

    def has(self, name: str) -> bool:
        """Whether the part exists."""
        return self._find(name) is not None

    def size(self, name: str) -> int:
        """How many bytes the part says it inflates to; 0 for one that is missing."""
        info = self._find(name)
        return info.file_size if info is not None else 0

    def _find(self, name: str) -> zipfile.ZipInfo | None:
        name = _normal(name)
        return self._parts.get(name) or self._folded.get(name.lower())

    def blocks(self, name: str) -> Iterator[bytes]:
        """The part's bytes as they inflate, never more than it declares. Raises PartError."""
        info = self._find(name)
        if info is None:
            raise PartError(f"the part {name} is missing")
        size = 0
        for block in self._inflate(info):
            size += len(block)
            if size > info.file_size:
                raise PartError(f"the part {info.filename} is larger than it declares")
            yield block

    def _inflate(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """Inflate an entry. Its checksum is not looked at: what can be read of a damaged file is read."""
        header = self.content[info.header_offset : info.header_offset + _LOCAL_HEADER_BYTES]
        if len(header) < _LOCAL_HEADER_BYTES or info.flag_bits & _ENCRYPTED:
            raise PartError(f"the part {info.filename} cannot be read")
        start = info.header_offset + _LOCAL_HEADER_BYTES
        start += int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        end = start + info.compress_size
        if info.compress_type == zipfile.ZIP_STORED:
            yield self.content[start:end]
            return
        if info.compress_type != zipfile.ZIP_DEFLATED:
            raise PartError(f"the part {info.filename} is packed in an unknown way")
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # The first block is small: often nobody asks for a second.
            most, taken = _HEAD_BYTES, _HEAD_BYTES
            while start < end:
                packed = self.content[start : min(start + taken, end)]
                start, taken = start + taken, _PACKED_BYTES
                while packed and not inflater.eof:
                    yield inflater.decompress(packed, most)
                    packed, most = inflater.unconsumed_tail, _BLOCK_BYTES
        except zlib.error as exc:
            raise PartError(f"the part {info.filename} cannot be inflated") from exc
        if not inflater.eof:
            raise PartError(f"the part {info.filename} ends early")

    def read(self, name: str) -> bytes:
        """The part's bytes. Raises PartError."""
        return b"".join(self.blocks(name))

    def text_blocks(self, name: str) -> Iterator[str]:
        """An XML part's text, block by block, in whatever encoding it is. Raises PartError, SecurityError."""
        decoder: codecs.IncrementalDecoder | None = None
        for block in self.blocks(name):
            first = decoder is None
            if decoder is None:
                decoder = _decoder(block, name)
            text = _decoded(decoder, block, name)
            if first:
                refuse_document_type(text)
            yield text

    def text(self, name: str) -> str:
        """An XML part's text. Raises PartError, SecurityError."""
        text = "".join(self.text_blocks(name))
        refuse_document_type(text)
        return text

    def tree(self, name: str) -> ElementTree.Element:
        """An XML part as a tree. Raises PartError, SecurityError."""
        return parse_tree(self.text(name), name)

    def relations(self, name: str) -> dict[str, Relation]:
        """The relationships of a part (of the package itself for an empty name) by id; none where it has no file."""
        folder, _, file = name.rpartition("/")
        source = f"{folder}/_rels/{file}.rels".lstrip("/")
        if not self.has(source):
            return {}
        return {
            element.get("Id", ""): Relation(
                element.get("Type", "").rstrip("/").rpartition("/")[2],
                element.get("Target", "")
                if element.get("TargetMode") == "External"
                else _resolved(folder, element.get("Target", "")),
                element.get("TargetMode") == "External",
            )
            for element in self.tree(source)
            if local_name(element) == "Relationship"
        }

    def head(self, name: str) -> str:
        """The first characters of an XML part, at most 4096 bytes of them. Raises PartError."""
        block = next(self.blocks(name), b"")[:_HEAD_BYTES]
        decoder = _decoder(block, name)
        return _decoded(decoder, block, name)

    def refuse_document_types(self) -> None:
        """Look at the beginning of every XML part; raises SecurityError (E_SECURITY_EXTERNAL_ENTITY)."""
        for name in self._folded:
            if name.endswith((".xml", ".rels", ".vml")):
                try:
                    if not self._begins_plainly(name):
                        refuse_document_type(self.head(name))
                except PartError:
                    continue

    def _begins_plainly(self, name: str) -> bool:
        """Whether the head of a part has nothing in it that a document type could begin with. Raises PartError."""
        head = next(self.blocks(name), b"")[:_HEAD_BYTES]
        return b"<!" not in head and b"\x00" not in head and head[:1] == b"<"

    def measure(self) -> None:
        """Inflate everything and keep nothing: for readers that do not stop at a declared size.

        Raises SecurityError (E_SECURITY_DECOMPRESSION_BOMB) as soon as the ratio is exceeded.
        """
        total = 0
        for info in self._parts.values():
            size = 0
            try:
                for block in self._inflate(info):
                    size += len(block)
                    self._check_size(info, size, total + size)
            except PartError:
                continue
            finally:
                total += size


def _bomb(detail: str) -> SecurityError:
    return SecurityError(
        ErrorCode.E_SECURITY_DECOMPRESSION_BOMB,
        f"{detail} If this workbook is to be trusted, raise max_decompression_ratio.",
    )


def refuse_document_type(text: str) -> None:
    """Raise SecurityError (E_SECURITY_EXTERNAL_ENTITY) where XML begins with a document type."""
    if _PROLOG_WITH_DOCTYPE.match(text):
        raise SecurityError(
            ErrorCode.E_SECURITY_EXTERNAL_ENTITY,
            "An XML part has a document type, which workbooks never need and attacks do.",
        )


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


def relations_if_readable(package: Package, part: str) -> dict[str, Relation]:
    """The relations of a part that a workbook can do without; none where they cannot be read."""
    try:
        return dict(package.relations(part))
    except PartError:
        return {}


def tree_if_readable(package: Package, part: str) -> ElementTree.Element | None:
    """The tree of a part that a workbook can do without; None where it cannot be read."""
    try:
        return package.tree(part)
    except PartError:
        return None


def whole_number(text: str) -> int:
    """A number as XML attributes have it; 0 for what is none, or has more digits than any count of a workbook."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_NUMBER_DIGITS else 0


def _normal(name: str) -> str:
    return name.replace("\\", "/").lstrip("/")


def _resolved(folder: str, target: str) -> str:
    target = target.replace("\\", "/")
    if target.startswith("/"):
        return target.lstrip("/")
    if "." not in target.rpartition(".")[0] and "//" not in target:
        return f"{folder}/{target}" if folder else target
    return posixpath.normpath(posixpath.join(folder, target)).lstrip("./")


def _decoder(head: bytes, name: str) -> codecs.IncrementalDecoder:
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


def _decoded(decoder: codecs.IncrementalDecoder, block: bytes, name: str) -> str:
    try:
        return decoder.decode(block)
    except UnicodeError as exc:
        raise PartError(f"the part {name} is not in the encoding it declares") from exc
