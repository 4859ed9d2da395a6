"""The supervised workers: whatever a job does, it gets its exact cause, its neighbours get their results, and
nothing is left behind."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
from ingestkit_core.errors import ExecutionError, PickleValidationError
from ingestkit_core.execution import crew, forking
from ingestkit_core.execution.workers import Job, Outcome, WorkerPool, find_unpicklable

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.name != "posix", reason="the faults are POSIX ones"),
]

MIB = 1 << 20


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("faults.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


faults = _load("ingestkit_core_faults")


@pytest.fixture(autouse=True)
def own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Pools of this test leave their files here, and nothing may stay."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield directory
    # Libraries that are preloaded may leave files of their own.
    assert list(directory.glob("ingestkit-*")) == []


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


def template_pid(pool: WorkerPool) -> int | None:
    process = getattr(pool._supervisor._crew._launcher, "_process", None)  # type: ignore[union-attr]
    return process.pid if process is not None else None


class Run:
    """Submits jobs and keeps their outcomes in the order of submission."""

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool
        self.outcomes: dict[int, Outcome] = {}
        self.numbers: list[int] = []
        self.finished_order: list[int] = []
        self._more = threading.Condition()

    def submit(self, function: Callable[..., Any], *args: Any, **limits: Any) -> int:
        position = len(self.numbers)

        def on_done(outcome: Outcome) -> None:
            with self._more:
                assert position not in self.outcomes, "told twice"
                self.outcomes[position] = outcome
                self.finished_order.append(position)
                self._more.notify_all()

        self.numbers.append(self.pool.submit(Job(function, args, **limits), on_done))
        return self.numbers[-1]

    def wait(self, seconds: float = 30.0) -> list[Outcome]:
        with self._more:
            done = self._more.wait_for(lambda: len(self.outcomes) == len(self.numbers), seconds)
        assert done, f"{len(self.numbers) - len(self.outcomes)} of {len(self.numbers)} jobs got no outcome"
        return [self.outcomes[position] for position in range(len(self.numbers))]


def one(pool: WorkerPool, function: Callable[..., Any], *args: Any, **limits: Any) -> Outcome:
    run = Run(pool)
    run.submit(function, *args, **limits)
    return run.wait()[0]


def code_of(outcome: Outcome) -> str | None:
    return outcome.error.code if outcome.error is not None else None


@dataclass(frozen=True)
class Fault:
    name: str
    call: tuple[Any, ...]
    code: str | None
    says: str = ""
    exception: str | None = None
    died: bool = False
    timeout: float | None = None
    memory: int | None = None


CRASHED, MEMORY = "E_EXECUTION_CRASHED", "E_EXECUTION_MEMORY"
TIMEOUT, PICKLE = "E_EXECUTION_TIMEOUT", "E_EXECUTION_NOT_PICKLABLE"

FAULTS = [
    Fault("segfault", (faults.segfault,), CRASHED, "SIGSEGV", died=True),
    Fault("exit 1", (faults.exit_at_once, 1), CRASHED, "exit code 1", died=True),
    Fault("exit 0", (faults.exit_at_once, 0), CRASHED, "exit code 0", died=True),
    Fault("kill -9", (faults.kill_itself, signal.SIGKILL), CRASHED, "SIGKILL", died=True),
    Fault("terminate", (faults.kill_itself, signal.SIGTERM), CRASHED, "SIGTERM", died=True),
    Fault("C loop", (faults.loop_in_c,), TIMEOUT, "0.5 s", timeout=0.5),
    Fault("Python loop", (faults.loop_in_python,), TIMEOUT, "0.5 s", timeout=0.5),
    Fault("MemoryError", (faults.raise_memory_error,), MEMORY, exception="MemoryError"),
    Fault(
        "MemoryError translated by a reader",
        (faults.raise_parse_error_from_memory_error,),
        MEMORY,
        exception="ParseError",
    ),
    Fault("bad_alloc", (faults.raise_bad_alloc,), MEMORY, exception="RuntimeError"),
    Fault("ENOMEM", (faults.raise_no_memory,), MEMORY, exception="OSError"),
    Fault("growth", (faults.grow, 3000), MEMORY, "limit 300 MiB", died=True, memory=300 * MIB),
    Fault(
        "one huge allocation",
        (faults.allocate_at_once, 3000),
        MEMORY,
        exception="MemoryError",
        memory=300 * MIB,
    ),
    Fault("abort close to the cap", (faults.grow_and_abort, 435), MEMORY, "SIGABRT", died=True, memory=500 * MIB),
    Fault(
        "abort far from the cap",
        (faults.grow_and_abort, 50),
        CRASHED,
        "SIGABRT",
        died=True,
        memory=300 * MIB,
    ),
    Fault("abort after a failed allocation", (faults.abort_like_rust,), MEMORY, "SIGABRT", died=True),
    Fault(
        "bad_alloc swallowed on the way to another error",
        (faults.trip_over_bad_alloc,),
        MEMORY,
        exception="AttributeError",
        memory=300 * MIB,
    ),
    Fault("swallowed bad_alloc", (faults.swallow_bad_alloc,), MEMORY, "could not get the memory", memory=300 * MIB),
    Fault("unpicklable result", (faults.unpicklable_result,), PICKLE, "a lock", exception="TypeError"),
    Fault(
        "result whose __reduce__ raises",
        (faults.result_with_raising_reduce,),
        PICKLE,
        "_ReduceRaises",
        exception="ValueError",
    ),
    Fault(
        "exception that cannot be unpickled",
        (faults.raise_odd_error,),
        CRASHED,
        "OddError: raised in the worker",
        exception="OddError",
    ),
    Fault("panic", (faults.raise_panic,), CRASHED, "PanicException", exception="PanicException"),
    Fault("SystemExit", (faults.raise_system_exit,), CRASHED, "SystemExit", exception="SystemExit"),
    Fault(
        "KeyboardInterrupt",
        (faults.raise_keyboard_interrupt,),
        CRASHED,
        "KeyboardInterrupt",
        exception="KeyboardInterrupt",
    ),
    Fault("an error of ours", (faults.raise_parse_error,), "E_PARSE_PASSWORD", "password", exception="ParseError"),
    Fault(
        "argument that cannot be loaded",
        (faults.take, faults.unloadable()),
        PICKLE,
        "ValueError",
        exception="ValueError",
    ),
    Fault("200 MB result", (faults.large_result, 200), None),
    Fault(
        "killed while pickling",
        (faults.signal_while_pickling, signal.SIGKILL),
        CRASHED,
        "SIGKILL",
        died=True,
    ),
    Fault("killed while sending", (faults.signal_while_sending, signal.SIGKILL), CRASHED, "SIGKILL", died=True),
    Fault("stopped while sending", (faults.signal_while_sending, signal.SIGSTOP), TIMEOUT, timeout=1.0),
    Fault("closes all descriptors", (faults.close_all_descriptors,), CRASHED, "the worker died", died=True),
    Fault("sends garbage", (faults.send_garbage,), CRASHED, "the worker died", died=True),
]


@dataclass
class Shared:
    """One pool for the whole table, so that each fault also meets what the one before it left behind."""

    pool: WorkerPool
    directory: Path
    pids: set[int]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    directory = tmp_path_factory.mktemp("shared")
    with WorkerPool(2) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(directory))
            one(pool, faults.double, 1)
        shared = Shared(pool, directory, {template_pid(pool) or 0})
        yield shared
        shared.pids.update(pool.worker_pids)
    assert all(gone(pid) for pid in shared.pids)
    assert list(directory.iterdir()) == []


@pytest.fixture
def pool(shared: Shared) -> WorkerPool:
    """The shared one, where a test needs nothing of its own."""
    return shared.pool


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_one_bad_job_among_twenty_good_ones(fault: Fault, shared: Shared) -> None:
    run = Run(shared.pool)
    for number in range(3):
        run.submit(faults.double, number)
    run.submit(*fault.call, timeout_seconds=fault.timeout, max_memory_bytes=fault.memory)
    for number in range(3, 20):
        run.submit(faults.double, number)
    outcomes = run.wait()
    bad = outcomes.pop(3)
    assert [outcome.value() for outcome in outcomes] == [2 * number for number in range(20)]
    assert (code_of(bad), bad.exception, bad.worker_died) == (fault.code, fault.exception, fault.died)
    if bad.error is None:
        assert len(bad.value()) == 200 * MIB
    else:
        assert fault.says in bad.error.message
        assert "secret" not in bad.error.message
        with pytest.raises(ExecutionError, match=fault.code):
            bad.value()
    assert (fault.exception or "") in (bad.traceback or "")
    if fault.timeout:
        assert fault.timeout <= bad.seconds < fault.timeout + 20
    shared.pids.update(outcome.worker_pid or 0 for outcome in [*outcomes, bad])
    if fault.died or fault.timeout:
        assert gone(bad.worker_pid or 0)
    assert list(shared.directory.glob("*/job-*")) == []


def test_an_error_of_ours_keeps_its_place(pool: WorkerPool) -> None:
    error = one(pool, faults.raise_parse_error).error
    assert error is not None
    assert (error.stage, error.page_number) == ("parse", 7)


def test_a_dead_workers_last_words_are_kept_for_debugging(pool: WorkerPool) -> None:
    outcome = one(pool, faults.segfault)
    assert "in segfault" in (outcome.traceback or "")


def test_several_faults_at_once_are_told_apart(pool: WorkerPool) -> None:
    run = Run(pool)
    for _ in range(3):
        run.submit(faults.segfault)
        run.submit(faults.exit_at_once, 7)
        run.submit(faults.loop_in_c, timeout_seconds=0.2)
        run.submit(faults.double, 1)
    outcomes = run.wait()
    assert [code_of(outcome) for outcome in outcomes] == [CRASHED, CRASHED, TIMEOUT, None] * 3
    assert ["exit code 7" in str(outcome.error) for outcome in outcomes[1::4]] == [True] * 3


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: (lambda: 1, ()), "<lambda>"),
        (lambda: (faults.take, (threading.Lock(),)), "argument 0 of take"),
        (lambda: (faults.take, ({"a": [1, {"db": threading.Lock()}]},)), "at a.1.db (lock)"),
        (lambda: (faults.take, (1, open(os.devnull))), "argument 1 of take"),  # noqa: SIM115
        (lambda: (faults.take, (faults._ReduceRaises(),)), "_ReduceRaises"),
    ],
    ids=["lambda", "lock", "nested", "open file", "reduce raises"],
)
def test_what_cannot_travel_is_refused_by_name_before_anything_starts(
    make: Callable[[], tuple[Callable[..., Any], tuple[Any, ...]]], says: str
) -> None:
    function, args = make()
    with WorkerPool(1) as pool:
        with pytest.raises(PickleValidationError) as refused:
            pool.submit(Job(function, args), lambda outcome: None)
        assert says in refused.value.message
        assert pool._supervisor is None


def test_find_unpicklable_gives_the_innermost_path() -> None:
    found = find_unpicklable({"state": {"list": [1, (2, threading.Lock())]}})
    assert found is not None
    assert (found.path, found.type_name) == ("state.list.1.1", "lock")
    assert find_unpicklable({"fine": [1, "two", None]}) is None
    circle: list[object] = [threading.Lock()]
    circle.insert(0, circle)
    found = find_unpicklable(circle)
    assert found is not None
    assert found.path == "1"


# Nothing is left behind


OWNER = """
    import importlib.util, os, sys, time
    from pathlib import Path
    spec = importlib.util.spec_from_file_location("ingestkit_core_faults", {faults!r})
    faults = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = faults
    spec.loader.exec_module(faults)
    from ingestkit_core.execution.workers import Job, WorkerPool

    pool = WorkerPool(2, launcher={launcher!r})
    pool.submit(Job(faults.{function}, ({note!r},)), print)
    pool.submit(Job(faults.nap, (60,)), print)
    while len(pool.worker_pids) < 2 or not os.path.exists({note!r}):
        time.sleep(0.01)
    template = getattr(pool._supervisor._crew._launcher, "_process", None)
    print(*pool.worker_pids, *([template.pid] if template else []), flush=True)
    {then}
