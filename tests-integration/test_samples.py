"""The sample folder is what it says: the same every time, readable or broken as meant, and telling one story."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import openpyxl
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from ingestkit_core.errors import ErrorCode
from python_calamine import CalamineWorkbook, PasswordError

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).parents[1] / "examples" / "samples"
MIB = 1 << 20

PAGES = {
    "handbook.pdf": 8,
    "report.pdf": 4,
    "scanned.pdf": 1,
    "form.pdf": 1,
    "multilingual.pdf": 4,
    "hidden.pdf": 1,
    "owner-protected.pdf": 1,
    "javascript.pdf": 1,
    "flate-bomb.pdf": 1,
}
UNREADABLE_PDF = {"encrypted.pdf": pdfium.FPDF_ERR_PASSWORD, "truncated.pdf": pdfium.FPDF_ERR_FORMAT}
SHEETS = {
    "roster.xlsx": ["Staff"],
    "checklist.xlsx": ["Checklist"],
    "hybrid.xlsx": ["Quote"],
    "hidden.xlsx": ["Price list", "Formats", "Margins", "Keys"],
    "sales.xlsx": ["Quarterly", "Orders"],
    "empty.xlsx": ["Sheet"],
}
NO_ARCHIVE = ["encrypted.xlsx", "not-a-workbook.xlsx"]


@pytest.fixture(scope="module")
def samples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("samples_under_test", SCRIPT / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def written(samples, tmp_path_factory):
    return samples.write_samples(tmp_path_factory.mktemp("samples") / "new" / "folder")


@pytest.fixture(scope="module")
def folder(written) -> Path:
    return written[0].path.parent


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def page_texts(path: Path, password: str | None = None) -> list[str]:
    with pypdfium2.PdfDocument(path, password=password) as document:
        return [page.get_textpage().get_text_range() for page in document]


def workbook_text(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(name).decode("utf-8") for name in archive.namelist())


# The folder


def test_another_process_writes_the_same_bytes_and_nothing_else(folder, tmp_path):
    """Another hash seed and time zone, and no file left behind in the temporary or home folder."""
    elsewhere, again = tmp_path / "elsewhere", tmp_path / "again"
    elsewhere.mkdir()
    places = dict.fromkeys(("TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(elsewhere))
    done = run(again, PYTHONHASHSEED="7", TZ="Asia/Tokyo", **places)
    assert done.returncode == 0, done.stderr
    assert list(elsewhere.rglob("*")) == []
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    second = {path.name: path.read_bytes() for path in again.iterdir()}
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == sorted(second)


def test_the_list_names_every_file_and_only_codes_there_are(written, folder):
    assert {sample.path for sample in written} == set(folder.iterdir())
    assert {sample.code for sample in written} - {None} <= set(ErrorCode)
    for sample in written:
        assert sample.about
        if sample.expected == "committed":
            assert sample.code is None or sample.code.startswith("W_"), sample
        else:
            assert sample.code is None or sample.code.startswith("E_"), sample


def test_the_folder_is_small(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 8 * MIB


def test_every_file_is_in_one_of_the_tables_here(folder):
    listed = {*PAGES, *UNREADABLE_PDF, *SHEETS, *NO_ARCHIVE, "zip-bomb.xlsx", "notes.txt"}
    assert {path.name for path in folder.iterdir()} == listed


# What opens and what does not


@pytest.mark.parametrize("name", PAGES)
def test_pdf_opens(folder, name):
    with pypdfium2.PdfDocument(folder / name) as document:
        assert len(document) == PAGES[name]


@pytest.mark.parametrize("name", UNREADABLE_PDF)
def test_pdf_does_not_open(folder, name):
    with pytest.raises(pypdfium2.PdfiumError) as caught:
        pypdfium2.PdfDocument(folder / name)
    assert caught.value.err_code == UNREADABLE_PDF[name]


def test_nothing_of_the_truncated_pdf_can_be_repaired(folder, samples):
    """Neither a page nor an object stream that could hold one is left: a repairing reader finds no page."""
    content = (folder / "truncated.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert not re.search(rb"/Pages?\b(?! \d)|/ObjStm", content)
    with samples.typesetting.pymupdf.open(folder / "truncated.pdf") as document:
        assert document.page_count == 0


@pytest.mark.parametrize("name", SHEETS)
def test_workbook_opens(folder, name):
    with zipfile.ZipFile(folder / name) as archive:
        assert archive.testzip() is None
    assert openpyxl.load_workbook(folder / name).sheetnames == SHEETS[name]
    assert CalamineWorkbook.from_path(folder / name).sheet_names == SHEETS[name]


@pytest.mark.parametrize("name", NO_ARCHIVE)
def test_workbook_does_not_open(folder, name):
    with pytest.raises(zipfile.BadZipFile):
        openpyxl.load_workbook(folder / name)


def test_the_empty_workbook_has_no_cell(folder):
    assert "<c " not in workbook_text(folder / "empty.xlsx")


@pytest.mark.parametrize(
    ("name", "password"), [("encrypted.pdf", "sunrise"), ("encrypted.pdf", "meridian"), ("owner-protected.pdf", None)]
)
def test_the_protected_pdfs_can_be_read_with_what_they_ask_for(folder, samples, name, password):
    assert {samples.USER_PASSWORD, samples.OWNER_PASSWORD} == {"sunrise", "meridian"}
    assert "whoever may open it" in page_texts(folder / name, password)[0]


def test_the_owner_forbids_printing_and_copying(folder):
    with pypdfium2.PdfDocument(folder / "owner-protected.pdf") as document:
        assert pdfium.FPDF_GetSecurityHandlerRevision(document.raw) == 3
        assert pdfium.FPDF_GetDocPermissions(document.raw) & 0b111100 == 0


def test_the_script_runs_on_opening(folder):
    catalog = (folder / "javascript.pdf").read_bytes()
    assert re.search(rb"/Type\s*/Catalog[^\n]*/OpenAction\s*<<\s*/S\s*/JavaScript", catalog)


# The compound file


def streams(content: bytes) -> dict[str, bytes]:
    """The streams of a compound file, by the letter of MS-CFB; a broken chain raises."""
    magic, minor, major, order, shift, mini_shift = struct.unpack_from("<8s16x5H", content)
    assert (magic.hex(), major, order, shift, mini_shift) == ("d0cf11e0a1b11ae1", 3, 0xFFFE, 9, 6), minor
    assert len(content) % 512 == 0
    fats, directory, _, cutoff, mini_fat, mini_fats, more, mores = struct.unpack_from("<8I", content, 44)
    assert (fats, cutoff, mini_fats, more, mores) == (1, 4096, 1, 0xFFFFFFFE, 0)

    def sector(number: int) -> bytes:
        return content[512 * (number + 1) :][:512]

    def chain(start: int, table: tuple[int, ...]) -> Iterator[int]:
        while start != 0xFFFFFFFE:
            yield start
            start = table[start]

    fat = struct.unpack("<128I", sector(struct.unpack_from("<I", content, 76)[0]))
    assert fat[0] == 0xFFFFFFFD
    assert len(content) // 512 - 1 == sum(entry != 0xFFFFFFFF for entry in fat)
    mini = struct.unpack("<128I", sector(mini_fat))
    entries = b"".join(map(sector, chain(directory, fat)))
    root_start, root_size = struct.unpack_from("<IQ", entries, 116)
    small = b"".join(map(sector, chain(root_start, fat)))[:root_size]
    found, waiting = {}, [struct.unpack_from("<I", entries, 76)[0]]
    while waiting:
        if (number := waiting.pop()) == 0xFFFFFFFF:
            continue
        name, length, kind, _, left, right = struct.unpack_from("<64sH2B2I", entries, 128 * number)
        start, size = struct.unpack_from("<IQ", entries, 128 * number + 116)
        assert kind == 2
        if size < cutoff:
            whole = b"".join(small[64 * part :][:64] for part in chain(start, mini))
        else:
            whole = b"".join(map(sector, chain(start, fat)))
        assert len(whole) >= size
        found[name[: length - 2].decode("utf-16-le")] = whole[:size]
        waiting += [left, right]
    return found


def test_the_encrypted_workbook_is_a_compound_file_with_agile_encryption(folder):
    found = streams((folder / "encrypted.xlsx").read_bytes())
    assert list(found) == ["EncryptionInfo", "EncryptedPackage"]
    assert struct.unpack_from("<2HI", found["EncryptionInfo"]) == (4, 4, 0x40)
    assert ElementTree.fromstring(found["EncryptionInfo"][8:]).tag.endswith("/encryption}encryption")
    (length,) = struct.unpack_from("<Q", found["EncryptedPackage"])
    assert 0 <= len(found["EncryptedPackage"]) - 8 - length < 16
    with pytest.raises(PasswordError):
        CalamineWorkbook.from_path(folder / "encrypted.xlsx")


# The bombs


def inflated(pieces: Iterator[bytes], *, window: int = zlib.MAX_WBITS) -> Iterator[bytes]:
    """Inflates piece by piece, a mebibyte at most at a time; a stream without its end or checksum raises."""
    inflater = zlib.decompressobj(window)
    for piece in pieces:
        while piece:
            yield inflater.decompress(piece, MIB)
            piece = inflater.unconsumed_tail
    assert inflater.eof


def test_the_flate_bomb_inflates_beyond_a_gibibyte(folder, samples):
    content = (folder / "flate-bomb.pdf").read_bytes()
    assert len(content) < 2 * MIB
    assert b"/Filter[/FlateDecode/FlateDecode]" in content
    packed = re.search(rb"/Length (\d+)>>stream\n(.*)\nendstream", content, re.DOTALL)
    assert len(packed[2]) == int(packed[1])
    pieces = inflated(inflated(iter([packed[2]])))
    assert next(pieces).startswith(b"BT /F1 12 Tf")
    assert sum(map(len, pieces)) > samples.BOMB_BYTES


def test_the_zip_bomb_is_a_workbook_that_inflates_beyond_a_gibibyte(folder, samples):
    path = folder / "zip-bomb.xlsx"
    assert path.stat().st_size < 2 * MIB
    sheet = openpyxl.load_workbook(path, read_only=True)["Readings"]
    assert [len(row[0]) for row, _ in zip(sheet.iter_rows(values_only=True), range(3), strict=False)] == [32000] * 3
    with zipfile.ZipFile(path) as archive:
        assert all(archive.read(name) for name in archive.namelist() if "sheet1" not in name)
        entry = archive.getinfo("xl/worksheets/sheet1.xml")
    # zipfile checks the sum too, but takes five times as long.
    start = entry.header_offset + 30 + len(entry.filename)
    packed = path.read_bytes()[start : start + entry.compress_size]
    size, crc, last = 0, 0, b""
    for piece in inflated(iter([packed]), window=-zlib.MAX_WBITS):
        size, crc, last = size + len(piece), zlib.crc32(piece, crc), piece or last
    assert last.endswith(b"</sheetData></worksheet>")
    assert (size, crc) == (entry.file_size, entry.CRC)
    assert size > samples.BOMB_BYTES


# What stands where


def texts(folder: Path) -> dict[str, str]:
    """All text of every readable file, seen or not: pdfium's characters and form values, the raw XML."""
    found = {name: "".join(page_texts(folder / name)) for name in PAGES if name != "flate-bomb.pdf"}
    found["form.pdf"] += "".join(form_values(folder / "form.pdf").values())
    found |= {name: workbook_text(folder / name) for name in SHEETS}
    return found


