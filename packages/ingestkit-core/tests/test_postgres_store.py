"""The store on PostgreSQL: the contract of every store, and what only a server can promise or suffer."""

from __future__ import annotations

import logging
import random
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

pytest.importorskip("psycopg", reason="needs pip install 'ingestkit-core[postgres]'")

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.protocols import StructuredDBBackend, VectorStoreBackend
from ingestkit_core.stores import SqliteStore, open_store
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.stores.postgres import PostgresStore
from ingestkit_core.stores.postgres.schema import SCHEMA_VERSION
from ingestkit_core.testing import TextConfig, TextRouter, write_text
from ingestkit_core.testing.postgres import PASSWORD, PostgresServer
from ingestkit_core.testing.stores import DocumentStoreContract, version

pytestmark = pytest.mark.integration


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database() as name:
        yield name


@pytest.fixture
def url(postgres: PostgresServer, database: str) -> str:
    return postgres.url(database)


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with PostgresStore(url) as opened:
        yield opened


class TestPostgresStore(DocumentStoreContract):
    pass


def code_of(error: pytest.ExceptionInfo[StoreError]) -> ErrorCode:
    return error.value.code


# The same as the embedded store

WORDS = (
    """solar panel roof battery runs running shipped shipping foo-bar 3.14 Häuser naïve data_base e-mail 東京都庁
太陽光発電 แผงโซลาร์เซลล์ don't C++ 12,345 @home الشمسية it's""".split()
    + [f"word{number}" for number in range(80)]
)


def _documents(chance: random.Random, count: int) -> Iterator[tuple[str | None, str, list[str], str | None]]:
    weights = [6] * 20 + [1] * (len(WORDS) - 20)
    for number in range(count):
        texts = [" ".join(chance.choices(WORDS, weights, k=chance.randint(2, 40))) for _ in range(3)]
        yield chance.choice([None, "red"]), f"/{number}.txt", texts, chance.choice([None, "en", "de"])


def test_it_finds_and_exports_what_the_embedded_store_does(store: PostgresStore, tmp_path: Path) -> None:
    chance = random.Random(4)
    with SqliteStore(tmp_path / "store.db") as embedded:
        for tenant, uri, texts, language in _documents(chance, 40):
            document = version(uri, texts, tenant=tenant, language=language, rows=[(texts[0], len(texts[0]))])
            for one in (store, embedded):
                one.replace(document)
        assert list(store.export()) == list(embedded.export())
        for _ in range(25):
            text = " ".join(chance.choices(WORDS, k=chance.randint(1, 4)))
            for tenant in (None, "red"):
                ours, theirs = (one.search(text, 8, tenant) for one in (store, embedded))
                assert [hit.chunk_id for hit in ours] == [hit.chunk_id for hit in theirs], text
                assert [hit.score for hit in ours] == pytest.approx([hit.score for hit in theirs])
        ours_status, theirs_status = store.status(), embedded.status()
        for field in ("sources", "chunks", "tables", "table_rows", "tenants", "parser_versions", "quarantine_codes"):
            assert getattr(ours_status, field) == getattr(theirs_status, field)


def test_it_ranks_common_and_rare_words_as_the_embedded_store_does(store: PostgresStore, tmp_path: Path) -> None:
    """Also right after a commit: what was counted before it holds no more."""
    chance = random.Random(4)
    words = [f"w{number}" for number in range(300)]
    frequencies = [1 / number for number in range(1, 301)]
    with SqliteStore(tmp_path / "store.db") as embedded:
        for number in range(12):
            texts = [
                " ".join(chance.choices(words, frequencies, k=chance.randint(5, 80)))
                + f" {'rare ' * (number % 3)}{'unusual' if number == 5 else ''}"
                for _ in range(20)
            ]
            if number == 4:
                # So long that what it holds weighs less than a common word in a short one.
                texts = [f"buried {i} " + "filler " * 900 for i in range(10)]
            one = version(f"/{number}.txt", texts, tenant="ab"[number % 2], language="fr" if number % 4 == 3 else "en")
            for each in (store, embedded):
                each.replace(one)
            if number < 9:
                continue
            for text in (
                "buried w15 nowhere",
                "w0 w1 rare",
                "w0 w1 w2 w250 nowhere",
                "w3 w40 unusual w0",
                "w0 w1",
                "w299 nowhere w7",
                "rar*",
            ):
                for options in ({}, {"tenant_id": "a"}, {"filters": {"source_uri": "/5.txt"}}):
                    ours, theirs = (each.search(text, 8, **options) for each in (store, embedded))
                    assert [hit.chunk_id for hit in ours] == [hit.chunk_id for hit in theirs], (text, options)
                    assert [hit.score for hit in ours] == pytest.approx([hit.score for hit in theirs])


