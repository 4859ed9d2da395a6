"""Vectors by embedder and text, and which embedder's are searched. Functions over a connection in a transaction.

Vectors belong to texts that several documents share: they are changed last, by one transaction at a time. Those
of another embedder may lie beside those in use while they are being made; the switch is one transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.models import ChunkPayload
from ingestkit_core.stores.postgres.values import unescaped

__all__ = [
    "change_vectors",
    "embedder_in_use",
    "known_vectors",
    "make_index",
    "nearest",
    "require_embedder",
    "switch",
    "unembedded",
]

_MAX_INDEXED_DIMENSION = 2000
"""pgvector indexes no longer vectors; longer ones are compared one by one."""

_MIN_EF_SEARCH, _MAX_EF_SEARCH = 200, 1000

_MISSING = (
    "FROM chunks c WHERE NOT EXISTS (SELECT 1 FROM vectors v "
    "WHERE v.embedder = %s AND v.text_hash = c.chunk_hash AND vector_dims(v.vector) = %s)"
)
_COLLECTIONS = "SELECT substr(name, 12) FROM settings WHERE name LIKE 'collection %%'"
"""Vectors that were brought by hand stand under the name of their collection."""


def embedder_in_use(connection: psycopg.Connection) -> tuple[str, int] | None:
    """Whose vectors are searched: (identity, dimension)."""
    return _embedder(connection.execute("SELECT value FROM settings WHERE name = 'embedder'").fetchone())


def _embedder(row: tuple[Any, ...] | None) -> tuple[str, int] | None:
    if row is None:
        return None
    identity, dimension = json.loads(row[0])
    return (str(identity), int(dimension)) if identity is not None else None


def require_embedder(connection: psycopg.Connection, embedder: tuple[str, int], url: str) -> None:
    """One store, one embedder, till the end of the transaction: vectors of different models cannot be compared."""
    connection.execute("INSERT INTO settings VALUES ('embedder', '[null, 0]') ON CONFLICT DO NOTHING")
    held = "SELECT value FROM settings WHERE name = 'embedder' FOR "
    known = _embedder(connection.execute(f"{held} SHARE".encode()).fetchone())
    if known is None:
        # Of two owners who are first at once, the second waits here and then sees the other's.
        known = _embedder(connection.execute(f"{held} UPDATE".encode()).fetchone())
        if known is None:
            _use_embedder(connection, embedder)
            return
    if known != embedder:
        raise StoreError(
            ErrorCode.E_STORE_DIMENSION,
            f"{url} holds vectors of {known[0]} with {known[1]} numbers, not of {embedder[0]} with {embedder[1]}: "
            "use that embedder, or change it with ingestkit reembed",
        )


def _use_embedder(connection: psycopg.Connection, embedder: tuple[str, int] | None) -> None:
    connection.execute("UPDATE settings SET value = %s WHERE name = 'embedder'", (json.dumps(embedder or (None, 0)),))
    if embedder is not None:
        make_index(connection, *embedder)


def make_index(connection: psycopg.Connection, embedder: str, dimension: int) -> None:
    """An index of its own for the vectors of one embedder: only vectors of one size can be in one."""
    if dimension <= _MAX_INDEXED_DIMENSION:
        connection.execute(
            sql.SQL(
                "CREATE INDEX IF NOT EXISTS {} ON ingestkit.vectors USING hnsw ((vector::vector({})) vector_cosine_ops)"
                " WHERE embedder = {} AND vector_dims(vector) = {}"
            ).format(
                sql.Identifier(_index_name(embedder, dimension)),
                sql.Literal(dimension),
                sql.Literal(embedder),
                sql.Literal(dimension),
            )
        )


def _index_name(embedder: str, dimension: int) -> str:
    return f"vectors_near_{hashlib.sha256(embedder.encode()).hexdigest()[:12]}_{dimension}"


def change_vectors(
    connection: psycopg.Connection, embedder: str | None, chunks: Sequence[ChunkPayload], gone: Iterable[str]
) -> None:
    """Put in the vectors of chunks that have one, by text, and take out those of texts that no chunk has any more.

    The last thing in a transaction.
    """
    vectors = {chunk.metadata.chunk_hash: chunk.vector for chunk in chunks if chunk.vector is not None}
    gone = sorted(set(gone) - vectors.keys())
    if not vectors and not (gone and connection.execute("SELECT 1 FROM vectors LIMIT 1").fetchone()):
        return
    _hold(connection)
    connection.execute(
        "DELETE FROM vectors WHERE text_hash = ANY(%s) "
        "AND NOT EXISTS (SELECT 1 FROM chunks WHERE chunk_hash = text_hash)",
        (gone,),
    )
    if embedder is not None:
        _insert(connection, embedder, vectors)


def add_vectors(connection: psycopg.Connection, embedder: str, vectors: Mapping[str, Sequence[float]]) -> None:
    """Keep vectors by text hash."""
    _hold(connection)
    _insert(connection, embedder, vectors)


def _hold(connection: psycopg.Connection) -> None:
    # Whoever asks whether a text is still used must see what the others have just brought.
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('ingestkit vectors', 0))")


def _insert(connection: psycopg.Connection, embedder: str, vectors: Mapping[str, Sequence[float]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO vectors VALUES (%s, %s, %s::float8[]::vector) "
            "ON CONFLICT (embedder, text_hash) DO UPDATE SET vector = excluded.vector",
            [(embedder, text_hash, list(vector)) for text_hash, vector in vectors.items()],
        )


def known_vectors(
    connection: psycopg.Connection, embedder: str, text_hashes: Sequence[str]
) -> dict[str, tuple[float, ...]]:
    """Vectors that are kept, by text hash."""
    rows = connection.execute(
        "SELECT text_hash, vector::real[] FROM vectors WHERE embedder = %s AND text_hash = ANY(%s)",
        (embedder, list(text_hashes)),
        binary=True,
    )
    return {text_hash: tuple(vector) for text_hash, vector in rows}


def unembedded(connection: psycopg.Connection, embedder: tuple[str, int], limit: int) -> list[tuple[str, str]]:
    """(text hash, text) of chunks without a vector of this embedder, each text once."""
    rows = connection.execute(
        f"SELECT c.chunk_hash, min(c.text) {_MISSING} GROUP BY c.chunk_hash ORDER BY 1 LIMIT %s".encode(),
        (*embedder, limit),
    )
    return [(text_hash, unescaped(text)) for text_hash, text in rows]


def switch(connection: psycopg.Connection, embedder: tuple[str, int] | None, fingerprints: Mapping[str, str]) -> bool:
    """See DocumentStore."""
    connection.execute("INSERT INTO settings VALUES ('embedder', '[null, 0]') ON CONFLICT DO NOTHING")
    # Whoever commits with the embedder in use is waited for, and waits from here on.
    connection.execute("SELECT 1 FROM settings WHERE name = 'embedder' FOR UPDATE")
    _hold(connection)
    if embedder is not None and unembedded(connection, embedder, 1):
        return False
    identity, dimension = embedder or ("", 0)
    connection.execute(
        "DELETE FROM vectors WHERE (embedder <> %s OR vector_dims(vector) <> %s) "
        f"AND embedder NOT IN ({_COLLECTIONS})".encode(),
        (identity, dimension),
    )
    _use_embedder(connection, embedder)
    _drop_other_indexes(connection, _index_name(identity, dimension))
    for table in ("sources", "quarantine"):
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {table} SET fingerprint = %s WHERE fingerprint = %s".encode(),
                [(new, old) for old, new in fingerprints.items()],
            )
    return True


def _drop_other_indexes(connection: psycopg.Connection, kept: str) -> None:
    collections = connection.execute("SELECT substr(name, 12), value FROM settings WHERE name LIKE 'collection %'")
    needed = {kept, *(_index_name(name, int(size)) for name, size in collections)}
    indexes = connection.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'ingestkit' AND indexname LIKE 'vectors\\_near\\_%'"
    ).fetchall()
    for (name,) in indexes:
        if name not in needed:
            connection.execute(sql.SQL("DROP INDEX ingestkit.{}").format(sql.Identifier(name)))


def nearest(
    connection: psycopg.Connection, vector: Sequence[float], k: int, where: str | None, values: Sequence[Any]
) -> list[int]:
    """The rows of the chunks with the nearest vectors, best first. ``where`` filters chunks c.

    What is asked for is singled out first and compared exactly: an index that is filtered afterwards loses most
    of what it should find. Without a filter the index answers.
    """
    wanted = list(vector)
    embedders = _searched(connection, len(wanted))
    if where is None:
        ranked = [row for embedder in embedders for row in _indexed_nearest(connection, embedder, wanted, k)]
        return [row[-1] for row in sorted(ranked)[:k]]
    # One by one by their text (OFFSET keeps it so): the planner, wrong about how many there are, reads all vectors.
    rows = connection.execute(
        "WITH mine AS MATERIALIZED (SELECT c.id, c.chunk_hash, s.tenant, s.uri, c.chunk_index "
        f"FROM chunks c JOIN sources s ON s.id = c.source_id WHERE {where}) "
        "SELECT m.id FROM mine m CROSS JOIN LATERAL (SELECT v.vector <=> %s::float8[]::vector AS distance "
        "FROM vectors v WHERE v.text_hash = m.chunk_hash AND v.embedder = ANY(%s) AND vector_dims(v.vector) = %s "
        "OFFSET 0) n ORDER BY n.distance, m.tenant, m.uri, m.chunk_index LIMIT %s".encode(),
        (*values, wanted, embedders, len(wanted), k),
    )
    return [rowid for (rowid,) in rows]


def _indexed_nearest(
    connection: psycopg.Connection, embedder: str, vector: list[float], k: int
) -> list[tuple[Any, ...]]:
    size = min(max(_MIN_EF_SEARCH, 2 * k), _MAX_EF_SEARCH)
    connection.execute("SELECT set_config('hnsw.ef_search', %s, true)", (str(size),))
    return connection.execute(
        sql.SQL(
            "WITH near AS MATERIALIZED (SELECT text_hash, {column} <=> {vector}::float8[]::vector AS distance "
            "FROM vectors WHERE embedder = {embedder} AND vector_dims(vector) = {dimension} "
            "ORDER BY {column} <=> {vector}::float8[]::vector LIMIT {k}) "
            "SELECT n.distance, s.tenant, s.uri, c.chunk_index, c.id FROM near n "
            "JOIN chunks c ON c.chunk_hash = n.text_hash JOIN sources s ON s.id = c.source_id"
        ).format(
            column=sql.SQL("vector::vector({})").format(sql.Literal(len(vector))),
            vector=sql.Literal(vector),
            embedder=sql.Literal(embedder),
            dimension=sql.Literal(len(vector)),
            k=sql.Literal(k),
        )
    ).fetchall()


def _searched(connection: psycopg.Connection, dimension: int) -> list[str]:
    """The embedder in use; all with vectors of this size where chunks were brought by hand and there is none."""
    embedder = embedder_in_use(connection)
    if embedder is not None:
        return [embedder[0]] if embedder[1] == dimension else []
    rows = connection.execute(
        "SELECT substr(name, 12) FROM settings WHERE name LIKE 'collection %%' AND value = %s", (str(dimension),)
    )
    return [name for (name,) in rows]
