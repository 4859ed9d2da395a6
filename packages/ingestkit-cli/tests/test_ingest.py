"""``ingest`` as a person runs it: what it says, where it says it, and what it tells the shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.stores import open_store
from ingestkit_core.testing import write_text

pytestmark = pytest.mark.integration

Run = Callable[..., Any]
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def sleepers(folder: Path, number: int) -> Path:
    folder.mkdir()
    for index in range(number):
        write_text(folder / f"sleeper{index}.txt", "!fault sleep")
    return folder


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)


def test_a_folder_goes_into_the_store(ingestkit: Run, documents: Path) -> None:
    ran = ingestkit("ingest", str(documents))
    assert ran.code == 0, ran.err
    # Data and people apart: stdout has the result, stderr everything on the way.
    assert len(ran.lines) == 1
    assert ran.out.startswith("2 committed, 0 unchanged, 0 quarantined in ")
    assert "committed    documents/report.txt  2 chunks  1 table" in ran.err
    assert "committed    documents/below/leave.txt  1 chunk  0 tables" in ran.err
    assert "made: 3 chunks, 1 table" in ran.err
    assert "100.00 % emitted, 0.00 % unexplained" in ran.err
    assert "passed by, no installed format reads them: .docx 1" in ran.err
    assert Path("ingestkit.db").exists()


def test_a_second_run_reads_nothing_again(stored: Run, documents: Path) -> None:
    ran = stored("ingest", str(documents), "--checksum")
    assert (ran.code, ran.out.partition(" in ")[0]) == (0, "0 committed, 2 unchanged, 0 quarantined")


def test_a_store_beside_the_documents_is_not_one_of_them(quick: Run, documents: Path) -> None:
    for _ in range(2):
        ran = quick("ingest", str(documents), "--store", str(documents / "my.db"))
        assert ran.code == 0
        assert "passed by, no installed format reads them: .docx 1\n" in ran.err


def test_what_is_no_file_or_cannot_be_looked_into_is_told(quick: Run, documents: Path) -> None:
    (documents / "gone.txt").symlink_to("nowhere")
    (documents / ".gone.txt").symlink_to("nowhere")
    os.mkfifo(documents / "pipe.txt")
    ran = quick("ingest", "documents")
    assert ran.code == 0
    assert "passed by, no files: broken link 1, pipe or device 1\n" in ran.err
    assert "passed by, no files: pipe or device 1\n" in quick("ingest", "documents", "--exclude", "gone*").err
    (documents / "round").symlink_to("round")
    blocked = quick("ingest", "documents")
    assert (blocked.code, blocked.out.partition(" in ")[0]) == (1, "0 committed, 2 unchanged, 0 quarantined")
    assert "could not be looked into: documents/round\n" in blocked.err


def test_json_lines_are_whole_results(quick: Run, faulty: Path) -> None:
    ran = quick("ingest", str(faulty), "--json")
    assert ran.code == 1
    results = {Path(r["file_path"]).name: r for r in map(json.loads, ran.lines)}
    assert {name: result["status"] for name, result in results.items()} == {
        "broken.txt": "quarantined",
        "report.txt": "committed",
        "leave.txt": "committed",
    }
    assert results["report.txt"]["ledger"]["unexplained"] == 0
    assert results["broken.txt"]["error_details"][0]["code"] == "E_PARSE_UNSUPPORTED"
    assert "2 committed, 0 unchanged, 1 quarantined in" in ran.err


def test_a_crash_costs_one_document_and_is_told(ingestkit: Run, quick: Run, documents: Path) -> None:
    write_text(documents / "crash.txt", "!fault segfault")
    crashed = ingestkit("ingest", str(documents), "--workers", "2")
    reported_again = quick("ingest", str(documents))  # in this very process: it is not read again
    for ran in (crashed, reported_again):
        assert ran.code == 1
        assert "quarantined  documents/crash.txt  E_EXECUTION_CRASHED: crash.txt" in ran.err
        assert "causes: E_EXECUTION_CRASHED 1" in ran.err
        assert "Traceback" not in ran.err


def test_globs_choose(quick: Run, documents: Path) -> None:
    assert quick("ingest", str(documents), "--include", "below/*").out.startswith("1 committed")
    ran = quick("ingest", str(documents), "--exclude", "report*", "--exclude", "*.docx")
    assert ran.out.startswith("0 committed, 1 unchanged")
    assert "passed by" not in ran.err
    nothing = quick("ingest", str(documents), "--include", "*.xyz")
    assert (nothing.code, "no file passes --include and --exclude" in nothing.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ingest"], "Missing argument 'PATH' (see ingestkit ingest --help)"),
        (["ingest", "nowhere", "neither"], "no such file or folder: nowhere, neither"),
        (["ingest", "empty"], "nothing found in empty: there are no files; the installed formats read .lossy .txt"),
        (["ingest", "x" * 300], f"{'x' * 300}: File name too long"),
        (["ingest", "letter.docx"], "nothing to read in letter.docx: there are only .docx 1; the installed"),
        (["ingest", ".", "--workers", "0"], "Invalid value for '--workers'"),
        (["ingest", ".", "--workers", "many"], "Invalid value for '--workers'"),
        (["ingest", ".", "--strategy", "fork"], "'fork' is not one of 'process', 'thread'"),
        (["ingest", ".", "--log-format", "xml"], "'xml' is not one of 'text', 'json'"),
        (["ingest", ".", "--colour"], "No such option: --colour"),
        (["ingest", "one.txt", "--store", "mysql://host/x"], "no store speaks mysql://"),
        (["ingest", "one.txt", "--store", "one.txt"], "one.txt is not a store of ingestkit, or is damaged"),
        (["ingest", "one.txt", "--store", "nowhere/x.db"], "No such file or directory"),
        (["ingest", "one.txt", "--store", "one.txt/x.db"], "Not a directory"),
        (["ingest", "one.txt", "--config", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
        (["ingest", "one.txt", "--config", "empty"], "empty: Is a directory"),
        (["ingest", "one.txt", "--config", "one.txt"], "a config file ends in .yaml, .yml, .toml or .json"),
        (["ingest", "one.txt", "--config", "broken.yaml"], "broken.yaml:2: this is no YAML: expected the node content"),
        (["ingest", "one.txt", "--embedder", "http://host:port/v1"], "the port of host is no number"),
        (["ingest", "one.txt", "--store", "qdrant+http://host:port?journal=x"], "a store on Qdrant looks like"),
        (["sync", "empty"], "nothing found in empty: there are no files; the installed formats read .lossy .txt"),
        (["injest", "."], "No such command 'injest'"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_code_2(quick: Run, here: Path, arguments: list[str], message: str) -> None:
    (here / "empty").mkdir()
    (here / "letter.docx").write_bytes(b"PK")
    (here / "broken.yaml").write_text("\n- [")
    write_text(here / "one.txt", "Some text.")
    ran = quick(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert ran.err.startswith("ingestkit: ")
    assert ran.err.count("\n") == 1


def test_a_mistake_shows_no_traceback_in_a_process_either(ingestkit: Run) -> None:
    ran = ingestkit("ingest", "nowhere")
    assert (ran.code, ran.out, ran.err) == (2, "", "ingestkit: no such file or folder: nowhere\n")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(quick: Run, documents: Path, here: Path) -> None:
    locked = here / "locked"
    locked.mkdir(mode=0o500)
    ran = quick("ingest", str(documents), "--store", str(locked / "x.db"))
    assert (ran.code, "Permission denied" in ran.err) == (2, True)


@pytest.mark.skipif(sys.platform != "linux", reason="takes root's rights away as Linux does")
def test_a_store_that_may_not_be_written_is_told_before_anything_is_read(
    environment: dict[str, str], quick: Run, documents: Path
) -> None:
    quick("ingest", "documents/below")

    def ingest_without_rights() -> subprocess.CompletedProcess[str]:
        # What root may do beyond others is taken from a process that is started so: 24 is PR_CAPBSET_DROP.
        drop = "import ctypes, os, sys; [ctypes.CDLL(None).prctl(24, right, 0, 0, 0) for right in (1, 2)]; "
        run = "os.execv(sys.executable, [sys.executable, '-m', 'ingestkit_cli', 'ingest', 'documents'])"
        command = [sys.executable, "-c", drop + run]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    for mode, verb in ((0o444, "written"), (0o000, "read")):
        Path("ingestkit.db").chmod(mode)
        ran = ingest_without_rights()
        told = f"ingestkit.db may not be {verb}: check the permissions of the file (E_STORE_COMMIT)\n"
        assert ran.returncode == 2
        assert ran.stderr.endswith(told)
        assert ran.stderr.count("\n") == 1
    Path("ingestkit.db").chmod(0o600)
    assert quick("ingest", "documents").code == 0


def test_an_empty_file_is_called_empty(quick: Run, here: Path) -> None:
    (here / "none.txt").touch()
    told = "none.txt is empty (0 bytes)"
    assert f"quarantined  none.txt  E_PARSE_UNSUPPORTED: {told}\n" in quick("ingest", ".").err
    assert f"none.txt: {told} (E_PARSE_UNSUPPORTED)\n" in quick("convert", "none.txt", "--to", "md").err


def test_text_unexplained_above_the_limit_is_trouble(quick: Run, here: Path) -> None:
    write_text(here / "small.lossy", "Forty characters are missing here, ten of them hidden.")
    write_text(here / "good.txt", "Nothing is missing here.")
    for _ in range(2):  # what is in the store lacks it still
        ran = quick("ingest", ".")
        assert ran.code == 1
        assert "unexplained above the limit in 1 document:\n  small.lossy: 30 characters, " in ran.err
        assert "10 hidden" not in ran.err
        assert "% hidden" in ran.err
    assert quick("ingest", ".", "--store", "other.db", "--exclude", "*.lossy").code == 0
    (here / "lenient.toml").write_text("[lossy]\nmax_unexplained_ratio = 0.5\n", encoding="utf-8")
    lenient = quick("ingest", ".", "--store", "third.db", "--config", "lenient.toml")
    assert (lenient.code, "unexplained above" in lenient.err) == (0, False)


def test_logs_go_to_stderr_in_the_form_that_was_asked_for(
    quick: Run, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A raised limit is a warning, which Python would print where nobody has said anything about logging.
    monkeypatch.setenv("INGESTKIT_MAX_FILE_SIZE_MB", "600")
    monkeypatch.setenv("INGESTKIT_MAX_FILE_SIZE_OVERRIDE_REASON", "large plans")
    ran = quick("ingest", str(documents), "--log-format", "json")
    logged = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    assert {"level", "logger", "message", "time"} == set(logged[0])
    assert any("file=report.txt" in line["message"] for line in logged)
    assert not any("earned more" in line["message"] for line in logged)
    assert len(ran.lines) == 1
    spoken = quick("ingest", str(documents), "-v", "--store", "other.db").err
    silent = quick("ingest", str(documents), "--store", "third.db").err
    for line in ("file=report.txt", "reason=large plans"):
        assert line in spoken
        assert line not in silent


# Locks and signals


def test_a_second_owner_is_refused_or_waits(start: Run, ingestkit: Run, here: Path, documents: Path) -> None:
    with open_store() as store, store.lease():
        refused = ingestkit("ingest", str(documents))
        assert (refused.code, refused.out) == (3, "")
        assert f"is being written by process {os.getpid()}" in refused.err
        assert "E_STORE_LOCKED" in refused.err
        waiting = start("ingest", str(documents), "--wait")
        told = waiting.stderr.readline()
        assert told.startswith(f"waiting: {here / 'ingestkit.db'} is being written by process {os.getpid()}")
        assert waiting.poll() is None
    out, _ = waiting.communicate(timeout=60)
    assert (waiting.returncode, out.partition(",")[0]) == (0, "2 committed")


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_finishes_what_is_under_way(
    start: Run, here: Path, processes_of: Callable[[int], Sequence[int]], number: signal.Signals, code: int
) -> None:
    slow = sleepers(here / "slow", 7)
    running = start("ingest", str(slow), "--workers", "1", "--json", INGESTKIT_PER_DOCUMENT_TIMEOUT_SECONDS="0.4")
    first = running.stdout.readline()
    workers = processes_of(running.pid)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == code
    assert "finishing what is under way; again to stop at once" in err
    results = [json.loads(line) for line in (first + out).splitlines()]
    assert 1 < len(results) < 7
    left = 7 - len(results)
    assert f"not begun, left for the next run: {left} document" in err
    # What is read is read to its end, what waits is dropped.
    assert {result["errors"][0] for result in results} == {"E_EXECUTION_TIMEOUT", "E_EXECUTION_CANCELLED"}
    assert "Traceback" not in err
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


@posix
def test_the_second_signal_stops_at_once(start: Run, here: Path, processes_of: Callable[[int], Sequence[int]]) -> None:
    write_text(sleepers(here / "slow", 3) / "a-good-one.txt", "Some text.")
    running = start("ingest", "slow", "--workers", "2", "--json")
    first = json.loads(running.stdout.readline())
    wait_for(lambda: len(processes_of(running.pid)) >= 2)
    workers = processes_of(running.pid)
    asked = time.monotonic()
    for _ in range(8):
        running.send_signal(signal.SIGINT)
        time.sleep(0.03)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert time.monotonic() - asked < 30
    assert "1 committed, 0 unchanged, 0 quarantined" in err
    assert "stopped; what was not finished is read in the next run" in err
    left = 3 - len(out.splitlines())
    assert f"not begun or not finished, left for the next run: {left} document" in err
    assert "Traceback" not in err
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert first["status"] == "committed"
    with open_store() as store:
        assert [r.state.source_uri for r in store.sources()] == [str(here / "slow" / "a-good-one.txt")]
        assert list(store.quarantined()) == []


@posix
def test_waiting_for_the_store_can_be_interrupted(start: Run, here: Path, documents: Path) -> None:
    with open_store() as store, store.lease():
        waiting = start("ingest", str(documents), "--wait")
        assert "waiting: " in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "Traceback" not in err


def test_a_reader_that_goes_away_is_no_drama(start: Run, here: Path) -> None:
    many = here / "many"
    many.mkdir()
    for number in range(100):  # more results than fit into a pipe, so that it cannot end before the pipe does
        write_text(many / f"{number}.txt", f"Text number {number}.")
    running = start("ingest", "many", "--json")
    running.stdout.readline()
    running.stdout.close()
    err = running.stderr.read()
    assert running.wait(60) == 141
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert "Exception ignored" not in err


@posix
def test_a_terminal_gets_a_bar_and_only_what_went_wrong(environment: dict[str, str], faulty: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "ingestkit_cli", "ingest", str(faulty)],
        env={**environment, "TERM": "xterm", "COLUMNS": "100"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:
        pass  # Linux says so when the other end is closed
    os.close(ours)
    out, _ = running.communicate(timeout=60)
    text = shown.decode()
    assert running.returncode == 1
    assert "reading" in text
    assert "3/3" in text or "2/3" in text
    assert "quarantined  documents/broken.txt  E_PARSE_UNSUPPORTED" in text
    assert "committed    documents" not in text
    assert out.startswith("2 committed")
