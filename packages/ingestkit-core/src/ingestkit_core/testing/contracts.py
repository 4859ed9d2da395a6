"""What implementations of the protocols are held to. For anybody's tests; needs pytest.

    class TestMine(ParallelExecutorContract):
        @pytest.fixture
        def executor(self):
            with MyExecutor() as executor:
                yield executor

The flows stand in ``ingestkit_core.testing.flows``, importable by workers wherever they are. Times are generous:
a case fails for what was waited for in vain, never for a slow machine.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ingestkit_core.parallel import (
    CancellationToken,
    CircuitBreaker,
    ParallelConfig,
    ParallelFlowResult,
    RetryPolicy,
    policies,
)
from ingestkit_core.protocols import ParallelExecutor
from ingestkit_core.testing import flows
from ingestkit_core.testing.flows import notes

__all__ = ["ParallelExecutorContract"]

_SLACK_SECONDS = 15.0
"""What a busy machine may add before a case calls something late."""

Flow = Callable[[Any], Any]


@dataclass
class Clock:
    """What a circuit breaker goes by, when a test says how late it is."""

    seconds: float = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class ParallelExecutorContract:
    """The cases every ParallelExecutor passes. A subclass gives the fixture ``executor``."""

    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Clock:
        """The clock of the test's breakers: it stands still until it is set."""
        clock = Clock()
        monkeypatch.setattr(policies, "time", clock)
        return clock

    # What comes back

    def test_what_does_not_satisfy_the_protocol(self, executor: ParallelExecutor) -> None:
        assert isinstance(executor, ParallelExecutor)
        results = executor.execute([flows.echo], [{}], ParallelConfig())
        assert type(results) is list
        assert type(results[0]) is ParallelFlowResult

    def test_results_in_the_order_they_finish(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        orders: Sequence[dict[str, str]] = [{"after": "third"}, {}, {"after": "fourth"}, {"after": "second"}]
        states = [
            {"directory": str(tmp_path), "name": name, **order}
            for name, order in zip(("first", "second", "third", "fourth"), orders, strict=True)
        ]
        results = executor.execute([flows.follow] * 4, states, ParallelConfig(max_workers=4))
        ends = [_value(result) for result in results]
        assert [result.index for result in results] == [0, 1, 2, 3]
        assert ends[0] > ends[2] > ends[3] > ends[1]

    def test_results_lost_among_many(self, executor: ParallelExecutor) -> None:
        states = [{"number": number} for number in range(300)]
        results = executor.execute([flows.echo] * 300, states, ParallelConfig(max_workers=2))
        assert [_value(result) for result in results] == states

    def test_no_flows_at_all(self, executor: ParallelExecutor) -> None:
        assert executor.execute([], [], ParallelConfig()) == []

    def test_a_flow_without_its_state(self, executor: ParallelExecutor) -> None:
        with pytest.raises(ValueError, match=r"2 flows.*1"):
            executor.execute([flows.echo, flows.echo], [{}], ParallelConfig())

    def test_what_is_no_flow(self, executor: ParallelExecutor) -> None:
        no_flow: Any = "echo"
        with pytest.raises(TypeError, match="flow 1"):
            executor.execute([flows.echo, no_flow], [{}, {}], ParallelConfig())

    def test_a_branch_without_its_name(self, executor: ParallelExecutor) -> None:
        results = executor.execute([flows.echo, partial(flows.fail)], [{}, {}], ParallelConfig())
        assert [result.branch for result in results] == ["echo", "fail"]

    @pytest.mark.parametrize("state", [
        {"flat": 1, "text": "Ärger 🜚", "none": None, "true": True, "float": 0.1},
        {"nested": {"list": [{"deep": [1, (2, 3)]}], "set": {1, 2}, "frozen": frozenset("ab")}},
        {"bytes": b"\x00\xff", "array": bytearray(b"ab"), "tuple": (1, ("two", b"three"))},
        {"when": datetime(2024, 2, 29, 12, tzinfo=UTC), "day": date(1900, 1, 1), "sum": Decimal("1.10")},
        {"big": 1 << 200, "key types": {1: "int", (1, 2): "tuple", None: "none"}, "long": "x" * 100_000},
    ])  # fmt: skip
    def test_a_value_that_comes_back_as_another(self, executor: ParallelExecutor, state: dict[str, Any]) -> None:
        (result,) = executor.execute([flows.echo], [state], ParallelConfig())
        assert _value(result) == state
        assert _types(result.value) == _types(state)

    def test_a_number_that_is_none(self, executor: ParallelExecutor) -> None:
        (result,) = executor.execute([flows.echo], [{"nan": [math.nan, math.inf]}], ParallelConfig())
        nan, inf = _value(result)["nan"]
        assert math.isnan(nan)
        assert inf == math.inf

    def test_the_callers_state_changed_by_a_flow(self, executor: ParallelExecutor) -> None:
        state = {"list": ["mine"], "nested": {"list": [1]}}
        results = executor.execute([flows.change] * 3, [state] * 3, ParallelConfig(max_workers=3))
        assert state == {"list": ["mine"], "nested": {"list": [1]}}
        for result in results:  # nor do flows that share a state see each other
            assert _value(result)["list"] == ["mine", "changed"]

    def test_more_flows_at_once_than_workers(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        states = [{"seconds": 0.2, "directory": str(tmp_path)}] * 6
        branches: Sequence[Flow] = [flows.meet] * 2 + [flows.interval] * 4
        results = executor.execute(branches, states, ParallelConfig(max_workers=2))
        assert _most_at_once([_value(result) for result in results]) == 2

    # Failures

    @pytest.mark.parametrize(("flow", "said"), [
        (flows.fail, "ValueError: boom"),
        (flows.fail_untravelled, "CannotTravel: one"),
        (flows.leave, "SystemExit: 3"),
    ])  # fmt: skip
    def test_an_exception_that_takes_others_along(self, executor: ParallelExecutor, flow: Flow, said: str) -> None:
        results = executor.execute([flows.echo, flow, flows.echo], [{}] * 3, ParallelConfig(max_workers=2))
        assert [result.success for result in results] == [True, False, True]
        assert said in _error(results[1])
        assert results[1].error is not None
        assert (results[1].error.code, results[1].error.stage) == ("E_EXECUTION_CRASHED", "execution")
        assert (results[1].value, results[1].attempts) == (None, 1)
        assert not results[1].timed_out
        assert not results[1].cancelled

    def test_an_error_of_our_own_that_loses_its_code(self, executor: ParallelExecutor) -> None:
        (result,) = executor.execute([flows.fail_as_backend], [{}], ParallelConfig())
        assert result.error is not None
        assert result.error.code == "E_BACKEND_EMBED_TIMEOUT"
        assert result.error.stage == "embed"
        assert result.error.recoverable
        assert result.error.message == "the embedder did not answer"
        assert not result.timed_out  # it was the flow's own patience that ended

    # Retries

    def test_a_success_after_two_failures(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        retry = RetryPolicy(max_retries=2, base_delay=0.1, backoff_multiplier=3)
        result = self._fails(executor, tmp_path, 2, retry)
        assert _value(result) == 3
        assert result.attempts == 3
        first, second, third = notes(tmp_path, "attempt")
        assert second - first >= 0.1
        assert third - second >= 0.3
        assert third - first < 0.4 + _SLACK_SECONDS

    def test_a_failure_too_many(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        result = self._fails(executor, tmp_path, 3, RetryPolicy(max_retries=2, base_delay=0))
        assert "Unreachable: attempt 3" in _error(result)
        assert result.attempts == len(notes(tmp_path, "attempt")) == 3

    @pytest.mark.parametrize(("wanted", "attempts"), [
        (flows.Unreachable, 2),
        (ConnectionError, 2),
        (OSError, 2),
        ("Unreachable", 2),
        ("ConnectionError", 2),
        ("builtins.ConnectionError", 2),
        ("E_EXECUTION_CRASHED", 2),
        (ValueError, 1),
        ("Unreach", 1),
    ])  # fmt: skip
    def test_a_retry_for_the_wrong_reason(
        self, executor: ParallelExecutor, tmp_path: Path, wanted: type[Exception] | str, attempts: int
    ) -> None:
        result = self._fails(executor, tmp_path, 1, RetryPolicy(2, base_delay=0, retry_on=(wanted,)))
        assert result.success is (attempts == 2)
        assert result.attempts == attempts

    def test_a_retry_that_gets_a_spoiled_state(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        state = {"list": [1], "directory": str(tmp_path)}
        config = ParallelConfig(retry=RetryPolicy(1, base_delay=0))
        (result,) = executor.execute([flows.spoil_then_echo], [state], config)
        assert result.attempts == 2
        assert _value(result) == state == {"list": [1], "directory": str(tmp_path)}

    def test_a_delay_that_holds_up_others(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        states = [
            {"directory": str(tmp_path), "failures": failures, "name": name} for failures, name in ((1, "a"), (0, "b"))
        ]
        config = ParallelConfig(max_workers=1, retry=RetryPolicy(1, base_delay=0.8))
        results = executor.execute([flows.fail_times] * 2, states, config)
        assert [result.attempts for result in results] == [2, 1]
        assert notes(tmp_path, "a")[0] < notes(tmp_path, "b")[0] < notes(tmp_path, "a")[1]
        assert results[0].duration_seconds < 0.8  # a delay is no running time

    def _fails(
        self, executor: ParallelExecutor, directory: Path, failures: int, retry: RetryPolicy
    ) -> ParallelFlowResult:
        state = {"directory": str(directory), "failures": failures}
        (result,) = executor.execute([flows.fail_times], [state], ParallelConfig(retry=retry))
        return result

    # The circuit breaker

    def test_calls_that_go_on_against_what_is_broken(
        self, executor: ParallelExecutor, tmp_path: Path, clock: Clock
    ) -> None:
        breaker = CircuitBreaker(failure_threshold=2, reset_timeout=30)
        config = ParallelConfig(max_workers=1, circuit_breaker=breaker)
        state = {"directory": str(tmp_path)}
        results = executor.execute([flows.fail] * 4, [state] * 4, config)
        assert [result.attempts for result in results] == [1, 1, 0, 0]
        assert len(notes(tmp_path, "failed")) == 2
        assert [result.error.code for result in results[2:] if result.error] == ["E_BACKEND_CIRCUIT_OPEN"] * 2
        assert breaker.state == "open"
        # The next execution meets the same breaker: one trial, which fails, and no more.
        clock.seconds += 30
        results = executor.execute([flows.fail, flows.mark], [state] * 2, config)
        assert [result.attempts for result in results] == [1, 0]
        # And one that works closes it.
        clock.seconds += 30
        results = executor.execute([flows.mark] * 3, [state] * 3, config)
        assert [result.success for result in results] == [True] * 3
        assert breaker.state == "closed"

    def test_more_trials_at_once_than_allowed(self, executor: ParallelExecutor, tmp_path: Path, clock: Clock) -> None:
        breaker = CircuitBreaker(failure_threshold=1, reset_timeout=30)
        config = ParallelConfig(max_workers=4, circuit_breaker=breaker)
        executor.execute([flows.fail], [{}], config)
        clock.seconds += 30
        state = {"directory": str(tmp_path), "seconds": 0.3}
        results = executor.execute([flows.interval] * 4, [state] * 4, config)
        assert sorted(result.attempts for result in results) == [0, 0, 0, 1]

    def test_a_breaker_that_hides_what_was_wrong(self, executor: ParallelExecutor) -> None:
        config = ParallelConfig(retry=RetryPolicy(3, base_delay=0), circuit_breaker=CircuitBreaker(failure_threshold=2))
        (result,) = executor.execute([flows.fail], [{}], config)
        assert result.attempts == 2
        assert "ValueError: boom" in _error(result)

    def test_a_late_flow_that_opens_no_breaker(self, executor: ParallelExecutor) -> None:
        breaker = CircuitBreaker(failure_threshold=1)
        config = ParallelConfig(timeout_seconds=0.2, circuit_breaker=breaker)
        executor.execute([flows.interval], [{"seconds": 2}], config)
        assert breaker.state == "open"

    def test_a_cancelled_trial_that_is_never_made_up_for(
        self, executor: ParallelExecutor, tmp_path: Path, clock: Clock
    ) -> None:
        breaker = CircuitBreaker(failure_threshold=1, reset_timeout=30)
        executor.execute([flows.fail], [{}], ParallelConfig(circuit_breaker=breaker))
        clock.seconds += 30
        token = CancellationToken()
        config = ParallelConfig(circuit_breaker=breaker, cancellation=token)
        _cancel_when_begun(token, tmp_path, 1)
        (result,) = executor.execute([flows.poll], [{"directory": str(tmp_path)}], config)
        assert result.cancelled
        assert breaker.state == "half_open"
        (result,) = executor.execute([flows.echo], [{}], ParallelConfig(circuit_breaker=breaker))
        assert result.success
        assert breaker.state == "closed"

    # Limits

    def test_a_late_flow_that_holds_up_everything(self, executor: ParallelExecutor) -> None:
        began = time.monotonic()
        states = [{"seconds": seconds} for seconds in (0, 30, 0, 0)]
        results = executor.execute([flows.interval] * 4, states, ParallelConfig(max_workers=2, timeout_seconds=1))
        assert time.monotonic() - began < 1 + _SLACK_SECONDS
        assert [result.success for result in results] == [True, False, True, True]
        late = results[1]
        assert late.timed_out
        assert not late.cancelled
        assert late.error is not None
        assert late.error.code == "E_EXECUTION_TIMEOUT"
        assert "1 s" in late.error.message
        assert 0.9 < late.duration_seconds < 1 + _SLACK_SECONDS

    def test_a_late_flow_that_runs_twice_unasked(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        state = {"directory": str(tmp_path)}
        retry = RetryPolicy(1, base_delay=0)
        (result,) = executor.execute([flows.poll], [state], ParallelConfig(timeout_seconds=0.6, retry=retry))
        assert (result.timed_out, result.attempts) == (True, 1)
        retry = RetryPolicy(1, base_delay=0, retry_on=(TimeoutError,))
        (result,) = executor.execute([flows.poll], [state], ParallelConfig(timeout_seconds=0.6, retry=retry))
        assert (result.timed_out, result.attempts) == (True, 2)
        assert len(notes(tmp_path, "began")) == 3

    # Cancelling

    def test_a_flow_that_starts_after_the_cancelling(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        token = CancellationToken()
        token.cancel()
        state = {"directory": str(tmp_path)}
        results = executor.execute([flows.mark] * 3, [state] * 3, ParallelConfig(cancellation=token))
        _all_cancelled(results, attempts=[0, 0, 0])
        assert notes(tmp_path, "mark") == []

    def test_a_cancelled_execution_that_goes_on(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        token = CancellationToken()
        state = {"directory": str(tmp_path)}
        _cancel_when_begun(token, tmp_path, 2)
        began = time.monotonic()
        config = ParallelConfig(max_workers=2, cancellation=token)
        results = executor.execute([flows.poll, flows.poll, flows.mark, flows.mark], [state] * 4, config)
        assert time.monotonic() - began < _SLACK_SECONDS
        _all_cancelled(results, attempts=[1, 1, 0, 0])
        assert notes(tmp_path, "mark") == []

    def test_a_cancelled_retry_that_comes_all_the_same(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        token = CancellationToken()
        _cancel_when_begun(token, tmp_path, 1, word="attempt")
        config = ParallelConfig(retry=RetryPolicy(5, base_delay=60, max_delay=60), cancellation=token)
        state = {"directory": str(tmp_path), "failures": 9}
        (result,) = executor.execute([flows.fail_times], [state], config)
        _all_cancelled([result], attempts=[1])

    def test_a_failure_that_is_not_fast(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        state = {"directory": str(tmp_path)}
        config = ParallelConfig(max_workers=2, fail_fast=True)
        branches: Sequence[Flow] = [flows.echo, flows.poll, flows.fail, flows.mark, flows.mark]
        results = executor.execute(branches, [state] * 5, config)
        assert len(results) == 5
        assert results[0].success
        assert "boom" in _error(results[2])
        assert not results[2].cancelled
        _all_cancelled([results[1], *results[3:]], attempts=[1, 0, 0])
        assert notes(tmp_path, "mark") == []

    def test_a_failure_fast_unasked(self, executor: ParallelExecutor, tmp_path: Path) -> None:
        state = {"directory": str(tmp_path)}
        results = executor.execute([flows.fail, flows.mark], [state] * 2, ParallelConfig(max_workers=1))
        assert [result.success for result in results] == [False, True]

    def test_a_token_used_up_by_one_execution(self, executor: ParallelExecutor) -> None:
        token = CancellationToken()
        config = ParallelConfig(fail_fast=True, cancellation=token)
        executor.execute([flows.fail], [{}], config)
        assert not token.is_cancelled  # it is the caller's
        (result,) = executor.execute([flows.echo], [{}], config)
        assert result.success


def _value(result: ParallelFlowResult) -> Any:
    assert result.success, result
    assert result.error is None
    assert result.attempts >= 1
    return result.value


def _error(result: ParallelFlowResult) -> str:
    assert not result.success, result
    assert result.error is not None
    return result.error.message


def _all_cancelled(results: Sequence[ParallelFlowResult], attempts: Sequence[int]) -> None:
    for result in results:
        assert result.cancelled, result
        assert not result.success
        assert result.value is None
        assert result.error is not None
        assert result.error.code == "E_EXECUTION_CANCELLED"
    assert [result.attempts for result in results] == attempts


def _types(value: Any) -> Any:
    if isinstance(value, Mapping):
        return type(value), {key: _types(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [_types(inner) for inner in value]
    return type(value)


def _most_at_once(intervals: Sequence[tuple[float, float]]) -> int:
    return max(sum(begin <= moment < end for begin, end in intervals) for moment, _ in intervals)


def _cancel_when_begun(token: CancellationToken, directory: Path, count: int, word: str = "began") -> None:
    """Cancel, from another thread, once so many flows have noted that they began."""

    def watch() -> None:
        while len(notes(directory, word)) < count:
            time.sleep(0.01)
        time.sleep(0.05)
        token.cancel()

    threading.Thread(target=watch, daemon=True).start()
