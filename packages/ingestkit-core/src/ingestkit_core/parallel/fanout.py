"""One execution, step by step, wherever its attempts run. In the owner, on the thread that called ``execute``.

    waiting ─► breaker allows ─► attempt ─► breaker records ─┬─► result
       ▲                                                     └─► retry delay ─┐
       └──────────────────────────────────────────────────────────────────────┘

The loop never runs a flow and never sleeps for one: it starts attempts as workers are free, and then waits for
the first of an end, a deadline, a delay that is over, and a cancellation.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from ingestkit_core.errors import ErrorCode, IngestError
from ingestkit_core.parallel.attempts import Raised, execution_error
from ingestkit_core.parallel.config import ParallelConfig, ParallelFlowResult
from ingestkit_core.parallel.policies import CancellationToken, current_token

__all__ = ["Attempt", "End", "FanOut", "Inbox", "Lanes", "paired"]

_LONGEST_WAIT_SECONDS = 0.5
"""An interrupt that arrives just before a wait begins is noticed only when the wait ends."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One run of the flow at ``index``. ``deadline`` is when the loop lets go of it (monotonic seconds)."""

    index: int
    permit: int | None
    token: CancellationToken = field(default_factory=CancellationToken)
    started: float = field(default_factory=time.monotonic)
    deadline: float = inf
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended. ``names`` are what a RetryPolicy goes by."""

    value: Any = None
    error: IngestError | None = None
    names: tuple[str, ...] = ()
    timed_out: bool = False
    cancelled: bool = False
    seconds: float = 0.0
    worker_pid: int | None = None

    @classmethod
    def of(cls, returned: Any, seconds: float, worker_pid: int | None) -> End:
        """The end of an attempt that came to one by itself, from what ``run_flow`` returned."""
        if isinstance(returned, Raised):
            return cls(error=returned.error, names=returned.names, seconds=seconds, worker_pid=worker_pid)
        return cls(value=returned, seconds=seconds, worker_pid=worker_pid)

    @classmethod
    def stopped(cls, seconds: float = 0.0, worker_pid: int | None = None) -> End:
        """The end of an attempt, or of a flow without one, because it was cancelled."""
        error = execution_error(ErrorCode.E_EXECUTION_CANCELLED, "cancelled")
        return cls(error=error, cancelled=True, seconds=seconds, worker_pid=worker_pid)

    @classmethod
    def late(cls, message: str, seconds: float, worker_pid: int | None) -> End:
        """The end of an attempt that took too long."""
        error = execution_error(ErrorCode.E_EXECUTION_TIMEOUT, message)
        names = ("TimeoutError", "builtins.TimeoutError", error.code)
        return cls(error=error, names=names, timed_out=True, seconds=seconds, worker_pid=worker_pid)


Inbox = SimpleQueue[tuple[Attempt, Any] | None]
"""What wakes the loop: an attempt with the news of its end, as its lanes understand it; None just wakes."""


class Lanes(Protocol):
    """Where the attempts of one execution run. Called by the loop only; news goes to the inbox."""

    grace_seconds: float
    """How long a stopped attempt may take to end by itself."""

    def start(self, attempt: Attempt) -> float:
        """Begin; returns until when the loop waits for its end, inf when these lanes see to it themselves."""
        ...

    def end(self, attempt: Attempt, news: Any) -> End:
        """Read the news of an attempt's end."""
        ...

    def stop(self, attempt: Attempt) -> None:
        """Ask a running attempt to end. Its end comes as ever."""
        ...

    def drop(self, attempt: Attempt) -> End:
        """Let go of an attempt that is late, or was stopped and goes on. No news of it counts any more."""
        ...

    def close(self) -> None:
        """Nothing runs any more, or nobody waits for it any more."""
        ...


@dataclass(slots=True)
class _Flow:
    index: int
    branch: str
    attempts: int = 0
    seconds: float = 0.0
    last: End | None = None


