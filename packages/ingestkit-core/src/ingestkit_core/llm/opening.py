"""From an address to a language model."""

from __future__ import annotations

import os

from ingestkit_core.protocols import LLMBackend
from ingestkit_core.remote import parse_address

__all__ = ["open_llm"]


def open_llm(url: str, api_key: str | None = None) -> LLMBackend:
    """The language models at a URL; which of them is asked is said in each call. Nothing is asked yet.

    ``http(s)://host/v1`` speaks OpenAI's protocol, ``ollama://host:port`` Ollama's. The key is
    ``$INGESTKIT_API_KEY`` where none is given. Raises ValueError for an address that is none, and ImportError
    with what to type for a library that is missing.
    """
    address = parse_address(url)
    if address is None:
        raise ValueError(f"{url} is no address of a language model; there are http(s)://host/v1 and ollama://host")
    from ingestkit_core.llm.servers import OllamaLLM, OpenAILLM

    llm = OllamaLLM if address.kind == "ollama" else OpenAILLM
    return llm(address, api_key or os.environ.get("INGESTKIT_API_KEY") or None)
