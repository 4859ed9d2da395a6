"""When to try again, when to stop trying, and when to stop altogether. In the owner; nothing here pickles."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from ingestkit_core.errors import ErrorCode, ExecutionError

__all__ = ["CancellationToken", "CircuitBreaker", "RetryPolicy", "current_token", "flow_token"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed flow is tried again, and after how many seconds.

    The n-th retry waits ``base_delay * backoff_multiplier ** (n - 1)`` seconds, at most ``max_delay``.
    ``retry_on`` names what is worth another try: exception types or their names (bare or with their module;
    subclasses count) and error codes. By default that is any exception a flow raises, and none of what was
    done to it: a flow that was late is tried again only if TimeoutError (or E_EXECUTION_TIMEOUT) is named,
    one whose process died only if E_EXECUTION_CRASHED or E_EXECUTION_MEMORY is.
    """

    max_retries: int = 3
    base_delay: float = 0.5
    max_delay: float = 30.0
    backoff_multiplier: float = 2.0
    retry_on: tuple[type[BaseException] | str, ...] = (Exception,)

    def __post_init__(self) -> None:
        if self.max_retries < 0 or self.base_delay < 0 or self.max_delay < 0:
            raise ValueError("max_retries, base_delay and max_delay are not negative")
        if self.backoff_multiplier < 1:
            raise ValueError("backoff_multiplier is at least 1")
        if isinstance(self.retry_on, str | type):
            raise TypeError("retry_on is a tuple, also when it names one thing")

    def allows(self, attempts: int, names: tuple[str, ...]) -> bool:
        """Whether there is another try after so many attempts, the last one failed with these names."""
        if attempts > self.max_retries:
            return False
        return any(_name(wanted) in names for wanted in self.retry_on)

    def delay(self, retry: int) -> float:
        """Seconds before the ``retry``-th retry, counted from 1."""
        try:
            return min(self.base_delay * self.backoff_multiplier ** (retry - 1), self.max_delay)
        except OverflowError:
            return self.max_delay


def _name(wanted: type[BaseException] | str) -> str:
    return wanted if isinstance(wanted, str) else f"{wanted.__module__}.{wanted.__qualname__}"


class CircuitBreaker:
    """Stops calling what keeps failing, and looks once in a while whether it works again.

        closed ── failure_threshold failures in a row ──► open
        open ── reset_timeout seconds ──► half_open: half_open_max_calls trial calls
        half_open ── a trial fails ──► open;  all trials succeed ──► closed

    Shared by every execution whose config holds the same object; thread-safe; its lock is never held during a
    call. A call that began before the last change of state says nothing about it any more.
    """

    def __init__(self, failure_threshold: int = 5, reset_timeout: float = 30.0, half_open_max_calls: int = 1) -> None:
        if failure_threshold < 1 or half_open_max_calls < 1 or reset_timeout < 0:
            raise ValueError("failure_threshold and half_open_max_calls are at least 1, reset_timeout at least 0")
        self.failure_threshold = failure_threshold
        self.reset_timeout = reset_timeout
        self.half_open_max_calls = half_open_max_calls
        self._lock = threading.Lock()
        self._period = 0
        self._failures = 0
        self._opened_at: float | None = None
        self._trials = 0
        self._successes = 0

    @property
    def state(self) -> str:
        """What the next call would meet: "closed", "open" or "half_open"."""
        with self._lock:
            if self._opened_at is None:
                return "closed"
            return "half_open" if self._rested() else "open"

    def admit(self) -> int | None:
        """A permit for one call, None when it must not run. Give it back with what became of the call."""
        with self._lock:
            if self._opened_at is not None:
                if not self._rested() or self._trials >= self.half_open_max_calls:
                    return None
                self._trials += 1
            return self._period

    def succeeded(self, permit: int) -> None:
        """The call worked."""
        with self._lock:
            if permit != self._period:
                return
            self._failures = 0
            self._successes += 1
            if self._opened_at is not None and self._successes >= self.half_open_max_calls:
                self._turn(None)

    def failed(self, permit: int) -> None:
        """The call did not work."""
        with self._lock:
            if permit != self._period:
                return
            self._failures += 1
            if self._opened_at is not None or self._failures >= self.failure_threshold:
                self._turn(time.monotonic())

    def dropped(self, permit: int) -> None:
        """The call was given up, which says nothing: its trial is there again."""
        with self._lock:
            if permit == self._period:
                self._trials = max(0, self._trials - 1)

    def _rested(self) -> bool:
        return self._opened_at is not None and time.monotonic() - self._opened_at >= self.reset_timeout

    def _turn(self, opened_at: float | None) -> None:
        self._opened_at = opened_at
        self._period += 1
        self._failures = self._trials = self._successes = 0


class CancellationToken:
    """Says that something is no longer wanted. It is up to the one who holds it to look.

    Thread-safe; once cancelled it stays so. Pass one in ``ParallelConfig`` to stop a whole execution; a flow
    finds its own with ``current_token()``.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        # Reentrant: a signal handler may cancel while the main thread is in here.
        self._lock = threading.RLock()
        self._numbers = itertools.count()
        self._callbacks: dict[int, Callable[[], None]] = {}

    @property
    def is_cancelled(self) -> bool:
        """Whether ``cancel`` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Cancel, for good. Calling it again changes nothing."""
        with self._lock:
            self._event.set()
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Sleep until it is cancelled, at most so long; whether it is. For a flow: a sleep that can be ended."""
        return self._event.wait(timeout_seconds)

    def raise_if_cancelled(self) -> None:
        """Raise ExecutionError (E_EXECUTION_CANCELLED) if it is cancelled."""
        if self.is_cancelled:
            raise ExecutionError(ErrorCode.E_EXECUTION_CANCELLED, "cancelled")

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have the callback called once, on the cancelling thread, or now. Calling what is returned forgets it."""
        number = next(self._numbers)
        with self._lock:
            if not self.is_cancelled:
                self._callbacks[number] = callback
                return lambda: self._forget(number)
        callback()
        return lambda: None

    def _forget(self, number: int) -> None:
        with self._lock:
            self._callbacks.pop(number, None)


flow_token: ContextVar[CancellationToken] = ContextVar("ingestkit_flow_token")
"""Set around a flow on a thread."""


def current_token() -> CancellationToken:
    """The running flow's own token, set when its execution is cancelled or the flow is late.

    In a process and outside of any flow it is one that nobody cancels: a process flow is killed instead.
    """
    return flow_token.get(None) or CancellationToken()
