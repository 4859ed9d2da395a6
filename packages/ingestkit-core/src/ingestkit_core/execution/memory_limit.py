"""How much memory one worker may take when nobody says."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["default_memory_bytes"]

_SHARE = 0.75
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def default_memory_bytes(max_workers: int) -> int | None:
    """Three quarters of the machine's or the cgroup's memory, divided by the workers; None if unknown."""
    limits = [limit for limit in (_machine_bytes(), _cgroup_bytes()) if limit]
    return int(min(limits) * _SHARE / max_workers) if limits else None


def _machine_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        # Windows has no sysconf, and some systems do not know these names.
        return None


def _cgroup_bytes() -> int | None:
    for path in _CGROUP_LIMITS:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            return int(text)
    return None
