"""A recipe as parsed: frozen values whose names are all checked. They pickle: a branch takes them along.

settings   store, config, parallel
steps      what is done, by name
edges      what comes after what:

    edges[None] ─► a ─► b ─┬─► c ─► d ─┬─► e      an edge from b: to [c, x], fan_in e
                           └─► x ──────┘
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ingestkit_core.parallel import ParallelConfig
from ingestkit_core.parallel.config import Strategy
from ingestkit_core.router import DocumentRouter

__all__ = ["Edge", "Entry", "FilePath", "OneOrMore", "ParallelSettings", "Place", "Recipe", "Settings", "Step"]

FilePath = Annotated[str, Field(min_length=1), AfterValidator(os.path.expanduser)]
"""A path as people write it; relative ones are of the current folder."""


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


OneOrMore = BeforeValidator(_listed)
"""On a tuple of texts: a single one may stand without brackets."""


class Entry(BaseModel):
    """A mapping of the file. Keys it does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ParallelSettings(Entry):
    """What branches run on where their edge says nothing else, and how many of them at once."""

    strategy: Strategy = "thread"
    max_workers: int = Field(default_factory=lambda: ParallelConfig().max_workers, ge=1)


class Settings(Entry):
    """What all steps share: the store's URL (None: the default one) and settings as an Ingestor takes them."""

    store: FilePath | None = None
    config: dict[str, Any] = {}
    parallel: ParallelSettings = ParallelSettings()


class Edge(Entry):
    """What comes after ``source``, or first of all when that is None.

    One step, or branches: several steps, each run on a copy of the state, side by side if ``parallel``. Where
    they are over ``fan_in`` goes on. ``on_error`` says what a failed branch means: the recipe fails, or goes on
    with an error record in the branch's place.
    """

    source: str | None = Field(None, alias="from")
    to: Annotated[tuple[str, ...], OneOrMore, Field(min_length=1)]
    parallel: bool = False
    parallel_strategy: Strategy | None = None
    fan_in: str | None = None
    on_error: Literal["fail", "continue"] = "fail"

    @property
    def fans_out(self) -> bool:
        """Whether it leads into branches."""
        return self.parallel or len(self.to) > 1 or self.fan_in is not None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.parallel_strategy is not None and not self.parallel:
            raise ValueError("parallel_strategy is of no use without parallel: true")
        if "on_error" in self.model_fields_set and not self.fans_out:
            raise ValueError("on_error is about branches, and this edge has none")
        if self.fan_in in self.to:
            raise ValueError(f"fan_in {self.fan_in!r} is where the branches meet; it cannot be one of them")
        return self


@dataclass(frozen=True, slots=True)
class Place:
    """Where steps work. ``wait``: a store that another process owns is waited for, whatever the step says."""

    store: str | None
    config: Mapping[str, Any]
    routers: Mapping[str, type[DocumentRouter]] | None
    wait: bool = False


class Step(Protocol):
    """What is done. Must pickle to be part of a process branch."""

    def run(self, state: dict[str, Any], place: Place) -> Mapping[str, Any]:
        """Do it; what is returned is merged into the state."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps by name in the order of the file, edges by the step they leave. ``edges[None]`` is the start.

    Every name in an edge is a step; each step is reached in exactly one way; there is no circle.
    """

    path: Path
    settings: Settings
    steps: Mapping[str, Step]
    edges: Mapping[str | None, Edge]
    routers: Mapping[str, type[DocumentRouter]] | None = None

    @property
    def folder(self) -> Path:
        """Where the file lies, and modules of its own may lie beside it."""
        return self.path.absolute().parent

    def strategy(self, edge: Edge) -> Strategy:
        """What the branches of an edge run on."""
        return edge.parallel_strategy or self.settings.parallel.strategy
