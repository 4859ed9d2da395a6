"""What a worker of a queue runs: a job's document, through the router of its format, on the ingestor's store.

Jobs bring settings of their own. Those with equal settings share a router; all share the ingestor's workers.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ingestkit_core.batch import Asked, run_batch
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode, ExecutionError
from ingestkit_core.execution.distributed.worker import refusal
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.keys import is_url, source_uri_of
from ingestkit_core.models import ProcessingResult
from ingestkit_core.router import DocumentRouter
from ingestkit_core.stamps import Stamp
from ingestkit_core.stores.jobs import JobRequest

__all__ = ["JobServer"]

_ROUTERS_KEPT = 32


@dataclass(slots=True)
class _Lent:
    """A router and how many jobs use it now."""

    router: DocumentRouter
    users: int = 0


class JobServer:
    """Runs jobs for one ingestor, on several threads at once. A context manager; leaving it cancels what runs."""

    def __init__(self, ingestor: Ingestor) -> None:
        self._ingestor = ingestor
        self._lock = threading.Lock()
        self._lent: OrderedDict[str, _Lent] = OrderedDict()
        self._closed = False

    def run(self, request: JobRequest) -> ProcessingResult:
        """Read and commit; what this worker must not run is refused in the result."""
        place = source_uri_of(request.file_path) if is_url(request.file_path) else request.file_path
        template = self._template(request)
        if isinstance(template, str):
            return refusal(place, template)
        if (objection := self._objection(request, template)) is not None:
            return refusal(place, objection)
        try:
            with self._router(request, template) as router:
                asked = _asked(request, router, place)
                ((_, result),) = run_batch([asked], refresh=request.refresh, checksum=request.checksum)
                return result
        except ValidationError as exc:
            wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors())
            return refusal(place, f"this worker cannot read the job's settings: {wrong}")

    def _template(self, request: JobRequest) -> DocumentRouter | str:
        """The router whose format the job is of, or why there is none."""
        routers = self._ingestor.routers.values()
        known = ", ".join(sorted(router.format.name for router in routers))
        if request.format_name is not None:
            named = [router for router in routers if router.format.name == request.format_name]
            return named[0] if named else f"this worker has no format {request.format_name!r}, only {known}"
        router = self._ingestor.router_for(request.file_path)
        return router or f"no format of this worker reads {Path(request.file_path).name}; it has {known}"

    def _objection(self, request: JobRequest, template: DocumentRouter) -> str | None:
        """Why a job is not for this worker."""
        name, ours = Path(request.file_path).name, template.config.parser_version
        if request.parser_version != ours:
            return f"{name} was submitted for parser version {request.parser_version}, this worker has {ours}"
        embedder = template.embedder.identity if template.embedder is not None else None
        if request.embedder != embedder:
            return f"{name} was submitted for the embedder {request.embedder}, this worker has {embedder}"
        return None

    @contextmanager
    def _router(self, request: JobRequest, template: DocumentRouter) -> Iterator[DocumentRouter]:
        key = json.dumps([template.format.name, request.config], sort_keys=True)
        with self._lock:
            if self._closed:
                raise ExecutionError(ErrorCode.E_EXECUTION_CANCELLED, "the worker ends")
            lent = self._lent.get(key)
            if lent is None:
                lent = self._lent[key] = _Lent(template.under(_settings(request, template)))
            self._lent.move_to_end(key)
            lent.users += 1
        try:
            yield lent.router
        finally:
            with self._lock:
                lent.users -= 1
                surplus = self._surplus()
            for router in surplus:
                router.close()

    def _surplus(self) -> list[DocumentRouter]:
        """Routers beyond those that are kept and that nobody uses now, longest unused first."""
        count = max(0, len(self._lent) - _ROUTERS_KEPT)
        idle = [key for key, lent in self._lent.items() if lent.users == 0][:count]
        return [self._lent.pop(key).router for key in idle]

    def close(self) -> None:
        """Cancel what runs: its jobs are given back. Idempotent."""
        with self._lock:
            self._closed = True
            routers = [lent.router for lent in self._lent.values()]
            self._lent.clear()
        for router in routers:
            router.close()

    def __enter__(self) -> JobServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _settings(request: JobRequest, template: DocumentRouter) -> ProcessorConfig:
    """The job's settings, on this worker's engine."""
    own = template.config
    engine = {
        "execution_strategy": own.execution_strategy,
        "execution_max_workers": own.execution_max_workers,
        "max_documents_per_worker": own.max_documents_per_worker,
    }
    return type(own).model_validate({**request.config, **engine})


def _asked(request: JobRequest, router: DocumentRouter, place: str) -> Asked:
    """The job's document."""
    return Asked(
        router,
        place,
        request.source_uri,
        Path(request.root) if request.root is not None else None,
        stamp=Stamp(request.size_bytes, request.modified_ns, request.etag),
        address=request.file_path if is_url(request.file_path) else None,
        content_hash=request.content_hash,
    )
