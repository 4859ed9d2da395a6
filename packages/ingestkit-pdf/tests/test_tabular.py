"""Tables in their place among the text: joined over page breaks, told once, as chunks and as SQL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from ingestkit_core.elements import ElementKind, PageBox
from ingestkit_pdf.accounting import page_issues
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.document import Document
from ingestkit_pdf.extract.content import page_content
from ingestkit_pdf.extract.tables.leaders import leaders_of
from ingestkit_pdf.extract.tabular import rows_for_sql
from ingestkit_pdf.reader import convert, read

pytestmark = pytest.mark.unit

HEADER = ("No.", "Site", "Panels", "Share")
LEFT, WIDTH, HEIGHT = 60.0, 110.0, 20.0


def _grid(page: Any, top: float, rows: list[tuple[str, ...]]) -> None:
    for index, row in enumerate(rows):
        for column, text in enumerate(row):
            x, y = LEFT + column * WIDTH, top + index * HEIGHT
            page.draw_rect(pymupdf.Rect(x, y, x + WIDTH, y + HEIGHT), width=0.7)
            page.insert_text((x + 4, y + 14), text, fontsize=10)


@pytest.fixture(scope="module")
def two_pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [(f"{n:03d}", f"Site {n}", f"{n * 1500:,}", f"{n}.5") for n in range(1, 41)]
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((60, 90), "The table below lists what was handed over in the year, site by site.", fontsize=10)
    _grid(page, 120, [HEADER, *rows[:32]])
    page = document.new_page()
    _grid(page, 60, [HEADER, *rows[32:]])
    page.insert_text((60, 320), "After the table the text goes on with something else entirely.", fontsize=10)
    path = tmp_path_factory.mktemp("tabular") / "two.pdf"
    document.save(path)
    return path


def test_a_table_over_a_page_break_is_one_table(two_pages: Path) -> None:
    extraction = read(str(two_pages), PDFProcessorConfig().model_dump())
    (table,) = extraction.tables
    assert len(table.rows) == 40
    assert [(c.name, c.header, c.type) for c in table.columns] == [
        ("no", "No.", "text"),
        ("site", "Site", "text"),
        ("panels", "Panels", "integer"),
        ("share", "Share", "number"),
    ]
    assert table.rows[0] == ("001", "Site 1", 1500, 1.5)
    assert table.rows[-1] == ("040", "Site 40", 60000, 40.5)
    pages = [place.page_number for place in table.row_locations if isinstance(place, PageBox)]
    assert pages == [1] * 32 + [2] * 8
    assert [issue.code for issue in extraction.issues] == ["W_TABLE_CONTINUATION"]
    assert extraction.ledger.unexplained == 0


def test_every_chunk_of_the_table_has_its_header_and_no_row_stands_in_prose(two_pages: Path) -> None:
    extraction = read(str(two_pages), PDFProcessorConfig(chunk_size_tokens=128).model_dump())
    tables = [chunk for chunk in extraction.chunks if chunk.content_type == "table"]
    assert len(tables) > 2
    assert all(chunk.text.startswith("No. | Site | Panels | Share\n") for chunk in tables)
    assert all(chunk.table_index == 0 for chunk in tables)
    told = "\n".join(chunk.text for chunk in extraction.chunks)
    assert told.count("Site 17") == 1
    (schema,) = [chunk for chunk in extraction.chunks if chunk.content_type == "schema"]
    assert "panels: integer, Panels" in schema.text


def test_tables_stand_where_they_stand(two_pages: Path) -> None:
    elements = convert(str(two_pages), PDFProcessorConfig().model_dump()).elements
    kinds = [element.kind for element in elements if element.kind is not ElementKind.SCHEMA]
    assert kinds == [ElementKind.PARAGRAPH, ElementKind.TABLE, ElementKind.PARAGRAPH]


def test_a_small_table_is_told_in_chunks_only(two_pages: Path) -> None:
    extraction = read(str(two_pages), PDFProcessorConfig(table_min_rows_for_db=41).model_dump())
    assert extraction.tables == ()
    assert {chunk.content_type for chunk in extraction.chunks} == {"table", "text"}


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({}, 21),
        ({"table_min_rows_for_db": 5}, 5),
        ({"table_min_rows_for_db": 41}, 41),
        ({"table_max_rows_for_serialization": 60}, 61),
        ({"table_max_rows_for_serialization": 3}, 21),
    ],
)
def test_from_how_many_rows_a_table_becomes_sql(settings: dict[str, int], rows: int) -> None:
    assert rows_for_sql(PDFProcessorConfig(**settings)) == rows  # type: ignore[arg-type]


def test_pages_of_tables_make_a_complex_document(two_pages: Path) -> None:
    found = read(str(two_pages), PDFProcessorConfig().model_dump()).classification
    assert (found.document_type, set(found.unit_types.values())) == ("complex", {"table_heavy"})
    found = read(str(two_pages), PDFProcessorConfig(min_table_count_for_complex=50).model_dump()).classification
    assert (found.document_type, found.signals["tables"]) == ("complex", False)


def test_drawings_that_cannot_be_read_cost_the_tables_only(two_pages: Path) -> None:
    with Document(two_pages.read_bytes(), "file.pdf") as document:
        page = replace(document.page(1, 1), drawings_unreadable=True)
    content = page_content(page, 2, PDFProcessorConfig())
    (issue,) = page_issues(content, "file.pdf", PDFProcessorConfig())
    assert (issue.code, issue.stage, issue.page_number) == ("E_PROCESS_TABLE_EXTRACT", "process", 1)


def test_leaders_are_no_part_of_labels_and_are_accounted_for(book: Any) -> None:
    page = book.page()
    rows = [("Offence", "1999", "2009"), ("Theft . . . . . .", "12", "15"), ("Arson, etc.. . . .", "4", "7")]
    _grid(page, 120, [*rows, ("Robbery . . . . .", "31", "22"), ("All .", "47", "44")])
    settings = PDFProcessorConfig().model_dump()

    conversion = convert(book.save(), settings)

    (table,) = (element for element in conversion.elements if element.kind is ElementKind.TABLE)
    assert [span.text.split(" | ")[0] for span in table.spans] == ["Theft", "Arson, etc.", "Robbery", "All"]
    assert conversion.ledger.dropped == {"leader": 6 + 4 + 5 + 1}
    assert conversion.ledger.unexplained == 0


def test_a_few_labels_that_are_left_open_keep_their_dots() -> None:
    assert leaders_of(["1 ....", "2 ....", "3 ..", "4 .."]) == {}
