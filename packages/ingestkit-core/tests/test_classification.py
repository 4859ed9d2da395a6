"""The LLM tiers, on a format that can be unsure, with language models on a real server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.llm import open_llm
from ingestkit_core.models import ClassificationTier, ProcessingResult
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import Fault, ModelServer, ScriptedLLM, TextConfig, TextRouter, write_text

pytest.importorskip("httpx2", reason="needs ingestkit-core[http]")
pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

KINDS = pytest.mark.parametrize("kind", ["openai", "ollama"])
UNSURE = ("!unsure", "a line", "another line")
SURE_TEXT = {"document_type": "text", "confidence": 0.8, "reasoning": "few parts"}
SURE_LIST = {**SURE_TEXT, "document_type": "list"}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def read(store: SqliteStore, folder: Path, server: ModelServer) -> Iterator[Callable[..., ProcessingResult]]:
    """Reads one document with the server's language models answering these."""
    routers: list[TextRouter] = []

    def run(*answers: Any, kind: str = "ollama", lines: tuple[str, ...] = UNSURE, **settings: Any) -> ProcessingResult:
        if answers:
            server.answers.clear()
            server.answers.extend(ModelServer(answers=answers).answers)
        quick = {"backend_backoff_base": 0.0, "backend_max_retries": 1, "backend_timeout_seconds": 20}
        config = TextConfig(execution_strategy="thread", **{**quick, **settings})
        llm = open_llm(server.ollama_url if kind == "ollama" else server.openai_url)
        routers.append(TextRouter(store, store, llm=llm, config=config))
        return routers[-1].process(write_text(folder / "a.txt", *lines))

    yield run
    for router in routers:
        router.close()


def models_asked(server: ModelServer) -> list[str]:
    return [request.body["model"] for request in server.requests]


def decided(result: ProcessingResult) -> tuple[str, str, float, bool]:
    found = result.classification_result
    assert found is not None
    return found.document_type, found.tier, found.confidence, found.degraded


@KINDS
def test_an_answer_that_agrees_changes_the_tier_alone(read: Any, server: ModelServer, kind: str) -> None:
    result = read(SURE_TEXT, kind=kind)
    assert (result.status, result.errors, result.warnings, result.chunks_created) == ("committed", (), (), 1)
    assert decided(result) == ("text", ClassificationTier.LLM, 0.8, False)
    assert result.classification_result.reasoning == "few parts"
    assert models_asked(server) == ["qwen2.5:7b"]


def test_another_type_has_the_document_read_again_as_it(read: Any, store: SqliteStore) -> None:
    result = read(SURE_LIST, chunk_size_tokens=16, chunk_overlap_tokens=0)
    assert decided(result) == ("list", ClassificationTier.LLM, 0.8, False)
    assert result.ingestion_method == "list"
    uri = result.file_path
    assert [hit.metadata["ingestion_method"] for hit in store.chunks(None, uri)] == ["list"] * result.chunks_created
    assert [hit.text for hit in store.chunks(None, uri)] == ["a line\n\nanother line"]


def test_nobody_is_asked_about_what_is_sure(read: Any, server: ModelServer) -> None:
    result = read(lines=("words",))
    assert (decided(result)[1], result.warnings, server.requests) == (ClassificationTier.RULES, (), [])


@pytest.mark.parametrize(
    ("answers", "settings", "wanted", "models"),
    [
        ([{**SURE_LIST, "confidence": 0.3}, SURE_TEXT], {}, ("text", "reasoning", 0.8, False), 2),
        ([{**SURE_LIST, "confidence": 0.3}, SURE_TEXT], {"enable_tier3": False}, ("list", "llm", 0.3, False), 1),
        ([SURE_LIST, SURE_TEXT], {"tier2_confidence_threshold": 0.9}, ("text", "reasoning", 0.8, False), 2),
        ([{**SURE_LIST, "confidence": 0.6}], {}, ("list", "llm", 0.6, False), 1),
    ],
)
def test_the_reasoning_model_is_asked_below_the_threshold(
    read: Any, server: ModelServer, answers: list[Any], settings: dict[str, Any], wanted: Any, models: int
) -> None:
    assert decided(read(*answers, **settings)) == wanted
    assert models_asked(server) == ["qwen2.5:7b", "deepseek-r1:14b"][:models]


