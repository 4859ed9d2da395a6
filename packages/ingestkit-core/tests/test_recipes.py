"""Recipes: refused by line, run in order, fanned out on what they say, joined in the order they say."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core import ErrorCode, IngestError, IngestkitError, PickleValidationError, SqliteStore
from ingestkit_core.errors import StoreError
from ingestkit_core.parallel import CancellationToken, ParallelConfig, ThreadExecutor
from ingestkit_core.recipes import Recipe, RecipeError, StepEvent, load_recipe, run_recipe
from ingestkit_core.testing import ModelServer, TextRouter, write_text

pytestmark = [pytest.mark.unit, pytest.mark.timeout(180)]

DO = """
import os, threading, time
from pathlib import Path
from ingestkit_core import ErrorCode, open_store
from ingestkit_core.errors import StoreError
from beside_do import WORD

NOT_A_FUNCTION = 3
TWO = threading.Barrier(2)

def add(state, **values): return values
def log(state, word): return {"log": [*state.get("log", []), word]}
def nothing(state): pass
def pid(state):
    time.sleep(0.2)
    return {"pid": os.getpid(), "word": WORD}
def after(state, seconds, word):
    time.sleep(seconds)
    return {"word": word}
def meet(state):
    TWO.wait(timeout=state["patience"])
    return {"met": True}
def patience(state, seconds): return {"patience": seconds}
def spoil(state, word):
    state["deep"]["words"].append(word)
    time.sleep(0.1)
def pop(state, words): return {"popped": words.pop()}
def words(state): return {"words": [branch["word"] for branch in state["parallel_results"]]}
def a_list(state): return [1]
def lookup(state): return {"found": state["nowhere"]}
def locked(state): raise StoreError(ErrorCode.E_STORE_LOCKED, "somebody has it", recoverable=True)
def starve(state): raise MemoryError
def leave(state): os._exit(3)
def lock(state): return {"db": {"lock": threading.Lock()}}
def cancel(state):
    from ingestkit_core.parallel import current_token
    current_token().cancel()
def own(state, store, mark, patience):
    with open_store(store) as opened, opened.lease(None):
        Path(mark).touch()
        limit = time.monotonic() + patience
        while not Path(f"{mark}.now").exists() and time.monotonic() < limit:
            time.sleep(0.01)
        return {"until": time.monotonic()}
def when(state, mark):
    while not Path(mark).exists():
        time.sleep(0.01)
def now(state, mark):
    at = time.monotonic()
    Path(f"{mark}.now").touch()
    return {"at": at}
"""

Load = Callable[..., Recipe]
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the recipe lies, with a module ``do`` beside it that imports another one."""
    folder = tmp_path_factory.mktemp("room")
    (folder / "do.py").write_text(DO)
    (folder / "beside_do.py").write_text("WORD = 'beside'\n")
    (folder / "broken_do.py").write_text("1 / 0\n")
    (folder / "json.py").write_text("def dumps(state): ...\n")
    yield folder
    for name in ("do", "beside_do"):
        sys.modules.pop(name, None)


@pytest.fixture
def load(room: Path) -> Load:
    def load(text: str, **variables: object) -> Recipe:
        (room / "recipe.yaml").write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return load_recipe(room / "recipe.yaml", variables, routers={"text": TextRouter})

    return load


@pytest.fixture
def run(load: Load) -> Run:
    return lambda text, **variables: run_recipe(load(text, **variables))


# What branches run on

PIDS = """
settings:
  parallel: {{{settings}}}
steps: {{a: {{run: do:pid}}, b: {{run: do:pid}}}}
edges:
  - to: [a, b]
    parallel: true
    {edge}
"""


def test_settings_are_read(load: Load) -> None:
    parallel = load(PIDS.format(settings="strategy: process, max_workers: 3", edge="")).settings.parallel
    assert (parallel.strategy, parallel.max_workers) == ("process", 3)


def test_nothing_said_means_threads_and_one_for_each_processor(load: Load) -> None:
    recipe = load(PIDS.format(settings="", edge=""))
    assert (recipe.settings.parallel.strategy, recipe.settings.parallel.max_workers) == ("thread", os.cpu_count())
    assert recipe.strategy(recipe.edges[None]) == "thread"


