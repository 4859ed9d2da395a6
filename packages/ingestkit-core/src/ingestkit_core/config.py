"""What both formats can be told. Frozen values; unknown keys are refused.

Each field declares whether it changes what comes out (``changes_output``): those fields, and only those,
make the fingerprint that decides whether a source must be read again.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["ProcessorConfig", "setting"]


def setting(default: Any, description: str, *, output: bool, with_llm: bool = False, **bounds: Any) -> Any:
    """A config field: its default, what it means, its bounds, and whether it changes what comes out.

    ``with_llm``: it does so only where a language model is configured.
    """
    extra: dict[str, Any] = {"changes_output": output, "only_with_llm": with_llm}
    return Field(default, description=description, json_schema_extra=extra, **bounds)


class ProcessorConfig(BaseModel):
    """The settings every format has. Units are in the names; ratios are 0..1."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    guarded_limits: ClassVar[tuple[tuple[str, str], ...]] = (("max_file_size_mb", "max_file_size_override_reason"),)
    """Limits that are raised above their default only with a written reason: (limit, reason field)."""

    parser_version: str = setting(
        "ingestkit:1.0.0", "Part of every ingest key; bumped when output changes.", output=False, min_length=1
    )
    tenant_id: str | None = setting(None, "Whose documents these are.", output=False, min_length=1)

    max_file_size_mb: int = setting(500, "Larger files are refused (MiB).", output=False, ge=1)
    max_file_size_override_reason: str | None = setting(
        None, "Why a larger limit than the default is right.", output=False
    )
    max_decompression_ratio: int = setting(
        100,
        "Inflated size over packed size above which a stream or archive entry of more than 64 MiB (a picture of more "
        "than 512 MiB), or a document of more than 512 MiB, is a bomb.",
        output=False,
        ge=1,
    )
    per_document_timeout_seconds: float = setting(
        300.0, "Limit of each profile or extract job of a document, from its start.", output=False, gt=0
    )
    max_memory_mb: int | None = setting(
        None,
        "Resident memory of a worker (MiB) above which its document is stopped; None is 0.75 of the "
        "machine's or cgroup's memory divided by the workers.",
        output=False,
        ge=64,
    )
    max_documents_per_worker: int = setting(
        200, "A worker process is replaced after so many documents.", output=False, ge=1
    )

    execution_backend: Literal["local", "distributed"] = setting(
        "local", "Which job engine runs documents.", output=False
    )
    execution_strategy: Literal["process", "thread"] = setting(
        "process", "What local workers are. Threads cannot be killed.", output=False
    )
    execution_max_workers: int = setting(4, "Documents read at once.", output=False, ge=1, le=1024)
    execution_queue_url: str | None = setting(
        None, "Broker of the distributed engine: redis:// or amqp://.", output=False
    )

    tier1_high_confidence_signals: int = setting(
        4, "So many agreeing signals make a rule sure (confidence 0.9).", output=True, ge=1
    )
    tier1_medium_confidence_signals: int = setting(
        3, "So many agreeing signals make a rule fairly sure (confidence 0.7).", output=True, ge=1
    )
    classification_model: str = setting("qwen2.5:7b", "Model of Tier 2.", output=True, with_llm=True)
    reasoning_model: str = setting("deepseek-r1:14b", "Model of Tier 3.", output=True, with_llm=True)
    tier2_confidence_threshold: float = setting(
        0.6, "Below this confidence Tier 3 is asked (ratio).", output=True, with_llm=True, ge=0, le=1
    )
    llm_temperature: float = setting(0.1, "Sampling temperature of both tiers.", output=True, with_llm=True, ge=0, le=2)
    enable_tier3: bool = setting(True, "Whether Tier 3 may be asked at all.", output=True, with_llm=True)

    # In the fingerprint both stand as the embedder's identity and dimension, so that reembed can exchange them.
    embedding_model: str | None = setting(None, "Model of the embedder, where a server has several.", output=False)
    embedding_dimension: int | None = setting(
        None, "Length of a vector; None takes the endpoint's.", output=False, ge=1
    )
    embedding_batch_size: int = setting(64, "Texts per embedding call.", output=False, ge=1)
    default_collection: str = setting("default", "Collection in a foreign vector store.", output=True, min_length=1)

    chunk_size_tokens: int = setting(512, "Upper size of a chunk (tokens).", output=True, ge=16)
    chunk_overlap_tokens: int = setting(
        50, "Text repeated from the chunk before, inside a section (tokens).", output=True, ge=0
    )
    chunk_respect_headings: bool = setting(True, "A heading begins a new chunk.", output=True)
    chunk_respect_tables: bool = setting(True, "A table shares no chunk with prose.", output=True)

    backend_timeout_seconds: float = setting(30.0, "Limit of one call to a backend.", output=False, gt=0)
    backend_max_retries: int = setting(2, "Further tries after a failed backend call.", output=False, ge=0)
    backend_backoff_base: float = setting(
        1.0, "First pause before a further try (seconds); doubles each time.", output=False, ge=0
    )

    enable_content_dedup: bool = setting(True, "Skip sources that are unchanged.", output=False)
    max_unexplained_ratio: float = setting(
        0.005, "Unexplained share of a document's text above which it is reported.", output=False, ge=0, le=1
    )
    include_hidden: bool = setting(False, "Bring in hidden parts, labelled.", output=True)

    log_llm_prompts: bool = setting(False, "Write prompts to the log.", output=False)
    log_chunk_previews: bool = setting(False, "Write the beginnings of chunks to the log.", output=False)
    log_sample_text: bool = setting(False, "Write the beginning of each document's text to the log.", output=False)
    redact_patterns: list[str] = setting(
        [], "Regular expressions blanked out of everything logged and every message.", output=False
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for limit, reason in self.guarded_limits:
            default = type(self).model_fields[limit].default
            if getattr(self, limit) > default and not (getattr(self, reason) or "").strip():
                raise ValueError(f"{limit} above its default of {default} needs a reason in {reason}")
        if self.execution_backend == "distributed" and not self.execution_queue_url:
            raise ValueError("execution_backend 'distributed' needs execution_queue_url (redis://... or amqp://...)")
        if self.chunk_overlap_tokens >= self.chunk_size_tokens:
            raise ValueError("chunk_overlap_tokens must be smaller than chunk_size_tokens")
        return self

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a .yaml, .yml, .toml or .json file.

        Raises FileNotFoundError, ValueError for another suffix or a file that is no mapping, and pydantic's
        ValidationError for unknown or unfit keys.
        """
        return cls.model_validate(read_mapping(Path(path)))

    def overrides(self) -> Iterator[tuple[str, int, str]]:
        """The raised limits in force: (limit, value, reason)."""
        for limit, reason in self.guarded_limits:
            value = getattr(self, limit)
            if value > type(self).model_fields[limit].default:
                yield limit, value, getattr(self, reason).strip()

    def output_settings(self, *, with_llm: bool = False) -> dict[str, Any]:
        """The fields that change what comes out, JSON-ready and sorted: what the fingerprint is made of.

        Those of the language model are among them only where there is one.
        """
        values = self.model_dump(mode="json")
        return {
            name: values[name]
            for name, field in sorted(type(self).model_fields.items())
            if isinstance(extra := field.json_schema_extra, dict)
            and extra["changes_output"]
            and (with_llm or not extra["only_with_llm"])
        }


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping a config file holds, by its suffix."""
    text = path.read_text(encoding="utf-8")
    suffix = path.suffix.lower()
    try:
        if suffix in (".yaml", ".yml"):
            content = yaml.safe_load(text)
        elif suffix == ".toml":
            content = tomllib.loads(text)
        elif suffix == ".json":
            content = json.loads(text)
        else:
            raise ValueError(f"{path}: a config file ends in .yaml, .yml, .toml or .json")
    except yaml.MarkedYAMLError as exc:
        line = f":{exc.problem_mark.line + 1}" if exc.problem_mark is not None else ""
        raise ValueError(f"{path}{line}: this is no YAML: {exc.problem}") from exc
    except (yaml.YAMLError, tomllib.TOMLDecodeError, json.JSONDecodeError) as exc:
        raise ValueError(f"{path}: {' '.join(str(exc).split())}") from exc
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a config file holds one mapping of settings")
    return content
