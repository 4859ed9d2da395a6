"""The owner's half of a document: embed, commit, result. Runs in the one finishing thread.

    extraction ─► chunks with ids ─► vectors for new texts, many documents to a call ─► one transaction each

A backend that fails defers its documents: they are tried again in the next run, and what the store had stays.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from ingestkit_core.chunking import ChunkDraft
from ingestkit_core.classification import Classifier, undecided
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.embedding import GuardedEmbedder
from ingestkit_core.errors import (
    BackendError,
    ClassifyError,
    ErrorCode,
    ExecutionError,
    IngestError,
    IngestkitError,
    StoreError,
)
from ingestkit_core.execution.asking import Answer
from ingestkit_core.execution.local import Finisher, ReadDocument
from ingestkit_core.extraction import Extraction
from ingestkit_core.formats import Format
from ingestkit_core.keys import chunk_id
from ingestkit_core.llm import GuardedLLM
from ingestkit_core.mending import Mender, unmended
from ingestkit_core.models import ChunkPayload, EmbedStageResult, ProcessingResult, Status, WrittenArtifacts
from ingestkit_core.parallel.policies import CircuitBreaker, RetryPolicy
from ingestkit_core.paths import printable
from ingestkit_core.privacy import Redactor
from ingestkit_core.protocols import EmbeddingBackend, LLMBackend
from ingestkit_core.stores.base import (
    DocumentStore,
    DocumentVersion,
    NamedTable,
    QuarantineRecord,
    SourceState,
)
from ingestkit_core.stores.naming import name_table

__all__ = ["Committer", "Submission", "deferred_result"]

logger = logging.getLogger(__name__)

_SAMPLE_CHARACTERS = 200
_FAILURES_IN_A_ROW = 5
_REST_SECONDS = 30.0
"""A backend that fails so often in a row is not called for so long, and nothing is read for it in vain."""

_SERVER_LOST = frozenset(
    {
        ErrorCode.E_BACKEND_DB_CONNECT,
        ErrorCode.E_BACKEND_DB_TIMEOUT,
        ErrorCode.E_BACKEND_VECTOR_CONNECT,
        ErrorCode.E_BACKEND_VECTOR_TIMEOUT,
    }
)


_MACHINE_FAULTS = frozenset({ErrorCode.E_EXECUTION_RESULT_LOST, ErrorCode.E_EXECUTION_SUBMIT})
"""Recoverable ones say that the disk of the temporary files takes no more."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What the owner knew of a source when it sent it to be read. ``moved_from`` is its earlier URI."""

    state: SourceState
    run_id: str
    attempts: int = 0
    moved_from: str | None = None


@dataclass(slots=True)
class _Pending:
    submission: Submission
    document: ReadDocument
    extraction: Extraction
    payloads: list[ChunkPayload]
    tables: list[NamedTable]
    embedded: EmbedStageResult | None = None
    failure: IngestkitError | None = None


