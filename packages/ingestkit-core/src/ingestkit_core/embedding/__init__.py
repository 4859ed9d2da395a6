"""Texts to vectors, the owner's way: whatever embedder is handed in, with retry and a circuit breaker around it."""

from ingestkit_core.embedding.guarded import GuardedEmbedder

__all__ = ["GuardedEmbedder"]
