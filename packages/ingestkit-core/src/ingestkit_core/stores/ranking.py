"""Several rankings of chunks as one. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

__all__ = ["fuse"]

_RANK_CONSTANT = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""


def fuse(rankings: Sequence[Sequence[int]]) -> list[tuple[int, float]]:
    """Several rankings as one by reciprocal rank: (row, score), best first."""
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for position, row in enumerate(ranking, 1):
            scores[row] += 1.0 / (_RANK_CONSTANT + position)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
