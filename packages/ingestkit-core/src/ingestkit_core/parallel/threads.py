"""Flows on threads of this process.

Plain daemon threads, because those of a ThreadPoolExecutor are joined at exit, and one abandoned flow would hold
the interpreter. What threads can promise: a late flow is reported late at once, the others go on, and the
interpreter still exits. What they cannot: stop a flow that does not look at its token, survive a crash, limit
memory.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, copy_context
from copy import deepcopy
from math import inf
from queue import SimpleQueue
from types import TracebackType
from typing import Any, NamedTuple, Self

from ingestkit_core.parallel.attempts import branch_name, run_flow
from ingestkit_core.parallel.config import ParallelConfig, ParallelFlowResult
from ingestkit_core.parallel.fanout import Attempt, End, FanOut, Inbox, paired
from ingestkit_core.parallel.policies import flow_token

__all__ = ["ThreadExecutor"]

_GRACE_SECONDS = 0.5
"""How long a cancelled flow is waited for: enough for one that looks at its token now and then."""


class ThreadExecutor:
    """Runs flows on threads. Holds nothing between executions, so closing it does nothing.

    Each attempt gets a deep copy of its state; a value that cannot be copied (a connection, a lock) is handed
    over as it is. Context variables are those of the caller. A late flow goes on in the background, without a
    place among ``max_workers``, until it looks at its token (``current_token()``) or ends.
    """

    def execute(
        self,
        flows: Sequence[Callable[[Any], Any]],
        states: Sequence[Mapping[str, Any]],
        config: ParallelConfig,
    ) -> list[ParallelFlowResult]:
        """Run each flow on its state; one result per flow, in input order. Nothing a flow does raises here."""
        paired(flows, states)
        inbox: Inbox = SimpleQueue()
        lanes = _ThreadLanes(flows, states, inbox, config.timeout_seconds)
        return FanOut([branch_name(flow) for flow in flows], lanes, inbox, config).run()

    def close(self) -> None:
        """Nothing to let go of."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _News(NamedTuple):
    returned: Any
    seconds: float
    cancelled: bool


class _ThreadLanes:
    grace_seconds = _GRACE_SECONDS

    def __init__(
        self,
        flows: Sequence[Callable[[Any], Any]],
        states: Sequence[Mapping[str, Any]],
        inbox: Inbox,
        timeout_seconds: float | None,
    ) -> None:
        self._flows = flows
        self._states = states
        self._inbox = inbox
        self._timeout = timeout_seconds
        self._idle: list[_Lane] = []
        self._busy: dict[Attempt, _Lane] = {}

    def start(self, attempt: Attempt) -> float:
        lane = self._idle.pop() if self._idle else _Lane(self._inbox)
        self._busy[attempt] = lane
        lane.run(_Work(attempt, self._flows[attempt.index], self._states[attempt.index], copy_context()))
        return inf if self._timeout is None else attempt.started + self._timeout

    def end(self, attempt: Attempt, news: _News) -> End:
        self._idle.append(self._busy.pop(attempt))
        if news.cancelled:
            return End.stopped(news.seconds, os.getpid())
        return End.of(news.returned, news.seconds, os.getpid())

    def stop(self, attempt: Attempt) -> None:
        """Its token is set; a thread can be asked no other way."""

    def drop(self, attempt: Attempt) -> End:
        self._busy.pop(attempt).leave()
        seconds = time.monotonic() - attempt.started
        if attempt.stopping:
            return End.stopped(seconds, os.getpid())
        message = f"took longer than {self._timeout:g} s; a thread cannot be stopped, so it was left to itself"
        return End.late(message, seconds, os.getpid())

    def close(self) -> None:
        for lane in (*self._idle, *self._busy.values()):
            lane.leave()
        for lane in self._idle:
            lane.join()


class _Work(NamedTuple):
    attempt: Attempt
    flow: Callable[[Any], Any]
    state: Mapping[str, Any]
    context: Context

    def do(self) -> _News:
        """Run the flow. In the lane's thread."""
        started = time.monotonic()
        returned = self.context.run(self._run)
        return _News(returned, time.monotonic() - started, self.attempt.token.is_cancelled)

    def _run(self) -> Any:
        flow_token.set(self.attempt.token)
        return run_flow(self.flow, _copied(self.state))


class _Lane:
    """A daemon thread that does one work after another until it is told to leave."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="ingestkit-flow", daemon=True)
        self._thread.start()

    def run(self, work: _Work) -> None:
        self._work.put(work)

    def leave(self) -> None:
        self._work.put(None)

    def join(self) -> None:
        self._thread.join()

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            self._inbox.put((work.attempt, work.do()))


def _copied(state: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return deepcopy(state)
    except Exception:  # noqa: BLE001 - copying runs __deepcopy__ and __reduce__ of any class
        return {key: _copied_value(value) for key, value in state.items()}


def _copied_value(value: Any) -> Any:
    try:
        return deepcopy(value)
    except Exception:  # noqa: BLE001 - as above
        return value
