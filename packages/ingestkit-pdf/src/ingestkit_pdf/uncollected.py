"""Reading without Python's search for reference cycles, in whatever process reads.

A document is a hundred thousand objects and hardly a cycle: looking through them again and again costs a twentieth of
the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """No cycles are searched for meanwhile; of readings side by side in a process the first to end lets it go on."""
    was_searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_searching:
            gc.enable()
