"""Never half: one look at chunks, vectors, table and journal shows one version, while updates come and fail."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
from pathlib import Path

import pytest
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import HashingEmbedder, TextConfig, TextRouter, write_text

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

VERSIONS = 60


def _write(path: Path, number: int) -> None:
    # Replaced as a whole: a half-written source is another matter.
    fresh = path.with_suffix(".new")
    write_text(fresh, f"# Version v{number}", f"token v{number}", "", "label|token", f"x|v{number}")
    os.replace(fresh, path)


def _look(connection: sqlite3.Connection) -> set[str]:
    """Every place's version token, inside one read transaction."""
    connection.execute("BEGIN")
    try:
        seen = {
            word for (text,) in connection.execute("SELECT text FROM chunks") for word in text.split() if word[0] == "v"
        }
        for (table,) in connection.execute("SELECT table_name FROM catalog").fetchall():
            seen |= {token for (token,) in connection.execute(f'SELECT token FROM "{table}"')}
        hashes = {h for (h,) in connection.execute("SELECT chunk_hash FROM chunks")}
        vectors = {h for (h,) in connection.execute("SELECT text_hash FROM vectors")}
        assert hashes == vectors
        ((result, keys),) = connection.execute(
            "SELECT s.result, group_concat(DISTINCT json_extract(c.metadata, '$.ingest_key')) "
            "FROM sources s JOIN chunks c ON c.source_id = s.id GROUP BY s.id"
        ).fetchall()
        assert json.loads(result)["ingest_key"] == keys
    finally:
        connection.execute("ROLLBACK")
    return {token.strip("|").split("|")[-1] for token in seen}


def test_a_polling_reader_sees_one_version_at_a_time(tmp_path: Path) -> None:
    chosen = random.Random(3)
    failing = threading.Event()

    def fail() -> None:
        if failing.is_set():
            raise ConnectionError

    source = tmp_path / "a.txt"
    _write(source, 0)
    config = TextConfig(execution_strategy="thread", execution_max_workers=1, backend_max_retries=0)
    with (
        SqliteStore(tmp_path / "store.db") as store,
        TextRouter(store, store, embedder=HashingEmbedder(fail=fail), config=config) as router,
    ):
        assert router.process(source).status == "committed"
        looks: list[set[str]] = []
        done = threading.Event()

        def poll() -> None:
            connection = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True, isolation_level=None)
            while not done.is_set():
                looks.append(_look(connection))
            connection.close()

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
    assert len(looks) > 50
    assert all(len(look) == 1 for look in looks), [look for look in looks if len(look) != 1][:3]
    assert len({next(iter(look)) for look in looks}) > 5