class FanOut:
    """The state of one execution."""

    def __init__(self, branches: Sequence[str], lanes: Lanes, inbox: Inbox, config: ParallelConfig) -> None:
        self._flows = [_Flow(index, branch) for index, branch in enumerate(branches)]
        self._lanes = lanes
        self._inbox = inbox
        self._config = config
        self._token = CancellationToken()
        self._waiting = deque(self._flows)
        self._delayed: list[tuple[float, int]] = []
        self._running: set[Attempt] = set()
        self._results: dict[int, ParallelFlowResult] = {}

    def run(self) -> list[ParallelFlowResult]:
        """Run every flow to its result; results in input order."""
        self._token.on_cancel(lambda: self._inbox.put(None))
        # Without a token of its own, an execution inside a flow ends with that flow.
        outer = self._config.cancellation or current_token()
        forget = outer.on_cancel(self._token.cancel)
        try:
            while self._advance():
                self._listen()
        finally:
            forget()
            for attempt in self._running:  # interrupted, else there are none
                attempt.token.cancel()
                self._tell_breaker(attempt, End.stopped())
            self._lanes.close()
        return [self._results[flow.index] for flow in self._flows]

    def _advance(self) -> bool:
        """Do what can be done at once; False when every flow has its result."""
        self._let_go_of_late()
        self._start_attempts()
        if self._token.is_cancelled:
            self._cancel_rest()
        return len(self._results) < len(self._flows)

    def _listen(self) -> None:
        """Wait until there is something to do, and take the news."""
        try:
            news = self._inbox.get(timeout=self._patience())
            while True:
                if news is not None and news[0] in self._running:
                    self._take(news[0], self._lanes.end(*news))
                news = self._inbox.get_nowait()
        except Empty:
            return

    def _patience(self) -> float:
        due = min((attempt.deadline for attempt in self._running), default=inf)
        if self._delayed and len(self._running) < self._config.max_workers:
            due = min(due, self._delayed[0][0])
        return min(max(0.0, due - time.monotonic()), _LONGEST_WAIT_SECONDS)

    # Starting

    def _start_attempts(self) -> None:
        while len(self._running) < self._config.max_workers and not self._token.is_cancelled:
            flow = self._next_flow()
            if flow is None:
                return
            self._start(flow)

    def _next_flow(self) -> _Flow | None:
        if self._delayed and self._delayed[0][0] <= time.monotonic():
            return self._flows[heapq.heappop(self._delayed)[1]]
        return self._waiting.popleft() if self._waiting else None

    def _start(self, flow: _Flow) -> None:
        breaker = self._config.circuit_breaker
        permit = breaker.admit() if breaker is not None else None
        if breaker is not None and permit is None:
            # A flow that was tried before keeps the cause it failed for.
            self._settle(flow, flow.last or _refused())
            return
        attempt = Attempt(flow.index, permit)
        flow.attempts += 1
        self._running.add(attempt)
        attempt.deadline = self._lanes.start(attempt)

    # Ending

    def _take(self, attempt: Attempt, end: End) -> None:
        self._running.discard(attempt)
        flow = self._flows[attempt.index]
        flow.seconds += end.seconds
        flow.last = end
        self._tell_breaker(attempt, end)
        retry = self._config.retry
        if end.error is None or end.cancelled or retry is None or not retry.allows(flow.attempts, end.names):
            self._settle(flow, end)
        else:
            due = time.monotonic() + retry.delay(flow.attempts)
            heapq.heappush(self._delayed, (due, flow.index))

    def _tell_breaker(self, attempt: Attempt, end: End) -> None:
        breaker = self._config.circuit_breaker
        if breaker is None or attempt.permit is None:
            return
        if end.cancelled:
            breaker.dropped(attempt.permit)
        elif end.error is not None:
            breaker.failed(attempt.permit)
        else:
            breaker.succeeded(attempt.permit)

    def _settle(self, flow: _Flow, end: End) -> None:
        success = end.error is None
        self._results[flow.index] = ParallelFlowResult(
            index=flow.index,
            branch=flow.branch,
            success=success,
            value=end.value,
            error=end.error,
            attempts=flow.attempts,
            duration_seconds=flow.seconds,
            timed_out=end.timed_out,
            cancelled=end.cancelled,
            worker_pid=flow.last.worker_pid if flow.last is not None else None,
        )
        if self._config.fail_fast and not success:
            self._token.cancel()

    # Giving up

    def _let_go_of_late(self) -> None:
        now = time.monotonic()
        for attempt in [attempt for attempt in self._running if attempt.deadline <= now]:
            attempt.token.cancel()
            self._take(attempt, self._lanes.drop(attempt))

    def _cancel_rest(self) -> None:
        for flow in [*self._waiting, *(self._flows[index] for _, index in self._delayed)]:
            self._settle(flow, End.stopped())
        self._waiting.clear()
        self._delayed.clear()
        for attempt in self._running:
            if not attempt.stopping:
                attempt.stopping = True
                attempt.deadline = min(attempt.deadline, time.monotonic() + self._lanes.grace_seconds)
                attempt.token.cancel()
                self._lanes.stop(attempt)


def _refused() -> End:
    error = execution_error(ErrorCode.E_BACKEND_CIRCUIT_OPEN, "not run: the circuit breaker is open")
    return End(error=error)


def paired(flows: Sequence[Callable[[Any], Any]], states: Sequence[Mapping[str, Any]]) -> None:
    """Raise when flows and states are no pairs: ValueError for their number, TypeError for what is no flow."""
    if len(flows) != len(states):
        raise ValueError(f"{len(flows)} flows need as many states, not {len(states)}")
    for index, flow in enumerate(flows):
        if not callable(flow):
            raise TypeError(f"flow {index} is not callable: it is a {type(flow).__qualname__}")
