"""What is refused before anything is read, what is only said about it, and in which order."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any

import pymupdf
import pytest
from ingestkit_core.errors import ErrorCode, IngestkitError
from ingestkit_core.extraction import Extraction
from ingestkit_pdf.reader import recognises

pytestmark = pytest.mark.unit

Reading = Callable[..., Extraction]
Write = Callable[..., str]
MIB = 1 << 20


def code_of(reading: Reading, path: str, **settings: Any) -> str:
    with pytest.raises(IngestkitError) as caught:
        reading(path, **settings)
    return str(caught.value.code)


def codes(extraction: Extraction) -> list[str]:
    return [issue.code for issue in extraction.issues]


@pytest.mark.parametrize(
    ("head", "yes"),
    [
        (b"%PDF-1.4", True),
        (b"junk " * 100 + b"%PDF-2.0", True),
        (b"x" * 1019 + b"%PDF-1.4", True),
        (b"x" * 1020 + b"%PDF-1.4", False),
        (b"PK\x03\x04", False),
        (b"", False),
    ],
)
def test_the_header_is_looked_for_in_the_first_1024_bytes(head: bytes, yes: bool) -> None:
    assert recognises(head) is yes


def test_junk_before_the_header_is_read_over(raw: Any, write: Write, reading: Reading) -> None:
    extraction = reading(write(b"\r\n\r\nsent by some gateway\r\n" + raw.one_page()))
    assert extraction.chunks[0].text == "Hello from a small page"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "E_SECURITY_INVALID_PDF"),
        (b"PK\x03\x04 no such thing", "E_SECURITY_INVALID_PDF"),
        (b"%PDF-1.7\nand nothing that could be repaired", "E_PARSE_CORRUPT"),
        (b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n", "E_PARSE_REPAIR_FAILED"),
    ],
)
def test_what_is_no_document_says_so(content: bytes, code: str, write: Write, reading: Reading) -> None:
    assert code_of(reading, write(content)) == code


def test_a_missing_and_an_unreadable_file(tmp_path: Any, write: Write, reading: Reading) -> None:
    assert code_of(reading, str(tmp_path / "gone.pdf")) == "E_SOURCE_NOT_FOUND"
    assert code_of(reading, str(tmp_path)) == "E_SOURCE_UNREADABLE"


def test_the_header_comes_before_the_size(write: Write, reading: Reading) -> None:
    path = write(b"%PDF-1.7\n" + os.urandom(MIB + 1))
    assert code_of(reading, path, max_file_size_mb=1) == "E_SECURITY_TOO_LARGE"
    path = write(b"no header" + os.urandom(MIB + 1))
    assert code_of(reading, path, max_file_size_mb=1) == "E_SECURITY_INVALID_PDF"


def test_a_password_comes_before_the_page_count(book: Any, reading: Reading) -> None:
    for _ in range(3):
        book.page()
    encryption = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "owner_pw": "owner"}
    locked = book.save("locked.pdf", user_pw="user", **encryption)
    assert code_of(reading, locked, max_page_count=2) == "E_PARSE_PASSWORD"
    open_to_read = book.save("owner.pdf", **encryption)
    assert code_of(reading, open_to_read, max_page_count=2) == "E_SECURITY_TOO_MANY_PAGES"


def test_an_owner_password_alone_is_read_over_and_said(book: Any, reading: Reading) -> None:
    book.page().insert_text((72, 100), "Readable by everybody")
    path = book.save(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="owner", user_pw="")
    extraction = reading(path)
    assert codes(extraction) == ["W_ENCRYPTED_OWNER_ONLY"]
    assert extraction.chunks[0].text == "Readable by everybody"


def test_encryption_for_certificates_is_not_called_a_password(raw: Any, write: Write, reading: Reading) -> None:
    content = raw.one_page().replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt<</Filter/Adobe.PubSec/V 4>>/ID[<00><00>]")
    assert code_of(reading, write(content)) == "E_PARSE_UNSUPPORTED"


def test_no_pages(raw: Any, write: Write, reading: Reading) -> None:
    content = raw.pdf({1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Count 0/Kids[]>>"})
    assert code_of(reading, write(content)) == "E_PARSE_EMPTY"


def test_pages_are_found_without_a_page_tree(raw: Any, write: Write, reading: Reading) -> None:
    content = raw.one_page().replace(b"/Pages 2 0 R", b"/Pages 9 0 R")
    extraction = reading(write(content))
    assert extraction.chunks[0].text == "Hello from a small page"


def with_stream(raw: Any, content: bytes, entries: bytes) -> bytes:
    return raw.one_page({6: raw.stream(content, entries)})


def lzw_of_zeros(count: int) -> bytes:
    """LZW of at least that many zero bytes: each code stands for one byte more than the one before."""
    done, width = 0, 9
    out: list[str] = []
    while done < count:
        out.append(f"{256:0{width}b}")
        entries, width = 258, 9
        for code in (0, *range(258, 4090)):
            out.append(f"{code:0{width}b}")
            done += max(1, code - 256)
            entries += code > 0
            width = 9 if entries < 511 else 10 if entries < 1023 else 11 if entries < 2047 else 12
    bits = "".join(out) + f"{257:0{width}b}"
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def bombs(raw: Any) -> dict[str, bytes]:
    zeros = raw.flate(bytes(70 * MIB))
    many = raw.flate(bytes(60 * MIB))
    return {
        "one stream": with_stream(raw, zeros, b"/Filter/FlateDecode"),
        "between what packs badly": with_stream(
            raw, raw.flate(os.urandom(100_000) + bytes(70 * MIB) + os.urandom(100_000)), b"/Filter/FlateDecode"
        ),
        "flate in flate": with_stream(raw, raw.flate(zeros), b"/Filter[/FlateDecode/FlateDecode]"),
        "the filter by reference": raw.one_page({6: raw.stream(zeros, b"/Filter 7 0 R"), 7: b"/FlateDecode"}),
        "a filter mentioned before": with_stream(raw, zeros, b"/A<</Filter/None>>/Filter/FlateDecode"),
        "a picture that is none": with_stream(raw, b"\x00" * 50, b"/Filter/JBIG2Decode"),
        "lzw": with_stream(raw, lzw_of_zeros(70 * MIB), b"/Filter/LZWDecode"),
        "many streams, none too large": raw.one_page(
            {number: raw.stream(many, b"/Filter/FlateDecode") for number in range(6, 16)}
        ),
        "the page itself as a picture": raw.pdf(
            {
                1: b"<</Type/Catalog/Pages 2 0 R>>",
                2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
                3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>",
                4: b"[5 0 R]",
                5: raw.stream(
                    raw.flate(b" " * (70 * MIB)),
                    b"/Subtype/Image/Width 500/Height 500/BitsPerComponent 8/Filter/FlateDecode",
                ),
            }
        ),
        "the page itself": raw.pdf(
            {
                1: b"<</Type/Catalog/Pages 2 0 R>>",
                2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
                3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>",
                4: raw.stream(raw.flate(b" " * (70 * MIB)), b"/Filter/FlateDecode"),
            }
        ),
    }


@pytest.fixture(scope="module")
def bomb_files(raw: Any) -> dict[str, bytes]:
    return bombs(raw)


@pytest.mark.parametrize(
    "name",
    [
        "one stream",
        "between what packs badly",
        "flate in flate",
        "the filter by reference",
        "a filter mentioned before",
        "a picture that is none",
        "lzw",
        "many streams, none too large",
        "the page itself",
        "the page itself as a picture",
    ],
)
def test_bombs(name: str, bomb_files: dict[str, bytes], write: Write, reading: Reading) -> None:
    assert code_of(reading, write(bomb_files[name])) == "E_SECURITY_DECOMPRESSION_BOMB"


def picture(raw: Any, width: int, height: int, packed: bytes) -> bytes:
    size = b"/Width %d/Height %d" % (width, height)
    entries = b"/Type/XObject/Subtype/Image/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/FlateDecode" + size
    content: bytes = raw.one_page({6: raw.stream(packed, entries)})
    return content


def test_a_large_picture_that_is_mostly_white_is_no_bomb(raw: Any, write: Write, reading: Reading) -> None:
    packed = raw.flate(b"\xff" * (10_000 * 10_000))
    assert len(packed) < 10_000 * 10_000 / 500
    assert codes(reading(write(picture(raw, 10_000, 10_000, packed)))) == []
    # What asks for more than any picture holds is measured as every other stream.
    assert code_of(reading, write(picture(raw, 60_000, 60_000, packed))) == "E_SECURITY_DECOMPRESSION_BOMB"


def test_a_bomb_in_an_object_stream_s_neighbour_is_found_in_an_encrypted_file(
    book: Any, raw: Any, reading: Reading
) -> None:
    book.page()
    document = book.document
    number = document.get_new_xref()
    document.update_object(number, "<<>>")
    document.update_stream(number, raw.flate(bytes(70 * MIB)), new=True, compress=False)
    document.xref_set_key(number, "Filter", "/FlateDecode")
    path = book.save(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="owner", user_pw="", use_objstms=1)
    assert code_of(reading, path) == "E_SECURITY_DECOMPRESSION_BOMB"


def test_ordinary_streams_pass(raw: Any, write: Write, reading: Reading) -> None:
    well_packed = raw.flate(bytes(40 * MIB))
    noise = os.urandom(30 * 72 * 1024)
    large = zlib.compress(b"".join(noise[i : i + 30] + bytes(970) for i in range(0, len(noise), 30)), 1)
    picture = b"/Type/XObject/Subtype/Image/Width 100/Height 100/BitsPerComponent 8/Filter/FlateDecode"
    content = raw.one_page(
        {
            6: raw.stream(well_packed, b"/Filter/FlateDecode"),
            7: raw.stream(large, b"/Filter/FlateDecode"),
            8: raw.stream(raw.flate(bytes(100 * MIB)), picture),
        }
    )
    assert reading(write(content)).issues == ()


def test_the_ratio_is_a_setting(raw: Any, write: Write, reading: Reading) -> None:
    content = write(with_stream(raw, raw.flate(bytes(70 * MIB)), b"/Filter/FlateDecode"))
    assert reading(content, max_decompression_ratio=2000).chunks


def in_an_object_stream(raw: Any) -> bytes:
    document = pymupdf.open(stream=raw.one_page(catalog=b"/OpenAction 6 0 R", extra={6: b"<</S/JavaScript/JS(x)>>"}))
    return bytes(document.tobytes(use_objstms=1))


SCRIPTS = {
    "open action": lambda raw: raw.one_page(catalog=b"/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"),
    "nested in an annotation": lambda raw: raw.one_page(
        {6: b"<</Type/Annot/Subtype/Link/Rect[0 0 1 1]/AA<</U[<</Next<</S/JavaScript/JS 7 0 R>>>>]>>>>", 7: b"(x)"},
        page=b"/Annots[6 0 R]",
    ),
    "name tree": lambda raw: raw.one_page(catalog=b"/Names<</JavaScript<</Names[(a) 6 0 R]>>>>", extra={6: b"<<>>"}),
    "launch": lambda raw: raw.one_page({6: b"<</S/Launch/F(calc.exe)>>"}, catalog=b"/OpenAction 6 0 R"),
    "written with escapes": lambda raw: raw.one_page(catalog=b"/OpenAction<</S/J#61vaScript/J#53(x)>>"),
    "in an object stream": in_an_object_stream,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_found_wherever_they_are(name: str, raw: Any, write: Write, reading: Reading) -> None:
    path = write(SCRIPTS[name](raw))
    assert codes(reading(path)) == ["W_JAVASCRIPT_PRESENT"]
    assert code_of(reading, path, reject_javascript=True) == "E_SECURITY_JAVASCRIPT"


def test_a_text_about_scripts_is_none(raw: Any, write: Write, reading: Reading) -> None:
    content = raw.one_page({6: b"<</Title(How /S /JavaScript and /S/Launch work)/JSON/x/S/LaunchPad>>"})
    assert reading(write(content)).issues == ()


def test_signatures_and_attachments_are_said_and_counted(book: Any, raw: Any, write: Write, reading: Reading) -> None:
    signed = raw.one_page({6: b"<</Type/Sig/Filter/Adobe.PPKLite/ByteRange[0 1 2 3]/Contents<00>>>"})
    assert codes(reading(write(signed))) == ["W_DOCUMENT_SIGNED"]
    book.page().insert_text((72, 100), "See the attachments")
    book.document.embfile_add("a.txt", b"one")
    book.document.embfile_add("b.txt", b"two")
    extraction = reading(book.save())
    assert codes(extraction) == ["W_EMBEDDED_FILES"]
    assert extraction.ledger.uncounted == {"embedded_file": 2}


def test_a_raised_limit_is_said(raw: Any, write: Write, reading: Reading) -> None:
    path = write(raw.one_page())
    extraction = reading(path, max_page_count=6000, max_page_count_override_reason="a register of deeds")
    assert codes(extraction) == ["W_SECURITY_OVERRIDE"]
    assert "a register of deeds" in extraction.issues[0].message


def test_no_message_holds_text_of_the_document(raw: Any, write: Write, reading: Reading) -> None:
    for content in (raw.one_page(catalog=b"/OpenAction<</S/JavaScript/JS(secret)>>"), b"%PDF-1.7\nsecret"):
        try:
            messages = [issue.message for issue in reading(write(content)).issues]
        except IngestkitError as error:
            messages = [error.message]
        assert messages
        assert not any("secret" in message for message in messages)
        assert all("file.pdf" in message for message in messages)


def test_every_code_is_known() -> None:
    assert ErrorCode("E_PARSE_REPAIR_FAILED").startswith("E_")


def test_forms_thousands_deep_in_each_other_cost_no_page(raw: Any, write: Any, elements: Any) -> None:
    depth = 3000
    inner = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]"
    forms = {
        number: raw.stream(b"", inner + b"/Resources<</XObject<</X %d 0 R>>>>" % (number + 1))
        for number in range(6, 6 + depth)
    }
    resources = b"/Resources<</Font<</F1 5 0 R>>/XObject<</X 6 0 R>>>>"
    content = raw.one_page({**forms, 6 + depth: raw.stream(b"", inner)})
    content = content.replace(b"/Resources<</Font<</F1 5 0 R>>>>", resources, 1)
    (element,) = elements(write(content))
    assert element.text == "Hello from a small page"
