"""One result on any engine: strategy, workers, order, hash seed and thread counts change nothing, nor does a queue."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from ingestkit_core.testing.servers import RedisServer

Serve = Callable[..., AbstractContextManager["subprocess.Popen[bytes]"]]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

INGEST = """
import os, sys
from ingestkit_core import Ingestor
store, how, *documents = sys.argv[1:]
engine, workers, order = how.split("-")
settings = {"execution_strategy": engine, "execution_max_workers": int(workers)}
if engine == "queue":
    settings = {"execution_backend": "distributed", "execution_queue_url": os.environ["QUEUE"]}
paths = documents[::-1] if order == "reversed" else documents
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


def test_the_export_is_the_same_over_a_queue(
    samples: Path, tmp_path: Path, redis_server: RedisServer, serve: Serve
) -> None:
    documents = sorted(path for path in samples.iterdir() if path.name != "flate-bomb.pdf")
    local = _export(tmp_path / "local.db", "process-2-forward", documents)
    queue = redis_server.url.removesuffix("/0") + "/1"
    with serve(queue, str(tmp_path / "queue.db"), "--concurrency", "2"):
        assert _export(tmp_path / "queue.db", "queue-2-reversed", documents, QUEUE=queue) == local
    assert local.count('"kind":"source"') > 5