def test_the_strategy_of_one_edge_is_read_and_the_other_keeps_the_default(load: Load) -> None:
    recipe = load(
        """
        steps: {a: {run: do:nothing}, b: {run: do:nothing}, c: {run: do:nothing}, d: {run: do:nothing}}
        edges:
          - {from: a, to: [b], parallel: true, parallel_strategy: process, fan_in: c}
          - {from: c, to: [d], parallel: true}
        """
    )
    assert [recipe.edges[name].parallel_strategy for name in ("a", "c")] == ["process", None]
    assert [recipe.strategy(recipe.edges[name]) for name in ("a", "c")] == ["process", "thread"]


@pytest.mark.parametrize(
    ("settings", "edge", "where"),
    [
        ("", "", "here"),
        ("strategy: process", "", "elsewhere"),
        ("strategy: thread", "parallel_strategy: process", "elsewhere"),
        ("strategy: process", "parallel_strategy: thread", "here"),
    ],
)
def test_the_edge_overrides_the_settings(run: Run, settings: str, edge: str, where: str) -> None:
    state = run(PIDS.format(settings=f"{settings}, max_workers: 2".lstrip(", "), edge=edge))
    pids = {branch["pid"] for branch in state["parallel_results"]}
    if where == "here":
        assert pids == {os.getpid()}
    else:
        assert len(pids) == 2
        assert os.getpid() not in pids
    assert [branch["word"] for branch in state["parallel_results"]] == ["beside", "beside"]


@pytest.mark.parametrize(
    ("max_workers", "parallel", "met"), [(2, "true", True), (1, "true", False), (2, "false", False)]
)
def test_so_many_branches_run_at_once(run: Run, max_workers: int, parallel: str, met: bool) -> None:
    state = run(
        f"""
        settings: {{parallel: {{max_workers: {max_workers}}}}}
        steps: {{reset: {{run: do:patience, with: {{seconds: {30 if met else 0.3}}}}}, a: {{run: do:meet}}, b: {{run: do:meet}}}}
        edges: [{{from: reset, to: [a, b], parallel: {parallel}, on_error: continue}}]
        """
    )
    sys.modules["do"].TWO.reset()
    assert [not isinstance(branch, IngestError) for branch in state["parallel_results"]] == [met, met]


# Ways


def test_without_edges_the_steps_follow_each_other(run: Run) -> None:
    state = run(
        """
        steps:
          second: {run: do:log, with: {word: one}}
          first: {run: do:nothing}
          third: {run: do:log, with: {word: two}}
        """
    )
    assert state == {"log": ["one", "two"]}


def test_edges_say_the_order_and_the_first_step_is_the_one_nothing_leads_to(run: Run) -> None:
    state = run(
        """
        steps:
          z: {run: do:log, with: {word: z}}
          y: {run: do:log, with: {word: y}}
          x: {run: do:log, with: {word: x}}
        edges: [{from: y, to: z}, {from: x, to: [y]}]
        """
    )
    assert state["log"] == ["x", "y", "z"]


@pytest.mark.parametrize("strategy", ["thread", "process"])
def test_the_fan_in_step_gets_results_in_the_order_of_the_edge(run: Run, strategy: str) -> None:
    state = run(
        f"""
        settings: {{parallel: {{max_workers: 3}}}}
        steps:
          quick: {{run: do:after, with: {{seconds: 0, word: quick}}}}
          slow: {{run: do:after, with: {{seconds: 0.3, word: slow}}}}
          middle: {{run: do:after, with: {{seconds: 0.1, word: middle}}}}
          join: {{run: do:words}}
          last: {{run: do:log, with: {{word: last}}}}
        edges:
          - {{to: [slow, quick, middle], parallel: true, parallel_strategy: {strategy}, fan_in: join}}
          - {{from: join, to: last}}
        """
    )
    assert state["words"] == ["slow", "quick", "middle"]
    assert state["log"] == ["last"]


@pytest.mark.parametrize("edge", ["parallel: true", "parallel: true, parallel_strategy: process", "parallel: false"])
def test_each_branch_has_a_copy_of_the_state_down_to_its_depth(run: Run, edge: str) -> None:
    state = run(
        f"""
        steps:
          start: {{run: do:add, with: {{deep: {{words: [start]}}}}}}
          a: {{run: do:spoil, with: {{word: a}}}}
          b: {{run: do:spoil, with: {{word: b}}}}
        edges: [{{from: start, to: [a, b], {edge}}}]
        """
    )
    assert [branch["deep"]["words"] for branch in state["parallel_results"]] == [["start", "a"], ["start", "b"]]
    assert state["deep"]["words"] == ["start"]


