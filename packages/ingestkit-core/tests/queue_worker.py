"""A worker for tests: what a job runs is named in its format, ``module:reader`` or ``module:reader module:finish``.

    python queue_worker.py QUEUE_URL STORE_URL|- BEAT_SECONDS LOST_AFTER_SECONDS

Says "ready" on stdout. Loaded by its path, as no import finds a test's neighbour.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from typing import Any

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.execution.distributed.keeping import Pulse
from ingestkit_core.execution.distributed.worker import QueueWorker
from ingestkit_core.execution.local import LocalExecutionBackend
from ingestkit_core.execution.workers import WorkerPool
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores import open_store
from ingestkit_core.stores.jobs import JobRequest


class Runner:
    def __init__(self) -> None:
        self.pool = WorkerPool(2, preload=["ingestkit_core.testing.execution"])
        self.backends: dict[str, LocalExecutionBackend] = {}
        self.lock = threading.Lock()

    def run(self, request: JobRequest) -> ProcessingResult:
        with self.lock:
            backend = self.backends.get(request.format_name or "")
            if backend is None:
                reader, *finish = [_named(name) for name in (request.format_name or "").split()]
                backend = LocalExecutionBackend(reader, 2, finish=finish[0] if finish else None, pool=self.pool)
                self.backends[request.format_name or ""] = backend
        path = os.path.basename(request.file_path) if request.source_uri is None else request.file_path
        job = backend.submit(path, ProcessorConfig.model_validate(request.config), request.source_uri)
        try:
            return backend.get_result(job)
        finally:
            backend.release(job)

    def close(self) -> None:
        for backend in self.backends.values():
            backend.close()
        self.pool.close()


def _named(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def main() -> None:
    queue_url, store_url, beat, lost_after = sys.argv[1:5]
    store = None if store_url == "-" else open_store(store_url)
    runner = Runner()
    pulse = Pulse(float(beat), float(lost_after), 4 * float(lost_after))
    worker = QueueWorker(
        queue_url, store, runner.run, concurrency=2, pulse=pulse, on_ready=lambda: print("ready", flush=True)
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.serve()
    runner.close()
    if store is not None:
        store.close()


if __name__ == "__main__":
    main()
