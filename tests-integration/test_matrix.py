"""One result on any engine: strategy, workers, order, hash seed and thread counts change nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

INGEST = """
import sys
from ingestkit_core import Ingestor
store, order, *documents = sys.argv[1:]
settings = {"execution_strategy": sys.argv[2].split("-")[0], "execution_max_workers": int(sys.argv[2].split("-")[1])}
paths = documents[::-1] if order.endswith("reversed") else documents
with Ingestor(store, settings) as ingestor:
    for result in ingestor.ingest(paths):
        pass
    for line in ingestor.store.export():
        print(line)
"""


def _export(store: Path, how: str, documents: list[Path], **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", INGEST, str(store), how, *map(str, documents)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=200,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_export_is_the_same_whatever_the_engine(corpora: Path, samples: Path, tmp_path: Path) -> None:
    documents = [
        *sorted(path for path in samples.iterdir() if path.name != "flate-bomb.pdf"),
        *sorted((corpora / "pdf" / "tagged" / "pdf").glob("*.pdf"))[:20],
        *sorted((corpora / "excel" / "real").glob("*.xlsx"))[:30],
    ]
    ways = {
        "process-1-forward": {"PYTHONHASHSEED": "1"},
        "process-4-reversed": {"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "4"},
        "thread-1-forward": {"PYTHONHASHSEED": "3", "OMP_NUM_THREADS": "1"},
        "thread-3-reversed": {"PYTHONHASHSEED": "4"},
    }
    exports = {how: _export(tmp_path / f"{how}.db", how, documents, **env) for how, env in ways.items()}
    first = exports.pop("process-1-forward")
    assert first.count('"kind":"source"') > 50
    for how, export in exports.items():
        assert export == first, how
