"""The words everyone speaks, and the machinery no format owns.

Protocols and records to build on, the embedded store, the engine that runs documents, and the Ingestor that
turns folders into a searchable store. Formats are packages of their own (ingestkit-pdf, ingestkit-excel).
"""

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.embedding import open_embedder
from ingestkit_core.errors import (
    ErrorCode,
    ExecutionError,
    IngestError,
    IngestkitError,
    PickleValidationError,
)
from ingestkit_core.execution.distributed import DistributedExecutionBackend
from ingestkit_core.execution.local import LocalExecutionBackend
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.keys import IngestKey, compute_ingest_key
from ingestkit_core.llm import open_llm
from ingestkit_core.models import (
    BaseChunkMetadata,
    ChunkPayload,
    ClassificationTier,
    EmbedStageResult,
    ProcessingResult,
    WrittenArtifacts,
)
from ingestkit_core.parallel import (
    CancellationToken,
    CircuitBreaker,
    ParallelConfig,
    ParallelFlowResult,
    ProcessExecutor,
    RetryPolicy,
    ThreadExecutor,
    get_executor,
)
from ingestkit_core.progress import ProgressEvent
from ingestkit_core.protocols import (
    EmbeddingBackend,
    ExecutionBackend,
    LLMBackend,
    ParallelExecutor,
    StructuredDBBackend,
    VectorStoreBackend,
)
from ingestkit_core.stores import DocumentStore, SqliteStore, open_store

__all__ = [
    "BaseChunkMetadata",
    "CancellationToken",
    "ChunkPayload",
    "CircuitBreaker",
    "ClassificationTier",
    "DistributedExecutionBackend",
    "DocumentStore",
    "EmbedStageResult",
    "EmbeddingBackend",
    "ErrorCode",
    "ExecutionBackend",
    "ExecutionError",
    "IngestError",
    "IngestKey",
    "IngestkitError",
    "Ingestor",
    "LLMBackend",
    "LocalExecutionBackend",
    "ParallelConfig",
    "ParallelExecutor",
    "ParallelFlowResult",
    "PickleValidationError",
    "ProcessExecutor",
    "ProcessingResult",
    "ProcessorConfig",
    "ProgressEvent",
    "RetryPolicy",
    "SqliteStore",
    "StructuredDBBackend",
    "ThreadExecutor",
    "VectorStoreBackend",
    "WrittenArtifacts",
    "compute_ingest_key",
    "get_executor",
    "open_embedder",
    "open_llm",
    "open_store",
]
