"""The only rooms that write."""

from __future__ import annotations

import os

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.stores.sqlite import SqliteStore

__all__ = ["DEFAULT_STORE", "DocumentStore", "SqliteStore", "open_store"]

DEFAULT_STORE = "ingestkit.db"


def open_store(url: str | os.PathLike[str] | None = None) -> DocumentStore:
    """The store at a URL or path; by default ``$INGESTKIT_STORE``, else ``./ingestkit.db``.

    ``sqlite:///path`` and a bare path mean the embedded store, ``postgresql://user@host:5432/database`` a store
    on PostgreSQL. Raises StoreError.
    """
    text = os.fspath(url) if url is not None else os.environ.get("INGESTKIT_STORE") or DEFAULT_STORE
    scheme, separator, _ = text.partition("://")
    if scheme in ("postgresql", "postgres") and separator:
        return _postgres(text)
    if separator and scheme != "sqlite":
        raise StoreError(
            ErrorCode.E_STORE_INVALID,
            f"no store speaks {scheme}://; give a path, sqlite:///path or postgresql://user@host/database",
        )
    return SqliteStore(text)


def _postgres(url: str) -> DocumentStore:
    try:
        from ingestkit_core.stores.postgres import PostgresStore
    except ModuleNotFoundError as exc:
        if exc.name != "psycopg":
            raise
        message = "a store on PostgreSQL needs psycopg: pip install 'ingestkit-core[postgres]'"
        raise StoreError(ErrorCode.E_STORE_INVALID, message) from exc
    return PostgresStore(url)
