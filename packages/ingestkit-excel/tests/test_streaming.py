"""Sheets that are read through a file: the result is that of reading them in memory."""

from __future__ import annotations

import datetime
import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingestkit_core.extraction import Extraction
from ingestkit_core.spooled import SpooledRows
from ingestkit_excel import ExcelProcessorConfig
from ingestkit_excel.reader import read
from ingestkit_excel.workbook.content import Content, take
from ingestkit_excel.workbook.package import Package
from ingestkit_excel.workbook.strings import SpilledStrings, read_shared_strings

DAY = datetime.date(2024, 2, 29)
KINDS: tuple[st.SearchStrategy[Any], ...] = (
    st.integers(-(10**6), 10**6),
    st.floats(-1e6, 1e6).map(lambda number: round(number, 3)),
    st.sampled_from(["north", "south", " padded ", "00123", "NA", "a & b", "_x0041_"]),
    st.integers(0, 4000).map(lambda days: DAY + datetime.timedelta(days)),
    st.booleans(),
    st.sampled_from([12345678901234567890, "0.1234567890123456789", 1.5, "text"]),
    st.sampled_from([datetime.time(12, 30), datetime.datetime(2024, 1, 1, 6)]),
)
ROWS = st.lists(st.sampled_from(KINDS), min_size=2, max_size=5).flatmap(
    lambda kinds: st.lists(st.tuples(*(st.none() | kind for kind in kinds)), min_size=3, max_size=40)
)


def equal(extraction: Extraction) -> Extraction:
    """Without what says how it was read: the seconds, and where rows are kept."""
    tables = [replace(t, rows=list(t.rows), row_locations=list(t.row_locations)) for t in extraction.tables]
    return replace(
        extraction,
        tables=tuple(tables),
        parse=extraction.parse.model_copy(update={"seconds": 0}),
        classification=extraction.classification.model_copy(update={"seconds": 0}),
    )


def both(path: str, rows_in_memory: int, **overrides: Any) -> tuple[Extraction, Extraction]:
    """Read in memory, and with so many rows in memory."""
    huge, tiny = (
        read(path, ExcelProcessorConfig(max_rows_in_memory=rows, **overrides).model_dump())
        for rows in (1_000_000, rows_in_memory)
    )
    return huge, tiny


@pytest.mark.unit
@given(rows=ROWS, rows_in_memory=st.integers(1, 9), serialised=st.sampled_from([0, 5000]))
@settings(max_examples=40, deadline=None)
def test_the_result_is_that_of_reading_in_memory(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], rows_in_memory: int, serialised: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "streamed.xlsx"
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append([f"Column {number}" for number in range(len(rows[0]))])
    for row in rows:
        sheet.append(row)
    sheet.merge_cells(start_row=3, end_row=6, start_column=1, end_column=1)
    sheet.row_dimensions[5].hidden = True
    workbook.save(path)
    huge, tiny = both(str(path), rows_in_memory, row_serialization_limit=serialised, log_sample_data=True)
    assert equal(tiny) == equal(huge)


@pytest.mark.unit
def test_types_that_widen_late_are_the_same(book: Callable[..., str]) -> None:
    columns: list[list[Any]] = [
        [*range(1, 40), 2**40 + 0.5],
        [*range(1, 40), "few"],
        [*[DAY] * 39, datetime.datetime(2024, 1, 1, 6)],
        [*[datetime.time(1)] * 39, datetime.datetime(2024, 1, 1, 6)],
        [1.5, *range(1, 38), 10**19, 5],
        ["x", *range(1, 40)],
        [*"--------", *range(1, 33)],
        [*range(1, 17), *["-"] * 24],
    ]
    rows = [["a", "b", "c", "d", "e", "f", "g", "h"], *map(list, zip(*columns, strict=True))]
    huge, tiny = both(book({"S": rows}), 4, min_row_count_for_tabular=1, column_consistency_threshold=0.1)
    assert equal(tiny) == equal(huge)
    types = [column.type for column in tiny.tables[0].columns]
    assert types == ["number", "text", "datetime", "text", "number", "text", "integer", "text"]
    assert isinstance(tiny.tables[0].rows, SpooledRows)