@pytest.mark.parametrize("strategy", ["thread", "process"])
def test_a_branch_is_a_chain_that_ends_at_the_fan_in_and_may_branch_itself(run: Run, strategy: str) -> None:
    state = run(
        f"""
        settings: {{parallel: {{strategy: {strategy}, max_workers: 2}}}}
        steps:
          a: {{run: do:log, with: {{word: a}}}}
          b: {{run: do:log, with: {{word: b}}}}
          c: {{run: do:log, with: {{word: c}}}}
          d: {{run: do:log, with: {{word: d}}}}
          e: {{run: do:log, with: {{word: e}}}}
          f: {{run: do:log, with: {{word: f}}}}
          join: {{run: do:log, with: {{word: join}}}}
        edges:
          - {{to: [a, c], parallel: true, fan_in: join}}
          - {{from: a, to: b}}
          - {{from: b, to: join}}
          - {{from: c, to: [d, e], parallel: true, fan_in: f}}
        """
    )
    first, second = state["parallel_results"]
    assert first["log"] == ["a", "b"]
    assert second["log"] == ["c", "f"]
    assert [inner["log"] for inner in second["parallel_results"]] == [["c", "d"], ["c", "e"]]
    assert state["log"] == ["join"]


def test_a_recipe_that_runs_again_finds_its_parameters_as_they_were(load: Load) -> None:
    recipe = load("steps: {a: {run: do:pop, with: {words: [one, two]}}}")
    assert [run_recipe(recipe)["popped"], run_recipe(recipe)["popped"]] == ["two", "two"]


def test_a_recipe_pickles(load: Load) -> None:
    recipe = load(PIDS.format(settings="", edge=""))
    assert pickle.loads(pickle.dumps(recipe)) == recipe


# Refusals: nothing of these ever runs

