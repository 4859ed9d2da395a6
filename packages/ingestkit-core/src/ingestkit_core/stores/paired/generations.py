"""Which artifacts in the foreign stores belong to which version of a document. Functions over the journal's connection.

A version is a generation: its artifacts are noted before they are written, and it becomes its document's in the
transaction that commits it. Every other generation is left over: one that was replaced, or never committed. What only
those have is swept, and what one that was never committed has overwritten is written again.
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
    "overwritten",
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
CREATE INDEX IF NOT EXISTS paired_generations_by_number ON paired_generations (generation);
"""

# What belongs to no document is listed: to look for it among all artifacts would cost the more the more there are.
_LEFT_OVER = """
CREATE TABLE paired_left_over (generation INTEGER PRIMARY KEY);
INSERT INTO paired_left_over SELECT DISTINCT generation FROM paired_artifacts
    WHERE generation NOT IN (SELECT generation FROM paired_generations);
"""

_LEFT_OVER_ARTIFACTS = "paired_left_over l CROSS JOIN paired_artifacts a ON a.generation = l.generation"
_NAMESAKES = (
    "paired_artifacts b CROSS JOIN paired_generations g ON g.generation = b.generation "
    "{} b.kind = a.kind AND b.place = a.place AND b.name = a.name"
)
"""CROSS JOIN keeps SQLite to this order: from the few that are left over by index to the others."""

_UNUSED = (
    f"SELECT DISTINCT a.kind, a.place, a.name FROM {_LEFT_OVER_ARTIFACTS} "
    f"WHERE NOT EXISTS (SELECT 1 FROM {_NAMESAKES.format('WHERE')}) ORDER BY 1, 2, 3"
)
_OVERWRITTEN = (
    f"SELECT DISTINCT g.tenant, g.uri FROM {_LEFT_OVER_ARTIFACTS} CROSS JOIN {_NAMESAKES.format('AND')} "
    f"WHERE a.kind = '{POINT}' AND a.generation > g.generation"
)


def make(connection: sqlite3.Connection) -> None:
    """Have the tables."""
    _run_all(connection, _TABLES)
    if not connection.execute("PRAGMA table_info(paired_left_over)").fetchone():
        _run_all(connection, _LEFT_OVER)


def _run_all(connection: sqlite3.Connection, script: str) -> None:
    for statement in script.split(";"):
        connection.execute(statement)


def note(connection: sqlite3.Connection, artifacts: Iterable[Artifact]) -> int:
    """A new generation, with all that will be written for it. It is left over until it is taken."""
    (last,) = connection.execute(
        "SELECT max((SELECT coalesce(max(generation), 0) FROM paired_generations), "
        "(SELECT coalesce(max(generation), 0) FROM paired_left_over))"
    ).fetchone()
    connection.execute("INSERT INTO paired_left_over VALUES (?)", (last + 1,))
    connection.executemany(
        "INSERT OR IGNORE INTO paired_artifacts VALUES (?, ?, ?, ?)", [(last + 1, *one) for one in artifacts]
    )
    return int(last) + 1


def take(connection: sqlite3.Connection, tenant: str, uri: str, generation: int) -> None:
    """Make it the document's."""
    forget(connection, tenant, uri)
    connection.execute("INSERT INTO paired_generations VALUES (?, ?, ?)", (tenant, uri, generation))
    connection.execute("DELETE FROM paired_left_over WHERE generation = ?", (generation,))


def forget(connection: sqlite3.Connection, tenant: str, uri: str) -> None:
    """The document has none any more."""
    where = "FROM paired_generations WHERE tenant = ? AND uri = ?"
    connection.execute(f"INSERT INTO paired_left_over SELECT generation {where}", (tenant, uri))
    connection.execute(f"DELETE {where}", (tenant, uri))


def put_aside(connection: sqlite3.Connection, tenant: str, uri: str, generation: int) -> None:
    """Have it ready for ``take_all``; until then it counts as left over."""
    connection.execute("INSERT OR REPLACE INTO paired_next VALUES (?, ?, ?)", (tenant, uri, generation))


def forget_aside(connection: sqlite3.Connection) -> None:
    """Take none of those that were put aside."""
    connection.execute("DELETE FROM paired_next")


def take_all(connection: sqlite3.Connection) -> None:
    """Make every generation that was put aside its document's."""
    for tenant, uri, generation in connection.execute("SELECT tenant, uri, generation FROM paired_next").fetchall():
        take(connection, tenant, uri, generation)
    forget_aside(connection)


def unused(connection: sqlite3.Connection) -> list[Artifact]:
    """What belongs to no document."""
    return connection.execute(_UNUSED).fetchall()


def overwritten(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """(tenant, URI) of documents with points that a later version, never committed, has too.

    The same chunk of the same bytes has the same id, also where other settings give it other metadata.
    """
    return connection.execute(_OVERWRITTEN).fetchall()


def forget_left_over(connection: sqlite3.Connection) -> None:
    """What belongs to no document is gone from the foreign stores, what was put aside among it."""
    connection.execute("DELETE FROM paired_artifacts WHERE generation IN (SELECT generation FROM paired_left_over)")
    connection.execute("DELETE FROM paired_left_over")
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
