"""What a job may take, and how one tells that it took too much.

Three looks at the same thing: the owner reads a worker's resident size from outside; the worker caps its own
data segment, because a huge allocation can come and go between two looks; and both recognise the traces an
allocation failure leaves (an exception, a library's last words), because some libraries abort, some raise
their own error and some swallow it.
"""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress

if sys.platform != "win32":
    import resource

__all__ = [
    "BACKSTOP_RATIO",
    "NEAR_CAP_RATIO",
    "SOFT_MARK_RATIO",
    "cap",
    "is_allocation_failure",
    "peak_unit_bytes",
    "resident_bytes",
    "tells_of_allocation_failure",
]

BACKSTOP_RATIO = 1.5
"""The data segment's limit over the job's: it holds address space that was never touched, too."""
NEAR_CAP_RATIO = 0.9
"""A worker that dies by itself above this share of its cap is taken to have run out of memory."""
SOFT_MARK_RATIO = 0.5
"""A worker still above this share of its last job's cap is replaced before the next job."""

_capped_bytes = 0
if sys.platform != "win32":
    _UNCAPPED = (resource.getrlimit(resource.RLIMIT_DATA)[1],) * 2

_TRACES = re.compile(
    r"bad_alloc|bad allocation"  # C++
    r"|memory allocation of \d+ bytes failed"  # Rust
    r"|\b[mc]?(?:re)?alloc(?:ation)?\b[^\n]{0,60}\bfailed"  # MuPDF and other C
    r"|failed to allocate memory"  # onnxruntime
    r"|\bMemoryError\b",  # Python, in the words of a process that had no memory to report it otherwise
    re.IGNORECASE,
)


def peak_unit_bytes() -> int:
    """What getrusage counts a peak in: KiB on Linux, bytes on macOS."""
    return 1 if sys.platform == "darwin" else 1024


def resident_bytes(pids: Iterable[int]) -> dict[int, int]:
    """Resident size by process id, without those that are gone.

    Linux reads /proc; other POSIX systems ask ``ps`` (some milliseconds a call); Windows knows nothing and
    gives an empty answer, so no cap is watched there.
    """
    if sys.platform == "linux":
        return dict(_from_proc(pids))
    if os.name == "posix":
        return dict(_from_ps(pids))
    return {}


def _from_proc(pids: Iterable[int]) -> Iterator[tuple[int, int]]:
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    for pid in pids:
        with suppress(OSError, IndexError), open(f"/proc/{pid}/statm", "rb") as file:
            yield pid, int(file.read().split()[1]) * page_bytes


def _from_ps(pids: Iterable[int]) -> Iterator[tuple[int, int]]:
    listed = ",".join(map(str, pids))
    if not listed:
        return
    answer = subprocess.run(["ps", "-o", "pid=,rss=", "-p", listed], capture_output=True, text=True, check=False)
    for line in answer.stdout.splitlines():
        pid, resident_kib = line.split()
        yield int(pid), int(resident_kib) * 1024


def cap(limit_bytes: int) -> None:
    """Limit this process's data segment to 1.5 times the bytes; 0 lifts the limit. Nothing on Windows.

    The limit stays until it is changed: most jobs in a row have the same one.
    """
    global _capped_bytes
    if sys.platform == "win32":
        return
    if limit_bytes:
        _forget_peak_above(int(limit_bytes * SOFT_MARK_RATIO))
    if limit_bytes == _capped_bytes:
        return
    if limit_bytes:
        hard = _UNCAPPED[1]
        backstop = int(limit_bytes * BACKSTOP_RATIO)
        soft = backstop if hard == resource.RLIM_INFINITY else min(backstop, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    else:
        # Nothing is made here: this is what gives room again after an allocation has failed.
        resource.setrlimit(resource.RLIMIT_DATA, _UNCAPPED)
    _capped_bytes = limit_bytes


def _forget_peak_above(mark_bytes: int) -> None:
    if sys.platform == "win32":
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * peak_unit_bytes()
    if peak > mark_bytes:
        # The peak reported at death must be this job's, not that of a larger one before it.
        with suppress(OSError), open("/proc/self/clear_refs", "w") as file:
            file.write("5")


def is_allocation_failure(exc: BaseException) -> bool:
    """Whether an exception, or one it came from, says that memory could not be had."""
    seen: set[int] = set()
    current: BaseException | None = exc
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if _is_one(current):
            return True
        current = current.__cause__ or current.__context__
    return False


def _is_one(exc: BaseException) -> bool:
    if isinstance(exc, MemoryError):
        return True
    if isinstance(exc, OSError):
        return exc.errno == errno.ENOMEM
    try:
        return tells_of_allocation_failure(str(exc))
    except Exception:  # noqa: BLE001 - a foreign exception's own __str__
        return False


def tells_of_allocation_failure(text: str) -> bool:
    """Whether a library's words say that memory could not be had. They have no type to go by."""
    return _TRACES.search(text) is not None
