"""The messages between owner and worker: small frames over a stream socket, in either process.

    ┌────────────┬──────┬───────┬────────────┬──────────┐
    │ length u32 │ kind │ flags │ number u64 │ body ... │
    └────────────┴──────┴───────┴────────────┴──────────┘

Large things never travel here: they are spooled to the job's directory and only a flag says so. So a frame is
written in one piece, and the owner, who never blocks on a read, cannot be held up by half a message.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = [
    "FAILED",
    "HELLO",
    "JOB",
    "MAX_FRAME_BYTES",
    "NOTE",
    "RESULT",
    "SPOOLED",
    "WITH_FILES",
    "Frame",
    "FrameError",
    "FrameReader",
    "frame",
]

HELLO, JOB, RESULT, FAILED, NOTE = range(1, 6)
SPOOLED = 1
"""Flag: the body is a file in the job's directory."""
WITH_FILES = 2
"""Flag: the job left files of its own in its directory."""

MAX_FRAME_BYTES = 64 * 1024
_HEADER = struct.Struct("<IBBQ")


class Frame(NamedTuple):
    """One message. ``number`` is the job's, or the worker's serial in a HELLO."""

    kind: int
    flags: int
    number: int
    body: bytes


class FrameError(Exception):
    """The other side sent something that is no frame."""


def frame(kind: int, number: int, body: bytes = b"", flags: int = 0) -> bytes:
    """The bytes of one message."""
    return _HEADER.pack(len(body), kind, flags, number) + body


class FrameReader:
    """Cuts a stream of bytes into frames, keeping what is incomplete."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by these bytes. Raises FrameError for a length no frame can have."""
        if self._rest:
            data = self._rest + data
        frames = []
        begin, size = 0, _HEADER.size
        while len(data) - begin >= size:
            length, kind, flags, number = _HEADER.unpack_from(data, begin)
            if length > MAX_FRAME_BYTES:
                raise FrameError(f"a frame of {length} bytes")
            end = begin + size + length
            if end > len(data):
                break
            frames.append(Frame(kind, flags, number, data[begin + size : end]))
            begin = end
        self._rest = data[begin:]
        return frames
