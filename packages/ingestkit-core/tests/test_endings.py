"""What is given up, closed or abandoned half-way ends at once, and leaves nothing and nobody behind."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core import spool
from ingestkit_core.errors import ErrorCode, SourceError, StoreError
from ingestkit_core.execution.asking import AskingThreads
from ingestkit_core.execution.threads import ThreadPool
from ingestkit_core.execution.workers import Job, Outcome
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import ScriptedLLM, TextConfig, TextRouter, write_text

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_closing_takes_what_threads_have_not_taken(hasty_threads: None) -> None:
    def open_and_close() -> None:
        for _ in range(500):
            asking = AskingThreads()
            for _ in range(30):
                asking.submit(lambda: None)
            asking.close()

    closing = threading.Thread(target=open_and_close, daemon=True)
    closing.start()
    closing.join(30)
    assert not closing.is_alive()


def test_a_model_that_raises_one_of_our_errors_costs_no_document(store: SqliteStore, folder: Path) -> None:
    llm = ScriptedLLM([SourceError(ErrorCode.E_SOURCE_UNREADABLE, "no prompt file")])
    config = TextConfig(execution_strategy="thread", backend_max_retries=0)
    with TextRouter(store, store, llm=llm, config=config) as router:
        result = router.process(write_text(folder / "a.txt", "!unsure", "a line"))
    assert result.status == "committed"
    assert "W_LLM_UNAVAILABLE" in result.warnings


def _leave_a_file_late() -> None:
    (spool.job_directory() / "rows.db").write_text("much")
    time.sleep(0.3)


def test_the_files_of_a_job_that_was_given_up_go_when_it_ends() -> None:
    before = set(spool._fallback().iterdir())
    outcomes: list[Outcome] = []
    pool = ThreadPool(1)
    pool.submit(Job(_leave_a_file_late, (), 0.1), outcomes.append)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not (outcomes and set(spool._fallback().iterdir()) == before):
        time.sleep(0.05)
    pool.close()
    assert outcomes[0].error is not None
    assert set(spool._fallback().iterdir()) == before


def test_a_store_that_breaks_in_a_way_nobody_knows_is_tried_again(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = store.replace
    failures: Iterator[Exception | None] = iter(
        [StoreError(ErrorCode.E_STORE_COMMIT, "no")] * 5 + [KeyError("a bug of a store")]
    )

    def breaks(version: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return replace(version)

    monkeypatch.setattr(store, "replace", breaks)
    with TextRouter(store, store, config=TextConfig(execution_strategy="thread")) as router:
        router._committer._store_breaker.reset_timeout = 0.0
        paths = [write_text(folder / f"{number}.txt", f"words {number}") for number in range(7)]
        statuses = [router.process(path).status for path in paths]
    assert statuses == ["deferred"] * 6 + ["committed"]
