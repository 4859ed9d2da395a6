"""What is given up, closed or abandoned half-way ends at once, and leaves nothing and nobody behind."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core import ingestor as ingestor_module
from ingestkit_core import router as router_module
from ingestkit_core import spool
from ingestkit_core.closing import Closing
from ingestkit_core.errors import ErrorCode, ExecutionError, IngestkitError, SourceError, StoreError
from ingestkit_core.execution.asking import AskingThreads
from ingestkit_core.execution.distributed.broker import Broker
from ingestkit_core.execution.distributed.sending import Outgoing, Sender
from ingestkit_core.execution.local import LocalExecutionBackend, make_pool
from ingestkit_core.execution.threads import ThreadPool
from ingestkit_core.execution.workers import Job, Outcome
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores import SqliteStore
from ingestkit_core.stores.jobs import JobRequest
from ingestkit_core.testing import ScriptedLLM, TextConfig, TextRouter, write_text

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_closing_takes_what_threads_have_not_taken(hasty_threads: None) -> None:
    def open_and_close() -> None:
        for _ in range(200):
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


def until(there: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not there():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def test_the_files_of_a_job_that_was_given_up_go_when_it_ends() -> None:
    go_on = threading.Event()
    left: list[Path] = []
    outcomes: list[Outcome] = []

    def leave_a_file() -> None:
        left.append(spool.job_directory() / "rows.db")
        left[0].write_text("much")
        assert go_on.wait(30)

    pool = ThreadPool(1)
    pool.submit(Job(leave_a_file, (), 0.1), outcomes.append)
    until(lambda: outcomes and left and left[0].exists())
    assert outcomes[0].error is not None
    go_on.set()
    until(lambda: not left[0].parent.exists())
    pool.close()


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


def _result(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    return ProcessingResult(file_path=file_path, status="committed")


def test_a_callback_that_raises_costs_nobody_a_result() -> None:
    def raises(job_id: str) -> None:
        raise KeyError(job_id)

    with LocalExecutionBackend(_result, 1, "thread") as backend:
        for name in ("a", "b"):
            job = backend.submit(name, TextConfig(), on_done=raises)
            assert backend.get_result(job, 10).file_path == name


# Routers


def running(router: TextRouter) -> int:
    """So many jobs are on the router's threads, soon: what is abandoned leaves them within moments."""
    pool = router._workers()
    assert isinstance(pool, ThreadPool)
    pool.drain(20)
    return len(pool._running)


def test_a_router_makes_its_workers_once_for_all_who_ask_first(
    router: TextRouter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def slowly(*arguments: Any, **options: Any) -> Any:
        time.sleep(0.1)
        made.append(make_pool(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(router_module, "make_pool", slowly)
    paths = [write_text(folder / f"{number}.txt", f"words {number}") for number in range(6)]

    async def all_at_once() -> list[str]:
        return [result.status for result in await asyncio.gather(*map(router.aprocess, paths))]

    assert asyncio.run(all_at_once()) == ["committed"] * 6
    assert len(made) == 1


def test_a_batch_that_was_left_keeps_nothing(router: TextRouter, folder: Path) -> None:
    results = router.iter_batch([write_text(folder / f"{number}.txt", "words") for number in range(6)])
    next(results)
    results.close()  # type: ignore[attr-defined]  # a generator
    assert isinstance(router._local, LocalExecutionBackend)
    assert router._local._documents == {}


def test_leaving_an_asynchronous_batch_while_it_waits_cancels_it(router: TextRouter, folder: Path) -> None:
    async def leave_it_early() -> None:
        async def consume() -> None:
            async for _ in router.aiter_batch([write_text(folder / "slow.txt", "!fault sleep")]):
                pass

        consuming = asyncio.create_task(consume())
        await asyncio.sleep(0.3)
        consuming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consuming

    asyncio.run(leave_it_early())
    assert running(router) == 0


def test_a_document_whose_caller_left_while_it_began_is_not_read(
    router: TextRouter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = router.begin

    def slowly(*arguments: Any, **options: Any) -> Any:
        time.sleep(0.4)
        return begin(*arguments, **options)

    monkeypatch.setattr(router, "begin", slowly)

    async def leave_it_early() -> None:
        processing = asyncio.create_task(router.aprocess(write_text(folder / "slow.txt", "!fault sleep")))
        await asyncio.sleep(0.1)
        processing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await processing

    asyncio.run(leave_it_early())
    assert running(router) == 0


def test_what_an_ingestor_opened_before_it_failed_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    class Model(ScriptedLLM, Closing):
        def close(self) -> None:
            closed.append("model")

    monkeypatch.setattr(ingestor_module, "open_llm", lambda url: Model([]))
    with pytest.raises(StoreError, match="is a folder"):
        Ingestor(tmp_path, llm="ollama://host", routers={"text": TextRouter})
    assert closed == ["model"]


def test_closing_a_router_ends_what_others_wait_for(store: SqliteStore, folder: Path) -> None:
    slow = write_text(folder / "slow.txt", "!fault sleep")
    ended: list[str] = []

    def convert() -> None:
        try:
            router.convert(slow)
        except IngestkitError as exc:
            ended.append(exc.code)

    with closing(ThreadPool(2)) as pool, TextRouter(store, store, pool=pool) as router:
        converting = threading.Thread(target=convert, daemon=True)
        converting.start()
        until(lambda: pool._running)
        router.close()
        converting.join(20)
        convert()
    assert ended == [ErrorCode.E_EXECUTION_CANCELLED, ErrorCode.E_EXECUTION_SUBMIT]


def test_jobs_that_could_not_be_sent_for_whatever_reason_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(Broker, "send", broken)
    told: list[str] = []
    with SqliteStore(folder / "jobs.db") as store, closing(Broker("redis://127.0.0.1:1")) as broker:
        sender = Sender(store.jobs, broker, None, lambda _: None)
        for job_id in ("one", "two"):
            sender.put(Outgoing(job_id, JobRequest("/a.txt", {}, "t:1"), told.append))
            with pytest.raises(ExecutionError, match="RuntimeError") as caught:
                sender.wait(job_id, 10)
            assert caught.value.code is ErrorCode.E_EXECUTION_SUBMIT
        sender.close()
    assert told == ["one", "two"]
