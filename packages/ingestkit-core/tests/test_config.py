from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.config import ProcessorConfig
from pydantic import ValidationError

pytestmark = pytest.mark.unit


def test_every_field_says_what_it_is_and_whether_it_changes_output() -> None:
    for name, field in ProcessorConfig.model_fields.items():
        assert field.description, name
        assert isinstance(field.json_schema_extra, dict), name
        assert isinstance(field.json_schema_extra["changes_output"], bool), name


def test_defaults_of_the_contract() -> None:
    config = ProcessorConfig()
    expected: dict[str, Any] = {
        "tenant_id": None,
        "max_file_size_mb": 500,
        "max_decompression_ratio": 100,
        "per_document_timeout_seconds": 300,
        "max_memory_mb": None,
        "max_documents_per_worker": 200,
        "execution_backend": "local",
        "execution_strategy": "process",
        "execution_max_workers": 4,
        "execution_queue_url": None,
        "chunk_size_tokens": 512,
        "chunk_overlap_tokens": 50,
        "embedding_batch_size": 64,
        "default_collection": "default",
        "backend_timeout_seconds": 30.0,
        "enable_content_dedup": True,
        "max_unexplained_ratio": 0.005,
        "include_hidden": False,
        "redact_patterns": [],
    }
    assert {name: getattr(config, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".yaml", "chunk_size_tokens: 256\ntenant_id: acme\n"),
        (".yml", "chunk_size_tokens: 256\ntenant_id: acme\n"),
        (".toml", 'chunk_size_tokens = 256\ntenant_id = "acme"\n'),
        (".json", json.dumps({"chunk_size_tokens": 256, "tenant_id": "acme"})),
    ],
)
def test_from_file(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"config{suffix}"
    path.write_text(text)
    config = ProcessorConfig.from_file(path)
    assert (config.chunk_size_tokens, config.tenant_id) == (256, "acme")


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("c.ini", "a=1", ValueError),
        ("c.yaml", "- a\n- b\n", ValueError),
        ("c.yaml", "a: [", ValueError),
        ("c.json", "{", ValueError),
        ("c.toml", "a = ", ValueError),
        ("c.yaml", "chunk_size: 1", ValidationError),
        ("c.yaml", "chunk_size_tokens: many", ValidationError),
    ],
)
def test_files_that_are_no_config(tmp_path: Path, name: str, text: str, error: type[Exception]) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(error):
        ProcessorConfig.from_file(tmp_path / name)


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("")
    assert ProcessorConfig.from_file(tmp_path / "c.yaml") == ProcessorConfig()


@pytest.mark.parametrize(
    "values",
    [
        {"max_file_size_mb": 501},
        {"max_file_size_mb": 501, "max_file_size_override_reason": "   "},
        {"execution_backend": "distributed"},
        {"chunk_size_tokens": 50, "chunk_overlap_tokens": 50},
        {"execution_strategy": "fibers"},
        {"tier2_confidence_threshold": 1.5},
        {"nonsense": 1},
        {"tenant_id": ""},
    ],
)
def test_unfit_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProcessorConfig(**values)


def test_a_raised_limit_needs_a_reason_and_stays_a_limit() -> None:
    config = ProcessorConfig(max_file_size_mb=800, max_file_size_override_reason=" yearly archive ")
    assert list(config.overrides()) == [("max_file_size_mb", 800, "yearly archive")]
    assert list(ProcessorConfig(max_file_size_mb=100).overrides()) == []


def test_only_what_changes_output_makes_the_fingerprint() -> None:
    base = ProcessorConfig().output_settings()
    assert "chunk_size_tokens" in base
    assert "execution_max_workers" not in base
    assert ProcessorConfig(execution_max_workers=9, log_sample_text=True).output_settings() == base
    assert ProcessorConfig(chunk_size_tokens=100).output_settings() != base
    json.dumps(base)


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValidationError):
        ProcessorConfig().chunk_size_tokens = 3  # type: ignore[misc]  # that is what is refused
