"""Search, catalog and status. Functions over a connection inside a snapshot."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from ingestkit_core.stores import counts
from ingestkit_core.stores.base import SearchHit, StoreStatus
from ingestkit_core.stores.postgres import schema
from ingestkit_core.stores.postgres.connections import running_on
from ingestkit_core.stores.postgres.values import escaped, unescaped, unescaped_json
from ingestkit_core.stores.postgres.vectors import embedder_in_use, nearest
from ingestkit_core.stores.postgres.words import Phrase, query_phrases
from ingestkit_core.stores.ranking import fuse

__all__ = ["chunks_of", "find_chunks", "make_field_index", "status"]

_FILTER_COLUMNS = {"source_uri": "s.uri", "source_format": "s.format", "ingest_key": "s.ingest_key"}

_HITS = (
    "SELECT c.chunk_id, c.text, c.metadata, s.uri, s.tenant, s.run_id "
    "FROM chunks c JOIN sources s ON s.id = c.source_id"
)
_VECTOR_CANDIDATES = 4
"""Each ranking gives so many times k chunks before they are joined."""

_SATURATION, _LENGTH_SHARE = 1.2, 0.75
_CONTEXT_WEIGHT = 0.5
"""BM25 as the embedded store's index computes it: k1 and b, and a word in a heading counts half."""

_LEAST_WEIGHT = 1e-6

Ranked = list[tuple[int, float]]


def find_chunks(
    connection: psycopg.Connection,
    text: str,
    k: int,
    tenant_id: str | None,
    filters: Mapping[str, str] | None,
    vector: Sequence[float] | None,
) -> list[SearchHit]:
    """The ``k`` best chunks for a text, and for a vector where one is given."""
    where, values = _filtered(tenant_id, filters)
    if vector is None:
        ranked = _lexical(connection, text, k, where, values)
    else:
        candidates = _VECTOR_CANDIDATES * k
        by_words = [rowid for rowid, _ in _lexical(connection, text, candidates, where, values)]
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


# Words


def _lexical(connection: psycopg.Connection, text: str, k: int, where: str, values: Sequence[Any]) -> Ranked:
    """(row, score), best first: chunks with all words, filled up with chunks that have some."""
    found: dict[int, float] = {}
    for all_words in (True, False):
        if len(found) >= k:
            break
        rows = [
            row
            for english in (True, False)
            for row in _matching(connection, query_phrases(text, english=english), all_words, english, k, where, values)
        ]
        # Ties are broken by place, never by arrival.
        for rowid, score, *_ in sorted(rows, key=lambda row: (-row[1], *row[2:])):
            found.setdefault(rowid, score)
    return list(found.items())[:k]


def _matching(
    connection: psycopg.Connection,
    phrases: Sequence[Phrase | None],
    all_words: bool,
    english: bool,
    k: int,
    where: str,
    values: Sequence[Any],
) -> list[tuple[Any, ...]]:
    """The best (row, score, tenant, URI, index) of one language's index."""
    known = [phrase for phrase in phrases if phrase is not None]
    if not known or (all_words and len(known) < len(phrases)):
        return []
    index = "c.is_english" if english else "NOT c.is_english"
    weights = _weights(connection, known, index)
    if weights is None:
        return []
    tsquery = (" & " if all_words else " | ").join(phrase.query for phrase in known)
    times, tokens = _times(known)
    return connection.execute(
        "WITH hits AS MATERIALIZED ("
        "SELECT c.id, c.tokens, c.words, s.tenant, s.uri, c.chunk_index FROM chunks c "
        f"JOIN sources s ON s.id = c.source_id WHERE {index} AND c.words @@ %s::tsquery AND {where}) "
        f"SELECT h.id, {_score(known, weights)} AS score, h.tenant, h.uri, h.chunk_index "
        f"FROM hits h CROSS JOIN LATERAL (SELECT {times} FROM ("
        "SELECT lexeme, cardinality(array_positions(weights, 'A'))::float8 "
        f"+ {_CONTEXT_WEIGHT} * cardinality(array_positions(weights, 'B')) AS times "
        "FROM unnest(h.words) WHERE lexeme = ANY(%s::text[]) OR lexeme ^@ ANY(%s::text[])) w) f "
        "ORDER BY score DESC, h.tenant, h.uri, h.chunk_index LIMIT %s".encode(),
        (
            tsquery,
            *values,
            *tokens,
            [token for phrase in known for token in phrase.tokens],
            [phrase.tokens[-1] for phrase in known if phrase.is_prefix],
            k,
        ),
    ).fetchall()


