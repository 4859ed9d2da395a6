"""Search, catalog and status. Functions over a connection inside a snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from ingestkit_core.stores import counts
from ingestkit_core.stores.base import SearchHit, StoreStatus
from ingestkit_core.stores.postgres import schema
from ingestkit_core.stores.postgres.connections import running_on
from ingestkit_core.stores.postgres.lexical import Ranked, WordCounts, ranked_by_words
from ingestkit_core.stores.postgres.values import escaped, unescaped, unescaped_json
from ingestkit_core.stores.postgres.vectors import embedder_in_use, nearest
from ingestkit_core.stores.ranking import fuse

__all__ = ["chunks_of", "find_chunks", "make_field_index", "status"]

_SOURCE_COLUMNS = {"source_uri": "uri", "source_format": "format", "ingest_key": "ingest_key"}

_HITS = (
    "SELECT c.chunk_id, c.text, c.metadata, s.uri, s.tenant, s.run_id "
    "FROM chunks c JOIN sources s ON s.id = c.source_id"
)
_VECTOR_CANDIDATES = 4
"""Each ranking gives so many times k chunks before they are joined."""


def find_chunks(
    connection: psycopg.Connection,
    word_counts: WordCounts,
    text: str,
    k: int,
    tenant_id: str | None,
    filters: Mapping[str, str] | None,
    vector: Sequence[float] | None,
) -> list[SearchHit]:
    """The ``k`` best chunks for a text, and for a vector where one is given."""
    where, values = _filtered(tenant_id, filters)
    if vector is None:
        ranked = ranked_by_words(connection, word_counts, text, k, where, values)
    else:
        candidates = _VECTOR_CANDIDATES * k
        by_words = [rowid for rowid, _ in ranked_by_words(connection, word_counts, text, candidates, where, values)]
        everything = tenant_id is None and not filters
        near = nearest(connection, vector, candidates, None if everything else where, values)
        ranked = fuse([by_words, near])
    return _hits(connection, ranked[:k])


def _hits(connection: psycopg.Connection, ranked: Ranked) -> list[SearchHit]:
    ids = [rowid for rowid, _ in ranked]
    rows = connection.execute(f"{_HITS.replace('SELECT', 'SELECT c.id,', 1)} WHERE c.id = ANY(%s)".encode(), (ids,))
    found = {row[0]: row[1:] for row in rows}
    return [_hit(found[rowid], score) for rowid, score in ranked]


def _hit(row: Sequence[Any], score: float) -> SearchHit:
    chunk, text, metadata, uri, tenant, run_id = row
    fields = {**unescaped_json(metadata), "ingest_run_id": run_id}
    return SearchHit(score, chunk, unescaped(text), uri, tenant or None, fields)


def make_field_index(connection: psycopg.Connection, field: str) -> None:
    """Make a field of the metadata fast to filter by."""
    name = f"chunks_by_field_{hashlib.sha256(field.encode()).hexdigest()[:12]}"
    connection.execute(
        sql.SQL("CREATE INDEX IF NOT EXISTS {} ON ingestkit.chunks ((metadata::json ->> {}))").format(
            sql.Identifier(name), sql.Literal(field)
        )
    )


# Sources, tables, counts


def chunks_of(connection: psycopg.Connection, tenant: str, uri: str) -> Iterator[SearchHit]:
    """The chunks of one source in document order."""
    rows = connection.execute(
        f"{_HITS} WHERE s.tenant = %s AND s.uri = %s ORDER BY c.chunk_index".encode(), (tenant, uri)
    )
    for row in rows:
        yield _hit(row, 0.0)


def _filtered(tenant_id: str | None, filters: Mapping[str, str] | None) -> tuple[str, list[Any]]:
    """A condition on chunks c, and its values."""
    of_source: dict[str, str] = {} if tenant_id is None else {"tenant": tenant_id}
    of_chunk: dict[str, str] = {}
    for field, value in (filters or {}).items():
        if field in _SOURCE_COLUMNS:
            of_source[_SOURCE_COLUMNS[field]] = value
        else:
            of_chunk[escaped(field)] = escaped(value)
    conditions, values = ["true"], list(of_source.values())
    if of_source:
        # As an array: joined, they have the index of words searched anew for each source.
        wanted = " AND ".join(f"f.{column} = %s" for column in of_source)
        conditions.append(f"c.source_id = ANY(ARRAY(SELECT f.id FROM sources f WHERE {wanted}))")
    for field, value in of_chunk.items():
        # A text is compared with texts only, as in the embedded store.
        conditions.append(
            "(json_typeof(c.metadata::json -> %s) NOT IN ('number', 'boolean') AND c.metadata::json ->> %s = %s)"
        )
        values += [field, field, value]
    return " AND ".join(conditions), values


def status(connection: psycopg.Connection, url: str, tenant_id: str | None) -> StoreStatus:
    """Counts over the store, or over one tenant."""
    run = running_on(connection)
    return counts.status(
        run,
        tenant_id,
        url=url,
        schema_version=schema.SCHEMA_VERSION,
        size_bytes=run(_SIZE, (["ingestkit", schema.TABLES_SCHEMA, schema.PARTS_SCHEMA],)).fetchone()[0],
        embedder=embedder_in_use(connection),
        ledger_totals=lambda measure: _ledger_totals(connection, measure, tenant_id),
    )


_SIZE = (
    "SELECT coalesce(sum(pg_total_relation_size(r.oid)), 0)::bigint FROM pg_class r JOIN pg_namespace n "
    "ON n.oid = r.relnamespace WHERE n.nspname = ANY(?) AND r.relkind = 'r'"
)


def _ledger_totals(connection: psycopg.Connection, measure: str, tenant_id: str | None) -> dict[str, int]:
    """What came in, went out, was left out by reason, and is unexplained, over all documents."""
    where, values = ("", []) if tenant_id is None else ("WHERE tenant = %s", [tenant_id])
    ledgers = f"(SELECT result::json -> 'ledger' AS ledger FROM sources {where}) l WHERE ledger ->> 'measure' = %s"
    row = connection.execute(
        "SELECT sum((ledger ->> 'source')::bigint)::bigint, sum((ledger ->> 'emitted')::bigint)::bigint, "
        f"sum((ledger ->> 'unexplained')::bigint)::bigint FROM {ledgers}".encode(),
        [*values, measure],
    ).fetchone()
    assert row is not None
    source, emitted, unexplained = row
    if source is None:
        return {}
    dropped = connection.execute(
        'SELECT d.key COLLATE "C" AS key, sum(d.value::bigint)::bigint '
        f"FROM {ledgers.replace(' l WHERE', ' l CROSS JOIN json_each_text(ledger -> %s) d WHERE')} "
        "GROUP BY 1 ORDER BY 1".encode(),
        [*values, "dropped", measure],
    ).fetchall()
    return {"source": source, "emitted": emitted, **dict(dropped), "unexplained": unexplained}