class Committer(Finisher):
    """Turns extractions into committed documents, for one format and one store."""

    def __init__(
        self,
        format: Format,
        config: ProcessorConfig,
        store: DocumentStore,
        embedder: EmbeddingBackend | None,
        llm: LLMBackend | None = None,
    ) -> None:
        self._format = format
        self._config = config
        self._store = store
        self._store_breaker = CircuitBreaker(_FAILURES_IN_A_ROW, _REST_SECONDS)
        breaker = CircuitBreaker(_FAILURES_IN_A_ROW, _REST_SECONDS)
        self.embedder = GuardedEmbedder(embedder, config, breaker) if embedder is not None else None
        llm_breaker = CircuitBreaker(_FAILURES_IN_A_ROW, _REST_SECONDS)
        guarded = GuardedLLM(llm, config, llm_breaker) if llm is not None else None
        self._classifier = Classifier(guarded, config) if guarded is not None else None
        self._mender = Mender(guarded, config) if guarded is not None else None
        self._retries = RetryPolicy(config.backend_max_retries, config.backend_backoff_base)
        self._redactor = Redactor(config.redact_patterns)

    def resting(self) -> BackendError | None:
        """Why nothing should be read now: a backend that failed repeatedly and is left alone for a while."""
        if self._store_breaker.state == "open":
            return _store_rests()
        return self.embedder.resting() if self.embedder is not None else None

    def question(self, document: ReadDocument) -> Callable[[], Answer] | None:
        """See Finisher. Where the rules are unsure what a document is, a language model is asked; then, if it is to,
        it mends what OCR read.
        """
        classifier, mender, extraction = self._classifier, self._mender, document.value
        question, mending = extraction.question, extraction.mending
        if classifier is None or mender is None or not (question or mending) or not self._is_current(document):
            return None

        def ask() -> Answer:
            answer = classifier.answer(question, extraction.classification) if question is not None else None
            if answer is not None and (mending is None or answer.settings is not None):
                return answer
            mended = mender.answer(mending, extraction)
            return mended if answer is None else answer.then(mended)

        return ask

    def finish(self, documents: Sequence[ReadDocument]) -> list[ProcessingResult | None]:
        """See Finisher. A source that changed while it was read is read once more."""
        documents = [_without_question(document) for document in documents]
        pending = [self._prepare(document) for document in documents]
        self._embed([item for item in pending if item is not None])
        results: list[ProcessingResult | None] = []
        for document, item in zip(documents, pending, strict=True):
            if item is not None:
                results.append(self._commit(item))
            elif document.error is None and document.reads == 1:
                results.append(None)
            else:
                results.append(self.set_aside(document.context, self._cause(document), document.seconds))
        return results

    def set_aside(self, submission: Submission, error: IngestError, seconds: float = 0.0) -> ProcessingResult:
        """The result of a document that could not be committed; its cause goes into quarantine.

        Where a disk was the cause, the document is tried again in the next run.
        """
        state = submission.state
        if error.recoverable and error.code in _MACHINE_FAULTS:
            return self._deferred(
                submission, ExecutionError(ErrorCode(error.code), error.message, recoverable=True), seconds
            )
        error = self._redactor.record(_named(error, state.file_path))
        status: Status = "cancelled" if error.code == ErrorCode.E_EXECUTION_CANCELLED else "quarantined"
        if error.code == ErrorCode.E_SOURCE_CHANGED:
            # Its hash pins nothing down: an empty one never counts as unchanged.
            state = replace(state, content_hash="")
        if status == "quarantined" and error.code != ErrorCode.E_SOURCE_NOT_FOUND:
            try:
                self._store.quarantine(QuarantineRecord(state, error.code, (error,), attempts=submission.attempts + 1))
            except StoreError as exc:
                return self._deferred(submission, exc, seconds)
        name = Path(state.file_path).name
        logger.info("file=%s key=%s status=%s code=%s", name, state.ingest_key[:12], status, error.code)
        return ProcessingResult(
            file_path=state.file_path,
            ingest_key=state.ingest_key,
            ingest_run_id=submission.run_id,
            tenant_id=state.tenant_id,
            status=status,
            errors=(error.code,),
            error_details=(error,),
            processing_time_seconds=seconds,
        )

    def _cause(self, document: ReadDocument) -> IngestError:
        name = Path(document.file_path).name
        if document.error is None:
            return IngestError(
                code=ErrorCode.E_SOURCE_CHANGED,
                message=f"{name} changed while it was read; ingest it again when it is complete",
                stage="parse",
                recoverable=True,
            )
        return document.error

    def _is_current(self, document: ReadDocument) -> bool:
        """Whether the bytes that were read are those that were hashed before."""
        submission: Submission = document.context
        return bool(document.value.content_hash == submission.state.content_hash)

    def _prepare(self, document: ReadDocument) -> _Pending | None:
        """Chunks with their ids and tables with their names; None where there is nothing to commit."""
        submission: Submission = document.context
        extraction = document.value
        if document.error is not None or not self._is_current(document):
            return None
        tables = [name_table(t, submission.state.tenant_id, submission.state.source_uri) for t in extraction.tables]
        payloads = [
            self._payload(submission, extraction, draft, index, tables) for index, draft in enumerate(extraction.chunks)
        ]
        return _Pending(submission, document, extraction, payloads, tables)

    def _payload(
        self,
        submission: Submission,
        extraction: Extraction,
        draft: ChunkDraft,
        index: int,
        tables: Sequence[NamedTable],
    ) -> ChunkPayload:
        state = submission.state
        table = tables[draft.table_index] if draft.table_index is not None else None
        metadata = self._format.metadata_class.model_validate(
            {
                "language": extraction.language,
                **draft.metadata,
                "source_uri": state.source_uri,
                "source_format": state.source_format,
                "ingestion_method": extraction.ingestion_method,
                "parser_version": state.parser_version,
                "chunk_index": index,
                "chunk_hash": draft.chunk_hash,
                "ingest_key": state.ingest_key,
                "ingest_run_id": submission.run_id,
                "tenant_id": state.tenant_id,
                "table_name": table.name if table else None,
                "row_count": draft.row_count,
                "columns": draft.columns,
                "section_title": draft.heading_path[-1] if draft.heading_path else None,
                "heading_path": draft.heading_path,
                "content_type": draft.content_type,
                "locations": draft.locations,
            }
        )
        return ChunkPayload(id=chunk_id(state.ingest_key, index, draft.chunk_hash), text=draft.text, metadata=metadata)

    def _embed(self, pending: Sequence[_Pending]) -> None:
        """Give every payload its vector: kept ones by text, the others in full batches across documents."""
        if self.embedder is None or not pending:
            return
        started = time.monotonic()
        for item in pending:
            item.document.report("embed", 0, 0)
        texts = {p.metadata.chunk_hash: p.text for item in pending for p in item.payloads}
        vectors: dict[str, tuple[float, ...]] = {}
        new: set[str] = set()
        failure: IngestkitError | None = None
        try:
            vectors.update(self._store.known_vectors(self.embedder.identity, list(texts)))
            for batch in self.embedder.embed({key: text for key, text in texts.items() if key not in vectors}):
                vectors.update(batch)
                new.update(batch)
        except BackendError as exc:
            if exc.is_about_the_request and len(pending) > 1:
                # One document's text is what it does not take: the others go without it.
                for item in pending:
                    self._embed([item])
                return
            failure = exc
        except StoreError as exc:
            failure = exc
        seconds = time.monotonic() - started
        for item in pending:
            self._give_vectors(item, vectors, new, seconds, failure)

    def _give_vectors(
        self,
        item: _Pending,
        vectors: Mapping[str, tuple[float, ...]],
        new: Set[str],
        seconds: float,
        failure: IngestkitError | None,
    ) -> None:
        hashes = [p.metadata.chunk_hash for p in item.payloads]
        if failure is not None and not all(text_hash in vectors for text_hash in hashes):
            item.failure = failure
            return
        assert self.embedder is not None
        item.payloads = [p.model_copy(update={"vector": vectors[p.metadata.chunk_hash]}) for p in item.payloads]
        dimension = len(vectors[hashes[0]]) if hashes else 0
        item.embedded = EmbedStageResult(texts=len(new & set(hashes)), dimension=dimension, seconds=seconds)

    def _commit(self, item: _Pending) -> ProcessingResult:
        submission, seconds = item.submission, item.document.seconds
        if item.failure is not None:
            return self._deferred(submission, item.failure, seconds)
        result = self._result(item)
        embedder = None
        if self.embedder is not None and item.embedded is not None and item.embedded.dimension:
            embedder = (self.embedder.identity, item.embedded.dimension)
        state = submission.state
        if self._classifier is not None and (item.extraction.classification.degraded or item.extraction.is_provisional):
            # It counts as unchanged under no settings: the model that could not be asked is asked the next time.
            state = replace(state, fingerprint="")
        version = DocumentVersion(
            state, submission.run_id, result, item.payloads, item.tables, embedder, submission.moved_from
        )
        item.document.report("store", 0, 0)
        permit = self._store_breaker.admit()
        if permit is None:
            return self._deferred(submission, _store_rests(), seconds)
        try:
            written = self._replace(version)
        except StoreError as exc:
            self._store_breaker.failed(permit)
            return self._deferred(submission, exc, seconds)
        except BaseException:
            # A permit that is not given back would be the last one of a breaker that tries again.
            self._store_breaker.failed(permit)
            raise
        self._store_breaker.succeeded(permit)
        self._log(result, item)
        return result.model_copy(update={"written": written})

    def _replace(self, version: DocumentVersion) -> WrittenArtifacts:
        """Commit, again after a pause while a server cannot be had: what it may have committed is put in its place."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._store.replace(version)
            except StoreError as exc:
                if exc.code not in _SERVER_LOST or attempt > self._retries.max_retries:
                    raise
            time.sleep(self._retries.delay(attempt))

    def _result(self, item: _Pending) -> ProcessingResult:
        state, extraction = item.submission.state, item.extraction
        issues = tuple(self._redactor.record(_named(issue, state.file_path)) for issue in extraction.issues)
        return ProcessingResult(
            file_path=state.file_path,
            ingest_key=state.ingest_key,
            ingest_run_id=item.submission.run_id,
            tenant_id=state.tenant_id,
            status="committed",
            parse_result=extraction.parse,
            classification_result=extraction.classification,
            ocr_result=extraction.ocr,
            embed_result=item.embedded,
            ingestion_method=extraction.ingestion_method,
            chunks_created=len(item.payloads),
            tables_created=len(item.tables),
            tables=tuple(table.name for table in item.tables),
            written=WrittenArtifacts(
                vector_point_ids=tuple(payload.id for payload in item.payloads),
                db_table_names=tuple(sorted(table.name for table in item.tables)),
            ),
            ledger=extraction.ledger,
            errors=tuple(dict.fromkeys(issue.code for issue in issues if issue.code.startswith("E_"))),
            warnings=tuple(dict.fromkeys(issue.code for issue in issues if issue.code.startswith("W_"))),
            error_details=issues,
            processing_time_seconds=item.document.seconds,
        )

    def _deferred(self, submission: Submission, exc: IngestkitError, seconds: float) -> ProcessingResult:
        state = submission.state
        result = deferred_result(state.file_path, exc, self._redactor)
        return result.model_copy(
            update={
                "ingest_key": state.ingest_key,
                "ingest_run_id": submission.run_id,
                "tenant_id": state.tenant_id,
                "processing_time_seconds": seconds,
            }
        )

    def _log(self, result: ProcessingResult, item: _Pending) -> None:
        """One line per document, never text of it unless asked for."""
        state, classification, parse = item.submission.state, item.extraction.classification, item.extraction.parse
        logger.info(
            "file=%s key=%s type=%s tier=%s confidence=%.2f units=%d chunks=%d tables=%d ocr_pages=%d seconds=%.3f",
            Path(state.file_path).name,
            state.ingest_key[:12],
            classification.document_type,
            classification.tier,
            classification.confidence,
            parse.units_done,
            result.chunks_created,
            result.tables_created,
            len(item.extraction.ocr.pages) if item.extraction.ocr else 0,
            result.processing_time_seconds,
        )
        if self._config.log_sample_text and item.payloads:
            sample = " ".join(item.payloads[0].text.split())[:_SAMPLE_CHARACTERS]
            logger.info("file=%s sample=%s", Path(state.file_path).name, self._redactor.text(sample))
        if self._config.log_chunk_previews:
            for payload in item.payloads:
                logger.info("chunk=%d text=%s", payload.metadata.chunk_index, self._redactor.text(payload.text[:80]))
        for line in item.extraction.log_lines:
            logger.info("%s", self._redactor.text(line))


def _without_question(document: ReadDocument) -> ReadDocument:
    """The document as it is where nobody was asked, or as failed where then nobody knows what it is."""
    if document.error is not None:
        return document
    try:
        return replace(document, value=unmended(undecided(document.value)))
    except ClassifyError as exc:
        return replace(document, value=None, error=exc.to_error())


def deferred_result(file_path: str, exc: IngestkitError, redactor: Redactor | None = None) -> ProcessingResult:
    """The result of a document that is not to blame: it is tried again in the next run."""
    error = (redactor or Redactor(())).record(exc.to_error())
    logger.warning("file=%s status=deferred code=%s", Path(file_path).name, error.code)
    return ProcessingResult(
        file_path=printable(file_path), status="deferred", errors=(error.code,), error_details=(error,)
    )


def _store_rests() -> BackendError:
    message = "the store failed repeatedly and is left alone for a while; ingest again later"
    return BackendError(ErrorCode.E_BACKEND_CIRCUIT_OPEN, message, recoverable=True)


def _named(error: IngestError, file_path: str) -> IngestError:
    """The error with the file's name in its message, wherever it arose."""
    name = Path(file_path).name
    return error if name in error.message else error.model_copy(update={"message": f"{name}: {error.message}"})
