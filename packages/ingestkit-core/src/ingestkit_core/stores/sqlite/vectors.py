"""Vectors by embedder and text, and which embedder's are searched. Functions over a connection.

Vectors of another embedder may lie beside those in use while they are being made; the switch is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ingestkit_core.models import ChunkPayload

_NUMBER_BYTES = 4

_MISSING = (
    "FROM chunks c WHERE NOT EXISTS (SELECT 1 FROM vectors v "
    "WHERE v.embedder = ? AND v.text_hash = c.chunk_hash AND length(v.vector) = ?)"
)

_COLLECTIONS = "SELECT substr(name, 12) FROM settings WHERE name LIKE 'collection %'"
"""Vectors that were brought by hand stand under the name of their collection."""


def embedder_in_use(connection: sqlite3.Connection) -> tuple[str, int] | None:
    """Whose vectors are searched: (identity, dimension)."""
    row = connection.execute("SELECT value FROM settings WHERE name = 'embedder'").fetchone()
    if row is None:
        return None
    identity, dimension = json.loads(row[0])
    return str(identity), int(dimension)


def use_embedder(connection: sqlite3.Connection, embedder: tuple[str, int] | None) -> None:
    """Have this embedder's vectors searched."""
    connection.execute("DELETE FROM settings WHERE name = 'embedder'")
    if embedder is not None:
        connection.execute("INSERT INTO settings VALUES ('embedder', ?)", (json.dumps(embedder),))


def known_vectors(
    connection: sqlite3.Connection, embedder: str, text_hashes: Sequence[str]
) -> dict[str, tuple[float, ...]]:
    """Vectors that are kept, by text hash."""
    known: dict[str, tuple[float, ...]] = {}
    for text_hash in text_hashes:
        row = connection.execute(
            "SELECT vector FROM vectors WHERE embedder = ? AND text_hash = ?", (embedder, text_hash)
        ).fetchone()
        if row is not None:
            known[text_hash] = _unpacked(row[0])
    return known


def by_text(chunks: Iterable[ChunkPayload]) -> list[tuple[str, Sequence[float]]]:
    """The vectors of chunks that have one, with their text hashes."""
    return [(chunk.metadata.chunk_hash, chunk.vector) for chunk in chunks if chunk.vector is not None]


def insert_vectors(
    connection: sqlite3.Connection, embedder: str, vectors: Iterable[tuple[str, Sequence[float]]]
) -> None:
    """Vectors with their text hashes: equal texts share one."""
    connection.executemany(
        "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
        [(embedder, text_hash, array("f", vector).tobytes()) for text_hash, vector in vectors],
    )


def searched_vectors(
    connection: sqlite3.Connection, dimension: int, where: str, values: Sequence[Any]
) -> Iterator[tuple[int, bytes]]:
    """(chunk row, vector) of chunks c of sources s, of the vectors that searches use."""
    of_embedder, mine = _searched(connection, dimension)
    return connection.execute(
        "SELECT c.id, v.vector FROM chunks c JOIN sources s ON s.id = c.source_id "
        f"JOIN vectors v ON v.text_hash = c.chunk_hash WHERE {of_embedder} AND {where}",
        (*mine, *values),
    )


def vectors_of_texts(connection: sqlite3.Connection, dimension: int) -> Iterator[tuple[str, bytes]]:
    """(text hash, vector) of the vectors that searches use."""
    where, values = _searched(connection, dimension)
    # Row after row as they lie; the index would lead from page to page and back.
    return connection.execute(f"SELECT text_hash, vector FROM vectors v NOT INDEXED WHERE {where}", values)


def _searched(connection: sqlite3.Connection, dimension: int) -> tuple[str, list[Any]]:
    """Those of the embedder in use; of any where chunks were brought by hand and there is none."""
    embedder = embedder_in_use(connection)
    size = dimension * _NUMBER_BYTES
    if embedder is None:
        return "length(v.vector) = ?", [size]
    return "v.embedder = ? AND length(v.vector) = ?", [embedder[0], size]


def unembedded(connection: sqlite3.Connection, embedder: tuple[str, int], limit: int) -> list[tuple[str, str]]:
    """(text hash, text) of chunks without a vector of this embedder, each text once."""
    identity, dimension = embedder
    rows = connection.execute(
        f"SELECT c.chunk_hash, min(c.text) {_MISSING} GROUP BY c.chunk_hash LIMIT ?",
        (identity, dimension * _NUMBER_BYTES, limit),
    )
    return list(rows)


def switch(connection: sqlite3.Connection, embedder: tuple[str, int] | None, fingerprints: Mapping[str, str]) -> bool:
    """See DocumentStore."""
    if embedder is not None and unembedded(connection, embedder, 1):
        return False
    identity, dimension = embedder or ("", 0)
    connection.execute(
        f"DELETE FROM vectors WHERE (embedder <> ? OR length(vector) <> ?) AND embedder NOT IN ({_COLLECTIONS})",
        (identity, dimension * _NUMBER_BYTES),
    )
    use_embedder(connection, embedder)
    changes = [(new, old) for old, new in fingerprints.items()]
    for table in ("sources", "quarantine"):
        connection.executemany(f"UPDATE {table} SET fingerprint = ? WHERE fingerprint = ?", changes)
    return True


def _unpacked(blob: bytes) -> tuple[float, ...]:
    numbers = array("f")
    numbers.frombytes(blob)
    return tuple(numbers)
