"""The journal of a queue on PostgreSQL: two tables beside the documents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from ingestkit_core.stores.postgres.connections import Server, running_on
from ingestkit_core.stores.postgres.values import escaped
from ingestkit_core.stores.sqljobs import SqlJobs
from ingestkit_core.stores.statements import Run

__all__ = ["PostgresJobs"]


class PostgresJobs(SqlJobs):
    """See JobJournal."""

    to_change: ClassVar[str] = "FOR UPDATE"
    not_yet_taken: ClassVar[str] = "FOR UPDATE SKIP LOCKED"

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def exists(self) -> bool:
        """See SqlJobs."""
        return self._server.has_schema

    @contextmanager
    def _writing(self) -> Iterator[Run]:
        with self._server.writing() as connection:
            yield running_on(connection)

    @contextmanager
    def _looking(self) -> Iterator[Run]:
        with self._server.outside() as connection:
            yield running_on(connection)

    def _kept(self, text: str) -> str:
        return escaped(text)
