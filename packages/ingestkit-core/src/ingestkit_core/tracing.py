"""Spans for OpenTelemetry: one per document, with a child for each stage. In the owner.

Off unless somebody configured it: a process that did not import ``opentelemetry`` pays nothing, and without a
tracer provider its API does nothing. The spans know the file's name, its format and what became of it, never
text. ``pip install 'ingestkit-core[otel]'`` and run the program under ``opentelemetry-instrument``, or set a
provider up yourself.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ingestkit_core.models import ProcessingResult
from ingestkit_core.progress import OnProgress, ProgressEvent, Stage

if TYPE_CHECKING:
    from opentelemetry.trace import Span

__all__ = ["DocumentTrace", "trace_document"]

_NAME = "ingestkit_core"


class DocumentTrace:
    """The spans of one document: told of its events from any thread, and of its end once."""

    def __init__(self, file_path: str, source_format: str) -> None:
        from opentelemetry import trace

        self._tracer = trace.get_tracer(_NAME)
        attributes = {"ingestkit.file": Path(file_path).name, "ingestkit.format": source_format}
        self._document = self._tracer.start_span("document", attributes=attributes)
        self._context = trace.set_span_in_context(self._document)
        self._lock = threading.Lock()
        self._stage: tuple[Stage, Span] | None = None
        self._ended = False

    def watching(self, on_progress: OnProgress | None) -> OnProgress:
        """A listener that keeps the spans and tells another listener."""

        def listen(event: ProgressEvent) -> None:
            self._reached(event.stage)
            if on_progress is not None:
                on_progress(event)

        return listen

    def _reached(self, stage: Stage) -> None:
        with self._lock:
            if self._ended or (self._stage is not None and self._stage[0] == stage):
                return
            self._leave_stage()
            self._stage = (stage, self._tracer.start_span(stage, context=self._context))

    def _leave_stage(self) -> None:
        if self._stage is not None:
            self._stage[1].end()
            self._stage = None

    def end(self, result: ProcessingResult) -> None:
        """The document has a result."""
        with self._lock:
            self._document.set_attribute("ingestkit.status", result.status)
            self._document.set_attribute("ingestkit.chunks", result.chunks_created)
            self._document.set_attribute("ingestkit.tables", result.tables_created)
            if result.errors:
                self._document.set_attribute("ingestkit.errors", list(result.errors))
            self._end()

    def end_without_result(self) -> None:
        """Nobody waits for the document any more, or it could not be begun."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._leave_stage()
        self._document.end()


def trace_document(file_path: str, source_format: str) -> DocumentTrace | None:
    """The spans of a document that begins now, below the caller's own span; None where nobody traces."""
    return DocumentTrace(file_path, source_format) if "opentelemetry" in sys.modules else None
