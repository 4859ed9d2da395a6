"""The one store that a caller's backends stand for."""

from __future__ import annotations

import os
from pathlib import Path

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.protocols import StructuredDBBackend, VectorStoreBackend
from ingestkit_core.stores import DEFAULT_STORE, open_store
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.stores.paired import PairedStore

__all__ = ["store_of"]


def store_of(
    vector_store: VectorStoreBackend | DocumentStore | None,
    structured_db: StructuredDBBackend | DocumentStore | None,
    journal: str | Path | None,
    collection: str,
) -> DocumentStore:
    """The store itself where both are one, the default store where there is none, else a pair kept in step.

    ``journal`` is the pair's file, ``collection`` where its chunks are. Raises StoreError.
    """
    given = [store for store in (vector_store, structured_db) if store is not None]
    if not given:
        return open_store(journal)
    first = given[0]
    if isinstance(first, DocumentStore) and all(store is first for store in given):
        return first
    if vector_store is not None and not isinstance(vector_store, VectorStoreBackend):
        raise _unfit("vector_store", vector_store, "VectorStoreBackend")
    if structured_db is not None and not isinstance(structured_db, StructuredDBBackend):
        raise _unfit("structured_db", structured_db, "StructuredDBBackend")
    path = str(journal if journal is not None else os.environ.get("INGESTKIT_STORE") or DEFAULT_STORE)
    if "://" in path and not path.startswith("sqlite:"):
        message = "a pair of stores is kept in step by a journal in a file: name one with journal=path"
        raise StoreError(ErrorCode.E_STORE_INVALID, message)
    return PairedStore(vector_store, structured_db, path, collection)


def _unfit(argument: str, store: object, protocol: str) -> StoreError:
    message = f"{argument} is a {type(store).__name__}, which is neither a DocumentStore nor a {protocol}"
    return StoreError(ErrorCode.E_STORE_INVALID, message)
