"""The way of one document, the same for every format.

    begin    source, key, unchanged or moved or known to be bad?   in the caller's thread
    read     guard, profile, classify, extract, chunk              in a worker
    finish   embed, commit, result                                 in the finishing thread

A document's fault never raises out of here: it comes back as a result.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import operator
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from ingestkit_core.addresses import folder_uri
from ingestkit_core.batch import Asked, run_batch
from ingestkit_core.closing import Closing
from ingestkit_core.commit import Committer, Submission, deferred_result
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.embedding import check_embedder
from ingestkit_core.errors import (
    BackendError,
    ErrorCode,
    ExecutionError,
    IngestkitError,
    ParseError,
    StoreError,
)
from ingestkit_core.execution.distributed import DistributedExecutionBackend
from ingestkit_core.execution.local import LocalExecutionBackend, make_pool
from ingestkit_core.execution.readings import Readings
from ingestkit_core.execution.threads import ThreadPool
from ingestkit_core.execution.workers import WorkerPool
from ingestkit_core.extraction import Conversion
from ingestkit_core.fetching import Fetch
from ingestkit_core.formats import Format, head_of
from ingestkit_core.keys import fingerprint, hash_file, is_url
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import AnyPath, each_path, normalised, on_disk
from ingestkit_core.progress import OnProgress
from ingestkit_core.protocols import (
    EmbeddingBackend,
    ExecutionBackend,
    LLMBackend,
    StructuredDBBackend,
    VectorStoreBackend,
)
from ingestkit_core.sources import Refusal, SourceCheck, not_recognised, stat_of
from ingestkit_core.stamps import NOTHING_SAID
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.stores.given import store_of
from ingestkit_core.tracing import DocumentTrace, trace_document
from ingestkit_core.verification import Request, Verification, verify_by_module

__all__ = ["DocumentRouter"]

logger = logging.getLogger(__name__)


class DocumentRouter(Closing):
    """Reads documents of one format into one store. A context manager; workers stay warm until ``close``.

    ``vector_store`` and ``structured_db`` are the same DocumentStore, or None for the default one, or any pair of
    backends: those are kept in step by a paired store with its ``journal`` at a path (``$INGESTKIT_STORE`` or
    ``./ingestkit.db``), and ``default_collection`` names the collection. An ``execution`` that is handed in runs
    whole documents and owns the commit.
    """

    format: Format

    def __init__(
        self,
        vector_store: VectorStoreBackend | DocumentStore | None = None,
        structured_db: StructuredDBBackend | DocumentStore | None = None,
        llm: LLMBackend | None = None,
        embedder: EmbeddingBackend | None = None,
        config: ProcessorConfig | None = None,
        execution: ExecutionBackend | None = None,
        *,
        journal: str | Path | None = None,
        pool: WorkerPool | ThreadPool | None = None,
    ) -> None:
        self.config = config if config is not None else self.format.config_class()
        self.store = store_of(vector_store, structured_db, journal, self.config.default_collection)
        self._owns_store = self.store not in (vector_store, structured_db)
        self.llm = llm
        self.embedder = embedder
        self._owns_queue = execution is None and self.config.execution_backend == "distributed"
        self._execution = self._open_queue() if self._owns_queue else execution
        # Parts that are made when they are first needed, by whichever thread needs them.
        self._making = threading.RLock()
        self._local: LocalExecutionBackend | None = None
        self._readings: Readings | None = None
        self._traces: dict[str, DocumentTrace] = {}
        self._pool = pool
        self._owns_pool = pool is None
        self._committer = Committer(self.format, self.config, self.store, embedder, llm)
        self._fingerprints: dict[tuple[tuple[str, int] | None, bool], str] = {}
        for limit, value, reason in self.config.overrides():
            logger.warning("override=%s value=%d reason=%s", limit, value, reason)

    # One document

    def can_handle(self, path: str | Path) -> bool:
        """Whether the file is of this format: by its first bytes where it can be read, else by its suffix."""
        head = head_of(path)
        return self.format.recognises(head) if head is not None else Path(path).suffix.lower() in self.format.suffixes

    def process(self, path: str | Path, source_uri: str | None = None) -> ProcessingResult:
        """Read one document and commit it; returns when it is done. Its faults come back in the result."""
        (result,) = [result for _, result in run_batch([self._asked(path, source_uri)])]
        return result

    async def aprocess(self, path: str | Path, source_uri: str | None = None) -> ProcessingResult:
        """``process`` without blocking the event loop. Cancelling it cancels the document."""
        abandon = threading.Event()
        batch = run_batch([self._asked(path, source_uri)], abandon=abandon)
        try:
            ((_, result),) = await asyncio.to_thread(list, batch)
        except asyncio.CancelledError:
            # The thread sees it soon, wherever it is: nothing of the document is left under way.
            abandon.set()
            raise
        return result

    def process_batch(
        self, paths: AnyPath | Iterable[AnyPath], *, on_progress: OnProgress | None = None
    ) -> list[ProcessingResult]:
        """One result per path, in input order; one path alone is a batch of one.

        ``on_progress`` is told of every document's stages and pages.
        """
        asked = map(self._asked, each_path(paths))
        numbered = sorted(run_batch(asked, on_progress=on_progress), key=operator.itemgetter(0))
        return [result for _, result in numbered]

    def iter_batch(
        self, paths: AnyPath | Iterable[AnyPath], *, on_progress: OnProgress | None = None
    ) -> Iterator[ProcessingResult]:
        """Results as they finish, from any iterable or of one path; few documents are in flight at a time."""
        for _, result in run_batch(map(self._asked, each_path(paths)), on_progress=on_progress):
            yield result

    async def aiter_batch(
        self, paths: AnyPath | Iterable[AnyPath], *, on_progress: OnProgress | None = None
    ) -> AsyncIterator[ProcessingResult]:
        """``iter_batch`` for an event loop. Leaving the loop early cancels what is in flight."""
        abandon = threading.Event()
        results = run_batch(map(self._asked, each_path(paths)), abandon=abandon, on_progress=on_progress)
        turn = threading.Lock()

        def step() -> ProcessingResult | None:
            with turn:
                _, result = next(results, (0, None))
                return result

        def leave() -> None:
            with turn:
                results.close()  # type: ignore[attr-defined]  # a generator, typed as its interface

        try:
            while (result := await asyncio.to_thread(step)) is not None:
                yield result
        finally:
            # A step that nobody waits for any more may still be on its thread.
            abandon.set()
            await asyncio.to_thread(leave)

    def _asked(self, path: str | Path, source_uri: str | None = None) -> Asked:
        if is_url(path):
            return Asked(self, folder_uri(path), source_uri, address=str(path))
        file = on_disk(normalised(path))
        return Asked(self, file, source_uri, Path(file).parent)

    def convert(self, path: str | Path) -> Conversion:
        """The document as elements, read in a worker; nothing is stored. Raises IngestkitError."""
        file = on_disk(normalised(path))
        if not stat_of(file).st_size and not self.format.recognises(b""):
            raise not_recognised(self.format, file, 0)
        conversion: Conversion = self._aside().read(self.format.convert, file)
        return conversion

    def verify(self, path: str | Path, request: Request) -> Verification:
        """The stored citations of a document, re-read in a worker by the format's verifier. Raises IngestkitError."""
        verifier = self.format.verifier
        if verifier is None:
            raise ParseError(ErrorCode.E_PARSE_UNSUPPORTED, f"the format {self.format.name} has no verifier")
        if verifier.needs is not None and find_spec(verifier.needs) is None:
            message = f"verifying {self.format.name} needs {verifier.needs}: {verifier.install}"
            raise ParseError(ErrorCode.E_PARSE_UNSUPPORTED, message)
        verify = functools.partial(verify_by_module, verifier.module, request)
        verification: Verification = self._aside().read(verify, path)
        return verification

    # The three steps of the way, for batches over one or several routers

    def begin(
        self,
        asked: Asked,
        on_done: Callable[[str], None],
        *,
        refresh: bool = False,
        checksum: bool = False,
        on_progress: OnProgress | None = None,
    ) -> ProcessingResult | str:
        """Decide at once where that is possible, else start reading: a result, or a job id.

        ``refresh`` reads sources again that another parser version read, or of which a part failed that another
        attempt may cure; ``checksum`` looks at every file's bytes, not only at size and time. ``on_progress`` is
        told how far the document is.
        """
        trace = trace_document(asked.file_path, self.format.name)
        if trace is None:
            return self._begin(asked, on_done, refresh, checksum, on_progress)
        try:
            started = self._begin(asked, on_done, refresh, checksum, trace.watching(on_progress))
        except BaseException:
            trace.end_without_result()
            raise
        if isinstance(started, ProcessingResult):
            trace.end(started)
        else:
            self._traces[started] = trace
        return started

    def _begin(
        self,
        asked: Asked,
        on_done: Callable[[str], None],
        refresh: bool,
        checksum: bool,
        on_progress: OnProgress | None,
    ) -> ProcessingResult | str:
        if isinstance(self._execution, DistributedExecutionBackend):
            return self._execution.submit_soon(
                asked.file_path,
                self.config,
                asked.source_uri,
                root=asked.root,
                refresh=refresh,
                checksum=checksum,
                content_hash=_hash_if_there(asked.file_path) if checksum else None,
                stamp=asked.stamp,
                on_done=on_done,
            )
        if self._execution is not None:
            job_id = self._execution.submit(asked.file_path, self.config, asked.source_uri)
            on_done(job_id)
            return job_id
        if asked.content_hash is not None and _hash_if_there(asked.file_path) not in (None, asked.content_hash):
            name = Path(asked.file_path).name
            message = f"{name} has other bytes here than where it was submitted: it changed, or is another file"
            return deferred_result(asked.place, ExecutionError(ErrorCode.E_EXECUTION_SUBMIT, message, recoverable=True))
        stamp = asked.stamp if asked.origin is not None else None
        decision = self._decided(
            asked,
            lambda check, run_id: check.decide(
                asked.file_path, asked.source_uri, asked.root, run_id, asked.origin, stamp
            ),
            refresh=refresh,
            checksum=checksum,
        )
        if isinstance(decision, ProcessingResult):
            return decision
        return self._backend().submit(
            asked.file_path,
            self.config,
            asked.source_uri,
            context=decision,
            on_done=on_done,
            on_progress=_naming(asked, on_progress),
        )

    def foresee(self, asked: Asked, *, refresh: bool = False, checksum: bool = False) -> ProcessingResult | Fetch:
        """What becomes of a document at a URL by what is said of it there; else how it is to be fetched."""
        decision = self._decided(
            asked,
            lambda check, run_id: check.decide_unseen(asked.file_path, asked.source_uri, asked.stamp, run_id),
            refresh=refresh,
            checksum=checksum or asked.content_hash is not None,
        )
        if isinstance(decision, ProcessingResult):
            return decision
        limit = self.config.max_file_size_mb << 20
        room = self._workers().room()
        return Fetch(asked.address or asked.file_path, room, limit, self.config.per_document_timeout_seconds)

    def not_fetched(self, asked: Asked, exc: IngestkitError) -> ProcessingResult:
        """The result of a document that could not be fetched: set aside, or deferred where that may pass."""
        if exc.recoverable:
            return deferred_result(asked.place, exc)
        decision = self._decided(
            asked,
            lambda check, run_id: check.decide_unseen(asked.file_path, asked.source_uri, NOTHING_SAID, run_id),
        )
        if isinstance(decision, ProcessingResult):
            return decision
        return self._committer.set_aside(decision, exc.to_error())

    def _decided(
        self,
        asked: Asked,
        decide: Callable[[SourceCheck, str], ProcessingResult | Submission | Refusal],
        *,
        refresh: bool = False,
        checksum: bool = False,
    ) -> ProcessingResult | Submission:
        """What a check decides; what it refuses is set aside, and what cannot be asked now is deferred."""
        if (resting := self._committer.resting()) is not None:
            return deferred_result(asked.place, resting)
        try:
            mark = self._embedder_mark()
            check = SourceCheck(self.format, self.config, self.store, self.fingerprint(mark), refresh, checksum)
            decision = decide(check, uuid.uuid4().hex)
        except (StoreError, BackendError) as exc:
            return deferred_result(asked.place, exc)
        return self._committer.set_aside(*decision) if isinstance(decision, tuple) else decision

    def resting(self) -> BackendError | None:
        """Why nothing should be read now: a backend that failed repeatedly and is left alone for a while."""
        return self._committer.resting()

    def fingerprint(self, embedder: tuple[str, int] | None, *, with_llm: bool | None = None) -> str:
        """The fingerprint of what this router reads, with vectors of an embedder (identity, dimension) or none.

        ``with_llm`` asks for that of a router that has a language model, or has none, whatever this one has.
        """
        key = embedder, (self.llm is not None) if with_llm is None else with_llm
        if key not in self._fingerprints:
            settings = self.config.output_settings(with_llm=key[1])
            self._fingerprints[key] = fingerprint(settings, self.format.reader_versions(), embedder)
        return self._fingerprints[key]

    def _embedder_mark(self) -> tuple[str, int] | None:
        """(identity, dimension) of the vectors to come. The embedder is asked only where the store does not know.

        Raises StoreError where the store's vectors are another embedder's, and BackendError.
        """
        embedder = self._committer.embedder
        in_use = check_embedder(self.store, embedder.identity if embedder is not None else None)
        if embedder is None or in_use is not None:
            return in_use
        return embedder.identity, embedder.dimension()

    def collect(self, job_id: str) -> ProcessingResult:
        """The result of a job that ``begin`` started; blocks until it is there."""
        backend = self._execution or self._backend()
        result = backend.get_result(job_id)
        if isinstance(backend, LocalExecutionBackend | DistributedExecutionBackend):
            backend.release(job_id)
        if (trace := self._traces.pop(job_id, None)) is not None:
            trace.end(result)
        return result

    def cancel(self, job_id: str, *, waiting_only: bool = False) -> bool:
        """Stop a job that ``begin`` started, if it is not over and the backend can; or only if it still waits."""
        backend = self._execution or self._local
        if not isinstance(backend, LocalExecutionBackend | DistributedExecutionBackend):
            return False
        return backend.cancel(job_id, waiting_only=waiting_only)

    def abandon(self, job_id: str) -> None:
        """Stop a job that ``begin`` started, and forget it: nobody will collect it."""
        self.cancel(job_id)
        if self._local is not None and self._execution is None:
            self._local.release(job_id)
        if (trace := self._traces.pop(job_id, None)) is not None:
            trace.end_without_result()

    @property
    def commits_here(self) -> bool:
        """Whether this process writes to the store; on a queue, the workers do."""
        return self._execution is None

    def check_queue(self) -> None:
        """Raise ExecutionError if there is a queue and its broker does not answer."""
        if isinstance(self._execution, DistributedExecutionBackend):
            self._execution.check()

    def under(self, config: ProcessorConfig) -> Self:
        """A router like this one, on its store, models and workers, under other settings."""
        return type(self)(self.store, self.store, self.llm, self.embedder, config, pool=self._workers())

    @property
    def in_flight(self) -> int:
        """So many documents are kept under way at a time."""
        if isinstance(self._execution, DistributedExecutionBackend):
            return self._execution.in_flight
        return 2 * self.config.execution_max_workers + 2

    def _open_queue(self) -> DistributedExecutionBackend:
        """The queue of the settings. What the workers could not open themselves is refused by name."""
        for part in (self.store, self.embedder, self.llm):
            if part is not None and not getattr(part, "url", None):
                if self._owns_store:
                    self.store.close()
                raise ExecutionError(
                    ErrorCode.E_EXECUTION_SUBMIT,
                    f"{type(part).__name__} has no url, so the workers of a queue cannot open it: configure one that "
                    "has, or set execution_backend to 'local'",
                )
        assert self.config.execution_queue_url is not None, "the config refuses a distributed engine without one"
        return DistributedExecutionBackend(
            self.config.execution_queue_url,
            store=self.store,
            format_name=self.format.name,
            embedder=self.embedder.identity if self.embedder is not None else None,
        )

    def _backend(self) -> LocalExecutionBackend:
        with self._making:
            if self._local is None:
                self._local = LocalExecutionBackend(
                    self.format.read,
                    self.config.execution_max_workers,
                    self.config.execution_strategy,
                    self._committer,
                    pool=self._workers(),
                )
            return self._local

    def _aside(self) -> Readings:
        with self._making:
            if self._readings is None:
                self._readings = Readings(self._workers(), self.config)
            return self._readings

    def _workers(self) -> WorkerPool | ThreadPool:
        with self._making:
            if self._pool is None:
                in_threads = self.config.execution_strategy == "thread"
                one_at_a_time = in_threads and not self.format.thread_safe
                self._pool = make_pool(
                    self.config.execution_strategy,
                    1 if one_at_a_time else self.config.execution_max_workers,
                    preload=self.format.preload,
                    max_documents_per_worker=self.config.max_documents_per_worker,
                )
            return self._pool

    def close(self) -> None:
        """Stop the workers and, if the router opened it, close the store. Idempotent."""
        if self._local is not None:
            self._local.close()
        if self._owns_queue and isinstance(self._execution, DistributedExecutionBackend):
            self._execution.close()
        if self._readings is not None:
            self._readings.close()
        if self._owns_pool and self._pool is not None:
            self._pool.close()
        if self._owns_store:
            self.store.close()

    @classmethod
    def create_default(cls, **overrides: Any) -> Self:
        """A router on the default store: arguments of the router by name, all others are config fields."""
        arguments = {name: overrides.pop(name) for name in _ROUTER_ARGUMENTS if name in overrides}
        if overrides:
            base = arguments.get("config")
            values = base.model_dump(exclude_unset=True) if base is not None else {}
            arguments["config"] = cls.format.config_class.model_validate({**values, **overrides})
        return cls(**arguments)


_ROUTER_ARGUMENTS = ("vector_store", "structured_db", "llm", "embedder", "config", "execution", "journal")


def _hash_if_there(file_path: str) -> str | None:
    """The content hash of a file; None where it cannot be read, which the worker will say better, and at a URL."""
    try:
        return hash_file(file_path)
    except OSError:
        return None


def _naming(asked: Asked, on_progress: OnProgress | None) -> OnProgress | None:
    """Tells of a copy under its origin's name."""
    if on_progress is None or asked.origin is None:
        return on_progress
    place = asked.origin
    return lambda event: on_progress(replace(event, file_path=place))
