"""Ctrl-C and SIGTERM: the first one finishes what is under way, the second one stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Stopper"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopper:
    """Takes the two signals while it is entered. ``exit_code`` is 128 and the signal's number, None without one.

    A signal raises KeyboardInterrupt, once: whatever follows it, cleaning up is not disturbed, and the process
    ends deaf. Only inside ``draining`` the first one sets ``event`` instead.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self._number: int | None = None
        self._on_drain: Callable[[], None] | None = None
        self._raised = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def exit_code(self) -> int | None:
        """What to tell the shell about the first signal."""
        return None if self._number is None else 128 + self._number

    @contextmanager
    def draining(self, on_drain: Callable[[], None]) -> Iterator[threading.Event]:
        """Inside, the first signal sets the event and calls ``on_drain``; the next one raises."""
        self._on_drain = on_drain
        try:
            yield self.event
        finally:
            self._on_drain = None

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            # An impatient third one would find Python on its way out, where it ends in a traceback.
            signal.signal(number, handler if self._number is None else signal.SIG_IGN)

    def _take(self, number: int, frame: FrameType | None) -> None:
        is_first = self._number is None
        self._number = self._number or number
        if is_first and self._on_drain is not None:
            self.event.set()
            self._on_drain()
        elif not self._raised:
            self._raised = True
            raise KeyboardInterrupt
