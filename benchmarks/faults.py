"""The fault table: one bad task among twenty good ones, two workers, on our engines and on the pools there are.

Each candidate meets each fault in a process of its own, so that one that hangs can be ended and counted. A cell
says how many of the twenty came back, what was said of the bad one, and what was left behind.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import IngestkitError
from ingestkit_core.execution.local import LocalExecutionBackend
from ingestkit_core.models import ProcessingResult
from ingestkit_core.parallel import ParallelConfig, ProcessExecutor
from ingestkit_core.testing.faults import misbehave

from benchmarks.options import Options
from benchmarks.report import Column, Figures

__all__ = ["FAULTS", "measure"]

GOOD = 20
LIMIT_SECONDS = 3.0
MEMORY_MB = 1024
PATIENCE_SECONDS = 40.0

FAULTS = (
    "segfault",
    "exit",
    "kill",
    "c-loop",
    "python-loop",
    "memory-error",
    "grow",
    "unpicklable-argument",
    "unpicklable-result",
    "exception",
    "big-result",
    "killed-while-pickling",
    "killed-while-sending",
    "stopped-while-sending",
)


def measure(options: Options) -> Iterator[Figures]:
    """The table, ours first. Peers that are not installed are left out."""
    names = [name for name, module in _MODULES.items() if module is None or importlib.util.find_spec(module)]
    figures = Figures(
        f"Faults: good results of {GOOD}, and what is said of the bad one", [Column("fault"), *map(Column, names)]
    )
    for fault in FAULTS:
        figures.add(fault, *(_cell(name, fault) for name in names))
    yield figures


def _cell(candidate: str, fault: str) -> str:
    process = subprocess.Popen(
        [sys.executable, "-c", "from benchmarks.faults import main; main()", candidate, fault],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
        lines = out.decode().splitlines()
        said = json.loads(lines[-1]) if lines else {"good": 0, "cause": "died itself"}
    except subprocess.TimeoutExpired:
        said = {"good": "-", "cause": "hangs"}
        process.kill()
        process.wait()
    time.sleep(0.3 if said["cause"] == "hangs" else 2.0)
    left = _left_behind(process.pid)
    return f"{said['good']}, {said['cause']}" + (f", leaves {left}" if left else "")


def _left_behind(session: int) -> int:
    """How many processes of the ended run are still there; they are ended too."""
    members = [pid for pid in _pids() if _session(pid) == session]
    for pid in members:
        os.kill(pid, 9)
    return len(members)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _session(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[3])


# What runs in a worker.


def task(number: int, fault: str, argument: Any = None) -> Any:
    """A good task returns its number; the eleventh does what the fault says."""
    if number == GOOD // 2:
        if fault in ("killed-while-sending", "stopped-while-sending"):
            signal = 9 if fault.startswith("killed") else 19
            threading.Timer(0.02, os.kill, (os.getpid(), signal)).start()
            return b"x" * 600_000_000
        if fault != "unpicklable-argument":
            return misbehave(fault)
    time.sleep(0.02)
    return number


def read(file_path: str, config: dict[str, Any]) -> Any:
    """``task`` as a reader of documents."""
    number, fault = file_path.split(":")
    value = task(int(number), fault)
    return ProcessingResult(file_path=file_path, status="committed") if value == int(number) else value


class Flow:
    """``task`` as a flow."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def __call__(self, state: Mapping[str, Any]) -> Any:
        """Run it on the state's number."""
        return task(state["number"], self.fault)


# The candidates. Each returns how many good results came and what was said of the bad one.


def _argument(number: int, fault: str) -> Any:
    return (lambda: None) if fault == "unpicklable-argument" and number == GOOD // 2 else None


def _backend(fault: str) -> tuple[int, str]:
    config = ProcessorConfig(per_document_timeout_seconds=LIMIT_SECONDS, max_memory_mb=MEMORY_MB)
    with LocalExecutionBackend(read, 2) as backend:
        jobs = {n: backend.submit(f"{n}:{fault}", config) for n in range(GOOD + 1) if _argument(n, fault) is None}
        results = {number: backend.get_result(job) for number, job in jobs.items()}
        cause = _refused(lambda: backend.submit(lambda: None, config))  # type: ignore[arg-type]  # the fault itself
    bad = results.pop(GOOD // 2, None)
    said = bad.errors[0] if bad is not None and bad.errors else "came back"
    return sum(r.status == "committed" for r in results.values()), cause if bad is None else said


def _executor(fault: str) -> tuple[int, str]:
    config = ParallelConfig(max_workers=2, timeout_seconds=LIMIT_SECONDS, max_memory_mb=MEMORY_MB)
    numbers = [n for n in range(GOOD + 1) if _argument(n, fault) is None]
    with ProcessExecutor() as executor:
        cause = _refused(lambda: executor.execute([Flow(fault)], [{"number": lambda: None}], config))
        results = executor.execute([Flow(fault)] * len(numbers), [{"number": n} for n in numbers], config)
    by_number = dict(zip(numbers, results, strict=True))
    bad = by_number.pop(GOOD // 2, None)
    said = bad.error.code if bad is not None and bad.error is not None else "came back"
    return sum(r.success for r in by_number.values()), cause if bad is None else said


def _refused(call: Callable[[], Any]) -> str:
    try:
        call()
    except IngestkitError as exc:
        return str(exc.code)
    return "taken"


def _futures(submit: Callable[..., Any], fault: str) -> tuple[int, str]:
    good, said = 0, "came back"
    futures = []
    for number in range(GOOD + 1):
        try:
            futures.append((number, submit(task, number, fault, _argument(number, fault))))
        except Exception as exc:  # noqa: BLE001  # whatever a pool says of it is what is measured
            said = type(exc).__name__ if number == GOOD // 2 else said
    for number, future in futures:
        try:
            future.result(timeout=LIMIT_SECONDS * 3)
            good += number != GOOD // 2
        except BaseException as exc:  # noqa: BLE001  # the same
            if number == GOOD // 2:
                said = type(exc).__name__
    return good, said


def _process_pool(fault: str) -> tuple[int, str]:
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(2) as pool:
        return _futures(pool.submit, fault)


def _pebble(fault: str) -> tuple[int, str]:
    from pebble import ProcessPool  # type: ignore[import-not-found]  # a peer, where it is installed

    with ProcessPool(2) as pool:
        return _futures(lambda f, *args: pool.schedule(f, args=args, timeout=LIMIT_SECONDS), fault)


def _loky(fault: str) -> tuple[int, str]:
    from loky import get_reusable_executor  # type: ignore[import-not-found]  # a peer, where it is installed

    return _futures(get_reusable_executor(2).submit, fault)


_CANDIDATES: Mapping[str, Callable[[str], tuple[int, str]]] = {
    "LocalExecutionBackend": _backend,
    "ProcessExecutor": _executor,
    "ProcessPoolExecutor": _process_pool,
    "pebble": _pebble,
    "loky": _loky,
}
_MODULES = {
    "LocalExecutionBackend": None,
    "ProcessExecutor": None,
    "ProcessPoolExecutor": None,
    "pebble": "pebble",
    "loky": "loky",
}


def main() -> None:
    """One cell, in a process of its own. (Not as a script: workers never import one.)"""
    good, cause = _CANDIDATES[sys.argv[1]](sys.argv[2])
    print(json.dumps({"good": good, "cause": cause}), flush=True)