def test_it_satisfies_the_simpler_protocols_too(store: PostgresStore) -> None:
    assert isinstance(store, VectorStoreBackend)
    assert isinstance(store, StructuredDBBackend)
    one = version("/a.txt", ["brought by hand"], vectors=[[1.0, 0.0, 0.0]])
    store.ensure_collection("default", 3)
    assert store.upsert_chunks("default", one.chunks) == 1
    assert store.upsert_chunks("default", one.chunks) == 1
    assert [hit.text for hit in store.search("brought hand")] == ["brought by hand"]
    assert [hit.text for hit in store.search("", vector=[1.0, 0.0, 0.1])] == ["brought by hand"]
    store.create_payload_index("default", "language", "keyword")
    assert store.delete_by_ids("default", [one.chunks[0].id, "unknown"]) == 1
    assert store.search("brought") == []
    with pytest.raises(StoreError) as refused:
        store.ensure_collection("default", 4)
    assert code_of(refused) is ErrorCode.E_STORE_DIMENSION


def test_nothing_is_created_before_the_first_write(
    store: PostgresStore, postgres: PostgresServer, database: str
) -> None:
    assert not store.exists
    assert store.find(None, "/a") is None
    assert store.tables() == list(store.export()) == []
    assert store.release(None) == store.forget(None, "/a") == 0
    with pytest.raises(StoreError, match="no store"):
        store.search("text")
    assert postgres.execute("SELECT to_regnamespace('ingestkit')", database) == [(None,)]


# Several owners


def test_owners_write_at_once_and_every_document_is_whole(store: PostgresStore, url: str) -> None:
    """Same sources, same texts, other tables, removals: in any order, what stays is of one version."""
    failures: list[StoreError] = []

    def own(number: int) -> None:
        chance = random.Random(number)
        with open_store(url) as owner:
            for _ in range(25):
                uri, token = f"/{chance.randint(0, 3)}.txt", f"token{chance.randint(0, 5)}"
                document = version(uri, [token, "shared text"], rows=[(token, 1)], vectors=[[1.0, 0.0], [0.0, 1.0]])
                try:
                    owner.remove(None, uri) if chance.random() < 0.2 else owner.replace(document)
                except StoreError as exc:
                    failures.append(exc)

    owners = [threading.Thread(target=own, args=(number,)) for number in range(4)]
    for owner in owners:
        owner.start()
    for owner in owners:
        owner.join()
    assert failures == []
    texts = set()
    for record in store.sources():
        first, second = store.chunks(None, record.state.source_uri)
        table = next(t for t in store.tables() if t.source_uri == record.state.source_uri)
        assert store.query(f'SELECT label FROM "{table.table_name}"').rows == ((first.text,),)
        assert first.metadata["ingest_key"] == second.metadata["ingest_key"] == record.state.ingest_key
        texts |= {first.metadata["chunk_hash"], second.metadata["chunk_hash"]}
    assert set(store.known_vectors("model", list(texts))) == texts
    assert store.status().vectors == len(texts)


def test_an_export_shows_one_state_while_tables_come_and_go(store: PostgresStore, url: str) -> None:
    for name in "abc":
        store.replace(version(f"/{name}.txt", [f"old {name}"], rows=[("old", 1)]))
    expected = list(store.export())
    lines = store.export()
    first = next(lines)
    with open_store(url) as other:
        writer = threading.Thread(target=lambda: [other.remove(None, f"/{name}.txt") for name in "abc"])
        writer.start()
        assert [first, *lines] == expected
        writer.join()
    assert list(store.export()) == []


# A server that goes away