"""


def owner_script(tmp_path: Path, *, launcher: str, function: str, then: str) -> str:
    return textwrap.dedent(OWNER).format(
        faults=str(Path(__file__).with_name("faults.py")),
        launcher=launcher,
        function=function,
        note=str(tmp_path / "note"),
        then=then,
    )


def start_owner(script: str, **options: Any) -> tuple[subprocess.Popen[str], list[int]]:
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, **options)
    assert owner.stdout is not None
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    assert len(pids) >= 2
    return owner, pids


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can end a C loop for us")
def test_a_killed_owner_leaves_nothing_even_in_a_c_loop_with_a_child(
    tmp_path: Path, own_temporary_directory: Path
) -> None:
    script = owner_script(tmp_path, launcher="fork", function="start_a_child_and_loop", then="time.sleep(60)")
    owner, pids = start_owner(script)
    pids += [int(pid) for pid in (tmp_path / "note").read_text().split()]
    assert not any(gone(pid) for pid in pids)
    assert any(own_temporary_directory.iterdir())
    owner.kill()
    owner.wait()
    assert wait_until(lambda: all(gone(pid) for pid in pids))
    assert wait_until(lambda: not any(own_temporary_directory.iterdir()))


def test_a_killed_owner_of_spawned_workers_leaves_no_worker(tmp_path: Path, own_temporary_directory: Path) -> None:
    # Here a thread watches, so a C loop would go on; and nobody is left to remove the directory at once.
    script = owner_script(tmp_path, launcher="spawn", function="write_note_and_nap", then="time.sleep(60)")
    owner, pids = start_owner(script)
    owner.kill()
    owner.wait()
    assert wait_until(lambda: all(gone(pid) for pid in pids))
    assert len(list(own_temporary_directory.iterdir())) == 1
    with WorkerPool(1) as pool:
        assert one(pool, faults.double, 1).value() == 2
        assert len(list(own_temporary_directory.iterdir())) == 1, "the next pool sweeps a dead owner's directory"


def test_an_owner_that_ends_without_closing_leaves_nothing(tmp_path: Path) -> None:
    script = owner_script(tmp_path, launcher="fork", function="write_note_and_loop", then="sys.exit(0)")
    owner, pids = start_owner(script)
    assert owner.wait(30) == 0
    assert wait_until(lambda: all(gone(pid) for pid in pids))


def test_a_killed_owner_that_had_forked_leaves_nothing(tmp_path: Path) -> None:
    # The fork inherits the write ends of the lifelines; unless it closes them, it keeps the workers alive.
    script = owner_script(
        tmp_path,
        launcher="fork",
        function="write_note_and_loop",
        then="child = os.fork(); time.sleep(0.3 if child else 30); print(child, flush=True); time.sleep(60)",
    )
    owner, pids = start_owner(script)
    assert owner.stdout is not None
    child = int(owner.stdout.readline())
    try:
        owner.kill()
        owner.wait()
        assert wait_until(lambda: all(gone(pid) for pid in pids))
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can end a C loop for us")
def test_workers_die_with_their_owner_also_without_the_template_and_the_next_pool_tidies_up(
    tmp_path: Path, own_temporary_directory: Path
) -> None:
    script = owner_script(tmp_path, launcher="fork", function="start_a_child_and_loop", then="time.sleep(60)")
    owner, pids = start_owner(script)
    *workers, template = pids
    workers += [int(pid) for pid in (tmp_path / "note").read_text().split()]
    for pid in (template, owner.pid):
        os.kill(pid, signal.SIGKILL)
    owner.wait()
    assert wait_until(lambda: all(gone(pid) for pid in workers))
    left = set(own_temporary_directory.iterdir())
    assert left
    with WorkerPool(1) as pool:
        assert one(pool, faults.double, 1).value() == 2
        assert not left & set(own_temporary_directory.iterdir())


def test_a_timeout_kills_what_the_job_started(pool: WorkerPool, tmp_path: Path) -> None:
    note = tmp_path / "note"
    for limit in (1.0, 4.0, 16.0):  # where much else runs, the first is over before the child is there
        outcome = one(pool, faults.start_a_child_and_loop, str(note), timeout_seconds=limit)
        assert code_of(outcome) == TIMEOUT
        if note.exists():
            break
    assert wait_until(lambda: all(gone(int(pid)) for pid in note.read_text().split()))


def test_what_a_job_started_goes_with_its_worker(pool: WorkerPool, tmp_path: Path) -> None:
    note = tmp_path / "note"
    assert code_of(one(pool, faults.start_a_child_and_die, str(note))) == CRASHED
    assert wait_until(lambda: gone(int(note.read_text())))


@pytest.mark.parametrize("way", ["hold", "watch"])
def test_a_lifeline_taken_up_after_the_owners_death_ends_the_worker(way: str) -> None:
    script = f"""
        import os, time
        from ingestkit_core.execution import lifeline
        os.setpgid(0, 0)
        read_end, write_end = os.pipe()
        os.close(write_end)
        lifeline.{way}(read_end)
        time.sleep(20)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=30, check=False)
    assert ran.returncode == -signal.SIGKILL


