from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import TextConfig, TextRouter


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "documents"
    made.mkdir()
    return made


@pytest.fixture
def router(store: SqliteStore) -> Iterator[TextRouter]:
    """A router on threads: everything but the faults, without the price of processes."""
    config = TextConfig(execution_strategy="thread", execution_max_workers=2)
    with TextRouter(store, store, config=config) as opened:
        yield opened
