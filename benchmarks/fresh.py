"""Runs a function in a process of its own, so that nothing is shared between what is compared.

    call(function, *arguments) ─► python -m benchmarks.fresh ─► the function's value

Function, arguments and value must pickle. The new process belongs to this run alone: what it prints is thrown
away, what it says on stderr is quoted if it fails.
"""

from __future__ import annotations

import os
import pickle
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

__all__ = ["NotMeasuredError", "call", "cpu_of", "cpu_seconds", "peak_bytes"]

P = ParamSpec("P")
T = TypeVar("T")

ROOT = Path(__file__).parents[1]
TIMEOUT_SECONDS = 3600.0


class NotMeasuredError(RuntimeError):
    """Something that was to be measured could not be; the message says what and why."""


def call(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """The function's value, from a fresh interpreter. Raises NotMeasuredError where that process fails."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        task, answer = Path(folder, "task"), Path(folder, "answer")
        task.write_bytes(pickle.dumps((function, arguments, named)))
        try:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.fresh", task, answer],
                cwd=ROOT,
                env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired as exc:
            raise NotMeasuredError(f"{function.__name__} took longer than {TIMEOUT_SECONDS:.0f} s") from exc
        if not answer.exists():
            words = done.stderr.strip().splitlines() or ["it said nothing"]
            raise NotMeasuredError(f"{function.__name__} ended with {done.returncode}: {words[-1]}")
        value: T = pickle.loads(answer.read_bytes())
        return value


def cpu_seconds() -> float:
    """CPU seconds of this process with all its threads, and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def cpu_of(work: Callable[[], object]) -> float:
    """CPU seconds of this process while ``work`` is done."""
    before = time.process_time()
    work()
    return time.process_time() - before


def peak_bytes() -> int | None:
    """The largest resident size this process has had; None where the system does not say."""
    # Not ru_maxrss: that begins with the size of whoever started the process.
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else None


def _answer(task: str, answer: str) -> None:
    function, arguments, named = pickle.loads(Path(task).read_bytes())
    value: Any = function(*arguments, **named)
    Path(answer).write_bytes(pickle.dumps(value))


if __name__ == "__main__":
    _answer(*sys.argv[1:])
