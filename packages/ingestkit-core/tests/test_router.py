"""The way of one document and of a batch, on a format that can misbehave."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.batch import Asked, run_batch
from ingestkit_core.commit import Committer
from ingestkit_core.embedding import open_embedder
from ingestkit_core.errors import BackendError, ErrorCode, SourceError
from ingestkit_core.execution.local import ReadDocument
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.models import ProcessingResult
from ingestkit_core.protocols import ExecutionBackend
from ingestkit_core.sources import SourceCheck
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import (
    Fault,
    HashingEmbedder,
    ModelServer,
    TextConfig,
    TextRouter,
    write_text,
)

pytestmark = pytest.mark.unit


def age(path: Path, seconds: float = 10.0) -> Path:
    """Make a file look older than the clock's doubt, so that size and time alone can be trusted."""
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def threads(**settings: Any) -> TextConfig:
    return TextConfig(execution_strategy="thread", execution_max_workers=2, **settings)


def test_a_document_is_read_chunked_and_committed(router: TextRouter, folder: Path) -> None:
    path = write_text(folder / "a.txt", "# Title", "Some words here.", "", "name|amount", "x|1", "y|2")
    result = router.process(path)
    assert (result.status, result.errors, result.chunks_created, result.tables_created) == ("committed", (), 2, 1)
    assert result.ledger is not None
    assert result.ledger.unexplained == 0
    (hit,) = router.store.search("words")
    assert hit.metadata["heading_path"] == ["Title"]
    assert hit.chunk_id in result.written.vector_point_ids
    assert router.store.query(f'SELECT amount FROM "{result.tables[0]}"').rows == (("1",), ("2",))


