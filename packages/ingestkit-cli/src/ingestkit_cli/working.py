"""``worker``: takes jobs from a queue, reads and commits their documents, until it is told to end."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from ingestkit_core.errors import IngestkitError
from ingestkit_core.execution.distributed.broker import shown
from ingestkit_core.execution.distributed.worker import QueueWorker
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.models import ProcessingResult
from ingestkit_core.serving import JobServer

from ingestkit_cli.errors import ExitCode
from ingestkit_cli.ingesting import Run, owning
from ingestkit_cli.output import count, emit, json_line, say
from ingestkit_cli.progress import line_of
from ingestkit_cli.settings import open_ingestor
from ingestkit_cli.stopping import Stopper

__all__ = ["serve_queue"]

_LOOK_SECONDS = 0.5
_KILL_SECONDS = 10.0


def serve_queue(queue_url: str, run: Run) -> int:
    """Serve until the first signal, finish what is under way, and return the exit code; a second one gives up."""
    with (
        Stopper() as stopper,
        open_ingestor(run.store, run.wishes) as ingestor,
        owning(ingestor.store, wait=run.wait),
        JobServer(ingestor) as server,
    ):
        worker = _worker(queue_url, ingestor, server, as_json=run.as_json)
        serving = _Serving(worker)
        try:
            with stopper.draining(lambda: _drain(worker)):
                serving.run()
        except KeyboardInterrupt:
            worker.stop()
            say("stopped; what was not finished goes back to the queue")
            server.close()
            serving.thread.join(_KILL_SECONDS)
            return stopper.exit_code or ExitCode.INTERRUPTED
    return ExitCode.OK


def _drain(worker: QueueWorker) -> None:
    worker.stop()
    # Not say: the signal may have come in the middle of one.
    os.write(sys.stderr.fileno(), b"finishing what is under way; again to give it back at once\n")


def _worker(queue_url: str, ingestor: Ingestor, server: JobServer, *, as_json: bool) -> QueueWorker:
    configs = [router.config for router in ingestor.routers.values()]
    return QueueWorker(
        queue_url,
        ingestor.store,
        server.run,
        concurrency=max(config.execution_max_workers for config in configs),
        # The lease is held: see serve_queue.
        only_one=ingestor.store.one_owner,
        document_seconds=max(config.per_document_timeout_seconds for config in configs),
        on_done=_tell_as_json if as_json else _tell,
        on_ready=lambda: say(_greeting(queue_url, ingestor)),
    )


def _tell(result: ProcessingResult) -> None:
    say(line_of(result))


def _tell_as_json(result: ProcessingResult) -> None:
    emit(json_line(result.model_dump(mode="json")), at_once=True)


def _greeting(queue_url: str, ingestor: Ingestor) -> str:
    at_once = max(router.config.execution_max_workers for router in ingestor.routers.values())
    return f"serving {shown(queue_url)} for {shown(ingestor.store.url)}, {count(at_once, 'document')} at once"


class _Serving:
    """The worker on a thread of its own: the main one is for signals."""

    def __init__(self, worker: QueueWorker) -> None:
        self._failure: IngestkitError | None = None
        self.thread = threading.Thread(target=self._serve, args=(worker.serve,), name="ingestkit-queue", daemon=True)

    def run(self) -> None:
        """Until the worker ends. Raises what ended it."""
        self.thread.start()
        while self.thread.is_alive():
            # Never without a limit: a signal is noticed when the wait ends.
            self.thread.join(_LOOK_SECONDS)
        if self._failure is not None:
            raise self._failure

    def _serve(self, serve: Callable[[], None]) -> None:
        try:
            serve()
        except IngestkitError as exc:
            self._failure = exc
