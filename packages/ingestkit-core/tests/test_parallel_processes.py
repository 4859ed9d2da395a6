"""What processes promise beyond the contract: isolation, limits that hold, pickling by name, nothing left."""

import dataclasses
import math
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from ingestkit_core.errors import ErrorCode, PickleValidationError
from ingestkit_core.parallel import CancellationToken, ParallelConfig, ProcessExecutor, RetryPolicy, ThreadExecutor
from ingestkit_core.testing import flows
from ingestkit_core.testing.contracts import ParallelExecutorContract

pytestmark = pytest.mark.integration

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
_PRELOAD = ["ingestkit_core.testing.flows"]


@pytest.fixture(scope="module")
def warm():
    """One executor for the cases that do not look at its life."""
    with ProcessExecutor(preload=_PRELOAD) as executor:
        yield executor


class TestProcessExecutor(ParallelExecutorContract):
    @pytest.fixture
    def executor(self, warm):
        return warm


def _within(seconds, condition):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


def _children():
    return {process.pid for process in psutil.Process().children(recursive=True)}


def _runs(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# Flows of this file: workers load it although no import finds it.


def _exit_3(state):
    os._exit(3)


class _KilledWhilePickled:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)


def _killed_while_pickling(state):
    return _KilledWhilePickled()


def _killed_while_sending(state):
    # The result goes to a spool file; death comes when half of it is there.
    return [bytes(10_000_000), _KilledWhilePickled()]


def _killed_by_its_thread_while_sending(state):
    threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return [bytes(1_000_000) + bytes([n % 256]) for n in range(2000)]


def _start_a_command(state):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(state["directory"], "pid").write_text(str(process.pid))
    time.sleep(60)


@dataclasses.dataclass
class Reduced:
    """Comes back only through its own __reduce__: the plain way would carry ``calls`` along."""

    name: str
    calls: int = 0

    def __reduce__(self):
        return Reduced, (self.name, self.calls + 1)


@dataclasses.dataclass
class Refusing:
    name: str

    def __reduce__(self):
        raise RuntimeError("a handle cannot travel")


def _unloadable():
    raise RuntimeError("not here")


class Unloadable:
    def __reduce__(self):
        return _unloadable, ()


# Workers


def test_fewer_or_more_workers_than_asked():
    with ProcessExecutor(preload=_PRELOAD) as executor:
        assert executor.worker_pids == []
        executor.execute([flows.process_id] * 6, [{"seconds": 0.2}] * 6, ParallelConfig(max_workers=3))
        _within(20, lambda: len(executor.worker_pids) == 3)
    assert executor.worker_pids == []


def test_flows_that_run_in_the_caller(warm, tmp_path):
    branches = [flows.meet] * 2 + [flows.process_id] * 4
    results = warm.execute(branches, [{"directory": str(tmp_path)}] * 6, ParallelConfig(max_workers=2))
    pids = {result.worker_pid for result in results}
    assert len(pids) >= 2
    assert os.getpid() not in pids
    results = results[2:]
    assert [result.worker_pid for result in results] == [result.value for result in results]


def test_warm_workers_that_are_started_again():
    config = ParallelConfig(max_workers=1)
    with ProcessExecutor(preload=_PRELOAD) as executor:
        first, second = (executor.execute([flows.process_id], [{}], config)[0].value for _ in range(2))
    (third,) = executor.execute([flows.process_id], [{}], config)  # closed, it keeps nothing warm any more
    assert first == second != third.value
    assert executor.worker_pids == []


def test_processes_and_files_that_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = _children()
    config = ParallelConfig(max_workers=2, timeout_seconds=60)
    branches = [flows.echo, flows.echo, flows.fault]
    states = [{"x": "x" * 1_000_000}, {}, {"fault": "segfault"}]
    results = ProcessExecutor(preload=_PRELOAD).execute(branches, states, config)
    assert [result.success for result in results] == [True, True, False]
    assert _children() <= before
    assert list(tmp_path.iterdir()) == []


