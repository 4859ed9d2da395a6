"""What a step can be: one of four built in, or a function somebody wrote.

Fields are what stands under ``with:``. What a built-in step found is put into the state under the step's own
name, so that two of a kind do not overwrite each other; what a function returns is merged into it.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ingestkit_core.batch import Asked
from ingestkit_core.errors import ErrorCode, SourceError
from ingestkit_core.ingestor import Discovered, Ingestor
from ingestkit_core.parallel import ParallelConfig, ThreadExecutor, current_token
from ingestkit_core.recipes.model import Entry, FilePath, OneOrMore, Place
from ingestkit_core.rendering import render
from ingestkit_core.stores import open_store

__all__ = ["BUILT_IN", "BuiltInStep", "FunctionStep", "Work"]


class Work(Entry, ABC):
    """What is under ``with:`` of a built-in step, and what is done with it."""

    @abstractmethod
    def do(self, state: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Do it; returns plain values that go into JSON."""


@dataclass(frozen=True, slots=True)
class BuiltInStep:
    """One of ``BUILT_IN``."""

    name: str
    work: Work

    def run(self, state: dict[str, Any], place: Place) -> Mapping[str, Any]:
        """See Step."""
        return {self.name: self.work.do(state, place)}


@dataclass(frozen=True, slots=True)
class FunctionStep:
    """A function of the state and of what is under ``with:``. It may return nothing."""

    function: Callable[..., Mapping[str, Any] | None]
    parameters: Mapping[str, Any]

    def run(self, state: dict[str, Any], place: Place) -> Mapping[str, Any]:
        """See Step."""
        returned = self.function(state, **deepcopy(dict(self.parameters)))
        if returned is not None and not isinstance(returned, Mapping):
            raise TypeError(f"it returned a {type(returned).__qualname__}, not a mapping to merge into the state")
        return returned or {}


class _OfDocuments(Work):
    """Documents at ``paths``, or at those that an earlier step left in the state at ``files`` (a dotted path)."""

    paths: Annotated[tuple[FilePath, ...], OneOrMore] = ()
    files: str | None = None
    include: Annotated[tuple[str, ...], OneOrMore] = ()
    exclude: Annotated[tuple[str, ...], OneOrMore] = ()
    config: dict[str, Any] = Field({})

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.paths) == (self.files is not None):
            raise ValueError("give either paths, or in files where an earlier step has left some")
        return self

    def existing_paths(self, state: Mapping[str, Any]) -> Sequence[str]:
        """The paths meant. Raises SourceError if one is not there, or none were left."""
        paths = self.paths if self.files is None else _left_in(state, self.files)
        for path in paths:
            if not os.path.exists(path):
                raise SourceError(ErrorCode.E_SOURCE_NOT_FOUND, f"no such file or folder: {path}")
        return paths

    def ingestor(self, place: Place, store: str | None = None) -> Ingestor:
        """One for this step."""
        return Ingestor(store or place.store, {**place.config, **self.config}, routers=place.routers, **self.models())

    def models(self) -> dict[str, str | None]:
        """The addresses of an embedder and a language model; only a step that stores needs them."""
        return {}


def _left_in(state: Mapping[str, Any], where: str) -> Sequence[str]:
    found: Any = state
    for key in where.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return [found]
    if not isinstance(found, list | tuple) or not all(isinstance(path, str) for path in found):
        raise SourceError(ErrorCode.E_SOURCE_NOT_FOUND, f"no list of paths is in the state at {where!r}")
    return found


