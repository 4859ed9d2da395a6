"""Citations of PDFs re-read by pdfium: what is true holds, and what is made wrong is counted as wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ingestkit_core.elements import PageBox, around
from ingestkit_core.extraction import Extraction
from ingestkit_core.verification import Passage, Request, Rows, Tally, Verification, write_questions
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.reader import read

pytest.importorskip("pypdfium2")
from ingestkit_pdf.verify import verify
from ingestkit_pdf.verify.accents import with_accents
from ingestkit_pdf.verify.characters import Character

pytestmark = pytest.mark.unit

CONFIG: dict[str, Any] = PDFProcessorConfig().model_dump()


def passages(extraction: Extraction) -> list[Passage]:
    return [
        Passage(f"chunk {number}", chunk.text, chunk.locations, chunk.content_type)
        for number, chunk in enumerate(extraction.chunks)
    ]


def rows(extraction: Extraction) -> list[Rows]:
    return [
        Rows(
            table.region_id,
            table.columns,
            tuple(
                (n, tuple(row), place)
                for n, (row, place) in enumerate(zip(table.rows, table.row_locations, strict=True), 1)
            ),
        )
        for table in extraction.tables
    ]


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Verification]:
    def check(path: str, questions: Sequence[Passage | Rows], **request: Any) -> Verification:
        write_questions(tmp_path / "questions", questions)
        return verify(path, CONFIG, Request(str(tmp_path / "questions"), **{"came_in": {}, **request}))

    return check


def ledger_of(extraction: Extraction) -> dict[str, int]:
    return {unit.unit: unit.source for unit in extraction.ledger.units}


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_what_was_read_stands_where_it_says(book: Any, checked: Any, rotation: int) -> None:
    for number in range(2):
        page = book.page()
        book.body(page, start=number)
        page.insert_text((72, 600), f"Planted{number} token", fontsize=16)
        page.set_rotation(rotation)
    path = book.save()
    read_ = read(path, CONFIG)
    found = checked(path, passages(read_), came_in=ledger_of(read_))
    assert found.chunks.checked == len(read_.chunks) > 0
    assert (found.chunks.matching, found.mismatches) == (found.chunks.checked, ())
    assert (found.units, found.counts) == (2, ())
    assert found.area_ratio is not None
    assert 0.8 < found.area_ratio < 1.5


def test_a_crop_box_moves_nothing(book: Any, checked: Any) -> None:
    page = book.page()
    book.body(page)
    page.set_cropbox((50, 100, 550, 700))
    path = book.save()
    assert checked(path, passages(read(path, CONFIG))).mismatches == ()


def test_wrong_citations_are_counted_as_mismatches(book: Any, checked: Any) -> None:
    book.body(book.page(), lines=30)
    other = book.page()
    for line in range(30):
        other.insert_text((72, 150 + line * 14.3), f"invoice {line} above four thousand euros is signed twice")
    path = book.save()
    (first, *_), good = passages(read(path, CONFIG)), passages(read(path, CONFIG))
    (place, *_) = first.locations
    x0, y0, x1, y1 = place.box
    wrong = {
        "another page": replace(first, locations=(PageBox(2, place.box),)),
        "another place": replace(first, locations=(PageBox(1, (x0, y0 + 120, x1, y1 + 120)),)),
        "too small": replace(first, locations=(PageBox(1, (x0, y0, x1, (y0 + y1) / 2)),)),
        "the whole page": replace(first, text=first.text[: len(first.text) // 2]),
        "nowhere": replace(first, locations=()),
        "another text": replace(first, text=first.text.replace("river", "street").replace("walls", "roads")),
    }
    found = checked(path, [*good, *(replace(one, name=name) for name, one in wrong.items())])
    assert found.chunks == Tally(len(good) + len(wrong), len(good))
    assert [mismatch.name for mismatch in found.mismatches] == list(wrong)
    assert all(mismatch.stored is mismatch.found is None for mismatch in found.mismatches)
    shown = checked(path, [wrong["another page"]], shows_text=True).mismatches[0]
    assert shown.stored == first.text
    assert shown.found


def test_schema_and_pictures_are_counted_apart(book: Any, checked: Any) -> None:
    book.body(book.page())
    path = book.save()
    place = (PageBox(1, (0.0, 0.0, 10.0, 10.0)),)
    questions = [Passage("s", "Table of 3 rows", place, "schema"), Passage("o", "seen", place, is_from_image=True)]
    found = checked(path, questions)
    assert (found.chunks, found.described, found.unread) == (Tally(), 1, 1)


def test_typed_rows_against_the_numbers_on_the_page(book: Any, checked: Any) -> None:
    page = book.page()
    cells = [("Port", "Ships", "Tons"), *((f"Port{n} bay", str(n), f"{n * 1111:,}.50") for n in range(1, 25))]
    for line, row in enumerate(cells):
        for column, text in enumerate(row):
            page.insert_text((80 + column * 120, 92 + line * 20), text, fontsize=10)
        for column in range(4):
            page.draw_line((75 + column * 120, 80 + line * 20), (75 + column * 120, 100 + line * 20))
        page.draw_line((75, 80 + line * 20), (435, 80 + line * 20))
    page.draw_line((75, 80 + len(cells) * 20), (435, 80 + len(cells) * 20))
    path = book.save()
    (table,) = rows(read(path, CONFIG))
    assert [column.type for column in table.columns] == ["text", "integer", "number"]
    assert checked(path, [table]).rows == Tally(24, 24)
    number, values, place = table.rows[4]
    swapped = replace(table, rows=((number, (*values[:2], 9999.5), place), (6, values, table.rows[5][2])))
    assert checked(path, [swapped]).rows == Tally(2, 0)


def test_a_cell_over_several_rows_is_cited_by_each_of_them(book: Any, checked: Any, tmp_path: Path) -> None:
    page = book.page()
    for column, title in enumerate(("District", "Measure", "Year", "Share")):
        page.insert_text((80 + column * 100, 92), title, fontsize=10)
    for line in range(1, 19):
        measure = ("count", "percentage")[(line - 1) % 2]
        for column, text in enumerate((measure, str(2000 + line), f"{line}.{line}"), 1):
            page.insert_text((80 + column * 100, 92 + line * 20), text, fontsize=10)
        if line % 2:
            page.insert_text((80, 96 + line * 20), f"Region{line} upon", fontsize=10)
            page.insert_text((80, 108 + line * 20), "water", fontsize=10)
            page.draw_line((75, 80 + line * 20), (475, 80 + line * 20))
        else:
            page.draw_line((175, 80 + line * 20), (475, 80 + line * 20))
    page.draw_line((75, 80), (475, 80))
    page.draw_line((75, 460), (475, 460))
    for column in range(5):
        page.draw_line((75 + column * 100, 80), (75 + column * 100, 460))
    path = book.save()
    read_ = read(path, CONFIG | {"table_min_rows_for_db": 5})
    (table,) = rows(read_)
    assert [row[1][0] for row in table.rows[:3]] == ["Region1 upon water"] * 2 + ["Region3 upon water"]
    assert all(isinstance(place, tuple) and len(place) == 2 for _, _, place in table.rows)
    found = checked(path, [table, *passages(read_)])
    assert (found.rows, found.mismatches) == (Tally(18, 18), ())
    stored = [Rows("as one box", table.columns, ((n, values, around(place)),)) for n, values, place in table.rows]
    assert checked(path, stored).rows.matching == 0


def test_the_text_of_a_scan_is_what_a_person_reads_there(book: Any, checked: Any) -> None:
    book.page().insert_text((72, 300), "I N T R O D U C T I O N by Quill", fontsize=12, render_mode=3)
    place = (PageBox(1, (60.0, 280.0, 500.0, 310.0)),)
    told = [Passage("whole", "Introduction by Quill", place), Passage("half", "Introduction", place)]
    assert [one.name for one in checked(book.save(), told).mismatches] == ["half"]


def test_accents_over_letters_make_other_letters() -> None:
    def at(number: int, text: str, x: float) -> Character:
        return Character(number, text, x, 10.0, (x - 3, 4.0, x + 3, 16.0), False, False, False)

    word = [at(0, "c", 3), at(1, "a", 9), at(3, "ˇ", 3.5), at(4, "´", 30)]
    assert [one.text for one in with_accents(word)] == ["č", "a", "´"]


def test_fields_and_notes_are_what_their_annotations_say(book: Any, checked: Any) -> None:
    import pymupdf

    page = book.page()
    book.body(page, lines=6)
    widget = pymupdf.Widget()
    widget.field_name, widget.field_label, widget.field_value = "city", "Town of birth", "Quillonia"
    widget.field_type, widget.rect = pymupdf.PDF_WIDGET_TYPE_TEXT, pymupdf.Rect(72, 400, 300, 420)
    page.add_widget(widget)
    page.add_text_annot((400, 500), "Zebulonic remark")
    path = book.save()
    read_ = read(path, CONFIG)
    found = checked(path, passages(read_), came_in=ledger_of(read_))
    assert any("Town of birth: Quillonia" in chunk.text for chunk in read_.chunks)
    assert (found.mismatches, found.counts) == ((), ())
    place = (PageBox(1, (72.0, 400.0, 300.0, 420.0)),)
    told = [Passage("f", f"Town of birth: {value}", place, "form_field") for value in ("Quillonia", "Xanadu")]
    assert checked(path, told).chunks == Tally(2, 1)


def test_a_ledger_that_forgot_text_is_listed(book: Any, checked: Any) -> None:
    book.body(book.page(), lines=20)
    path = book.save()
    came_in = ledger_of(read(path, CONFIG))
    (unit,) = checked(path, [], came_in={"page 1": came_in["page 1"] - 100}).counts
    assert (unit.unit, unit.counted - unit.ledger) == ("page 1", 100)
