"""Spans: a document and its stages, under the caller's own span; nothing where nobody asked for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import TextConfig, TextRouter, write_text

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def spans() -> Any:
    """What the process traces: it has one provider for good."""
    pytest.importorskip("opentelemetry.sdk", reason="pip install opentelemetry-sdk")
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


def test_a_document_and_its_stages_are_spans_below_the_callers(tmp_path: Path, spans: Any) -> None:
    from opentelemetry import trace

    spans.clear()
    good = write_text(tmp_path / "good.txt", "secret words")
    config = TextConfig(execution_max_workers=1)
    with SqliteStore(tmp_path / "s.db") as store, TextRouter(store, store, config=config) as router:
        with trace.get_tracer("mine").start_as_current_span("run") as run:
            router.process_batch([good, tmp_path / "missing.txt"])
        run_id = run.get_span_context().span_id
    finished = spans.get_finished_spans()
    documents = {str(span.attributes["ingestkit.file"]): span for span in finished if span.name == "document"}
    assert {name: span.attributes["ingestkit.status"] for name, span in documents.items()} == {
        "good.txt": "committed",
        "missing.txt": "quarantined",
    }
    assert documents["missing.txt"].attributes["ingestkit.errors"] == ("E_SOURCE_NOT_FOUND",)
    assert {span.parent.span_id for span in documents.values()} == {run_id}
    stages = [span for span in finished if span.name not in ("document", "run")]
    assert [span.name for span in stages] == ["queued", "store"]
    assert {span.parent.span_id for span in stages} == {documents["good.txt"].context.span_id}
    assert all("secret" not in str(span.attributes) for span in finished)


def test_the_spans_of_documents_nobody_waits_for_end_too(tmp_path: Path, spans: Any) -> None:
    spans.clear()
    config = TextConfig(execution_strategy="thread", execution_max_workers=1)
    with SqliteStore(tmp_path / "s.db") as store, TextRouter(store, store, config=config) as router:
        results = router.iter_batch([write_text(tmp_path / f"{number}.txt", "words") for number in range(4)])
        next(results)
        results.close()  # type: ignore[attr-defined]  # a generator
        assert [span.name for span in spans.get_finished_spans()].count("document") == 4


def test_nobody_pays_for_spans_that_nobody_asked_for(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "words")
    code = (
        "import sys\n"
        "from ingestkit_core.testing import TextRouter\n"
        "with TextRouter.create_default(execution_max_workers=1) as router:\n"
        f"    router.process({str(tmp_path / 'a.txt')!r})\n"
        "print('opentelemetry' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=True
    )
    assert done.stdout == "False\n"