@pytest.mark.unit
def test_a_merged_cell_reaches_over_many_blocks(book: Callable[..., str]) -> None:
    rows = [["group", "n"], *[[f"g{i}" if i % 25 == 0 else None, i] for i in range(50)]]

    def merge(workbook: openpyxl.Workbook) -> None:
        workbook["S"].merge_cells("A2:A26")
        workbook["S"].merge_cells("A27:A51")

    huge, tiny = both(book({"S": rows}, merge), 3, merged_cell_ratio_threshold=1)
    assert equal(tiny) == equal(huge)
    assert list(tiny.tables[0].rows) == [(f"g{i // 25 * 25}", i) for i in range(50)]


@pytest.mark.unit
@pytest.mark.parametrize("odd", ["prefixed", "without references", "out of order"])
def test_what_the_careful_scan_reads_is_streamed_too(
    odd: str, save: Callable[..., str], forge: SimpleNamespace
) -> None:
    rows = [
        f'<row r="{n}"><c r="A{n}" t="s"><v>{n % 2}</v></c><c r="B{n}"><v>{n * 3}</v></c></row>' for n in range(1, 60)
    ]
    if odd == "out of order":
        rows.insert(5, rows.pop())
    xml = forge.sheet_xml("".join(rows))
    if odd == "without references":
        xml = xml.replace(' r="B', ' x="B')
    if odd == "prefixed":
        xml = xml.replace('xmlns="', 'xmlns:x="').replace("<", "<x:").replace("<x:/", "</x:").replace("<x:?", "<?")
    huge, tiny = both(save(forge.parts_of(xml)), 7)
    assert equal(tiny) == equal(huge)
    assert huge.ledger.source == 118


@pytest.mark.unit
def test_strings_of_a_large_workbook_are_looked_up_in_a_file(forge: SimpleNamespace) -> None:
    texts = [f"text {number} " + "x" * 200 if number % 7 else None for number in range(180_000)]
    items = "".join("<si/>" if text is None else f"<si><t>{text}</t></si>" for text in texts)
    content = forge.zipped({"s.xml": f'{forge.head}<sst xmlns="{forge.main}">{items}</sst>'})
    found = read_shared_strings(Package.open(Content.of(content), 1000), "s.xml")
    assert isinstance(found, SpilledStrings)
    wanted = [169_999, 3, None, 0, 99_999, 3]
    assert found.look_up([None if index is None else str(index) for index in wanted]) == [
        None if index is None else texts[index] for index in wanted
    ]
    assert found.longest == max(len(text) for text in texts if text)
    for wrong in ("180000", "-1", "x"):
        assert found.get(wrong) is None
        with pytest.raises(LookupError):
            found.look_up(["1", wrong])


def peak_of_reading(path: Path, rows_in_memory: int) -> int:
    """MiB at the peak, in a process of its own."""
    script = f"""
from ingestkit_excel import ExcelProcessorConfig
from ingestkit_excel.reader import read
(table,) = read({str(path)!r}, ExcelProcessorConfig(max_rows_in_memory={rows_in_memory}).model_dump()).tables
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(table.rows), int(peak) >> 10)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, check=True)
    rows, peak = map(int, done.stdout.split())
    assert rows > 20_000
    return peak


@pytest.mark.integration
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_does_not_grow_with_rows(tmp_path: Path, forge: SimpleNamespace) -> None:
    peaks = []
    for count in (30_000, 120_000):
        rows = "".join(
            f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}" t="inlineStr"><is><t>text of row {n}</t></is></c>'
            f'<c r="C{n}"><v>{n / 7}</v></c></row>'
            for n in range(1, count)
        )
        path = tmp_path / f"{count}.xlsx"
        path.write_bytes(forge.zipped(forge.parts_of(forge.sheet_xml(rows))))
        peaks.append(peak_of_reading(path, 10_000))
    assert peaks[1] - peaks[0] < 20, peaks
    # It does without the file.
    assert peak_of_reading(path, 1_000_000) - peaks[1] > 20


@pytest.mark.unit
def test_a_large_file_is_read_from_a_copy_that_does_not_change(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * (40 << 10))
    with path.open("rb") as file:
        content = take(file)
    path.write_bytes(b"changed")
    whole = bytes(range(256)) * (40 << 10)
    assert (content.hash, len(content)) == (Content.of(whole).hash, len(whole))
    assert (content[1:5], content[-3:], content.whole()) == (whole[1:5], whole[-3:], whole)
    assert isinstance(content.opened(), io.IOBase)
