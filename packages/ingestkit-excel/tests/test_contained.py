"""A step that slips costs its own part of a workbook, with its code; and what a password hides is told as such.

No file is known that makes the steps slip: here they are broken on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from ingestkit_core import chunking
from ingestkit_core.extraction import Extraction
from ingestkit_excel.extract import records
from openpyxl.workbook.protection import WorkbookProtection

pytestmark = pytest.mark.unit

Extract = Callable[..., Extraction]

SHEETS = {"Data": [["who", "n"], *[[f"x{i}", i] for i in range(6)]], "Notes": [["A word about whales."]]}


def broken(*_: Any, **__: Any) -> Any:
    raise LookupError("on purpose")


def told(extraction: Extraction) -> list[tuple[str, str | None, str | None]]:
    return [(issue.code, issue.sheet_name, issue.cell_range) for issue in extraction.issues]


def text(extraction: Extraction) -> str:
    return "\n".join(chunk.text for chunk in extraction.chunks)


def test_a_table_without_a_description_keeps_its_rows(extract: Extract, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = extract(SHEETS)
    monkeypatch.setattr(records, "describe", broken)
    extraction = extract(SHEETS)
    assert told(extraction) == [("E_PROCESS_SCHEMA_GEN", "Data", "A1:B7")]
    kept = [chunk.text for chunk in whole.chunks if chunk.content_type != "schema"]
    assert [chunk.text for chunk in extraction.chunks] == kept
    assert len(kept) == len(whole.chunks) - 1
    assert extraction.ledger.unexplained == 0


def test_rows_that_cannot_be_made_into_text_stand_in_sql(extract: Extract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "row_spans", broken)
    extraction = extract(SHEETS)
    assert told(extraction) == [("E_PROCESS_SERIALIZE", "Data", "A1:B7")]
    assert len(extraction.tables[0].rows) == 6
    assert extraction.ledger.unexplained == 0
    assert "whales" in text(extraction)
    assert "x3" not in text(extraction)


def test_what_cannot_be_packed_is_left_out_and_told(extract: Extract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking._Packer, "_add_table", broken)
    extraction = extract(SHEETS)
    assert [(issue.code, issue.sheet_name) for issue in extraction.issues] == [
        ("E_PROCESS_CHUNK", "Data"),
        ("W_UNEXPLAINED_LOSS", "Data"),
    ]
    assert "whales" in text(extraction)
    assert "who: text" in text(extraction)


@pytest.mark.parametrize(("password", "code"), [("CC1A", "W_SHEET_SKIPPED_PASSWORD"), (None, "W_SHEET_SKIPPED_HIDDEN")])
def test_a_hidden_sheet_that_a_password_keeps_hidden_is_told_as_such(
    extract: Extract, password: str | None, code: str
) -> None:
    def lock(workbook: openpyxl.Workbook) -> None:
        workbook["Notes"].sheet_state = "hidden"
        workbook.security = WorkbookProtection(workbookPassword=password, lockStructure=True)

    extraction = extract(SHEETS, lock)
    assert told(extraction) == [(code, "Notes", None)]
    assert [(skipped.unit, skipped.reason) for skipped in extraction.parse.skipped] == [("Notes", code)]
    assert "whales" not in text(extraction)
    brought_in = extract(SHEETS, lock, include_hidden=True)
    assert told(brought_in) == []
    assert "whales" in text(brought_in)
