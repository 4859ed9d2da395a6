"""The folder: which files there are, what is in each, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .bombs import write_flate_bomb, write_zip_bomb
from .encrypted import USER_PASSWORD, write_encrypted_pdf, write_encrypted_workbook
from .handbook import write_handbook
from .pdfs import (
    write_form,
    write_hidden_pdf,
    write_javascript,
    write_multilingual,
    write_scanned,
    write_truncated,
)
from .readings import write_meter_readings
from .report import write_report
from .workbooks import (
    write_checklist,
    write_empty_workbook,
    write_hidden_workbook,
    write_hybrid,
    write_roster,
    write_sales,
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One file, what is in it, and what becomes of it.

    ``expected`` is None where that depends on what is installed, or where the file is no document at all.
    ``code`` is the error or warning to see in the result, None where there is none or several would be right.
    """

    path: Path
    about: str
    expected: Literal["committed", "quarantined"] | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Planted:
    """A word that stands in one place of one file only, and whether a person sees it there."""

    file: str
    place: str
    word: str
    shown: bool


PLANTED = (
    Planted("handbook.pdf", "second column", "lanternfish", True),
    Planted("report.pdf", "table cell after the page break", "Tidewater", True),
    Planted("form.pdf", "field value", "juniperkite", True),
    Planted("hidden.pdf", "render mode 3", "marmaladefox", False),
    Planted("hidden.pdf", "white on white", "cinderplum", False),
    Planted("hidden.pdf", "off the page", "thistlewren", False),
    Planted("hidden.pdf", "half a point high", "copperowl", False),
    Planted("hidden.xlsx", "comment", "saffronmole", True),
    Planted("hidden.xlsx", "link target", "indigostoat", True),
    Planted("hidden.xlsx", "hidden row", "velvetheron", False),
    Planted("hidden.xlsx", "hidden column", "basaltlynx", False),
    Planted("hidden.xlsx", "hidden sheet", "ambergull", False),
    Planted("hidden.xlsx", "very hidden sheet", "onyxtern", False),
)


def _text(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(text.encode())

    return write


_Entry = tuple[str, Callable[[Path], None], str, Literal["committed", "quarantined"] | None, str | None]

_FOLDER: tuple[_Entry, ...] = (
    (
        "handbook.pdf",
        write_handbook,
        "eight pages with an outline, running heads, lists, two columns",
        "committed",
        None,
    ),
    (
        "report.pdf",
        write_report,
        "two ruled tables, one goes on over a page break",
        "committed",
        "W_TABLE_CONTINUATION",
    ),
    ("scanned.pdf", write_scanned, "a page that is a picture; what comes of it depends on OCR", None, None),
    ("form.pdf", write_form, "a filled form: texts, a choice, two boxes to tick", "committed", None),
    ("multilingual.pdf", write_multilingual, "German, French, Chinese, Japanese: a page of each", "committed", None),
    ("hidden.pdf", write_hidden_pdf, "text no person sees, in four ways", "committed", "W_HIDDEN_TEXT"),
    (
        "owner-protected.pdf",
        lambda path: write_encrypted_pdf(path, ""),
        "opens without a password, forbids printing and copying",
        "committed",
        "W_ENCRYPTED_OWNER_ONLY",
    ),
    ("javascript.pdf", write_javascript, "would run a script when opened", "committed", "W_JAVASCRIPT_PRESENT"),
    (
        "encrypted.pdf",
        lambda path: write_encrypted_pdf(path, USER_PASSWORD),
        "needs a password",
        "quarantined",
        "E_PARSE_PASSWORD",
    ),
    ("truncated.pdf", write_truncated, "ends before its page tree begins", "quarantined", None),
    (
        "flate-bomb.pdf",
        write_flate_bomb,
        "a gibibyte in a few kilobytes",
        "quarantined",
        "E_SECURITY_DECOMPRESSION_BOMB",
    ),
    ("roster.xlsx", write_roster, "sixty employees: ids with zeros, dates, money, percentages", "committed", None),
    ("checklist.xlsx", write_checklist, "a formatted document: sections and boxes to tick", "committed", None),
    ("hybrid.xlsx", write_hybrid, "title, notes, facts, two tables side by side, totals", "committed", None),
    (
        "hidden.xlsx",
        write_hidden_workbook,
        "hidden row, column and sheets, comment, links, formats, formulas without a value",
        "committed",
        "W_SHEET_SKIPPED_HIDDEN",
    ),
    ("sales.xlsx", write_sales, "400 orders, and their sums under two levels of heads", "committed", None),
    ("encrypted.xlsx", write_encrypted_workbook, "needs a password", "quarantined", "E_PARSE_PASSWORD"),
    ("zip-bomb.xlsx", write_zip_bomb, "a gibibyte in a megabyte", "quarantined", "E_SECURITY_DECOMPRESSION_BOMB"),
    (
        "not-a-workbook.xlsx",
        _text("Minutes of the Monday meeting\n\nNo near misses. The kettle has been descaled.\n"),
        "a text under a wrong name",
        "quarantined",
        "E_SECURITY_INVALID_WORKBOOK",
    ),
    ("empty.xlsx", write_empty_workbook, "one sheet and not one cell", "committed", None),
    (
        "notes.txt",
        _text("Buy milk for the kettle corner in Leeds.\n"),
        "no format anybody here reads: counted, not ingested",
        None,
        "E_PARSE_UNSUPPORTED",
    ),
)


def write_samples(directory: Path, big_rows: int = 0) -> list[Sample]:
    """Write the folder (created if missing, files of the same names replaced) and say what is in it.

    ``big_rows`` above 0 adds meter-readings.xlsx with that many rows (at most 1,048,575) under its head.
    """
    directory.mkdir(parents=True, exist_ok=True)
    samples = []
    for name, write, about, expected, code in _FOLDER:
        write(directory / name)
        samples.append(Sample(directory / name, about, expected, code))
    if big_rows:
        path = directory / "meter-readings.xlsx"
        write_meter_readings(path, big_rows)
        samples.append(Sample(path, f"{big_rows:,} meter readings", "committed", None))
    return samples
