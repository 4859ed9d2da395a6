"""Chunks ranked by words: BM25 as the embedded store's index computes it. Functions over a connection in a snapshot.

PostgreSQL has the index and no BM25. What a phrase weighs depends on how many chunks hold it, and to count those of a
common word takes longer than all the rest: so counts are kept while nothing is committed, and no chunk is ranked that
holds nothing but words too common to bring it among the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

import psycopg

from ingestkit_core.stores.postgres.words import Phrase, query_phrases

__all__ = ["Ranked", "WordCounts", "ranked_by_words"]

_SATURATION, _LENGTH_SHARE = 1.2, 0.75
_CONTEXT_WEIGHT = 0.5
"""k1 and b, and a word in a heading counts half."""

_MOST_PER_WEIGHT = _SATURATION + 1
"""A phrase adds less than so many times its weight to a chunk's score, however often it stands there."""

_LEAST_WEIGHT = 1e-6
_LIGHT_SHARE = 0.5
"""Phrases count as light together if all they can add is at most this share of the heaviest one's weight."""

_MAX_KNOWN_COUNTS = 10_000

_MAX_POSITIONS = 255
"""PostgreSQL keeps no more of a word's places in a text."""

_SQUARES = list(accumulate((1 / number**2 for number in range(1, _MAX_POSITIONS + 1)), initial=0.0))
_RANK_STEPS = f"{{{', '.join(repr((one + next_) / 2 * 6 / math.pi**2) for one, next_ in pairwise(_SQUARES))}}}"
"""Between the ranks of a word that stands somewhere n - 1 and n times: ts_rank gives it the sum of 1/i² up to n times
6/π². To look for a rank among them counts the places; to list all words of a chunk takes twenty times as long.
"""

_PLACES = "width_bucket(ts_rank('{{0,0,{in_context},1}}', c.words, %s::tsquery)::float8, %s::float8[])"
_IN_TEXT, _ANYWHERE = _PLACES.format(in_context=0), _PLACES.format(in_context=1)
_TIMES = f"({1 - _CONTEXT_WEIGHT} * {_IN_TEXT} + {_CONTEXT_WEIGHT} * {_ANYWHERE})::float8"
_TIMES_OF_PREFIX = (
    "(SELECT coalesce(sum(cardinality(array_positions(weights, 'A'))::float8 "
    f"+ {_CONTEXT_WEIGHT} * cardinality(array_positions(weights, 'B'))), 0) "
    "FROM unnest(c.words) WHERE lexeme ^@ %s)"
)

Ranked = list[tuple[int, float]]
"""(row, score), best first."""


def ranked_by_words(
    connection: psycopg.Connection, counts: WordCounts, text: str, k: int, where: str, values: Sequence[Any]
) -> Ranked:
    """Chunks with all words, filled up with chunks that have some. ``where`` filters chunks c."""
    found: dict[int, float] = {}
    for all_words in (True, False):
        if len(found) >= k:
            break
        rows: list[tuple[Any, ...]] = []
        for english in (True, False):
            query = _query(connection, counts, text, all_words=all_words, english=english)
            if query is not None:
                rows += _best(connection, query, k, where, values)
        # Ties are broken by place, never by arrival.
        for rowid, score, *_ in sorted(rows, key=lambda row: (-row[1], *row[2:])):
            found.setdefault(rowid, score)
    return list(found.items())[:k]


@dataclass(frozen=True, slots=True)
class _Query:
    """Phrases in one language's index with their weights, and how many tokens a chunk has on average there."""

    index: str
    phrases: tuple[Phrase, ...]
    weights: tuple[float, ...]
    average_tokens: float
    all_words: bool

    @property
    def deciding(self) -> tuple[Phrase, ...]:
        """The phrases that weigh something beside the heaviest one: what brings a chunk among the best."""
        light, room = set(), _LIGHT_SHARE * max(self.weights)
        for weight, number in sorted((weight, number) for number, weight in enumerate(self.weights)):
            room -= _MOST_PER_WEIGHT * weight
            if room < 0:
                break
            light.add(number)
        return tuple(phrase for number, phrase in enumerate(self.phrases) if number not in light)

    def most_without(self, phrases: Sequence[Phrase]) -> float:
        """No chunk without any of these has a score as high as this."""
        others = (weight for phrase, weight in zip(self.phrases, self.weights, strict=True) if phrase not in phrases)
        return _MOST_PER_WEIGHT * sum(others)


def _query(
    connection: psycopg.Connection, counts: WordCounts, text: str, *, all_words: bool, english: bool
) -> _Query | None:
    """None where nothing can be found."""
    phrases = query_phrases(text, english=english)
    known = tuple(phrase for phrase in phrases if phrase is not None)
    if not known or (all_words and len(known) < len(phrases)):
        return None
    index = "c.is_english" if english else "NOT c.is_english"
    totals = counts.of(connection, index, known)
    holding = [totals.holding[phrase.query] for phrase in known]
    if not any(holding):
        return None
    weights = (math.log((totals.chunks - number + 0.5) / (number + 0.5)) for number in holding)
    return _Query(
        index,
        known,
        # A word in more than half of all chunks would weigh less than nothing.
        tuple(weight if weight > 0 else _LEAST_WEIGHT for weight in weights),
        totals.tokens / totals.chunks,
        all_words,
    )


