"""Decompression bombs: streams of a PDF that unpack to far more than they are in the file. Runs in the worker.

Streams are measured while they unpack and never beyond the limit; those that are too small in the file to exceed it
are not unpacked at all.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingestkit_core.errors import ErrorCode, SecurityError

if TYPE_CHECKING:  # importing it imports pymupdf, which the owner must not
    from ingestkit_pdf.document import Document

__all__ = ["Stream", "check_bombs", "contents_of", "listed_in", "stream_of"]

STREAM_LIMIT_BYTES = 64 << 20
PICTURE_LIMIT_BYTES = 512 << 20
"""A picture's size says how much it makes, and no more of it is unpacked: a large drawing that is mostly white packs
into less than a hundredth.
"""
DOCUMENT_LIMIT_BYTES = 512 << 20

_MIB = 1 << 20
_STEP_BYTES = 4096
"""What is unpacked at once: no more than four million bytes come of it."""

# Deflate packs at most 1032:1 (258 bytes in two bits); LZW's longest code stands for 3,837 bytes in twelve
# bits; a run length pair makes 128 bytes of two; "z" in base 85 makes four of one. Brotli has no such bound.
_DEFLATE = "FlateDecode"
_MAX_RATIO = {
    _DEFLATE: 1032,
    "Fl": 1032,
    "LZWDecode": 2558,
    "LZW": 2558,
    "RunLengthDecode": 64,
    "RL": 64,
    "ASCII85Decode": 4,
    "A85": 4,
    "ASCIIHexDecode": 1,
    "AHx": 1,
    "Crypt": 1,
    "BrotliDecode": 1 << 30,
}
_PICTURE_CODECS = frozenset(("DCTDecode", "DCT", "JPXDecode", "JBIG2Decode", "CCITTFaxDecode", "CCF"))

_FILTERS = re.compile(r"/Filter\s*(\[[^\]]*\]|/[^\s/<>\[\]()]+|\d+ \d+ R)")
_LENGTH = re.compile(r"/Length (\d+)(?! \d+ R)")
_SIZE = re.compile(r"/(Width|Height|BitsPerComponent) (\d+)")
_CONTENTS = re.compile(r"/Contents\s*(\d+ \d+ R|\[[^\]]*\])")
_REFERENCE = re.compile(r"(\d+) \d+ R")
_NAME = re.compile(r"/([^\s/<>\[\]()]+)")


@dataclass(frozen=True, slots=True)
class Stream:
    """A packed stream: ``packed`` and ``bound`` are bytes, the bound what it can make at the very most.

    ``misused``: packed with a picture's codec, of which nothing tells how much it makes, without being one.
    ``deflated``: packed with nothing but Deflate. ``limit`` is what any stream of its kind may make, ``claimed`` that
    limit and bound are those of the picture it says it is; ``most`` is what its filters can make.
    """

    number: int
    packed: int
    bound: int
    misused: bool = False
    deflated: bool = False
    limit: int = STREAM_LIMIT_BYTES
    most: int = 0
    claimed: bool = False

    def as_content(self) -> Stream:
        """The stream where a page runs it, whatever it says it is: MuPDF unpacks all of it then."""
        return replace(self, bound=self.most, limit=STREAM_LIMIT_BYTES, claimed=False) if self.claimed else self


def contents_of(source: str) -> set[int]:
    """The numbers of the objects that a page's source names as what it runs: streams, or a list of them."""
    return {int(number) for named in _CONTENTS.findall(source) for number in _REFERENCE.findall(named)}


def listed_in(source: str) -> set[int]:
    """The numbers of the objects that an object which is a list names."""
    return {int(number) for number in _REFERENCE.findall(source)} if source.startswith("[") else set()


