"""A router whose settings say "distributed": who it refuses, what it submits, and what a worker makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingestkit_core.errors import ErrorCode, ExecutionError
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.serving import JobServer
from ingestkit_core.stores import SqliteStore
from ingestkit_core.stores.jobs import JobRequest
from ingestkit_core.testing import HashingEmbedder, ScriptedLLM, TextConfig, TextRouter, write_text

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def distributed(url: str = "redis://127.0.0.1:1/0") -> TextConfig:
    pytest.importorskip("celery")
    return TextConfig(execution_backend="distributed", execution_queue_url=url, chunk_size_tokens=77)


@pytest.mark.unit
@pytest.mark.parametrize("part", [{"embedder": HashingEmbedder(8)}, {"llm": ScriptedLLM([])}])
def test_what_workers_cannot_open_is_refused_by_name(store: SqliteStore, part: dict[str, object]) -> None:
    (given,) = part.values()
    with pytest.raises(ExecutionError, match=type(given).__name__) as refused:
        TextRouter(store, store, config=distributed(), **part)  # type: ignore[arg-type]  # one of the two
    assert refused.value.code is ErrorCode.E_EXECUTION_SUBMIT


def test_documents_are_deferred_while_the_broker_is_down(store: SqliteStore, folder: Path) -> None:
    paths = [write_text(folder / f"{number}.txt", "words") for number in range(30)]
    with TextRouter(store, store, config=distributed()) as router:
        results = router.process_batch(paths)
    assert {(result.status, result.errors) for result in results} == {("deferred", ("E_EXECUTION_SUBMIT",))}


def test_going_back_is_one_word(store: SqliteStore, folder: Path) -> None:
    config = distributed().model_copy(update={"execution_backend": "local"})
    with TextRouter(store, store, config=config) as router:
        assert router.process(write_text(folder / "a.txt", "words")).status == "committed"


@pytest.fixture
def server(store: SqliteStore) -> JobServer:
    settings = {"execution_strategy": "thread"}
    return JobServer(Ingestor(store, settings, routers={"text": TextRouter}))


def request(path: Path, **more: object) -> JobRequest:
    values = {"config": {}, "parser_version": "text:1.0.0", "format_name": "text", **more}
    return JobRequest(str(path), **values)  # type: ignore[arg-type]  # names of its fields


def test_a_job_brings_its_settings(server: JobServer, store: SqliteStore, folder: Path) -> None:
    path = write_text(folder / "a.txt", "words " * 300)
    with server:
        assert server.run(request(path)).chunks_created == 1
        assert server.run(request(path)).status == "unchanged"
        assert server.run(request(path, config={"chunk_size_tokens": 60, "tenant_id": "t"})).chunks_created > 3
        assert server.run(request(path, format_name=None)).status == "unchanged"
        for number in range(40):
            config = {"chunk_size_tokens": 60 + number, "tenant_id": "t"}
            assert server.run(request(path, config=config)).status == ("unchanged" if number == 0 else "committed")
        assert len(server._lent) <= 32
        assert server.run(request(folder / "missing.txt")).errors == ("E_SOURCE_NOT_FOUND",)
    assert store.status().sources == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"parser_version": "text:2.0.0"}, "parser version text:2.0.0, this worker has text:1.0.0"),
        ({"embedder": "openai:m"}, "embedder openai:m, this worker has None"),
        ({"format_name": "docx"}, "no format 'docx', only text"),
        ({"config": {"no_such": 1}}, "no_such"),
        ({"content_hash": "00"}, "other bytes here"),
    ],
)
def test_what_is_not_for_this_worker_is_refused_in_the_result(
    server: JobServer, folder: Path, more: dict[str, object], said: str
) -> None:
    path = write_text(folder / "a.txt", "words")
    with server:
        result = server.run(request(path, **more))
    assert (result.status, result.errors) == ("deferred", ("E_EXECUTION_SUBMIT",))
    assert said in result.error_details[0].message