def _best(
    connection: psycopg.Connection, query: _Query, k: int, where: str, values: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """The best (row, score, tenant, URI, index)."""
    if query.all_words:
        return _scored(connection, query, " & ".join(phrase.query for phrase in query.phrases), k, where, values)
    deciding = query.deciding
    if len(deciding) < len(query.phrases):
        rows = _scored(connection, query, " | ".join(phrase.query for phrase in deciding), k, where, values)
        if len(rows) == k and rows[-1][1] > query.most_without(deciding):
            return rows
    return _scored(connection, query, " | ".join(phrase.query for phrase in query.phrases), k, where, values)


def _scored(
    connection: psycopg.Connection, query: _Query, tsquery: str, k: int, where: str, values: Sequence[Any]
) -> list[tuple[Any, ...]]:
    times, counted = _times(query.phrases)
    return connection.execute(
        f"SELECT c.id, {_score(query)} AS score, s.tenant, s.uri, c.chunk_index "
        # OFFSET has each column counted once, however often the score names it.
        f"FROM chunks c JOIN sources s ON s.id = c.source_id CROSS JOIN LATERAL (SELECT {times} OFFSET 0) f "
        f"WHERE {query.index} AND c.words @@ %s::tsquery AND {where} "
        "ORDER BY score DESC, s.tenant, s.uri, c.chunk_index LIMIT %s".encode(),
        (*counted, tsquery, *values, k),
    ).fetchall()


def _times(phrases: Sequence[Phrase]) -> tuple[str, list[Any]]:
    """How often each token stands in a chunk, as columns t0, t1, ...; and the values they need."""
    columns: list[str] = []
    values: list[Any] = []
    for phrase in phrases:
        for position, token in enumerate(phrase.tokens, 1):
            if phrase.is_prefix and position == len(phrase.tokens):
                columns.append(f"{_TIMES_OF_PREFIX} AS t{len(columns)}")
                values.append(token)
            else:
                columns.append(f"{_TIMES} AS t{len(columns)}")
                values += [Phrase((token,)).query, _RANK_STEPS] * 2
    return ", ".join(columns), values


def _score(query: _Query) -> str:
    """BM25 over the columns of ``_times``; a phrase stands as often as its rarest token at most."""
    terms, first = [], 0
    length = f"{_SATURATION} * ({1 - _LENGTH_SHARE} + {_LENGTH_SHARE} * c.tokens / {query.average_tokens!r}::float8)"
    for phrase, weight in zip(query.phrases, query.weights, strict=True):
        columns = [f"f.t{number}" for number in range(first, first + len(phrase.tokens))]
        first += len(columns)
        times = columns[0] if len(columns) == 1 else f"least({', '.join(columns)})"
        # In SQLite's order of operations: another one rounds otherwise, and chunks of one score change places.
        terms.append(f"{weight!r}::float8 * (({times} * {_MOST_PER_WEIGHT}::float8) / ({times} + {length}))")
    return " + ".join(terms)


@dataclass(slots=True)
class _Totals:
    """Over all chunks of one language's index, whoever's they are, as one snapshot shows them.

    ``holding`` says how many hold a phrase, by its query; of more than half it knows no more than that.
    """

    snapshot: str
    chunks: int
    tokens: int
    holding: dict[str, int] = field(default_factory=dict)


class WordCounts:
    """How many chunks hold a phrase, counted once for each state of the database. Safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: dict[str, _Totals] = {}

    def of(self, connection: psycopg.Connection, index: str, phrases: Sequence[Phrase]) -> _Totals:
        """What is known of one language's index, these phrases among it."""
        (snapshot,) = connection.execute("SELECT pg_current_snapshot()::text").fetchone() or ("",)
        totals = self._kept.get(index)
        if totals is None or totals.snapshot != snapshot or len(totals.holding) > _MAX_KNOWN_COUNTS:
            sql = f"SELECT count(*), coalesce(sum(tokens), 0) FROM chunks c WHERE {index}"
            chunks, tokens = connection.execute(sql.encode()).fetchone() or (0, 0)
            totals = self._kept[index] = _Totals(snapshot, chunks, int(tokens))
        unknown = sorted({phrase.query for phrase in phrases} - totals.holding.keys())
        if unknown:
            some = f"SELECT 1 FROM chunks c WHERE {index} AND c.words @@ %s::tsquery LIMIT {totals.chunks // 2 + 1}"
            columns = ", ".join([f"(SELECT count(*) FROM ({some}) n)"] * len(unknown))
            counted = connection.execute(f"SELECT {columns}".encode(), unknown).fetchone() or ()
            totals.holding.update(zip(unknown, counted, strict=True))
        return totals
