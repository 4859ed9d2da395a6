"""Texts to vectors, the owner's way: models on servers and in folders, with retry and a circuit breaker around them."""

from ingestkit_core.embedding.guarded import GuardedEmbedder
from ingestkit_core.embedding.opening import open_embedder
from ingestkit_core.embedding.reembedding import check_embedder, query_vector, reembed

__all__ = ["GuardedEmbedder", "check_embedder", "open_embedder", "query_vector", "reembed"]
