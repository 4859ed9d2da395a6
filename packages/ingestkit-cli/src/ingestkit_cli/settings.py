"""Settings from everywhere, merged: flag, then INGESTKIT_* variable, then config file, then default.

A value remembers where it came from, so that a complaint about it says where to look.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestkit_core.config import ProcessorConfig, read_mapping
from ingestkit_core.ingestor import Ingestor, installed_routers
from ingestkit_core.router import DocumentRouter
from pydantic import ValidationError

from ingestkit_cli.errors import Mistake
from ingestkit_cli.output import say

if TYPE_CHECKING:
    from ingestkit_cli.options import Strategy

__all__ = [
    "Settings",
    "Wishes",
    "formats",
    "merged",
    "misspelt_variables",
    "model_config",
    "open_ingestor",
    "usable_cpus",
]

_PREFIX = "INGESTKIT_"
_NOT_SETTINGS = frozenset({"STORE", "EMBEDDER", "LLM", "API_KEY", "CORPORA", "REQUIRE"})
_DEFAULT_WORKERS = 4

_NO_FORMATS = (
    "no document format is installed: pip install ./packages/ingestkit-pdf ./packages/ingestkit-excel "
    "in a checkout of ingestkit"
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line itself says about settings; None where it says nothing.

    ``queue`` is the broker's URL; an empty one means this machine, whatever else is configured.
    """

    config_file: Path | None = None
    tenant: str | None = None
    workers: int | None = None
    strategy: Strategy | None = None
    embedder: str | None = None
    llm: str | None = None
    queue: str | None = None

    def flags(self) -> dict[str, tuple[Any, str]]:
        """Setting, value and flag. An empty tenant is nobody."""
        said: dict[str, tuple[Any, str]] = {}
        if self.tenant is not None:
            said["tenant_id"] = (self.tenant or None, "--tenant")
        if self.workers is not None:
            said["execution_max_workers"] = (self.workers, "--workers")
        if self.strategy is not None:
            said["execution_strategy"] = (self.strategy.value, "--strategy")
        if self.queue is not None:
            said["execution_backend"] = ("distributed" if self.queue else "local", "--queue")
            said["execution_queue_url"] = (self.queue or None, "--queue")
        return said


@dataclass(frozen=True, slots=True)
class Settings:
    """Merged settings, as an Ingestor takes them, and where each came from."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]


def formats() -> dict[str, type[DocumentRouter]]:
    """The routers of the installed formats, by name. Raises Mistake if one cannot be imported."""
    try:
        return installed_routers()
    except (ImportError, AttributeError) as exc:
        raise Mistake(f"an installed format cannot be imported: {exc} (see ingestkit doctor)") from exc


def open_ingestor(store: str | None, wishes: Wishes) -> Ingestor:
    """An ingestor with the installed formats, the merged settings and the models. Raises Mistake and StoreError."""
    routers = formats()
    if not routers:
        raise Mistake(_NO_FORMATS)
    settings = merged({name: router.format.config_class for name, router in routers.items()}, wishes)
    with _complaining(settings):
        return Ingestor(
            store, settings.values, llm=wishes.llm or None, embedder=wishes.embedder or None, routers=routers
        )


def model_config(wishes: Wishes) -> ProcessorConfig:
    """The merged settings that all formats share. Raises Mistake."""
    configs = {name: router.format.config_class for name, router in formats().items()} or {"core": ProcessorConfig}
    settings = merged(configs, wishes)
    with _complaining(settings):
        shared = {key: value for key, value in settings.values.items() if key in ProcessorConfig.model_fields}
        return ProcessorConfig.model_validate(shared)


@contextlib.contextmanager
def _complaining(settings: Settings) -> Iterator[None]:
    """Turns what is wrong with a setting, or with the address of a model, into a Mistake."""
    try:
        yield
    except ValidationError as exc:
        raise Mistake(complaint(exc, settings.origins)) from exc
    except re.error as exc:
        raise Mistake(f"redact_patterns: {exc.pattern!r} is no regular expression: {exc.msg}") from exc
    except (ValueError, ImportError) as exc:
        raise Mistake(str(exc)) from exc


def merged(configs: Mapping[str, type[ProcessorConfig]], wishes: Wishes) -> Settings:
    """The settings for formats with these config classes, by format name. Raises Mistake."""
    from_file = _from_file(wishes.config_file, configs)
    stronger = {**_from_environment(configs), **wishes.flags()}
    values: dict[str, Any] = {"execution_max_workers": min(_DEFAULT_WORKERS, usable_cpus())}
    values.update(from_file)
    for name in configs:
        if name in values:
            # What one format is told in the file must not win over a flag meant for all of them.
            values[name] = {key: value for key, value in values[name].items() if key not in stronger}
    values.update({key: value for key, (value, _) in stronger.items()})
    origins = {key: str(wishes.config_file) for key in from_file}
    for name in configs:
        origins.update(dict.fromkeys(from_file.get(name, {}), f"{wishes.config_file}, {name}"))
    origins.update({key: origin for key, (_, origin) in stronger.items()})
    return Settings(values, origins)


def usable_cpus() -> int:
    """So many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def complaint(exc: ValidationError, origins: Mapping[str, str]) -> str:
    """A validation error in one line: setting, where its value came from, what is wrong with it."""
    parts = []
    for error in exc.errors():
        name = str(error["loc"][0]) if error["loc"] else ""
        origin = f" ({origins[name]})" if name in origins else ""
        message = error["msg"].removeprefix("Value error, ")
        parts.append(f"{name}{origin}: {message}" if name else message)
    return "; ".join(dict.fromkeys(parts))