TWO_STEPS = "steps:\n  a: {run: do:nothing}\n  b: {run: do:nothing}\n"
FOUR_STEPS = TWO_STEPS + "  c: {run: do:nothing}\n  d: {run: do:nothing}\n"
REFUSED: dict[str, tuple[str, int, str]] = {
    "no YAML": ("steps:\n  a: [1\n", 3, "this is no YAML"),
    "a tag": ("steps:\n  a: !!python/object:os.system {}\n", 2, "this is no YAML"),
    "an empty file": ("", 1, "steps is missing"),
    "a list": ("- a\n- b\n", 1, "a recipe is a mapping of keys to values, not a list"),
    "no step": ("steps: {}\n", 1, "steps: Dictionary should have at least 1 item"),
    "an unknown section": (
        "steps:\n  a: {run: do:nothing}\nsetting: {}\n",
        3,
        "unknown key 'setting'; known here are settings, steps, edges",
    ),
    "an unknown setting": (
        "settings:\n  stor: x\n" + TWO_STEPS,
        2,
        "unknown key 'settings.stor'; known here are store, config, parallel",
    ),
    "an unknown key deeper": (
        "settings:\n  parallel:\n    workers: 2\n" + TWO_STEPS,
        3,
        "known here are strategy, max_workers",
    ),
    "an unknown strategy": (
        "settings:\n  parallel:\n    strategy: threads\n" + TWO_STEPS,
        3,
        "unknown strategy 'threads'; known are 'thread' or 'process'",
    ),
    "no workers": ("settings:\n  parallel:\n    max_workers: 0\n" + TWO_STEPS, 3, "greater than or equal to 1, not 0"),
    "two mistakes": ("settings:\n  stor: x\n  parallel: {strategy: threads}\n" + TWO_STEPS, 2, "settings.stor"),
    "a config key": (
        "settings:\n  config:\n    chunk_size: 3\n" + TWO_STEPS,
        3,
        "no installed format has a setting 'chunk_size'",
    ),
    "a config value": (
        "settings:\n  config:\n    include_hidden: true\n    chunk_size_tokens: 3\n" + TWO_STEPS,
        4,
        "settings.config.chunk_size_tokens: ",
    ),
    "a format's config": (
        "settings:\n  config:\n    text: 3\n" + TWO_STEPS,
        3,
        "text holds the settings of that format",
    ),
    "an unknown key in a step": (
        "steps:\n  a:\n    run: do:nothing\n    when: x\n",
        4,
        "unknown key 'steps.a.when'; known here are run, with",
    ),
    "a step that says nothing": ("steps:\n  a:\n    with: {}\n", 2, "steps.a.run is missing"),
    "an unknown step": (
        "steps:\n  a:\n    run: digest\n",
        3,
        "no step 'digest'; built in are discover, ingest, convert, export, any other",
    ),
    "an unknown module": (
        "steps:\n  a:\n    run: nowhere_at_all:f\n",
        3,
        "cannot import nowhere_at_all: ModuleNotFoundError",
    ),
    "a broken module": ("steps:\n  a:\n    run: broken_do:f\n", 3, "cannot import broken_do: ZeroDivisionError"),
    "a hidden module": ("steps:\n  a:\n    run: json:dumps\n", 3, "json.py beside the recipe is hidden by"),
    "an unknown function": ("steps:\n  a:\n    run: do:nowhere\n", 3, "has no function 'nowhere'"),
    "no function": ("steps:\n  a:\n    run: do:NOT_A_FUNCTION\n", 3, "has no function 'NOT_A_FUNCTION'"),
    "a function's unknown parameter": (
        "steps:\n  a:\n    run: do:log\n    with:\n      word: x\n      wort: y\n",
        6,
        "unexpected keyword argument 'wort'; the function takes (state, word)",
    ),
    "a function's missing parameter": ("steps:\n  a:\n    run: do:log\n", 2, "missing a required argument: 'word'"),
    "an unknown parameter": (
        "steps:\n  a:\n    run: ingest\n    with:\n      paths: x\n      path: y\n",
        6,
        "unknown key 'steps.a.with.path'; known here are paths, files, include",
    ),
    "an unfit parameter": (
        "steps:\n  a:\n    run: ingest\n    with:\n      paths: 2024\n",
        5,
        "steps.a.with.paths: Input should be a valid tuple, not 2024",
    ),
    "a missing parameter": (
        "steps:\n  a:\n    run: convert\n    with:\n      paths: x\n      to: md\n",
        4,
        "steps.a.with.output is missing",
    ),
    "neither paths nor files": (
        "steps:\n  a:\n    run: ingest\n    with:\n      wait: true\n",
        4,
        "give either paths, or in files",
    ),
    "an unknown form": (
        "steps:\n  a:\n    run: convert\n    with: {paths: x, output: y,\n      to: pdf}\n",
        5,
        "unknown to 'pdf'; known are 'md', 'json', 'jsonl' or 'html'",
    ),
    "a step's config": (
        "steps:\n  a:\n    run: ingest\n    with:\n      paths: x\n      config: {chunk: 1}\n",
        6,
        "no installed format has a setting 'chunk'",
    ),
    "a step twice": (
        "steps:\n  a: {run: do:nothing}\n  b: {run: do:nothing}\n  a: {run: do:pid}\n",
        4,
        "'a' is here a second time, the first is in line 2",
    ),
    "an unknown key in an edge": (
        TWO_STEPS + "edges:\n  - from: a\n    to: b\n    strategy: process\n",
        7,
        "unknown key 'edges.0.strategy'; known here are from, to, parallel, parallel_strategy, fan_in, on_error",
    ),
    "an edge to nowhere": (
        TWO_STEPS + "edges:\n  - {from: a, to: b}\n  - from: b\n    to: [c]\n",
        7,
        "no step 'c'; there are a, b",
    ),
    "an edge from nowhere": (TWO_STEPS + "edges:\n  - from: x\n    to: b\n", 5, "no step 'x'"),
    "a fan-in nowhere": (TWO_STEPS + "edges:\n  - to: [a, b]\n    fan_in: c\n", 6, "no step 'c'"),
    "an edge's unknown strategy": (
        TWO_STEPS + "edges:\n  - to: [a, b]\n    parallel: true\n    parallel_strategy: fork\n",
        7,
        "unknown parallel_strategy 'fork'; known are 'thread' or 'process'",
    ),
    "a strategy without parallel": (
        TWO_STEPS + "edges:\n  - to: [a, b]\n    parallel_strategy: process\n",
        5,
        "recipe.yaml:5: edges.0: parallel_strategy is of no use without parallel: true",
    ),
    "on_error without branches": (
        TWO_STEPS + "edges:\n  - from: a\n    to: b\n    on_error: continue\n",
        5,
        "on_error is about branches",
    ),
    "a fan-in among the branches": (
        TWO_STEPS + "edges:\n  - to: [a, b]\n    fan_in: b\n",
        5,
        "it cannot be one of them",
    ),
    "two edges from one step": (
        FOUR_STEPS + "edges:\n  - {from: a, to: b}\n  - {from: a, to: c}\n",
        8,
        "a second edge leaves 'a'",
    ),
    "two starts": (FOUR_STEPS + "edges:\n  - {to: a}\n  - {to: b}\n", 8, "a second edge is the start"),
    "a step nothing leads to": (
        FOUR_STEPS + "edges:\n  - {from: a, to: b}\n  - {from: c, to: d}\n",
        4,
        "no edge leads from the start to 'c'",
    ),
    "a cycle": (
        FOUR_STEPS + "edges:\n  - {from: a, to: b}\n  - {from: b, to: c}\n  - {from: c, to: d}\n  - {from: d, to: b}\n",
        10,
        "the edges make a cycle: b -> c -> d -> b",
    ),
    "a cycle of all": (
        TWO_STEPS + "edges:\n  - {from: a, to: b}\n  - {from: b, to: a}\n",
        6,
        "the edges make a cycle: a -> b -> a",
    ),
    "a step after itself": (
        TWO_STEPS + "edges:\n  - {from: a, to: b}\n  - {from: b, to: b}\n",
        6,
        "the edges make a cycle: b -> b",
    ),
    "a cycle through a fan-in": (
        FOUR_STEPS + "edges:\n  - {from: a, to: [b, c], fan_in: d}\n  - {from: d, to: a}\n",
        8,
        "the edges make a cycle: a -> d -> a",
    ),
    "a cycle in a branch": (
        FOUR_STEPS + "edges:\n  - {from: a, to: [b, c], fan_in: d}\n  - {from: c, to: a}\n",
        8,
        "the edges make a cycle: a -> c -> a",
    ),
    "branches that meet without a fan-in": (
        FOUR_STEPS + "edges:\n  - {from: a, to: [b, c]}\n  - {from: b, to: d}\n  - {from: c, to: d}\n",
        9,
        "'d' is reached in more than one way",
    ),
    "a branch twice": (TWO_STEPS + "edges:\n  - {from: a, to: [b, b]}\n", 5, "'b' is reached in more than one way"),
    "a variable without a value": (
        "steps:\n  a:\n    run: ingest\n    with:\n      paths: [x,\n        '${papers}/y']\n",
        6,
        "${papers} has no value; give it one: --set papers=VALUE",
    ),
    "no variable": (
        "steps:\n  a:\n    run: ingest\n    with:\n      paths: ${pa pers}\n",
        5,
        "${pa pers} is no variable",
    ),
    "an open variable": (
        "steps:\n  a:\n    run: ingest\n    with:\n      paths: ${papers\n",
        5,
        "${papers is no variable",
    ),
}