def stream_of(document: Document, number: int, source: str) -> Stream | None:
    """An object's packed stream, None where it has none or is a picture that its own codec unpacks.

    Every filter that is mentioned counts, wherever in the dictionary: too high a bound only costs a look.
    """
    filters = _FILTERS.findall(source)
    if not filters:
        return None
    names = _NAME.findall(" ".join(filters))
    if not _PICTURE_CODECS.isdisjoint(names):
        return None if "/Width " in source else Stream(number, 0, 0, misused=True)
    lengths = _LENGTH.findall(source)
    packed = int(lengths[0]) if len(lengths) == 1 else len(document.packed(number))
    if not names:
        # A reference: what it names is not looked up, two of the commonest are assumed.
        names = ["FlateDecode", "FlateDecode"]
    bound = packed
    for filter_name in names:
        bound *= _MAX_RATIO.get(filter_name, 1)
    found = Stream(number, packed, bound, deflated=names == [_DEFLATE], most=bound)
    if "/Subtype/Image" not in source:
        return found
    size = _picture_bytes(source)
    limit = PICTURE_LIMIT_BYTES if size <= PICTURE_LIMIT_BYTES else STREAM_LIMIT_BYTES
    return replace(found, bound=int(min(bound, size)), limit=limit, claimed=True)


def _picture_bytes(source: str) -> int | float:
    """How many bytes a picture asks for at four components, of which no more are unpacked; inf where it is unclear."""
    sizes = _SIZE.findall(source)
    if len(sizes) != len(dict(sizes)):
        return math.inf
    size = {key: int(value) for key, value in sizes}
    return size.get("Width", 0) * size.get("Height", 0) * size.get("BitsPerComponent", 8) // 2


def check_bombs(document: Document, streams: Sequence[Stream], name: str, ratio: int) -> None:
    """Measure the streams that could be too much, the largest first, until the rest cannot be.

    ``ratio`` is how many times its size a stream of more than its limit, or all together from 512 MiB on, may make.
    Raises SecurityError.
    """
    for stream in streams:
        if stream.misused:
            raise _bomb(name, f"object {stream.number} is packed with a picture's codec and is no picture")
    total_limit = max(DOCUMENT_LIMIT_BYTES, ratio * sum(stream.packed for stream in streams))
    possible = sum(stream.bound for stream in streams)
    measured = 0
    for stream in sorted(streams, key=lambda stream: stream.bound, reverse=True):
        if stream.bound <= STREAM_LIMIT_BYTES and possible <= total_limit:
            return
        limit = max(stream.limit, ratio * stream.packed)
        if possible <= total_limit and (stream.bound <= limit or _inflates_within(document, stream, limit)):
            continue
        unpacked = document.unpacked_length(stream.number, min(limit, stream.bound) + 1)
        if unpacked > limit:
            raise _bomb(name, f"object {stream.number} unpacks to over {limit // _MIB} MiB, {ratio} times its size")
        possible -= max(0, stream.bound - unpacked)
        measured += unpacked
        if measured > total_limit:
            raise _bomb(name, f"its streams unpack to over {total_limit // _MIB} MiB, {ratio} times their size")


def _inflates_within(document: Document, stream: Stream, limit: int) -> bool:
    """Whether a deflated stream makes no more than ``limit`` bytes: sure once the rest of it could not make more.

    False where that cannot be told. Of a stream somewhat larger than need be looked at only its beginning is unpacked.
    """
    if not stream.deflated:
        return False
    packed = document.packed(stream.number)
    inflater = zlib.decompressobj()
    made = 0
    try:
        for start in range(0, len(packed), _STEP_BYTES):
            # A byte may be under way between the steps.
            if made + (len(packed) - start + 1) * _MAX_RATIO[_DEFLATE] <= limit:
                return True
            made += len(inflater.decompress(packed[start : start + _STEP_BYTES]))
            if made > limit:
                return False
    except zlib.error:
        return False
    return made <= limit


def _bomb(name: str, finding: str) -> SecurityError:
    return SecurityError(ErrorCode.E_SECURITY_DECOMPRESSION_BOMB, f"{name}: {finding}; it is not unpacked")