def test_close_kills_cancels_and_may_be_called_again(
    own_temporary_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "_END_SECONDS", 40.0)
    pool = WorkerPool(2)
    run = Run(pool)
    for _ in range(5):
        run.submit(faults.loop_in_c)
    assert wait_until(lambda: len(pool.worker_pids) == 2)
    pids = pool.worker_pids
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 30, "the template did not go by itself"
    assert {code_of(outcome) for outcome in run.wait(0.1)} == {"E_EXECUTION_CANCELLED"}
    assert all(gone(pid) for pid in pids)
    assert list(own_temporary_directory.iterdir()) == []
    pool.close()
    with pytest.raises(ExecutionError, match="E_EXECUTION_SUBMIT"):
        pool.submit(Job(faults.double, (1,)), print)


def test_a_pool_that_was_never_used_starts_nothing(own_temporary_directory: Path) -> None:
    with WorkerPool(2) as pool:
        assert pool.worker_pids == []
        assert list(own_temporary_directory.iterdir()) == []


def test_a_pool_closed_while_it_boots_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_to_load.py").write_text("import time; time.sleep(60)")
    monkeypatch.syspath_prepend(tmp_path)
    with WorkerPool(1, preload=["slow_to_load"]) as pool:
        run = Run(pool)
        run.submit(faults.double, 1)
    assert code_of(run.wait(0.1)[0]) == "E_EXECUTION_CANCELLED"


