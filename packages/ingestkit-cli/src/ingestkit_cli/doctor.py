"""``doctor``: what is there, what is missing, and what to type to get it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from pathlib import Path

from ingestkit_core.embedding import open_embedder
from ingestkit_core.errors import BackendError, StoreError
from ingestkit_core.execution.memory_limit import default_memory_bytes
from ingestkit_core.llm import open_llm
from ingestkit_core.stores import SqliteStore, open_store
from ingestkit_core.stores.files import network_file_system

from ingestkit_cli.errors import ExitCode, Mistake
from ingestkit_cli.output import clean, emit, json_line
from ingestkit_cli.settings import Wishes, formats, misspelt_variables, model_config, usable_cpus

__all__ = ["Finding", "examine"]

_DEFAULT_WORKERS = 4
_FORMATS = {"ingestkit-pdf": "PDF files", "ingestkit-excel": "Excel workbooks"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``state`` is ok, missing or broken; ``advice`` is what to type."""

    name: str
    state: str
    detail: str
    advice: str = ""


def examine(url: str | None, wishes: Wishes, *, as_json: bool) -> int:
    """Print what was found; 0 unless the store or a model that is configured is broken."""
    broken = False
    for finding in _findings(url, wishes):
        broken = broken or (finding.name in ("store", "embedder", "llm") and finding.state == "broken")
        if as_json:
            emit(json_line(asdict(finding)))
            continue
        mark = {"ok": " ok ", "missing": " -- ", "broken": "FAIL"}[finding.state]
        emit(clean(f"{mark}  {finding.name:<12}  {finding.detail}", one_line=False))
        if finding.advice:
            emit(f"{'':>20}to get it: {finding.advice}" if finding.state == "missing" else f"{'':>20}{finding.advice}")
    return ExitCode.NOT_NOW if broken else ExitCode.OK


def _findings(url: str | None, wishes: Wishes) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _sqlite()
    yield from _formats()
    yield from _slips()
    yield _embedder(wishes)
    yield _llm(wishes)
    yield _machine()
    yield _store(url)


def _sqlite() -> Finding:
    with sqlite3.connect(":memory:") as connection:
        options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    if "ENABLE_FTS5" in options:
        return Finding("sqlite", "ok", f"{sqlite3.sqlite_version} with full-text search (FTS5)")
    return Finding("sqlite", "broken", f"{sqlite3.sqlite_version} without FTS5", "use a Python whose SQLite has FTS5")


def _formats() -> Iterator[Finding]:
    found: set[str] = set()
    for point in sorted(entry_points(group="ingestkit.routers"), key=lambda point: point.name):
        package = point.dist.name if point.dist is not None else point.module
        found.add(package.lower().replace("_", "-"))
        try:
            format = point.load().format
        except (ImportError, AttributeError) as exc:
            yield Finding(point.name, "broken", f"{package} cannot be imported: {exc}", "install it again")
            continue
        readers = ", ".join(f"{name} {number}" for name, number in sorted(format.reader_versions().items()))
        own = format.config_class.model_fields["parser_version"].default
        yield Finding(point.name, "ok", f"{' '.join(sorted(format.suffixes))}, {own}, reads with {readers}")
        for part in format.examine(format.config_class()):
            yield Finding(part.name, part.state, part.detail, part.advice)
    for package, what in _FORMATS.items():
        if package not in found:
            advice = f"pip install ./packages/{package} (in a checkout of ingestkit)"
            yield Finding(package.removeprefix("ingestkit-"), "missing", f"no reader for {what}", advice)


def _slips() -> Iterator[Finding]:
    """Variables that were to be settings."""
    try:
        configs = {name: router.format.config_class for name, router in formats().items()}
    except Mistake:
        # Told already, as a format that cannot be imported.
        return
    for slip in misspelt_variables(configs):
        what, _, advice = slip.partition("; ")
        yield Finding("settings", "broken", what, advice)


def _embedder(wishes: Wishes) -> Finding:
    if not wishes.embedder:
        return Finding("embedder", "ok", "none: searches are by words (see: --embedder)")
    config = model_config(wishes)
    try:
        embedder = open_embedder(wishes.embedder, config.embedding_model, config.embedding_dimension)
        size = len(embedder.embed(["doctor"], timeout=config.backend_timeout_seconds)[0])
    except (ValueError, ImportError) as exc:
        return Finding("embedder", "broken", str(exc))
    except BackendError as exc:
        return Finding("embedder", "broken", f"{exc.message} ({exc.code})")
    return Finding("embedder", "ok", f"{embedder.identity} gives vectors of {size} numbers")


def _llm(wishes: Wishes) -> Finding:
    if not wishes.llm:
        return Finding("llm", "ok", "none: documents are classified by rules (see: --llm)")
    config = model_config(wishes)
    models = [config.classification_model, *([config.reasoning_model] if config.enable_tier3 else [])]
    try:
        llm = open_llm(wishes.llm)
        for model in models:
            llm.generate("Answer with the word yes.", model, timeout=config.backend_timeout_seconds)
    except (ValueError, ImportError) as exc:
        return Finding("llm", "broken", str(exc))
    except BackendError as exc:
        return Finding("llm", "broken", f"{exc.message} ({exc.code})")
    return Finding("llm", "ok", f"answers as {', '.join(models)}")


def _machine() -> Finding:
    cpus = usable_cpus()
    workers = min(_DEFAULT_WORKERS, cpus)
    limit = default_memory_bytes(workers)
    memory = f"{limit / 1e9:.1f} GB of memory each" if limit else "memory unknown and not limited"
    return Finding("machine", "ok", f"{cpus} processors; {workers} workers by default, {memory}")


def _store(url: str | None) -> Finding:
    try:
        with open_store(url) as store:
            if not isinstance(store, SqliteStore):
                return Finding("store", "ok", store.url)
            return _embedded(store)
    except StoreError as exc:
        return Finding("store", "broken", f"{exc.message} ({exc.code})")


def _embedded(store: SqliteStore) -> Finding:
    path = store.path
    system = network_file_system(path.parent)
    if system is not None:
        return Finding("store", "broken", f"{path} is on a network file system ({system})", "use a local disk: --store")
    if not path.parent.is_dir():
        return Finding("store", "broken", f"the folder {path.parent} does not exist", f"mkdir -p {path.parent}")
    free = f"{shutil.disk_usage(path.parent).free / 1e9:.1f} GB free"
    if not path.exists():
        if not os.access(path.parent, os.W_OK):
            return Finding("store", "broken", f"{path.parent} cannot be written", "name another one with --store")
        return Finding("store", "ok", f"none yet at {path}; {free}")
    status = store.status()
    counts = f"{status.sources:,} documents, {status.quarantined:,} quarantined, {status.size_bytes / 1e6:.1f} MB"
    holder = _holder(path)
    held = f"being written by {holder}" if holder else "nobody is writing to it"
    return Finding("store", "ok", f"{path}: {counts}; {held}; {free}")


def _holder(path: Path) -> str | None:
    """Who owns the store, as its lock file says; None for an owner of this machine that is gone."""
    try:
        holder = json.loads(Path(f"{os.path.realpath(path)}.lock").read_text(encoding="utf-8"))
        pid, host = int(holder["pid"]), str(holder["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if host == socket.gethostname() and sys.platform != "win32":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass
    return f"process {pid} on {host}"
