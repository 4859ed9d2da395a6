"""What every ExecutionBackend is held to: subclass the contract, give it a ``make`` fixture, run it with pytest.

``make(process_fn, finish=None)`` builds the backend with two workers. Backends that can kill also run the
faults of ``KillingContract``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingestkit_core.config import ProcessorConfig
from ingestkit_core.errors import ErrorCode, ExecutionError, ParseError
from ingestkit_core.models import ProcessingResult
from ingestkit_core.protocols import ExecutionBackend
from ingestkit_core.testing.faults import misbehave

__all__ = ["ExecutionBackendContract", "KillingContract", "read_marked", "read_result", "read_slowly"]

Make = Callable[..., ExecutionBackend]

LIMIT_SECONDS = 2.0


def read_result(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    """A reader whose value is the result itself."""
    return ProcessingResult(file_path=file_path, status="committed", warnings=(str(config["chunk_size_tokens"]),))


def read_marked(file_path: str, config: dict[str, Any]) -> Any:
    """A reader that misbehaves where the file's name says so (``bad-segfault``)."""
    name = Path(file_path).name
    if name.startswith("bad-"):
        return misbehave(name.removeprefix("bad-"))
    if name == "corrupt":
        raise ParseError(ErrorCode.E_PARSE_CORRUPT, "nothing in it", page_number=7)
    return read_result(file_path, config)


def read_slowly(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    """A reader that can be interrupted: it takes a quarter of a second."""
    time.sleep(0.25)
    return read_result(file_path, config)


def finish(file_path: str, value: Any) -> ProcessingResult:
    """A finisher that shows it ran where the store is."""
    assert isinstance(value, ProcessingResult)
    return value.model_copy(update={"ingestion_method": "finished"})


class ExecutionBackendContract:
    """What any backend promises."""

    def test_it_is_an_execution_backend(self, make: Make) -> None:
        assert isinstance(make(read_result), ExecutionBackend)

    def test_the_config_travels_and_the_result_returns(self, make: Make) -> None:
        backend = make(read_result)
        job = backend.submit("a", ProcessorConfig(chunk_size_tokens=77))
        assert backend.get_result(job, timeout=60).warnings == ("77",)
        assert backend.get_result(job).file_path == "a"

    def test_many_jobs_each_get_their_own_result(self, make: Make) -> None:
        backend = make(read_result)
        jobs = [backend.submit(f"file{i}", ProcessorConfig()) for i in range(50)]
        assert [backend.get_result(job, timeout=60).file_path for job in jobs] == [f"file{i}" for i in range(50)]

    def test_finish_runs_in_the_owner(self, make: Make) -> None:
        backend = make(read_result, finish=finish)
        assert backend.get_result(backend.submit("a", ProcessorConfig()), 60).ingestion_method == "finished"

    def test_an_unknown_job_is_not_found(self, make: Make) -> None:
        with pytest.raises(ExecutionError) as error:
            make(read_result).get_result("no such job")
        assert error.value.code is ErrorCode.E_EXECUTION_NOT_FOUND

    def test_impatience_ends_the_waiting_and_not_the_job(self, make: Make) -> None:
        backend = make(_slow)
        job = backend.submit("a", ProcessorConfig())
        with pytest.raises(ExecutionError) as error:
            backend.get_result(job, timeout=0.1)
        assert error.value.code is ErrorCode.E_EXECUTION_TIMEOUT
        assert backend.get_result(job, timeout=60).status == "committed"

    def test_a_typed_error_keeps_its_code_and_place(self, make: Make) -> None:
        backend = make(read_marked)
        result = backend.get_result(backend.submit("corrupt", ProcessorConfig()), 60)
        assert (result.status, result.errors) == ("quarantined", ("E_PARSE_CORRUPT",))
        assert result.error_details[0].page_number == 7

    @pytest.mark.parametrize("fault", ["memory-error", "exception", "plain-exception"])
    def test_an_exception_is_an_ordinary_result(self, make: Make, fault: str) -> None:
        backend = make(read_marked)
        bad = backend.submit(f"bad-{fault}", ProcessorConfig())
        good = backend.submit("good", ProcessorConfig())
        expected = "E_EXECUTION_MEMORY" if fault == "memory-error" else "E_EXECUTION_CRASHED"
        assert backend.get_result(bad, 60).errors == (expected,)
        assert backend.get_result(good, 60).status == "committed"

    def test_a_value_that_is_no_result_is_named(self, make: Make) -> None:
        backend = make(_no_result)
        result = backend.get_result(backend.submit("a", ProcessorConfig()), 60)
        assert result.errors == ("E_EXECUTION_RESULT_LOST",)

    def test_a_late_job_is_reported_late(self, make: Make) -> None:
        backend = make(read_marked)
        started = time.monotonic()
        job = backend.submit("bad-sleep", ProcessorConfig(per_document_timeout_seconds=LIMIT_SECONDS))
        assert backend.get_result(job, 60).errors == ("E_EXECUTION_TIMEOUT",)
        assert time.monotonic() - started < 30


class KillingContract(ExecutionBackendContract):
    """What a backend on processes promises besides: one bad document among good ones."""

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            ("segfault", "E_EXECUTION_CRASHED"),
            ("exit", "E_EXECUTION_CRASHED"),
            ("kill", "E_EXECUTION_CRASHED"),
            ("c-loop", "E_EXECUTION_TIMEOUT"),
            ("python-loop", "E_EXECUTION_TIMEOUT"),
            ("stop", "E_EXECUTION_TIMEOUT"),
            ("grow", "E_EXECUTION_MEMORY"),
            ("unpicklable-result", "E_EXECUTION_NOT_PICKLABLE"),
            ("killed-while-pickling", "E_EXECUTION_CRASHED"),
            ("big-result", "E_EXECUTION_RESULT_LOST"),
        ],
    )
    def test_one_bad_document_costs_nobody_else(self, make: Make, fault: str, code: str) -> None:
        """(A result of 200 MB comes back whole; here it is lost only because it is no ProcessingResult.)"""
        backend = make(read_marked)
        patient = ProcessorConfig(per_document_timeout_seconds=60, max_memory_mb=700)
        hasty = patient.model_copy(update={"per_document_timeout_seconds": LIMIT_SECONDS})
        configs = {f"good{i}": patient for i in range(10)}
        configs[f"bad-{fault}"] = hasty if code == "E_EXECUTION_TIMEOUT" else patient
        configs |= {f"good{i}": patient for i in range(10, 20)}
        jobs = {name: backend.submit(name, config) for name, config in configs.items()}
        results = {name: backend.get_result(job, 60) for name, job in jobs.items()}
        assert results.pop(f"bad-{fault}").errors == (code,)
        assert {result.status for result in results.values()} == {"committed"}

    def test_a_reader_that_cannot_travel_is_refused_before_anything_starts(self, make: Make) -> None:
        backend = make(lambda path, config: None)
        with pytest.raises(ExecutionError) as error:
            backend.submit("a", ProcessorConfig())
        assert error.value.code is ErrorCode.E_EXECUTION_NOT_PICKLABLE


def _slow(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    time.sleep(1.0)
    return read_result(file_path, config)


def _no_result(file_path: str, config: dict[str, Any]) -> Any:
    return {"not": "a result"}
