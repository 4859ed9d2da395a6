"""What every JobJournal is held to: subclass the contract, give it a ``journal`` fixture, run it with pytest.

The journal must be empty. The contract names its workers and jobs as it likes.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingestkit_core.errors import ErrorCode, ExecutionError
from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores.jobs import MAX_LOST_HOSTS, Claim, JobJournal, JobRequest

__all__ = ["JobJournalContract"]

LONG = 60.0
AT_ONCE = 0.0
_SILENCE = 0.8
"""Seconds that two calls in a row never take, however busy the machine is."""


def request(file_path: str = "/shared/a.pdf") -> JobRequest:
    return JobRequest(file_path, {"chunk_size_tokens": 77}, "pdf:1")


def result(file_path: str = "/shared/a.pdf") -> ProcessingResult:
    return ProcessingResult(file_path=file_path, status="committed")


class JobJournalContract:
    """What any journal promises."""

    def test_a_request_comes_back_as_it_was(self, journal: JobJournal) -> None:
        full = JobRequest(
            "/shared/caf\udce9 \N{SNOWMAN}.pdf", {"tenant_id": "t"}, "pdf:1", "s3://a", "pdf", "/shared", True, True,
            "00ff", "sqlite:///s.db", "model",
        )  # fmt: skip
        journal.submit("one", full)
        found = journal.find("one")
        assert found is not None
        assert (found.request, found.state, found.attempts, found.lost_hosts) == (full, "submitted", 0, 0)
        assert found.submitted_ns > 0
        assert journal.find("none") is None

    def test_the_way_of_a_job(self, journal: JobJournal) -> None:
        journal.submit("one", request())
        journal.keep_alive("w1")
        begun = journal.begin("one", "w1", LONG)
        assert begun.claim is Claim.RUN
        assert begun.record is not None
        assert begun.record.request == request()
        running = journal.find("one")
        assert running is not None
        assert (running.state, running.worker, running.attempts) == ("running", "w1", 1)
        assert journal.finish("one", result())
        done = journal.find("one")
        assert done is not None
        assert (done.state, done.result()) == ("done", result())
        journal.release(["one", "never there"])
        assert journal.find("one") is None

    def test_the_first_result_wins(self, journal: JobJournal) -> None:
        journal.submit("one", request())
        journal.keep_alive("w1")
        journal.begin("one", "w1", LONG)
        assert journal.finish("one", result("first"))
        assert not journal.finish("one", result("second"))
        assert journal.begin("one", "w2", LONG).claim is Claim.DONE
        journal.submit("one", request("again"))
        journal.give_back("one", "w1")
        found = journal.find("one")
        assert found is not None
        assert found.result().file_path == "first"
        assert not journal.finish("unknown", result())
        assert journal.find("unknown") is None

    def test_one_of_many_gets_a_job(self, journal: JobJournal) -> None:
        journal.submit("one", request())
        names = [f"w{number}" for number in range(8)]
        for name in names:
            journal.keep_alive(name)
        with ThreadPoolExecutor(8) as threads:
            claims = list(threads.map(lambda name: journal.begin("one", name, LONG).claim, names))
        assert sorted(claims) == [Claim.ELSEWHERE] * 7 + [Claim.RUN]
        assert journal.begin("unknown", "w1", LONG).claim is Claim.UNKNOWN

    def test_a_silent_worker_loses_its_job_and_a_job_that_loses_five_is_given_up(self, journal: JobJournal) -> None:
        journal.submit("one", request())
        for number in range(MAX_LOST_HOSTS):
            journal.keep_alive(f"w{number}")
            assert journal.begin("one", f"w{number}", AT_ONCE).claim is Claim.RUN
            assert journal.begin("one", f"w{number}", AT_ONCE).claim is Claim.ELSEWHERE, "it has it itself"
        found = journal.find("one")
        assert found is not None
        assert (found.attempts, found.lost_hosts) == (MAX_LOST_HOSTS, MAX_LOST_HOSTS - 1)
        assert journal.begin("one", "last", AT_ONCE).claim is Claim.GIVEN_UP
        assert journal.begin("one", "last", AT_ONCE).claim is Claim.GIVEN_UP
        assert journal.finish("one", result())

    def test_what_lost_workers_had_is_told_to_one(self, journal: JobJournal) -> None:
        for job in ("one", "two", "three"):
            journal.submit(job, request())
        for worker in ("lost", "alive"):
            journal.keep_alive(worker)
        journal.begin("one", "lost", LONG)
        journal.begin("two", "alive", LONG)
        assert journal.take_lost(LONG) == []
        time.sleep(_SILENCE + 0.1)
        journal.keep_alive("alive")
        assert journal.take_lost(_SILENCE) == ["one"]
        assert journal.take_lost(_SILENCE) == []
        found = journal.find("one")
        assert found is not None
        assert (found.state, found.attempts, found.lost_hosts) == ("submitted", 1, 1)
        assert journal.begin("one", "alive", LONG).claim is Claim.RUN

    def test_what_is_given_back_counts_for_nothing(self, journal: JobJournal) -> None:
        for job in ("one", "two"):
            journal.submit(job, request())
            journal.keep_alive("w1")
            journal.begin(job, "w1", LONG)
        journal.give_back("one", "somebody else")
        assert journal.begin("one", "w2", LONG).claim is Claim.ELSEWHERE
        journal.give_back("one", "w1")
        journal.sign_off("w1")
        for job in ("one", "two"):
            found = journal.find(job)
            assert found is not None
            assert (found.state, found.attempts, found.lost_hosts) == ("submitted", 0, 0)
        assert journal.take_lost(AT_ONCE) == []

    def test_only_what_no_worker_has_is_withdrawn(self, journal: JobJournal) -> None:
        for job in ("waits", "runs", "done"):
            journal.submit(job, request())
        journal.keep_alive("w1")
        journal.begin("runs", "w1", LONG)
        journal.finish("done", result())
        assert [journal.withdraw(job) for job in ("waits", "runs", "done", "unknown")] == [True, False, False, False]
        assert journal.find("waits") is None
        assert journal.begin("waits", "w1", LONG).claim is Claim.UNKNOWN

    def test_what_waits_for_long_is_told_to_one(self, journal: JobJournal) -> None:
        for job in ("one", "two", "three"):
            journal.submit(job, request())
        journal.keep_alive("w1")
        journal.begin("three", "w1", LONG)
        assert journal.take_forgotten(LONG, 10) == []
        time.sleep(_SILENCE + 0.1)
        assert len(first := journal.take_forgotten(_SILENCE, 1)) == 1
        assert sorted(first + journal.take_forgotten(_SILENCE, 10)) == ["one", "two"]
        assert journal.take_forgotten(_SILENCE, 10) == []

    def test_a_watcher_tells_of_each_job_once(self, journal: JobJournal) -> None:
        watcher = journal.watcher()
        for number in range(20):
            journal.submit(f"job{number}", request())
        journal.finish("job3", result())
        for number in range(20):
            watcher.add(f"job{number}")
        watcher.add("gone")
        told: list[str] = []
        while more := watcher.settled(0.3):
            told += more
        assert sorted(told) == ["gone", "job3"]
        thread = threading.Timer(0.2, lambda: [journal.finish(f"job{i}", result()) for i in (5, 7)])
        thread.start()
        started = time.monotonic()
        told = watcher.settled(20)
        assert time.monotonic() - started < 10
        thread.join()
        while more := watcher.settled(0.3):
            told += more
        assert sorted(told) == ["job5", "job7"]
        watcher.close()

    def test_settled_among_many(self, journal: JobJournal) -> None:
        jobs = [f"job{number}" for number in range(1200)]
        for job in jobs[:1100]:
            journal.submit(job, request())
        for job in jobs[::100]:
            journal.finish(job, result())
        assert sorted(journal.settled_among(jobs)) == sorted({*jobs[::100], *jobs[1100:]})

    def test_sweeping_takes_old_results_and_nothing_else(self, journal: JobJournal) -> None:
        for job in ("waits", "runs", "done"):
            journal.submit(job, request())
        journal.keep_alive("w1")
        journal.begin("runs", "w1", LONG)
        journal.finish("done", result())
        journal.sweep(LONG)
        assert journal.find("done") is not None
        journal.sweep(AT_ONCE)
        assert [job for job in ("waits", "runs", "done") if journal.find(job)] == ["waits", "runs"]

    def test_a_result_that_cannot_be_read_is_lost_and_says_so(self, journal: JobJournal) -> None:
        journal.submit("one", request())
        record = journal.find("one")
        assert record is not None
        with pytest.raises(ExecutionError) as lost:
            record.result()
        assert lost.value.code is ErrorCode.E_EXECUTION_RESULT_LOST
