"""The journal of a queue in the embedded store: two tables of its file, written without the lease.

The process that owns the store is the one that runs the jobs; those who submit and ask are others. Each
operation is one short transaction, so they take turns with the documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ingestkit_core.stores.sqlite.file import StoreFile
from ingestkit_core.stores.sqljobs import SqlJobs
from ingestkit_core.stores.statements import Run

__all__ = ["SqliteJobs"]


class SqliteJobs(SqlJobs):
    """See JobJournal."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    @property
    def exists(self) -> bool:
        """See SqlJobs."""
        return self._file.exists

    @contextmanager
    def _writing(self) -> Iterator[Run]:
        with self._file.noting() as connection:
            yield connection.execute

    @contextmanager
    def _looking(self) -> Iterator[Run]:
        with self._file.reading() as connection:
            yield connection.execute