def form_values(path: Path) -> dict[str, str]:
    with pypdfium2.PdfDocument(path) as document:
        document.init_forms()
        form, page = document.formenv, document[0]
        found = {}
        for index in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
            field = pdfium.FPDFPage_GetAnnot(page.raw, index)
            found[_wide(pdfium.FPDFAnnot_GetFormFieldName, form.raw, field)] = _wide(
                pdfium.FPDFAnnot_GetFormFieldValue, form.raw, field
            )
            pdfium.FPDFPage_CloseAnnot(field)
        return found


def _wide(call, *arguments) -> str:
    buffer = (ctypes.c_ushort * 500)()
    length = call(*arguments, buffer, ctypes.sizeof(buffer))
    return bytes(buffer)[: length - 2].decode("utf-16-le")


def test_each_planted_word_stands_in_its_file_once_and_nowhere_else(folder, samples):
    everything = texts(folder)
    for planted in samples.PLANTED:
        holders = {name: text.count(planted.word) for name, text in everything.items() if planted.word in text}
        assert holders == {planted.file: 1}, planted


def test_nobody_sees_the_hidden_text(folder):
    """Where the words stand the page is white, but for the specks of the smallest."""
    with pypdfium2.PdfDocument(folder / "hidden.pdf") as document:
        page = document[0]
        rows = page.render(grayscale=True).to_numpy().reshape(842, -1)
        assert rows[100:200].min() < 100
        assert rows[405:450].min() == 255
        modes = [pdfium.FPDFTextObj_GetTextRenderMode(item.raw) for item in page.get_objects() if item.type == 1]
        assert modes.count(pdfium.FPDF_TEXTRENDERMODE_INVISIBLE) == 1


