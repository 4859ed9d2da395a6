"""The tables of the store on PostgreSQL, and how an older schema becomes a current one.

    ingestkit.sources ─┬─ chunks     (words: the full-text index)
                       │    └ ─ ─ ─ vectors   (by embedder and text hash)
                       └─ catalog ── one table each, in schema ingestkit_tables
    ingestkit.quarantine             (by tenant and URI, beside sources)
    ingestkit.settings               (the schema's version, the embedder)
    ingestkit.roots                  (folders, by tenant and path)
    ingestkit.ingest_jobs, ingest_workers   (the journal of a queue)
    ingestkit.changes                (empty: locked by whoever changes which tables there are)

Names and URIs are ordered by their bytes, as in the embedded store, whatever the server's language.
"""

from __future__ import annotations

import psycopg

from ingestkit_core.errors import ErrorCode, StoreError

__all__ = ["CHANGE_TABLES", "KEEP_TABLES", "PARTS_SCHEMA", "SCHEMA_VERSION", "TABLES_SCHEMA", "check", "make"]

TABLES_SCHEMA = "ingestkit_tables"
PARTS_SCHEMA = "ingestkit_parts"
"""Where the tables lie that hold a part of the columns of a wide one."""

KEEP_TABLES = "LOCK TABLE ingestkit.changes IN ROW SHARE MODE"
CHANGE_TABLES = "LOCK TABLE ingestkit.changes IN EXCLUSIVE MODE"
"""Keep typed tables from being dropped, made anew or renamed; and do that. Till the end of the transaction."""

_STATE = """
    tenant text COLLATE "C" NOT NULL,
    uri text COLLATE "C" NOT NULL,
    path text NOT NULL,
    format text NOT NULL,
    content_hash text NOT NULL,
    ingest_key text NOT NULL,
    fingerprint text NOT NULL,
    parser_version text COLLATE "C" NOT NULL,
    size_bytes bigint NOT NULL,
    modified_ns bigint NOT NULL,
    recorded_ns bigint NOT NULL,
"""

_VERSION_1 = f"""
CREATE SCHEMA IF NOT EXISTS ingestkit;
CREATE SCHEMA IF NOT EXISTS ingestkit_tables;
CREATE SCHEMA IF NOT EXISTS ingestkit_parts;
CREATE TABLE ingestkit.settings (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE ingestkit.sources (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
{_STATE}
    run_id text NOT NULL,
    result text NOT NULL,
    UNIQUE (tenant, uri)
);
CREATE INDEX sources_by_content ON ingestkit.sources (tenant, content_hash);
CREATE TABLE ingestkit.quarantine (
{_STATE}
    code text COLLATE "C" NOT NULL,
    errors text NOT NULL,
    attempts integer NOT NULL,
    PRIMARY KEY (tenant, uri)
);
CREATE TABLE ingestkit.chunks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chunk_id text NOT NULL UNIQUE,
    source_id bigint NOT NULL REFERENCES ingestkit.sources (id),
    chunk_index integer NOT NULL,
    chunk_hash text NOT NULL,
    is_english boolean NOT NULL,
    tokens integer NOT NULL,
    text text NOT NULL,
    metadata text NOT NULL,
    words tsvector NOT NULL
);
CREATE INDEX chunks_by_source ON ingestkit.chunks (source_id, chunk_index);
CREATE INDEX chunks_by_hash ON ingestkit.chunks (chunk_hash);
CREATE INDEX chunks_by_tokens ON ingestkit.chunks (is_english) INCLUDE (tokens);
CREATE INDEX chunks_english ON ingestkit.chunks USING gin (words) WHERE is_english;
CREATE INDEX chunks_other ON ingestkit.chunks USING gin (words) WHERE NOT is_english;
CREATE TABLE ingestkit.vectors (
    embedder text NOT NULL,
    text_hash text NOT NULL,
    vector vector NOT NULL,
    PRIMARY KEY (embedder, text_hash)
);
CREATE INDEX vectors_by_hash ON ingestkit.vectors (text_hash);
CREATE TABLE ingestkit.catalog (
    table_name text COLLATE "C" PRIMARY KEY,
    source_id bigint REFERENCES ingestkit.sources (id),
    unit text NOT NULL,
    region_id text NOT NULL,
    title text NOT NULL,
    location text NOT NULL,
    columns text NOT NULL,
    row_count bigint NOT NULL,
    kinds text NOT NULL
);
CREATE INDEX catalog_by_source ON ingestkit.catalog (source_id);
CREATE TABLE ingestkit.roots (
    tenant text NOT NULL,
    path text NOT NULL,
    device text NOT NULL,
    documents bigint NOT NULL,
    PRIMARY KEY (tenant, path)
);
CREATE TABLE ingestkit.changes ();
CREATE TABLE ingestkit.ingest_jobs (
    job_id text PRIMARY KEY,
    tenant text NOT NULL,
    uri text NOT NULL,
    request text NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    lost_hosts integer NOT NULL DEFAULT 0,
    worker text,
    result text,
    submitted_ns bigint NOT NULL,
    changed_ns bigint NOT NULL
);
CREATE INDEX ingest_jobs_by_state ON ingestkit.ingest_jobs (state, changed_ns);
CREATE INDEX ingest_jobs_by_source ON ingestkit.ingest_jobs (tenant, uri);
CREATE TABLE ingestkit.ingest_workers (worker text PRIMARY KEY, seen_ns bigint NOT NULL);
"""

