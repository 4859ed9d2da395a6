"""Commands with models on a server: vectors, searches by them, another embedder, a server that is down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.testing import Fault, ModelServer, write_text

pytest.importorskip("httpx2", reason="needs ingestkit-core[http]")
pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Run = Callable[..., Any]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.setenv("INGESTKIT_EMBEDDING_MODEL", "small")
    monkeypatch.setenv("INGESTKIT_BACKEND_BACKOFF_BASE", "0")
    monkeypatch.setenv("INGESTKIT_BACKEND_MAX_RETRIES", "0")
    with ModelServer() as running:
        yield running


def test_vectors_from_the_first_command_to_the_last(quick: Run, server: ModelServer, documents: Path) -> None:
    ran = quick("ingest", str(documents), "--embedder", server.openai_url)
    assert (ran.code, server.embedded()) == (0, 4), ran.err  # three texts, and one to learn the size
    assert "3 vectors of openai:small (16 numbers)" in quick("status").out
    (hit,) = quick("search", "how many days of leave", "-k", "1", "--embedder", server.openai_url, "--json").lines
    assert json.loads(hit)["source_uri"].endswith("leave.txt")
    assert server.requests[-1].body["input"] == ["how many days of leave"]
    again = quick("ingest", str(documents), "--embedder", server.openai_url)
    assert again.out.startswith("0 committed, 2 unchanged")


def test_the_vectors_of_another_embedder_are_refused_until_they_are_exchanged(
    quick: Run, server: ModelServer, documents: Path
) -> None:
    quick("ingest", str(documents), "--embedder", server.openai_url)
    write_text(documents / "new.txt", "Something new.")
    for more in ((), ("--embedder", server.ollama_url)):
        refused = quick("ingest", str(documents), *more)
        assert (refused.code, "openai:small" in refused.err, "reembed" in refused.err) == (2, True, True)
    assert quick("search", "leave", "--embedder", server.ollama_url).code == 2
    documents.rename(documents.with_name("elsewhere"))
    exchanged = quick("reembed", "--embedder", server.ollama_url)
    assert (exchanged.code, "3 texts embedded" in exchanged.err) == (0, True), exchanged.err
    documents.with_name("elsewhere").rename(documents)
    (documents / "new.txt").unlink()
    again = quick("ingest", str(documents), "--embedder", server.ollama_url)
    assert again.out.startswith("0 committed, 2 unchanged"), again.out
    assert quick("reembed", "--drop").code == 0
    assert quick("ingest", str(documents)).out.startswith("0 committed, 2 unchanged")
    assert "no vectors" in quick("status").out


def test_what_was_read_with_a_language_model_stays_unchanged(quick: Run, server: ModelServer, documents: Path) -> None:
    ingest = ("ingest", str(documents), "--llm", server.ollama_url)
    quick(*ingest)
    assert quick("reembed", "--embedder", server.openai_url).code == 0
    assert quick(*ingest, "--embedder", server.openai_url).out.startswith("0 committed, 2 unchanged")
    assert quick("reembed", "--embedder", server.openai_url, "--llm", server.ollama_url).code == 2


def test_reembed_goes_on_where_it_was(quick: Run, server: ModelServer, documents: Path, here: Path) -> None:
    quick("ingest", str(documents))
    (here / "small.yaml").write_text("embedding_batch_size: 1\n", encoding="utf-8")
    reembed = ("reembed", "--embedder", server.openai_url, "--config", "small.yaml")
    server.faults.extend([Fault("fine"), Fault("fine"), Fault("fine"), Fault("cut")])
    stopped = quick(*reembed)
    assert (stopped.code, "E_BACKEND_EMBED_CONNECT" in stopped.err) == (3, True), stopped.err
    assert "no vectors" in quick("status").out
    assert "words alone" in quick("search", "leave", "--embedder", server.openai_url).err
    sent = server.embedded()
    assert "1 text embedded" in quick(*reembed).err
    assert server.embedded() == sent + 2  # one text, and one to learn the size
    assert "3 vectors" in quick("status").out


def test_a_mirror_keeps_its_vectors(quick: Run, server: ModelServer, documents: Path) -> None:
    quick("sync", str(documents), "--embedder", server.openai_url)
    (documents / "report.txt").unlink()
    assert quick("sync", str(documents)).code == 2
    ran = quick("sync", str(documents), "--embedder", server.openai_url)
    assert ran.code == 0, ran.err
    assert "1 vector of openai:small" in quick("status").out


@pytest.mark.parametrize("fault", [Fault("status", 503), Fault("cut"), Fault("garbage"), Fault("status", 401)])
def test_a_server_that_is_down_defers_and_burns_nothing(
    quick: Run, server: ModelServer, faulty: Path, fault: Fault
) -> None:
    quick("ingest", str(faulty / "report.txt"), "--embedder", server.ollama_url)
    server.always = fault
    ran = quick("ingest", str(faulty), "--embedder", server.ollama_url, "--json")
    statuses = {Path(r["file_path"]).name: r["status"] for r in map(json.loads, ran.lines)}
    assert statuses == {"report.txt": "unchanged", "leave.txt": "deferred", "broken.txt": "quarantined"}
    assert ran.code == 3
    assert "causes: " in ran.err
    assert "E_BACKEND_EMBED_CONNECT 1" in ran.err
    found = quick("search", "company", "--embedder", server.ollama_url)
    assert (found.code, "searched by words alone" in found.err, "report.txt" in found.out) == (0, True, True)
    server.always = None
    assert quick("ingest", str(faulty), "--embedder", server.ollama_url).out.startswith("1 committed, 1 unchanged")


def test_the_address_and_the_model_may_come_from_the_environment(
    ingestkit: Run, server: ModelServer, documents: Path
) -> None:
    server.api_key = "sesame"
    environment = {"INGESTKIT_EMBEDDER": server.openai_url, "INGESTKIT_EMBEDDING_MODEL": "small"}
    refused = ingestkit("doctor", **environment)
    assert (refused.code, "set INGESTKIT_API_KEY" in refused.out) == (3, True), refused.out
    environment["INGESTKIT_API_KEY"] = "sesame"
    ran = ingestkit("ingest", str(documents), "--workers", "1", **environment)
    assert (ran.code, server.requests[-1].authorization) == (0, "Bearer sesame"), ran.err
    assert "sesame" not in ran.out + ran.err + ingestkit("status").out


def test_doctor_asks_the_models(quick: Run, server: ModelServer) -> None:
    assert "none: searches are by words" in quick("doctor").out
    good = quick("doctor", "--embedder", server.openai_url, "--llm", server.ollama_url)
    assert "openai:small gives vectors of 16 numbers" in good.out
    assert "answers as qwen2.5:7b, deepseek-r1:14b" in good.out
    server.always = Fault("status", 500)
    bad = quick("doctor", "--llm", server.openai_url)
    assert (bad.code, "(W_LLM_UNAVAILABLE)" in bad.out) == (3, True)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://host", "ollama://"),
        ("nowhere/model", "model.onnx"),
        ("http://", "host"),
    ],
)
def test_an_address_that_is_none_is_a_mistake(quick: Run, documents: Path, address: str, words: str) -> None:
    ran = quick("ingest", str(documents), "--embedder", address)
    assert (ran.code, words in ran.err) == (2, True), ran.err
    assert quick("ingest", str(documents), "--embedder", "http://127.0.0.1:9/v1").err.count("embedding_model") == 1
