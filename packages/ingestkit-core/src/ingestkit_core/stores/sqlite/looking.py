"""Search, catalog and status. Functions over a connection inside a snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingestkit_core.stores import counts
from ingestkit_core.stores.base import SearchHit, StoreStatus
from ingestkit_core.stores.fulltext import match_queries
from ingestkit_core.stores.ranking import fuse
from ingestkit_core.stores.records import search_hit
from ingestkit_core.stores.sqlite import schema
from ingestkit_core.stores.sqlite.nearness import Chosen, Nearness
from ingestkit_core.stores.sqlite.vectors import embedder_in_use
from ingestkit_core.stores.statements import of_tenant

_FILTER_COLUMNS = {"source_uri": "s.uri", "source_format": "s.format", "ingest_key": "s.ingest_key"}
_OF_ONE_SOURCE = frozenset({"source_uri", "ingest_key"})

_HITS = (
    "SELECT c.chunk_id, c.text, c.metadata, s.uri, s.tenant, s.run_id "
    "FROM chunks c JOIN sources s ON s.id = c.source_id"
)
_VECTOR_CANDIDATES = 4
"""Each ranking gives so many times k chunks before they are joined."""


def find_chunks(
    connection: sqlite3.Connection,
    nearness: Nearness,
    text: str,
    k: int,
    tenant_id: str | None,
    filters: Mapping[str, str] | None,
    vector: Sequence[float] | None,
) -> list[SearchHit]:
    """The ``k`` best chunks for a text, and for a vector where one is given."""
    chosen = _filtered(tenant_id, filters)
    if vector is None:
        ranked = _lexical(connection, text, k, chosen)
    else:
        candidates = _VECTOR_CANDIDATES * k
        by_words = [rowid for rowid, _ in _lexical(connection, text, candidates, chosen)]
        ranked = fuse([by_words, nearness.nearest(connection, vector, candidates, chosen)])
    return [_hit(connection, rowid, score) for rowid, score in ranked[:k]]


def chunks_of(connection: sqlite3.Connection, tenant: str, uri: str) -> Iterator[SearchHit]:
    """The chunks of one source in document order."""
    for row in connection.execute(f"{_HITS} WHERE s.tenant = ? AND s.uri = ? ORDER BY c.chunk_index", (tenant, uri)):
        yield search_hit(row, 0.0)


def _lexical(connection: sqlite3.Connection, text: str, k: int, chosen: Chosen) -> list[tuple[int, float]]:
    """(row, score), best first: chunks with all words, filled up with chunks that have some."""
    queries = match_queries(text)
    if queries is None:
        return []
    first, last = _span(connection, chosen) if chosen.of_one else _ALL_ROWS
    found: dict[int, float] = {}
    for query in dict.fromkeys(queries):
        if len(found) >= k:
            break
        rows = [
            row
            for table in ("search_english", "search_other")
            for row in connection.execute(
                f"SELECT c.id, bm25({table}, 1.0, 0.5) AS rank, s.tenant, s.uri, c.chunk_index "
                f"FROM {table} JOIN chunks c ON c.id = {table}.rowid JOIN sources s ON s.id = c.source_id "
                f"WHERE {table} MATCH ? AND {table}.rowid BETWEEN ? AND ? AND {chosen.where} "
                "ORDER BY rank, s.tenant, s.uri, c.chunk_index LIMIT ?",
                (query, first, last, *chosen.values, k),
            )
        ]
        # Ties are broken by place, never by arrival.
        for row in sorted(rows, key=lambda row: row[1:]):
            found.setdefault(row[0], -row[1])
    return list(found.items())[:k]


_ALL_ROWS = (0, (1 << 63) - 1)


def _span(connection: sqlite3.Connection, chosen: Chosen) -> tuple[int, int]:
    """The first and the last row of the chosen chunks: those of one source lie together, and the index can skip."""
    first, last = connection.execute(
        f"SELECT min(c.id), max(c.id) FROM sources s CROSS JOIN chunks c ON c.source_id = s.id WHERE {chosen.where}",
        chosen.values,
    ).fetchone()
    return (first, last) if first is not None else (0, -1)


def _hit(connection: sqlite3.Connection, rowid: int, score: float) -> SearchHit:
    row = connection.execute(f"{_HITS} WHERE c.id = ?", (rowid,)).fetchone()
    return search_hit(row, score)


def status(connection: sqlite3.Connection, path: Path, tenant_id: str | None) -> StoreStatus:
    """Counts over the store, or over one tenant."""
    where, values = of_tenant(tenant_id)
    return counts.status(
        connection.execute,
        tenant_id,
        url=f"sqlite:///{path}",
        schema_version=schema.SCHEMA_VERSION,
        size_bytes=path.stat().st_size,
        embedder=embedder_in_use(connection),
        ledger_totals=lambda measure: _ledger_totals(connection, measure, where, values),
    )


def _filtered(tenant_id: str | None, filters: Mapping[str, str] | None) -> Chosen:
    conditions: list[str] = []
    values: list[Any] = []
    if tenant_id is not None:
        conditions.append("s.tenant = ?")
        values.append(tenant_id)
    for field, value in (filters or {}).items():
        if field in _FILTER_COLUMNS:
            conditions.append(f"{_FILTER_COLUMNS[field]} = ?")
            values.append(value)
        else:
            conditions.append("json_extract(c.metadata, ?) = ?")
            values += [f'$."{field}"', value]
    by_source = all(field in _FILTER_COLUMNS for field in filters or {})
    of_one = not _OF_ONE_SOURCE.isdisjoint(filters or {})
    return Chosen(" AND ".join(conditions) or "1", tuple(values), by_source, of_one)


def _ledger_totals(connection: sqlite3.Connection, measure: str, where: str, values: Sequence[Any]) -> dict[str, int]:
    """What came in, went out, was left out by reason, and is unexplained, over all documents."""
    condition = f"{where + ' AND' if where else 'WHERE'} json_extract(result, '$.ledger.measure') = ?"
    source, emitted, unexplained = connection.execute(
        "SELECT sum(json_extract(result, '$.ledger.source')), sum(json_extract(result, '$.ledger.emitted')), "
        f"sum(json_extract(result, '$.ledger.unexplained')) FROM sources {condition}",
        [*values, measure],
    ).fetchone()
    if source is None:
        return {}
    dropped = connection.execute(
        "SELECT d.key, sum(d.value) FROM sources, json_each(result, '$.ledger.dropped') d "
        f"{condition} GROUP BY d.key ORDER BY d.key",
        [*values, measure],
    ).fetchall()
    return {"source": source, "emitted": emitted, **dict(dropped), "unexplained": unexplained}
