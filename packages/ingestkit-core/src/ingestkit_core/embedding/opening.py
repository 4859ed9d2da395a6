"""From an address to an embedder."""

from __future__ import annotations

import os
from pathlib import Path

from ingestkit_core.protocols import EmbeddingBackend
from ingestkit_core.remote import parse_address

__all__ = ["open_embedder"]


def open_embedder(
    url: str | os.PathLike[str],
    model: str | None = None,
    dimension: int | None = None,
    api_key: str | None = None,
) -> EmbeddingBackend:
    """The embedder at a URL or in a folder. Nothing is asked of a server yet.

    ``http(s)://host/v1`` speaks OpenAI's protocol, ``ollama://host:port`` Ollama's; both need ``model``. A
    folder holds model.onnx and tokenizer.json. The key is ``$INGESTKIT_API_KEY`` where none is given. Raises
    ValueError for an address that is none, and ImportError with what to type for a library that is missing.
    """
    text = os.fspath(url)
    try:
        address = parse_address(text)
    except ValueError as exc:
        raise ValueError(f"{exc}; or give a folder with model.onnx and tokenizer.json") from exc
    if address is None:
        from ingestkit_core.embedding.local import LocalEmbedder

        return LocalEmbedder(Path(text), dimension)
    if not model:
        raise ValueError(f"the embedder at {address.shown} serves models by name: say which in embedding_model")
    from ingestkit_core.embedding.servers import OllamaEmbedder, OpenAIEmbedder

    embedder = OllamaEmbedder if address.kind == "ollama" else OpenAIEmbedder
    return embedder(address, model, api_key or os.environ.get("INGESTKIT_API_KEY") or None, dimension)
