"""How far a document is: events for whoever watches, and how a reader says that a page or sheet is done.

    reader: unit_done("parse", 12, 80) ─► the engine that runs the job ─► on_progress(ProgressEvent) in the owner

Events tell what happens, they decide nothing: one that is lost or late costs nobody a document.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

__all__ = ["OnProgress", "ProgressEvent", "Report", "Stage", "assign_report", "reporting_to", "unit_done"]

Stage = Literal["queued", "parse", "ocr", "classify", "embed", "store"]
"""Where a document is: waiting for a worker, being read, its pages recognised, asked about, embedded, committed."""

Report = Callable[[Stage, int, int], None]
"""Told of a stage, and how many of how many units (pages, sheets) are done in it; 0 of 0 where none are counted."""


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """A document reached a stage, or got further in it.

    ``done`` of ``total`` pages or sheets are behind it; both are 0 in a stage that has no units.
    """

    file_path: str
    stage: Stage
    done: int = 0
    total: int = 0


OnProgress = Callable[[ProgressEvent], None]
"""Called on threads of the engine, one event at a time for a document: be quick, and raise nothing."""

_SECONDS_BETWEEN = 0.1

_process_report: Report | None = None
_current: ContextVar[Report | None] = ContextVar("ingestkit_report", default=None)


def unit_done(stage: Stage, done: int, total: int) -> None:
    """Say that so many pages or sheets are behind the running job. Cheap: to be called for every one."""
    report = _current.get() or _process_report
    if report is not None:
        report(stage, done, total)


@contextmanager
def reporting_to(report: Report | None) -> Iterator[None]:
    """Where the running job reports to in this context: how an engine of threads tells its jobs apart."""
    token = _current.set(_spaced(report) if report is not None else None)
    try:
        yield
    finally:
        _current.reset(token)


def assign_report(report: Report | None) -> None:
    """Where this whole process reports to: how a worker, which runs one job at a time, says it."""
    global _process_report
    _process_report = _spaced(report) if report is not None else None


def _spaced(report: Report) -> Report:
    """The report, at most ten times a second: a page may take less than a message about it."""
    due = 0.0

    def seldom(stage: Stage, done: int, total: int) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + _SECONDS_BETWEEN
            report(stage, done, total)

    return seldom
