"""The chunks whose vectors are nearest to one: exact, no index. All vectors as a matrix in memory.

    nothing committed since ─► the matrix of the last search
    else, a part asked for  ─► that part, read block by block and compared
    else                    ─► the matrix is read, and kept for the next search

Compared are cosines, in numpy; equal ones are put in order of their places, never of their arrival.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from ingestkit_core.stores.sqlite.file import commits
from ingestkit_core.stores.sqlite.vectors import searched_vectors, vectors_of_texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Rows = NDArray[np.int64]

__all__ = ["Chosen", "Nearness"]

_MAX_KEPT_BYTES = 1 << 30
_VECTORS_AT_ONCE = 4096
_PART = 8
"""A search in less than this part of the chunks does not read all vectors for it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which chunks c of sources s are searched: a condition and its values.

    ``by_source``: it is about s alone. ``of_one``: about one source, or hardly more.
    """

    where: str = "1"
    values: tuple[Any, ...] = ()
    by_source: bool = True
    of_one: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether all are."""
        return self.where == "1"


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Vectors of length 1, and by entry: the vector, the chunk that has it, and the chunk's source."""

    commits: int
    vectors: Floats
    of: Rows
    chunks: Rows
    sources: Rows


class Nearness:
    """Nearest chunks of one store. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: _Matrix | None = None

    def nearest(self, connection: sqlite3.Connection, query: Sequence[float], k: int, chosen: Chosen) -> list[int]:
        """The rows of the ``k`` nearest chunks, best first. On a connection inside a snapshot."""
        import numpy as np

        wanted = np.asarray(query, dtype=np.float32)
        wanted /= np.linalg.norm(wanted) or 1.0
        matrix = self._matrix(connection, len(query), chosen)
        if matrix is None:
            chunks, cosines = _compared(connection, wanted, chosen)
        else:
            chunks, cosines = _among(matrix, wanted, _entries(connection, matrix, chosen))
        return _best(connection, chunks, cosines, k)

    def _matrix(self, connection: sqlite3.Connection, dimension: int, chosen: Chosen) -> _Matrix | None:
        """All vectors of this size, as they are in this snapshot; None where reading them does not pay."""
        now = commits(connection)
        with self._lock:
            matrix = self._kept
        if matrix is not None and (matrix.commits, matrix.vectors.shape[1]) == (now, dimension):
            return matrix
        (held,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
        if held * dimension * 4 > _MAX_KEPT_BYTES or _is_small_part(connection, chosen):
            return None
        matrix = _read(connection, dimension, now)
        with self._lock:
            self._kept = matrix
        return matrix


def _is_small_part(connection: sqlite3.Connection, chosen: Chosen) -> bool:
    if chosen.is_everything:
        return False
    (chunks,) = connection.execute("SELECT count(*) FROM chunks").fetchone()
    few = chunks // _PART
    part = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM sources s CROSS JOIN chunks c ON c.source_id = s.id "
        f"WHERE {chosen.where} LIMIT ?)",
        (*chosen.values, few + 1),
    ).fetchone()[0]
    return bool(part <= few)


def _read(connection: sqlite3.Connection, dimension: int, now: int) -> _Matrix:
    import numpy as np

    numbers: defaultdict[str, list[int]] = defaultdict(list)
    number = count()
    blocks = [np.empty((0, dimension), dtype=np.float32)]
    vectors = vectors_of_texts(connection, dimension)
    while some := list(islice(vectors, _VECTORS_AT_ONCE)):
        for text_hash, _ in some:
            numbers[text_hash].append(next(number))
        blocks.append(_units([vector for _, vector in some], dimension))
    # Each of the two is answered from an index; together they would go through all texts.
    source_of = dict(connection.execute("SELECT id, source_id FROM chunks").fetchall())
    entries = [
        (place, chunk, source_of[chunk])
        for chunk, text_hash in connection.execute("SELECT id, chunk_hash FROM chunks")
        for place in numbers.get(text_hash, ())
    ]
    of, chunks, sources = np.array(entries, dtype=np.int64).reshape(-1, 3).T.copy()
    return _Matrix(now, np.concatenate(blocks), of, chunks, sources)


def _units(vectors: Sequence[bytes], dimension: int) -> Floats:
    """Vectors made as long as 1; one without a direction stays."""
    import numpy as np

    matrix = np.frombuffer(b"".join(vectors), dtype=np.float32).reshape(-1, dimension)
    lengths: Floats = np.linalg.norm(matrix, axis=1, keepdims=True)
    lengths[lengths == 0] = 1.0
    return matrix / lengths


def _compared(connection: sqlite3.Connection, wanted: Floats, chosen: Chosen) -> tuple[Rows, Floats]:
    """Chosen chunks and their cosines, read block by block."""
    import numpy as np

    rows = searched_vectors(connection, len(wanted), chosen.where, chosen.values)
    chunks: list[int] = []
    cosines = [np.empty(0, dtype=np.float32)]
    while some := list(islice(rows, _VECTORS_AT_ONCE)):
        chunks += [chunk for chunk, _ in some]
        cosines.append(_units([vector for _, vector in some], len(wanted)) @ wanted)
    return np.array(chunks, dtype=np.int64), np.concatenate(cosines)


def _entries(connection: sqlite3.Connection, matrix: _Matrix, chosen: Chosen) -> Rows | None:
    """Which entries of the matrix are chosen; None for all."""
    import numpy as np

    if chosen.is_everything:
        return None
    if chosen.by_source:
        rows = connection.execute(f"SELECT s.id FROM sources s WHERE {chosen.where}", chosen.values)
        among = matrix.sources
    else:
        rows = connection.execute(
            f"SELECT c.id FROM chunks c JOIN sources s ON s.id = c.source_id WHERE {chosen.where}", chosen.values
        )
        among = matrix.chunks
    return np.flatnonzero(np.isin(among, np.fromiter((row for (row,) in rows), dtype=np.int64)))


def _among(matrix: _Matrix, wanted: Floats, entries: Rows | None) -> tuple[Rows, Floats]:
    """Chunks of the matrix and their cosines: those of some entries, or all."""
    if entries is None:
        return matrix.chunks, (matrix.vectors @ wanted)[matrix.of]
    if len(entries) * _PART < len(matrix.chunks):
        return matrix.chunks[entries], matrix.vectors[matrix.of[entries]] @ wanted
    return matrix.chunks[entries], (matrix.vectors @ wanted)[matrix.of[entries]]


def _best(connection: sqlite3.Connection, chunks: Rows, cosines: Floats, k: int) -> list[int]:
    """The chunks with the highest cosines, each once."""
    import numpy as np

    if not len(chunks):
        return []
    least = np.partition(cosines, -min(k, len(cosines)))[-min(k, len(cosines))]
    found = np.flatnonzero(cosines >= least)
    best = dict(sorted(zip(chunks[found].tolist(), cosines[found].tolist(), strict=True), key=lambda one: one[1]))
    places = connection.execute(
        "SELECT c.id, s.tenant, s.uri, c.chunk_index FROM chunks c JOIN sources s ON s.id = c.source_id "
        "WHERE c.id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(best)),),
    )
    ranked = sorted((-best[chunk], *place, chunk) for chunk, *place in places)
    return [row[-1] for row in ranked[:k]]
