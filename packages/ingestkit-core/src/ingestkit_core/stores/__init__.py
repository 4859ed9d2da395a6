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

    ``sqlite:///path`` and a bare path mean the embedded store. Raises StoreError.
    """
    text = os.fspath(url) if url is not None else os.environ.get("INGESTKIT_STORE") or DEFAULT_STORE
    scheme, separator, _ = text.partition("://")
    if separator and scheme != "sqlite":
        raise StoreError(ErrorCode.E_STORE_INVALID, f"no store speaks {scheme}://; give a path or sqlite:///path")
    return SqliteStore(text)