def test_the_word_off_the_page_is_in_its_content(folder):
    with pypdfium2.PdfDocument(folder / "hidden.pdf") as document:
        tops = [item.get_bounds()[3] for item in document[0].get_objects() if item.type == 1]
        assert sum(top > 842 for top in tops) == 1


def test_the_workbooks_words_are_hidden_as_said(folder):
    book = openpyxl.load_workbook(folder / "hidden.xlsx")
    prices = book["Price list"]
    assert "velvetheron" in prices["B5"].value
    assert [row for row, dimension in prices.row_dimensions.items() if dimension.hidden] == [5]
    assert "basaltlynx" in prices["D2"].value
    assert [letter for letter, dimension in prices.column_dimensions.items() if dimension.hidden] == ["D"]
    assert "saffronmole" in prices["C4"].comment.text
    assert prices["B4"].hyperlink.target.endswith("/indigostoat")
    assert prices["A9"].hyperlink.location or prices["A9"].hyperlink.target
    assert {sheet.title: sheet.sheet_state for sheet in book} == {
        "Price list": "visible",
        "Formats": "visible",
        "Margins": "hidden",
        "Keys": "veryHidden",
    }
    assert ("ambergull" in book["Margins"]["A4"].value, "onyxtern" in book["Keys"]["A4"].value) == (True, True)
    assert {str(merged) for merged in prices.merged_cells.ranges} == {"A1:B1", "C1:F1"}