def test_the_second_time_nothing_is_done(router: TextRouter, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = age(write_text(folder / "a.txt", "words"))
    first = router.process(path)
    monkeypatch.setattr("ingestkit_core.sources.hash_file", lambda _: pytest.fail("size and time say enough"))
    again = router.process(path)
    assert again.status == "unchanged"
    assert again.model_copy(update={"status": "committed"}).chunks_created == first.chunks_created


def test_a_fresh_file_is_not_trusted_by_its_time(
    router: TextRouter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestkit_core.sources._TIME_DOUBT_NS", 60 * 10**9)
    path = write_text(folder / "a.txt", "one two")
    stamp = path.stat().st_mtime_ns
    router.process(path)
    write_text(path, "two one")
    os.utime(path, ns=(stamp, stamp))
    assert router.process(path).status == "committed"
    assert router.store.search("two")[0].text == "two one"


def test_a_touched_file_is_hashed_once_and_then_known(router: TextRouter, folder: Path) -> None:
    path = age(write_text(folder / "a.txt", "words"))
    router.process(path)
    age(path, 100)
    assert router.process(path).status == "unchanged"
    record = router.store.find(None, path.as_posix())
    assert record is not None
    assert record.state.modified_ns == path.stat().st_mtime_ns


def test_a_changed_and_a_shortened_file_leave_nothing_stale(router: TextRouter, folder: Path) -> None:
    path = write_text(folder / "a.txt", "# One", "first", "# Two", "second", "", "a|b", "1|2")
    router.process(path)
    write_text(path, "# One", "changed")
    assert router.process(path).status == "committed"
    assert [hit.text for hit in router.store.chunks(None, path.as_posix())] == ["One\n\nchanged"]
    assert router.store.tables() == []


def test_a_renamed_file_is_moved_without_reading(router: TextRouter, folder: Path) -> None:
    old = write_text(folder / "a.txt", "words", "", "a|b", "1|2")
    router.process(old)
    new = old.rename(folder / "b.txt")
    result = router.process(new)
    assert result.status == "unchanged"
    assert [record.state.source_uri for record in router.store.sources()] == [new.as_posix()]
    assert router.store.search("words")[0].source_uri == new.as_posix()
    assert [table.table_name for table in router.store.tables()] == list(result.tables)


def test_a_copy_is_another_document(router: TextRouter, folder: Path) -> None:
    old = write_text(folder / "a.txt", "words")
    router.process(old)
    shutil.copy(old, folder / "b.txt")
    assert router.process(folder / "b.txt").status == "committed"
    assert len(list(router.store.sources())) == 2


def test_a_file_renamed_under_new_settings_is_read_and_takes_the_old_place(
    router: TextRouter, store: SqliteStore, folder: Path
) -> None:
    old = write_text(folder / "a.txt", "words")
    router.process(old)
    new = old.rename(folder / "b.txt")
    with TextRouter(store, store, config=threads(chunk_size_tokens=100)) as other:
        assert other.process(new).status == "committed"
    assert [record.state.source_uri for record in store.sources()] == [new.as_posix()]


def test_changed_settings_read_again_and_a_changed_parser_only_on_refresh(store: SqliteStore, folder: Path) -> None:
    path = age(write_text(folder / "a.txt", "words"))

    def run(**settings: Any) -> str:
        with TextRouter(store, store, config=threads(**settings)) as router:
            return router.process(path).status

    assert run() == "committed"
    assert run(max_documents_per_worker=9) == "unchanged"
    assert run(chunk_size_tokens=100) == "committed"
    assert run(chunk_size_tokens=100, parser_version="text:2") == "unchanged"
    assert run(chunk_size_tokens=100, enable_content_dedup=False) == "committed"


def test_a_bad_file_is_set_aside_and_not_read_again(router: TextRouter, folder: Path) -> None:
    path = age(write_text(folder / "bad.txt", "!fault plain-exception"))
    first = router.process(path)
    assert (first.status, first.errors) == ("quarantined", ("E_EXECUTION_CRASHED",))
    assert "must not leave" not in first.model_dump_json()
    record = router.store.find_quarantined(None, path.as_posix())
    assert record is not None
    again = router.process(path)
    assert (again.status, again.errors) == (first.status, first.errors)
    assert router.store.find_quarantined(None, path.as_posix()) == record


def test_a_mended_file_leaves_quarantine(router: TextRouter, folder: Path) -> None:
    path = write_text(folder / "a.txt", "!fault plain-exception")
    router.process(path)
    write_text(path, "good words")
    assert router.process(path).status == "committed"
    assert list(router.store.quarantined()) == []


def test_a_broken_update_keeps_the_old_version_and_going_back_heals(router: TextRouter, folder: Path) -> None:
    path = write_text(folder / "a.txt", "old words")
    router.process(path)
    write_text(path, "!fault plain-exception")
    assert router.process(path).status == "quarantined"
    assert router.store.search("old words")
    write_text(path, "old words")
    assert router.process(path).status == "unchanged"
    assert list(router.store.quarantined()) == []


def test_missing_and_foreign_files_come_back_as_results(router: TextRouter, folder: Path) -> None:
    missing = router.process(folder / "nowhere.txt")
    assert (missing.status, missing.errors) == ("quarantined", ("E_SOURCE_NOT_FOUND",))
    (folder / "foreign.txt").write_text("no magic")
    assert router.process(folder / "foreign.txt").errors == ("E_PARSE_UNSUPPORTED",)
    directory = folder / "folder.txt"
    directory.mkdir()
    assert router.process(directory).errors == ("E_SOURCE_UNREADABLE",)


@pytest.mark.skipif(os.name != "posix", reason="there are no such files there")
def test_what_is_no_ordinary_file_is_told_and_not_waited_for(router: TextRouter, folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    made = write_text(folder / "a.txt", "words")
    results = router.process_batch([folder / "pipe.txt", folder, made / "below.txt"])
    assert router.can_handle(folder / "pipe.txt")
    assert [result.errors for result in results] == [
        ("E_SOURCE_UNREADABLE",),
        ("E_SOURCE_UNREADABLE",),
        ("E_SOURCE_NOT_FOUND",),
    ]
    assert results[0].error_details[0].message.endswith("pipe.txt is no ordinary file")
    with pytest.raises(SourceError, match="no ordinary file"):
        router.convert(folder / "pipe.txt")


def test_a_file_over_the_limit_is_refused_unread(store: SqliteStore, folder: Path) -> None:
    path = folder / "large.txt"
    write_text(path, "x" * 1_200_000)
    with TextRouter(store, store, config=threads(max_file_size_mb=1)) as router:
        assert router.process(path).errors == ("E_SECURITY_TOO_LARGE",)


def test_can_handle_goes_by_content(router: TextRouter, folder: Path) -> None:
    assert router.can_handle(write_text(folder / "a.bin", "x"))
    (folder / "b.txt").write_text("something else")
    assert not router.can_handle(folder / "b.txt")
    assert router.can_handle(folder / "not there.txt")


def test_a_batch_answers_every_input_in_order(router: TextRouter, folder: Path) -> None:
    paths = [write_text(folder / f"{i}.txt", f"words {i}") for i in range(20)]
    asked = [*paths, paths[3], folder / "missing.txt"]
    results = router.process_batch(asked)
    assert [Path(result.file_path) for result in results] == asked
    assert [result.status for result in results] == ["committed"] * 20 + ["unchanged", "quarantined"]
    assert router.process_batch([]) == []
    twice = router.process_batch([write_text(folder / "nap.txt", "!fault nap")] * 2)
    assert [result.status for result in twice] == ["committed", "unchanged"]


def test_iter_batch_pulls_only_what_it_can_work_on(router: TextRouter, folder: Path) -> None:
    pulled = 0

    def paths() -> Iterator[Path]:
        nonlocal pulled
        for i in range(200):
            pulled += 1
            yield write_text(folder / f"{i}.txt", f"words {i}")

    results = router.iter_batch(paths())
    next(results)
    assert pulled <= router.in_flight + 1
    results.close()  # type: ignore[attr-defined]  # a generator


def test_an_event_loop_can_wait_and_stop(router: TextRouter, folder: Path) -> None:
    async def run() -> list[str]:
        one = await router.aprocess(write_text(folder / "a.txt", "words"))
        many = [r.status async for r in router.aiter_batch([folder / "a.txt", write_text(folder / "b.txt", "x")])]
        slow = asyncio.create_task(router.aprocess(write_text(folder / "slow.txt", "!fault sleep")))
        await asyncio.sleep(0.3)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        return [one.status, *sorted(many)]

    assert asyncio.run(run()) == ["committed", "committed", "unchanged"]


def test_vectors_come_from_the_embedder_in_batches_across_documents(store: SqliteStore, folder: Path) -> None:
    embedder = HashingEmbedder()
    paths = [write_text(folder / f"{i}.txt", f"words of document {i}") for i in range(30)]
    with TextRouter(store, store, embedder=embedder, config=threads(embedding_batch_size=8)) as router:
        results = router.process_batch(paths)
    assert sum(result.embed_result.texts for result in results if result.embed_result) == 30
    assert max(embedder.calls) <= 8
    assert store.status().vectors == 30


def test_text_that_stays_keeps_its_vector(store: SqliteStore, folder: Path) -> None:
    embedder = HashingEmbedder()
    path = write_text(folder / "a.txt", "# One", "stays", "# Two", "goes")
    with TextRouter(store, store, embedder=embedder, config=threads()) as router:
        router.process(path)
        write_text(path, "# One", "stays", "# Two", "comes")
        result = router.process(path)
    assert result.embed_result is not None
    assert result.embed_result.texts == 1
    assert sum(embedder.calls) == 3
    assert store.status().vectors == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TimeoutError("slow"), "E_BACKEND_EMBED_TIMEOUT"),
        (ConnectionError("down"), "E_BACKEND_EMBED_CONNECT"),
        (BackendError(ErrorCode.E_BACKEND_CIRCUIT_OPEN, "open"), "E_BACKEND_CIRCUIT_OPEN"),
    ],
)
def test_a_failing_embedder_defers_and_keeps_the_old_version(
    store: SqliteStore, folder: Path, error: Exception, code: str
) -> None:
    broken = threading.Event()

    def fail() -> None:
        if broken.is_set():
            raise error

    path = write_text(folder / "a.txt", "old words")
    with TextRouter(store, store, embedder=HashingEmbedder(fail=fail), config=threads(backend_max_retries=0)) as router:
        router.process(path)
        before = list(store.export())
        write_text(path, "new words")
        broken.set()
        result = router.process(path)
        assert (result.status, result.errors) == ("deferred", (code,))
        assert list(store.export()) == before
        broken.clear()
        assert router.process(path).status == "committed"


