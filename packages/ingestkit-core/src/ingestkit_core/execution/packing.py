"""Making a call into bytes and back, without ever importing the caller's ``__main__``.

In the owner :func:`pack` pickles function and arguments together and notes every module they refer to, with
the file it came from. In the worker :func:`unpack` makes sure each of those modules is there under its own
name, loaded from its file where no import finds it (a test module, a file loaded by hand), and only then
unpickles.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import io
import json
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

from ingestkit_core.errors import PickleValidationError

__all__ = ["Packed", "Unpicklable", "find_unpicklable", "pack", "unpack"]


@dataclass(frozen=True, slots=True)
class Packed:
    """A call as bytes. ``modules`` is a JSON object: module name to source file, or null without one."""

    modules: bytes
    call: bytes


@dataclass(frozen=True, slots=True)
class Unpicklable:
    """The innermost value that cannot be pickled: its dotted path, its type's name, and pickle's reason."""

    path: str
    type_name: str
    reason: str


class _Refused(Exception):
    """A class or function that a worker could never import."""


class _Pickler(pickle.Pickler):
    """Notes the modules of all classes and functions it meets."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.modules: list[str] = []

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type | FunctionType):
            self._note(obj)
        return NotImplemented

    def _note(self, obj: type | FunctionType) -> None:
        name = obj.__module__ or "builtins"  # pickle searches for a module where none is given
        if name == "__main__":
            raise _Refused(
                f"{obj.__qualname__} is defined in the main script, which workers never import; "
                "move it to a module of its own and import it from there"
            )
        if name not in self.modules and name != "builtins":
            self.modules.append(name)


def pack(function: Callable[..., Any], args: tuple[Any, ...]) -> Packed:
    """The call as bytes. Raises PickleValidationError naming the function or the argument that cannot travel."""
    try:
        modules, call = _pickled((function, args))
    except Exception as exc:
        raise PickleValidationError(_complaint(function, args, exc)) from exc
    return Packed(_as_json(tuple(modules)), call)


@functools.lru_cache(256)
def _as_json(modules: tuple[str, ...]) -> bytes:
    return json.dumps({name: _source_file(name) for name in modules}).encode() if modules else b""


def unpack(modules: bytes, call: bytes) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The call, in the worker. Whatever importing and unpickling raise comes through."""
    if modules:
        for name, file in json.loads(modules).items():
            _provide(name, file)
    function, args = pickle.loads(call)
    return function, args


def find_unpicklable(value: Any) -> Unpicklable | None:
    """The innermost part of a value that cannot be pickled, None when all of it can.

    Looks into mappings, lists, tuples, sets and instance dictionaries; the path is relative to the value.
    """
    return _find(value, frozenset())


def _find(value: Any, above: frozenset[int]) -> Unpicklable | None:
    try:
        _pickled(value)
    except Exception as exc:  # noqa: BLE001 - pickling runs __reduce__ of any class
        above |= {id(value)}
        for part, inner in _parts(value):
            found = _find(inner, above) if id(inner) not in above else None
            if found is not None:
                path = f"{part}.{found.path}" if found.path else part
                return Unpicklable(path, found.type_name, found.reason)
        return Unpicklable("", type(value).__qualname__, _reason(exc))
    return None


def _pickled(value: Any) -> tuple[list[str], bytes]:
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump(value)
    return pickler.modules, file.getvalue()


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), inner) for key, inner in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((str(index), inner) for index, inner in enumerate(value))
    elif "__reduce__" not in vars(type(value)) and isinstance(getattr(value, "__dict__", None), dict):
        yield from vars(value).items()


def _complaint(function: Callable[..., Any], args: tuple[Any, ...], exc: Exception) -> str:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    found = find_unpicklable(function)
    if found is not None:
        return f"function {name} cannot be sent to a worker: {found.reason}"
    for index, value in enumerate(args):
        found = find_unpicklable(value)
        if found is not None:
            place = f"argument {index} of {name}" + (f" at {found.path}" if found.path else "")
            return f"{place} ({found.type_name}) is not picklable: {found.reason}"
    return f"the call of {name} is not picklable: {_reason(exc)}"


def _reason(exc: Exception) -> str:
    return str(exc) if isinstance(exc, _Refused) else f"{type(exc).__name__}: {exc}"


def _source_file(name: str) -> str | None:
    file = getattr(sys.modules.get(name), "__file__", None)
    return os.path.abspath(file) if file else None


def _provide(name: str, file: str | None) -> None:
    if name in sys.modules:
        return
    if file is None or not file.endswith((".py", ".pyc")) or _is_found_at(name, file):
        importlib.import_module(name)
    else:
        _load_from_file(name, file)


def _is_found_at(name: str, file: str) -> bool:
    spec = _spec(name)
    return spec is not None and os.path.realpath(spec.origin or "") == os.path.realpath(file)


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def _load_from_file(name: str, file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded as a module", name=name)
    _provide_parents(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _provide_parents(name: str, file: str) -> None:
    # Pickle imports a.b by asking for a, which may be a name that only the caller's test runner made up.
    directory = os.path.dirname(file)
    if os.path.basename(file).startswith("__init__."):
        directory = os.path.dirname(directory)
    while name := name.rpartition(".")[0]:
        if name not in sys.modules and _spec(name) is None:
            parent = ModuleType(name)
            parent.__path__ = [directory]
            sys.modules[name] = parent
        directory = os.path.dirname(directory)
