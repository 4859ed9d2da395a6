"""Folders in, results out: discovers files, picks the router for each, runs them on one set of workers."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from ingestkit_core.addresses import folder_uri, has_password, name_of
from ingestkit_core.batch import Asked, run_batch
from ingestkit_core.closing import Closing
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.discovery import Discovered, Discovery, Walk
from ingestkit_core.embedding import GuardedEmbedder, check_embedder, open_embedder, query_vector, reembed
from ingestkit_core.errors import ErrorCode, ExecutionError, ParseError
from ingestkit_core.execution.local import make_pool
from ingestkit_core.execution.workers import WorkerPool
from ingestkit_core.extraction import Conversion
from ingestkit_core.fetching import fetched
from ingestkit_core.formats import head_of
from ingestkit_core.keys import is_url
from ingestkit_core.llm import open_llm
from ingestkit_core.mirror import (
    Mirrored,
    Root,
    Sync,
    known_below,
    remember_roots,
    remove_vanished,
)
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import AnyPath, on_disk, printable
from ingestkit_core.progress import OnProgress
from ingestkit_core.protocols import EmbeddingBackend, LLMBackend
from ingestkit_core.router import DocumentRouter
from ingestkit_core.stores import open_store
from ingestkit_core.stores.base import DocumentStore, SearchHit, SourceRecord
from ingestkit_core.verifying import Verified, verify_sources

__all__ = ["Discovered", "Ingestor", "installed_routers"]

T = TypeVar("T")

_ROUTERS = "ingestkit.routers"
_MODEL_SETTINGS = frozenset(
    name for name in ProcessorConfig.model_fields if name.startswith(("backend_", "embedding_"))
)
_OF_THE_STORE = frozenset({"embedding_model", "embedding_dimension"})


def installed_routers() -> dict[str, type[DocumentRouter]]:
    """The routers of the installed format packages, by name (entry points ``ingestkit.routers``)."""
    found = sorted(entry_points(group=_ROUTERS), key=lambda point: point.name)
    return {point.name: point.load() for point in found}


class Ingestor(Closing):
    """One store, all installed formats. A context manager; workers stay warm until ``close``.

    ``settings`` are config fields by name. A field that several formats have goes to each of them, one that
    a single format has goes to that; a mapping under a format's name (``pdf``, ``excel``) goes to it alone.
    A key nobody knows raises ValueError, an unfit value pydantic's ValidationError.

    ``embedder`` and ``llm`` may be addresses, as ``open_embedder`` and ``open_llm`` take them.
    """

    def __init__(
        self,
        store: DocumentStore | str | os.PathLike[str] | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        llm: LLMBackend | str | None = None,
        embedder: EmbeddingBackend | str | None = None,
        routers: Mapping[str, type[DocumentRouter]] | None = None,
    ) -> None:
        classes = dict(routers) if routers is not None else installed_routers()
        configs = _configs(classes, settings or {})
        common = _common_config(settings or {})
        self._pool: WorkerPool | None = None
        with contextlib.ExitStack() as self._closing:
            self.embedder = self._opened(
                embedder, lambda url: open_embedder(url, common.embedding_model, common.embedding_dimension)
            )
            self.llm = self._opened(llm, open_llm)
            self._guarded = GuardedEmbedder(self.embedder, common) if self.embedder is not None else None
            self.store = store if isinstance(store, DocumentStore) else self._closing.enter_context(open_store(store))
            if classes and all(config.execution_strategy == "process" for config in configs.values()):
                self._pool = self._closing.enter_context(_shared_pool(classes, configs))
            self.routers = {
                name: self._closing.enter_context(
                    router(self.store, self.store, self.llm, self.embedder, configs[name], pool=self._pool)
                )
                for name, router in classes.items()
            }
            # What was opened until something failed is closed; nothing did.
            self._closing = self._closing.pop_all()

    def _opened(self, model: T | str | None, open_model: Callable[[str], T]) -> T | None:
        """A model that was handed in, or one at an address, which is closed with the ingestor."""
        if not isinstance(model, str):
            return model
        opened = open_model(model)
        if isinstance(opened, AbstractContextManager):
            self._closing.enter_context(opened)
        return opened

    @property
    def commits_here(self) -> bool:
        """Whether this process writes to the store; on a queue, the workers do."""
        return all(router.commits_here for router in self.routers.values())

    @property
    def may_write_here(self) -> bool:
        """Whether this process may change the store: always, but beside the workers of a queue only a shared one."""
        return self.commits_here or not self.store.one_owner

    def check_queue(self) -> None:
        """Raise ExecutionError if there is a queue and its broker does not answer."""
        for router in self.routers.values():
            router.check_queue()

    def router_for(self, path: str | Path) -> DocumentRouter | None:
        """The router of a file whose suffix is known: by its first bytes; at a URL or unreadable, by the suffix."""
        suffix = Path(name_of(str(path))).suffix.lower()
        by_suffix = [router for router in self.routers.values() if suffix in router.format.suffixes]
        if not by_suffix:
            return None
        head = head_of(on_disk(os.fspath(path))) if not is_url(path) else None
        if head is None:
            return by_suffix[0]
        candidates = [*by_suffix, *self.routers.values()]
        return next((router for router in candidates if router.format.recognises(head)), by_suffix[0])

    def discover(
        self,
        paths: AnyPath | Iterable[AnyPath],
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        seen: Discovered | None = None,
    ) -> Iterator[Asked]:
        """The documents at or below ``paths``, which may be URLs that fsspec opens, in a stable order.

        A string, or a Path, is one path, not many. Folders are walked recursively, links too, without going in
        circles; dotfiles and Office's lock files (``~$*``) are passed by. ``include`` and ``exclude`` are globs, one
        or many, over names and relative paths. ``seen`` counts what was passed by. Raises SourceError for a path or a
        URL at which there is nothing, or that nobody here opens.
        """
        return Discovery(self.router_for, include, exclude, seen or Discovered()).over(paths)

    def ingest(
        self,
        paths: AnyPath | Iterable[AnyPath],
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        *,
        refresh: bool = False,
        checksum: bool = False,
        wait_seconds: float | None = 0.0,
        stop: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Iterator[ProcessingResult]:
        """Discover, read, commit; results as they finish. ``paths``, ``include`` and ``exclude`` as in ``discover``.

        Setting ``stop`` starts nothing more and lets what is being read finish. ``on_progress`` is told of every
        document's stages, pages and sheets, on other threads. Raises SourceError before anything is read if there is
        nothing at one of the paths. Raises StoreError: E_STORE_LOCKED if another owner keeps the store for longer than
        ``wait_seconds`` (None: wait for ever), E_STORE_DIMENSION if the store's vectors are another embedder's.
        """
        walk = Walk(self.router_for, paths, include, exclude, lambda root: False)
        self._check_passwords(walk.paths)
        self.check_queue()
        with self.store.lease(wait_seconds) if self.commits_here else contextlib.nullcontext():
            if self.commits_here:
                self._check_embedder()
            batch = run_batch(walk, refresh=refresh, checksum=checksum, stop=stop, on_progress=on_progress)
            for _, result in batch:
                yield result
            if self.commits_here and (stop is None or not stop.is_set()):
                # What is known already stays: whether it is the same folder still is for ``sync`` to ask.
                remember_roots(self.store, self.tenants, walk.roots, new_only=True)

    def sync(
        self,
        paths: AnyPath | Iterable[AnyPath],
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        *,
        allow_deletes: int | None = None,
        refresh: bool = False,
        checksum: bool = False,
        wait_seconds: float | None = 0.0,
        stop: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> Sync:
        """``ingest``, and then remove the sources below ``paths`` whose files are gone.

        Iterate what you get for the results; its ``outcome`` then tells what was removed and what was withheld
        because the listing is not to be believed. ``allow_deletes`` lets so many go whatever the listing. A path that
        is gone is such a listing if the store knows it, else SourceError is raised before anything is read. Over a
        queue this process still removes: a store with one owner, which is the worker then, raises ExecutionError.
        """
        if not self.may_write_here:
            message = "sync removes documents, and over a queue only the worker may change a store with one owner"
            raise ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, message)
        walk = Walk(self.router_for, paths, include, exclude, lambda root: self._knows(root, walk))
        self._check_passwords(walk.paths)
        batch = run_batch(walk, refresh=refresh, checksum=checksum, stop=stop, on_progress=on_progress)
        return Sync(self._synced(walk, batch, allow_deletes, wait_seconds, stop))

    def _synced(
        self,
        walk: Walk,
        batch: Iterator[tuple[int, ProcessingResult]],
        allow_deletes: int | None,
        wait_seconds: float | None,
        stop: threading.Event | None,
    ) -> Generator[ProcessingResult, None, Mirrored | None]:
        self.check_queue()
        with self.store.lease(wait_seconds):
            self._check_embedder()
            known = known_below(self.store, self.tenants, walk.paths, walk.include, walk.exclude)
            for _, result in batch:
                yield result
            if stop is not None and stop.is_set():
                return None
            outcome = remove_vanished(self.store, known, walk.listing(self.store, self.tenants), allow_deletes)
            if not outcome.withheld:
                remember_roots(self.store, self.tenants, walk.roots)
            return outcome

    def _knows(self, root: Root, walk: Walk) -> bool:
        """Whether a root was there once: as a folder, or by a document below it."""
        if any(self.store.find_root(tenant, root.path) is not None for tenant in self.tenants):
            return True
        return bool(known_below(self.store, self.tenants, [root.path], walk.include, walk.exclude))

    def _check_passwords(self, paths: Iterable[str | Path]) -> None:
        """Raise ExecutionError for a password that would have to go through a queue: nobody keeps it to himself."""
        for path in paths:
            if not self.commits_here and is_url(path) and has_password(str(path)):
                raise ExecutionError(
                    ErrorCode.E_EXECUTION_SUBMIT,
                    f"{folder_uri(path)} has a password, which is not handed to a queue: leave it out, and give it to "
                    "the workers in their environment or in fsspec's settings",
                )

    def _check_embedder(self) -> None:
        check_embedder(self.store, self.embedder.identity if self.embedder is not None else None)

    @property
    def tenants(self) -> list[str | None]:
        """Whose documents are read: one, unless formats are told otherwise."""
        return list(dict.fromkeys(router.config.tenant_id for router in self.routers.values()))

    def convert(self, path: str | Path) -> Conversion:
        """One document, which may be at a URL, as elements; nothing is stored. Raises IngestkitError."""
        router = self.router_for(path)
        if router is None:
            raise ParseError(ErrorCode.E_PARSE_UNSUPPORTED, f"no installed format reads {name_of(str(path))}")
        if not is_url(path):
            return router.convert(path)
        with fetched(str(path), router.config.max_file_size_mb << 20) as copy:
            return (self.router_for(copy) or router).convert(copy)

    def verify(self, records: Iterable[SourceRecord] | None = None, *, shows_text: bool = False) -> Iterator[Verified]:
        """Re-read what stored chunks and rows cite, by a reader that shares nothing with the one that read them.

        All committed documents, or those of ``records``. With ``shows_text`` mismatches carry their texts.
        """
        records = records if records is not None else self.store.sources()
        return verify_sources(self.store, self.routers.values(), records, shows_text=shows_text)

    def search(
        self, text: str, k: int = 5, tenant_id: str | None = None, filters: Mapping[str, str] | None = None
    ) -> list[SearchHit]:
        """The best chunks for a text; with an embedder, by words and by vectors together.

        A ``source_uri`` among the ``filters`` may be a path, however it is written. Raises BackendError, and
        StoreError where the store's vectors are another embedder's.
        """
        vector = query_vector(self.store, self._guarded, text) if self._guarded is not None else None
        filters = {field: printable(value) for field, value in (filters or {}).items()}
        hits = self.store.search(text, k, tenant_id, filters, vector)
        if hits or "source_uri" not in filters:
            return hits
        # Somebody's own URI may look like a path, so it went first.
        as_path = folder_uri(filters["source_uri"])
        if as_path == filters["source_uri"]:
            return hits
        return self.store.search(text, k, tenant_id, {**filters, "source_uri": as_path}, vector)

    def reembed(self) -> Iterator[int]:
        """Give every stored text a vector of this embedder, without reading files; yields how many are done.

        Searches use the old vectors until the new ones are complete. Raises ValueError without an embedder,
        StoreError and BackendError; stopped at any point it goes on where it was.
        """
        if self._guarded is None:
            raise ValueError("reembed needs an embedder")
        with self.store.lease():
            before, after = self.store.embedder(), (self._guarded.identity, self._guarded.dimension())
            yield from reembed(self.store, self._guarded, self._fingerprints(before, after))

    def drop_vectors(self) -> None:
        """Take all vectors out of the store, in one transaction."""
        with self.store.lease():
            self.store.switch_embedder(None, self._fingerprints(self.store.embedder(), None))

    def _fingerprints(self, before: tuple[str, int] | None, after: tuple[str, int] | None) -> dict[str, str]:
        """What was read under these settings, with a language model or without, stays unchanged under the other."""
        return {
            router.fingerprint(before, with_llm=with_llm): router.fingerprint(after, with_llm=with_llm)
            for router in self.routers.values()
            for with_llm in (False, True)
        }

    def close(self) -> None:
        """Stop the workers and, if the ingestor opened it, close the store. Idempotent."""
        self._closing.close()


def _common_config(settings: Mapping[str, Any]) -> ProcessorConfig:
    """What all formats are told, as far as it is about models."""
    return ProcessorConfig.model_validate({key: settings[key] for key in settings if key in _MODEL_SETTINGS})


def _configs(classes: Mapping[str, type[DocumentRouter]], settings: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: set(router.format.config_class.model_fields) for name, router in classes.items()}
    for key in settings:
        if key not in fields and not any(key in known for known in fields.values()):
            raise ValueError(f"no installed format has a setting {key!r}")
    for name in classes:
        for key in _OF_THE_STORE & settings.get(name, {}).keys():
            raise ValueError(f"{key} cannot be set for {name} alone: all formats of a store share one embedder")
    return {
        name: router.format.config_class.model_validate(
            {**{key: value for key, value in settings.items() if key in fields[name]}, **settings.get(name, {})}
        )
        for name, router in classes.items()
    }


def _shared_pool(classes: Mapping[str, type[DocumentRouter]], configs: Mapping[str, Any]) -> WorkerPool:
    pool = make_pool(
        "process",
        max(config.execution_max_workers for config in configs.values()),
        preload=[module for router in classes.values() for module in router.format.preload],
        max_documents_per_worker=min(config.max_documents_per_worker for config in configs.values()),
    )
    assert isinstance(pool, WorkerPool)
    return pool