def test_an_embedder_of_another_size_is_refused(store: SqliteStore, folder: Path) -> None:
    path = write_text(folder / "a.txt", "words")
    with TextRouter(store, store, embedder=HashingEmbedder(8), config=threads()) as router:
        router.process(path)
    with TextRouter(store, store, embedder=HashingEmbedder(16), config=threads()) as router:
        assert router.process(write_text(folder / "b.txt", "x")).errors == ("E_STORE_DIMENSION",)


def test_vectors_are_never_lost_because_nobody_named_their_embedder(store: SqliteStore, folder: Path) -> None:
    path = write_text(folder / "a.txt", "words")
    with TextRouter(store, store, embedder=HashingEmbedder(), config=threads()) as router:
        router.process(path)
    before = list(store.export())
    write_text(path, "other words")
    with TextRouter(store, store, config=threads()) as router:
        result = router.process(path)
    assert (result.status, result.errors) == ("deferred", ("E_STORE_DIMENSION",))
    assert list(store.export()) == before


def test_what_was_embedded_before_a_failure_is_committed(store: SqliteStore, folder: Path) -> None:
    """Documents are embedded together; those whose texts were through when the server failed need not wait."""
    config = threads(embedding_batch_size=2, backend_max_retries=0)
    check = SourceCheck(TextRouter.format, config, store, "fp", refresh=False, checksum=False)
    read = []
    for number in range(4):
        path = write_text(folder / f"{number}.txt", f"document {number}")
        value = TextRouter.format.read(str(path), config.model_dump())
        read.append(ReadDocument(str(path), None, value, None, 1, 0.0, check.decide(str(path), None, None, "run")))
    calls = iter([None, ConnectionError()])

    def fail() -> None:
        if (error := next(calls)) is not None:
            raise error

    results = Committer(TextRouter.format, config, store, HashingEmbedder(fail=fail)).finish(read)
    assert [result and result.status for result in results] == ["committed", "committed", "deferred", "deferred"]


