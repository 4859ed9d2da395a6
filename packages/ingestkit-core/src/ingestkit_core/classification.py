"""The LLM tiers: what a document is where the rules of its format are unsure. One implementation for every format.

    rules unsure ─► Tier 2 (classification_model) ─► below the threshold? ─► Tier 3 (reasoning_model) ─► Answer
                         └ no usable answer, or nobody there ─► what the rules said stands, degraded, with the cause

A prompt holds facts about structure only. Runs in the owner, on threads for questions.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import BackendError, ClassifyError, ErrorCode, IngestError, IngestkitError
from ingestkit_core.execution.asking import Answer
from ingestkit_core.extraction import Extraction, PossibleType, Question
from ingestkit_core.llm import GuardedLLM
from ingestkit_core.models import ClassificationStageResult, ClassificationTier
from ingestkit_core.privacy import Redactor

__all__ = ["Classifier", "undecided"]

logger = logging.getLogger(__name__)

_MAX_REASONING_CHARACTERS = 500


class _Verdict(BaseModel):
    """The form of a model's answer. The types a document may be of are filled in for each question."""

    model_config = ConfigDict(extra="forbid")

    document_type: str
    confidence: float
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class _Opinion:
    """What a tier said, if it said anything, and what is to be told about that."""

    verdict: _Verdict | None
    issues: tuple[IngestError, ...] = ()
    failure: IngestkitError | None = None


@dataclass(slots=True)
class _Opinions:
    """What came of one question, tier by tier."""

    tier: ClassificationTier = ClassificationTier.RULES
    verdict: _Verdict | None = None
    issues: list[IngestError] = field(default_factory=list)
    failure: IngestkitError | None = None

    def add(self, tier: ClassificationTier, opinion: _Opinion) -> None:
        self.issues += opinion.issues
        self.failure = opinion.failure
        if opinion.verdict is not None:
            self.tier, self.verdict = tier, opinion.verdict


class Classifier:
    """Asks a language model what a document is."""

    def __init__(self, llm: GuardedLLM, config: ProcessorConfig) -> None:
        self._llm = llm
        self._config = config
        self._redactor = Redactor(config.redact_patterns)

    def answer(self, question: Question, rules: ClassificationStageResult) -> Answer:
        """Who says what; never raises for a model that is absent, slow or wrong."""
        started = time.monotonic()
        found = self._ask_tiers(question)
        seconds = time.monotonic() - started
        if found.verdict is None:
            assert found.failure is not None
            return _rules_stand(found.failure, tuple(found.issues))
        kinds = {kind.name: kind for kind in question.types}
        chosen = kinds[found.verdict.document_type]
        is_other = chosen.name != rules.document_type
        return Answer(
            functools.partial(_decided, chosen, found, seconds),
            {"document_type": chosen.name} if is_other and chosen.reads_otherwise else None,
        )

    def _ask_tiers(self, question: Question) -> _Opinions:
        found = _Opinions()
        found.add(ClassificationTier.LLM, self._opinion(question, self._config.classification_model))
        sure = found.verdict is not None and found.verdict.confidence >= self._config.tier2_confidence_threshold
        if found.verdict is not None and not sure and self._config.enable_tier3:
            found.add(ClassificationTier.REASONING, self._opinion(question, self._config.reasoning_model))
        return found

    def _opinion(self, question: Question, model: str) -> _Opinion:
        """One tier's: asked once more, with a correction, where the answer is no use."""
        form = _form(question)
        prompt = _prompt(question)
        issues: list[IngestError] = []
        try:
            try:
                answer = self._asked(prompt, model, form)
            except ClassifyError as exc:
                issues.append(_issue(ErrorCode.W_LLM_RETRY, f"{model} was asked again: {exc.message}"))
                answer = self._asked(f"{prompt}\n{_correction(exc)}", model, form)
        except BackendError as exc:
            return _Opinion(None, (*issues, *_outage(exc)), exc)
        except ClassifyError as exc:
            return _Opinion(None, (*issues, exc.to_error().model_copy(update={"recoverable": True})), exc)
        confidence = _clamped(answer.confidence)
        if confidence != answer.confidence:
            message = f"{model} gave a confidence of {answer.confidence:g}, which was taken as {confidence:g}"
            issues.append(_issue(ErrorCode.E_LLM_CONFIDENCE_OOB, message))
        reasoning = self._redactor.text(answer.reasoning)[:_MAX_REASONING_CHARACTERS]
        return _Opinion(answer.model_copy(update={"confidence": confidence, "reasoning": reasoning}), tuple(issues))

    def _asked(self, prompt: str, model: str, form: type[_Verdict]) -> _Verdict:
        if self._config.log_llm_prompts:
            logger.info("llm=%s prompt=%s", model, self._redactor.text(prompt))
        answer = self._llm.classify(prompt, model, _schema(form))
        try:
            return form.model_validate(answer)
        except ValidationError as exc:
            fields = sorted({".".join(map(str, error["loc"])) for error in exc.errors()})
            message = f"the language model's answer has another form than asked for: {', '.join(fields)}"
            raise ClassifyError(ErrorCode.E_LLM_SCHEMA_INVALID, message) from exc