# Scripts without a main guard


SCRIPT = """
    import threading
    from ingestkit_core.execution.workers import Job, WorkerPool
    import os.path
    print("main runs")
    done = threading.Event()
    outcomes = []
    with WorkerPool(2) as pool:
        pool.submit(Job(os.path.basename, ("/a/b.pdf",)), lambda outcome: (outcomes.append(outcome), done.set()))
        done.wait(20)
    print(outcomes[0].value())
"""


@pytest.mark.parametrize("way", ["file", "-c", "stdin"])
def test_the_callers_main_is_never_imported(way: str, tmp_path: Path) -> None:
    script = textwrap.dedent(SCRIPT)
    path = tmp_path / "script.py"
    path.write_text(script)
    command = {"file": [str(path)], "-c": ["-c", script], "stdin": ["-"]}[way]
    ran = subprocess.run(
        [sys.executable, *command],
        input=script if way == "stdin" else None,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("main runs\nb.pdf\n", "")


def test_a_function_of_the_main_script_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        textwrap.dedent("""
        from ingestkit_core.errors import PickleValidationError
        from ingestkit_core.execution.workers import Job, WorkerPool
        def read(path): return path
        try:
            WorkerPool(1).submit(Job(read, ("a",)), print)
        except PickleValidationError as refused:
            print(refused.message)
        """)
    )
    ran = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=30, check=True)
    assert "read is defined in the main script" in ran.stdout
    assert "move it to a module" in ran.stdout


