"""The SQL tables of workbooks: exactly those that the workbooks as they are now have, whatever their sheets are called."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pytest
from ingestkit_core.stores import SqliteStore
from ingestkit_excel import ExcelProcessorConfig, ExcelRouter

pytestmark = pytest.mark.integration

Process = Callable[..., str]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


@pytest.fixture
def process(store: SqliteStore) -> Iterator[Process]:
    """Bring a workbook in for a tenant; returns its status."""
    routers: dict[str | None, ExcelRouter] = {}

    def run(path: Path, tenant: str | None = None) -> str:
        if tenant not in routers:
            config = ExcelProcessorConfig(execution_strategy="thread", execution_max_workers=1, tenant_id=tenant)
            routers[tenant] = ExcelRouter(store, store, config=config)
        return str(routers[tenant].process(str(path)).status)

    yield run
    for router in routers.values():
        router.close()


def write(path: Path, sheets: dict[str, int | None]) -> Path:
    """A workbook with one table of six rows on each sheet, or only a sentence; the number tells tables apart."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, base in sheets.items():
        sheet = workbook.create_sheet(name)
        if base is None:
            sheet["A1"] = "There is nothing here any more."
            continue
        sheet.append(["item", "amount"])
        for number in range(6):
            sheet.append([f"i{number}", base + number])
    workbook.save(path)
    return path


def firsts(store: SqliteStore) -> list[tuple[str | None, str, int]]:
    """Tenant, file and first amount of every table in the catalog; each must be there, and no other in the file."""
    connection = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)
    try:
        tables = store.tables()
        assert len({table.table_name for table in tables}) == len(tables)
        found = []
        for table in tables:
            ((amount,),) = connection.execute(f'SELECT min("amount") FROM "{table.table_name}"').fetchall()
            found.append((table.tenant_id, Path(table.source_uri or "").name, amount))
        with_amounts = connection.execute(
            "SELECT count(*) FROM sqlite_master m WHERE m.type = 'table'"
            " AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'amount')"
        ).fetchone()
        assert with_amounts == (len(tables),)
        return sorted(found, key=str)
    finally:
        connection.close()


def test_two_files_with_a_sheet_of_the_same_name_keep_their_own(
    tmp_path: Path, store: SqliteStore, process: Process
) -> None:
    for name, base in (("a.xlsx", 100), ("b.xlsx", 200)):
        assert process(write(tmp_path / name, {"Data": base})) == "committed"
    (tmp_path / "below").mkdir()
    assert process(write(tmp_path / "below" / "a.xlsx", {"Data": 300})) == "committed"
    assert firsts(store) == [(None, "a.xlsx", 100), (None, "a.xlsx", 300), (None, "b.xlsx", 200)]


def test_two_tenants_with_the_same_file_keep_their_own(tmp_path: Path, store: SqliteStore, process: Process) -> None:
    path = write(tmp_path / "a.xlsx", {"Data": 100})
    assert [process(path, "one"), process(path, "two")] == ["committed", "committed"]
    assert firsts(store) == [("one", "a.xlsx", 100), ("two", "a.xlsx", 100)]
    write(path, {"Data": 500})
    assert process(path, "one") == "committed"
    assert firsts(store) == [("one", "a.xlsx", 500), ("two", "a.xlsx", 100)]


@pytest.mark.parametrize(
    ("after", "left"),
    [
        ({"Renamed": 100, "Other": 200}, [100, 200]),
        ({"Other": 200, "Data": 100}, [100, 200]),
        ({"Data": None, "Other": 200}, [200]),
        ({"Data": None, "Other": None}, []),
        ({"Data": 200}, [200]),
        ({"Data": 100, "data ": 300, "DATA_": 400}, [100, 300, 400]),
    ],
    ids=["renamed", "moved", "lost its table", "lost the last table", "removed", "names that read alike"],
)
def test_a_changed_workbook_has_the_tables_it_has_now(
    after: dict[str, int | None], left: list[int], tmp_path: Path, store: SqliteStore, process: Process
) -> None:
    path = write(tmp_path / "a.xlsx", {"Data": 100, "Other": 200})
    assert process(path) == "committed"
    write(path, after)
    assert process(path) == "committed"
    assert [amount for _, _, amount in firsts(store)] == left
