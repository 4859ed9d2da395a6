"""Never half: one look at chunks, vectors, table and journal shows one version, while updates come and fail."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ingestkit_core.stores import open_store
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.testing import HashingEmbedder, TextConfig, TextRouter, write_text
from ingestkit_core.testing.postgres import PostgresServer

if TYPE_CHECKING:
    from ingestkit_core.testing.qdrantserver import QdrantServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

VERSIONS = 60


def _write(path: Path, number: int) -> None:
    # Replaced as a whole: a half-written source is another matter.
    fresh = path.with_suffix(".new")
    write_text(fresh, f"# Version v{number}", f"token v{number}", "", "label|token", f"x|v{number}")
    os.replace(fresh, path)


Select = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query; all of one look are inside one read transaction."""


@contextmanager
def _in_file(path: Path) -> Iterator[Callable[[], AbstractContextManager[Select]]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)

    @contextmanager
    def look() -> Iterator[Select]:
        connection.execute("BEGIN")
        yield lambda sql: connection.execute(sql).fetchall()
        connection.execute("ROLLBACK")

    yield look
    connection.close()


@contextmanager
def _on_server(url: str) -> Iterator[Callable[[], AbstractContextManager[Select]]]:
    import psycopg

    connection = psycopg.connect(url, options="-c search_path=ingestkit,ingestkit_tables", autocommit=True)

    @contextmanager
    def look() -> Iterator[Select]:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield lambda sql: connection.execute(sql.encode()).fetchall()
        connection.execute("ROLLBACK")

    yield look
    connection.close()


def _look(select: Select) -> set[str]:
    """Every place's version token."""
    seen = {word for (text,) in select("SELECT text FROM chunks") for word in text.split() if word[0] == "v"}
    for (table,) in select("SELECT table_name FROM catalog"):
        seen |= {token for (token,) in select(f'SELECT token FROM "{table}"')}
    hashes = {h for (h,) in select("SELECT chunk_hash FROM chunks")}
    vectors = {h for (h,) in select("SELECT text_hash FROM vectors")}
    assert hashes == vectors
    ((result,),) = select("SELECT result FROM sources")
    keys = {json.loads(metadata)["ingest_key"] for (metadata,) in select("SELECT metadata FROM chunks")}
    assert {json.loads(result)["ingest_key"]} == keys
    return {token.strip("|").split("|")[-1] for token in seen}


@pytest.fixture(params=["sqlite", "postgres", "paired"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the store is."""
    if request.param == "sqlite":
        yield str(tmp_path / "store.db")
    elif request.param == "paired":
        with request.getfixturevalue("qdrant_server")() as qdrant:
            yield _paired(qdrant, tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        with server.database() as database:
            yield server.url(database)


def _paired(qdrant: QdrantServer, folder: Path) -> str:
    return f"qdrant+{qdrant.url}?journal={folder / 'journal.db'}&collection=c"


def _looking(place: str) -> AbstractContextManager[Callable[[], AbstractContextManager[Select]]]:
    if place.startswith("postgresql:"):
        return _on_server(place)
    return _in_file(Path(parse_qs(urlsplit(place).query).get("journal", [place])[0]))


def test_a_polling_reader_sees_one_version_at_a_time(place: str, tmp_path: Path) -> None:
    chosen = random.Random(3)
    failing = threading.Event()

    def fail() -> None:
        if failing.is_set():
            raise ConnectionError

    source = tmp_path / "a.txt"
    _write(source, 0)
    config = TextConfig(execution_strategy="thread", execution_max_workers=1, backend_max_retries=0)
    with (
        open_store(place) as store,
        TextRouter(store, store, embedder=HashingEmbedder(fail=fail), config=config) as router,
    ):
        assert router.process(source).status == "committed"
        looks: list[set[str]] = []
        done = threading.Event()

        def poll() -> None:
            with _looking(place) as look:
                while not done.is_set():
                    with look() as select:
                        looks.append(_look(select))

        reader = threading.Thread(target=poll)
        reader.start()
        outcomes = []
        for number in range(1, VERSIONS):
            _write(source, number)
            if chosen.random() < 0.3:
                failing.set()
            outcomes.append(router.process(source).status)
            failing.clear()
        done.set()
        reader.join()
    assert {"committed", "deferred"} == set(outcomes)
    assert len(looks) > 20
    assert all(len(look) == 1 for look in looks), [look for look in looks if len(look) != 1][:3]
    assert len({next(iter(look)) for look in looks}) > 5


def test_who_goes_from_our_catalog_to_the_vectors_finds_those_of_one_version(
    tmp_path: Path, qdrant_server: type[QdrantServer]
) -> None:
    """While Qdrant fails at times, before or after it did what it was asked."""
    chosen = random.Random(5)
    embedder = HashingEmbedder()

    def refuse(method: str, path: str) -> int | None:
        return chosen.choice([503, -503]) if path.endswith(("/points", "/delete")) and chosen.random() < 0.2 else None

    source = tmp_path / "a.txt"
    config = TextConfig(execution_strategy="thread", execution_max_workers=1, backend_max_retries=0)
    with qdrant_server() as qdrant, open_store(_paired(qdrant, tmp_path)) as store:
        with TextRouter(store, store, embedder=embedder, config=config) as router:
            _write(source, 0)
            assert router.process(source).status == "committed"
            seen: list[str] = []
            done = threading.Event()

            def poll() -> None:
                with open_store(_paired(qdrant, tmp_path)) as catalog:
                    while not done.is_set():
                        seen.extend(_through_the_catalog(catalog, qdrant, str(source)))

            reader = threading.Thread(target=poll)
            reader.start()
            qdrant.refuse = refuse
            outcomes = []
            for number in range(1, VERSIONS):
                _write(source, number)
                outcomes.append(router.process(source).status)
            done.set()
            reader.join()
        qdrant.refuse = None
        with store.lease():
            (record,) = store.sources()
            assert set(qdrant.points("c")) == set(record.result.written.vector_point_ids)
    assert {"committed", "deferred"} == set(outcomes)
    assert len(seen) > 20
    assert "mixed" not in seen
    assert len(set(seen)) > 5


def _through_the_catalog(catalog: DocumentStore, qdrant: QdrantServer, source: str) -> list[str]:
    """The version that chunks and their points show, or ``mixed``; nothing if a commit came in between."""
    before = catalog.find(None, source)
    chunks = {hit.chunk_id: hit for hit in catalog.chunks(None, source)}
    points = qdrant.points("c")
    if before is None or catalog.find(None, source) != before:
        return []
    named = before.result.written.vector_point_ids
    if set(named) != set(chunks) or not set(named) <= set(points):
        return ["mixed"]
    wanted = HashingEmbedder().embed([chunks[id_].text for id_ in named])
    for id_, vector in zip(named, wanted, strict=True):
        payload, vectors = points[id_]
        same = (payload["text"], payload["ingest_key"]) == (chunks[id_].text, before.state.ingest_key)
        if not same or vectors["text"] != pytest.approx(vector, abs=1e-6):
            return ["mixed"]
    return [before.state.ingest_key]
