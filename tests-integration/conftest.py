from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ingestkit_core.testing.postgres import PostgresServer, shared_server, why_no_server

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def required(part: str) -> bool:
    return part in os.environ.get("INGESTKIT_REQUIRE", "").split(",")


@pytest.fixture(scope="session")
def corpora() -> Path:
    folder = os.environ.get("INGESTKIT_CORPORA")
    if folder and Path(folder).is_dir():
        return Path(folder).resolve()
    reason = "set INGESTKIT_CORPORA to the folder with the real files"
    if required("corpora"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample documents, made once."""
    folder = tmp_path_factory.mktemp("samples") / "documents"
    script = Path(__file__).parents[1] / "examples" / "samples"
    subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def ingestkit(tmp_path: Path) -> Run:
    """Runs the command with a store of its own."""

    def run(*arguments: object, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ingestkit_cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            check=False,
            env={**os.environ, "INGESTKIT_STORE": str(tmp_path / "ingestkit.db"), **environment},
        )

    return run


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """A real server, one for all tests."""
    if (missing := why_no_server()) is not None:
        if required("postgres"):
            pytest.fail(missing)
        pytest.skip(missing)
    return shared_server()