def test_a_scripts_sibling_module_is_found(tmp_path: Path) -> None:
    (tmp_path / "sibling.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Point:\n    x: int\n"
        "def shift(point):\n    return Point(point.x + 1)\n"
    )
    (tmp_path / "script.py").write_text(
        textwrap.dedent(SCRIPT)
        .replace("import os.path", "import sibling")
        .replace('os.path.basename, ("/a/b.pdf",)', "sibling.shift, (sibling.Point(1),)")
    )
    ran = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path
    )
    assert (ran.stdout, ran.stderr) == ("main runs\nPoint(x=2)\n", "")


def test_functions_and_classes_of_a_test_module_travel(pool: WorkerPool) -> None:
    assert one(pool, faults.take, Fault("x", (1,), None)).value() > 0


# How a pool lives


def test_three_boot_deaths_in_a_row_fail_what_waits_with_the_workers_words(tmp_path: Path) -> None:
    with WorkerPool(2, preload=["ingestkit_no_such_module"]) as pool:
        run = Run(pool)
        for _ in range(5):
            run.submit(faults.double, 1)
        outcomes = run.wait()
        assert {code_of(outcome) for outcome in outcomes} == {"E_EXECUTION_SUBMIT"}
        assert outcomes[0].error is not None
        assert outcomes[0].error.message.endswith("No module named 'ingestkit_no_such_module'")
        assert "Traceback" in (outcomes[0].traceback or "")
        assert not outcomes[0].worker_died
        assert code_of(one(pool, faults.double, 1)) == "E_EXECUTION_SUBMIT"


def test_a_preload_that_dies_is_named_by_its_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deadly_module.py").write_text("import os; os.kill(os.getpid(), 9)")
    monkeypatch.syspath_prepend(tmp_path)
    with WorkerPool(1, preload=["deadly_module"]) as pool:
        assert "SIGKILL" in str(one(pool, faults.double, 1).error)


def test_preloaded_modules_are_there_and_libraries_compute_on_one_thread() -> None:
    with WorkerPool(1, preload=["wave"]) as pool:
        assert "wave" in one(pool, faults.modules).value()
        assert one(pool, faults.environment, "OMP_NUM_THREADS").value() == "1"


def test_workers_are_replaced_after_so_many_jobs() -> None:
    with WorkerPool(1, max_jobs_per_worker=3) as pool:
        pids = [one(pool, faults.nap, 0).value() for _ in range(9)]
    assert [len(set(pids[begin : begin + 3])) for begin in (0, 3, 6)] == [1, 1, 1]
    assert len(set(pids)) == 3


def test_a_worker_that_keeps_much_memory_is_replaced_between_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    with WorkerPool(1) as pool:
        first = one(pool, faults.nap, 0.3, max_memory_bytes=10_000 * MIB).value()
        assert one(pool, faults.nap, 0.3, max_memory_bytes=10_000 * MIB).value() == first
        resident = int(Path(f"/proc/{first}/statm").read_text().split()[1]) * 4096
        assert one(pool, faults.nap, 1.0, max_memory_bytes=int(resident * 1.5)).value() == first
        assert one(pool, faults.nap, 0, max_memory_bytes=int(resident * 1.5)).value() != first


def test_the_cap_of_one_job_is_not_the_next_ones() -> None:
    with WorkerPool(1) as pool:
        assert one(pool, faults.data_limit, max_memory_bytes=400 * MIB).value() == 600 * MIB
        assert one(pool, faults.data_limit, max_memory_bytes=200 * MIB).value() == 300 * MIB
        assert one(pool, faults.data_limit).value() == -1


