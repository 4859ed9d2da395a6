"""Language models on servers, with retry and a circuit breaker around them."""

from ingestkit_core.llm.guarded import GuardedLLM, StructuredLLM
from ingestkit_core.llm.opening import open_llm

__all__ = ["GuardedLLM", "StructuredLLM", "open_llm"]
