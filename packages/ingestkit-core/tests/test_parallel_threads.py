"""What threads promise beyond the contract: context, lateness without waiting, and a way out."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextvars import ContextVar
from copy import deepcopy

import pytest
from ingestkit_core.parallel import (
    CancellationToken,
    CircuitBreaker,
    ParallelConfig,
    ThreadExecutor,
    current_token,
    threads,
)
from ingestkit_core.testing import flows
from ingestkit_core.testing.contracts import ParallelExecutorContract
from ingestkit_core.testing.flows import notes

pytestmark = pytest.mark.integration


class TestThreadExecutor(ParallelExecutorContract):
    @pytest.fixture
    def executor(self):
        with ThreadExecutor() as executor:
            yield executor


def _run(flows_, states, **settings):
    return ThreadExecutor().execute(flows_, states, ParallelConfig(**settings))


def _flow_threads():
    return [thread for thread in threading.enumerate() if thread.name == "ingestkit-flow"]


def _within(seconds, condition):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


def test_results_unlike_those_of_a_plain_loop():
    def work(state):
        state["list"].append(state["number"])
        return {"sum": sum(state["list"]), "state": state}

    shared = [3, 1, 2]  # on copies, no flow finds what another has appended
    states = [{"list": shared, "number": n, "bytes": b"\x00" * n, "float": n / 3, "tuple": (n, "x")} for n in range(50)]
    expected = [pickle.dumps(work(deepcopy(state))) for state in states]
    results = _run([work] * 50, states, max_workers=4)
    assert [pickle.dumps(result.value) for result in results] == expected


def test_two_workers_that_work_one_after_another():
    barrier = threading.Barrier(2)
    inside = []
    most = []

    def meet(state):
        inside.append(1)
        barrier.wait(10)  # with one worker at a time nobody would come
        most.append(len(inside))
        barrier.wait(10)
        inside.pop()

    results = _run([meet] * 6, [{}] * 6, max_workers=2)
    assert [result.success for result in results] == [True] * 6
    assert max(most) == 2


def test_a_context_variable_left_behind():
    who = ContextVar("who", default="nobody")
    who.set("caller")

    def ask(state):
        found = who.get()
        who.set(state["name"])  # seen by no other flow, and not by the caller
        return found

    results = _run([ask] * 4, [{"name": str(n)} for n in range(4)], max_workers=2)
    assert [result.value for result in results] == ["caller"] * 4
    assert who.get() == "caller"


def test_a_value_that_cannot_be_copied_and_fails_the_flow():
    lock = threading.Lock()
    state = {"lock": lock, "list": [1]}

    def take(state):
        state["list"].append(2)
        return state["lock"]

    (result,) = _run([take], [state])
    assert result.value is lock
    assert state["list"] == [1]


def test_a_process_id_that_is_made_up():
    (ran,) = _run([flows.echo], [{}])
    assert ran.worker_pid == os.getpid()
    token = CancellationToken()
    token.cancel()
    (never,) = _run([flows.echo], [{}], cancellation=token)
    assert never.worker_pid is None


# Late flows


def test_a_late_flow_that_is_waited_for_in_the_end():
    before = set(_flow_threads())  # threads of earlier tests may be on their way out
    release = threading.Event()
    began = time.monotonic()
    results = _run([lambda _: release.wait(30), flows.echo], [{}, {}], max_workers=2, timeout_seconds=1)
    assert time.monotonic() - began < 20
    assert [result.timed_out for result in results] == [True, False]
    assert len(set(_flow_threads()) - before) == 1  # left to itself
    release.set()
    _within(20, lambda: not set(_flow_threads()) - before)


def test_late_flows_that_take_all_places():
    release = threading.Event()
    hang = [lambda _: release.wait(30)] * 4
    results = _run([*hang, flows.echo], [{}] * 5, max_workers=2, timeout_seconds=0.8)
    assert [result.timed_out for result in results] == [True] * 4 + [False]
    assert results[4].success
    release.set()


def test_a_late_flow_that_is_never_told(tmp_path):
    (late,) = _run([flows.poll], [{"directory": str(tmp_path)}], timeout_seconds=0.2)
    assert late.timed_out
    assert not late.cancelled
    _within(20, lambda: len(notes(tmp_path, "ended")) == 1)


def test_a_late_value_that_arrives_after_all():
    release = threading.Event()
    lane = []

    def late(state):
        lane.append(threading.current_thread())
        release.wait(30)
        return "late"

    def await_it(state):
        release.set()
        lane[0].join(30)  # it has said what it has to say, and nobody has listened yet

    results = _run([late, await_it, flows.echo], [{}] * 3, max_workers=1, timeout_seconds=1)
    assert [result.timed_out for result in results] == [True, False, False]
    assert results[0].value is None


# Cancelling


def test_a_polling_flow_left_running_by_a_cancelled_execution(monkeypatch):
    monkeypatch.setattr(threads._ThreadLanes, "grace_seconds", 30.0)
    token = CancellationToken()
    ended = []

    def poll(state):
        current_token().wait(30)
        time.sleep(0.3)
        ended.append("in its own time")

    def cancel(state):
        token.cancel()
        return "cancelled it"

    _run([poll, poll, cancel], [{}] * 3, max_workers=3, cancellation=token)
    assert len(ended) == 2


def test_a_deaf_flow_that_holds_up_a_cancelled_execution():
    token = CancellationToken()
    release = threading.Event()
    threading.Timer(0.2, token.cancel).start()
    began = time.monotonic()
    (result,) = _run([lambda _: release.wait(30)], [{}], cancellation=token)
    assert time.monotonic() - began < 20
    assert result.cancelled
    assert not result.timed_out
    release.set()


def test_a_token_shared_by_all_flows(tmp_path):
    def stop_itself(state):
        current_token().cancel()

    results = _run([stop_itself, flows.interval], [{}, {"seconds": 0.3}], max_workers=2)
    assert [result.cancelled for result in results] == [True, False]


def test_flows_inside_a_flow_that_outlive_it(tmp_path):
    def outer(state):
        inner = _run([flows.poll], [state])
        (tmp_path / "inner").write_text(str(inner[0].cancelled))

    (result,) = _run([outer], [{"directory": str(tmp_path)}], timeout_seconds=0.3)
    assert result.timed_out
    _within(20, lambda: (tmp_path / "inner").exists())
    assert (tmp_path / "inner").read_text() == "True"


# Nothing stays


def test_threads_that_stay():
    before = _flow_threads()  # late ones of other tests
    _run([flows.interval] * 8, [{"seconds": 0.01}] * 8, max_workers=4)
    assert not set(_flow_threads()) - set(before)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_an_interrupted_execution_that_keeps_flows_and_trials(tmp_path):
    # A test run in the background of a shell inherits that Ctrl-C is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _interrupted_execution(tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupted_execution(tmp_path):
    breaker = CircuitBreaker(failure_threshold=1, reset_timeout=0)
    breaker.failed(breaker.admit())

    def interrupt(state):
        # Again after a while: one that comes at a bad moment may be lost to whatever runs just then.
        while not current_token().is_cancelled:
            os.kill(os.getpid(), signal.SIGINT)
            current_token().wait(2.0)
        return flows.poll(state)

    with pytest.raises(KeyboardInterrupt):
        _run([interrupt], [{"directory": str(tmp_path)}], circuit_breaker=breaker)
    _within(20, lambda: len(notes(tmp_path, "ended")) == 1)
    assert breaker.admit() is not None


def _script(tmp_path, body):
    script = tmp_path / "script.py"
    script.write_text(body)
    return [sys.executable, str(script)]


def test_an_abandoned_flow_that_holds_the_interpreter(tmp_path):
    code = _script(
        tmp_path,
        """
import threading, time
from ingestkit_core.parallel import ThreadExecutor, ParallelConfig
results = ThreadExecutor().execute([lambda _: time.sleep(60)], [{}], ParallelConfig(timeout_seconds=0.2))
print(results[0].timed_out, time.monotonic(), flush=True)
""",
    )
    answer = subprocess.run(code, capture_output=True, text=True, timeout=30, check=False)
    ended = time.monotonic()
    late, printed = answer.stdout.split()
    assert late == "True"
    assert answer.returncode == 0, answer.stderr
    assert ended - float(printed) < 20


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_ctrl_c_that_waits_for_threads(tmp_path):
    code = _script(
        tmp_path,
        """
import threading, time
from ingestkit_core.parallel import ThreadExecutor, ParallelConfig
def hang(state):
    print("began", flush=True)
    time.sleep(60)
ThreadExecutor().execute([hang] * 4, [{}] * 4, ParallelConfig(max_workers=1))
""",
    )
    process = subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "began\n"
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - sent < 20
    assert "KeyboardInterrupt" in errors
    assert process.returncode != 0
