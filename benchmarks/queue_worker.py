"""The other end of the queue that is measured: jobs that do nothing, so that the way is all there is.

python -m benchmarks.queue_worker QUEUE_URL
"""

from __future__ import annotations

import signal
import sys

from ingestkit_core.execution.distributed.worker import QueueWorker
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores.jobs import JobRequest

CONCURRENCY = 8


def run(request: JobRequest) -> ProcessingResult:
    return ProcessingResult(file_path=request.file_path, status="committed")


def main() -> None:
    worker = QueueWorker(sys.argv[1], None, run, concurrency=CONCURRENCY, on_ready=lambda: print("ready", flush=True))
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.serve()


if __name__ == "__main__":
    main()
