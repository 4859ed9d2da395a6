"""What cannot cross a process boundary is refused by name before any process starts. In the owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingestkit_core.errors import PickleValidationError
from ingestkit_core.execution.workers import find_unpicklable

__all__ = ["check_picklable"]


def check_picklable(flows: Sequence[Callable[[Any], Any]], states: Sequence[Mapping[str, Any]]) -> None:
    """Raise PickleValidationError for the first flow or state value that cannot be pickled."""
    for index, (flow, state) in enumerate(zip(flows, states, strict=True)):
        found = find_unpicklable(flow)
        if found is not None:
            raise PickleValidationError(f"Flow {index} is not picklable: {found.reason}")
        found = find_unpicklable(state)
        if found is not None:
            what = f"State key {found.path!r} in flow" if found.path else "State of flow"
            raise PickleValidationError(f"{what} {index} is not picklable: {found.reason}")
