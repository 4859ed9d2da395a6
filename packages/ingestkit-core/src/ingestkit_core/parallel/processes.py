"""Flows in supervised processes.

Flow and state are pickled to a worker, the value is pickled back; exceptions travel as records. A late flow is
killed, one that crashes fails alone. The caller's objects are untouched, whatever happens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import inf
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from ingestkit_core.errors import ErrorCode, ExecutionError
from ingestkit_core.execution.workers import Job, Outcome, WorkerPool
from ingestkit_core.parallel.attempts import branch_name, run_flow
from ingestkit_core.parallel.config import ParallelConfig, ParallelFlowResult
from ingestkit_core.parallel.fanout import Attempt, End, FanOut, Inbox, paired
from ingestkit_core.parallel.pickling import check_picklable

__all__ = ["ProcessExecutor"]

_MIB = 1 << 20


class ProcessExecutor:
    """Runs flows in supervised processes.

    By itself each execution starts workers of its own and leaves none. As a context manager it keeps them warm
    from one execution to the next (one pool for each ``max_workers`` it meets) until it is closed.

    Flows must be importable functions, or picklable objects of importable classes, and not of ``__main__``,
    which workers never import. ``preload`` names modules to be imported once, before workers are forked.
    """

    def __init__(self, *, preload: Sequence[str] = ()) -> None:
        self._preload = ("ingestkit_core.parallel", *preload)
        self._lock = threading.Lock()
        self._warm = False
        self._kept: dict[int, WorkerPool] = {}
        self._open: set[WorkerPool] = set()

    def execute(
        self,
        flows: Sequence[Callable[[Any], Any]],
        states: Sequence[Mapping[str, Any]],
        config: ParallelConfig,
    ) -> list[ParallelFlowResult]:
        """Run each flow on its state; one result per flow, in input order. Nothing a flow does raises here.

        Raises PickleValidationError, before any process starts, for a flow or a state value that cannot travel.
        """
        paired(flows, states)
        check_picklable(flows, states)
        inbox: Inbox = SimpleQueue()
        with self._pool(config.max_workers) as pool:
            lanes = _ProcessLanes(pool, flows, states, inbox, config)
            return FanOut([branch_name(flow) for flow in flows], lanes, inbox, config).run()

    @property
    def worker_pids(self) -> list[int]:
        """The process ids of the workers there are now."""
        with self._lock:
            pools = list(self._open)
        return [pid for pool in pools for pid in pool.worker_pids]

    def close(self) -> None:
        """End all workers; flows that still run are cancelled. May be called again."""
        with self._lock:
            self._warm = False
            self._kept.clear()
            pools = list(self._open)
            self._open.clear()
        for pool in pools:
            pool.close()

    def __enter__(self) -> Self:
        self._warm = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _pool(self, max_workers: int) -> Iterator[WorkerPool]:
        with self._lock:
            pool = self._kept.get(max_workers)
            if pool is None:
                pool = WorkerPool(max_workers, preload=self._preload, name="ingestkit-flow")
                self._open.add(pool)
            if self._warm:
                self._kept[max_workers] = pool
        try:
            yield pool
        finally:
            self._let_go(pool)

    def _let_go(self, pool: WorkerPool) -> None:
        with self._lock:
            if pool in self._kept.values():
                return
            self._open.discard(pool)
        pool.close()


class _ProcessLanes:
    grace_seconds = inf
    """What is stopped is killed, and the pool sees to its end."""

    def __init__(
        self,
        pool: WorkerPool,
        flows: Sequence[Callable[[Any], Any]],
        states: Sequence[Mapping[str, Any]],
        inbox: Inbox,
        config: ParallelConfig,
    ) -> None:
        self._pool = pool
        self._flows = flows
        self._states = states
        self._inbox = inbox
        self._timeout = config.timeout_seconds
        self._max_bytes = config.max_memory_mb * _MIB if config.max_memory_mb is not None else None
        self._jobs: dict[Attempt, int] = {}

    def start(self, attempt: Attempt) -> float:
        call = (self._flows[attempt.index], self._states[attempt.index])
        job = Job(run_flow, call, timeout_seconds=self._timeout, max_memory_bytes=self._max_bytes)
        try:
            self._jobs[attempt] = self._pool.submit(job, partial(self._report, attempt))
        except ExecutionError as exc:  # the pool was closed, or it no longer pickles
            self._report(attempt, Outcome(error=exc.to_error()))
        return inf

    def _report(self, attempt: Attempt, outcome: Outcome) -> None:
        """On the supervising thread."""
        self._inbox.put((attempt, outcome))

    def end(self, attempt: Attempt, news: Outcome) -> End:
        self._jobs.pop(attempt, None)
        error = news.error
        if error is None:
            try:
                return End.of(news.value(), news.seconds, news.worker_pid)
            except ExecutionError as exc:
                error = exc.to_error()
            finally:
                news.discard()
        if error.code == ErrorCode.E_EXECUTION_CANCELLED:
            return End.stopped(news.seconds, news.worker_pid)
        if error.code == ErrorCode.E_EXECUTION_TIMEOUT:
            return End.late(error.message, news.seconds, news.worker_pid)
        return End(error=error, names=(error.code,), seconds=news.seconds, worker_pid=news.worker_pid)

    def stop(self, attempt: Attempt) -> None:
        if attempt in self._jobs:
            self._pool.cancel(self._jobs[attempt])

    def drop(self, attempt: Attempt) -> End:
        """Never called: the pool keeps the deadlines."""
        self.stop(attempt)
        return End.stopped()

    def close(self) -> None:
        for attempt in self._jobs:  # interrupted, else there are none
            self.stop(attempt)