def test_two_executions_at_once_that_mix_their_results(warm):
    def run(word):
        states = [{"word": word, "number": number} for number in range(40)]
        results = warm.execute([flows.echo] * 40, states, ParallelConfig(max_workers=2))
        done[word] = [result.value for result in results] == states

    done = {}
    threads = [threading.Thread(target=run, args=(word,), daemon=True) for word in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done == {"a": True, "b": True}


def test_values_that_depend_on_the_strategy(warm):
    branches = [flows.change, flows.echo, flows.fail, flows.fail_as_backend, flows.leave, flows.fault]
    states = [{"list": [1], "t": (1, b"2")}, {"set": {1}}, {}, {}, {}, {"fault": "memory-error"}]
    config = ParallelConfig(max_workers=2)
    for threaded, processed in zip(
        ThreadExecutor().execute(branches, states, config), warm.execute(branches, states, config), strict=True
    ):
        same = {"duration_seconds": 0.0, "worker_pid": None}
        assert dataclasses.replace(processed, **same) == dataclasses.replace(threaded, **same)


# Flows that end badly


@posix
@pytest.mark.parametrize(("flow", "state", "code", "cause"), [
    (flows.fault, {"fault": "segfault"}, "E_EXECUTION_CRASHED", "SIGSEGV"),
    (_exit_3, {}, "E_EXECUTION_CRASHED", "exit code 3"),
    (flows.fault, {"fault": "kill"}, "E_EXECUTION_CRASHED", "SIGKILL"),
    (_killed_while_pickling, {}, "E_EXECUTION_CRASHED", "SIGKILL"),
    (_killed_while_sending, {}, "E_EXECUTION_CRASHED", "SIGKILL"),
    (_killed_by_its_thread_while_sending, {}, "E_EXECUTION_CRASHED", "SIGKILL"),
    (flows.fault, {"fault": "unpicklable-result"}, "E_EXECUTION_NOT_PICKLABLE", "function"),
    (flows.fault, {"fault": "memory-error"}, "E_EXECUTION_MEMORY", "MemoryError"),
])  # fmt: skip
def test_a_crash_that_takes_others_along(warm, flow, state, code, cause):
    branches = [flows.interval, flow, flows.interval, flows.echo]
    states = [{"seconds": 0.2}, state, {"seconds": 0.2}, {}]
    results = warm.execute(branches, states, ParallelConfig(max_workers=2))
    assert [result.success for result in results] == [True, False, True, True]
    assert results[1].error is not None
    assert results[1].error.code == code
    assert cause in results[1].error.message
    assert results[1].worker_pid not in (None, os.getpid())


def test_a_crash_that_is_tried_again_unasked(warm):
    state = {"fault": "exit"}
    once = warm.execute([flows.fault], [state], ParallelConfig(retry=RetryPolicy(1, 0)))
    named = RetryPolicy(1, 0, retry_on=(ErrorCode.E_EXECUTION_CRASHED,))
    twice = warm.execute([flows.fault], [state], ParallelConfig(retry=named))
    assert [once[0].attempts, twice[0].attempts] == [1, 2]


@posix
def test_a_loop_that_ignores_its_limit(warm):
    config = ParallelConfig(max_workers=4, timeout_seconds=1)
    loops = ["c-loop", "python-loop", "sleep", "stop"]
    began = time.monotonic()
    branches, states = [flows.fault] * 4 + [flows.echo] * 2, [{"fault": loop} for loop in loops] + [{}] * 2
    results = warm.execute(branches, states, config)
    assert time.monotonic() - began < 1 + 20
    assert [result.timed_out for result in results] == [True] * 4 + [False] * 2
    assert [result.success for result in results] == [False] * 4 + [True] * 2
    for late in results[:4]:
        assert late.error is not None
        assert late.error.code == "E_EXECUTION_TIMEOUT"
        assert late.worker_pid is not None
        assert not psutil.pid_exists(late.worker_pid)


def test_a_loop_that_ends_without_a_limit():
    # The control of the case above: it is the limit that ends the loop.
    executor = ProcessExecutor(preload=_PRELOAD)
    results = []
    config = ParallelConfig(max_workers=1)
    thread = threading.Thread(
        target=lambda: results.extend(executor.execute([flows.fault], [{"fault": "c-loop"}], config)), daemon=True
    )
    thread.start()
    thread.join(2)
    assert thread.is_alive()
    executor.close()  # which is another way to end it
    thread.join(30)
    assert not thread.is_alive()
    assert results[0].cancelled


@posix
def test_a_command_that_outlives_its_late_flow(warm, tmp_path):
    state = {"directory": str(tmp_path)}
    for limit in (2, 8, 32):  # where much else runs, the first is over before the command has begun
        (late,) = warm.execute([_start_a_command], [state], ParallelConfig(timeout_seconds=limit))
        assert late.timed_out
        if (tmp_path / "pid").exists():
            break
    pid = int((tmp_path / "pid").read_text())
    _within(20, lambda: not psutil.pid_exists(pid) or not _runs(psutil.Process(pid)))


@pytest.mark.skipif(sys.platform == "win32", reason="no memory is watched there")
def test_a_flow_that_eats_the_memory_of_others(warm):
    config = ParallelConfig(max_workers=2, max_memory_mb=300, timeout_seconds=60)
    results = warm.execute([flows.fault, flows.echo], [{"fault": "grow"}, {}], config)
    assert [result.success for result in results] == [False, True]
    assert results[0].error is not None
    assert results[0].error.code == "E_EXECUTION_MEMORY"
    assert not results[0].timed_out


def test_a_large_result_that_is_cut_or_lost(warm):
    (result,) = warm.execute([flows.fault], [{"fault": "big-result"}], ParallelConfig(timeout_seconds=60))
    assert result.success
    assert len(result.value) == 200_000_000


def test_a_large_state_that_is_cut_or_lost(warm):
    state = {"bytes": bytes(range(256)) * 40_000}
    (result,) = warm.execute([flows.echo], [state], ParallelConfig(timeout_seconds=60))
    assert result.value == state


# What cannot travel


def _locals():
    def local(state):
        return state

    return local


class _Client:
    def __init__(self):
        self.lock = threading.Lock()


class _Server:
    def __init__(self):
        self.client = _Client()


@pytest.fixture(scope="module")
def open_things():
    with open(__file__) as file, sqlite3.connect(":memory:") as connection:
        yield {"file": file, "connection": connection}


_UNPICKLABLE = [
    ("lambda", lambda things: {"fn": lambda: 1}, "fn", "lambda"),
    ("local", lambda things: {"fn": _locals()}, "fn", "local"),
    ("file", lambda things: {"fine": 1, "log": things["file"]}, "log", "TextIOWrapper"),
    ("connection", lambda things: {"db": things["connection"]}, "db", "sqlite3.Connection"),
    ("lock", lambda things: {"guard": threading.Lock()}, "guard", "lock"),
    ("nested", lambda things: {"config": {"client": {"lock": threading.Lock()}}}, "config.client.lock", "lock"),
    ("object", lambda things: {"config": {"client": _Client()}}, "config.client.lock", "lock"),
    ("in objects", lambda things: {"servers": {"one": _Server()}}, "servers.one.client.lock", "lock"),
    ("in a list", lambda things: {"all": [1, (2, things["connection"])]}, "all.1.1", "sqlite3.Connection"),
    ("reduce", lambda things: {"x": Refusing("x")}, "x", "a handle cannot travel"),
    ("generator", lambda things: {"rows": (n for n in ())}, "rows", "generator"),
    ("token", lambda things: {"token": CancellationToken()}, "token", ""),
]


@pytest.mark.parametrize(("make", "path", "why"), [case[1:] for case in _UNPICKLABLE], ids=[c[0] for c in _UNPICKLABLE])
def test_a_state_that_cannot_travel_and_is_not_named(open_things, make, path, why):
    before = _children()
    with ProcessExecutor() as executor:
        with pytest.raises(PickleValidationError) as caught:
            executor.execute([flows.echo] * 4, [{}, {}, make(open_things), {}], ParallelConfig())
        assert executor.worker_pids == []
        assert _children() <= before  # not even the template has started
    message = caught.value.message
    if path != "token":
        assert message.startswith(f"State key {path!r} in flow 2 is not picklable: ")
    else:
        assert message.startswith("State key 'token.")
    assert why in message
    assert isinstance(caught.value, ValueError)
    assert caught.value.code == ErrorCode.E_EXECUTION_NOT_PICKLABLE


@pytest.mark.parametrize("flow", [lambda state: 1, _locals(), _Client().lock.acquire], ids=["lambda", "local", "bound"])
def test_a_flow_that_cannot_travel_and_is_not_named(flow, tmp_path):
    before = _children()
    state = {"directory": str(tmp_path)}
    with pytest.raises(PickleValidationError, match="Flow 1 is not picklable: ") as caught:
        ProcessExecutor().execute([flows.mark, flow], [state, state], ParallelConfig())
    assert caught.value.code == ErrorCode.E_EXECUTION_NOT_PICKLABLE
    assert _children() <= before
    assert flows.notes(tmp_path, "mark") == []


def test_a_reduce_that_is_not_used(warm):
    state = {"reduced": Reduced("x"), "nan": math.nan}
    (result,) = warm.execute([flows.echo], [state], ParallelConfig())
    assert result.value["reduced"] == Reduced("x", calls=2)  # there and back
    assert state["reduced"] == Reduced("x", calls=0)


def test_a_state_that_cannot_be_loaded_and_stops_all(warm):
    results = warm.execute([flows.echo] * 2, [{"x": Unloadable()}, {}], ParallelConfig(max_workers=2))
    assert [result.success for result in results] == [False, True]
    assert results[0].error is not None
    assert results[0].error.code == "E_EXECUTION_NOT_PICKLABLE"
    assert "RuntimeError" in results[0].error.message


# The end of the caller

_SCRIPT = """
import sys, threading, time
from ingestkit_core.parallel import ParallelConfig, ProcessExecutor
from ingestkit_core.testing import flows
executor = ProcessExecutor(preload=["ingestkit_core.testing.flows"])
def tell():
    while len(executor.worker_pids) < 2:
        time.sleep(0.01)
    time.sleep(0.3)
    print(*executor.worker_pids, flush=True)
threading.Thread(target=tell, daemon=True).start()
executor.execute([flows.fault] * 4, [{"fault": "c-loop"}] * 4, ParallelConfig(max_workers=2))
"""


@pytest.fixture
def caller(tmp_path):
    """A process that runs C loops in two workers; its processes; and the temporary directory it uses."""
    spool = tmp_path / "spool"
    spool.mkdir()
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(spool)},
    )
    assert process.stdout is not None
    workers = [int(pid) for pid in process.stdout.readline().split()]
    assert len(workers) == 2
    family = psutil.Process(process.pid).children(recursive=True)
    assert {child.pid for child in family} >= set(workers)
    yield SimpleNamespace(process=process, family=family, spool=spool)
    process.kill()
    for child in filter(_runs, family):
        child.kill()
    process.communicate()


def _gone(caller):
    return not any(_runs(child) for child in caller.family) and not list(caller.spool.iterdir())


@posix
def test_ctrl_c_that_leaves_something(caller):
    sent = time.monotonic()
    caller.process.send_signal(signal.SIGINT)
    _, errors = caller.process.communicate(timeout=30)
    assert time.monotonic() - sent < 20  # its flows would go on for minutes
    assert "KeyboardInterrupt" in errors
    assert _gone(caller)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's lifeline is Linux's")
def test_a_killed_caller_that_leaves_something(caller):
    caller.process.kill()
    caller.process.wait()
    _within(20, lambda: _gone(caller))
