"""Texts to vectors, the owner's way: models on servers and in folders, with retry and a circuit breaker around them."""

from ingestkit_core.embedding.guarded import GuardedEmbedder
from ingestkit_core.embedding.opening import open_embedder

__all__ = ["GuardedEmbedder", "open_embedder"]
