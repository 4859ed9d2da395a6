"""Runs candidates over files: their CPU seconds, or their outputs. Each run in a process of its own.

Rounds are interleaved (every candidate once, then every candidate again), so that what else the machine does
falls on all of them alike, and the median round counts.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.candidates import Candidate
from benchmarks.fresh import NotMeasuredError, call, cpu_seconds, peak_bytes
from benchmarks.outputs import Output

__all__ = ["Outputs", "Timing", "Timings", "outputs", "timings"]


@dataclass(frozen=True, slots=True)
class Timing:
    """CPU seconds file by file, how many files it gave up on, and the largest resident size of the process."""

    seconds: tuple[float, ...]
    failed: int
    peak_bytes: int | None

    @property
    def total(self) -> float:
        """CPU seconds of all files together."""
        return sum(self.seconds)


@dataclass(frozen=True, slots=True)
class Timings:
    """Timings by the candidate's name, and why others have none."""

    taken: Mapping[str, Timing]
    failures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outputs:
    """A candidate's output by file; files it gave up on have an empty one."""

    by_path: Mapping[str, Output]
    failed: int


def timings(candidates: Sequence[Candidate], paths: Sequence[str], rounds: int) -> Timings:
    """The median round of each candidate; slow candidates run one round."""
    taken: dict[str, list[Timing]] = {}
    failures: dict[str, str] = {}
    for number in range(rounds):
        for candidate in candidates:
            if candidate.timed is None or candidate.name in failures or (number and candidate.slow):
                continue
            try:
                taken.setdefault(candidate.name, []).append(call(_time, candidate, paths))
            except NotMeasuredError as exc:
                failures[candidate.name] = str(exc)
                taken.pop(candidate.name, None)
    return Timings({name: _median(several) for name, several in taken.items() if several}, failures)


def _median(several: Sequence[Timing]) -> Timing:
    wanted = statistics.median_low([timing.total for timing in several])
    return next(timing for timing in several if timing.total == wanted)


def outputs(candidate: Candidate, paths: Sequence[str]) -> Outputs:
    """What the candidate makes of each file. Raises NotMeasuredError."""
    return call(_show, candidate, paths)


def _time(candidate: Candidate, paths: Sequence[str]) -> Timing:
    """In the fresh process: read every file, after one that is not counted."""
    assert candidate.timed is not None
    read = candidate.timed()
    _attempt(read, min(paths, key=os.path.getsize))
    seconds: list[float] = []
    failed = 0
    for path in paths:
        before = cpu_seconds()
        failed += _attempt(read, path) is None
        seconds.append(cpu_seconds() - before)
    return Timing(tuple(seconds), failed, peak_bytes())


def _show(candidate: Candidate, paths: Sequence[str]) -> Outputs:
    assert candidate.shown is not None
    read = candidate.shown()
    found = {path: _attempt(read, path) for path in paths}
    failed = sum(output is None for output in found.values())
    return Outputs({path: output[0] if output else Output() for path, output in found.items()}, failed)


T = TypeVar("T")


def _attempt(read: Callable[[str], T], path: str) -> tuple[T] | None:
    try:
        return (read(path),)
    except Exception:  # noqa: BLE001  # a peer raises what it likes, and goes on with the next file
        return None
