"""A worker's pulse, and what becomes of the jobs of workers whose pulse stopped. One thread in each worker.

every beat        I am alive; jobs of those that were silent for too long are sent again
now and then,     nothing waits at the broker: what still waits in the journal is sent again, since its message is lost
after a loss        with who had taken it
hourly            results that nobody took for a week are swept
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from ingestkit_core.errors import ExecutionError, StoreError
from ingestkit_core.execution.distributed.broker import Broker
from ingestkit_core.stores.jobs import JobJournal

__all__ = ["Keeper", "Pulse"]

logger = logging.getLogger(__name__)

_SENT_AGAIN_TOGETHER = 1000
_SWEEP_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a worker shows that it lives, and when another is taken for lost.

    ``forgotten_after_seconds``: a job that waits for so long while the broker has nothing is sent again; after a loss
    one beat is long enough, for what the lost one had taken and not begun.
    """

    beat_seconds: float = 3.0
    lost_after_seconds: float = 15.0
    forgotten_after_seconds: float = 60.0


class Keeper:
    """Keeps one worker alive in the journals it serves, by store URL (None: Redis itself)."""

    def __init__(self, worker: str, broker: Broker, journals: Mapping[str | None, JobJournal], pulse: Pulse) -> None:
        self._worker = worker
        self._broker = broker
        self._journals = journals
        self._pulse = pulse
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingestkit-pulse", daemon=True)
        self._looked = time.monotonic()
        self._swept = -math.inf
        self._bereaved: set[str | None] = set()

    def start(self, *, only_one: bool = False) -> None:
        """Make the first beat, then one after the other. Raises StoreError or ExecutionError if the first one fails.

        ``only_one``: whoever else was at work in a store's journal is gone, so that what they had is sent again now.
        """
        for store_url, journal in self._journals.items():
            if only_one and store_url is not None:
                self._bereaved.add(store_url)
                self._send_again(journal.take_lost(0.0), store_url)
            journal.keep_alive(self._worker)
        self._thread.start()

    def stop(self) -> None:
        """Sign off: what the worker still has is for others at once."""
        self._stop.set()
        self._thread.join()
        for journal in self._journals.values():
            try:
                journal.sign_off(self._worker)
            except StoreError as exc:
                logger.warning("worker=%s sign_off=%s", self._worker, exc.code)

    def _run(self) -> None:
        while not self._stop.wait(self._pulse.beat_seconds):
            look, sweep = self._due()
            for store_url, journal in self._journals.items():
                try:
                    self._beat(store_url, journal, look=look, sweep=sweep)
                except (StoreError, ExecutionError) as exc:
                    logger.warning("worker=%s pulse=%s: %s", self._worker, exc.code, exc.message)

    def _due(self) -> tuple[bool, bool]:
        now = time.monotonic()
        look, sweep = now - self._looked > self._pulse.forgotten_after_seconds / 2, now - self._swept > _SWEEP_SECONDS
        self._looked = now if look else self._looked
        self._swept = now if sweep else self._swept
        return look, sweep

    def _beat(self, store_url: str | None, journal: JobJournal, *, look: bool, sweep: bool) -> None:
        journal.keep_alive(self._worker)
        again = journal.take_lost(self._pulse.lost_after_seconds)
        if again:
            self._bereaved.add(store_url)
        after_loss = store_url in self._bereaved
        if (look or after_loss) and self._broker.waiting() == 0:
            waits = self._pulse.beat_seconds if after_loss else self._pulse.forgotten_after_seconds
            again += journal.take_forgotten(waits, _SENT_AGAIN_TOGETHER)
            self._bereaved.discard(store_url)
        self._send_again(again, store_url)
        if sweep:
            journal.sweep()

    def _send_again(self, job_ids: list[str], store_url: str | None) -> None:
        for job_id in job_ids:
            logger.warning("job=%s sent=again", job_id)
        if job_ids:
            self._broker.send(job_ids, store_url, again=True)