def test_some_formulas_have_a_value_and_some_have_none(folder):
    formulas = openpyxl.load_workbook(folder / "hidden.xlsx")["Price list"]
    values = openpyxl.load_workbook(folder / "hidden.xlsx", data_only=True)["Price list"]
    assert all(str(formulas[cell].value).startswith("=") for cell in ("F3", "F4", "F6", "F7"))
    assert [values[cell].value for cell in ("F3", "F4", "F6", "F7")] == [1490, 3370, None, None]
    for row in (3, 4):
        assert values[f"F{row}"].value == values[f"C{row}"].value * values[f"E{row}"].value


def test_the_form_is_filled(folder):
    values = form_values(folder / "form.pdf")
    assert values["name"] == "Carla Claßen"
    assert values["staff_id"] == "00051"
    assert values["office"] == "Bremen"
    assert (values["agreed_with_the_team"], values["days_carried_over_from_last_year"]) == ("Yes", "Off")


def test_the_scan_is_one_picture_and_no_text(folder):
    with pypdfium2.PdfDocument(folder / "scanned.pdf") as document:
        page = document[0]
        assert [item.type for item in page.get_objects()] == [pdfium.FPDF_PAGEOBJ_IMAGE]
        assert page.get_textpage().get_text_range() == ""
        assert page.render(grayscale=True).to_numpy().min() < 100


def test_the_languages(folder):
    german, french, chinese, japanese = page_texts(folder / "multilingual.pdf")
    assert "Schließen Sie die Stränge" in german
    assert "Vérifiez la charge admissible" in french
    assert "太阳能电池板" in chinese
    assert "パネル" in japanese


def test_the_handbook_has_an_outline_and_running_heads(folder):
    with pypdfium2.PdfDocument(folder / "handbook.pdf") as document:
        outline = [(item.level, item.get_title(), item.get_dest().get_index()) for item in document.get_toc()]
    pages = page_texts(folder / "handbook.pdf")
    assert len([level for level, *_ in outline if level == 0]) == 7
    assert len(outline) == 26
    for _, title, index in outline:
        assert title in pages[index], title
    for number, text in enumerate(pages[1:], 2):
        assert "Staff handbook 2025" in text
        assert f"Page {number} of 8" in text
    assert "Page" not in pages[0]


