"""The tables of the embedded store, and how an older file becomes a current one.

    sources ─┬─ chunks ─── search_english | search_other   (FTS5, rowid = chunks.id)
             │     └ ─ ─ ─ vectors                         (by embedder and text hash)
             └─ catalog ── one physical table each
    quarantine                                             (by tenant and URI, beside sources)
    ingest_jobs, ingest_workers                            (the journal of a queue)
    roots                                                  (folders, by tenant and path)

``application_id`` tells our files from other SQLite files, ``user_version`` is the schema's version.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.stores.fulltext import TOKENIZER

__all__ = ["APPLICATION_ID", "INTERNAL_TABLES", "SCHEMA_VERSION", "check", "migrate"]

APPLICATION_ID = 0x696E6B74  # "inkt"

_VERSION_1 = f"""
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    uri TEXT NOT NULL,
    path TEXT NOT NULL,
    format TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    ingest_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    parser_version TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    recorded_ns INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    result TEXT NOT NULL,
    UNIQUE (tenant, uri)
);
CREATE INDEX sources_by_content ON sources (tenant, content_hash);
CREATE TABLE quarantine (
    tenant TEXT NOT NULL,
    uri TEXT NOT NULL,
    path TEXT NOT NULL,
    format TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    ingest_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    parser_version TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    recorded_ns INTEGER NOT NULL,
    code TEXT NOT NULL,
    errors TEXT NOT NULL,
    PRIMARY KEY (tenant, uri)
) WITHOUT ROWID;
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    chunk_id TEXT NOT NULL UNIQUE,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    chunk_index INTEGER NOT NULL,
    chunk_hash TEXT NOT NULL,
    is_english INTEGER NOT NULL,
    text TEXT NOT NULL,
    metadata TEXT NOT NULL
);
CREATE INDEX chunks_by_source ON chunks (source_id, chunk_index);
CREATE INDEX chunks_by_hash ON chunks (chunk_hash);
CREATE TABLE vectors (
    embedder TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (embedder, text_hash)
) WITHOUT ROWID;
CREATE TABLE catalog (
    table_name TEXT PRIMARY KEY,
    source_id INTEGER REFERENCES sources (id),
    unit TEXT NOT NULL,
    region_id TEXT NOT NULL,
    title TEXT NOT NULL,
    location TEXT NOT NULL,
    columns TEXT NOT NULL,
    row_count INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX catalog_by_source ON catalog (source_id);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE search_english USING fts5 (
    body, context, content='', tokenize="porter {TOKENIZER}"
);
CREATE VIRTUAL TABLE search_other USING fts5 (
    body, context, content='', tokenize="{TOKENIZER}"
);
"""

_JOBS = """
CREATE TABLE ingest_jobs (
    job_id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    uri TEXT NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    lost_hosts INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    result TEXT,
    submitted_ns INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX ingest_jobs_by_state ON ingest_jobs (state, changed_ns);
CREATE INDEX ingest_jobs_by_source ON ingest_jobs (tenant, uri);
CREATE TABLE ingest_workers (worker TEXT PRIMARY KEY, seen_ns INTEGER NOT NULL) WITHOUT ROWID;
"""

_MIGRATIONS = (
    _VERSION_1,
    # A document that keeps failing shows how often it was read.
    "ALTER TABLE quarantine ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;",
    _JOBS,
    # A mount that is missing looks like an empty folder: what a folder was like tells them apart.
    """CREATE TABLE roots (
        tenant TEXT NOT NULL,
        path TEXT NOT NULL,
        device TEXT NOT NULL,
        documents INTEGER NOT NULL,
        PRIMARY KEY (tenant, path)
    ) WITHOUT ROWID;""",
    # Tables are as they were; a row may now cite several boxes, which an older reader would stumble over.
    "",
    # In an index a vector lies on a page of its own, most of which stays empty: a third of the room in a table.
    """CREATE TABLE vectors_in_rows (
        embedder TEXT NOT NULL,
        text_hash TEXT NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (embedder, text_hash)
    );
    INSERT INTO vectors_in_rows SELECT * FROM vectors;
    DROP TABLE vectors;
    ALTER TABLE vectors_in_rows RENAME TO vectors;""",
    # A server says of its files what changes with their bytes, better than their time.
    """ALTER TABLE sources ADD COLUMN etag TEXT NOT NULL DEFAULT '';
    ALTER TABLE quarantine ADD COLUMN etag TEXT NOT NULL DEFAULT '';""",
)
"""Script ``i`` takes a store from version ``i`` to ``i + 1``; the first makes it out of an empty file."""

SCHEMA_VERSION = len(_MIGRATIONS)

INTERNAL_TABLES = frozenset(
    {"sources", "quarantine", "roots", "chunks", "vectors", "catalog", "settings", "ingest_jobs", "ingest_workers"}
)
_INTERNAL_PREFIXES = ("search_english", "search_other", "sqlite_", "pragma_")


def is_internal(table: str) -> bool:
    """Whether a table name belongs to the store itself."""
    folded = table.casefold()
    return folded in INTERNAL_TABLES or folded.startswith(_INTERNAL_PREFIXES)


def check(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of an open file, 0 when it is empty. Foreign and newer files raise StoreError."""
    # One snapshot: between two looks another thread may be making the store.
    connection.execute("BEGIN")
    try:
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        # SQLite answers this by parsing the CREATE statement of every table there is.
        foreign = application_id != APPLICATION_ID and connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    if application_id != APPLICATION_ID:
        if application_id or version or foreign:
            raise StoreError(ErrorCode.E_STORE_INVALID, f"{path} is a SQLite file, but not a store of ingestkit")
        return 0
    if version > SCHEMA_VERSION:
        raise StoreError(
            ErrorCode.E_STORE_VERSION,
            f"{path} has schema version {version}, this ingestkit knows {SCHEMA_VERSION}: "
            "update ingestkit-core to open it",
        )
    return int(version)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a store of ``version`` to the current one, in one transaction."""
    if version == SCHEMA_VERSION:
        return
    script = "\n".join(_MIGRATIONS[version:])
    connection.executescript(
        f"BEGIN IMMEDIATE;\n{script}\n"
        f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;"
    )
