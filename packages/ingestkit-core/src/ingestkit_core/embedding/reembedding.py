"""Another embedder for a whole store: from the stored texts, no file is read. In the owner.

    new vectors beside the old, batch by batch ─► all there? ─► one transaction: search the new, drop the old

Stopped at any point it goes on where it was; searches use the old vectors until the new ones are complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ingestkit_core.embedding.guarded import GuardedEmbedder
from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.stores.base import DocumentStore

__all__ = ["check_embedder", "query_vector", "reembed"]

_TEXTS_AT_ONCE = 8192
"""So many stored texts are held at a time; each look for more passes by those that are done."""


def reembed(store: DocumentStore, embedder: GuardedEmbedder, fingerprints: Mapping[str, str]) -> Iterator[int]:
    """Yields how many texts were embedded so far; the switch is made when it ends.

    ``fingerprints`` are those of sources under the embedder before, each with the one under the new. Raises
    BackendError and StoreError; what was embedded by then stays.
    """
    mark = (embedder.identity, embedder.dimension())
    done = 0
    while not store.switch_embedder(mark, fingerprints):
        missing = dict(store.unembedded(mark, _TEXTS_AT_ONCE))
        for vectors in embedder.embed(missing):
            store.add_vectors(mark, vectors)
            done += len(vectors)
            yield done


def query_vector(store: DocumentStore, embedder: GuardedEmbedder, text: str) -> tuple[float, ...] | None:
    """The vector to search for a text by; None where the store has none, or the text is empty.

    Raises BackendError, and StoreError where the store's vectors are another embedder's.
    """
    if not text.strip() or store.embedder() is None:
        return None
    check_embedder(store, embedder.identity)
    return embedder.embed_query(text)


def check_embedder(store: DocumentStore, configured: str | None) -> tuple[str, int] | None:
    """The (identity, dimension) of the store's vectors; None where it has none.

    Raises StoreError where the embedder that is configured (None: none) is another one: vectors of two are never
    mixed, nor lost because nobody named theirs.
    """
    in_use = store.embedder()
    if in_use is None or in_use[0] == configured:
        return in_use
    wanted = f"not of {configured}" if configured else "and no embedder is configured"
    raise StoreError(
        ErrorCode.E_STORE_DIMENSION,
        f"{store.url} holds vectors of {in_use[0]} with {in_use[1]} numbers, {wanted}: name that embedder with "
        "--embedder, or change it with ingestkit reembed",
    )