def _from_file(path: Path | None, configs: Mapping[str, type[ProcessorConfig]]) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = read_mapping(path)
    except UnicodeDecodeError as exc:
        raise Mistake(f"{path}: a config file is UTF-8 text") from exc
    except ValueError as exc:
        raise Mistake(str(exc)) from exc
    for name in configs:
        if not isinstance(values.get(name, {}), dict):
            raise Mistake(f"{path}: {name} holds the settings of that format, by name")
        _check_known(path, values.get(name, {}), configs[name].model_fields)
    known = {field for config in configs.values() for field in config.model_fields}
    _check_known(path, values, [*known, *configs])
    return values


def _check_known(path: Path, values: Iterable[Any], known: Iterable[str]) -> None:
    listed = sorted(known)
    for key in values:
        if key not in listed:
            raise Mistake(f"{path}: no installed format has a setting {key!r}{_suggestion(str(key), listed)}")


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)
    return f"; did you mean {near[0]!r}?" if near else ""


def _from_environment(configs: Mapping[str, type[ProcessorConfig]]) -> dict[str, tuple[Any, str]]:
    """Settings from INGESTKIT_* variables. Lists are JSON; an empty variable says nothing."""
    fields = {name: field for config in configs.values() for name, field in config.model_fields.items()}
    for slip in misspelt_variables(configs):
        say(f"ingestkit: {slip}")
    named = _variables()
    if not named.intersection(_PREFIX + field.upper() for field in fields):
        # Importing pydantic-settings takes 0.2 CPU seconds.
        return {}
    from pydantic import create_model
    from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

    class Environment(BaseSettings):
        model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="ignore")

    definitions: dict[str, Any] = {name: (field.annotation, field) for name, field in fields.items()}
    variables = {name: f"{_PREFIX}{name.upper()}" for name in fields}
    try:
        read = create_model("Variables", __base__=Environment, **definitions)()
    except ValidationError as exc:
        raise Mistake(complaint(exc, variables)) from exc
    except SettingsError as exc:
        raise Mistake(f"an {_PREFIX}* variable that holds a list must be JSON: {exc}") from exc
    return {name: (value, variables[name]) for name, value in read.model_dump(exclude_unset=True).items()}


def misspelt_variables(configs: Mapping[str, type[ProcessorConfig]]) -> list[str]:
    """What is wrong with INGESTKIT_* variables that nearly name a setting; one that does not may be somebody else's."""
    known = {_PREFIX + field.upper() for config in configs.values() for field in config.model_fields}
    others = sorted(_variables() - known - {_PREFIX + name for name in _NOT_SETTINGS})
    hints = {name: _suggestion(name, sorted(known)) for name in others}
    return [f"{name} names no setting{hint}" for name, hint in hints.items() if hint]


def _variables() -> set[str]:
    return {name.upper() for name in os.environ if name.upper().startswith(_PREFIX)}