@pytest.mark.parametrize(("text", "line", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_refused_with_its_line(load: Load, text: str, line: int, words: str) -> None:
    with pytest.raises(RecipeError) as refused:
        load(text)
    assert str(refused.value).startswith(f"recipe.yaml:{line}: ")
    assert words in str(refused.value)
    assert isinstance(refused.value, ValueError)
    assert refused.value.line == line


def test_a_value_for_no_variable_is_refused(load: Load) -> None:
    with pytest.raises(RecipeError, match=r"^recipe.yaml:1: there is no \$\{paper\} to set; variables here: papers$"):
        load("steps: {a: {run: discover, with: {paths: '${papers:-x}'}}}", paper="y")


def test_bytes_that_are_no_text_are_refused(room: Path) -> None:
    (room / "recipe.yaml").write_bytes(b"steps: \xff")
    with pytest.raises(RecipeError, match=r"^recipe.yaml:1: a recipe is UTF-8 text"):
        load_recipe(room / "recipe.yaml")


def test_loading_leaves_the_ways_of_import_as_they_were(load: Load) -> None:
    before = list(sys.path)
    load(PIDS.format(settings="", edge=""))
    assert sys.path == before


def test_variables_are_put_in_as_text_once(run: Run) -> None:
    state = run(
        """
        steps:
          a:
            run: do:add
            with:
              number: ${number}
              inside: a ${number} b ${other} c
              default: ${nothing:-by default}
              overridden: ${other:-by default}
              empty: ${nothing:-}
              itself: $${number}
              listed: [1, "${number}"]
              shared: &shared {n: "${other}"}
              again: *shared
        """,
        number=3,
        other="${number}",
    )
    assert state == {
        "number": "3",
        "inside": "a 3 b ${number} c",
        "default": "by default",
        "overridden": "${number}",
        "empty": "",
        "itself": "${number}",
        "listed": [1, "3"],
        "shared": {"n": "${number}"},
        "again": {"n": "${number}"},
    }


def test_variables_reach_settings_of_other_types(load: Load) -> None:
    recipe = load("settings: {parallel: {strategy: '${s}', max_workers: '${n}'}}\n" + TWO_STEPS, s="process", n=2)
    assert (recipe.settings.parallel.strategy, recipe.settings.parallel.max_workers) == ("process", 2)


# Failures

BRANCHES = """
steps:
  good: {{run: do:after, with: {{seconds: 0.1, word: good}}}}
  bad: {{run: do:{bad}}}
  worse: {{run: do:{worse}}}
  join: {{run: do:log, with: {{word: join}}}}
edges:
  - {{to: [bad, good, worse], parallel: true, parallel_strategy: {strategy}, fan_in: join, on_error: {on_error}}}
"""


@pytest.mark.parametrize(
    ("strategy", "bad", "code", "words"),
    [
        ("thread", "lookup", "E_EXECUTION_CRASHED", r"step 'bad' failed: KeyError: 'nowhere' \(do.py, line \d+\)"),
        ("process", "lookup", "E_EXECUTION_CRASHED", r"step 'bad' failed: KeyError: 'nowhere' \(do.py, line \d+\)"),
        ("thread", "starve", "E_EXECUTION_MEMORY", "step 'bad' failed: MemoryError"),
        ("thread", "locked", "E_STORE_LOCKED", "somebody has it"),
    ],
)
def test_the_first_branch_that_failed_fails_the_recipe(
    run: Run, strategy: str, bad: str, code: str, words: str
) -> None:
    with pytest.raises(IngestkitError, match=f"branch 'bad': {words}") as failed:
        run(BRANCHES.format(bad=bad, worse="a_list", strategy=strategy, on_error="fail"))
    assert failed.value.code == code
    assert failed.value.recoverable is (bad == "locked")


@pytest.mark.parametrize(
    ("strategy", "worse", "words"),
    [("thread", "a_list", "step 'worse' failed: TypeError: it returned a list"), ("process", "leave", "exit")],
)
def test_if_asked_to_the_recipe_goes_on_with_errors_in_the_place_of_branches(
    run: Run, strategy: str, worse: str, words: str
) -> None:
    state = run(BRANCHES.format(bad="locked", worse=worse, strategy=strategy, on_error="continue"))
    bad, good, last = state["parallel_results"]
    assert bad == IngestError(code="E_STORE_LOCKED", message="somebody has it", stage="store", recoverable=True)
    assert good == {"word": "good"}
    assert isinstance(last, IngestError)
    assert last.code == "E_EXECUTION_CRASHED"
    assert words in last.message
    assert state["log"] == ["join"]


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [
        ("lookup", IngestkitError, r"^E_EXECUTION_CRASHED: step 'a' failed: KeyError: 'nowhere' \(do.py, line \d+\)$"),
        ("a_list", IngestkitError, "step 'a' failed: TypeError: it returned a list, not a mapping"),
        ("locked", StoreError, "^E_STORE_LOCKED: somebody has it$"),
    ],
)
def test_a_step_that_fails_ends_the_recipe(run: Run, step: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        run(f"steps: {{a: {{run: do:{step}}}, b: {{run: do:nothing}}}}")


def test_a_state_that_cannot_travel_is_named_before_any_process_starts(run: Run) -> None:
    with pytest.raises(PickleValidationError, match=r"State key 'db.lock' in flow 0 is not picklable"):
        run(
            """
            steps: {lock: {run: do:lock}, a: {run: do:leave}}
            edges: [{from: lock, to: [a], parallel: true, parallel_strategy: process}]
            """
        )


def test_a_cancelled_recipe_starts_no_further_step(load: Load) -> None:
    events: list[StepEvent] = []
    recipe = load("steps: {a: {run: do:cancel}, b: {run: do:nothing}}")
    (result,) = ThreadExecutor().execute(
        [lambda state: run_recipe(recipe, on_event=events.append)],
        [{}],
        ParallelConfig(cancellation=CancellationToken()),
    )
    assert result.cancelled
    assert [(event.step, event.kind) for event in events] == [("a", "started"), ("a", "finished")]


def test_events_tell_of_every_step(load: Load) -> None:
    recipe = load(
        """
        steps: {a: {run: do:pid}, b: {run: do:lookup}, c: {run: do:nothing}, d: {run: do:lookup}}
        edges:
          - {from: a, to: [b], parallel: true, on_error: continue, fan_in: c}
          - {from: c, to: [d], parallel: true, parallel_strategy: process}
        """
    )
    events: list[StepEvent] = []
    with pytest.raises(IngestkitError, match="branch 'd'"):
        run_recipe(recipe, on_event=events.append)
    ends = {"a": "finished", "b": "failed", "c": "finished", "d": "failed"}
    assert [(event.step, event.kind) for event in events] == [
        pair for step, end in ends.items() for pair in ((step, "started"), (step, end))
    ]
    assert events[1].seconds >= 0.2


# The steps that are built in


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        write_text(
            folder / name / "text.txt", f"# Title {name}", "", f"Something about {name}.", "", "a|b", "1|2", "3|4"
        )
    (folder / "one" / "bad.txt").write_text("no text of ours")
    (folder / "one" / "picture.png").write_bytes(b"PNG")
    return folder


THREADS = "config: {execution_strategy: thread, execution_max_workers: 2}"


def test_documents_are_found_ingested_converted_and_exported(run: Run, documents: Path, tmp_path: Path) -> None:
    state = run(
        f"""
        settings:
          store: ${{folder}}/a.db
          {THREADS}
        steps:
          found: {{run: discover, with: {{paths: "${{documents}}"}}}}
          few: {{run: discover, with: {{paths: "${{documents}}", include: "one/*", exclude: ["bad*"]}}}}
          stored: {{run: ingest, with: {{files: found.files.text}}}}
          one: {{run: ingest, with: {{paths: "${{documents}}", include: "one/*", exclude: [bad*], store: "${{folder}}/b.db"}}}}
          texts: {{run: convert, with: {{paths: "${{documents}}", to: md, output: "${{folder}}/texts"}}}}
          lines: {{run: export, with: {{output: "${{folder}}/out/all.jsonl"}}}}
        """,
        documents=documents,
        folder=tmp_path,
    )
    bad, one, two = (str(documents / name) for name in ("one/bad.txt", "one/text.txt", "two/text.txt"))
    assert state["found"] == {"files": {"text": [bad, one, two]}, "unsupported": {".png": 1}, "unreadable": []}
    with SqliteStore(tmp_path / "a.db") as store:
        status = store.status()
        exported = list(store.export())
    assert state["few"]["files"] == {"text": [one]}
    assert state["stored"] == {
        "documents": 3,
        "statuses": {"committed": 2, "quarantined": 1},
        "chunks": status.chunks,
        "tables": 2,
        "codes": {"E_PARSE_UNSUPPORTED": 1},
    }
    assert state["one"]["statuses"] == {"committed": 1}
    texts = tmp_path / "texts"
    assert state["texts"]["documents"] == 3
    assert state["texts"]["written"] == [str(texts / "one/text.md"), str(texts / "two/text.md")]
    assert [(failed["file"], failed["code"]) for failed in state["texts"]["failed"]] == [(bad, "E_PARSE_CORRUPT")]
    assert (texts / "two/text.md").read_text().startswith("# Title two\n")
    assert (tmp_path / "out/all.jsonl").read_text().splitlines() == exported
    assert state["lines"] == {"lines": len(exported), "output": str(tmp_path / "out/all.jsonl")}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["all.jsonl"]
    assert json.loads(json.dumps(state)) == state


def test_settings_of_a_step_come_on_top_of_those_of_the_recipe(run: Run, documents: Path, tmp_path: Path) -> None:
    run(
        """
        settings:
          store: ${folder}/a.db
          config: {execution_strategy: thread, chunk_size_tokens: 1000, tenant_id: everybody}
        steps:
          one: {run: ingest, with: {paths: "${documents}/one"}}
          # An overlap that is valid beside the recipe's size of a chunk only.
          two: {run: ingest, with: {paths: "${documents}/two", config: {chunk_overlap_tokens: 900, tenant_id: someone}}}
        """,
        documents=documents,
        folder=tmp_path,
    )
    with SqliteStore(tmp_path / "a.db") as store:
        assert [record.state.tenant_id for record in store.sources()] == ["everybody", "someone"]


def test_files_of_one_name_keep_names_of_their_own(run: Run, documents: Path, tmp_path: Path) -> None:
    state = run(
        f"""
        settings: {{{THREADS}}}
        steps:
          texts:
            run: convert
            with: {{paths: ["${{documents}}/one", "${{documents}}/two"], include: text*, to: jsonl, output: "${{folder}}"}}
        """,
        documents=documents,
        folder=tmp_path / "texts",
    )
    assert [Path(name).relative_to(tmp_path).as_posix() for name in state["texts"]["written"]] == [
        "texts/one/text.txt.jsonl",
        "texts/two/text.txt.jsonl",
    ]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("paths: [., nowhere/at/all]", "no such file or folder: nowhere/at/all"),
        ("files: found.files.text", "no list of paths is in the state at 'found.files.text'"),
    ],
)
def test_what_is_not_there_is_no_empty_folder(run: Run, parameters: str, words: str) -> None:
    with pytest.raises(IngestkitError, match=words) as failed:
        run(f"settings: {{{THREADS}}}\nsteps: {{a: {{run: ingest, with: {{{parameters}}}}}}}")
    assert failed.value.code == ErrorCode.E_SOURCE_NOT_FOUND


