"""A step that slips costs its own part of a document, with its code; the rest is brought in.

No file is known that makes these steps slip: here they are broken on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymupdf
import pytest
from ingestkit_core import chunking
from ingestkit_core.extraction import Extraction
from ingestkit_pdf import interpretation
from ingestkit_pdf.extract import tabular

pytestmark = pytest.mark.unit

Reading = Callable[..., Extraction]


@pytest.fixture
def report(book: Any) -> str:
    """Four pages under a running header; a table of thirty rows on the first."""
    for number in range(4):
        page = book.page()
        page.insert_text((72, 40), "Annual Report", fontsize=8)
        book.body(page, start=number, lines=8)
        for row in range(31 if number == 0 else 0):
            for column, text in enumerate(("Site", "Panels") if row == 0 else (f"Site {row}", str(row * 7))):
                box = pymupdf.Rect(72 + column * 110, 300 + row * 14, 182 + column * 110, 314 + row * 14)
                page.draw_rect(box, width=0.7)
                page.insert_text((box.x0 + 4, box.y0 + 11), text, fontsize=9)
    return str(book.save())


def broken(*_: Any, **__: Any) -> Any:
    raise LookupError("on purpose")


def test_without_headers_told_apart_they_are_text(
    report: str, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Annual Report" not in " ".join(chunk.text for chunk in reading(report).chunks)
    monkeypatch.setattr(interpretation, "find_furniture", broken)
    extraction = reading(report)
    assert [issue.code for issue in extraction.issues] == ["E_PROCESS_HEADER_FOOTER"]
    assert "Annual Report" in " ".join(chunk.text for chunk in extraction.chunks)
    assert extraction.ledger.unexplained == 0


def test_a_table_without_a_description_keeps_its_rows(
    report: str, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = reading(report)
    monkeypatch.setattr(tabular, "_schema", broken)
    extraction = reading(report)
    assert [(issue.code, issue.page_number) for issue in extraction.issues] == [("E_PROCESS_SCHEMA_GEN", 1)]
    assert len(extraction.tables) == 1
    assert [chunk.text for chunk in extraction.chunks] == [
        chunk.text for chunk in whole.chunks if chunk.content_type != "schema"
    ]


def test_a_table_that_cannot_be_made_into_text_costs_itself(
    report: str, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular, "body_rows", broken)
    extraction = reading(report)
    codes = [(issue.code, issue.page_number) for issue in extraction.issues]
    assert codes == [("E_PROCESS_SERIALIZE", 1), ("W_UNEXPLAINED_LOSS", None)]
    assert (extraction.tables, len({n for c in extraction.chunks for n in c.metadata["page_numbers"]})) == ((), 4)


def test_what_cannot_be_packed_is_left_out_and_told(
    report: str, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = chunking._Packer._add_table

    def slips(packer: Any, element: Any) -> None:
        real(packer, element)
        raise RecursionError("on purpose")

    monkeypatch.setattr(chunking._Packer, "_add_table", slips)
    extraction = reading(report)
    assert [issue.code for issue in extraction.issues] == ["E_PROCESS_CHUNK", "W_UNEXPLAINED_LOSS"]
    assert extraction.issues[0].page_number == 1
    assert len({number for chunk in extraction.chunks for number in chunk.metadata["page_numbers"]}) == 4


def test_memory_is_no_slip(report: str, reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(interpretation, "find_furniture", exhausted)
    with pytest.raises(MemoryError):
        reading(report)
