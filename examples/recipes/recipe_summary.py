"""A step of one's own: what several ``ingest`` steps came to, in one file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def write(state: Mapping[str, Any], output: str) -> dict[str, Any]:
    """Add up what the branches counted; into the file ``output`` and, as ``summary``, into the state."""
    steps = {name: counts for branch in state["parallel_results"] for name, counts in branch.items()}
    summary = {"total": _added(steps.values()), "steps": steps}
    Path(output).write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return {"summary": summary}


def _added(counts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers are added up, mappings of numbers key by key."""
    total: dict[str, Any] = {}
    for step in counts:
        for key, value in step.items():
            if isinstance(value, Mapping):
                total[key] = _added([total.get(key, {}), value])
            else:
                total[key] = total.get(key, 0) + value
    return total
