"""What a run came to: counted while it goes on, told at its end, and turned into the exit code.

Counts and short lists only, so that a run over a million documents keeps as little as one over ten.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from ingestkit_core.discovery import Discovered
from ingestkit_core.ledger import Ledger
from ingestkit_core.models import ProcessingResult

from ingestkit_cli.errors import ExitCode
from ingestkit_cli.output import count, percent
from ingestkit_cli.places import shown_path

__all__ = ["RunReport", "faults_of", "listed", "marks_of", "passed_by", "text_account"]

_MIN_UNEXPLAINED = 20
"""So many characters or cells may be unexplained in any document."""
_MAX_NAMED = 20
_ALWAYS_TOLD = ("committed", "unchanged", "quarantined")
_STATUSES = (*_ALWAYS_TOLD, "deferred", "cancelled")


class RunReport:
    """``max_unexplained_ratio`` gives the limit (0..1) that holds for a document, by its path."""

    def __init__(self, max_unexplained_ratio: Callable[[str], float]) -> None:
        self._max_ratio = max_unexplained_ratio
        self._started = time.monotonic()
        self._statuses: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._faulty_documents = 0
        self._may_be_cured = False
        self._chunks = 0
        self._tables = 0
        self._text: dict[str, Counter[str]] = {"characters": Counter(), "cells": Counter()}
        self._uncounted: Counter[str] = Counter()
        self._lossy: list[str] = []
        self._lossy_documents = 0

    def add(self, result: ProcessingResult) -> None:
        """Count one document."""
        self._statuses[result.status] += 1
        self._warnings.update(result.warnings)
        if result.status == "committed":
            self._chunks += result.chunks_created
            self._tables += result.tables_created
        if result.status in ("quarantined", "deferred"):
            self._codes.update(result.errors[:1])
        elif result.errors and result.status in ("committed", "unchanged"):
            self._faulty_documents += 1
            self._faults.update(faults_of(result))
            self._may_be_cured = self._may_be_cured or result.may_be_cured
        if result.status in ("committed", "unchanged") and result.ledger is not None:
            self._add_ledger(result.file_path, result.ledger)

    def _add_ledger(self, file_path: str, ledger: Ledger) -> None:
        text = self._text[ledger.measure]
        text.update({"source": ledger.source, "emitted": ledger.emitted, **ledger.dropped})
        text.update({"unexplained": ledger.unexplained})
        self._uncounted.update(ledger.uncounted)
        if ledger.unexplained <= _MIN_UNEXPLAINED:
            return
        if ledger.unexplained > self._max_ratio(file_path) * ledger.source:
            self._lossy_documents += 1
            if len(self._lossy) < _MAX_NAMED:
                share = percent(ledger.unexplained, ledger.source)
                self._lossy.append(f"{shown_path(file_path)}: {ledger.unexplained:,} {ledger.measure}, {share}")

    @property
    def documents(self) -> int:
        """How many documents something became of."""
        return sum(self._statuses.values())

    @property
    def exit_code(self) -> ExitCode:
        """Deferred documents come first: the run is not complete, and running it again may be all it takes."""
        if self._statuses["deferred"]:
            return ExitCode.NOT_NOW
        if self._statuses["quarantined"] or self._lossy_documents:
            return ExitCode.TROUBLE
        return ExitCode.OK

    def lines(self, seen: Discovered) -> list[str]:
        """The summary, without its last line. What the walk passed by is told with it."""
        lines = []
        if self._chunks or self._tables:
            lines.append(f"made: {count(self._chunks, 'chunk')}, {count(self._tables, 'table')}")
        if self._faults:
            advice = "; to read them again: ingestkit retry" if self._may_be_cured else ""
            lines.append(f"errors within {count(self._faulty_documents, 'document')}: {listed(self._faults)}{advice}")
        if self._warnings:
            lines.append(f"warnings: {listed(self._warnings)}")
        lines += [f"{measure}: {text_account(text)}" for measure, text in self._text.items() if text["source"]]
        if self._uncounted:
            named = {kind.replace("_", " "): number for kind, number in self._uncounted.items()}
            lines.append(f"not counted, since it cannot be: {listed(named)}")
        if self._lossy_documents:
            lines.append(f"unexplained above the limit in {count(self._lossy_documents, 'document')}:")
            lines += [f"  {line}" for line in self._lossy]
            more = self._lossy_documents - len(self._lossy)
            lines += [f"  and {more:,} more"] if more else []
        if self._codes:
            lines.append(f"causes: {listed(self._codes)}")
        return lines + passed_by(seen)

    def last_line(self) -> str:
        """What became of the documents, and how long it took."""
        seconds = time.monotonic() - self._started
        told = [status for status in _STATUSES if status in _ALWAYS_TOLD or self._statuses[status]]
        counts = ", ".join(f"{self._statuses[status]:,} {status}" for status in told)
        return f"{counts} in {seconds:.2f} s ({self.documents / seconds:.1f} documents/s)"


def listed(counts: Mapping[str, int]) -> str:
    """Counts by name, the largest first: ``.docx 12, .png 3``."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {number:,}" for name, number in ordered)


def passed_by(seen: Discovered) -> list[str]:
    """What a walk over folders did not give to any reader."""
    lines = []
    if seen.unsupported:
        lines.append(f"passed by, no installed format reads them: {listed(seen.unsupported)}")
    if seen.odd:
        lines.append(f"passed by, no files: {listed(seen.odd)}")
    if seen.unreadable:
        more = len(seen.unreadable) - _MAX_NAMED
        named = ", ".join(map(shown_path, seen.unreadable[:_MAX_NAMED])) + (f" and {more:,} more" if more > 0 else "")
        lines.append(f"could not be looked into: {named}")
    return lines


def faults_of(result: ProcessingResult) -> Counter[str]:
    """What went wrong with pages, sheets or other parts of a document that is there: how often, by code."""
    detailed = Counter(error.code for error in result.error_details)
    return Counter({code: max(1, detailed[code]) for code in result.errors})


def marks_of(result: ProcessingResult) -> list[str]:
    """The codes that stand on a committed document's line: errors first, with how often where it is more than once."""
    faults = [code if number == 1 else f"{code} {number:,}" for code, number in faults_of(result).items()]
    return [*faults, *result.warnings]


def text_account(counts: Mapping[str, int]) -> str:
    """What came in, went out, was left out by reason, and is unexplained, in one line."""
    source = counts["source"]
    if not source:
        return "none in the sources"
    reasons = {name: n for name, n in counts.items() if name not in ("source", "emitted", "unexplained") and n}
    parts = [f"{percent(counts['emitted'], source)} emitted"]
    parts += [f"{percent(n, source)} {name.replace('_', ' ')}" for name, n in sorted(reasons.items())]
    parts.append(f"{percent(counts['unexplained'], source)} unexplained")
    return f"{source:,} in the sources; {', '.join(parts)}"
