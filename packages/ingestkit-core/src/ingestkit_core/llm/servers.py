"""Language models on servers: OpenAI's protocol (also spoken by vLLM, llama.cpp, LM Studio ...) and Ollama's.

Each call is one attempt; what repeats it stands around any LLM (``GuardedLLM``). An answer is asked for in a
schema's form where the server can, as any JSON object where it can that, and else by the prompt alone.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ingestkit_core.errors import ClassifyError, ErrorCode
from ingestkit_core.remote import Address, Refused, Server, Service

__all__ = ["OllamaLLM", "OpenAILLM"]

_SERVICE = Service("language model", ErrorCode.E_LLM_TIMEOUT, ErrorCode.W_LLM_UNAVAILABLE, "classify")
_TIMEOUT_SECONDS = 30.0
_ANY_OBJECT: Mapping[str, Any] = {"type": "object"}

_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", re.DOTALL)


class _ServerLLM(Server):
    """A StructuredLLM on a server."""

    def __init__(self, address: Address, api_key: str | None = None) -> None:
        super().__init__(address, api_key, _SERVICE)

    def classify(
        self, prompt: str, model: str, temperature: float = 0.1, timeout: float | None = None
    ) -> dict[str, Any]:
        """See LLMBackend. Raises BackendError, and ClassifyError for an answer that is no JSON object."""
        return self.classify_as(prompt, model, _ANY_OBJECT, temperature, timeout)

    def classify_as(
        self,
        prompt: str,
        model: str,
        schema: Mapping[str, Any],
        temperature: float = 0.1,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """See StructuredLLM. Raises as ``classify`` does."""
        return _json_answer(self._answer(prompt, model, temperature, timeout, schema))

    def generate(self, prompt: str, model: str, temperature: float = 0.7, timeout: float | None = None) -> str:
        """See LLMBackend. Raises BackendError."""
        return self._answer(prompt, model, temperature, timeout, None)

    @abstractmethod
    def _answer(
        self, prompt: str, model: str, temperature: float, timeout: float | None, schema: Mapping[str, Any] | None
    ) -> str:
        """What the model wrote."""

    def _post(self, path: str, body: Mapping[str, Any], timeout: float | None) -> dict[str, Any]:
        return self._endpoint.post(path, body, timeout if timeout is not None else _TIMEOUT_SECONDS)

    def _text(self, answer: dict[str, Any], *path: str | int) -> str:
        """A text inside an answer. Raises BackendError where it has another form."""
        value: Any = answer
        try:
            for key in path:
                value = value[key]
        except (KeyError, IndexError, TypeError) as exc:
            raise self._endpoint.unreadable() from exc
        if not isinstance(value, str):
            raise self._endpoint.unreadable()
        return value


class OpenAILLM(_ServerLLM):
    """``POST /v1/chat/completions``, with ``response_format`` as far as the server knows it."""

    def __init__(self, address: Address, api_key: str | None = None) -> None:
        super().__init__(address, api_key)
        self._form = 0

    def _answer(
        self, prompt: str, model: str, temperature: float, timeout: float | None, schema: Mapping[str, Any] | None
    ) -> str:
        body = {"model": model, "temperature": temperature, "messages": [{"role": "user", "content": prompt}]}
        forms = _response_formats(schema)
        first: Refused | None = None
        for number in range(min(self._form, len(forms) - 1), len(forms)):
            try:
                answer = self._post("/chat/completions", {**body, **forms[number]}, timeout)
            except Refused as exc:
                if not exc.is_about_the_request:
                    raise
                first = first or exc
                continue
            if schema is not None:
                # What the server would not take it is not asked for again.
                self._form = number
            return self._text(answer, "choices", 0, "message", "content")
        assert first is not None
        raise first


class OllamaLLM(_ServerLLM):
    """``POST /api/chat``, with the schema as ``format``."""

    def _answer(
        self, prompt: str, model: str, temperature: float, timeout: float | None, schema: Mapping[str, Any] | None
    ) -> str:
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "stream": False,
            "options": {"temperature": temperature},
        }
        if schema is None:
            return self._text(self._post("/api/chat", body, timeout), "message", "content")
        try:
            answer = self._post("/api/chat", {**body, "format": schema}, timeout)
        except Refused as exc:
            # Versions before 0.5 know "json" and no schema.
            if not exc.is_about_the_request:
                raise
            answer = self._post("/api/chat", {**body, "format": "json"}, timeout)
        return self._text(answer, "message", "content")


def _response_formats(schema: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What to ask for, the strictest first."""
    if schema is None:
        return [{}]
    strict = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    return [{"response_format": strict}, {"response_format": {"type": "json_object"}}, {}]


def _json_answer(text: str) -> dict[str, Any]:
    """The object a model wrote, without its thoughts before it and a code fence around it."""
    bare = _THOUGHTS.sub("", text)
    fenced = _FENCE.match(bare)
    try:
        answer = json.loads(fenced.group(1) if fenced else bare)
    except ValueError as exc:
        raise ClassifyError(ErrorCode.E_LLM_MALFORMED_JSON, "the language model's answer is no JSON") from exc
    if not isinstance(answer, dict):
        raise ClassifyError(ErrorCode.E_LLM_MALFORMED_JSON, "the language model's answer is no JSON object")
    return answer
