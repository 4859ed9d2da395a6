"""``run``: a recipe, its steps told on stderr and its final state printed as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingestkit_core.parallel.policies import CancellationToken, flow_token
from ingestkit_core.recipes import RecipeError, StepEvent, load_recipe, run_recipe
from pydantic_core import to_jsonable_python

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.ingesting import interruptible
from ingestkit_cli.output import emit, json_line, say
from ingestkit_cli.stopping import Stopper

__all__ = ["run_file"]


def run_file(path: Path, assignments: Sequence[str]) -> int:
    """Run the recipe with its variables set; 1 if it quarantined or deferred documents."""
    variables = _variables(assignments)
    try:
        recipe = load_recipe(path, variables)
    except RecipeError as exc:
        raise Mistake(str(exc)) from exc
    token = CancellationToken()
    code = ExitCode.OK
    with Stopper() as stopper, interruptible(stopper), stopper.draining(token.cancel):
        before = flow_token.set(token)
        try:
            state = to_jsonable_python(run_recipe(recipe, on_event=_tell))
        finally:
            flow_token.reset(before)
        emit(json_line(state))
        code = ExitCode.TROUBLE if _troubled(state) else ExitCode.OK
    return stopper.exit_code or code


def _variables(assignments: Sequence[str]) -> dict[str, str]:
    variables = {}
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        if not separator or not name:
            raise Mistake(f"--set takes name=value, not {assignment!r}")
        variables[name] = value
    return variables


def _tell(event: StepEvent) -> None:
    say(f"{event.step}: {event.kind}" + (f" after {event.seconds:.2f} s" if event.seconds else ""))


def _troubled(state: Any) -> bool:
    """Whether any ``ingest`` in the state, however deep, set documents aside or put them off."""
    if isinstance(state, Mapping):
        statuses = state.get("statuses")
        if isinstance(statuses, Mapping) and (statuses.get("quarantined") or statuses.get("deferred")):
            return True
        return any(_troubled(value) for value in state.values())
    return isinstance(state, list) and any(_troubled(value) for value in state)