_MIGRATIONS = (
    _VERSION_1,
    # Tables are as they were; a row may now cite several boxes, which an older reader would stumble over.
    "SELECT 1;",
    # A server says of its files what changes with their bytes, better than their time.
    """ALTER TABLE ingestkit.sources ADD COLUMN etag text NOT NULL DEFAULT '';
    ALTER TABLE ingestkit.quarantine ADD COLUMN etag text NOT NULL DEFAULT '';""",
)
"""Script ``i`` takes a store from version ``i`` to ``i + 1``; the first makes it in an empty database."""

SCHEMA_VERSION = len(_MIGRATIONS)


def check(connection: psycopg.Connection, url: str) -> int:
    """The schema version of a database, 0 where there is no store. Foreign and newer ones raise StoreError."""
    # From the tables themselves: to_regclass answers from a cache that may be older than a lock we waited for.
    rows = connection.execute(
        "SELECT r.relname FROM pg_namespace n LEFT JOIN pg_class r ON r.relnamespace = n.oid "
        "WHERE n.nspname = 'ingestkit'"
    ).fetchall()
    if not rows:
        return 0
    found = None
    if ("settings",) in rows:
        found = connection.execute("SELECT value FROM ingestkit.settings WHERE name = 'schema_version'").fetchone()
    if found is None:
        raise StoreError(
            ErrorCode.E_STORE_INVALID, f"{url} has a schema named ingestkit that is not a store: use another database"
        )
    version = int(found[0])
    if version > SCHEMA_VERSION:
        raise StoreError(
            ErrorCode.E_STORE_VERSION,
            f"{url} has schema version {version}, this ingestkit knows {SCHEMA_VERSION}: "
            "update ingestkit-core to open it",
        )
    return version


def make(connection: psycopg.Connection, url: str) -> None:
    """Bring a database to the current schema, in the running transaction. Several owners may come at once."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('ingestkit schema', 0))")
    version = check(connection, url)
    if version == SCHEMA_VERSION:
        return
    _make_extension(connection, url)
    for script in _MIGRATIONS[version:]:
        connection.execute(script.encode())
    connection.execute(
        "INSERT INTO ingestkit.settings VALUES ('schema_version', %s) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (str(SCHEMA_VERSION),),
    )


def _make_extension(connection: psycopg.Connection, url: str) -> None:
    if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone():
        return
    if not connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'").fetchone():
        raise StoreError(
            ErrorCode.E_STORE_INVALID,
            f"{url} is a server without pgvector: install it there (Debian: postgresql-NN-pgvector)",
        )
    try:
        connection.execute("CREATE EXTENSION vector SCHEMA public")
    except psycopg.errors.InsufficientPrivilege as exc:
        raise StoreError(
            ErrorCode.E_STORE_INVALID,
            f"{url} needs the extension pgvector: have an administrator run CREATE EXTENSION vector in this database",
        ) from exc
