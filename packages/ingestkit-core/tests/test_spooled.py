"""Spooled rows: the same sequence as a list, wherever they are unpickled, and gone with their job."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingestkit_core.elements import CellRange
from ingestkit_core.execution.threads import ThreadPool
from ingestkit_core.execution.workers import Job, Outcome
from ingestkit_core.spooled import RowSpool, SpooledRanges, SpooledRows

pytestmark = pytest.mark.unit

VALUES = st.none() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False) | st.text()


def spooled(rows: list[tuple[Any, ...]], width: int) -> SpooledRows:
    spool = RowSpool(width)
    for row in rows:
        spool.add([(*row, "A7:AA7")])
    return spool.finish()


@given(st.integers(1, 4).flatmap(lambda width: st.tuples(st.just(width), st.lists(st.tuples(*[VALUES] * width)))))
def test_spooled_rows_are_the_rows(drawn: tuple[int, list[tuple[Any, ...]]]) -> None:
    width, rows = drawn
    found = pickle.loads(pickle.dumps(spooled(rows, width)))
    assert list(found) == rows
    assert [list(map(type, row)) for row in found] == [list(map(type, row)) for row in rows]
    assert (len(found), found[:2], found[::-1]) == (len(rows), rows[:2], rows[::-1])
    assert list(SpooledRanges(found, "S")) == [CellRange("S", "A7:AA7")] * len(rows)
    if rows:
        assert (found[0], found[-1], SpooledRanges(found, "S")[-1]) == (rows[0], rows[-1], CellRange("S", "A7:AA7"))
        with pytest.raises(IndexError):
            found[len(rows)]


def read_rows() -> SpooledRows:
    return spooled([("x",)], 1)


@pytest.mark.timeout(180)
def test_files_of_a_job_on_threads_stay_until_its_result_was_used() -> None:
    outcomes: list[Outcome] = []
    pool = ThreadPool(2)
    for _ in range(2):
        pool.submit(Job(read_rows, ()), outcomes.append)
    assert pool.drain(30)
    pool.close()
    first, second = (outcome.value() for outcome in outcomes)
    assert Path(first.path).parent != Path(second.path).parent
    outcomes[0].discard()
    assert not Path(first.path).parent.exists()
    assert list(second) == [("x",)]
    outcomes[1].discard()
    assert not Path(second.path).exists()


def test_a_disk_that_takes_no_more_is_told() -> None:
    script = """
import resource
from ingestkit_core.errors import ExecutionError
from ingestkit_core.spooled import RowSpool
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
spool = RowSpool(1)
try:
    spool.add(("x" * 500, f"A{number}") for number in range(20_000))
    spool.finish()
except ExecutionError as error:
    print(error.code, "TMPDIR" in error.message)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "E_EXECUTION_RESULT_LOST True\n", done.stderr
