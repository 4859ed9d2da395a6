"""What a store promises: a document changes as one, or not at all. Records and the abstract store.

A store is the only room that writes. It holds chunks, vectors, SQL tables, the catalog of tables and the
journal (which source, which version, committed or quarantined) and changes them in one transaction per
document. Every store passes the same contract suite.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ingestkit_core.closing import Closing
from ingestkit_core.elements import CellRange, PageBox, RowPlace, TableColumn
from ingestkit_core.errors import ErrorCode, IngestError, StoreError
from ingestkit_core.models import ChunkPayload, ProcessingResult, WrittenArtifacts
from ingestkit_core.stores.jobs import JobJournal

__all__ = [
    "DocumentStore",
    "DocumentVersion",
    "NamedTable",
    "QuarantineRecord",
    "QueryError",
    "QueryResult",
    "RootRecord",
    "SearchHit",
    "SourceRecord",
    "SourceState",
    "StoreStatus",
    "TableRecord",
]


class QueryError(ValueError):
    """A query that was refused, wrong, too slow or too large: the asker's matter, not the store's."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source as it was found on disk, or at its URL: what "unchanged" is decided by.

    ``modified_ns`` is the file's modification time in nanoseconds, ``etag`` what a server says that changes with the
    bytes; 0 and empty where nothing is said. ``content_hash`` is empty where the
    bytes could not be pinned down (the file changed while it was read), which matches nothing.
    """

    tenant_id: str | None
    source_uri: str
    file_path: str
    source_format: str
    content_hash: str
    ingest_key: str
    fingerprint: str
    parser_version: str
    size_bytes: int
    modified_ns: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A committed source. ``recorded_ns`` is when it was committed or last seen unchanged."""

    state: SourceState
    run_id: str
    recorded_ns: int
    result: ProcessingResult