def undecided(extraction: Extraction) -> Extraction:
    """What was read of a document whose question nobody was there to answer: what the rules said stands."""
    if extraction.question is None:
        return extraction
    message = "no language model is configured (see --llm)"
    return _degraded(extraction, ClassifyError(ErrorCode.W_CLASSIFICATION_DEGRADED, message), ())


def _form(question: Question) -> type[_Verdict]:
    names = tuple(kind.name for kind in question.types)
    allowed: Any = Literal[names]
    return create_model("Verdict", __base__=_Verdict, document_type=(allowed, ...))


def _schema(form: type[_Verdict]) -> dict[str, Any]:
    """What a server is told of the form: servers that are strict want every field required, and no defaults."""
    fields = {
        name: {key: value for key, value in field.items() if key in ("type", "enum")}
        for name, field in form.model_json_schema()["properties"].items()
    }
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _prompt(question: Question) -> str:
    example = {"document_type": question.types[0].name, "confidence": 0.8, "reasoning": "one sentence"}
    return "\n".join(
        [
            f"What kind of document is {question.subject}? Decide by these facts about its structure alone.",
            "",
            "Kinds:",
            *(f"- {kind.name}: {kind.meaning}" for kind in question.types),
            "",
            "Facts:",
            *(f"- {fact}" for fact in question.facts),
            "",
            "Answer with one JSON object and nothing else, like this (confidence is between 0 and 1):",
            json.dumps(example),
        ]
    )


def _correction(exc: ClassifyError) -> str:
    return f"Your last answer could not be used: {exc.message}. Answer with the JSON object alone."


def _clamped(confidence: float) -> float:
    return 0.0 if math.isnan(confidence) else min(max(confidence, 0.0), 1.0)


def _decided(chosen: PossibleType, found: _Opinions, seconds: float, extraction: Extraction) -> Extraction:
    assert found.verdict is not None
    classification = extraction.classification.model_copy(
        update={
            "tier": found.tier,
            "document_type": chosen.name,
            "confidence": found.verdict.confidence,
            "reasoning": found.verdict.reasoning,
            # A tier that was to look over the answer of the one before could not.
            "degraded": found.failure is not None,
            "seconds": extraction.classification.seconds + seconds,
        }
    )
    issues = [*found.issues, *([_warning(found.failure)] if found.failure is not None else [])]
    return replace(
        extraction,
        classification=classification,
        ingestion_method=chosen.ingestion_method,
        issues=(*extraction.issues, *issues),
        question=None,
    )


def _rules_stand(failure: IngestkitError, issues: tuple[IngestError, ...]) -> Answer:
    return Answer(lambda extraction: _degraded(extraction, failure, issues))


def _degraded(extraction: Extraction, failure: IngestkitError, issues: Sequence[IngestError]) -> Extraction:
    """What the rules said stands. Raises ClassifyError where they said nothing."""
    rules = extraction.classification
    if not rules.document_type:
        message = f"neither the rules nor a language model can say what it is: {failure.message}"
        raise ClassifyError(ErrorCode.E_CLASSIFY_INCONCLUSIVE, message) from failure
    return replace(
        extraction,
        classification=rules.model_copy(update={"degraded": True}),
        issues=(*extraction.issues, *issues, _warning(failure)),
        question=None,
    )


def _warning(failure: IngestkitError) -> IngestError:
    message = f"the kind of document is less sure than it could be: {failure.message}"
    return _issue(ErrorCode.W_CLASSIFICATION_DEGRADED, message)


def _outage(exc: BackendError) -> list[IngestError]:
    """A model that cannot be had, with the code of the failure where that is another one."""
    issues = [_issue(ErrorCode.W_LLM_UNAVAILABLE, exc.message)]
    if exc.code != ErrorCode.W_LLM_UNAVAILABLE:
        issues.append(_issue(exc.code, exc.message))
    return issues


def _issue(code: ErrorCode, message: str) -> IngestError:
    return IngestError(code=code, message=message, stage="classify", recoverable=True)