def test_a_lost_server_defers_documents_and_they_are_committed_when_it_is_back(
    postgres: PostgresServer, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    config = TextConfig(execution_strategy="thread", execution_max_workers=1, backend_backoff_base=0.0)
    good, late = write_text(tmp_path / "good.txt", "good words"), write_text(tmp_path / "late.txt", "late words")
    with PostgresStore(url) as store, TextRouter(store, store, config=config) as router:
        assert router.process(good).status == "committed"
        postgres.stop(hard=True)
        try:
            lost = router.process(late)
            assert (lost.status, lost.errors) == ("deferred", ("E_BACKEND_DB_CONNECT",))
            with pytest.raises(StoreError) as unreachable:
                PostgresStore(url)
            assert code_of(unreachable) is ErrorCode.E_BACKEND_DB_CONNECT
            assert unreachable.value.recoverable
        finally:
            postgres.start()
        assert [hit.text for hit in store.search("good")] == ["good words"]
        assert router.process(late).status == "committed"
        assert list(store.quarantined()) == []
    said = "\n".join([store.url, lost.error_details[0].message, str(unreachable.value), caplog.text])
    assert not any(part in said for part in (PASSWORD, PASSWORD.split()[0], "battery"))


def test_a_server_lost_between_two_documents_is_not_noticed(postgres: PostgresServer, store: PostgresStore) -> None:
    store.replace(version("/a.txt", ["text"]))
    postgres.stop(hard=True)
    postgres.start()
    store.replace(version("/b.txt", ["text"]))
    assert len(store.search("text")) == 2


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(StoreError) as late:
            PostgresStore(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/db?connect_timeout=2")
    assert code_of(late) is ErrorCode.E_BACKEND_DB_TIMEOUT
    assert late.value.recoverable


def test_a_source_held_by_another_owner_for_too_long_is_locked(url: str, store: PostgresStore) -> None:
    store.replace(version("/a.txt", ["text"]))
    with open_store(f"{url}?options=-c%20lock_timeout%3D200ms") as impatient, store._writing(None, "/a.txt"):
        impatient.replace(version("/b.txt", ["text"]))
        with pytest.raises(StoreError) as locked:
            impatient.replace(version("/a.txt", ["text"]))
    assert code_of(locked) is ErrorCode.E_STORE_LOCKED


# What is refused


@pytest.mark.parametrize("text", ["postgresql://u:hunter2@[host/db", "postgresql://u:hunter2@host/db?nonsense=1"])
def test_a_url_that_cannot_be_read_is_not_quoted(text: str) -> None:
    with pytest.raises(StoreError) as refused:
        open_store(text)
    assert code_of(refused) is ErrorCode.E_STORE_INVALID
    assert refused.value.__cause__ is None
    assert "hunter2" not in str(refused.value)


def test_a_wrong_password_is_not_said_aloud(postgres: PostgresServer, database: str) -> None:
    with pytest.raises(StoreError, match="password authentication failed") as refused:
        open_store(postgres.url(database, "wrong-secret"))
    assert code_of(refused) is ErrorCode.E_BACKEND_DB_CONNECT
    assert "wrong-secret" not in str(refused.value)


def test_a_newer_store_and_somebody_elses_schema_are_refused(
    store: PostgresStore, postgres: PostgresServer, database: str, url: str
) -> None:
    store.replace(version("/a.txt", ["text"]))
    postgres.execute("UPDATE ingestkit.settings SET value = '99' WHERE name = 'schema_version'", database)
    with pytest.raises(StoreError) as newer:
        open_store(url)
    assert code_of(newer) is ErrorCode.E_STORE_VERSION
    postgres.execute("DROP SCHEMA ingestkit CASCADE", database)
    postgres.execute("CREATE SCHEMA ingestkit", database)
    with pytest.raises(StoreError) as foreign:
        open_store(url)
    assert code_of(foreign) is ErrorCode.E_STORE_INVALID


def test_an_older_store_becomes_a_current_one_with_its_content(
    store: PostgresStore, postgres: PostgresServer, database: str, url: str
) -> None:
    store.replace(version("/a.txt", ["kept text"], rows=[("x", 1)]))
    expected = list(store.export())
    postgres.execute("UPDATE ingestkit.settings SET value = '1' WHERE name = 'schema_version'", database)
    for table in ("sources", "quarantine"):
        postgres.execute(f"ALTER TABLE ingestkit.{table} DROP COLUMN etag", database)
    with open_store(url) as current:
        assert current.status().schema_version == SCHEMA_VERSION
        assert list(current.export()) == expected


def test_a_user_who_may_not_add_pgvector_is_told_what_to_do(postgres: PostgresServer) -> None:
    postgres.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    postgres.execute("CREATE DATABASE plain OWNER plain")
    try:
        with open_store(f"postgresql://plain:plain@127.0.0.1:{postgres.port}/plain") as store:
            with pytest.raises(StoreError, match="CREATE EXTENSION vector"):
                store.replace(version("/a.txt", ["text"]))
            postgres.execute("CREATE EXTENSION vector", "plain")
            store.replace(version("/a.txt", ["text"], rows=[("x", 1)], vectors=[[1.0]]))
            (table,) = store.tables()
            assert store.query(f'SELECT amount FROM "{table.table_name}"').rows == ((1,),)
            assert store.forget(None, "/a.txt") == 1
    finally:
        postgres.execute("DROP DATABASE plain WITH (FORCE)")
        postgres.execute("DROP ROLE plain")


# Forgetting


def test_forgetting_leaves_no_byte_in_the_files_of_the_database(
    store: PostgresStore, postgres: PostgresServer, database: str
) -> None:
    token, word = "Xylophonquartz", "zyzzyvaplanted"
    for number in range(30):
        store.replace(version(f"/other{number}.txt", [f"ordinary text number {number} " * 20]))
    store.replace(version("/secret.txt", [f"an older {token} text {word}"], rows=[(token, 1)]))
    store.replace(version("/secret.txt", [f"the {token} text {word}", "more"], rows=[(f"{token}2", 1)]))
    assert _files_with(postgres, database, token)
    store.forget(None, "/secret.txt")
    for needle in (token, word, token[4:12], word[3:10], "/secret.txt"):
        assert _files_with(postgres, database, needle) == []
    assert len(store.search("ordinary", k=50)) == 30


def _files_with(postgres: PostgresServer, database: str, needle: str) -> list[str]:
    # Dropped tables lose their files at the next checkpoint.
    postgres.execute("CHECKPOINT")
    ((number,),) = postgres.execute(f"SELECT oid FROM pg_database WHERE datname = '{database}'")
    files = (postgres.folder / "base" / str(number)).iterdir()
    return [file.name for file in files if needle.lower().encode() in file.read_bytes().lower()]


# Vectors


TENANTS, CHUNKS_A_TENANT, SIZE = 20, 60, 24


@pytest.fixture
def crowded(store: PostgresStore) -> tuple[PostgresStore, dict[str, list[tuple[str, list[float]]]]]:
    """Tenants whose vectors lie together, far from those of the others."""
    chance = random.Random(8)
    vectors: dict[str, list[tuple[str, list[float]]]] = {}
    for number in range(TENANTS):
        tenant, middle = f"tenant{number}", [chance.gauss(0, 3) for _ in range(SIZE)]
        own = [[value + chance.gauss(0, 1) for value in middle] for _ in range(CHUNKS_A_TENANT)]
        texts = [f"text {number} {index}" for index in range(CHUNKS_A_TENANT)]
        store.replace(version("/a.txt", texts, tenant=tenant, vectors=own))
        vectors[tenant] = list(zip(texts, own, strict=True))
    return store, vectors


def test_a_tenants_nearest_chunks_are_found_among_many_tenants(
    crowded: tuple[PostgresStore, dict[str, list[tuple[str, list[float]]]]],
) -> None:
    store, vectors = crowded
    chance = random.Random(9)
    everything = [pair for own in vectors.values() for pair in own]
    assert _recall(store, vectors["tenant3"], "tenant3", chance) >= 0.99
    assert _recall(store, vectors["tenant17"], "tenant17", chance) >= 0.99
    assert _recall(store, everything, None, chance) >= 0.99


def _recall(
    store: DocumentStore, among: Sequence[tuple[str, list[float]]], tenant: str | None, chance: random.Random
) -> float:
    """The share of the ten nearest chunks by exact comparison that a search finds, over searches from anywhere."""
    hits, asked = 0, 30
    for _ in range(asked):
        query = [chance.gauss(0, 3) for _ in range(SIZE)]
        exact = sorted(among, key=lambda pair: -_cosine(pair[1], query))[:10]
        found = {hit.text for hit in store.search("", 10, tenant, vector=query)}
        hits += len(found & {text for text, _ in exact})
    return hits / (10 * asked)


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    def length(vector: Sequence[float]) -> float:
        return sum(value * value for value in vector) ** 0.5

    return sum(a * b for a, b in zip(one, other, strict=True)) / (length(one) * length(other))