def test_two_columns_stand_side_by_side(folder):
    with pypdfium2.PdfDocument(folder / "handbook.pdf") as document:
        page = document[5].get_textpage()
        left, right = (page.search(text).get_next() for text in ("Wafers arrive", "Glass, film"))
        boxes = [page.get_charbox(index) for index, _ in (left, right)]
    assert boxes[0][0] < 210 < boxes[1][0]
    assert abs(boxes[0][1] - boxes[1][1]) < 60


def test_the_second_table_of_the_report_goes_on_over_the_page_break(folder):
    pages = page_texts(folder / "report.pdf")
    assert "Table 1: " in pages[0]
    assert "Table 2: " in pages[1]
    assert "Table 2 (continued)" in pages[2]
    numbers = [re.findall(r"^0\d{3}\b", page, re.MULTILINE) for page in pages[1:3]]
    assert [f"{number:04}" for number in range(1, 41)] == numbers[0] + numbers[1]
    assert min(map(len, numbers)) >= 5


# One story


def test_the_report_the_sums_and_the_orders_agree(folder):
    sales = openpyxl.load_workbook(folder / "sales.xlsx", data_only=True)
    orders = list(sales["Orders"].iter_rows(min_row=2, values_only=True))
    assert len(orders) == 400
    assert len({order[0] for order in orders}) == 400
    quarterly = {row[0]: row[1:] for row in sales["Quarterly"].iter_rows(min_row=3, values_only=True)}
    report = page_texts(folder / "report.pdf")[0]
    for office in (*{order[2] for order in orders}, "Total"):
        for quarter in (1, 2, 3, 4):
            chosen = [
                order for order in orders if office in (order[2], "Total") and (order[1].month + 2) // 3 == quarter
            ]
            units, revenue = sum(order[5] for order in chosen), round(sum(order[7] for order in chosen), 2)
            assert quarterly[office][quarter * 2 - 2 : quarter * 2] == (units, revenue)
            assert f"{revenue:,.2f}" in report
    assert all(order[7] == pytest.approx(order[5] * order[6]) for order in orders)


def test_the_handbook_counts_the_people_of_the_roster(folder):
    staff = openpyxl.load_workbook(folder / "roster.xlsx")["Staff"]
    people = list(staff.iter_rows(min_row=2, values_only=True))
    assert len(people) == 60
    assert all(re.fullmatch(r"0\d{4}", person[0]) for person in people)
    assert len({person[0] for person in people}) == len({person[1] for person in people}) == 60
    handbook = page_texts(folder / "handbook.pdf")[2]
    assert "60 people work in four offices" in handbook
    for office in {person[2] for person in people}:
        count = sum(person[2] == office for person in people)
        assert re.search(rf"{office}: [^:]*\b{count}\s+people", handbook), office
    asked = form_values(folder / "form.pdf")
    assert (asked["staff_id"], asked["name"], asked["office"]) in {person[:3] for person in people}


def test_the_quote_adds_up(folder):
    path = folder / "hybrid.xlsx"
    formulas, values = (openpyxl.load_workbook(path, data_only=only)["Quote"] for only in (False, True))
    assert formulas["E20"].value == "=E18+J18"
    assert values["E18"].value == pytest.approx(
        sum(values[f"C{row}"].value * values[f"D{row}"].value for row in range(14, 18))
    )
    assert values["J18"].value == sum(values[f"J{row}"].value for row in range(14, 17))
    assert values["E20"].value == pytest.approx(values["E18"].value + values["J18"].value)


# The command


def test_a_big_workbook_has_the_rows_asked_for(tmp_path):
    done = run(tmp_path / "big", "--big", "2500")
    assert done.returncode == 0, done.stderr
    rows = openpyxl.load_workbook(tmp_path / "big" / "meter-readings.xlsx")["Readings"].iter_rows(values_only=True)
    heads, *readings = rows
    assert heads[:3] == ("Reading", "Day", "Minute")
    assert [reading[0] for reading in readings] == list(range(1, 2501))
    assert [str(readings[index][1].date()) for index in (0, 960)] == ["2025-01-01", "2025-01-02"]


@pytest.mark.parametrize("rows", ["0", "-1", "1048576", "many"])
def test_a_number_of_rows_no_sheet_has_is_refused(tmp_path, rows):
    done = run(tmp_path / "big", f"--big={rows}")
    assert done.returncode == 2
    assert "1048575" in done.stderr
    assert not (tmp_path / "big").exists()