def test_one_text_a_model_does_not_take_costs_its_own_document(store: SqliteStore, folder: Path) -> None:
    with ModelServer() as server:
        server.max_characters = 30
        embedder = open_embedder(server.openai_url, "m")
        paths = [write_text(folder / f"{i}.txt", "short" if i != 3 else "x" * 60) for i in range(8)]
        with TextRouter(store, store, embedder=embedder, config=threads()) as router:
            results = router.process_batch(paths)
    assert [result.status for result in results] == ["committed"] * 3 + ["deferred"] + ["committed"] * 4


def test_a_batch_waits_for_an_embedder_that_worked_before(
    store: SqliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestkit_core.commit._REST_SECONDS", 0.5)
    with ModelServer() as server:
        config = threads(backend_max_retries=4, backend_backoff_base=0.0)
        with TextRouter(store, store, embedder=open_embedder(server.ollama_url, "m"), config=config) as router:
            results = []
            paths = [write_text(folder / f"{i:02}.txt", f"document {i}") for i in range(40)]
            for result in router.iter_batch(paths):
                results.append(result)
                if len(results) == 5:
                    server.faults.extend([Fault("status", 503)] * 5)
    deferred = [result for result in results if result.status == "deferred"]
    assert 1 <= len(deferred) <= router.in_flight + 1
    assert results[-1].status == "committed"
    assert {result.errors for result in deferred} <= {("E_BACKEND_EMBED_CONNECT",), ("E_BACKEND_CIRCUIT_OPEN",)}


def test_an_execution_backend_of_somebodys_own_owns_the_commit(store: SqliteStore, folder: Path) -> None:
    class Own:
        def submit(self, file_path: str, config: Any, source_uri: str | None = None) -> str:
            return file_path

        def get_result(self, job_id: str, timeout: float | None = None) -> ProcessingResult:
            return ProcessingResult(file_path=job_id, status="committed", warnings=("own",))

    own = Own()
    assert isinstance(own, ExecutionBackend)
    path = write_text(folder / "a.txt", "words")
    with TextRouter(store, store, execution=own) as router:
        assert [result.warnings for result in router.process_batch([path, path])] == [("own",), ("own",)]
    assert list(store.sources()) == []


def test_the_default_router_takes_config_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGESTKIT_STORE", str(tmp_path / "own.db"))
    with TextRouter.create_default(execution_strategy="thread", chunk_size_tokens=64) as router:
        assert router.config.chunk_size_tokens == 64
        assert router.process(write_text(tmp_path / "a.txt", "words")).status == "committed"
    assert (tmp_path / "own.db").exists()
    with pytest.raises(ValueError, match="nonsense"):
        TextRouter.create_default(nonsense=1)


def test_the_log_tells_counts_and_never_text(
    router: TextRouter, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="ingestkit_core"):
        router.process(write_text(folder / "a.txt", "confidential words"))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("file=a.txt key=")
    assert "chunks=1" in line
    assert "confidential" not in caplog.text


@pytest.mark.parametrize("setting", ["log_chunk_previews", "log_sample_text"])
def test_text_is_logged_when_asked_for_and_redacted(
    store: SqliteStore, folder: Path, caplog: pytest.LogCaptureFixture, setting: str
) -> None:
    config = threads(**{setting: True}, redact_patterns=["confidential"])
    with caplog.at_level(logging.INFO), TextRouter(store, store, config=config) as router:
        router.process(write_text(folder / "a.txt", "confidential words"))
    assert "[redacted] words" in caplog.text


def test_a_raised_limit_leaves_an_audit_line(store: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        TextRouter(store, store, config=threads(max_file_size_mb=900, max_file_size_override_reason="archive"))
    assert "max_file_size_mb value=900 reason=archive" in caplog.text


def test_a_file_that_changes_while_it_is_read_is_read_once_more(
    router: TextRouter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_text(folder / "a.txt", "words")
    real: Callable[..., Any] = TextRouter.format.read
    reads: list[int] = []

    def unsteady(file_path: str, config: dict[str, Any]) -> Any:
        reads.append(1)
        write_text(path, f"words {len(reads)}")
        return real(file_path, config)

    monkeypatch.setattr(router._backend(), "_process_fn", unsteady)
    result = router.process(path)
    assert (result.status, result.errors, len(reads)) == ("quarantined", ("E_SOURCE_CHANGED",), 2)
    monkeypatch.undo()
    assert router.process(path).status == "committed"


def test_a_dead_embedder_is_left_alone_and_nothing_is_read_for_it(store: SqliteStore, folder: Path) -> None:
    asked: list[int] = []

    def fail() -> None:
        asked.append(1)
        raise ConnectionError

    config = threads(backend_max_retries=1, backend_backoff_base=0.0)
    with TextRouter(store, store, embedder=HashingEmbedder(fail=fail), config=config) as router:
        paths = [write_text(folder / f"{i}.txt", "words") for i in range(40)]
        results = [router.process(path) for path in paths]
    assert {result.status for result in results} == {"deferred"}
    assert len(asked) == 5
    assert results[-1].errors == ("E_BACKEND_CIRCUIT_OPEN",)
    assert list(store.quarantined()) == []


def test_a_passing_failure_of_the_embedder_costs_nothing(store: SqliteStore, folder: Path) -> None:
    failures = iter([True, True])

    def fail() -> None:
        if next(failures, False):
            raise ConnectionError

    config = threads(backend_max_retries=2, backend_backoff_base=0.01)
    with TextRouter(store, store, embedder=HashingEmbedder(fail=fail), config=config) as router:
        assert router.process(write_text(folder / "a.txt", "words")).status == "committed"


@pytest.mark.skipif(os.name != "posix", reason="names are text there")
def test_a_file_name_that_is_no_text_stops_nobody(router: TextRouter, folder: Path) -> None:
    odd = Path(os.fsdecode(os.path.join(os.fsencode(folder), b"caf\xe9.txt")))
    bad = Path(os.fsdecode(os.path.join(os.fsencode(folder), b"bad\xff.txt")))
    write_text(odd, "words")
    write_text(bad, "!fault plain-exception")
    results = router.process_batch([odd, bad])
    assert [result.status for result in results] == ["committed", "quarantined"]
    assert all(result.model_dump_json() for result in results)
    assert results[0].file_path.endswith("caf\ufffdE9.txt")
    assert [result.status for result in router.process_batch([odd, bad])] == ["unchanged", "quarantined"]
    assert router.process(write_text(folder / "copy.txt", "words")).status == "committed"


def test_stopping_finishes_what_is_read_and_starts_nothing_more(store: SqliteStore, folder: Path) -> None:
    stop = threading.Event()
    slow = [write_text(folder / f"{i}.txt", "!fault nap") for i in range(30)]
    with TextRouter(store, store, config=threads()) as router:
        results = run_batch((Asked(router, str(path)) for path in slow), stop=stop)
        first = next(results)[1]
        stop.set()
        rest = [result.status for _, result in results]
    assert first.status == "committed"
    assert 1 <= rest.count("committed") <= 6
    assert set(rest) == {"committed", "cancelled"}
    assert len(rest) < 8
    assert store.status().sources == 1 + rest.count("committed")


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_a_result_that_the_disk_does_not_take_is_read_again_next_time(
    store: SqliteStore, folder: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TextConfig(execution_max_workers=1)
    large = write_text(folder / "large.txt", *(f"line {number} of many words" for number in range(30_000)))
    with monkeypatch.context() as full:
        full.setattr(tempfile, "tempdir", str(small_disk))
        with TextRouter(store, store, config=config) as router:
            deferred = router.process(large)
    assert (deferred.status, deferred.errors) == ("deferred", ("E_EXECUTION_RESULT_LOST",))
    assert "TMPDIR" in deferred.error_details[0].message
    assert list(store.quarantined()) == []
    with TextRouter(store, store, config=config) as router:
        assert router.process(large).status == "committed"


@pytest.mark.integration
@pytest.mark.timeout(120)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
@pytest.mark.parametrize("strategy", ["process", "thread"])
def test_a_reader_that_finds_the_disk_full_blames_no_document(store: SqliteStore, folder: Path, strategy: str) -> None:
    bad, good = write_text(folder / "bad.txt", "!fault full-disk"), write_text(folder / "good.txt", "words")
    config = TextConfig(execution_strategy=strategy, execution_max_workers=1)
    with TextRouter(store, store, config=config) as router:
        results = router.process_batch([bad, good])
    assert [(result.status, result.errors) for result in results] == [
        ("deferred", ("E_EXECUTION_RESULT_LOST",)),
        ("committed", ()),
    ]
    assert list(store.quarantined()) == []


def test_one_format_cannot_have_an_embedder_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="embedding_model cannot be set for text alone"):
        Ingestor(tmp_path / "store.db", {"text": {"embedding_model": "small"}}, routers={"text": TextRouter})
