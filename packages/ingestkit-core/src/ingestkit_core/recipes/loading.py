"""From a YAML file to a Recipe. Whatever is wrong with it is refused here, by file and line.

    text ─► nodes ─► variables put in ─► values and their lines ─► sections, steps, edges ─► the ways through them

Nothing runs, except that modules of ``module:function`` steps are imported.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from ingestkit_core.ingestor import installed_routers
from ingestkit_core.recipes.model import Edge, Entry, Recipe, Settings, Step
from ingestkit_core.recipes.steps import BUILT_IN, BuiltInStep, FunctionStep
from ingestkit_core.router import DocumentRouter

__all__ = ["RecipeError", "importable_from", "load_recipe"]

Routers = Mapping[str, type[DocumentRouter]] | None
Where = tuple[str | int, ...]
"""Where something stands in the file: the keys and indexes that lead to it."""
_Section = TypeVar("_Section", bound=BaseModel)


class RecipeError(ValueError):
    """A recipe that cannot be run. The message begins with the file's name and the line (from 1)."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path.name}:{line}: {message}")
        self.path = path
        self.line = line


def load_recipe(
    path: str | PathLike[str], variables: Mapping[str, object] | None = None, *, routers: Routers = None
) -> Recipe:
    """Read and check a recipe. ``variables`` fill its ``${name}``, as text.

    ``routers`` are the formats its steps know, by name; by default those installed. A module that a step
    names is found as ever, or beside the recipe. Raises RecipeError, and OSError for a file that cannot be read.
    """
    file = _File(Path(path), {name: str(value) for name, value in (variables or {}).items()})
    sections = file.checked(_Sections, file.values)
    settings = file.checked(Settings, sections.settings, ("settings",))
    _check_config(file, ("settings", "config"), settings.config, routers)
    with importable_from(file.folder):
        steps = {name: _step(file, name, entry, settings, routers) for name, entry in sections.steps.items()}
    return Recipe(file.path, settings, steps, _edges(file, sections.edges, list(steps)), routers)


