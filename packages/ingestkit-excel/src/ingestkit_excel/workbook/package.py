"""The zip container of a workbook: its parts, their relationships, and bounds on what it inflates to.

Part names are found whatever their case and slashes. Nothing is read that would inflate beyond the bounds.
"""

from __future__ import annotations

import codecs
import functools
import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree import ElementTree

from ingestkit_core.errors import ErrorCode, SecurityError

from ingestkit_excel.workbook.content import Content
from ingestkit_excel.workbook.directory import Entry, read_directory
from ingestkit_excel.workbook.markup import (
    PartError,
    decoded,
    decoder_of,
    local_name,
    parse_tree,
    plain_tree,
    refuse_document_type,
)

__all__ = ["Package", "Relation", "relations_if_readable", "tree_if_readable"]

ENTRY_FREE_BYTES = 64 << 20
TOTAL_FREE_BYTES = 512 << 20
MAX_ENTRIES = 20_000
_SMALL_BYTES, _KEPT_BYTES = 64 << 10, 4 << 20
"""Parts up to the first size are inflated once and kept, up to the second together: most parts are looked at twice."""
_BLOCK_BYTES = 1 << 20
_PACKED_BYTES = 1 << 18
_HEAD_BYTES = 4096
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 0x1


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
    _parts: dict[str, Entry] = field(default_factory=dict)
    _folded: dict[str, Entry] = field(default_factory=dict)
    _kept: dict[Entry, bytes] = field(default_factory=dict)
    _room: int = _KEPT_BYTES
    _relations: dict[str, dict[str, Relation]] = field(default_factory=dict)

    @classmethod
    def open(cls, content: Content, max_ratio: int) -> Package:
        """Read the directory and refuse what declares too much.

        Raises ParseError (E_PARSE_CORRUPT) where the bytes make no zip file, SecurityError
        (E_SECURITY_DECOMPRESSION_BOMB) where entries are too many or inflate beyond the ratio.
        """
        entries = read_directory(content)
        package = cls(content, max_ratio)
        for entry in entries:
            if not entry.filename.endswith("/"):
                name = _normal(entry.filename)
                package._parts[name] = entry
                package._folded.setdefault(name.lower(), entry)
        package._check_declared(entries)
        return package

    def _check_declared(self, entries: list[Entry]) -> None:
        if len(entries) > MAX_ENTRIES:
            raise _bomb(f"It has {len(entries)} entries; at most {MAX_ENTRIES} are read.")
        total = 0
        for entry in entries:
            total += entry.file_size
            self._check_size(entry, entry.file_size, total)

    def _check_size(self, entry: Entry, size: int, total: int) -> None:
        packed = max(min(entry.compress_size, len(self.content)), 1)
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
        entry = self._find(name)
        return entry.file_size if entry is not None else 0

    def _find(self, name: str) -> Entry | None:
        name = _normal(name)
        return self._parts.get(name) or self._folded.get(name.lower())

    def blocks(self, name: str) -> Iterator[bytes]:
        """The part's bytes as they inflate, never more than it declares. Raises PartError."""
        entry = self._find(name)
        if entry is None:
            raise PartError(f"the part {name} is missing")
        whole = self._whole(entry)
        if whole is not None:
            yield whole
            return
        size = 0
        for block in self._inflate(entry):
            size += len(block)
            if size > entry.file_size:
                raise PartError(f"the part {entry.filename} is larger than it declares")
            yield block

    def _whole(self, entry: Entry) -> bytes | None:
        """A small part's bytes, kept once they were inflated; None for one that is large or damaged."""
        if entry.file_size > _SMALL_BYTES:
            return None
        whole = self._kept.get(entry)
        if whole is None and entry.file_size <= self._room and entry.compress_type == zipfile.ZIP_DEFLATED:
            try:
                start = self._start(entry)
            except PartError:
                return None
            whole = _inflated(self.content[start : start + entry.compress_size], entry.file_size)
            if whole is not None:
                self._kept[entry] = whole
                self._room -= len(whole)
        return whole

    def _inflate(self, entry: Entry) -> Iterator[bytes]:
        """Inflate an entry. Its checksum is not looked at: what can be read of a damaged file is read."""
        start = self._start(entry)
        end = start + entry.compress_size
        if entry.compress_type == zipfile.ZIP_STORED:
            yield self.content[start:end]
            return
        if entry.compress_type != zipfile.ZIP_DEFLATED:
            raise PartError(f"the part {entry.filename} is packed in an unknown way")
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
            raise PartError(f"the part {entry.filename} cannot be inflated") from exc
        if not inflater.eof:
            raise PartError(f"the part {entry.filename} ends early")

    def _start(self, entry: Entry) -> int:
        """Where the packed bytes of an entry begin. Raises PartError."""
        header = self.content[entry.header_offset : entry.header_offset + _LOCAL_HEADER_BYTES]
        if len(header) < _LOCAL_HEADER_BYTES or entry.flag_bits & _ENCRYPTED:
            raise PartError(f"the part {entry.filename} cannot be read")
        start = entry.header_offset + _LOCAL_HEADER_BYTES
        return start + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")

    def read(self, name: str) -> bytes:
        """The part's bytes. Raises PartError."""
        return b"".join(self.blocks(name))

    def text_blocks(self, name: str) -> Iterator[str]:
        """An XML part's text, block by block, in whatever encoding it is. Raises PartError, SecurityError."""
        decoder: codecs.IncrementalDecoder | None = None
        for block in self.blocks(name):
            first = decoder is None
            if decoder is None:
                decoder = decoder_of(block, name)
            text = decoded(decoder, block, name)
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
        entry = self._find(name)
        whole = self._whole(entry) if entry is not None else None
        plain = plain_tree(whole) if whole is not None else None
        return plain if plain is not None else parse_tree(self.text(name), name)

    def relations(self, name: str) -> Mapping[str, Relation]:
        """The relationships of a part (of the package itself for an empty name) by id; none where it has no file."""
        folder, _, file = name.rpartition("/")
        source = f"{folder}/_rels/{file}.rels".lstrip("/")
        known = self._relations.get(source)
        if known is None:
            known = self._relations[source] = self._read_relations(folder, source) if self.has(source) else {}
        return known

    def _read_relations(self, folder: str, source: str) -> dict[str, Relation]:
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
        decoder = decoder_of(block, name)
        return decoded(decoder, block, name)

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
        for entry in self._parts.values():
            size = 0
            try:
                for block in self._inflate(entry):
                    size += len(block)
                    self._check_size(entry, size, total + size)
            except PartError:
                continue
            finally:
                total += size


@functools.lru_cache(maxsize=64)
def _inflated(packed: bytes, most: int) -> bytes | None:
    """Packed bytes as they were; None where they are damaged or more than they were to be.

    Themes, relationships and lists of content types are the same in many workbooks: the last ones are remembered.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        whole = inflater.decompress(packed, most + 1)
    except zlib.error:
        return None
    return whole if inflater.eof and len(whole) <= most else None


def _bomb(detail: str) -> SecurityError:
    return SecurityError(
        ErrorCode.E_SECURITY_DECOMPRESSION_BOMB,
        f"{detail} If this workbook is to be trusted, raise max_decompression_ratio.",
    )


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


def _normal(name: str) -> str:
    return name.replace("\\", "/").lstrip("/")


def _resolved(folder: str, target: str) -> str:
    target = target.replace("\\", "/")
    if target.startswith("/"):
        return target.lstrip("/")
    if "." not in target.rpartition(".")[0] and "//" not in target:
        return f"{folder}/{target}" if folder else target
    return posixpath.normpath(posixpath.join(folder, target)).lstrip("./")
