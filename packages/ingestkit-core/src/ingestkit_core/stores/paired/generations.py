"""Which artifacts in the foreign stores belong to which version of a document. Functions over the journal's connection.

A version is a generation: its artifacts are noted before they are written, and it becomes its document's in the
transaction that commits it. Artifacts of which no document's generation knows are left over, and swept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

__all__ = [
    "POINT",
    "TABLE",
    "Artifact",
    "forget",
    "forget_aside",
    "forget_left_over",
    "make",
    "note",
    "place_in_use",
    "put_aside",
    "say_place",
    "take",
    "take_all",
    "unused",
    "use_place",
]

POINT, TABLE = "point", "table"

Artifact = tuple[str, str, str]
"""What it is, the collection it is in (a table: none), and its id or name."""

_TABLES = """
CREATE TABLE IF NOT EXISTS paired_generations (
    tenant TEXT NOT NULL, uri TEXT NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (tenant, uri)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS paired_next (
    tenant TEXT NOT NULL, uri TEXT NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (tenant, uri)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS paired_artifacts (
    generation INTEGER NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (generation, kind, place, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS paired_artifacts_by_name ON paired_artifacts (kind, place, name);
"""

_IS_LEFT_OVER = "generation NOT IN (SELECT generation FROM paired_generations)"
_UNUSED = (
    f"SELECT DISTINCT a.kind, a.place, a.name FROM paired_artifacts AS a WHERE a.{_IS_LEFT_OVER} AND NOT EXISTS "
    "(SELECT 1 FROM paired_artifacts b JOIN paired_generations g ON g.generation = b.generation "
    "WHERE b.kind = a.kind AND b.place = a.place AND b.name = a.name) ORDER BY 1, 2, 3"
)


def make(connection: sqlite3.Connection) -> None:
    """Have the tables."""
    for statement in _TABLES.split(";"):
        connection.execute(statement)


def note(connection: sqlite3.Connection, artifacts: Iterable[Artifact]) -> int:
    """A new generation, with all that will be written for it."""
    (last,) = connection.execute(
        "SELECT max(g) FROM (SELECT coalesce(max(generation), 0) AS g FROM paired_generations "
        "UNION ALL SELECT coalesce(max(generation), 0) FROM paired_next "
        "UNION ALL SELECT coalesce(max(generation), 0) FROM paired_artifacts)"
    ).fetchone()
    connection.executemany(
        "INSERT OR IGNORE INTO paired_artifacts VALUES (?, ?, ?, ?)", [(last + 1, *one) for one in artifacts]
    )
    return int(last) + 1


def take(connection: sqlite3.Connection, tenant: str, uri: str, generation: int) -> None:
    """Make it the document's."""
    connection.execute("INSERT OR REPLACE INTO paired_generations VALUES (?, ?, ?)", (tenant, uri, generation))


def forget(connection: sqlite3.Connection, tenant: str, uri: str) -> None:
    """The document has none any more."""
    connection.execute("DELETE FROM paired_generations WHERE tenant = ? AND uri = ?", (tenant, uri))


def put_aside(connection: sqlite3.Connection, tenant: str, uri: str, generation: int) -> None:
    """Have it ready for ``take_all``; until then it counts as left over."""
    connection.execute("INSERT OR REPLACE INTO paired_next VALUES (?, ?, ?)", (tenant, uri, generation))


def forget_aside(connection: sqlite3.Connection) -> None:
    """Take none of those that were put aside."""
    connection.execute("DELETE FROM paired_next")


def take_all(connection: sqlite3.Connection) -> None:
    """Make every generation that was put aside its document's."""
    connection.execute("INSERT OR REPLACE INTO paired_generations SELECT * FROM paired_next")
    connection.execute("DELETE FROM paired_next")


def unused(connection: sqlite3.Connection) -> list[Artifact]:
    """What belongs to no document."""
    return connection.execute(_UNUSED).fetchall()


def forget_left_over(connection: sqlite3.Connection) -> None:
    """What belongs to no document is gone from the foreign stores, what was put aside among it."""
    connection.execute(f"DELETE FROM paired_artifacts WHERE {_IS_LEFT_OVER}")
    forget_aside(connection)


def place_in_use(connection: sqlite3.Connection, collection: str) -> str:
    """The collection that points are in: the one of that name, until another embedder's was used."""
    row = connection.execute("SELECT value FROM settings WHERE name = ?", (_setting(collection),)).fetchone()
    return collection if row is None else str(row[0])


def use_place(connection: sqlite3.Connection, collection: str, place: str) -> None:
    """Have points in another collection from now on."""
    connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (_setting(collection), place))


def say_place(connection: sqlite3.Connection, place: str) -> None:
    """Have all results say that their points are in this collection."""
    connection.execute("UPDATE sources SET result = json_set(result, '$.written.vector_collection', ?)", (place,))


def _setting(collection: str) -> str:
    return f"points of {collection}"
