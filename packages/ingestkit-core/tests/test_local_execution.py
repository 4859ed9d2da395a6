from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ExecutionError
from ingestkit_core.execution.local import LocalExecutionBackend
from ingestkit_core.extraction import Split
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores import SqliteStore
from ingestkit_core.testing import TextConfig, TextRouter, write_text
from ingestkit_core.testing.execution import ExecutionBackendContract, KillingContract, Make, read_marked, read_result

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def _maker(strategy: Any) -> Iterator[Make]:
    made: list[LocalExecutionBackend] = []

    def make(process_fn: Any, finish: Any = None) -> LocalExecutionBackend:
        made.append(LocalExecutionBackend(process_fn, 2, strategy, finish))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


class TestOnProcesses(KillingContract):
    @pytest.fixture
    def make(self) -> Iterator[Make]:
        yield from _maker("process")


class TestOnThreads(ExecutionBackendContract):
    @pytest.fixture
    def make(self) -> Iterator[Make]:
        yield from _maker("thread")


def test_an_unknown_strategy_is_named() -> None:
    with pytest.raises(ValueError, match="fiber"):
        LocalExecutionBackend(read_result, strategy="fiber")  # type: ignore[arg-type]  # that is what is refused


def test_a_dying_worker_gives_its_document_one_more_try_alone(tmp_path: Path) -> None:
    with LocalExecutionBackend(_dies_once, 2) as backend:
        marker = tmp_path / "died"
        jobs = [backend.submit(str(marker), ProcessorConfig())]
        assert backend.get_result(jobs[0], 30).status == "committed"
        assert marker.exists()


def test_closing_cancels_what_waits_and_leaves_no_process() -> None:
    backend = LocalExecutionBackend(read_marked, 2)
    jobs = [backend.submit("bad-c-loop", ProcessorConfig()) for _ in range(4)]
    pids: list[int] = []
    deadline = time.monotonic() + 20
    while len(pids) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
        pids = backend._pool.worker_pids  # type: ignore[union-attr]  # processes were asked for
    assert len(pids) == 2
    backend.close()
    assert {backend.get_result(job, 5).status for job in jobs} == {"cancelled"}
    deadline = time.monotonic() + 20
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(_alive(pid) for pid in pids)
    with pytest.raises(ExecutionError):
        backend.submit("late", ProcessorConfig())


def test_a_poisoned_batch_commits_exactly_the_good(tmp_path: Path) -> None:
    faults = {
        "segfault": "E_EXECUTION_CRASHED",
        "kill": "E_EXECUTION_CRASHED",
        "c-loop": "E_EXECUTION_TIMEOUT",
        "grow": "E_EXECUTION_MEMORY",
    }
    paths = [write_text(tmp_path / f"good{i}.txt", f"words {i}") for i in range(20)]
    for number, fault in enumerate(faults):
        paths.insert(number * 5, write_text(tmp_path / f"bad-{fault}.txt", f"!fault {fault}"))
    config = TextConfig(execution_max_workers=2, per_document_timeout_seconds=8, max_memory_mb=400)
    with SqliteStore(tmp_path / "store.db") as store, TextRouter(store, store, config=config) as router:
        results = router.process_batch(paths)
        assert [Path(r.file_path).name for r in results if r.status == "committed"] == [
            path.name for path in paths if "good" in path.name
        ]
        for result in results:
            if result.status != "committed":
                fault = Path(result.file_path).stem.removeprefix("bad-")
                assert result.errors == (faults[fault],)
                assert Path(result.file_path).name in result.error_details[0].message
        assert {record.code for record in store.quarantined()} == {
            "E_EXECUTION_CRASHED",
            "E_EXECUTION_TIMEOUT",
            "E_EXECUTION_MEMORY",
        }
        assert store.status().sources == 20


