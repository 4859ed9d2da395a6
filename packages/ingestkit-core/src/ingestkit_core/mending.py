"""What OCR read, mended by a language model: words only, never digits. One implementation for every format.

    chunk that OCR read ─► asked ─► same digits, nearly the same letters? ─► the mended text, at the same place
                             └ nobody there, or another text: what OCR read stands, with the cause

Here a prompt holds the text itself: that is what is asked about. Runs in the owner, on threads for questions.
"""

from __future__ import annotations

import functools
import logging
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from difflib import SequenceMatcher

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import BackendError, ErrorCode, IngestError
from ingestkit_core.execution.asking import Answer
from ingestkit_core.extraction import Extraction, Mending
from ingestkit_core.keys import hash_text
from ingestkit_core.llm import GuardedLLM
from ingestkit_core.privacy import Redactor

__all__ = ["Mender", "is_mended", "unmended"]

logger = logging.getLogger(__name__)

_LEAST_ALIKE = 0.8
"""Share of the characters that stay, in their order: a model that tells another text is not believed."""

_PROMPT = """\
The text between the lines of equals signs was read from a picture by OCR. Mend words that were misread, and nothing
else: keep the language, the wording, every digit and every line break. Answer with the mended text alone.
=====
{text}
====="""

_FENCE = re.compile(r"^(?:```\w*|=====)\n|\n(?:```|=====)$")


class Mender:
    """Asks a language model to mend what OCR read."""

    def __init__(self, llm: GuardedLLM, config: ProcessorConfig) -> None:
        self._llm = llm
        self._model = config.classification_model
        self._logs_prompts = config.log_llm_prompts
        self._redactor = Redactor(config.redact_patterns)

    def answer(self, mending: Mending, extraction: Extraction) -> Answer:
        """The mended texts; never raises for a model that is absent, slow or wrong."""
        texts: dict[int, str] = {}
        refused = 0
        outage: BackendError | None = None
        for index in mending.chunks:
            raw = extraction.chunks[index].text
            try:
                found = self._asked(raw, mending.model or self._model)
            except BackendError as exc:
                outage = exc
                break
            if is_mended(raw, found):
                texts[index] = found
            else:
                refused += 1
        return Answer(functools.partial(_with_texts, texts, refused, outage))

    def _asked(self, text: str, model: str) -> str:
        prompt = _PROMPT.format(text=text)
        if self._logs_prompts:
            logger.info("llm=%s prompt=%s", model, self._redactor.text(prompt))
        found = self._llm.generate(prompt, model).strip()
        return unicodedata.normalize("NFC", _FENCE.sub("", found).strip())


def is_mended(raw: str, found: str) -> bool:
    """Whether a text is another one with its misread words mended: its digits are the same, most of its letters too."""
    if _digits(raw) != _digits(found) or any(c != "\n" and not c.isprintable() for c in found):
        return False
    return found == raw or SequenceMatcher(None, raw, found, autojunk=False).ratio() >= _LEAST_ALIKE


def unmended(extraction: Extraction) -> Extraction:
    """What was read of a document that nobody was there to mend: what OCR read stands."""
    if extraction.mending is None:
        return extraction
    message = "what OCR read was not mended: no language model is configured (see --llm)"
    issue = _issue(ErrorCode.W_LLM_UNAVAILABLE, message)
    return replace(extraction, mending=None, issues=(*extraction.issues, issue))


def _digits(text: str) -> list[str]:
    return [character for character in unicodedata.normalize("NFKC", text) if character.isdigit()]


def _with_texts(
    texts: Mapping[int, str], refused: int, outage: BackendError | None, extraction: Extraction
) -> Extraction:
    chunks = [
        replace(chunk, text=texts[index], chunk_hash=hash_text(texts[index])) if index in texts else chunk
        for index, chunk in enumerate(extraction.chunks)
    ]
    issues = list(extraction.issues)
    if refused:
        message = f"the language model gave another text than {refused} of the chunks OCR read: what was read stands"
        issues.append(_issue(ErrorCode.E_LLM_SCHEMA_INVALID, message))
    if outage is not None:
        message = f"what OCR read was not mended: {outage.message}"
        issues.append(_issue(ErrorCode.W_LLM_UNAVAILABLE, message))
        if outage.code != ErrorCode.W_LLM_UNAVAILABLE:
            issues.append(_issue(outage.code, outage.message))
    return replace(
        extraction,
        chunks=tuple(chunks),
        issues=tuple(issues),
        mending=None,
        is_provisional=extraction.is_provisional or outage is not None,
    )


def _issue(code: ErrorCode | str, message: str) -> IngestError:
    return IngestError(code=code, message=message, stage="ocr", recoverable=True)
