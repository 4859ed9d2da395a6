"""How SQL is run where the same statements serve the embedded store and PostgreSQL: values are marked ``?``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

__all__ = ["Answer", "Run", "of_tenant", "with_marks"]

_VALUES_AT_ONCE = 500


class Answer(Protocol):
    """What a statement gave, as every cursor of Python's databases tells it."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """The rows."""


class Run(Protocol):
    """Runs a statement."""

    def __call__(self, sql: str, values: Sequence[Any], /) -> Answer:
        """What it gave."""


def with_marks(values: Sequence[str]) -> Iterator[tuple[Sequence[str], str]]:
    """So many values as one statement takes, and a mark for each, to stand behind ``IN``."""
    for start in range(0, len(values), _VALUES_AT_ONCE):
        some = values[start : start + _VALUES_AT_ONCE]
        yield some, f"({', '.join('?' * len(some))})"


def of_tenant(tenant_id: str | None) -> tuple[str, list[str]]:
    """A WHERE clause for one tenant, or none."""
    return ("", []) if tenant_id is None else ("WHERE tenant = ?", [tenant_id])
