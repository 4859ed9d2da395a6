"""A call to a backend, made again while that may help, and not made at all while the backend rests.

    call ─► BackendError, recoverable ─► pause ─► call ...     at most max_retries further calls
                       └ not recoverable, or too often ─► raised
    several failures in a row ─► the breaker opens ─► nothing is called until it had a rest

This is the one place where calls are repeated: a backend itself makes one attempt and says by type what went
wrong, ours over HTTP and somebody's that was handed in alike.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from ingestkit_core.errors import BackendError, ErrorCode, IngestkitError, Stage
from ingestkit_core.parallel.policies import CircuitBreaker, RetryPolicy

__all__ = ["GuardedCalls"]

T = TypeVar("T")

_MAX_WAIT_SECONDS = 60.0
"""A server that asks for a longer pause is not waited for: its documents are deferred."""

_JITTER = 0.5
"""A pause is longer or shorter by up to this share, so that many callers do not come back at once."""


class GuardedCalls:
    """Calls to one backend, which messages name as ``name``. Safe to use from several threads."""

    def __init__(self, name: str, stage: Stage, retries: RetryPolicy, breaker: CircuitBreaker) -> None:
        self._name = name
        self._stage = stage
        self._retries = retries
        self._breaker = breaker
        self._cause = ""

    def resting(self) -> BackendError | None:
        """Why no call would be made now; None where one would."""
        return self._left_alone() if self._breaker.state == "open" else None

    def run(self, call: Callable[[], T]) -> T:
        """What the call returns. Raises BackendError, or whatever else the call raises."""
        retry = 0
        while True:
            permit = self._breaker.admit()
            if permit is None:
                raise self._left_alone()
            try:
                value = call()
            except BackendError as exc:
                self._cause = exc.message
                (self._breaker.succeeded if exc.is_about_the_request else self._breaker.failed)(permit)
                retry += 1
                pause = self._pause(retry, exc)
                if pause is None or self._breaker.state == "open":
                    raise
            except IngestkitError:
                # It answered; that the answer is no use is another matter.
                self._breaker.succeeded(permit)
                raise
            except BaseException:
                self._breaker.dropped(permit)
                raise
            else:
                self._breaker.succeeded(permit)
                return value
            time.sleep(pause)

    def _pause(self, retry: int, exc: BackendError) -> float | None:
        """Seconds before the next call; None where there is none."""
        if not exc.recoverable or retry > self._retries.max_retries:
            return None
        delay = self._retries.delay(retry) * random.uniform(1 - _JITTER, 1 + _JITTER)
        asked = exc.retry_after_seconds or 0.0
        return max(delay, asked) if asked <= _MAX_WAIT_SECONDS else None

    def _left_alone(self) -> BackendError:
        cause = f" ({self._cause})" if self._cause else ""
        return BackendError(
            ErrorCode.E_BACKEND_CIRCUIT_OPEN,
            f"the {self._name} failed repeatedly and is left alone for a while{cause}; ingest again later",
            stage=self._stage,
            recoverable=True,
        )
