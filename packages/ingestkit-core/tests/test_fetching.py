"""Jobs whose files are at a URL: the worker fetches a copy, and what is told and stored names the URL."""

from __future__ import annotations

import functools
import http.server
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingestkit_core.execution.distributed import DistributedExecutionBackend
from ingestkit_core.fetching import name_of
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.keys import hash_file, is_url
from ingestkit_core.models import ProcessingResult
from ingestkit_core.serving import JobServer
from ingestkit_core.stores import SqliteStore
from ingestkit_core.stores.jobs import JobRequest
from ingestkit_core.testing import TextConfig, TextRouter, write_text
from ingestkit_core.testing.servers import RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture
def document(folder: Path) -> Path:
    return write_text(folder / "an article.txt", "# Title", "Some words about whales.")


@pytest.fixture
def server(store: SqliteStore) -> Iterator[JobServer]:
    with JobServer(Ingestor(store, {"execution_strategy": "thread"}, routers={"text": TextRouter})) as server:
        yield server


@pytest.fixture
def website(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as website:
        threading.Thread(target=website.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{website.server_port}"
        website.shutdown()


def run(server: JobServer, url: str, **more: object) -> ProcessingResult:
    values = {"config": {}, "parser_version": "text:1.0.0", **more}
    return server.run(JobRequest(url, **values))  # type: ignore[arg-type]  # names of its fields


def test_wherever_the_file_is_the_document_is_the_same(
    server: JobServer, store: SqliteStore, document: Path, folder: Path, website: str
) -> None:
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    with zipfile.ZipFile(folder / "box.zip", "w") as box:
        box.write(document, "inside/an article.txt")
    fsspec.filesystem("memory").pipe("/shelf/an article.txt", document.read_bytes())
    urls = [
        document.as_uri().replace("%20", " "),
        "memory://shelf/an article.txt",
        f"zip://inside/an article.txt::{(folder / 'box.zip').as_uri()}",
        f"{website}/an%20article.txt?version=1",
    ]
    for url in urls:
        result = run(server, url, content_hash=hash_file(document))
        assert (result.status, result.file_path, result.chunks_created) == ("committed", url, 1), result.error_details
        (record,) = [record for record in store.sources() if record.state.source_uri == url]
        assert record.state.file_path == url
        assert run(server, url).status == "unchanged"
    (hit, *_) = store.search("whales")
    assert hit.metadata["source_uri"] in urls


def test_other_bytes_than_were_submitted_are_refused(server: JobServer, document: Path) -> None:
    pytest.importorskip("fsspec")
    result = run(server, document.as_uri().replace("%20", " "), content_hash="00")
    assert (result.status, result.errors) == ("deferred", ("E_EXECUTION_SUBMIT",))
    assert "other bytes here" in result.error_details[0].message


def test_what_cannot_be_fetched_is_said(server: JobServer, folder: Path, store: SqliteStore) -> None:
    pytest.importorskip("fsspec")
    missing = run(server, "memory://nowhere/a.txt")
    assert (missing.status, missing.errors) == ("quarantined", ("E_SOURCE_NOT_FOUND",))
    away = run(server, "http://127.0.0.1:1/a.txt")
    assert (away.status, away.errors) == ("deferred", ("E_SOURCE_UNREADABLE",))
    unknown = run(server, "nosuch://place/a.txt")
    assert (unknown.status, unknown.errors) == ("deferred", ("E_SOURCE_UNREADABLE",))
    large = folder / "large.txt"
    large.write_bytes(b"a" * (3 << 20))
    refused = run(server, large.as_uri(), config={"max_file_size_mb": 1})
    assert (refused.status, refused.errors) == ("quarantined", ("E_SECURITY_TOO_LARGE",))
    assert [record.state.file_path for record in store.quarantined()] == [large.as_uri()]


def test_without_fsspec_it_says_what_to_type(server: JobServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("fsspec.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    result = run(server, "https://example.org/a.txt")
    assert "pip install 'ingestkit-core[fsspec]'" in result.error_details[0].message


def test_a_url_is_submitted_as_it_is(redis_server: RedisServer) -> None:
    url = "https://example.org/a.txt"
    with DistributedExecutionBackend(redis_server.url.removesuffix("/0") + "/9") as backend:
        job = backend.submit(url, TextConfig(), content_hash="00")
        record = backend._journal.find(job)
        assert record is not None
        assert (record.request.file_path, record.request.content_hash) == (url, "00")
        assert backend.cancel(job)


@pytest.mark.unit
def test_what_is_a_url_and_how_its_file_is_called() -> None:
    assert not any(map(is_url, ("/a/b.pdf", "C://a.pdf", "a b://c", "report.pdf")))
    names = {
        "s3://bucket/folder/a.pdf": "a.pdf",
        "https://h/a%20b.pdf?x=1#y": "a b.pdf",
        "zip://in/c.xlsx::https://h/z.zip": "c.xlsx",
        "memory://d.pdf": "d.pdf",
        "https://h/": "document",
    }
    assert all(map(is_url, names))
    assert {url: name_of(url) for url in names} == names
