"""Silent on the network: the main job runs with networking removed, and leaves no trace of telemetry."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_the_main_job_needs_no_network_and_calls_nobody(samples: Path, tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make a network namespace")
    home = tmp_path / "home"
    home.mkdir()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [unshare, "-n", sys.executable, "-m", "ingestkit_cli", "ingest", str(samples), "--workers", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env={**os.environ, "HOME": str(home), "TMPDIR": str(scratch), "INGESTKIT_STORE": str(tmp_path / "s.db")},
    )
    assert done.returncode == 1, done.stderr
    assert [str(path) for path in home.rglob("*")] == []
    assert [str(path) for path in scratch.rglob("*")] == []


def test_no_socket_is_opened_towards_anybody(samples: Path, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace")
    log = tmp_path / "calls"
    subprocess.run(
        [strace, "-f", "-e", "trace=connect", "-o", log, sys.executable, "-m", "ingestkit_cli", "ingest", str(samples)],
        cwd=tmp_path,
        capture_output=True,
        timeout=150,
        check=False,
        env={**os.environ, "INGESTKIT_STORE": str(tmp_path / "s.db")},
    )
    assert "AF_INET" not in log.read_text(encoding="utf-8", errors="replace")