@pytest.mark.integration
@pytest.mark.parametrize("by_environment", [False, True])
def test_a_step_that_ingests_may_have_an_embedder(
    run: Run, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_environment: bool
) -> None:
    pytest.importorskip("httpx2", reason="needs ingestkit-core[http]")
    with ModelServer() as server:
        monkeypatch.setenv("INGESTKIT_EMBEDDER", server.openai_url if by_environment else "")
        embedder = "" if by_environment else f", embedder: '{server.openai_url}'"
        run(
            f"settings: {{store: '${{store}}', {THREADS}}}\nsteps: {{a: {{run: ingest, with: "
            f"{{paths: '${{paths}}/one', config: {{embedding_model: small}}{embedder}}}}}}}",
            paths=documents,
            store=tmp_path / "s.db",
        )
    with SqliteStore(tmp_path / "s.db") as store:
        assert store.embedder() == ("openai:small", 16)


@pytest.mark.parametrize("strategy", ["thread", "process"])
def test_branches_ingest_into_one_store(run: Run, documents: Path, tmp_path: Path, strategy: str) -> None:
    patience = 0.7 if strategy == "process" else 30  # seconds the owner waits for the other one
    state = run(
        f"""
        settings:
          store: ${{store}}
          {THREADS}
          parallel: {{strategy: {strategy}, max_workers: 3}}
        steps:
          owner: {{run: do:own, with: {{store: "${{store}}", mark: "${{store}}.mark", patience: {patience}}}}}
          when: {{run: do:when, with: {{mark: "${{store}}.mark"}}}}
          one: {{run: ingest, with: {{paths: "${{documents}}/one"}}}}
          now: {{run: do:now, with: {{mark: "${{store}}.mark"}}}}
          two: {{run: ingest, with: {{paths: "${{documents}}/two"}}}}
        edges:
          - {{to: [owner, when, two], parallel: true}}
          - {{from: when, to: one}}
          - {{from: one, to: now}}
        """,
        documents=documents,
        store=tmp_path / "both.db",
    )
    owner, one, two = state["parallel_results"]
    # Threads share what their process owns; a process waits until the other one lets go.
    assert (one["at"] > owner["until"]) is (strategy == "process")
    assert (one["one"]["statuses"]["committed"], two["two"]["statuses"]["committed"]) == (1, 1)
    with SqliteStore(tmp_path / "both.db") as store:
        assert store.status().sources == 2


HOLD = """
import sys
from ingestkit_core import open_store
with open_store(sys.argv[1]) as store, store.lease(0):
    print("owned", flush=True)
    sys.stdin.read()
"""


def test_a_store_that_somebody_else_owns_is_waited_for_if_asked(run: Run, documents: Path, tmp_path: Path) -> None:
    text = f"settings: {{store: '${{store}}', {THREADS}}}\nsteps: {{a: {{run: ingest, with: {{paths: '${{paths}}', wait: ${{wait}}}}}}}}"
    text = text.replace("${wait}", "'${wait}'")
    values = {"store": tmp_path / "a.db", "paths": documents / "two"}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, values["store"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "owned\n"
        with pytest.raises(StoreError) as refused:
            run(text, wait="no", **values)
        assert refused.value.code == ErrorCode.E_STORE_LOCKED
        threading.Timer(0.3, holder.stdin.close).start()
        assert run(text, wait="yes", **values)["a"]["statuses"] == {"committed": 1}
