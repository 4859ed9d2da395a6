"""A recipe at work.

    step ─► edge ─► step ─► edge ─┬─► branch ─┬─► fan-in step ─► ...
                                  └─► branch ─┘

In the caller's thread; branches on threads of this process, or in workers, where nobody hears of events.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ingestkit_core.errors import ErrorCode, ExecutionError, IngestError, IngestkitError
from ingestkit_core.execution import memory
from ingestkit_core.parallel import (
    ParallelConfig,
    ParallelFlowResult,
    ProcessExecutor,
    ThreadExecutor,
    current_token,
)
from ingestkit_core.protocols import ParallelExecutor
from ingestkit_core.recipes.loading import importable_from
from ingestkit_core.recipes.model import Edge, Place, Recipe

__all__ = ["PARALLEL_RESULTS", "Branch", "StepEvent", "run_recipe"]

PARALLEL_RESULTS = "parallel_results"
"""Where in the state the fan-in step finds what the branches came to."""


@dataclass(frozen=True, slots=True)
class StepEvent:
    """A step began or ended. ``seconds`` is what it took, 0 at the beginning."""

    step: str
    kind: Literal["started", "finished", "failed"]
    seconds: float = 0.0


Tell = Callable[[StepEvent], None]


def run_recipe(recipe: Recipe, *, on_event: Tell | None = None) -> dict[str, Any]:
    """Run it from its start; returns the final state.

    ``on_event`` hears of every step, from the thread it runs on. A branch in a process is told of as a whole,
    under the name of its first step, when all of its neighbours are over as well.

    Raises IngestkitError when a step or a branch fails: the step's own, or one that names it.
    """
    place = Place(recipe.settings.store, recipe.settings.config, recipe.routers)
    walk = _Walk(recipe, place, on_event or _nobody)
    with importable_from(recipe.folder):
        state, first = walk.across(recipe.edges[None], {})
        return walk.on(first, None, state)


def _nobody(event: StepEvent) -> None:
    """Hears of it."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A chain of steps as a flow: from ``first`` until no edge goes on, or to the step before ``stop``."""

    walk: _Walk
    first: str
    stop: str | None

    def __call__(self, state: dict[str, Any]) -> dict[str, Any]:
        """The state at its end."""
        return self.walk.on(self.first, self.stop, state)


@dataclass(frozen=True, slots=True)
class _Walk:
    recipe: Recipe
    place: Place
    tell: Tell

    def on(self, name: str | None, stop: str | None, state: dict[str, Any]) -> dict[str, Any]:
        """Step after step, until no edge goes on or the next one is ``stop``."""
        while name is not None and name != stop:
            state = self._step(name, state)
            state, name = self.across(self.recipe.edges.get(name), state)
        return state

    def across(self, edge: Edge | None, state: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        """The state beyond an edge, and the step that is next."""
        if edge is None:
            return state, None
        if not edge.fans_out:
            return state, edge.to[0]
        return {**state, PARALLEL_RESULTS: self._branches(edge, state)}, edge.fan_in

    def _step(self, name: str, state: dict[str, Any]) -> dict[str, Any]:
        current_token().raise_if_cancelled()
        self.tell(StepEvent(name, "started"))
        started = time.monotonic()
        try:
            returned = self.recipe.steps[name].run(state, self.place)
        except Exception as exc:
            self.tell(StepEvent(name, "failed", time.monotonic() - started))
            if isinstance(exc, IngestkitError):
                raise
            # Somebody's function: it may raise anything.
            raise _step_error(name, exc) from exc
        self.tell(StepEvent(name, "finished", time.monotonic() - started))
        return {**state, **returned}

    def _branches(self, edge: Edge, state: dict[str, Any]) -> list[dict[str, Any] | IngestError]:
        """What each branch came to, in the order of the edge: its state, or its error if that is asked for."""
        if edge.parallel and self.recipe.strategy(edge) == "process":
            results = self._in_processes(edge, state)
        else:
            results = self._execute(ThreadExecutor(), edge, state)
        for name, result in zip(edge.to, results, strict=True):
            if result.error is not None and edge.on_error == "fail":
                raise _branch_error(name, result.error)
        return [result.value if result.error is None else result.error for result in results]

    def _in_processes(self, edge: Edge, state: dict[str, Any]) -> list[ParallelFlowResult]:
        # One process at a time owns a store, so branches that ingest into the same one take turns.
        walk = replace(self, place=replace(self.place, wait=True), tell=_nobody)
        for name in edge.to:
            self.tell(StepEvent(name, "started"))
        with ProcessExecutor(preload=[__name__]) as executor:
            results = walk._execute(executor, edge, state)
        for name, result in zip(edge.to, results, strict=True):
            self.tell(StepEvent(name, "finished" if result.success else "failed", result.duration_seconds))
        return results

    def _execute(self, executor: ParallelExecutor, edge: Edge, state: dict[str, Any]) -> list[ParallelFlowResult]:
        at_once = self.recipe.settings.parallel.max_workers if edge.parallel else 1
        flows = [Branch(self, name, edge.fan_in) for name in edge.to]
        # Executors hand a copy of the state to each flow.
        return executor.execute(flows, [state] * len(flows), ParallelConfig(max_workers=at_once))


def _step_error(name: str, exc: Exception) -> ExecutionError:
    code = ErrorCode.E_EXECUTION_MEMORY if memory.is_allocation_failure(exc) else ErrorCode.E_EXECUTION_CRASHED
    frame = traceback.extract_tb(exc.__traceback__)[-1]
    return ExecutionError(
        code, f"step {name!r} failed: {type(exc).__name__}: {exc} ({Path(frame.filename).name}, line {frame.lineno})"
    )


def _branch_error(name: str, error: IngestError) -> IngestkitError:
    place = error.model_dump(exclude={"code", "message"})
    return IngestkitError(ErrorCode(error.code), f"branch {name!r}: {error.message}", **place)
