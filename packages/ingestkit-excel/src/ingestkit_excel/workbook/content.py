"""The bytes of a workbook: in memory, or of a large one in a private copy on disk.

What is hashed is what is parsed, whatever happens to the file meanwhile: so a large file is copied while it is hashed,
and read from the copy, piece by piece.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass
from typing import IO, BinaryIO

from ingestkit_core.spool import job_directory, spooling

__all__ = ["Content", "take"]

_IN_MEMORY_BYTES = 8 << 20
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that do not change. ``hash`` is their SHA-256. To be sliced, not walked through."""

    hash: str
    size: int
    _bytes: bytes
    _file: IO[bytes] | None

    @classmethod
    def of(cls, content: bytes) -> Content:
        """Bytes that are in memory."""
        return cls(hashlib.sha256(content).hexdigest(), len(content), content, None)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        if self._file is None:
            return self._bytes[part]
        start, stop, _ = part.indices(self.size)
        self._file.seek(start)
        return self._file.read(max(stop - start, 0))

    def startswith(self, head: bytes | tuple[bytes, ...]) -> bool:
        """As of bytes."""
        return self[:64].startswith(head)

    def whole(self) -> bytes:
        """All of them, in memory."""
        return self[:]

    def opened(self) -> IO[bytes]:
        """As a file, at its beginning; not to be closed."""
        if self._file is None:
            return io.BytesIO(self._bytes)
        self._file.seek(0)
        return self._file


def take(file: BinaryIO) -> Content:
    """The bytes of an open file. Raises OSError, and ExecutionError where the disk takes no copy of them."""
    size = file.seek(0, 2)
    file.seek(0)
    # Asked for more than there is, a file makes room for all that was asked for.
    head = file.read(min(size, _IN_MEMORY_BYTES) + 1)
    if len(head) <= _IN_MEMORY_BYTES:
        return Content.of(head)
    digest = hashlib.sha256()
    with spooling():
        copy = tempfile.TemporaryFile(dir=job_directory())  # noqa: SIM115  # goes with the content
    size = 0
    block = head
    while block:
        digest.update(block)
        with spooling():
            size += copy.write(block)
        block = file.read(_BLOCK_BYTES)
    with spooling():
        copy.flush()
    return Content(digest.hexdigest(), size, b"", copy)
