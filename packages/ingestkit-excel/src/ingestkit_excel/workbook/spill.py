"""Values of a large sheet in a file instead of memory: column by column, block by block, read again when asked for.

The file has no name and lives in the job's directory: whatever becomes of the job, nothing stays.
"""

from __future__ import annotations

import marshal
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import IO, overload

from ingestkit_core.spool import job_directory, spooling

__all__ = ["Spill", "SpilledColumn"]

_REMEMBERED_VALUES = 200_000
"""Of single looks: those of one block and some more."""


class Spill:
    """Takes values and gives them back. Not for several threads at once."""

    def __init__(self) -> None:
        with spooling():
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=job_directory())  # noqa: SIM115  # closed with the last column
        self.bytes = 0
        self._remembered: OrderedDict[int, Sequence[str | None]] = OrderedDict()
        self._count = 0

    def put(self, values: Sequence[str | None]) -> SpilledColumn:
        """Write values down. Raises ExecutionError (E_EXECUTION_RESULT_LOST) where the disk does not take them."""
        content = marshal.dumps(values if isinstance(values, list | tuple) else list(values))
        with spooling():
            self._file.seek(self.bytes)
            self._file.write(content)
            self._file.flush()
        column = SpilledColumn(self, self.bytes, len(content), len(values))
        self.bytes += len(content)
        return column

    def load(self, column: SpilledColumn) -> Sequence[str | None]:
        """Read values again."""
        self._file.seek(column.offset)
        values: Sequence[str | None] = marshal.loads(self._file.read(column.size))
        return values

    def look(self, column: SpilledColumn) -> Sequence[str | None]:
        """The same, remembered for a while: for those who look at single cells."""
        values = self._remembered.get(column.offset)
        if values is None:
            values = self._remembered[column.offset] = self.load(column)
            self._count += len(values)
            while self._count > _REMEMBERED_VALUES and len(self._remembered) > 1:
                self._count -= len(self._remembered.popitem(last=False)[1])
        return values


class SpilledColumn(Sequence[str | None]):
    """A column of a band that is not in memory."""

    __slots__ = ("_count", "_spill", "offset", "size")

    def __init__(self, spill: Spill, offset: int, size: int, count: int) -> None:
        self._spill, self.offset, self.size, self._count = spill, offset, size, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str | None]:
        return iter(self._spill.load(self))

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str | None]: ...
    def __getitem__(self, index: int | slice) -> Sequence[str | None] | str | None:
        if isinstance(index, slice):
            values = self._spill.load(self)
            return values if index.indices(self._count) == (0, self._count, 1) else values[index]
        return self._spill.look(self)[index]