@dataclass(frozen=True, slots=True)
class QuarantineRecord:
    """A source set aside, with its cause. ``attempts`` counts the reads that ended this way."""

    state: SourceState
    code: str
    errors: tuple[IngestError, ...]
    recorded_ns: int = 0
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class RootRecord:
    """A folder that was read: on which device it lay (as the system names it) and how many documents it held."""

    tenant_id: str | None
    path: str
    device: str
    documents: int


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table under its final name. ``rows`` and ``row_locations`` run in parallel."""

    name: str
    unit: str
    region_id: str
    title: str
    location: PageBox | CellRange
    columns: tuple[TableColumn, ...]
    rows: Sequence[tuple[Any, ...]]
    row_locations: Sequence[RowPlace]


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """Everything one commit changes. ``embedder`` is (identity, dimension) where chunks carry vectors.

    ``moved_from`` is the source URI this document had before, removed in the same transaction.
    """

    state: SourceState
    run_id: str
    result: ProcessingResult
    chunks: Sequence[ChunkPayload]
    tables: Sequence[NamedTable]
    embedder: tuple[str, int] | None = None
    moved_from: str | None = None


@dataclass(frozen=True, slots=True)
class TableRecord:
    """A catalog entry: where a table came from and what its columns are."""

    table_name: str
    tenant_id: str | None
    source_uri: str | None
    unit: str
    region_id: str
    title: str
    location: dict[str, Any]
    columns: tuple[TableColumn, ...]
    row_count: int


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A chunk found. ``score`` is higher for better and comparable within one search only."""

    score: float
    chunk_id: str
    text: str
    source_uri: str
    tenant_id: str | None
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of a SQL query. ``truncated`` says that the row limit cut it off."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """Counts over a store or one tenant. ``embedder`` is (identity, dimension), None where there are no vectors."""

    url: str
    schema_version: int
    sources: int
    chunks: int
    vectors: int
    tables: int
    table_rows: int
    quarantined: int
    size_bytes: int
    tenants: tuple[str | None, ...] = ()
    parser_versions: Mapping[str, int] = field(default_factory=dict)
    quarantine_codes: Mapping[str, int] = field(default_factory=dict)
    characters: Mapping[str, int] = field(default_factory=dict)
    cells: Mapping[str, int] = field(default_factory=dict)
    embedder: tuple[str, int] | None = None


class DocumentStore(Closing):
    """Chunks, vectors, tables, catalog and journal, changed one document at a time.

    ``tenant_id`` None means the documents without a tenant where it names one document, and every tenant
    where it filters a listing; there the empty string means the documents without one. A source URI is taken as
    it stands: what a path is stored under says ``keys.source_uri_of``. Methods raise StoreError.
    """

    @property
    @abstractmethod
    def url(self) -> str:
        """How the store is opened again."""

    @property
    def jobs(self) -> JobJournal:
        """The journal of a queue's jobs. It is no part of ``export``, and needs no lease."""
        raise StoreError(
            ErrorCode.E_STORE_INVALID, f"{type(self).__name__} keeps no job records: a queue needs a store that does"
        )

    @property
    @abstractmethod
    def exists(self) -> bool:
        """Whether anything was ever committed here."""

    one_owner: ClassVar[bool] = True
    """Whether only one process may write at a time: the one that has the lease."""

    @abstractmethod
    def lease(self, wait_seconds: float | None = 0.0) -> AbstractContextManager[None]:
        """Own the store for writing. Waits so long for another owner (None: for ever), then E_STORE_LOCKED.

        A store that several owners may write at once has nothing to wait for.
        """

    @abstractmethod
    def find(self, tenant_id: str | None, source_uri: str) -> SourceRecord | None:
        """The committed version of a source."""

    @abstractmethod
    def find_content(self, tenant_id: str | None, content_hash: str) -> list[SourceRecord]:
        """Committed sources with these bytes, ordered by URI."""

    @abstractmethod
    def find_quarantined(self, tenant_id: str | None, source_uri: str) -> QuarantineRecord | None:
        """The quarantine entry of a source."""

    @abstractmethod
    def find_root(self, tenant_id: str | None, path: str) -> RootRecord | None:
        """What is known of a folder; nothing of it is exported."""

    @abstractmethod
    def record_root(self, record: RootRecord) -> None:
        """Remember a folder, in the place of what was known of it. Forgetting its tenant forgets it."""

    @abstractmethod
    def known_vectors(self, embedder: str, text_hashes: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Vectors that are kept already, by text hash."""

    @abstractmethod
    def embedder(self) -> tuple[str, int] | None:
        """(identity, dimension) of the vectors that searches use; None where there are none."""

    @abstractmethod
    def unembedded(self, embedder: tuple[str, int], limit: int) -> list[tuple[str, str]]:
        """(text hash, text) of chunks that have no vector of this embedder yet, at most ``limit``."""

    @abstractmethod
    def add_vectors(self, embedder: tuple[str, int], vectors: Mapping[str, Sequence[float]]) -> None:
        """Keep vectors by text hash, in one transaction. Searches do not use another embedder's before the switch."""

    @abstractmethod
    def switch_embedder(self, embedder: tuple[str, int] | None, fingerprints: Mapping[str, str]) -> bool:
        """From now on searches use this embedder's vectors (None: none); all others go, in the same transaction.

        Sources with a fingerprint in ``fingerprints`` get the new one, so that they stay unchanged. False, and
        nothing is changed, while some chunk has no vector of this embedder.
        """

    @abstractmethod
    def replace(self, version: DocumentVersion) -> WrittenArtifacts:
        """Put this version in the place of whatever the source had, in one transaction."""

    @abstractmethod
    def move(self, old: SourceRecord, state: SourceState, run_id: str) -> SourceRecord:
        """Give a committed document its new URI and key, in one transaction, without reading it again."""

    @abstractmethod
    def touch(self, state: SourceState) -> None:
        """Record that a source has new size, modification time or etag, and the same bytes."""

    @abstractmethod
    def quarantine(self, record: QuarantineRecord) -> None:
        """Set a source aside. A version committed earlier stays."""

    @abstractmethod
    def release(self, tenant_id: str | None, codes: Sequence[str] = ()) -> int:
        """Take sources out of quarantine (all, or those with these codes); returns how many."""

    @abstractmethod
    def remove(self, tenant_id: str | None, source_uri: str) -> bool:
        """Remove a source with all it brought, in one transaction; False if it was unknown."""

    @abstractmethod
    def forget(self, tenant_id: str | None, source_uri: str | None = None) -> int:
        """Erase a source, or a whole tenant, from every byte of the store; returns how many sources."""

    @abstractmethod
    def search(
        self,
        text: str,
        k: int = 5,
        tenant_id: str | None = None,
        filters: Mapping[str, str] | None = None,
        vector: Sequence[float] | None = None,
    ) -> list[SearchHit]:
        """The ``k`` best chunks: those with all words first, then those with any.

        ``filters`` compares metadata fields (``source_uri``, ``source_format``, ``content_type``, ...). Any
        text is safe. With ``vector`` the nearest chunks join by reciprocal rank.
        """

    @abstractmethod
    def query(
        self, sql: str, tenant_id: str | None = None, timeout_seconds: float = 30.0, max_rows: int = 1000
    ) -> QueryResult:
        """Run one SELECT over the tables of a tenant. Nothing else is allowed."""

    @abstractmethod
    def tables(self, tenant_id: str | None = None) -> list[TableRecord]:
        """The catalog, ordered by source and table."""

    @abstractmethod
    def sources(self, tenant_id: str | None = None) -> Iterator[SourceRecord]:
        """Committed sources in order of tenant and URI."""

    @abstractmethod
    def quarantined(self, tenant_id: str | None = None) -> Iterator[QuarantineRecord]:
        """Quarantined sources in order of tenant and URI."""

    @abstractmethod
    def chunks(self, tenant_id: str | None, source_uri: str) -> Iterator[SearchHit]:
        """The chunks of one source in document order (score 0)."""

    @abstractmethod
    def status(self, tenant_id: str | None = None) -> StoreStatus:
        """Counts over the store, or over one tenant."""

    @abstractmethod
    def export(self, tenant_id: str | None = None) -> Iterator[str]:
        """The whole content as canonical JSON lines, equal for equal content: no times, no run ids."""

    @abstractmethod
    def backup(self, path: str | Path) -> None:
        """Write a consistent copy to a new file, while others read and write."""

    @abstractmethod
    def close(self) -> None:
        """Let go of every file and lock. Idempotent."""