def test_the_peak_of_a_large_job_is_not_held_against_a_small_one() -> None:
    with WorkerPool(1) as pool:
        assert one(pool, faults.grow, 250).value() == 250
        outcome = one(pool, faults.segfault, max_memory_bytes=250 * MIB)
    assert code_of(outcome) == CRASHED


def test_a_worker_that_ran_out_of_memory_is_not_used_again() -> None:
    with WorkerPool(1) as pool:
        first = one(pool, faults.nap, 0).value()
        assert code_of(one(pool, faults.raise_memory_error)) == MEMORY
        assert one(pool, faults.nap, 0).value() != first


def test_few_quick_jobs_are_shared_by_the_first_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_second_fork.py").write_text(
        "import os, time\n"
        "delays = iter([0, 0.3, 0, 0])\n"
        "os.register_at_fork(before=lambda: globals().update(delay=next(delays)))\n"
        "os.register_at_fork(after_in_child=lambda: time.sleep(delay))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with WorkerPool(2, preload=["slow_second_fork"]) as pool:
        run = Run(pool)
        for _ in range(4):
            run.submit(os.getpid)
        assert len({outcome.value() for outcome in run.wait()}) == 2


def test_as_many_workers_as_allowed_and_needed() -> None:
    with WorkerPool(3) as pool:
        run = Run(pool)
        run.submit(faults.nap, 0.1)
        run.wait()
        assert len(pool.worker_pids) == 1
        for _ in range(6):
            run.submit(faults.nap, 0.1)
        run.wait()
        assert wait_until(lambda: len(pool.worker_pids) == 3)


def test_jobs_start_in_the_order_of_their_submission() -> None:
    with WorkerPool(1) as pool:
        run = Run(pool)
        for number in range(50):
            run.submit(faults.double, number)
        run.wait()
    assert run.finished_order == list(range(50))


def test_a_job_alone_has_no_neighbour() -> None:
    with WorkerPool(3) as pool:
        run = Run(pool)
        for alone in (False, False, True, False, True, False):
            run.submit(faults.span, 0.1, alone=alone)
        spans = [outcome.value() for outcome in run.wait()]
    for position in (2, 4):
        begin, end = spans[position]
        others = spans[:position] + spans[position + 1 :]
        assert all(other_end <= begin or other_begin >= end for other_begin, other_end in others)


def test_a_crash_of_a_job_alone_lets_the_others_go_on(pool: WorkerPool) -> None:
    run = Run(pool)
    run.submit(faults.segfault, alone=True)
    run.submit(faults.double, 4)
    assert [code_of(outcome) for outcome in run.wait()] == [CRASHED, None]


def test_cancel_drops_a_waiting_job_and_kills_a_running_one() -> None:
    with WorkerPool(1) as pool:
        run = Run(pool)
        running = run.submit(faults.loop_in_c)
        waiting = run.submit(faults.double, 1)
        last = run.submit(faults.double, 2)
        assert wait_until(lambda: bool(pool.worker_pids))
        time.sleep(0.1)
        assert pool.cancel(waiting)
        assert pool.cancel(running)
        outcomes = run.wait()
        assert [code_of(outcome) for outcome in outcomes] == [
            "E_EXECUTION_CANCELLED",
            "E_EXECUTION_CANCELLED",
            None,
        ]
        assert not outcomes[0].worker_died
        assert not pool.cancel(last)
        assert not pool.cancel(12345)


def test_drain_waits_for_all_and_takes_no_more() -> None:
    with WorkerPool(2) as pool:
        run = Run(pool)
        for _ in range(4):
            run.submit(faults.nap, 0.2)
        assert not pool.drain(0.01)
        with pytest.raises(ExecutionError, match="E_EXECUTION_SUBMIT"):
            run.submit(faults.double, 1)
        assert pool.drain(10)
        assert len(run.outcomes) == 4
    assert WorkerPool(1).drain()


def test_a_killed_idle_worker_harms_no_job() -> None:
    with WorkerPool(1) as pool:
        pid = one(pool, faults.nap, 0).value()
        for _ in range(5):
            os.kill(pid, signal.SIGKILL)
            outcome = one(pool, faults.nap, 0)
            # Between the kill and its report the job may still have been handed over.
            if outcome.error is None:
                assert outcome.value() != pid
            pid = one(pool, faults.nap, 0).value()


def test_a_killed_template_is_replaced_and_running_jobs_go_on() -> None:
    with WorkerPool(2) as pool:
        run = Run(pool)
        run.submit(faults.nap, 0.5)
        assert wait_until(lambda: bool(pool.worker_pids))
        time.sleep(0.1)
        first = template_pid(pool)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        for number in range(5):
            run.submit(faults.double, number)
        outcomes = run.wait()
        assert [code_of(outcome) for outcome in outcomes] == [None] * 6
        assert template_pid(pool) not in (None, first)
        assert code_of(one(pool, faults.segfault)) == CRASHED


