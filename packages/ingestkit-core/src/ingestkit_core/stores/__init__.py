"""The only rooms that write."""

from __future__ import annotations

import os
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.stores.sqlite import SqliteStore

__all__ = ["DEFAULT_STORE", "DocumentStore", "SqliteStore", "open_store"]

DEFAULT_STORE = "ingestkit.db"


def open_store(url: str | os.PathLike[str] | None = None) -> DocumentStore:
    """The store at a URL or path; by default ``$INGESTKIT_STORE``, else ``./ingestkit.db``.

    ``sqlite:///path`` and a bare path mean the embedded store, ``postgresql://user@host:5432/database`` a store
    on PostgreSQL, ``qdrant+http://host:6333?journal=path&collection=name`` the embedded store at that path with its
    chunks in a collection of Qdrant too (its key: ``$QDRANT_API_KEY``). Raises StoreError.
    """
    text = os.fspath(url) if url is not None else os.environ.get("INGESTKIT_STORE") or DEFAULT_STORE
    scheme, separator, _ = text.partition("://")
    if scheme in ("postgresql", "postgres") and separator:
        return _postgres(text)
    if scheme in ("qdrant+http", "qdrant+https") and separator:
        return _qdrant(text)
    if separator and scheme != "sqlite":
        raise StoreError(
            ErrorCode.E_STORE_INVALID,
            f"no store speaks {scheme}://; give a path, sqlite:///path, postgresql://... or qdrant+http://...",
        )
    return SqliteStore(text)


def _postgres(url: str) -> DocumentStore:
    try:
        from ingestkit_core.stores.postgres import PostgresStore
    except ModuleNotFoundError as exc:
        raise _missing(exc, "psycopg", "postgres") from exc
    return PostgresStore(url)


def _qdrant(url: str) -> DocumentStore:
    place, options = paired_url(url)
    try:
        from ingestkit_core.stores.qdrant import QdrantStore
    except ModuleNotFoundError as exc:
        raise _missing(exc, "qdrant_client", "qdrant") from exc
    from ingestkit_core.stores.paired import PairedStore

    vectors = QdrantStore(place, os.environ.get("QDRANT_API_KEY"))
    return PairedStore(vectors, None, options["journal"], options.get("collection", "default"), url=url, owned=vectors)


def paired_url(url: str) -> tuple[str, dict[str, str]]:
    """The server's address and the options in a URL like ``qdrant+http://host:6333?journal=path``."""
    parts = urlsplit(url.removeprefix("qdrant+"))
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    wrong = not options.get("journal") or set(options) - {"journal", "collection"} or not parts.hostname
    if wrong or not _has_fit_port(parts):
        message = f"a store on Qdrant looks like qdrant+http://host:6333?journal=path&collection=name, not {url}"
        raise StoreError(ErrorCode.E_STORE_INVALID, message)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), options


def _has_fit_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _missing(exc: ModuleNotFoundError, module: str, extra: str) -> StoreError:
    if exc.name != module:
        raise exc
    return StoreError(ErrorCode.E_STORE_INVALID, f"this store needs pip install 'ingestkit-core[{extra}]'")
