"""The journal of a queue: in the embedded store, on PostgreSQL and on Redis."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingestkit_core.stores import SqliteStore, open_store
from ingestkit_core.stores.jobs import JobJournal, JobRequest
from ingestkit_core.stores.redis_calls import connect
from ingestkit_core.stores.redis_jobs import RedisJobs
from ingestkit_core.stores.sqlite import schema
from ingestkit_core.testing.jobs import JobJournalContract, request, result
from ingestkit_core.testing.postgres import PostgresServer
from ingestkit_core.testing.servers import RedisServer
from ingestkit_core.testing.stores import version

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


class TestInTheStore(JobJournalContract):
    @pytest.fixture
    def journal(self, store: SqliteStore) -> JobJournal:
        return store.jobs


class TestOnRedis(JobJournalContract):
    @pytest.fixture
    def journal(self, redis_server: RedisServer) -> Iterator[JobJournal]:
        connect(redis_server.url).flushall()
        journal = RedisJobs(redis_server.url)
        yield journal
        journal.close()


class TestOnPostgres(JobJournalContract):
    @pytest.fixture
    def journal(self, postgres: PostgresServer) -> Iterator[JobJournal]:
        with postgres.database() as database, open_store(postgres.url(database)) as store:
            yield store.jobs


def test_others_write_job_records_while_one_owns_the_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    script = """
        import sys
        from ingestkit_core.stores import SqliteStore, open_store
        from ingestkit_core.testing.jobs import request
        with SqliteStore(sys.argv[1]) as store:
            for number in range(30):
                store.jobs.submit(f"{sys.argv[2]}{number}", request())
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    others = [subprocess.Popen([*command, name]) for name in "ab"]
    with SqliteStore(path) as store, store.lease():
        for number in range(20):
            store.replace(version(f"/{number}.txt", ["text"]))
        assert [other.wait(50) for other in others] == [0, 0]
        jobs = [f"{name}{number}" for name in "ab" for number in range(30)]
        assert store.jobs.settled_among(jobs) == []
        assert store.status().sources == 20


def test_asking_makes_no_store(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        assert store.jobs.find("one") is None
        assert store.jobs.settled_among(["one"]) == ["one"]
    assert list(tmp_path.iterdir()) == []


def test_jobs_are_no_part_of_the_export_and_go_with_what_is_forgotten(store: SqliteStore) -> None:
    store.replace(version("/a.txt", ["text"]))
    before = list(store.export())
    store.jobs.submit("one", JobRequest("/a.txt", {}, "t:1"))
    store.jobs.finish("one", result("/a.txt"))
    store.jobs.submit("two", JobRequest("/b.txt", {"tenant_id": "other"}, "t:1"))
    assert list(store.export()) == before
    store.forget(None, "/a.txt")
    assert store.jobs.find("one") is None
    assert store.jobs.find("two") is not None
    store.forget("other")
    assert store.jobs.find("two") is None


def test_a_store_from_before_the_queue_gets_its_tables(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.replace(version("/a.txt", ["kept text"], rows=[("x", 1)]))
        expected = list(store.export())
    raw = sqlite3.connect(path)
    raw.executescript("DROP TABLE ingest_jobs; DROP TABLE ingest_workers; DROP TABLE roots; PRAGMA user_version = 2;")
    raw.executescript("ALTER TABLE sources DROP COLUMN etag; ALTER TABLE quarantine DROP COLUMN etag")
    raw.close()
    with SqliteStore(path) as store:
        store.jobs.submit("one", request())
        assert store.status().schema_version == schema.SCHEMA_VERSION
        assert list(store.export()) == expected
        assert store.jobs.find("one") is not None


def test_a_request_of_a_newer_version_is_read() -> None:
    newer = json.loads(request().to_json()) | {"something_new": 1}
    assert JobRequest.from_json(json.dumps(newer)) == request()