@pytest.mark.parametrize(
    ("call", "timeout", "code"), [((faults.loop_in_c,), 0.5, TIMEOUT), ((faults.nap_and_segfault, 0.5), None, CRASHED)]
)
def test_a_fault_under_a_killed_template_is_answered_at_once(
    call: tuple[Any, ...], timeout: float | None, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("_DEATH_SECONDS", "_HUNG_UP_SECONDS"):
        monkeypatch.setattr(crew, patience, 60.0)
    with WorkerPool(1) as pool:
        run = Run(pool)
        run.submit(*call, timeout_seconds=timeout)
        assert wait_until(lambda: bool(pool.worker_pids))
        time.sleep(0.1)
        os.kill(template_pid(pool) or 0, signal.SIGKILL)
        outcome = run.wait()[0]
        assert code_of(outcome) == code
        assert outcome.seconds < 20


def test_an_idle_worker_goes_with_its_template() -> None:
    with WorkerPool(1) as pool:
        first = one(pool, os.getpid).value()
        os.kill(template_pid(pool) or 0, signal.SIGKILL)
        assert wait_until(lambda: gone(first))
        assert one(pool, os.getpid).value() != first


@pytest.mark.parametrize("launcher", ["fork", "spawn"])
def test_the_terminals_interrupt_does_not_reach_workers(launcher: Literal["fork", "spawn"]) -> None:
    with WorkerPool(1, launcher=launcher) as pool:
        assert one(pool, faults.interrupt_itself).value() == "deaf"
        pid = pool.worker_pids[0]
        assert os.getpgid(pid) == pid != os.getpgrp()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_pool_belongs_to_the_process_that_made_it() -> None:
    with WorkerPool(1) as pool:
        assert one(pool, faults.double, 1).value() == 2
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                try:
                    pool.submit(Job(faults.double, (1,)), print)
                except ExecutionError:
                    pool.close()
                    code = 0
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert one(pool, faults.double, 2).value() == 4


def test_a_consumer_that_raises_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def on_done(outcome: Outcome) -> None:
        raise RuntimeError("consumer")

    with WorkerPool(1) as pool:
        pool.submit(Job(faults.double, (1,)), on_done)
        assert one(pool, faults.double, 2).value() == 4
    assert "on_done of job 1 raised" in caplog.text


def test_a_consumer_may_submit_from_on_done(pool: WorkerPool) -> None:
    run = Run(pool)
    done = threading.Event()

    def on_done(outcome: Outcome) -> None:
        run.submit(faults.double, outcome.value())
        done.set()

    pool.submit(Job(faults.double, (1,)), on_done)
    assert done.wait(10)
    assert run.wait()[0].value() == 4


def test_many_threads_submit_many_jobs(pool: WorkerPool) -> None:
    runs = [Run(pool) for _ in range(4)]

    def submit_all(run: Run) -> None:
        for number in range(250):
            run.submit(faults.double, number)

    threads = [threading.Thread(target=submit_all, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        assert [outcome.value() for outcome in run.wait()] == [2 * number for number in range(250)]


# What goes through files


def test_large_arguments_and_results_leave_no_file_once_taken(own_temporary_directory: Path) -> None:
    with WorkerPool(1) as pool:
        content = os.urandom(5 * MIB)
        assert one(pool, faults.size, content).value() == len(content)
        outcome = one(pool, faults.large_result, 1)
        assert isinstance(outcome.payload, Path)
        assert len(outcome.value()) == MIB
        assert list(own_temporary_directory.glob("*/job-*")) == []
        with pytest.raises(ExecutionError, match="E_EXECUTION_RESULT_LOST"):
            outcome.value()


def test_a_result_not_taken_before_close_is_lost_and_said_so() -> None:
    with WorkerPool(1) as pool:
        outcome = one(pool, faults.large_result, 1)
    with pytest.raises(ExecutionError, match="E_EXECUTION_RESULT_LOST"):
        outcome.value()


def test_a_jobs_files_live_until_they_are_discarded_and_die_with_a_failed_job(
    own_temporary_directory: Path,
) -> None:
    with WorkerPool(1) as pool:
        outcome = one(pool, faults.leave_file, "table.sqlite")
        path = Path(outcome.value())
        assert path.read_text() == "a table"
        assert outcome.directory == path.parent
        outcome.discard()
        assert not path.parent.exists()
        assert code_of(one(pool, faults.leave_file_and_die, "table.sqlite")) == CRASHED
        assert list(own_temporary_directory.glob("*/job-*")) == []


def test_a_result_that_cannot_be_loaded_is_an_error_of_ours(pool: WorkerPool) -> None:
    outcome = one(pool, faults.unloadable)
    with pytest.raises(ExecutionError, match="E_EXECUTION_NOT_PICKLABLE"):
        outcome.value()


def test_prints_go_to_stderr_and_never_to_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    with WorkerPool(1) as pool:
        assert one(pool, faults.print_and_return, "hello").value() == "hello"
        one(pool, faults.double, 1)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert sorted(captured.err.splitlines()) == ["from native code", "hello"]


def test_nobody_reading_stderr_holds_up_no_job() -> None:
    script = f"""
        import importlib.util, sys, threading
        spec = importlib.util.spec_from_file_location("ingestkit_core_faults", {str(Path(__file__).with_name("faults.py"))!r})
        faults = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = faults
        spec.loader.exec_module(faults)
        from ingestkit_core.execution.workers import Job, WorkerPool
        done = threading.Semaphore(0)
        with WorkerPool(1) as pool:
            for _ in range(20):
                pool.submit(Job(faults.print_much, (1,), timeout_seconds=20), lambda outcome: (print(outcome.error), done.release()))
            for _ in range(20):
                done.acquire()
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.read().split() == ["None"] * 20
    owner.communicate()


def test_the_room_can_be_entered_where_posix_is_missing() -> None:
    script = """
        import multiprocessing, os, pathlib, select, shutil, signal, socket, subprocess, sys, tempfile
        import ingestkit_core.errors
        for module in ("fcntl", "resource", "pwd", "grp"):
            sys.modules[module] = None
        for module, names in {
            os: ("fork", "killpg", "getpgrp", "setpgid", "register_at_fork", "wait4", "O_ASYNC"),
            signal: ("SIGKILL", "SIGCHLD"), socket: ("send_fds", "recv_fds"), select: ("poll", "PIPE_BUF"),
        }.items():
            for name in names:
                if name in vars(module):
                    delattr(module, name)
        for name in [name for name in sys.modules if name.startswith("ingestkit_core.execution")]:
            del sys.modules[name]
        os.name = "nt"
        sys.platform = "win32"
        from ingestkit_core.execution import lifeline, worker, workers
        print(workers.WorkerPool(2)._launcher_type.__name__)
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ran.stdout, ran.stderr) == ("SpawningLauncher\n", "")


def test_outcomes_pickle() -> None:
    outcome = Outcome(payload=pickle.dumps(1), seconds=0.5)
    assert pickle.loads(pickle.dumps(outcome)) == outcome


# The launcher of other systems, here


@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if fault.name in ("segfault", "exit 1", "C loop", "growth", "unpicklable result")],
    ids=lambda fault: fault.name,
)
def test_spawned_workers_tell_faults_apart(fault: Fault) -> None:
    with WorkerPool(1, launcher="spawn") as pool:
        run = Run(pool)
        run.submit(faults.double, 1)
        run.submit(*fault.call, timeout_seconds=fault.timeout, max_memory_bytes=fault.memory)
        run.submit(faults.double, 2)
        outcomes = run.wait()
        assert [code_of(outcome) for outcome in outcomes] == [None, fault.code, None]
        assert fault.says in str(outcomes[1].error)
        pids = [outcome.worker_pid or 0 for outcome in outcomes]
    assert all(gone(pid) for pid in pids)