def test_the_result_does_not_depend_on_strategy_workers_or_order(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    paths = [write_text(documents / f"{i}.txt", f"# T{i}", "words " * i, "", "a|b", f"{i}|x") for i in range(12)]
    exports = set()
    for name, strategy, workers, order in (
        ("a", "process", 1, paths),
        ("b", "process", 4, paths[::-1]),
        ("c", "thread", 3, paths[5:] + paths[:5]),
    ):
        config = TextConfig(execution_strategy=strategy, execution_max_workers=workers)
        with SqliteStore(tmp_path / f"{name}.db") as store, TextRouter(store, store, config=config) as router:
            router.process_batch(order)
            exports.add("\n".join(store.export()))
    assert len(exports) == 1


@pytest.mark.parametrize("how", ["file", "-c", "stdin"])
def test_scripts_without_a_main_guard_work(tmp_path: Path, how: str) -> None:
    write_text(tmp_path / "a.txt", "words")
    script = textwrap.dedent(
        f"""
        print("once")
        from ingestkit_core.testing import TextRouter
        with TextRouter.create_default(execution_max_workers=1) as router:
            print(router.process({str(tmp_path / "a.txt")!r}).status)
        """
    )
    (tmp_path / "script.py").write_text(script)
    command = {"file": [str(tmp_path / "script.py")], "-c": ["-c", script], "stdin": ["-"]}[how]
    done = subprocess.run(
        [sys.executable, *command],
        input=script if how == "stdin" else None,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "INGESTKIT_STORE": str(tmp_path / "store.db")},
    )
    assert done.stdout == "once\ncommitted\n", done.stderr


def _split(file_path: str, config: dict[str, Any]) -> Split:
    return Split(_read_part, tuple(range(6)), _assemble)


def _split_to_meet(folder: str, config: dict[str, Any]) -> Split:
    return Split(_read_together, tuple(range(6)), _assemble)


def _read_together(folder: str, config: dict[str, Any], part: int) -> tuple[int, int]:
    """The first two wait for each other: a worker may have to start first."""
    Path(folder, str(part)).touch()
    deadline = time.monotonic() + 30
    while not all(Path(folder, other).exists() for other in "01") and time.monotonic() < deadline:
        time.sleep(0.01)
    return _read_part(folder, config, part)


def _read_part(file_path: str, config: dict[str, Any], part: int) -> tuple[int, int]:
    if file_path == "bad" and part == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    if file_path == "late" and part == 3:
        time.sleep(60)
    time.sleep(0.05 * (6 - part))
    return part, os.getpid()


def _assemble(
    file_path: str, config: dict[str, Any], carried: bytes, values: list[tuple[int, int]]
) -> ProcessingResult:
    parts = tuple(str(part) for part, _ in values)
    return ProcessingResult(
        file_path=file_path, status="committed", warnings=parts, chunks_created=len({pid for _, pid in values})
    )


def test_a_large_document_is_read_in_parts_side_by_side_and_put_together_in_order(tmp_path: Path) -> None:
    with LocalExecutionBackend(_split_to_meet, 2) as backend:
        result = backend.get_result(backend.submit(str(tmp_path), ProcessorConfig()), 60)
    assert result.warnings == ("0", "1", "2", "3", "4", "5")
    assert result.chunks_created == 2
    with LocalExecutionBackend(_split, 2, "thread") as backend:
        assert backend.get_result(backend.submit("good", ProcessorConfig()), 30).warnings == result.warnings


@pytest.mark.parametrize(("name", "code"), [("bad", "E_EXECUTION_CRASHED"), ("late", "E_EXECUTION_TIMEOUT")])
def test_a_bad_part_fails_its_document_and_nobody_else(name: str, code: str) -> None:
    with LocalExecutionBackend(_split, 2) as backend:
        config = ProcessorConfig(per_document_timeout_seconds=6)
        jobs = [backend.submit(path, config) for path in ("good", name, "good")]
        assert [backend.get_result(job, 60).errors for job in jobs] == [(), (code,), ()]


def _dies_once(file_path: str, config: dict[str, Any]) -> Any:
    marker = Path(file_path)
    if not marker.exists():
        marker.touch()
        os._exit(7)
    return read_result(file_path, config)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"
