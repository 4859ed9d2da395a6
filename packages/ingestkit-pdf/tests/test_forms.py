"""Form fields and notes: told once, with their names, beside what they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymupdf
import pytest
from ingestkit_core.elements import Element, ElementKind
from ingestkit_core.errors import IngestkitError
from ingestkit_core.extraction import Extraction
from ingestkit_pdf.annotations import _string

pytestmark = pytest.mark.unit

Reading = Callable[..., Extraction]


def add_field(page: Any, name: str, value: str | bool, top: float = 200, **changes: Any) -> None:
    widget = pymupdf.Widget()
    widget.field_type = pymupdf.PDF_WIDGET_TYPE_CHECKBOX if isinstance(value, bool) else pymupdf.PDF_WIDGET_TYPE_TEXT
    widget.field_name, widget.field_value = name, value
    widget.rect = pymupdf.Rect(200, top, 400, top + 20)
    for key, change in changes.items():
        setattr(widget, key, change)
    page.add_widget(widget)


def fields(elements: tuple[Element, ...]) -> list[str]:
    return [element.text for element in elements if element.kind is ElementKind.FORM_FIELD]


def test_a_value_is_told_once_with_its_name(book: Any, reading: Reading) -> None:
    page = book.page()
    page.insert_text((72, 214), "Your name")
    add_field(page, "applicant", "Ada Lovelace")
    extraction = reading(book.save())
    assert extraction.chunks[0].text == "Your name\n\napplicant: Ada Lovelace"
    assert extraction.ledger.source == len("YournameAdaLovelace")
    assert extraction.ledger.unexplained == 0


def test_a_place_for_a_signature_says_nothing(raw: Any, write: Callable[..., str], reading: Reading) -> None:
    objects = {
        4: raw.stream(b"BT /F1 12 Tf 72 700 Td (Where it says) Tj 0 -100 Td (SIGN) Tj ET"),
        6: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Signature)/F 4/P 3 0 R/Rect[72 400 300 460]>>",
    }
    extraction = reading(write(raw.one_page(objects, b"/Annots[6 0 R]", b"/AcroForm<</Fields[6 0 R]>>")))
    assert [chunk.text for chunk in extraction.chunks] == ["Where it says\n\nSIGN"]
    assert extraction.ledger.source == len("WhereitsaysSIGN")


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        (lambda page: add_field(page, "empty", ""), []),
        (lambda page: add_field(page, "agreed", True), ["agreed: Yes"]),
        (lambda page: add_field(page, "refused", False), []),
        (lambda page: add_field(page, "f1_01[0]", "x", field_label="First name"), ["First name: x"]),
        (lambda page: add_field(page, "note", "two\nlines", text_maxlen=0, field_flags=4096), ["note: two lines"]),
        (lambda page: add_field(page, "größe", "42 µm ≥ 中文"), ["größe: 42 µm ≥ 中文"]),
    ],
)
def test_fields(fill: Callable[[Any], None], expected: list[str], book: Any, elements: Any) -> None:
    page = book.page()
    page.insert_text((72, 100), "A form")
    fill(page)
    assert fields(elements(book.save())) == expected


def test_a_field_stands_after_the_text_beside_it(book: Any, elements: Any) -> None:
    page = book.page()
    for index, label in enumerate(("Name of the vessel", "Port of call", "Cargo")):
        page.insert_text((72, 214 + 60 * index), label)
        add_field(page, label.lower(), f"value {index}", top=200 + 60 * index)
    texts = [element.text for element in elements(book.save())]
    assert texts == [
        "Name of the vessel",
        "name of the vessel: value 0",
        "Port of call",
        "port of call: value 1",
        "Cargo",
        "cargo: value 2",
    ]


def test_a_page_of_fields_is_a_form(book: Any, reading: Reading) -> None:
    page = book.page()
    page.insert_text((72, 100), "A form")
    for index in range(4):
        add_field(page, f"field {index}", "", top=200 + 40 * index)
    assert reading(book.save()).classification.unit_types == {"page 1": "form"}


def test_inherited_names_and_values(raw: Any, write: Callable[..., str], elements: Any) -> None:
    content = raw.one_page(
        {
            6: b"<</FT/Tx/T(ship)/Kids[7 0 R]/V(Argo)>>",
            7: b"<</Type/Annot/Subtype/Widget/Parent 6 0 R/T(name)/Rect[100 600 200 620]>>",
            8: b"<</Type/Annot/Subtype/Widget/FT/Ch/T(cargo)/V[(wool)<FEFF00FC>]/Rect[100 500 200 520]>>",
            9: b"<</FT/Btn/Ff 32768/T(berth)/V/south/Kids[10 0 R 11 0 R]>>",
            10: b"<</Type/Annot/Subtype/Widget/Parent 9 0 R/AS/Off/Rect[100 400 110 410]>>",
            11: b"<</Type/Annot/Subtype/Widget/Parent 9 0 R/AS/south/Rect[100 380 110 390]>>",
            12: b"<</Type/Annot/Subtype/Widget/FT/Tx/T(by reference)/V 13 0 R/Rect[100 300 200 320]>>",
            13: b"(\\101da)",
        },
        page=b"/Annots[7 0 R 8 0 R 10 0 R 11 0 R 12 0 R]",
    )
    expected = ["ship.name: Argo", "cargo: wool, ü", "berth: south", "by reference: Ada"]
    assert fields(elements(write(content))) == expected


def test_a_field_that_is_its_own_parent_ends(raw: Any, write: Callable[..., str], reading: Reading) -> None:
    ring = raw.one_page({6: b"<</Type/Annot/Subtype/Widget/Parent 6 0 R/FT/Tx/Rect[0 0 9 9]>>"}, page=b"/Annots[6 0 R]")
    try:
        told = reading(write(ring)).chunks[0].text
    except IngestkitError as error:
        told = str(error.code)
    # Older MuPDF gives such a page up by itself.
    assert told in ("Hello from a small page", "E_PARSE_CORRUPT")


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (r"(plain)", "plain"),
        (r"(a \(b\) \\ c)", r"a (b) \ c"),
        (r"(\101\102\8)", "AB8"),
        ("(wrapped \\\nline)", "wrapped line"),
        ("<414243>", "ABC"),
        ("<4142 4>", "AB@"),
        ("<FEFF4E2D6587>", "中文"),
        ("<EFBBBFC3BC>", "ü"),
        ("()", ""),
    ],
)
def test_strings_of_the_file(literal: str, text: str) -> None:
    assert _string(literal) == text


def hide(page: Any) -> None:
    for annotation in (*page.widgets(), *page.annots()):
        page.parent.xref_set_key(annotation.xref, "F", "2")


def test_hidden_fields_and_notes_are_listed(book: Any, reading: Reading) -> None:
    page = book.page()
    page.insert_text((72, 100), "A form")
    add_field(page, "secret", "kumquat")
    page.add_text_annot((300, 300), "lychee")
    hide(page)
    path = book.save()
    extraction = reading(path)
    assert "kumquat" not in extraction.chunks[0].text
    assert extraction.ledger.dropped == {"hidden": len("kumquatlychee")}
    assert [issue.code for issue in extraction.issues] == ["W_HIDDEN_TEXT"]
    assert extraction.ledger.unexplained == 0
    shown = reading(path, include_hidden=True)
    assert "secret: kumquat" in shown.chunks[0].text
    assert shown.ledger.unexplained == 0


def test_notes_that_say_more_than_the_page_are_told(book: Any, elements: Any) -> None:
    page = book.page()
    page.insert_text((72, 100), "The text of the page")
    page.add_text_annot((300, 300), "ask the harbour master")
    page.add_highlight_annot(pymupdf.Rect(72, 90, 200, 104)).set_info(content="The text of the page")
    page.add_freetext_annot(pymupdf.Rect(72, 400, 300, 430), "typed onto the page")
    found = [(element.kind, element.text) for element in elements(book.save())]
    assert (ElementKind.NOTE, "ask the harbour master") in found
    assert [text for _, text in found].count("The text of the page") == 1
    assert [text for _, text in found].count("typed onto the page") == 1
    assert len(found) == 3


def test_annotations_that_cannot_be_read_cost_only_themselves(
    raw: Any, write: Callable[..., str], reading: Reading
) -> None:
    content = raw.one_page(
        {6: b"<</Type/Annot/Subtype/Widget/FT/Tx/T(x)/V<zz>/Ff/no/F/no/Rect 7>>"}, page=b"/Annots[6 0 R 99 0 R 7]"
    )
    extraction = reading(write(content))
    assert extraction.chunks[0].text.startswith("Hello from a small page")