@dataclass(frozen=True, slots=True)
class _Weights:
    """What a phrase weighs (inverse document frequency), in order, and how many tokens a chunk has on average."""

    phrases: tuple[float, ...]
    average_tokens: float


def _weights(connection: psycopg.Connection, phrases: Sequence[Phrase], index: str) -> _Weights | None:
    """Over all chunks of one language's index, whoever's they are; None where no phrase is found."""
    counts = ", ".join([f"(SELECT count(*) FROM chunks c WHERE {index} AND c.words @@ %s::tsquery)"] * len(phrases))
    row = connection.execute(
        f"SELECT t.*, {counts} FROM (SELECT count(*), sum(tokens) FROM chunks c WHERE {index}) t".encode(),
        [phrase.query for phrase in phrases],
    ).fetchone()
    assert row is not None
    chunks, tokens, *holding = row
    if not any(holding):
        return None
    # A word in more than half of all chunks would weigh less than nothing.
    weights = (math.log((chunks - number + 0.5) / (number + 0.5)) for number in holding)
    return _Weights(tuple(weight if weight > 0 else _LEAST_WEIGHT for weight in weights), tokens / chunks)


def _times(phrases: Sequence[Phrase]) -> tuple[str, list[str]]:
    """How often each token stands in a chunk, as columns t0, t1, ...; and the tokens."""
    columns: list[str] = []
    tokens: list[str] = []
    for phrase in phrases:
        for position, token in enumerate(phrase.tokens, 1):
            operator = "^@" if phrase.is_prefix and position == len(phrase.tokens) else "="
            columns.append(f"coalesce(sum(times) FILTER (WHERE lexeme {operator} %s), 0) AS t{len(tokens)}")
            tokens.append(token)
    return ", ".join(columns), tokens


def _score(phrases: Sequence[Phrase], weights: _Weights) -> str:
    """BM25 over the columns of ``_times``; a phrase stands as often as its rarest token at most."""
    terms, first = [], 0
    length = f"{_SATURATION} * ({1 - _LENGTH_SHARE} + {_LENGTH_SHARE} * h.tokens / {weights.average_tokens!r}::float8)"
    for phrase, weight in zip(phrases, weights.phrases, strict=True):
        columns = [f"f.t{number}" for number in range(first, first + len(phrase.tokens))]
        first += len(columns)
        times = columns[0] if len(columns) == 1 else f"least({', '.join(columns)})"
        terms.append(f"{weight!r}::float8 * {times} * {_SATURATION + 1} / ({times} + {length})")
    return " + ".join(terms)


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
    conditions: list[str] = ["true"]
    values: list[Any] = []
    if tenant_id is not None:
        conditions.append("s.tenant = %s")
        values.append(tenant_id)
    for field, value in (filters or {}).items():
        if field in _FILTER_COLUMNS:
            conditions.append(f"{_FILTER_COLUMNS[field]} = %s")
            values.append(value)
        else:
            # A text is compared with texts only, as in the embedded store.
            conditions.append(
                "(json_typeof(c.metadata::json -> %s) NOT IN ('number', 'boolean') AND c.metadata::json ->> %s = %s)"
            )
            values += [escaped(field), escaped(field), escaped(value)]
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
