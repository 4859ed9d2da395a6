"""Models on servers, against a real HTTP server that misbehaves on demand, in both protocols."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.embedding import GuardedEmbedder, open_embedder
from ingestkit_core.errors import BackendError, ClassifyError, ErrorCode, StoreError
from ingestkit_core.llm import GuardedLLM, open_llm
from ingestkit_core.parallel import CircuitBreaker
from ingestkit_core.protocols import EmbeddingBackend, LLMBackend
from ingestkit_core.remote import parse_address
from ingestkit_core.testing import Fault, ModelServer

pytest.importorskip("httpx2", reason="needs ingestkit-core[http]")
pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
KINDS = pytest.mark.parametrize("kind", ["openai", "ollama"])
FAULTS = pytest.mark.parametrize(
    ("fault", "is_late"),
    [
        (Fault("status", 500), False),
        (Fault("status", 503), False),
        (Fault("status", 429), False),
        (Fault("cut"), False),
        (Fault("half"), False),
        (Fault("garbage"), False),
        (Fault("slow", seconds=0.6), True),
        (Fault("trickle", seconds=0.8), True),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else "",
)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def url(server: ModelServer, kind: str) -> str:
    return server.ollama_url if kind == "ollama" else server.openai_url


HASTY = {"backend_timeout_seconds": 0.3}
"""For servers that are late. Where none is, a busy machine must not be taken for one."""


def config(**settings: object) -> ProcessorConfig:
    quick = {"backend_timeout_seconds": 20, "backend_backoff_base": 0.01, "embedding_batch_size": 4}
    return ProcessorConfig.model_validate({**quick, **settings})


def guarded(
    server: ModelServer, kind: str, breaker: CircuitBreaker | None = None, **settings: object
) -> GuardedEmbedder:
    embedder = open_embedder(url(server, kind), "m", settings.get("embedding_dimension"))  # type: ignore[arg-type]
    return GuardedEmbedder(embedder, config(**settings), breaker or CircuitBreaker())


def vectors_of(embedder: GuardedEmbedder, texts: list[str]) -> list[tuple[float, ...]]:
    found = [item for batch in embedder.embed({str(i): text for i, text in enumerate(texts)}) for item in batch.items()]
    assert [key for key, _ in found] == [str(i) for i in range(len(texts))]
    return [vector for _, vector in found]


def guarded_llm(server: ModelServer, kind: str, **settings: object) -> GuardedLLM:
    return GuardedLLM(open_llm(url(server, kind)), config(**settings), CircuitBreaker())


@KINDS
def test_vectors_come_in_the_order_of_the_texts(server: ModelServer, kind: str) -> None:
    embedder = open_embedder(url(server, kind), "m")
    assert isinstance(embedder, EmbeddingBackend)
    texts = ["one word", "two more words", "and another three"]
    assert embedder.embed(texts) == server.embedder.embed(texts)
    assert (embedder.dimension(), embedder.identity) == (16, f"{kind}:m")
    assert vectors_of(guarded(server, kind), texts * 4) == [tuple(v) for v in server.embedder.embed(texts * 4)]


@KINDS
@FAULTS
def test_a_failure_that_passes_costs_nothing(server: ModelServer, kind: str, fault: Fault, is_late: bool) -> None:
    patience = {**HASTY, "backend_max_retries": 5} if is_late else {}
    server.faults.append(fault)
    assert len(vectors_of(guarded(server, kind, **patience), ["a", "b"])) == 2
    server.faults.append(fault)
    assert guarded_llm(server, kind, **patience).classify("?", "m", SCHEMA) == {"answer": 1}


@KINDS
@FAULTS
def test_a_failure_that_stays_is_named_by_its_type(server: ModelServer, kind: str, fault: Fault, is_late: bool) -> None:
    server.always = fault
    patience = {"backend_max_retries": 1, **(HASTY if is_late else {})}
    with pytest.raises(BackendError) as failed:
        vectors_of(guarded(server, kind, **patience), ["secret words"])
    wanted = ErrorCode.E_BACKEND_EMBED_TIMEOUT if is_late else ErrorCode.E_BACKEND_EMBED_CONNECT
    assert (failed.value.code, failed.value.recoverable, len(server.requests)) == (wanted, True, 2)
    assert "127.0.0.1" in failed.value.message
    assert "secret" not in failed.value.message
    with pytest.raises(BackendError) as failed:
        guarded_llm(server, kind, **patience).classify("secret words", "m", SCHEMA)
    assert failed.value.code == (ErrorCode.E_LLM_TIMEOUT if is_late else ErrorCode.W_LLM_UNAVAILABLE)
    assert len(server.requests) == 4


@KINDS
def test_nobody_there(kind: str) -> None:
    with ModelServer() as gone:
        address = url(gone, kind)
    embedder = GuardedEmbedder(open_embedder(address, "m"), config(), CircuitBreaker())
    with pytest.raises(BackendError, match=r"cannot be reached: ConnectError") as failed:
        vectors_of(embedder, ["a"])
    assert failed.value.code is ErrorCode.E_BACKEND_EMBED_CONNECT


@KINDS
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_refusal_is_not_asked_again(server: ModelServer, kind: str, status: int) -> None:
    server.always = Fault("status", status)
    with pytest.raises(BackendError, match=f"HTTP {status}") as failed:
        vectors_of(guarded(server, kind), ["a"])
    assert (failed.value.recoverable, len(server.requests)) == (False, 1)


@KINDS
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_pause_a_server_asks_for_is_kept(server: ModelServer, kind: str, form: str) -> None:
    started = time.monotonic()
    # A date has whole seconds only: this one is between one and two seconds away.
    soon = "0.4" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    server.faults.append(Fault("status", 429, headers={"Retry-After": soon}))
    vectors_of(guarded(server, kind), ["a"])
    assert time.monotonic() - started >= (0.4 if form == "seconds" else 0.9)


@KINDS
def test_a_server_that_wants_an_hour_is_not_waited_for(server: ModelServer, kind: str) -> None:
    server.always = Fault("status", 429, headers={"Retry-After": "3600"})
    with pytest.raises(BackendError, match="too much to do"):
        vectors_of(guarded(server, kind), ["a"])
    assert len(server.requests) == 1


@KINDS
def test_a_server_that_is_down_is_left_alone_and_its_cause_stays_named(server: ModelServer, kind: str) -> None:
    server.always = Fault("status", 500)
    breaker = CircuitBreaker(failure_threshold=3, reset_timeout=60)
    embedder = guarded(server, kind, breaker)
    assert embedder.resting() is None
    for _ in range(3):
        with pytest.raises(BackendError, match="HTTP 500"):
            vectors_of(embedder, ["a"])
    resting = embedder.resting()
    assert resting is not None
    assert (resting.code, "HTTP 500" in resting.message) == (ErrorCode.E_BACKEND_CIRCUIT_OPEN, True)
    assert len(server.requests) == 3
    server.always = None
    breaker.reset_timeout = 0.0
    assert len(vectors_of(embedder, ["a"])) == 1


@KINDS
def test_one_text_too_long_costs_the_others_nothing(server: ModelServer, kind: str) -> None:
    server.max_characters = 500
    texts = ["short", "long words " * 200, "brief", "terse"]
    vectors = vectors_of(guarded(server, kind), texts)
    assert vectors[0] == tuple(server.embedder.embed(["short"])[0])
    assert vectors[1] == tuple(server.embedder.embed([texts[1][: len(texts[1]) // 8]])[0])
    server.max_characters = 3
    with pytest.raises(BackendError, match="HTTP 400"):
        vectors_of(guarded(server, kind), ["short"])


@KINDS
def test_vectors_of_another_length_are_refused(server: ModelServer, kind: str) -> None:
    embedder = guarded(server, kind)
    assert embedder.dimension() == 16
    server.faults.append(Fault("short"))
    with pytest.raises(StoreError) as refused:
        vectors_of(embedder, ["a"])
    assert refused.value.code is ErrorCode.E_STORE_DIMENSION


@KINDS
def test_a_size_is_asked_for_where_the_server_takes_one(server: ModelServer, kind: str) -> None:
    server.takes_dimensions = True
    assert len(vectors_of(guarded(server, kind, embedding_dimension=8), ["a"])[0]) == 8
    server.takes_dimensions = False
    assert len(vectors_of(guarded(server, kind, embedding_dimension=16), ["a"])[0]) == 16
    with pytest.raises(StoreError):
        vectors_of(guarded(server, kind, embedding_dimension=8), ["a"])


@KINDS
def test_the_key_is_sent_and_never_shown(server: ModelServer, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server.api_key = "right"
    monkeypatch.setenv("INGESTKIT_API_KEY", "sk-wrong")
    with pytest.raises(BackendError, match="INGESTKIT_API_KEY") as failed:
        vectors_of(guarded(server, kind), ["a"])
    assert "sk-wrong" not in failed.value.message
    monkeypatch.setenv("INGESTKIT_API_KEY", "right")
    assert len(vectors_of(guarded(server, kind), ["a"])) == 1
    assert guarded(server, kind).identity == f"{kind}:m"


@KINDS
def test_a_model_that_is_not_there_is_named(server: ModelServer, kind: str) -> None:
    with pytest.raises(BackendError, match="model 'missing' not found"):
        open_embedder(url(server, kind), "missing").embed(["a"])


@KINDS
def test_the_schema_is_asked_for_where_the_server_can(server: ModelServer, kind: str) -> None:
    llm = open_llm(url(server, kind))
    assert isinstance(llm, LLMBackend)
    assert guarded_llm(server, kind).classify("?", "m", SCHEMA) == {"answer": 1}
    body = server.requests[-1].body
    asked = body["format"] if kind == "ollama" else body["response_format"]["json_schema"]["schema"]
    assert asked == SCHEMA
    assert (body["options"] if kind == "ollama" else body)["temperature"] == 0.1
    assert llm.generate("?", "m") == '{"answer": 1}'
    assert not {"format", "response_format"} & set(server.requests[-1].body)


def test_a_server_without_schemas_is_asked_for_less_from_then_on(server: ModelServer) -> None:
    llm = guarded_llm(server, "openai")
    for known, forms in (("json_object", ["json_schema", "json_object"]), ("", ["json_object", None])):
        server.forms = (known,)
        server.requests.clear()
        assert llm.classify("?", "m", SCHEMA) == llm.classify("?", "m", SCHEMA) == {"answer": 1}
        asked = [request.body.get("response_format", {}).get("type") for request in server.requests]
        assert asked == [*forms, forms[-1]]


@KINDS
@pytest.mark.parametrize(
    "text", ['{"answer": 2}', '```json\n{"answer": 2}\n```', '<think>{"answer": 7}?</think>\n\n{"answer": 2}']
)
def test_an_answer_in_wrappings(server: ModelServer, kind: str, text: str) -> None:
    server.answers.appendleft(text)
    assert guarded_llm(server, kind).classify("?", "m", SCHEMA) == {"answer": 2}


@KINDS
@pytest.mark.parametrize("text", ["I think it is tabular.", "[1, 2]", "", '{"answer": '])
def test_an_answer_that_is_no_object_is_not_the_servers_failure(server: ModelServer, kind: str, text: str) -> None:
    server.answers.appendleft(text)
    with pytest.raises(ClassifyError) as failed:
        guarded_llm(server, kind).classify("?", "m", SCHEMA)
    assert (failed.value.code, len(server.requests)) == (ErrorCode.E_LLM_MALFORMED_JSON, 1)


@pytest.mark.parametrize(
    ("text", "kind", "url", "shown"),
    [
        ("http://host/v1/", "openai", "http://host/v1", "http://host/v1"),
        ("https://host:8000", "openai", "https://host:8000/v1", "https://host:8000/v1"),
        ("http://me:pw@host/api", "openai", "http://me:pw@host/api", "http://host/api"),
        ("ollama://host", "ollama", "http://host:11434", "http://host:11434"),
        ("ollama://[::1]:5", "ollama", "http://[::1]:5", "http://[::1]:5"),
        ("ollama+https://host", "ollama", "https://host", "https://host"),
    ],
)
def test_addresses(text: str, kind: str, url: str, shown: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert (address.kind, address.url, address.shown) == (kind, url, shown)


def test_addresses_that_are_none() -> None:
    assert parse_address("./models/small") is None
    for text in ("ftp://host", "http:///v1"):
        with pytest.raises(ValueError, match="://"):
            open_embedder(text, "m")
    with pytest.raises(ValueError, match="embedding_model"):
        open_embedder("http://host/v1")
    with pytest.raises(ValueError, match="no address"):
        open_llm("models")


def test_a_missing_library_says_what_to_type() -> None:
    code = (
        "import sys; sys.modules['httpx2'] = None\n"
        "from ingestkit_core.embedding import open_embedder\n"
        "try: open_embedder('http://host/v1', 'm')\n"
        "except ImportError as exc: print(exc)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "pip install 'ingestkit-core[http]'" in done.stdout
