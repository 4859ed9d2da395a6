"""A workbook with several large sheets is read in parts; what comes of it is what reading it whole gives."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from ingestkit_core.errors import ErrorCode, SourceError
from ingestkit_core.extraction import Extraction, Split
from ingestkit_core.stores import SqliteStore
from ingestkit_excel import ExcelProcessorConfig, ExcelRouter, reader
from ingestkit_excel.reader import read, read_or_split

SETTINGS = ExcelProcessorConfig(row_serialization_limit=50, max_rows_in_memory=100)
SHEETS: dict[str, list[list[Any]]] = {
    "First": [["name", "n"], *[[f"row {i}", i] for i in range(400)]],
    "Notes": [["Some words about it"], ["and some more"]],
    "Hidden": [["a", "b"], *[[i, i] for i in range(20)]],
    "Second": [["key", "x", "y"], *[[f"k{i}", i / 4, i] for i in range(300)]],
    "Told": [["c", "d"], *[[f"t{i}", i] for i in range(10)]],
}


@pytest.fixture
def path(book: Callable[..., str]) -> str:
    def hide(workbook: openpyxl.Workbook) -> None:
        workbook["Hidden"].sheet_state = "hidden"

    return book(SHEETS, hide)


def plain(extraction: Extraction) -> tuple[object, ...]:
    tables = [(t.unit, t.region_id, t.columns, list(t.rows), list(t.row_locations)) for t in extraction.tables]
    stages = [stage.model_dump(exclude={"seconds"}) for stage in (extraction.parse, extraction.classification)]
    return tables, stages, extraction.chunks, extraction.ledger, extraction.issues, extraction.language


@pytest.mark.unit
def test_parts_put_together_are_the_whole(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SETTINGS.model_dump()
    assert isinstance(read_or_split(path, config), Extraction)
    monkeypatch.setattr(reader, "LARGE_SHEET_BYTES", 10_000)
    split = pickle.loads(pickle.dumps(read_or_split(path, config)))
    assert isinstance(split, Split)
    assert split.parts == ((0,), (3,), (1, 2, 4))
    values = [pickle.loads(pickle.dumps(split.read_part(path, config, part))) for part in split.parts]
    together = split.assemble(path, config, split.carried, values)
    assert isinstance(together, Extraction)
    assert plain(together) == plain(read(path, config))
    assert [chunk.table_index for chunk in together.chunks if chunk.table_index is not None] == [0, 1, 2, 2]


@pytest.mark.unit
def test_a_file_that_changes_between_its_parts_is_told(
    path: str, book: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LARGE_SHEET_BYTES", 10_000)
    config = SETTINGS.model_dump()
    split = read_or_split(path, config)
    assert isinstance(split, Split)
    values = [split.read_part(path, config, split.parts[0])]
    book({**SHEETS, "Told": [["changed"]]})
    values += [split.read_part(path, config, part) for part in split.parts[1:]]
    with pytest.raises(SourceError) as raised:
        split.assemble(path, config, split.carried, values)
    assert raised.value.code is ErrorCode.E_SOURCE_CHANGED


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_a_store_cannot_tell_in_how_many_parts_it_was_read(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = []
    for name, large in (("whole", 1 << 30), ("parts", 10_000)):
        monkeypatch.setattr(reader, "LARGE_SHEET_BYTES", large)
        store = SqliteStore(tmp_path / f"{name}.db")
        config = SETTINGS.model_copy(update={"execution_strategy": "thread"})
        with ExcelRouter(store, store, config=config) as router:
            assert router.process(path).status == "committed"
        exports.append(list(store.export()))
        store.close()
    assert exports[0] == exports[1]
    assert sum('"kind":"row"' in line for line in exports[0]) == 710
