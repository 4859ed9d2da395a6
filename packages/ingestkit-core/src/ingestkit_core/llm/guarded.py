"""A language model that is asked again after a failure and left alone while it is down. In the owner.

Somebody's LLM raises what it likes: everything is translated here, by type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import BackendError, ClassifyError, ErrorCode
from ingestkit_core.parallel.policies import CircuitBreaker, RetryPolicy
from ingestkit_core.protocols import LLMBackend
from ingestkit_core.remote import GuardedCalls

__all__ = ["GuardedLLM", "StructuredLLM"]

T = TypeVar("T")


@runtime_checkable
class StructuredLLM(LLMBackend, Protocol):
    """An LLMBackend whose server can be held to a JSON schema while it writes."""

    def classify_as(
        self,
        prompt: str,
        model: str,
        schema: Mapping[str, Any],
        temperature: float = 0.1,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """A JSON object answering the prompt, in the schema's form where the server can."""
        ...


class GuardedLLM:
    """Answers of a language model, or an error that says what is wrong.

    Calls are repeated as those of an embedder are; an answer that is no use is not: what to say then is the
    asker's matter.
    """

    def __init__(self, llm: LLMBackend, config: ProcessorConfig, breaker: CircuitBreaker) -> None:
        self._llm = llm
        self._temperature = config.llm_temperature
        self._timeout_seconds = config.backend_timeout_seconds
        retries = RetryPolicy(config.backend_max_retries, config.backend_backoff_base)
        self._calls = GuardedCalls("language model", "classify", retries, breaker)

    def classify(self, prompt: str, model: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON object. Raises BackendError, and ClassifyError for an answer that is none."""
        return self._calls.run(lambda: self._translated(lambda: self._attempt(prompt, model, schema)))

    def generate(self, prompt: str, model: str) -> str:
        """A text. Raises BackendError."""
        return self._calls.run(
            lambda: self._translated(
                lambda: self._llm.generate(prompt, model, self._temperature, self._timeout_seconds)
            )
        )

    def _attempt(self, prompt: str, model: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(self._llm, StructuredLLM):
            return self._llm.classify_as(prompt, model, schema, self._temperature, self._timeout_seconds)
        return self._llm.classify(prompt, model, self._temperature, self._timeout_seconds)

    def _translated(self, call: Callable[[], T]) -> T:
        """The border to somebody's model: what it raises becomes ours, by type."""
        try:
            return call()
        except (BackendError, ClassifyError):
            raise
        except TimeoutError as exc:
            message = f"the language model did not answer within {self._timeout_seconds:g} s"
            raise BackendError(ErrorCode.E_LLM_TIMEOUT, message, stage="classify", recoverable=True) from exc
        except Exception as exc:  # an injected LLM raises what it likes
            message = f"the language model failed: {type(exc).__name__}"
            raise BackendError(ErrorCode.W_LLM_UNAVAILABLE, message, stage="classify", recoverable=True) from exc