def test_spawned_workers_that_cannot_boot_say_why() -> None:
    with WorkerPool(1, preload=["ingestkit_no_such_module"], launcher="spawn") as pool:
        outcome = one(pool, faults.double, 1)
        assert code_of(outcome) == "E_EXECUTION_SUBMIT"
        assert "ingestkit_no_such_module" in str(outcome.error)


def test_a_stranger_cannot_pose_as_a_worker() -> None:
    import socket

    with WorkerPool(1, launcher="spawn") as pool:
        assert one(pool, faults.double, 1).value() == 2
        port = pool._supervisor._crew._launcher._listener.getsockname()[1]  # type: ignore[union-attr]
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(bytes(40))
            stranger.settimeout(20)
            assert stranger.recv(1) == b""
        assert one(pool, faults.double, 2).value() == 4


@pytest.mark.parametrize("preload", [("pymupdf", "pydantic", "openpyxl"), ("pydantic",)], ids=lambda names: names[0])
def test_what_a_replacement_costs(preload: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    if not all(importlib.util.find_spec(name) for name in preload):
        pytest.skip(f"{', '.join(preload)} are not all installed")
    with WorkerPool(1, preload=preload) as pool:
        one(pool, faults.double, 1)
        costs = []
        for _ in range(3):
            one(pool, faults.segfault)
            began = time.perf_counter()
            one(pool, faults.double, 1)
            costs.append(time.perf_counter() - began)
    with capsys.disabled():
        print(f" replaced in {sorted(costs)[1] * 1000:.0f} ms with {', '.join(preload)}", end="")
