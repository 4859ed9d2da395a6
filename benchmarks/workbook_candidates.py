"""What reads workbooks here: raw floors, our reader, our way into typed tables, and the installed peers."""

# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"
# The peers need not be installed and most are not typed.

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.candidates import Candidate, kreuzberg_output, markitdown_output
from benchmarks.corpora import enclosing, rectangle
from benchmarks.fresh import NotMeasuredError
from benchmarks.outputs import Output, Region

if TYPE_CHECKING:
    from ingestkit_core.elements import Element

__all__ = ["WORKBOOKS"]


def _openpyxl() -> Callable[[str], object]:
    import openpyxl

    return openpyxl.load_workbook


def _openpyxl_read_only() -> Callable[[str], object]:
    import openpyxl

    def read(path: str) -> None:
        workbook = openpyxl.load_workbook(path, read_only=True)
        for sheet in workbook.worksheets:
            for _ in sheet.iter_rows(values_only=True):
                pass
        workbook.close()

    return read


def _calamine() -> Callable[[str], object]:
    from python_calamine import CalamineWorkbook

    def read(path: str) -> None:
        workbook = CalamineWorkbook.from_path(path)
        for name in workbook.sheet_names:
            workbook.get_sheet_by_name(name).to_python()

    return read


def _fastexcel() -> Callable[[str], object]:
    import fastexcel

    def read(path: str) -> None:
        reader = fastexcel.read_excel(path)
        for name in reader.sheet_names:
            reader.load_sheet(name).__arrow_c_array__()

    return read


def _our_read() -> Callable[[str], object]:
    from ingestkit_excel.config import ExcelProcessorConfig
    from ingestkit_excel.reader import read

    settings = ExcelProcessorConfig().model_dump()
    return lambda path: read(path, settings)


def _our_tables() -> Callable[[str], object]:
    """Workbook to typed SQLite tables: the whole way, in this process, all into one store."""
    from ingestkit_core.stores import SqliteStore
    from ingestkit_excel.config import ExcelProcessorConfig
    from ingestkit_excel.router import ExcelRouter

    folder = tempfile.TemporaryDirectory(prefix="bench-")
    store = SqliteStore(Path(folder.name, "store.db"))
    config = ExcelProcessorConfig(execution_strategy="thread", execution_max_workers=1)
    router = ExcelRouter(store, store, config=config)
    numbers = itertools.count()

    def ingest(path: str) -> None:
        # A name of its own each time: a second version would be charged with removing the first.
        result = router.process(path, source_uri=f"{folder.name}/{next(numbers)}")
        if result.status != "committed":
            raise NotMeasuredError(f"{result.status}: {', '.join(result.errors)}")

    return ingest


def _our_output() -> Callable[[str], Output]:
    from ingestkit_core.elements import ElementKind
    from ingestkit_excel.config import ExcelProcessorConfig
    from ingestkit_excel.reader import convert, read

    settings = ExcelProcessorConfig().model_dump()

    def output(path: str) -> Output:
        tables = [element for element in convert(path, settings).elements if element.kind is ElementKind.TABLE]
        chunks = tuple(chunk.text for chunk in read(path, settings).chunks)
        return Output(chunks=chunks, regions=tuple(_region(table) for table in tables))

    return output


def _region(table: Element) -> Region:
    headers, body = _ranges(table.header), _ranges(table.spans)
    header_rows = {row for one in headers for row in range(rectangle(one)[0], rectangle(one)[2] + 1)}
    return Region(_sheet(table), *enclosing([*headers, *body]), frozenset(header_rows))


def _ranges(spans: Any) -> list[str]:
    return [span.location.cell_range for span in spans]


def _sheet(table: Element) -> str:
    from ingestkit_core.elements import unit_of

    return unit_of((*table.header, *table.spans)[0].location)


WORKBOOKS = (
    Candidate("openpyxl", "floor", "openpyxl", _openpyxl),
    Candidate("openpyxl read-only", "floor", "openpyxl", _openpyxl_read_only),
    Candidate("calamine", "floor", "python_calamine", _calamine),
    Candidate("fastexcel to Arrow", "floor", "fastexcel", _fastexcel),
    Candidate("ingestkit-excel: read", "ours", "ingestkit_excel", _our_read, _our_output),
    Candidate("ingestkit-excel: into SQLite tables", "ours", "ingestkit_excel", _our_tables),
    Candidate("kreuzberg", "peer", "kreuzberg", kreuzberg_output, kreuzberg_output),
    Candidate("markitdown", "peer", "markitdown openpyxl pandas", markitdown_output, markitdown_output),
)
"""The others' speeds are given as so many times the first's."""
