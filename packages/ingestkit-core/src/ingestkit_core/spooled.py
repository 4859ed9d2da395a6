"""Tables too large to hand over as objects: a SQLite file in the job's directory. For code that runs in either.

    reader ─► RowSpool ─► rows.db ─► SpooledRows (a path; pickles as that) ─► a store attaches the file, or iterates

Rows keep their order and their values; each has the name of its place beside it.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, overload
from urllib.parse import quote

from ingestkit_core.elements import CellRange
from ingestkit_core.spool import job_directory, no_room, spooling

__all__ = ["RowSpool", "SpooledRanges", "SpooledRows", "insert_many"]

_FETCHED_ROWS = 256
_PARAMETERS = 600


@dataclass(frozen=True, slots=True)
class SpooledRows(Sequence[tuple[Any, ...]]):
    """The rows of a table in a file: table ``rows`` with columns ``c1`` to ``c{width}`` and ``place``, by rowid.

    To be iterated; each look at a single row opens the file. It lives as long as the job's directory.
    """

    path: str
    length: int
    width: int

    @property
    def uri(self) -> str:
        """The file for SQLite, opened for reading only and without locks: nobody writes to it any more."""
        return f"file:{quote(self.path)}?mode=ro&immutable=1"

    @property
    def names(self) -> str:
        """The data columns as SQL."""
        return ", ".join(f"c{number}" for number in range(1, self.width + 1))

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._select(self.names)

    @overload
    def __getitem__(self, index: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[Any, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[Any, ...] | list[tuple[Any, ...]]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self.length)
            return list(islice(self, start, stop, step)) if step > 0 else list(self)[index]
        row = range(self.length)[index]
        return next(self._select(self.names, f"WHERE rowid = {row + 1}"))

    def _select(self, columns: str, where: str = "ORDER BY rowid") -> Iterator[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.uri, uri=True)) as connection:
            cursor = connection.execute(f"SELECT {columns} FROM rows {where}")
            while found := cursor.fetchmany(_FETCHED_ROWS):
                yield from found


@dataclass(frozen=True, slots=True)
class SpooledRanges(Sequence[CellRange]):
    """Where spooled rows stand on their sheet."""

    rows: SpooledRows
    sheet_name: str

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[CellRange]:
        return (CellRange(self.sheet_name, place) for (place,) in self.rows._select("place"))

    @overload
    def __getitem__(self, index: int) -> CellRange: ...
    @overload
    def __getitem__(self, index: slice) -> list[CellRange]: ...
    def __getitem__(self, index: int | slice) -> CellRange | list[CellRange]:
        if isinstance(index, slice):
            return list(self)[index]
        row = range(len(self))[index]
        ((place,),) = self.rows._select("place", f"WHERE rowid = {row + 1}")
        return CellRange(self.sheet_name, place)


def insert_many(connection: sqlite3.Connection, table: str, width: int, rows: Iterable[tuple[Any, ...]]) -> int:
    """Insert rows of so many values, many with one statement: a third faster than one by one. Returns how many.

    ``table`` may name the columns that are given, in parentheses.
    """
    together = max(_PARAMETERS // width, 1)
    marks = f"({', '.join('?' * width)})"
    whole = f"INSERT INTO {table} VALUES {', '.join([marks] * together)}"
    waiting = iter(rows)
    count = 0
    while some := list(islice(waiting, together)):
        statement = whole if len(some) == together else f"INSERT INTO {table} VALUES {', '.join([marks] * len(some))}"
        connection.execute(statement, list(chain.from_iterable(some)))
        count += len(some)
    return count


class RowSpool:
    """Writes the rows of one table.

    Raises ExecutionError (E_EXECUTION_RESULT_LOST) where the disk does not take them.
    """

    def __init__(self, width: int) -> None:
        with spooling():
            file, self._path = tempfile.mkstemp(".db", "rows-", job_directory())
            os.close(file)
        self._width, self._length = width, 0
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        # If it is lost, so is the job: no journal, and nothing waits for the disk.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        names = ", ".join(f"c{number}" for number in range(1, width + 1))
        with self._translated():
            self._connection.execute(f"CREATE TABLE rows ({names}, place)")
            self._connection.execute("BEGIN")

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """More rows: a value for each column, then the name of the row's place (``A7:J7``)."""
        with self._translated():
            self._length += insert_many(self._connection, "rows", self._width + 1, rows)

    def clear(self) -> None:
        """Back to no rows."""
        with self._translated():
            self._connection.execute("DELETE FROM rows")
        self._length = 0

    def finish(self) -> SpooledRows:
        """All rows, complete and closed."""
        with self._translated():
            self._connection.execute("COMMIT")
        self._connection.close()
        return SpooledRows(self._path, self._length, self._width)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise no_room(exc) from exc
