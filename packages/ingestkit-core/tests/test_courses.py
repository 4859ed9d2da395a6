"""Documents that take several jobs: parts of parts, spared parts, limits of parts, progress, stopping."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.batch import run_batch
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode, IngestError
from ingestkit_core.execution.local import LocalExecutionBackend
from ingestkit_core.extraction import Split
from ingestkit_core.models import ProcessingResult
from ingestkit_core.progress import ProgressEvent, unit_done
from ingestkit_core.spool import job_directory
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import TextConfig, TextRouter, write_text

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

CONFIG = ProcessorConfig()
STRATEGIES = pytest.mark.parametrize("strategy", ["process", "thread"])


def result(file_path: str, *words: object) -> ProcessingResult:
    return ProcessingResult(file_path=file_path, status="committed", warnings=tuple(map(str, words)))


# Read in two ranges, then each page that turned out to be a scan by itself.


def in_two_steps(file_path: str, config: dict[str, Any]) -> Split:
    return Split(pages_of, ((1, 3), (4, 5)), then_scans, weights=(3, 2))


def pages_of(file_path: str, config: dict[str, Any], part: tuple[int, int]) -> list[str]:
    return [f"page {number}" for number in range(part[0], part[1] + 1)]


def then_scans(file_path: str, config: dict[str, Any], carried: bytes, values: Sequence[list[str]]) -> Split:
    pages = [page for value in values for page in value]
    return Split(scan, (2, 5), with_scans, pickle.dumps(pages), spares_failed_parts=True, stage="ocr")


def scan(file_path: str, config: dict[str, Any], page: int) -> str:
    if file_path == "one-bad" and page == 5:
        os.kill(os.getpid(), signal.SIGSEGV)
    if file_path == "raises" and page == 5:
        raise ValueError("no text")
    return f"scan {page}"


def with_scans(
    file_path: str, config: dict[str, Any], carried: bytes, values: Sequence[str | IngestError]
) -> ProcessingResult:
    scans = [value if isinstance(value, str) else value.code for value in values]
    return result(file_path, *pickle.loads(carried), *scans)


@STRATEGIES
def test_parts_may_be_followed_by_parts_of_another_kind(strategy: Any) -> None:
    with LocalExecutionBackend(in_two_steps, 2, strategy) as backend:
        done = backend.get_result(backend.submit("good", CONFIG), 30)
    assert done.warnings == ("page 1", "page 2", "page 3", "page 4", "page 5", "scan 2", "scan 5")


def test_a_spared_part_costs_itself_only() -> None:
    with LocalExecutionBackend(in_two_steps, 2) as backend:
        jobs = [backend.submit(name, CONFIG) for name in ("one-bad", "raises")]
        for job in jobs:
            assert backend.get_result(job, 30).warnings[-2:] == ("scan 2", "E_EXECUTION_CRASHED")


def slow_pages(file_path: str, config: dict[str, Any]) -> Split:
    return Split(slow_page, (0, 30, 0), told, part_timeout_seconds=5, spares_failed_parts=True)


def slow_page(file_path: str, config: dict[str, Any], seconds: float) -> str:
    time.sleep(seconds)
    return "in time"


def told(file_path: str, config: dict[str, Any], carried: bytes, values: Sequence[Any]) -> ProcessingResult:
    return result(file_path, *(value.code if isinstance(value, IngestError) else value for value in values))


@STRATEGIES
def test_a_part_has_a_limit_of_its_own(strategy: Any) -> None:
    started = time.monotonic()
    with LocalExecutionBackend(slow_pages, 3, strategy) as backend:
        done = backend.get_result(backend.submit("slow", CONFIG), 30)
    assert done.warnings == ("in time", "E_EXECUTION_TIMEOUT", "in time")
    assert time.monotonic() - started < 25


def many_parts(file_path: str, config: dict[str, Any]) -> Split:
    return Split(timed, tuple(range(6)), overlap, max_parts_at_once=2)


def parts_that_meet(file_path: str, config: dict[str, Any]) -> Split:
    return Split(timed_together, tuple(range(6)), overlap, max_parts_at_once=2)


def timed_together(file_path: str, config: dict[str, Any], part: int) -> tuple[float, float]:
    """The first two wait for each other: a worker may have to start first."""
    started = time.monotonic()
    Path(file_path, str(part)).touch()
    while not all(Path(file_path, other).exists() for other in "01") and time.monotonic() < started + 30:
        time.sleep(0.01)
    time.sleep(0.1)
    return started, time.monotonic()


def timed(file_path: str, config: dict[str, Any], part: int) -> tuple[float, float]:
    started = time.monotonic()
    time.sleep(0.5)
    return started, time.monotonic()


def overlap(file_path: str, config: dict[str, Any], carried: bytes, values: Sequence[Any]) -> ProcessingResult:
    return result(file_path, max(sum(a <= start < b for a, b in values) for start, _ in values))


def test_so_many_parts_at_once_and_no_more(tmp_path: Path) -> None:
    with LocalExecutionBackend(parts_that_meet, 4) as backend:
        assert backend.get_result(backend.submit(str(tmp_path), CONFIG), 60).warnings == ("2",)


def leaves_files(file_path: str, config: dict[str, Any]) -> Split:
    return Split(leaves_file, (0, 1), finds_files)


def leaves_file(file_path: str, config: dict[str, Any], part: int) -> Path:
    path = job_directory() / f"large-{part}"
    path.write_text(f"content {part}")
    return path


def finds_files(file_path: str, config: dict[str, Any], carried: bytes, values: Sequence[Path]) -> list[Path]:
    assert all(path.exists() for path in values)
    return list(values)


def test_files_of_parts_live_until_the_document_is_finished() -> None:
    seen: list[Path] = []

    def finish(file_path: str, paths: list[Path]) -> ProcessingResult:
        seen.extend(paths)
        return result(file_path, *(path.read_text() for path in paths))

    with LocalExecutionBackend(leaves_files, 2, finish=finish) as backend:
        done = backend.get_result(backend.submit("files", CONFIG), 30)
        assert done.warnings == ("content 0", "content 1")
        deadline = time.monotonic() + 20
        while any(path.parent.exists() for path in seen) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(seen) == 2
        assert not any(path.parent.exists() for path in seen)


# Progress


def counts_pages(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    for page in range(1, 5):
        unit_done("parse", page, 4)
        time.sleep(0.15)
    return result(file_path)


@STRATEGIES
def test_a_reader_says_how_far_it_is(strategy: Any) -> None:
    events: list[ProgressEvent] = []
    with LocalExecutionBackend(counts_pages, 1, strategy) as backend:
        backend.get_result(backend.submit("a", CONFIG, on_progress=events.append), 30)
    assert events == [ProgressEvent("a", "queued"), *(ProgressEvent("a", "parse", page, 4) for page in range(1, 5))]


def test_parts_are_counted_by_their_weight() -> None:
    events: list[ProgressEvent] = []
    with LocalExecutionBackend(in_two_steps, 1) as backend:
        backend.get_result(backend.submit("good", CONFIG, on_progress=events.append), 30)
    assert [(event.stage, event.done, event.total) for event in events] == [
        ("queued", 0, 0),
        *(("parse", done, 5) for done in (0, 3, 5)),
        *(("ocr", done, 2) for done in (0, 1, 2)),
    ]


def test_a_batch_tells_of_every_document_up_to_its_commit(tmp_path: Path) -> None:
    paths = [write_text(tmp_path / f"{number}.txt", "words") for number in range(3)]
    events: list[ProgressEvent] = []
    with SqliteStore(tmp_path / "s.db") as store, TextRouter(store, store) as router:
        router.process_batch(paths, on_progress=events.append)
        again: list[ProgressEvent] = []
        router.process_batch(paths, on_progress=again.append)
    for path in paths:
        stages = [event.stage for event in events if event.file_path == str(path)]
        assert stages == ["queued", "store"]
    assert again == []  # unchanged: nothing is under way


def test_a_listener_that_raises_costs_nobody_a_document(tmp_path: Path) -> None:
    def listener(event: ProgressEvent) -> None:
        raise RuntimeError(event.stage)

    with SqliteStore(tmp_path / "s.db") as store, TextRouter(store, store) as router:
        (done,) = router.process_batch([write_text(tmp_path / "a.txt", "words")], on_progress=listener)
    assert done.status == "committed"


# Stopping


def test_a_document_is_stopped_between_its_parts() -> None:
    with LocalExecutionBackend(many_parts, 1) as backend:
        begun = threading.Event()
        job = backend.submit("many", CONFIG, on_progress=lambda event: event.done and begun.set())
        assert begun.wait(30)
        assert backend.cancel(job)
        assert backend.get_result(job, 30).errors == (ErrorCode.E_EXECUTION_CANCELLED,)


def one_part_after_the_other(file_path: str, config: dict[str, Any]) -> Split:
    return Split(timed, tuple(range(3)), overlap, max_parts_at_once=1)


def test_a_document_is_stopped_while_none_of_its_parts_runs() -> None:
    with LocalExecutionBackend(one_part_after_the_other, 1, "thread") as backend:
        submitted = threading.Event()
        job = ""

        def stop(event: ProgressEvent) -> None:
            if event.done:
                submitted.wait(10)
                backend.cancel(job)

        job = backend.submit("many", CONFIG, on_progress=stop)
        submitted.set()
        assert backend.get_result(job, 30).errors == (ErrorCode.E_EXECUTION_CANCELLED,)


def test_draining_finishes_a_document_whose_parts_are_under_way() -> None:
    with LocalExecutionBackend(many_parts, 1) as backend:
        begun = threading.Event()
        job = backend.submit("many", CONFIG, on_progress=lambda event: event.done and begun.set())
        assert begun.wait(30)
        assert not backend.cancel(job, waiting_only=True)
        assert backend.get_result(job, 30).status == "committed"


def test_a_stopped_batch_leaves_nothing_half(tmp_path: Path) -> None:
    paths = [write_text(tmp_path / f"{number}.txt", "words") for number in range(40)]
    stop = threading.Event()
    with SqliteStore(tmp_path / "s.db") as store:
        config = TextConfig(execution_max_workers=1)
        with TextRouter(store, store, config=config) as router:
            asked = (router._asked(path) for path in paths)
            statuses = []
            for _, done in run_batch(asked, stop=stop):
                statuses.append(done.status)
                stop.set()
        assert store.status().sources == statuses.count("committed")
        assert 0 < statuses.count("committed") < len(paths)
