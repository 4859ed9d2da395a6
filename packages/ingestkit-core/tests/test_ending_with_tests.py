"""What tests start is gone when they are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TESTS = """
import subprocess, time
from ingestkit_core.testing.ending import ending_with_us
over = ending_with_us(subprocess.Popen(["true"]))
over.wait()
alone = ending_with_us(subprocess.Popen(["sleep", "60"]))
command = ["sh", "-c", "sleep 60 & echo $!; wait"]
leading = ending_with_us(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True))
print(alone.pid, leading.pid, leading.stdout.readline().strip(), flush=True)
time.sleep(60)
"""


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="there is a watcher on Linux only")
def test_a_process_and_a_group_end_with_whoever_started_them() -> None:
    with subprocess.Popen([sys.executable, "-c", TESTS], stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        started = tests.stdout.readline().split()
        assert [_runs(pid) for pid in started] == [True] * 3
        tests.send_signal(signal.SIGKILL)
        tests.wait()
    deadline = time.monotonic() + 20
    while any(_runs(pid) for pid in started):
        assert time.monotonic() < deadline, started
        time.sleep(0.02)