@contextmanager
def importable_from(folder: Path) -> Iterator[None]:
    """Modules in a folder can be imported, also by workers that are started meanwhile; installed ones win."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


class _Sections(Entry):
    settings: dict[str, Any] = Field({})
    steps: dict[str, Any] = Field(min_length=1)
    edges: list[Any] = Field([])


class _StepEntry(Entry):
    run: str
    parameters: dict[str, Any] = Field({}, alias="with")


# The file


class _File:
    """The values of a recipe, its variables put in, and the line of each part."""

    _VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")

    def __init__(self, path: Path, variables: Mapping[str, str]) -> None:
        self.path = path
        self.folder = path.absolute().parent
        self._variables = variables
        self._used: set[str] = set()
        self._lines: dict[tuple[str, ...], int] = {(): 1}
        self.values = self._read()
        for name in sorted(variables.keys() - self._used):
            known = ", ".join(sorted(self._used)) or "none"
            raise self.error((), f"there is no ${{{name}}} to set; variables here: {known}")

    def _read(self) -> Any:
        try:
            loader = yaml.SafeLoader(self.path.read_text(encoding="utf-8"))
            root = loader.get_single_node()
            if root is None:
                return {}
            self._visit(root, (), set())
            return loader.construct_document(root)
        except UnicodeDecodeError as exc:
            raise self.error((), "a recipe is UTF-8 text") from exc
        except yaml.YAMLError as exc:
            mark = exc.problem_mark if isinstance(exc, yaml.MarkedYAMLError) else None
            why = exc.problem if isinstance(exc, yaml.MarkedYAMLError) else exc
            raise RecipeError(self.path, mark.line + 1 if mark else 1, f"this is no YAML: {why}") from exc

    def _visit(self, node: yaml.Node, where: tuple[str, ...], seen: set[int]) -> None:
        """Note the lines of what is in a node, refuse a key given twice, and put variables in."""
        if id(node) in seen:  # an alias
            return
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            node.value = self._VARIABLE.sub(lambda match: self._filled(match, where), node.value)
            return
        pairs = enumerate(node.value) if isinstance(node, yaml.SequenceNode) else node.value
        for key, value in pairs:
            inner = (*where, str(key.value if isinstance(key, yaml.Node) else key))
            line = (key if isinstance(key, yaml.Node) else value).start_mark.line + 1
            if inner in self._lines:
                twice = f"{inner[-1]!r} is here a second time, the first is in line {self._lines[inner]}"
                raise RecipeError(self.path, line, twice)
            self._lines[inner] = line
            self._visit(value, inner, seen)

    def _filled(self, match: re.Match[str], where: tuple[str, ...]) -> str:
        if match[0] == "$${":
            return "${"
        name, has_default, default = match[1].partition(":-")
        if not (name.isidentifier() and match[0].endswith("}")):
            raise self.error(where, f"{match[0]} is no variable; $${{ stands for ${{ itself")
        if name not in self._variables and not has_default:
            raise self.error(where, f"${{{name}}} has no value; give it one: --set {name}=VALUE")
        self._used.add(name)
        return self._variables.get(name, default)

    def line(self, where: Where) -> int:
        """The line of a part, or of the nearest thing around it that is in the file."""
        known = tuple(map(str, where))
        while known not in self._lines:
            known = known[:-1]
        return self._lines[known]

    def error(self, where: Where, message: str) -> RecipeError:
        """An error there."""
        return RecipeError(self.path, self.line(where), message)

    def checked(self, section: type[_Section], values: Any, where: Where = ()) -> _Section:
        """Values as what they should be. Of several complaints the first in the file counts."""
        try:
            return section.model_validate(values)
        except ValidationError as exc:
            error = min(exc.errors(), key=lambda error: self.line((*where, *error["loc"])))
            at = (*where, *error["loc"])
            raise self.error(at, _complaint(section, error, ".".join(map(str, at)) or "a recipe")) from exc


def _complaint(section: Any, error: Any, what: str) -> str:
    """A validation error in words, with what would be right."""
    given, kind = error["input"], error["type"]
    if kind == "extra_forbidden":
        for key in error["loc"][:-1]:
            section = section.model_fields[key].annotation
        known = [field.alias or name for name, field in section.model_fields.items()]
        return f"unknown key {what!r}; known here are {', '.join(known)}"
    if kind == "literal_error":
        return f"unknown {error['loc'][-1]} {given!r}; known are {error['ctx']['expected']}"
    if kind == "missing":
        return f"{what} is missing"
    if kind in ("model_type", "dict_type"):
        return f"{what} is a mapping of keys to values, not a {type(given).__name__}"
    if kind == "value_error":
        return f"{what}: {error['ctx']['error']}"
    return f"{what}: {error['msg']}" + (f", not {given!r}" if isinstance(given, str | int | float) else "")


# Settings and steps


def _check_config(file: _File, where: Where, config: Mapping[str, Any], routers: Routers) -> None:
    """Whether an Ingestor takes these settings."""
    classes = (installed_routers() if routers is None else routers) if config else {}
    configs = {name: router.format.config_class for name, router in classes.items()}
    for key, value in config.items():
        if key not in configs and not any(key in known.model_fields for known in configs.values()):
            raise file.error((*where, key), f"no installed format has a setting {key!r}")
        if key in configs and not isinstance(value, dict):
            raise file.error((*where, key), f"{key} holds the settings of that format, by name")
    for name, known in configs.items():
        shared = {key: value for key, value in config.items() if key in known.model_fields}
        file.checked(known, {**shared, **config.get(name, {})}, where)


def _step(file: _File, name: str, values: Any, settings: Settings, routers: Routers) -> Step:
    where: Where = ("steps", name)
    entry = file.checked(_StepEntry, values, where)
    if entry.run not in BUILT_IN:
        function = _function(file, (*where, "run"), entry.run)
        _check_parameters(file, where, function, entry.parameters)
        return FunctionStep(function, entry.parameters)
    work = file.checked(BUILT_IN[entry.run], entry.parameters, (*where, "with"))
    if own := entry.parameters.get("config"):
        _check_config(file, (*where, "with", "config"), {**settings.config, **own}, routers)
    return BuiltInStep(name, work)


def _function(file: _File, where: Where, name: str) -> Callable[..., Any]:
    module_name, _, function_name = name.partition(":")
    if not (module_name and function_name):
        known = ", ".join(BUILT_IN)
        raise file.error(where, f"there is no step {name!r}; built in are {known}, any other is module:function")
    try:
        module = importlib.import_module(module_name)
    except Exception as exc:
        # Importing runs somebody's code.
        raise file.error(where, f"cannot import {module_name}: {type(exc).__name__}: {exc}") from exc
    beside = file.folder.joinpath(*module_name.split(".")).with_suffix(".py")
    if beside.exists() and not (module.__file__ and beside.samefile(module.__file__)):
        raise file.error(where, f"{beside.name} beside the recipe is hidden by {module}; give it another name")
    function = getattr(module, function_name, None)
    if not callable(function):
        raise file.error(where, f"{module} has no function {function_name!r}")
    found: Callable[..., Any] = function
    return found


def _check_parameters(file: _File, where: Where, function: Callable[..., Any], parameters: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(function)
    except ValueError:  # some written in C have none
        return
    at = where
    try:
        for key in parameters:
            at = (*where, "with", key)
            signature.bind_partial({}, **{key: None})
        at = where
        signature.bind({}, **parameters)
    except TypeError as exc:
        raise file.error(at, f"{where[-1]}: {exc}; the function takes {signature}") from exc


# Edges


def _edges(file: _File, values: Sequence[Any], steps: Sequence[str]) -> dict[str | None, Edge]:
    """Edges by the step they leave; without any, the steps follow each other as they stand in the file."""
    if not values:
        return {source: Edge(to=(step,)) for source, step in zip([None, *steps], steps, strict=False)}
    ways = _Ways(file)
    for number, entry in enumerate(values):
        where: Where = ("edges", number)
        edge = file.checked(Edge, entry, where)
        for key, names in (("from", [edge.source]), ("to", edge.to), ("fan_in", [edge.fan_in])):
            for name in names:
                if name is not None and name not in steps:
                    raise file.error((*where, key), f"there is no step {name!r}; there are {', '.join(steps)}")
        if edge.source in ways.edges:
            leaves = "is the start" if edge.source is None else f"leaves {edge.source!r}"
            raise file.error(where, f"a second edge {leaves}; a single one names all its targets: to: [a, b]")
        ways.edges[edge.source], ways.places[edge.source] = edge, where
    ways.check(steps)
    return ways.edges


@dataclass(frozen=True, slots=True)
class _Ways:
    """Whether each step is reached, in one way only, and no way leads back. Walks as a run does."""

    file: _File
    edges: dict[str | None, Edge] = field(default_factory=dict)
    places: dict[str | None, Where] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)

    def check(self, steps: Sequence[str]) -> None:
        """Refuse what a run could not follow. Adds the edge to the first step where none is given."""
        entered = {name for edge in self.edges.values() for name in (*edge.to, edge.fan_in)}
        first = next((name for name in steps if name not in entered), steps[0])
        self.edges.setdefault(None, Edge(to=(first,)))
        self._follow(self._beyond(None, ()), None, (None,))
        for name in steps:
            if name not in self.reached:
                message = f"no edge leads from the start to {name!r}; an edge without from may begin with several steps"
                raise self.file.error(("steps", name), message)

    def _follow(self, name: str | None, stop: str | None, way: tuple[str | None, ...]) -> None:
        while name is not None and name != stop:
            if name in self.reached:
                raise self.file.error(self.places[way[-1]], self._complaint(name, way))
            self.reached.add(name)
            way = (*way, name)
            name = self._beyond(name, way)

    def _beyond(self, source: str | None, way: tuple[str | None, ...]) -> str | None:
        """What comes after a step; its branches are followed on the way."""
        edge = self.edges.get(source)
        if edge is None or not edge.fans_out:
            return edge.to[0] if edge is not None else None
        for name in edge.to:
            self._follow(name, edge.fan_in, way or (None,))
        return edge.fan_in

    def _complaint(self, name: str, way: tuple[str | None, ...]) -> str:
        if name in way:
            steps = [step for step in (*way[way.index(name) :], name) if step is not None]
            return f"the edges make a cycle: {' -> '.join(steps)}"
        return f"{name!r} is reached in more than one way; where branches meet is the fan_in of their edge"