@KINDS
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("It is a text.", "E_LLM_MALFORMED_JSON"),
        ({"document_type": "poem", "confidence": 0.9}, "E_LLM_SCHEMA_INVALID"),
        ({"document_type": "text", "confidence": "very"}, "E_LLM_SCHEMA_INVALID"),
        ({"type": "text"}, "E_LLM_SCHEMA_INVALID"),
    ],
)
def test_a_bad_answer_is_corrected_once(read: Any, server: ModelServer, kind: str, bad: Any, code: str) -> None:
    mended = read(bad, SURE_LIST, kind=kind)
    assert (decided(mended), mended.errors, mended.warnings) == (("list", "llm", 0.8, False), (), ("W_LLM_RETRY",))
    first, second = (request.body["messages"][0]["content"] for request in server.requests)
    assert second.startswith(first)
    assert "could not be used" in second
    spoilt = read(bad, kind=kind, lines=(*UNSURE, "changed"))
    assert decided(spoilt) == ("text", "rules", 0.5, True)
    assert (spoilt.status, spoilt.errors) == ("committed", (code,))
    assert spoilt.warnings == ("W_LLM_RETRY", "W_CLASSIFICATION_DEGRADED")
    assert len(server.requests) == 4


@pytest.mark.parametrize(("said", "taken"), [(85, 1.0), (-0.5, 0.0), (1.0001, 1.0)])
def test_a_confidence_out_of_bounds_is_clamped_and_told(read: Any, said: float, taken: float) -> None:
    result = read({**SURE_TEXT, "confidence": said}, enable_tier3=False)
    assert (decided(result)[2], result.errors) == (taken, ("E_LLM_CONFIDENCE_OOB",))


