"""The public names, held: what users import stays."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import ingestkit_core
import pytest

pytestmark = pytest.mark.unit

NAMES = """
BaseChunkMetadata ChunkPayload ClassificationTier DistributedExecutionBackend DocumentStore EmbedStageResult EmbeddingBackend ErrorCode
ExecutionBackend ExecutionError IngestError IngestKey IngestkitError Ingestor LLMBackend LocalExecutionBackend
ParallelExecutor PickleValidationError ProcessingResult ProcessorConfig SqliteStore StructuredDBBackend
VectorStoreBackend WrittenArtifacts compute_ingest_key open_embedder open_llm open_store CancellationToken CircuitBreaker ParallelConfig
ParallelFlowResult ProcessExecutor ProgressEvent RetryPolicy ThreadExecutor get_executor
"""


def test_the_package_exports_these_names() -> None:
    assert sorted(ingestkit_core.__all__) == sorted(NAMES.split())


def test_everything_listed_is_there() -> None:
    for info in pkgutil.walk_packages(ingestkit_core.__path__, "ingestkit_core."):
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), (info.name, name)


def test_importing_the_package_is_light() -> None:
    code = "import sys, ingestkit_core; print([m for m in ('pandas', 'numpy', 'pymupdf', 'openpyxl', 'celery', 'redis') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
