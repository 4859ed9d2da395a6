"""Ranks of chunks by vectors, and several rankings as one. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

__all__ = ["fuse", "nearest"]

_RANK_CONSTANT = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""


def nearest(vectors: Sequence[tuple[int, bytes]], query: Sequence[float], k: int) -> list[int]:
    """The ``k`` rows whose vectors (float32 bytes) have the highest cosine with the query: exact, no index."""
    if not vectors:
        return []
    import numpy as np

    matrix = np.frombuffer(b"".join(vector for _, vector in vectors), dtype=np.float32).reshape(len(vectors), -1)
    wanted = np.asarray(query, dtype=np.float32)
    lengths = np.linalg.norm(matrix, axis=1) * (np.linalg.norm(wanted) or 1.0)
    cosines = (matrix @ wanted) / np.where(lengths > 0, lengths, 1.0)
    order = np.argsort(-cosines, kind="stable")[:k]
    return [vectors[int(i)][0] for i in order]


def fuse(rankings: Sequence[Sequence[int]]) -> list[tuple[int, float]]:
    """Several rankings as one by reciprocal rank: (row, score), best first."""
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for position, row in enumerate(ranking, 1):
            scores[row] += 1.0 / (_RANK_CONSTANT + position)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