@KINDS
@pytest.mark.parametrize(
    ("fault", "errors"),
    [
        (Fault("status", 500), ()),
        (Fault("cut"), ()),
        (Fault("garbage"), ()),
        (Fault("status", 404), ()),
        (Fault("slow", seconds=0.6), ("E_LLM_TIMEOUT",)),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else "",
)
def test_an_outage_never_costs_a_document(
    read: Any, server: ModelServer, kind: str, fault: Fault, errors: tuple[str, ...]
) -> None:
    server.always = fault
    patience = {"backend_timeout_seconds": 0.3} if fault.kind == "slow" else {}
    result = read(SURE_LIST, kind=kind, **patience)
    assert (result.status, decided(result)) == ("committed", ("text", "rules", 0.5, True))
    assert (result.errors, result.warnings) == (errors, ("W_LLM_UNAVAILABLE", "W_CLASSIFICATION_DEGRADED"))
    causes = [error.message for error in result.error_details if error.code == "W_CLASSIFICATION_DEGRADED"]
    assert "127.0.0.1" in causes[0]
    server.always = None
    again = read(SURE_LIST, kind=kind)
    assert (again.status, decided(again)) == ("committed", ("list", "llm", 0.8, False))
    assert read(SURE_LIST, kind=kind).status == "unchanged"


def test_a_reasoning_model_that_fails_leaves_the_answer_before(read: Any, server: ModelServer) -> None:
    server.faults.extend([Fault("fine"), Fault("status", 404)])
    result = read({**SURE_LIST, "confidence": 0.4})
    assert decided(result) == ("list", "llm", 0.4, True)
    assert result.warnings == ("W_LLM_UNAVAILABLE", "W_CLASSIFICATION_DEGRADED")


def test_a_document_nobody_knows_is_set_aside(read: Any, server: ModelServer) -> None:
    clueless = ("!clueless", "a line")
    assert decided(read(SURE_LIST, lines=clueless)) == ("list", "llm", 0.8, False)
    server.always = Fault("status", 404)
    result = read(SURE_LIST, lines=(*clueless, "more"))
    assert (result.status, result.errors) == ("quarantined", ("E_CLASSIFY_INCONCLUSIVE",))


def test_without_a_language_model_only_the_unsure_are_told(store: SqliteStore, folder: Path) -> None:
    with TextRouter(store, store, config=TextConfig(execution_strategy="thread")) as router:
        sure = router.process(write_text(folder / "sure.txt", "words"))
        unsure = router.process(write_text(folder / "unsure.txt", *UNSURE))
        clueless = router.process(write_text(folder / "clueless.txt", "!clueless", "words"))
        again = router.process(folder / "unsure.txt")
    assert (sure.warnings, decided(sure)[3]) == ((), False)
    assert (unsure.status, unsure.warnings) == ("committed", ("W_CLASSIFICATION_DEGRADED",))
    assert decided(unsure) == ("text", "rules", 0.5, True)
    assert (clueless.errors, again.status) == (("E_CLASSIFY_INCONCLUSIVE",), "unchanged")


def test_prompts_hold_structure_and_are_logged_only_when_asked_for(
    read: Any, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    read(SURE_TEXT, lines=(*UNSURE, "heliotrope"))
    prompt = server.requests[0].body["messages"][0]["content"]
    assert "heliotrope" not in prompt
    assert "parts" in prompt
    assert "parts" not in caplog.text
    read(SURE_TEXT, lines=(*UNSURE, "more"), log_llm_prompts=True, redact_patterns=["parts"])
    assert "What kind of document" in caplog.text
    assert "parts" not in caplog.text


def test_a_slow_answer_holds_up_its_own_document_only(store: SqliteStore, folder: Path) -> None:
    waiting, go_on = threading.Event(), threading.Event()

    class Slow(ScriptedLLM):
        def classify(self, *arguments: Any, **options: Any) -> dict[str, Any]:
            waiting.set()
            assert go_on.wait(20)
            return super().classify(*arguments, **options)

    config = TextConfig(execution_strategy="thread", execution_max_workers=2)
    with TextRouter(store, store, llm=Slow([SURE_TEXT]), config=config) as router:
        paths = [write_text(folder / "0.txt", *UNSURE), *(write_text(folder / f"{i}.txt", "x") for i in range(1, 20))]
        results = []
        for result in router.iter_batch(paths):
            results.append(Path(result.file_path).name)
            if len(results) == 19:
                assert waiting.wait(20)
                go_on.set()
    assert results[-1] == "0.txt"


def test_closing_does_not_wait_for_an_answer(store: SqliteStore, folder: Path) -> None:
    asked, closed = threading.Event(), threading.Event()

    class Stuck(ScriptedLLM):
        def classify(self, *arguments: Any, **options: Any) -> dict[str, Any]:
            asked.set()
            closed.wait(40)
            return SURE_TEXT

    config = TextConfig(execution_strategy="thread")
    router = TextRouter(store, store, llm=Stuck([]), config=config)
    begun = router.begin(next(iter([router._asked(write_text(folder / "a.txt", *UNSURE))])), lambda _: None)
    assert asked.wait(20)
    started = time.monotonic()
    router.close()
    assert time.monotonic() - started < 20
    closed.set()
    assert isinstance(begun, str)
    assert router.collect(begun).status == "cancelled"


def test_settings_of_the_model_change_output_only_where_there_is_one(store: SqliteStore, folder: Path) -> None:
    path = write_text(folder / "a.txt", "words")
    for llm, model, status in (
        (None, "one", "committed"),
        (None, "two", "unchanged"),
        (ScriptedLLM([]), "two", "committed"),
        (ScriptedLLM([]), "three", "committed"),
        (ScriptedLLM([]), "three", "unchanged"),
    ):
        config = TextConfig(execution_strategy="thread", classification_model=model)
        with TextRouter(store, store, llm=llm, config=config) as router:
            assert router.process(path).status == status