class Discover(_OfDocuments):
    """Lists documents by format, and counts what no installed format reads by suffix."""

    def do(self, state: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """See Work."""
        seen = Discovered()
        files: dict[str, list[str]] = {}
        with self.ingestor(place) as ingestor:
            files.update((router.format.name, []) for router in ingestor.routers.values())
            for asked in ingestor.discover(self.existing_paths(state), self.include, self.exclude, seen):
                files[asked.router.format.name].append(asked.file_path)
        return {"files": files, "unsupported": dict(sorted(seen.unsupported.items())), "unreadable": seen.unreadable}


class Ingest(_OfDocuments):
    """Reads documents into a store; counts what became of them. A quarantined document is no failure.

    ``embedder`` and ``llm`` are addresses, by default those in ``$INGESTKIT_EMBEDDER`` and ``$INGESTKIT_LLM``.
    """

    store: FilePath | None = None
    wait: bool = False
    embedder: str | None = None
    llm: str | None = None

    def models(self) -> dict[str, str | None]:
        """See _OfDocuments."""
        return {
            "embedder": self.embedder or os.environ.get("INGESTKIT_EMBEDDER") or None,
            "llm": self.llm or os.environ.get("INGESTKIT_LLM") or None,
        }

    def do(self, state: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """See Work."""
        paths = self.existing_paths(state)
        statuses, codes = Counter[str](), Counter[str]()
        chunks = tables = 0
        with self.ingestor(place, self.store) as ingestor, _stopped_with_its_flow() as stop:
            for result in ingestor.ingest(
                paths,
                self.include,
                self.exclude,
                wait_seconds=None if self.wait or place.wait else 0.0,
                stop=stop,
            ):
                statuses[result.status] += 1
                codes.update((*result.errors, *result.warnings))
                chunks += result.chunks_created
                tables += result.tables_created
        return {
            "documents": statuses.total(),
            "statuses": dict(sorted(statuses.items())),
            "chunks": chunks,
            "tables": tables,
            "codes": dict(sorted(codes.items())),
        }


@contextmanager
def _stopped_with_its_flow() -> Iterator[threading.Event]:
    """Set when the branch this runs in is cancelled: nothing kills a thread, and this one writes to a store."""
    stop = threading.Event()
    forget = current_token().on_cancel(stop.set)
    try:
        yield stop
    finally:
        forget()


class Convert(_OfDocuments):
    """Writes documents as text files into a folder, under their own names. Nothing is stored."""

    to: Literal["md", "json", "jsonl", "html"]
    output: FilePath

    def do(self, state: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """See Work."""
        paths = self.existing_paths(state)
        with self.ingestor(place) as ingestor:
            found = {asked.file_path: asked for asked in ingestor.discover(paths, self.include, self.exclude)}
            targets = [str(Path(self.output, name)) for name in _target_names(list(found.values()), self.to)]
            states = [{"file": file, "target": target} for file, target in zip(found, targets, strict=True)]
            # Threads only wait; the ingestor's workers work.
            in_flight = (router.in_flight for router in ingestor.routers.values())
            at_once = ParallelConfig(max_workers=max(in_flight, default=1))
            flow = partial(_convert_file, ingestor, self.to)
            results = ThreadExecutor().execute([flow] * len(states), states, at_once)
        ends = list(zip(states, results, strict=True))
        return {
            "documents": len(ends),
            "written": [state["target"] for state, result in ends if result.success],
            "failed": [
                {"file": state["file"], "code": result.error.code, "message": result.error.message}
                for state, result in ends
                if result.error is not None
            ],
        }


def _convert_file(ingestor: Ingestor, form: str, state: Mapping[str, str]) -> None:
    text = render(ingestor.convert(state["file"]), form)
    target = Path(state["target"])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", errors="replace", newline="\n")


def _target_names(found: Sequence[Asked], form: str) -> list[Path]:
    """A relative path of its own for each document: as short as all of them can be at once."""
    if not found:
        return []
    files = [Path(asked.file_path) for asked in found]
    below = [file.relative_to(asked.root or file.parent) for file, asked in zip(files, found, strict=True)]
    common = os.path.commonpath([file.parent for file in files])
    schemes = [
        [name.with_suffix(f".{form}") for name in below],
        [name.with_name(f"{name.name}.{form}") for name in below],
        [file.relative_to(common).with_name(f"{file.name}.{form}") for file in files],
    ]
    return next(names for names in schemes if len(set(names)) == len(names))


class Export(Work):
    """Writes the content of a store, or of one tenant in it, as canonical JSON lines to a file."""

    output: FilePath
    store: FilePath | None = None
    tenant: str | None = None

    def do(self, state: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """See Work."""
        target = Path(self.output)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f"{target.name}.part")
        lines = 0
        with open_store(self.store or place.store) as store, open(unfinished, "w", encoding="utf-8", newline="\n") as f:
            for line in store.export(self.tenant):
                f.write(f"{line}\n")
                lines += 1
        unfinished.replace(target)
        return {"lines": lines, "output": str(target)}


BUILT_IN: Mapping[str, type[Work]] = {"discover": Discover, "ingest": Ingest, "convert": Convert, "export": Export}
