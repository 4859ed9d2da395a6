"""What a run was asked for. A value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """``rounds`` is how often each candidate is timed; ``large`` adds the runs that take many minutes."""

    rounds: int = 3
    large: bool = False
