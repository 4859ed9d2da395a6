"""Retry delays, the circuit breaker, tokens, and what a config refuses."""

import os
import threading
import typing
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingestkit_core import protocols
from ingestkit_core.errors import ExecutionError
from ingestkit_core.parallel import (
    CancellationToken,
    CircuitBreaker,
    ParallelConfig,
    ParallelFlowResult,
    ProcessExecutor,
    RetryPolicy,
    ThreadExecutor,
    current_token,
    get_executor,
    policies,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("name", "kind"), [("thread", ThreadExecutor), ("process", ProcessExecutor)])
def test_a_strategy_that_is_another(name, kind):
    assert type(get_executor(name)) is kind
    assert isinstance(get_executor(name), protocols.ParallelExecutor)


@pytest.mark.parametrize("name", ["threads", "Thread", "", None, 1])
def test_an_unknown_strategy_that_does_not_say_what_is_known(name):
    with pytest.raises(ValueError, match="'thread', 'process'") as caught:
        get_executor(name)
    assert repr(name) in str(caught.value)


def test_nothing_said_that_means_processes():
    assert type(get_executor()) is ThreadExecutor
    assert ParallelConfig().strategy == "thread"


def test_a_class_that_executes_nothing_and_satisfies_the_protocol():
    class Idle:
        def run(self): ...

    assert not isinstance(Idle(), protocols.ParallelExecutor)


@pytest.mark.parametrize("kind", [ThreadExecutor, ProcessExecutor])
def test_an_execute_without_its_types(kind):
    hints = typing.get_type_hints(kind.execute)
    assert list(hints) == ["flows", "states", "config", "return"]
    assert hints["config"] is ParallelConfig
    assert hints["return"] == list[ParallelFlowResult]


@pytest.mark.parametrize(
    "wrong",
    [
        {"strategy": "fork"},
        {"max_workers": 0},
        {"max_workers": -1},
        {"timeout_seconds": 0},
        {"timeout_seconds": float("nan")},
        {"max_memory_mb": 0},
    ],
)
def test_a_config_that_makes_no_sense(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ParallelConfig(**wrong)


def test_an_unknown_setting_that_is_swallowed():
    with pytest.raises(TypeError, match="workers"):
        ParallelConfig(workers=2)


def test_one_worker_where_nothing_was_said():
    assert ParallelConfig().max_workers == os.cpu_count()


# Retries


def test_delays_other_than_configured():
    policy = RetryPolicy(5, base_delay=1, max_delay=5, backoff_multiplier=2)
    assert [policy.delay(retry) for retry in (1, 2, 3, 4, 5)] == [1, 2, 4, 5, 5]


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(1, 1e6), st.integers(1, 10**6))
def test_a_delay_above_its_bound(base, bound, multiplier, retry):
    assert 0 <= RetryPolicy(1, base, bound, multiplier).delay(retry) <= bound


@pytest.mark.parametrize("wrong", [(-1,), (1, -1), (1, 1, -1), (1, 1, 1, 0.5)])
def test_a_policy_that_makes_no_sense(wrong):
    with pytest.raises(ValueError, match=r"not negative|at least 1"):
        RetryPolicy(*wrong)


@pytest.mark.parametrize("wrong", ["ValueError", ValueError])
def test_a_name_taken_for_a_row_of_letters(wrong):
    with pytest.raises(TypeError, match="retry_on is a tuple"):
        RetryPolicy(retry_on=wrong)


# The circuit breaker


@pytest.fixture
def opened(monkeypatch):
    """Makes a breaker that has opened and rested, on a clock that stands still."""
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(policies, "time", clock)

    def make(**settings) -> CircuitBreaker:
        breaker = CircuitBreaker(failure_threshold=2, reset_timeout=30, **settings)
        breaker.failed(breaker.admit())
        breaker.failed(breaker.admit())
        clock.now += 29.9
        assert breaker.state == "open"
        assert breaker.admit() is None
        clock.now += 0.2
        assert breaker.state == "half_open"
        return breaker

    return make


def test_failures_that_were_not_in_a_row():
    breaker = CircuitBreaker(failure_threshold=2)
    for outcome in (breaker.failed, breaker.succeeded, breaker.failed):
        outcome(breaker.admit())
    assert breaker.state == "closed"
    breaker.failed(breaker.admit())
    assert breaker.state == "open"


def test_every_call_let_through_when_half_open(opened):
    breaker = opened(half_open_max_calls=2)
    permits = [breaker.admit() for _ in range(5)]
    assert [permit is not None for permit in permits] == [True, True, False, False, False]
    breaker.succeeded(permits[0])
    assert breaker.state == "half_open"
    breaker.succeeded(permits[1])
    assert breaker.state == "closed"
    assert breaker.admit() is not None


def test_a_failed_trial_that_leaves_it_half_open(opened):
    breaker = opened()
    breaker.failed(breaker.admit())
    assert breaker.state == "open"
    assert breaker.admit() is None


def test_a_trial_that_was_dropped_and_is_lost(opened):
    breaker = opened()
    breaker.dropped(breaker.admit())
    assert breaker.admit() is not None


def test_an_old_call_that_decides_about_today():
    breaker = CircuitBreaker(failure_threshold=1, reset_timeout=0)
    old = breaker.admit()
    breaker.failed(breaker.admit())
    trial = breaker.admit()
    assert trial is not None
    breaker.succeeded(old)  # it began before the breaker opened
    assert breaker.state == "half_open"
    breaker.succeeded(trial)
    assert breaker.state == "closed"
    breaker.failed(old)
    assert breaker.state == "closed"


def test_two_threads_with_the_same_trial(opened):
    breaker = opened()
    start = threading.Barrier(8)
    permits = []

    def ask():
        start.wait()
        permits.append(breaker.admit())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(permit is not None for permit in permits) == 1


@pytest.mark.parametrize("wrong", [(0,), (1, -1), (1, 1, 0)])
def test_a_breaker_that_makes_no_sense(wrong):
    with pytest.raises(ValueError, match="at least"):
        CircuitBreaker(*wrong)


# Tokens


def test_a_token_that_forgets_it_was_cancelled():
    token = CancellationToken()
    assert not token.is_cancelled
    assert not token.wait(0)
    token.raise_if_cancelled()
    token.cancel()
    token.cancel()
    assert token.is_cancelled
    assert token.wait()
    with pytest.raises(ExecutionError, match="E_EXECUTION_CANCELLED"):
        token.raise_if_cancelled()


def test_a_cancelling_that_is_told_twice_or_not_at_all():
    token = CancellationToken()
    told = []
    token.on_cancel(lambda: told.append("kept"))
    token.on_cancel(lambda: told.append("forgotten"))()
    token.cancel()
    token.cancel()
    assert told == ["kept"]
    token.on_cancel(lambda: told.append("late"))
    assert told == ["kept", "late"]


def test_a_token_outside_of_flows_that_stays_cancelled():
    current_token().cancel()
    assert not current_token().is_cancelled
