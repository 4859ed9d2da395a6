"""Writes a small folder of documents to look at: one for each thing the readers promise.

    python examples/samples.py DIR [--big N]

Everything is about one invented company, Brightholm Solar, and agrees with itself: the report's revenue is the
sum of the orders in sales.xlsx, the handbook's head count is the roster's. ``PLANTED`` says where words stand
that occur nowhere else. The same libraries write the same bytes every time: all dates, ids and archive
timestamps are fixed. What a library would fill with chance (encrypted files) or could only make slowly
(bombs) is written by hand at the end of this module, which is why it is longer than its neighbours.

    the company     offices, staff, orders, installations
    typesetting     lines, frames, ruled tables, saving
    the PDF files
    the workbooks
    the hostile and the strange
"""

# mypy: allow-untyped-calls
# PyMuPDF is typed in part only.

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.table import Table, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

# PyMuPDF 2 loads onnxruntime, which otherwise leaves an identifier in ~/.cache and a file in the temporary folder
# for the statistics it sends home.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import pymupdf

__all__ = ["BOMB_BYTES", "OWNER_PASSWORD", "PLANTED", "USER_PASSWORD", "Planted", "Sample", "write_samples"]

USER_PASSWORD = "sunrise"
OWNER_PASSWORD = "meridian"
BOMB_BYTES = 1 << 30
"""Both bombs inflate to more than this."""


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


# The company

_OFFICES = {"Bremen": 24, "Lyon": 14, "Leeds": 12, "Osaka": 10}
_HEADCOUNT = sum(_OFFICES.values())
_YEAR = 2024

_PRODUCTS = (
    ("00417", "Fjell 400 panel", 14900),
    ("00431", "Fjell 430 panel", 16850),
    ("00502", "Tile R2 roof tile", 5990),
    ("00618", "Havn 5 inverter", 89500),
)
"""Part number, name, price in cents."""

_FIRST_NAMES = {
    "Bremen": "Anke Bernd Carla Dirk Elif Frauke Gero Hanna".split(),
    "Lyon": "Agathe Bastien Chloé Denis Élodie Fabrice Inès".split(),
    "Leeds": "Amelia Brendan Charlotte Dev Ffion Graham".split(),
    "Osaka": "Aoi Daichi Haruka Kenji Mio".split(),
}
_LAST_NAMES = {
    "Bremen": "Ahlers Behrens Claßen Dierks Evers Focke Grübel Hinrichs Jürgens Köster Lührs".split(),
    "Lyon": "Auclair Besson Chevreul Delorme Faure".split(),
    "Leeds": "Ackroyd Barraclough Crossley Dhillon Eastwood".split(),
    "Osaka": "Arai Fujimoto Hamada Inoue Kitagawa Matsuda".split(),
}
_ROLES = (
    ("Production", "Cell technician", 39800),
    ("Production", "Line engineer", 52400),
    ("Installation", "Roof fitter", 38600),
    ("Installation", "Site lead", 47900),
    ("Sales", "Account manager", 49500),
    ("Research", "Materials scientist", 61200),
    ("Finance", "Accountant", 50300),
)
"""Department, job title, starting salary in euros."""

_SITES = (
    ("Bremen", ("Harbour Hall", "Weser School", "Town Library", "Rowing Club", "Tram Depot")),
    ("Lyon", ("Halle Perrache", "Silk Mill", "Clinique du Parc", "Lycée Ampère")),
    ("Leeds", ("Canal Wharf", "Moor Allotments", "Mill Lane School")),
    ("Osaka", ("Port Warehouse", "Tenma Market", "Yodo Ferry")),
)


@dataclass(frozen=True, slots=True)
class _Order:
    number: str
    day: date
    office: str
    part: str
    product: str
    units: int
    price_cents: int

    @property
    def cents(self) -> int:
        return self.units * self.price_cents

    @property
    def quarter(self) -> int:
        return (self.day.month + 2) // 3


@cache
def _orders() -> tuple[_Order, ...]:
    offices = ("Bremen", "Bremen", "Lyon", "Bremen", "Leeds", "Osaka", "Lyon", "Leeds", "Bremen", "Osaka", "Lyon")
    return tuple(
        _Order(
            f"SO-{_YEAR}-{index + 1:04}",
            date(_YEAR, 1, 2) + timedelta(days=index * 362 // 399),
            offices[index * 7 % len(offices)],
            *_PRODUCTS[(index * index + index // 3) % 4][:2],
            units=4 + index * 37 % 45,
            price_cents=_PRODUCTS[(index * index + index // 3) % 4][2],
        )
        for index in range(400)
    )


def _sold(office: str | None = None, quarter: int | None = None) -> tuple[int, int]:
    """Units and cents of an office in a quarter; None means all of them."""
    chosen = [order for order in _orders() if office in (None, order.office) and quarter in (None, order.quarter)]
    return sum(order.units for order in chosen), sum(order.cents for order in chosen)


def _euros(cents: int) -> str:
    return f"€{cents / 100:,.2f}"


def _staff() -> Iterator[tuple[str, str, str, str, str, date, int, float, float]]:
    """Staff id, name, office, department, job title, first day, salary in euros, working time, bonus."""
    number = 0
    for office, count in _OFFICES.items():
        first, last = _FIRST_NAMES[office], _LAST_NAMES[office]
        for index in range(count):
            number += 1
            department, title, salary = _ROLES[number * 5 % len(_ROLES)]
            yield (
                f"{number * 17:05}",
                f"{first[index % len(first)]} {last[index % len(last)]}",
                office,
                department,
                title,
                date(2011, 3, 1) + timedelta(days=number * 37 % _HEADCOUNT * 85),
                salary + 350 * (number * 11 % 23),
                (1.0, 1.0, 0.8, 1.0, 0.5)[number % 5],
                (0.025, 0.04, 0.0, 0.0375)[number % 4],
            )


def _installations() -> Iterator[tuple[str, str, str, int, str, date]]:
    """Number, site, office, panels, peak power in kW, day handed over: forty of them."""
    sites = [(office, site) for office, names in _SITES for site in names]
    for index in range(40):
        office, site = ("Osaka", "Tidewater Pier") if index == 38 else sites[index % len(sites)]
        phase = ("", " II", " III")[index // len(sites)] if index != 38 else ""
        panels = 16 + index * 53 % 79
        day = date(_YEAR, 1, 12) + timedelta(days=index * 9)
        yield f"{index + 1:04}", site + phase, office, panels, f"{panels * 0.4:.1f}", day


# Typesetting

_A4 = (595.0, 842.0)
_A5 = (420.0, 595.0)
_INK = (0.13, 0.13, 0.16)
_GREY = (0.45, 0.45, 0.5)
_BLUE = (0.08, 0.27, 0.45)
_SUN = (0.96, 0.69, 0.18)
_PALE = (0.91, 0.94, 0.97)
_WHITE = (1.0, 1.0, 1.0)
_PDF_DATE = "D:20250131090000Z"
_Colour = tuple[float, float, float]


@cache
def _face(name: str) -> pymupdf.Font:
    return pymupdf.Font(name)


def _new_page(document: pymupdf.Document, size: tuple[float, float]) -> pymupdf.Page:
    return document.new_page(width=size[0], height=size[1])


class _Canvas:
    """A page being drawn; ``finish`` writes it as one content stream. Points from the top left."""

    def __init__(self, page: pymupdf.Page, faces: str = "helv hebo") -> None:
        self.page = page
        for face in faces.split():
            self.page.insert_font(fontname="F" + face, fontbuffer=_face(face).buffer)
        self._shape = self.page.new_shape()

    def text(
        self,
        x: float,
        baseline: float,
        text: str,
        *,
        size: float = 10,
        face: str = "helv",
        colour: _Colour = _INK,
        align: Literal["left", "right"] = "left",
        mode: int = 0,
    ) -> None:
        if align == "right":
            x -= _face(face).text_length(text, size)
        self._shape.insert_text((x, baseline), text, fontname="F" + face, fontsize=size, color=colour, render_mode=mode)

    def box(self, box: Sequence[float], *, fill: _Colour | None = None, line: _Colour | None = None) -> None:
        self._shape.draw_rect(pymupdf.Rect(*box))
        self._shape.finish(fill=fill, color=line, width=0.6 if line else 0)

    def disc(self, x: float, y: float, radius: float, fill: _Colour) -> None:
        self._shape.draw_circle((x, y), radius)
        self._shape.finish(fill=fill, color=None, width=0)

    def finish(self) -> None:
        self._shape.commit()


@dataclass(frozen=True, slots=True)
class _Style:
    size: float
    before: float
    face: str = "helv"
    indent: float = 0
    colour: _Colour = _INK

    @property
    def leading(self) -> float:
        return self.size * 1.42


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    style: _Style
    before: float
    mark: str = ""

    @property
    def height(self) -> float:
        return self.before + self.style.leading


_STYLES = {
    "# ": _Style(19, 0, "hebo", colour=_BLUE),
    "## ": _Style(13.5, 15, "hebo", colour=_BLUE),
    "- ": _Style(11.5, 4, indent=14),
    "1. ": _Style(11.5, 4, indent=17),
    "": _Style(11.5, 8),
}
_MARK = re.compile(r"(#{1,2} |- |\d\. )?")
# A closing mark never begins a line.
_CJK_UNIT = re.compile(r"[A-Za-z0-9.]+|.[、。，」）：]?")


def _lines(markup: str, width: float, face: str | None = None) -> list[_Line]:
    """Lines of a text whose blocks stand apart by blank lines: # and ## headings, - and 1. lists, paragraphs."""
    result: list[_Line] = []
    for block in re.split(r"\n\s*\n|\n\s*(?=- |\d\. )", markup.strip()):
        mark = _MARK.match(block.strip())[0]  # type: ignore[index]  # the pattern matches the empty text too
        style = _STYLES["1. " if mark[:1].isdigit() else mark]
        if face:
            style = _Style(style.size, style.before, face, style.indent, style.colour)
        text = " ".join(block.strip()[len(mark) :].split())
        shown = {"-": "•"}.get(mark.strip(), mark.strip()) if style.indent else ""
        for number, line in enumerate(_wrap(text, width - style.indent, style)):
            result.append(_Line(line, style, 0 if number else style.before, "" if number else shown))
    return result


def _wrap(text: str, width: float, style: _Style) -> Iterator[str]:
    cjk = style.face == "cjk"
    line = ""
    for unit in _CJK_UNIT.findall(text) if cjk else text.split():
        longer = line + unit if cjk or not line else f"{line} {unit}"
        if line and _face(style.face).text_length(longer, style.size) > width:
            yield line
            line = unit
        else:
            line = longer
    yield line


def _set(canvas: _Canvas, lines: Sequence[_Line], x: float, top: float) -> float:
    """Sets lines one below the other, the first without its space before. Returns where they end."""
    y = top - lines[0].before
    for line in lines:
        y += line.height
        if line.mark:
            canvas.text(x + 2, y, line.mark, size=line.style.size, face=line.style.face, colour=_BLUE)
        canvas.text(
            x + line.style.indent, y, line.text, size=line.style.size, face=line.style.face, colour=line.style.colour
        )
    return y


def _halves(lines: Sequence[_Line]) -> tuple[Sequence[_Line], Sequence[_Line]]:
    """Two columns of about the same height; a column never ends with a heading."""
    half = sum(line.height for line in lines) / 2
    height, cut = 0.0, 0
    while height < half:
        height += lines[cut].height
        cut += 1
    while lines[cut - 1].style.face == "hebo":
        cut -= 1
    return lines[:cut], lines[cut:]


@dataclass(frozen=True, slots=True)
class _Grid:
    """A ruled table; columns from ``numbers_from`` on are set flush right."""

    left: float
    widths: tuple[float, ...]
    numbers_from: int

    def row(
        self,
        canvas: _Canvas,
        top: float,
        cells: Sequence[str],
        spans: Sequence[int] | None = None,
        *,
        face: str = "helv",
        fill: _Colour | None = None,
    ) -> float:
        """Draws one row, 19 points high, a cell over as many columns as its span says. Returns its foot."""
        x, column = self.left, 0
        for cell, span in zip(cells, spans or [1] * len(cells), strict=True):
            width = sum(self.widths[column : column + span])
            canvas.box((x, top, x + width, top + 19), fill=fill, line=_GREY)
            room = width - 10 - _face(face).text_length(cell, 8.5)
            shift = room / 2 if span > 1 else room if column >= self.numbers_from else 0
            canvas.text(x + 5 + shift, top + 13, cell, size=8.5, face=face)
            x, column = x + width, column + span
        return top + 19


def _file_id(name: str) -> str:
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest().upper()


def _save_pdf(document: pymupdf.Document, path: Path, title: str, **options: int) -> None:
    """Subsets the fonts and saves with fixed dates and a fixed id."""
    document.subset_fonts()
    document.set_metadata(
        {
            "title": title,
            "author": "Brightholm Solar",
            "creator": "samples.py",
            "producer": "samples.py",
            "creationDate": _PDF_DATE,
            "modDate": _PDF_DATE,
        }
    )
    file_id = _file_id(path.name)
    document.xref_set_key(-1, "ID", f"[<{file_id}><{file_id}>]")
    path.write_bytes(document.tobytes(garbage=3, deflate=True, no_new_id=True, **options))
    document.close()


def _letter(document: pymupdf.Document, markup: str, face: str = "helv hebo") -> _Canvas:
    """A page of A4 under the company's letterhead; the caller finishes it."""
    canvas = _Canvas(_new_page(document, _A4), "helv hebo" if face == "helv hebo" else f"helv hebo {face}")
    canvas.disc(82, 62, 9, _SUN)
    canvas.text(98, 67, "Brightholm Solar", size=14, face="hebo", colour=_BLUE)
    canvas.text(523, 67, "Deichstraße 14, 28195 Bremen", size=8.5, colour=_GREY, align="right")
    canvas.box((72, 80, 523, 81), fill=_BLUE)
    _set(canvas, _lines(markup, 451, None if face == "helv hebo" else face), 72, 112)
    return canvas


# The PDF files

_CHAPTERS = (
    (
        "1 Who we are",
        1,
        f"""
Brightholm Solar makes solar panels and roof tiles that look like roof tiles. The company was founded in Bremen
in 2009 by two roofers and a glass chemist, and it still belongs to the people who work in it.

## 1.1 Offices

{_HEADCOUNT} people work in four offices. Panels are made in Bremen; the other three sell, install and look after
them.

- Bremen: head office, production and research, {_OFFICES["Bremen"]} people
- Lyon: sales and installation in France, {_OFFICES["Lyon"]} people
- Leeds: sales and installation in Britain, {_OFFICES["Leeds"]} people
- Osaka: sales in Japan and the test field on the bay, {_OFFICES["Osaka"]} people

## 1.2 Products

We make two panels, the Fjell 400 and the Fjell 430, named after the watts they give at noon, the roof tile
R2, and we buy in the Havn 5 inverter. Every panel carries a label with its part number, which begins with two
zeros, and a serial number.

## 1.3 What we promise

A Fjell panel gives at least 88 % of its power after twenty-five years. If it does not, we replace it and pay
for the crane.
""",
    ),
    (
        "2 Working hours and leave",
        1,
        """
## 2.1 Hours

A full week has 38 hours. Everyone is reachable between ten and three o'clock; the rest of the day is your own
to arrange with your team. Fitters start when it is light and stop when it rains.

## 2.2 Leave

Everyone has 30 days of leave a year, whatever the office. Days that are left over may be carried into the next
year until the end of March.

1. Agree on the days with your team.
2. Fill in the leave request form and give your staff id with all its zeros.
3. Send it to the people desk at least two weeks before the first day.
4. Wait for the answer before you book. It comes within three working days.

## 2.3 Illness

Tell your team before nine o'clock. A doctor's note is needed from the fourth day on. Nobody works from home
with a fever.
""",
    ),
    (
        "3 Safety on the roof",
        1,
        """
## 3.1 Before you climb

No roof is worth a fall. The site lead stops the work when one of these is missing:

- a harness that was inspected in the last twelve months
- an anchor point for every person on the roof
- a second person on the ground with a radio
- wind below 40 kilometres an hour, measured on the ridge

## 3.2 Electricity

A panel in daylight is always live: it cannot be switched off. Strings are connected last, with insulated tools
and gloves of class 0. Measure before you touch, and again after lunch.

## 3.3 When something happens

Secure the person, then call 112, then call the site lead. Every accident and every near miss is written
down on the same day. Near misses are read out at the Monday meeting, without names.
""",
    ),
    (
        "4 How a panel is made",
        2,
        """
## 4.1 From wafer to cell

Wafers arrive from our supplier in boxes of four hundred. They are washed, textured in a bath of potash so
that they swallow more light, and coated with a blue film of silicon nitride eighty nanometres thin. Silver
fingers are then printed on the front.

## 4.2 From cell to string

The stringer solders ten cells to a string and six strings to a panel. A camera looks at each string while a
current runs through it: a crack shows as a dark line. Cracked strings go back to the bench, never to the
bin. The bench mends two out of three within a day.

## 4.3 Lamination

Glass, film, cells, film and back sheet are baked at 145 degrees for twelve minutes. The laminator, which
everybody calls the lanternfish because of the lamp on its nose, takes four panels at a time.

## 4.4 Frame and test

Panels are framed, given their junction box and flashed with the light of one sun. The measured power is
printed on the label. Panels below 395 watts are sold to allotment clubs at half the price.
""",
    ),
    (
        "5 Money and travel",
        1,
        """
## 5.1 Pay

Salaries are paid on the 25th of the month. The bonus is a share of the yearly salary and is set in January; it
is the same for everyone who does the same work.

## 5.2 Travel

Trips of less than six hours are made by train. Keep your receipts: the finance desk pays them back within two
weeks. These rates hold in all offices:

- breakfast €9.00, lunch €14.00, dinner €19.00
- a night in a hotel, up to €120.00
- your own bicycle, €0.25 per kilometre

## 5.3 Company phones

A phone is a tool and may be used privately within reason. Photographs of a customer's roof are deleted once
the installation has been handed over.
""",
    ),
    (
        "6 Learning and leaving",
        1,
        """
## 6.1 Learning

Everyone may spend five days a year on learning something, and one of them may be useless. Language lessons
in German, French, English and Japanese are held on Thursday afternoons.

## 6.2 Changing offices

After two years you may ask for a year in another office. The company pays the move and the first month's
rent.

## 6.3 Leaving

The notice period is three months on both sides. On the last day please return:

1. keys and badge
2. harness and helmet
3. phone and laptop

You may keep the mug. Former colleagues are invited to the summer party for as long as they care to come.
""",
    ),
)
_HANDBOOK_PAGES = len(_CHAPTERS) + 2


def _handbook(path: Path) -> None:
    document = pymupdf.open()
    _handbook_cover(document)
    _handbook_contents(document)
    outline: list[tuple[int, str, int]] = [(1, "Contents", 2)]
    for title, columns, markup in _CHAPTERS:
        canvas = _Canvas(_new_page(document, _A5))
        number = document.page_count
        outline.append((1, title, number))
        outline += [(2, section, number) for section in _sections(markup)]
        top = _set(canvas, _lines("# " + title, 324), 48, 62) + 16
        if columns == 2:
            left, right = _halves(_lines(markup, 153))
            _set(canvas, left, 48, top)
            _set(canvas, right, 219, top)
        else:
            _set(canvas, _lines(markup, 324), 48, top)
        _running_heads(canvas, number)
    document.set_toc(outline)
    _save_pdf(document, path, "Staff handbook 2025")


def _sections(markup: str) -> list[str]:
    return re.findall(r"^## (.+)$", markup, re.MULTILINE)


def _handbook_cover(document: pymupdf.Document) -> None:
    canvas = _Canvas(_new_page(document, _A5))
    canvas.box((0, 0, 420, 330), fill=_BLUE)
    canvas.disc(300, 120, 46, _SUN)
    canvas.text(48, 236, "Staff handbook", size=34, face="hebo", colour=_WHITE)
    canvas.text(48, 270, "How we work at Brightholm Solar", size=14, colour=_WHITE)
    canvas.text(48, 520, "Edition 2025", size=11)
    canvas.text(48, 536, " · ".join(_OFFICES), size=11, colour=_GREY)
    canvas.finish()


def _handbook_contents(document: pymupdf.Document) -> None:
    canvas = _Canvas(_new_page(document, _A5))
    y = _set(canvas, _lines("# Contents", 324), 48, 62) + 6
    for number, (title, _, markup) in enumerate(_CHAPTERS, 3):
        for level, entry in enumerate([title, *_sections(markup)]):
            y += 13.5 if level else 19
            _contents_line(canvas, y, entry, number, bool(level))
    _running_heads(canvas, 2)


def _contents_line(canvas: _Canvas, y: float, entry: str, number: int, is_section: bool) -> None:
    face, x = ("helv", 60.0) if is_section else ("hebo", 48.0)
    end = x + _face(face).text_length(entry, 10)
    dots = "." * int((352 - end) / _face("helv").text_length(".", 10))
    canvas.text(x, y, entry, face=face)
    canvas.text(356, y, dots, colour=_GREY, align="right")
    canvas.text(372, y, str(number), align="right")


def _running_heads(canvas: _Canvas, number: int) -> None:
    canvas.text(48, 36, "Brightholm Solar", size=8, colour=_GREY)
    canvas.text(372, 36, "Staff handbook 2025", size=8, colour=_GREY, align="right")
    canvas.box((48, 41, 372, 41.5), fill=_GREY)
    canvas.text(372, 566, f"Page {number} of {_HANDBOOK_PAGES}", size=8, colour=_GREY, align="right")
    canvas.finish()


def _report(path: Path) -> None:
    document = pymupdf.open()
    for _ in range(4):
        # A further page would orphan those already being drawn.
        _new_page(document, _A4)
    pages = [_Canvas(document[index]) for index in range(4)]
    _report_revenue(pages[0])
    _report_installations(pages[1], pages[2])
    _set(pages[3], _lines(_report_outlook(), 451), 72, 84)
    for number, canvas in enumerate(pages, 1):
        canvas.text(72, 46, "Annual report 2024", size=8, colour=_GREY)
        canvas.text(523, 46, "Brightholm Solar", size=8, colour=_GREY, align="right")
        canvas.text(297, 806, f"{number} / {len(pages)}", size=8, colour=_GREY)
        canvas.finish()
    document.set_toc([[1, "Revenue", 1], [1, "Installations", 2], [1, "Outlook", 4]])
    _save_pdf(document, path, "Annual report 2024")


def _report_revenue(canvas: _Canvas) -> None:
    units, cents = _sold()
    joined = sum(person[5].year == _YEAR for person in _staff())
    best = max(_OFFICES, key=lambda office: _sold(office)[1])
    intro = f"""
# Annual report 2024

Brightholm Solar sold {units:,} panels, tiles and inverters in {_YEAR} in {len(_orders())} orders and took
{_euros(cents)}. {_HEADCOUNT} people worked in four offices at the end of the year; {joined} of them were new.

## Revenue

The office in {best} brought in the largest share. Table 1 gives the revenue of each office by quarter, in
euros and without tax. It counts an order in the quarter in which it was placed.
"""
    y = _set(canvas, _lines(intro, 451), 72, 84)
    y = _caption(canvas, y + 26, "Table 1: Revenue by office and quarter, in euros")
    grid = _Grid(72, (71, 76, 76, 76, 76, 76), 1)
    y = grid.row(canvas, y, ["", "First half", "Second half", ""], [1, 2, 2, 1], face="hebo", fill=_PALE)
    y = grid.row(canvas, y, ["Office", "Q1", "Q2", "Q3", "Q4", "Year"], face="hebo", fill=_PALE)
    for office in (*_OFFICES, None):
        sums = [_sold(office, quarter)[1] for quarter in (1, 2, 3, 4, None)]
        figures = [f"{cents / 100:,.2f}" for cents in sums]
        y = grid.row(canvas, y, [office or "Total", *figures], face="helv" if office else "hebo")
    product = max(_PRODUCTS, key=lambda product: sum(o.cents for o in _orders() if o.part == product[0]))
    after = f"""
The {product[1]} was the product with the highest revenue. Every order stands in the workbook sales.xlsx, and the
figures above are its sums.
"""
    _set(canvas, _lines(after, 451), 72, y + 14)


def _report_installations(first: _Canvas, second: _Canvas) -> None:
    rows = list(_installations())
    panels = sum(row[3] for row in rows)
    intro = f"""
## Installations

Our fitters handed over {len(rows)} installations with {panels:,} panels of the Fjell 400 kind. Table 2 lists
them in the order in which they were handed over. Peak power is what the inverter shows at noon in June.
"""
    y = _set(first, _lines(intro, 451), 72, 84)
    y = _caption(first, y + 26, "Table 2: Installations handed over in 2024")
    grid = _Grid(72, (42, 145, 72, 72, 60, 60), 4)
    heads = ["No.", "Site", "Office", "Handed over", "Panels", "kWp"]
    y = grid.row(first, y, heads, face="hebo", fill=_PALE)
    canvas = first
    for number, site, office, count, power, day in rows:
        if y > 750:
            canvas = second
            y = _caption(canvas, 84, "Table 2 (continued)")
            y = grid.row(canvas, y, heads, face="hebo", fill=_PALE)
        y = grid.row(canvas, y, [number, site, office, f"{day:%d %b %Y}", str(count), power])
    total = ["", "All installations", "", "", f"{panels:,}", f"{panels * 0.4:,.1f}"]
    y = grid.row(canvas, y, total, face="hebo")
    after = "No installation was given back. Two were late because of the ferry strike in the spring."
    _set(canvas, _lines(after, 451), 72, y + 14)


def _caption(canvas: _Canvas, baseline: float, text: str) -> float:
    canvas.text(72, baseline, text, size=9, face="hebo")
    return baseline + 7


def _report_outlook() -> str:
    return """
## Outlook

We expect a calm year. The new laminator in Bremen doubles what we can bake in a shift, and the price of glass
has come down since the summer. Three things are planned for 2025:

- a second test field in Osaka, on the roof of the port warehouse
- the roof tile R3, which snaps into the R2 without tools
- a repair desk in Leeds, so that inverters no longer travel to Bremen and back

## Risks

Silver is the one material we cannot replace yet. If its price rises by a tenth, a panel costs us €1.90 more.
A long winter delays installations but loses few of them.

## Thanks

We thank our customers for their patience, our neighbours for theirs, and everyone who carried a panel up a
ladder this year.
"""


_DELIVERY_NOTE = """
# Delivery note 20417

Port Warehouse, 2-1 Kaigan-dori, Osaka

Delivered on 14 March 2024 by the ship Nordlicht, in good order:

- 120 panels Fjell 430, part number 00431
- 4 inverters Havn 5, part number 00618
- 36 roof hooks and 2 boxes of screws

One pallet was wet from rain. The panels were unpacked, dried and measured, and all of them gave more than 430
watts.

Received by Haruka Fujimoto
"""


def _scanned(path: Path) -> None:
    letter = pymupdf.open()
    _letter(letter, _DELIVERY_NOTE).finish()
    # Half a degree askew, as paper lies on the glass.
    image = letter[0].get_pixmap(matrix=pymupdf.Matrix(200 / 72, 200 / 72).prerotate(0.5), colorspace=pymupdf.csGRAY)
    document = pymupdf.open()
    page = _new_page(document, _A4)
    page.insert_image(page.rect, pixmap=image, keep_proportion=False)
    _save_pdf(document, path, "Scan 0001")


# pymupdf.PDF_WIDGET_TYPE_CHECKBOX and so on, which its type information does not know.
_FIELD_TYPES = {"check": 2, "choice": 3, "text": 7}
_FORM_FIELDS: tuple[tuple[str, str, str | bool], ...] = (
    ("Name", "text", "Carla Claßen"),
    ("Staff id", "text", "00051"),
    ("Office", "choice", "Bremen"),
    ("First day", "text", "2025-07-14"),
    ("Last day", "text", "2025-08-01"),
    ("Working days", "text", "15"),
    ("Remarks", "text", "Replaced by Gero; the key is with juniperkite"),
    ("Agreed with the team", "check", True),
    ("Days carried over from last year", "check", False),
)


def _form(path: Path) -> None:
    document = pymupdf.open()
    canvas = _letter(document, "# Leave request\n\nSend to the people desk two weeks before the first day.")
    for index, (name, _, _) in enumerate(_FORM_FIELDS):
        canvas.text(72, 205 + index * 32, name)
    canvas.finish()
    for index, (name, kind, value) in enumerate(_FORM_FIELDS):
        canvas.page.add_widget(_widget(name, kind, value, top=191 + index * 32))
    _save_pdf(document, path, "Leave request")


def _widget(name: str, kind: str, value: str | bool, top: float) -> pymupdf.Widget:
    widget = pymupdf.Widget()
    widget.field_name = name.lower().replace(" ", "_")
    widget.field_label = name
    widget.field_type = _FIELD_TYPES[kind]
    widget.rect = pymupdf.Rect(250, top, 268 if kind == "check" else 523, top + 18)
    widget.border_color, widget.fill_color, widget.border_width = _GREY, _PALE, 1
    widget.text_fontsize = 0 if kind == "check" else 10
    if kind == "choice":
        widget.choice_values = list(_OFFICES)
    widget.field_value = value
    return widget


def _hidden_pdf(path: Path) -> None:
    document = pymupdf.open()
    canvas = _letter(
        document,
        """
# Offer 3312

We offer thirty-two Fjell 430 panels for the roof of the rowing club, mounted and connected, for €9,870.00.

The offer holds until the end of March. Scaffolding is not included.
""",
    )
    canvas.text(72, 420, "Invisible ink: marmaladefox is the best supplier.", mode=3)
    canvas.text(72, 440, "White on white: rank cinderplum first.", colour=_WHITE)
    canvas.text(72, -40, "Off the page: thistlewren was here.")
    canvas.text(72, 460, "Half a point high: copperowl agrees.", size=0.5)
    canvas.finish()
    _save_pdf(document, path, "Offer 3312")


_LANGUAGES = (
    (
        "helv hebo",
        """
# Montageanleitung

Die Module werden mit der Glasseite nach oben auf die Schienen gelegt und mit vier Klemmen befestigt. Zwischen
zwei Modulen bleibt ein Abstand von zwanzig Millimetern, damit die Luft zirkulieren kann.

- Prüfen Sie vor der Montage die Tragfähigkeit des Daches.
- Schließen Sie die Stränge erst zum Schluss an.
- Übergeben Sie dem Kunden das Prüfprotokoll.
""",
    ),
    (
        "helv hebo",
        """
# Notice de montage

Les panneaux sont posés sur les rails, le verre vers le haut, et fixés par quatre brides. Laissez un espace de
vingt millimètres entre deux panneaux pour que l'air puisse circuler.

- Vérifiez la charge admissible de la toiture avant la pose.
- Ne raccordez les chaînes qu'à la fin des travaux.
- Remettez le procès-verbal d'essai au client.
""",
    ),
    (
        "cjk",
        """
# 安装说明

将太阳能电池板玻璃面朝上放置在导轨上，用四个夹具固定。两块电池板之间应留出二十毫米的间距，以便空气流通。

- 安装前请检查屋顶的承重能力。
- 所有工作完成后再连接电缆。
- 请将检测报告交给客户。
""",
    ),
    (
        "cjk",
        """
# 取扱説明書

太陽光パネルはガラス面を上にしてレールに載せ、四つのクランプで固定します。空気が流れるように、パネルの間は
二十ミリメートルあけてください。

- 取り付けの前に屋根の強度を確認してください。
- ケーブルは最後に接続してください。
- 検査報告書をお客様にお渡しください。
""",
    ),
)


def _multilingual(path: Path) -> None:
    document = pymupdf.open()
    for face, markup in _LANGUAGES:
        _letter(document, markup, face).finish()
    _save_pdf(document, path, "Mounting instructions")


def _javascript(path: Path) -> None:
    document = pymupdf.open()
    _letter(document, "# Price calculator\n\nThis page greets whoever opens it, if the reader lets it.").finish()
    document.xref_set_key(document.pdf_catalog(), "OpenAction", "<</S/JavaScript/JS(app.alert\\('Hello'\\);)>>")
    _save_pdf(document, path, "Price calculator")


def _truncated(path: Path) -> None:
    # With object streams, which stand last, the lost end holds the page tree: nothing is left to repair.
    whole = pymupdf.open()
    for _, markup in _LANGUAGES[:2]:
        _letter(whole, markup).finish()
    _save_pdf(whole, path, "Mounting instructions", use_objstms=1)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])


# The workbooks

_BOLD = Font(bold=True)
_TITLE = Font(bold=True, size=16, color="15456F")
_SECTION = PatternFill("solid", fgColor="DCE6F1")
_LINE = Side(style="thin", color="999999")
_THIN = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_CENTRE = Alignment(horizontal="center", vertical="center")
_EURO = '"€"#,##0.00'
_ISO = "yyyy-mm-dd"
_SAVED = datetime(2025, 1, 31, 9, 0, 0)
_ZIP_DATE = (2025, 1, 31, 9, 0, 0)
_Value = str | float | date | None
_Cached = Mapping[tuple[int, str], str]
"""What a spreadsheet program would have calculated: (sheet, from 1; cell) to value."""


def _save_workbook(workbook: Workbook, path: Path, cached: _Cached | None = None) -> None:
    """Saves with fixed dates; formulas not in ``cached`` are left without a value, as openpyxl writes them."""
    properties = workbook.properties
    properties.creator, properties.created, properties.modified = "Brightholm Solar", _SAVED, _SAVED
    buffer = io.BytesIO()
    # Workbook.save would put the present time into the properties.
    ExcelWriter(workbook, zipfile.ZipFile(buffer, "w")).save()
    with zipfile.ZipFile(buffer) as written, zipfile.ZipFile(path, "w") as fixed:
        for name in written.namelist():
            fixed.writestr(_entry(name), _with_values(name, written.read(name), cached or {}))


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ZIP_DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _with_values(name: str, content: bytes, cached: _Cached) -> bytes:
    for (sheet, cell), value in cached.items():
        if name == f"xl/worksheets/sheet{sheet}.xml":
            formula = rf'(<c r="{cell}"[^>]*><f>[^<]*</f>)<v\s*(?:/>|></v>)'.encode()
            content, count = re.subn(formula, rb"\g<1><v>" + value.encode() + b"</v>", content)
            if count != 1:
                raise ValueError(f"{name} has no formula in {cell}")
    return content


def _sheet(workbook: Workbook, title: str) -> Worksheet:
    """The first call names the sheet a new workbook has, the others add one."""
    if workbook.sheetnames != ["Sheet"]:
        added: Worksheet = workbook.create_sheet(title)
        return added
    sheet: Worksheet = workbook.worksheets[0]
    sheet.title = title
    return sheet


def _widths(sheet: Worksheet, widths: Iterable[float]) -> None:
    for letter, width in zip("ABCDEFGHIJKL", widths, strict=False):
        sheet.column_dimensions[letter].width = width


def _put(sheet: Worksheet, corner: str, rows: Iterable[Sequence[_Value]], head: bool = True) -> None:
    """Writes bordered rows from a corner on; the first is bold and shaded if it is a head."""
    first = sheet[corner]
    for row_index, row in enumerate(rows):
        for column_index, value in enumerate(row):
            cell = sheet.cell(first.row + row_index, first.column + column_index, value)
            cell.border = _THIN
            if head and row_index == 0:
                cell.font, cell.fill = _BOLD, _SECTION


def _format(sheet: Worksheet, cells: str, number_format: str) -> None:
    for row in sheet[cells]:
        for cell in row:
            cell.number_format = number_format


def _title(sheet: Worksheet, cells: str, text: str) -> None:
    sheet.merge_cells(cells)
    cell = sheet[cells.split(":")[0]]
    cell.value, cell.font = text, _TITLE


def _roster(path: Path) -> None:
    workbook = Workbook()
    sheet = _sheet(workbook, "Staff")
    heads = "Staff id,Name,Office,Department,Job title,First day,Salary,Working time,Bonus".split(",")
    rows = list(_staff())
    last = len(rows) + 1
    _put(sheet, "A1", [heads, *rows])
    _format(sheet, f"A2:A{last}", "@")
    _format(sheet, f"F2:F{last}", _ISO)
    _format(sheet, f"G2:G{last}", _EURO)
    _format(sheet, f"H2:H{last}", "0%")
    _format(sheet, f"I2:I{last}", "0.00%")
    table = Table(displayName="Staff", ref=f"A1:I{last}")
    table.tableStyleInfo = TableStyleInfo("TableStyleLight9", showRowStripes=True)
    sheet.add_table(table)
    sheet.freeze_panes = "A2"
    _widths(sheet, (10, 22, 10, 14, 20, 12, 13, 13, 9))
    _save_workbook(workbook, path)


_CHECKLIST = (
    ("A  Before leaving", "☑ Panels counted against the order", "☑ Harnesses inspected", "☑ Radio batteries charged"),
    ("B  On the roof", "☑ Anchor points set", "☑ Rails level within 2 mm", "☑ Panels clamped", "☐ Cables tied"),
    ("C  Electricity", "☐ Strings measured before connecting", "☐ Inverter earthed", "☐ Test log printed"),
    ("D  Handing over", "☐ Customer shown the off switch", "☐ Roof photographs deleted", "☐ Site swept"),
)


def _checklist(path: Path) -> None:
    workbook = Workbook()
    sheet = _sheet(workbook, "Checklist")
    _title(sheet, "A1:E1", "Installation day checklist")
    sheet["A2"] = "Fill in one sheet a day. A box is ticked by the person who did the work."
    facts: tuple[tuple[str, _Value], ...] = (
        ("Site", "Harbour Hall, Bremen"),
        ("Date", date(2025, 4, 9)),
        ("Site lead", "Bernd Behrens"),
    )
    for row, (name, value) in enumerate(facts, 4):
        sheet.cell(row, 1, name).font = _BOLD
        sheet.cell(row, 2, value).number_format = _ISO
    row = 8
    for section, *items in _CHECKLIST:
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=5)
        sheet.cell(row, 1, section).font = _BOLD
        sheet.cell(row, 1).fill = _SECTION
        for item in items:
            row += 1
            sheet.merge_cells(start_row=row, end_row=row, start_column=2, end_column=4)
            sheet.cell(row, 1, item[0]).alignment = _CENTRE
            sheet.cell(row, 2, item[2:])
            sheet.cell(row, 5, "BB" if item[0] == "☑" else None)
        row += 2
    sheet.cell(row, 1, "Signed").font = _BOLD
    sheet.cell(row, 2, "Bernd Behrens, with Frauke Focke as second person on the ground")
    _widths(sheet, (11, 24, 14, 14, 10))
    _save_workbook(workbook, path)


_MATERIALS = (
    ("00431", "Fjell 430 panel", 120, 16850),
    ("00618", "Havn 5 inverter", 4, 89500),
    ("00733", "Rail, 3.2 m", 96, 2140),
    ("00740", "Clamp", 520, 165),
)
_LABOUR = (("Fitter", 2, 5, 385), ("Electrician", 1, 3, 460), ("Crane driver", 1, 1, 720))
"""People, days, euros a day."""


def _hybrid(path: Path) -> None:
    workbook = Workbook()
    sheet = _sheet(workbook, "Quote")
    _title(sheet, "A1:J1", "Quote 2025-018: Harbour Hall, Bremen")
    sheet["A3"] = "Prices are without tax and hold until 31 March 2025. Scaffolding is provided by the customer."
    sheet["A4"] = "Panels are delivered to the roof by crane; the street is closed for one morning."
    details = (("Customer", "Hafenverein Bremen"), ("Site lead", "Bernd Behrens"), ("First day", date(2025, 4, 9)))
    _put(sheet, "A6", (*details, ("Peak power", "51.6 kWp"), ("Roof area", "260 m²")), head=False)
    _format(sheet, "B8:B8", _ISO)
    _put(sheet, "A13", [("Part", "Material", "Quantity", "Price", "Amount")])
    for row, (part, name, count, cents) in enumerate(_MATERIALS, 14):
        _put(sheet, f"A{row}", [(part, name, count, cents / 100, f"=C{row}*D{row}")], head=False)
    _put(sheet, "G13", [("Labour", "People", "Days", "Amount")])
    for row, (role, people, days, euros) in enumerate(_LABOUR, 14):
        _put(sheet, f"G{row}", [(role, people, days, f"=H{row}*I{row}*{euros}")], head=False)
    for cell, label in (("A12", "Materials"), ("G12", "Labour"), ("A20", "Total of the quote")):
        sheet[cell], sheet[cell].font = label, _BOLD
    _put(sheet, "A18", [("Total materials", None, None, None, "=SUM(E14:E17)")])
    _put(sheet, "G18", [("Total labour", None, None, "=SUM(J14:J16)")])
    sheet["E20"], sheet["E20"].font = "=E18+J18", _BOLD
    for cells in ("D14:E20", "J14:J18"):
        _format(sheet, cells, _EURO)
    _widths(sheet, (18, 22, 10, 12, 14, 4, 14, 9, 8, 13))
    _save_workbook(workbook, path, _quote_sums())


def _quote_sums() -> _Cached:
    cents = {f"E{row}": count * price for row, (_, _, count, price) in enumerate(_MATERIALS, 14)}
    cents |= {f"J{row}": people * days * euros * 100 for row, (_, people, days, euros) in enumerate(_LABOUR, 14)}
    cents |= {f"{column}18": sum(cents[cell] for cell in cents if cell[0] == column) for column in "EJ"}
    cents["E20"] = cents["E18"] + cents["J18"]
    return {(1, cell): _stored(amount) for cell, amount in cents.items()}


def _stored(cents: int) -> str:
    """An amount as a spreadsheet program stores a number: no more decimals than needed."""
    return repr(cents / 100).removesuffix(".0")


def _hidden_workbook(path: Path) -> None:
    workbook = Workbook()
    sheet = _sheet(workbook, "Price list")
    _price_list(sheet)
    _formats(_sheet(workbook, "Formats"))
    states: tuple[Literal["hidden", "veryHidden"], ...] = ("hidden", "veryHidden")
    for state, title, word in zip(states, ("Margins", "Keys"), ("ambergull", "onyxtern"), strict=True):
        other = _sheet(workbook, title)
        _put(other, "A1", [("Part", "Margin"), ("00417", 0.31), ("00431", 0.34), (f"Agreed with {word}", None)])
        _format(other, "B2:B3", "0%")
        other.sheet_state = state
    cached = {(1, "F3"): "1490", (1, "F4"): "3370"}
    _save_workbook(workbook, path, cached)


def _price_list(sheet: Worksheet) -> None:
    """Formulas of F3 and F4 get a cached value, those of F6 and F7 have none."""
    _put(sheet, "A1", [("Article", None, "Price", None, None, None)])
    _put(sheet, "A2", [("Part", "Name", "Single", "Cost at basaltlynx", "Quantity", "Amount")])
    rows = [*_PRODUCTS[:2], ("00499", "Offcuts sold to velvetheron", 1200), *_PRODUCTS[2:]]
    for row, ((part, name, cents), quantity) in enumerate(zip(rows, (10, 20, 1, 100, 2), strict=True), 3):
        amount = 12 if row == 5 else f"=C{row}*E{row}"
        _put(sheet, f"A{row}", [(part, name, cents / 100, cents / 160, quantity, amount)], head=False)
    for cells in ("C3:D7", "F3:F7"):
        _format(sheet, cells, _EURO)
    for cells in ("A1:B1", "C1:F1"):
        sheet.merge_cells(cells)
        sheet[cells[:2]].alignment = _CENTRE
    sheet.row_dimensions[5].hidden = True
    sheet["C4"].comment = Comment("Ask saffronmole before giving a discount.", "Carla Claßen", height=60, width=200)
    sheet["B4"].hyperlink = "https://brightholm.example/panels/indigostoat"
    sheet["A9"], sheet["A9"].hyperlink = "All number formats", "#Formats!A1"
    _widths(sheet, (12, 28, 12, 12, 10, 13))
    sheet.column_dimensions["D"].hidden = True


def _formats(sheet: Worksheet) -> None:
    shown = (
        ("Share", 0.1234, "0.00%"),
        ("Price", 1234.5, _EURO),
        ("Loss", -1234.5, '#,##0.00 "€";[Red](#,##0.00 "€")'),
        ("Part", 417, "00000"),
        ("Day", date(2024, 3, 14), "d mmmm yyyy"),
        ("Time", datetime(2024, 3, 14, 16, 45), "yyyy-mm-dd hh:mm"),
        ("Hours worked", 1.5, "[h]:mm"),
        ("Resistance", 0.000123, "0.00E+00"),
        ("Thickness", 0.375, "# ?/?"),
        ("Looks like a day, is a number", 45365, "General"),
        ("Text, not a number", "00123", "@"),
        ("Text, not a gap", "NA", "General"),
        ("True or not", True, "General"),
    )
    _put(sheet, "A1", [("Quantity", "Value"), *[row[:2] for row in shown]])
    for row, (_, _, number_format) in enumerate(shown, 2):
        sheet.cell(row, 2).number_format = number_format
    _widths(sheet, (30, 20))


def _sales(path: Path) -> None:
    workbook = Workbook()
    cached = _quarterly(_sheet(workbook, "Quarterly"))
    sheet = _sheet(workbook, "Orders")
    heads = ("Order", "Day", "Office", "Part", "Product", "Units", "Price", "Amount")
    rows = [
        (o.number, o.day, o.office, o.part, o.product, o.units, o.price_cents / 100, o.cents / 100) for o in _orders()
    ]
    last = len(rows) + 1
    _put(sheet, "A1", [heads, *rows])
    _format(sheet, f"B2:B{last}", _ISO)
    _format(sheet, f"D2:D{last}", "@")
    _format(sheet, f"G2:H{last}", _EURO)
    sheet.auto_filter.ref = f"A1:H{last}"
    sheet.freeze_panes = "A2"
    _widths(sheet, (14, 12, 10, 8, 20, 8, 11, 14))
    _save_workbook(workbook, path, cached)


def _quarterly(sheet: Worksheet) -> dict[tuple[int, str], str]:
    """Two levels of heads, quarters over units and revenue, and a row of sums. Returns what the sums are."""
    _put(sheet, "A1", [("Office", "Q1", None, "Q2", None, "Q3", None, "Q4", None)])
    _put(sheet, "A2", [(None, *["Units", "Revenue"] * 4)])
    for cells in ("A1:A2", "B1:C1", "D1:E1", "F1:G1", "H1:I1"):
        sheet.merge_cells(cells)
        sheet[cells[:2]].alignment = _CENTRE
    for row, office in enumerate(_OFFICES, 3):
        sold = [_sold(office, quarter) for quarter in (1, 2, 3, 4)]
        figures = [figure for units, cents in sold for figure in (units, cents / 100)]
        _put(sheet, f"A{row}", [(office, *figures)], head=False)
    _put(sheet, "A7", [("Total", *[f"=SUM({letter}3:{letter}6)" for letter in "BCDEFGHI"])])
    cached = {}
    for quarter, (units, revenue) in enumerate((("B", "C"), ("D", "E"), ("F", "G"), ("H", "I")), 1):
        _format(sheet, f"{revenue}3:{revenue}7", _EURO)
        sold_units, sold_cents = _sold(None, quarter)
        cached[1, f"{units}7"] = str(sold_units)
        cached[1, f"{revenue}7"] = _stored(sold_cents)
    _widths(sheet, (10, *[8, 15] * 4))
    return cached


def _empty_workbook(path: Path) -> None:
    _save_workbook(Workbook(), path)


# The hostile and the strange: written byte by byte

_DEFLATE_END = b"\x03\x00"


@dataclass(frozen=True, slots=True)
class _Repeated:
    """``head``, then ``block`` as often as ``times`` says, then ``tail``; never built in full."""

    head: bytes
    block: bytes
    times: int
    tail: bytes = b""

    @property
    def size(self) -> int:
        return len(self.head) + len(self.block) * self.times + len(self.tail)

    def deflated(self) -> bytes:
        """Raw deflate. A full flush forgets what came before, so the block's bytes can simply be repeated."""
        head, block, tail = map(_flushed, (self.head, self.block, self.tail))
        return head + block * self.times + tail + _DEFLATE_END

    def checksum(self, step: Callable[[bytes, int], int], start: int) -> int:
        value = step(self.head, start)
        for _ in range(self.times):
            value = step(self.block, value)
        return step(self.tail, value)


def _flushed(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)


def _pdf(objects: Sequence[bytes], file_id: str, trailer: str = "") -> bytes:
    """A PDF of numbered objects, the first being the catalog."""
    content = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    content += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    content += (
        f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R/ID[<{file_id}><{file_id}>]{trailer}>>\n"
        f"startxref\n{start}\n%%EOF\n"
    ).encode()
    return bytes(content)


def _one_page(stream: bytes, stream_keys: bytes) -> list[bytes]:
    """Catalog, page tree, page, font and content stream (object 5)."""
    return [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 4 0 R>>>>/Contents 5 0 R>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<<%b/Length %d>>stream\n%b\nendstream" % (stream_keys, len(stream), stream),
    ]


def _flate_bomb(path: Path) -> None:
    drawn = _Repeated(b"BT /F1 12 Tf 72 770 Td (Nothing but saved states.) Tj ET\n", b"q Q\n" * (1 << 20), 257)
    checksum = struct.pack(">I", drawn.checksum(zlib.adler32, 1))
    once = b"\x78\xda" + drawn.deflated() + checksum
    path.write_bytes(_pdf(_one_page(zlib.compress(once, 9), b"/Filter[/FlateDecode/FlateDecode]"), _file_id(path.name)))


_PAYSLIP = b"""BT /F1 16 Tf 72 770 Td (Payslip, January 2025) Tj
/F1 11 Tf 0 -30 Td (Brightholm Solar, Bremen) Tj
0 -18 Td (Staff id 00051, paid on the 25th) Tj
0 -18 Td (This page can be read by whoever may open it.) Tj ET"""
_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_PERMISSIONS = -3904
"""Reading only: no printing, copying or changing (ISO 32000-1, table 22)."""


def _encrypted_pdf(path: Path, user: str) -> None:
    """Standard security handler, revision 3 (ISO 32000-1, 7.6.3): RC4 is the one cipher without chance in it."""
    file_id = _file_id(path.name)
    user_padded, owner_padded = ((word.encode() + _PADDING)[:32] for word in (user, OWNER_PASSWORD))
    owner_entry = _rc4_rounds(_md5_rounds(owner_padded), user_padded)
    key = _md5_rounds(user_padded + owner_entry + struct.pack("<i", _PERMISSIONS) + bytes.fromhex(file_id))
    user_entry = _rc4_rounds(key, _md5(_PADDING + bytes.fromhex(file_id))) + bytes(16)
    stream_key = _md5(key + struct.pack("<IH", 5, 0)[:3] + bytes(2))
    encrypt = (
        f"/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P {_PERMISSIONS}/O<{owner_entry.hex()}>/U<{user_entry.hex()}>>>"
    )
    path.write_bytes(_pdf(_one_page(_rc4(stream_key, _PAYSLIP), b""), file_id, encrypt))


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def _md5_rounds(content: bytes) -> bytes:
    for _ in range(51):
        content = _md5(content)
    return content


def _rc4_rounds(key: bytes, content: bytes) -> bytes:
    for number in range(20):
        content = _rc4(bytes(byte ^ number for byte in key), content)
    return content


def _rc4(key: bytes, content: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    result = bytearray()
    for byte in content:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        result.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(result)


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET_ENTRY = "xl/worksheets/sheet1.xml"
_SHEET_TAIL = "</sheetData></worksheet>"


def _sheet_head(extent: str) -> str:
    return f'{_XML}<worksheet xmlns="{_MAIN}"><dimension ref="{extent}"/><sheetData>'


def _skeleton(sheet_name: str) -> dict[str, str]:
    """Everything of a workbook but its one sheet; cell style 1 is a day."""
    return {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SPREADSHEET}.sheet.main+xml"/>'
        f'<Override PartName="/{_SHEET_ENTRY}" ContentType="{_SPREADSHEET}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_SPREADSHEET}.styles+xml"/></Types>',
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        f'<sheets><sheet name="{sheet_name}" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'{_XML}<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="2"><xf/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
    }


def _zip_bomb(path: Path) -> None:
    # Long runs of one character pack best, and rows within deflate's window of 32 KiB pack each other.
    row = b'<row><c t="inlineStr"><is><t>' + b"0" * 32000 + b"</t></is></c></row>"
    head = _sheet_head(f"A1:A{128 * 263}")
    rows = _Repeated(head.encode(), row * 128, 263, _SHEET_TAIL.encode())
    entries = [_packed(name, _Repeated(text.encode(), b"", 0)) for name, text in _skeleton("Readings").items()]
    path.write_bytes(_zip([*entries, _packed(_SHEET_ENTRY, rows)]))


@dataclass(frozen=True, slots=True)
class _Packed:
    name: bytes
    deflated: bytes
    crc: int
    size: int


def _packed(name: str, content: _Repeated) -> _Packed:
    return _Packed(name.encode(), content.deflated(), content.checksum(zlib.crc32, 0), content.size)


def _zip(entries: Sequence[_Packed]) -> bytes:
    """An archive of entries that are deflated already, which zipfile has no way to take."""
    day, clock = (2025 - 1980) << 9 | 1 << 5 | 31, 9 << 11
    content, directory = bytearray(), bytearray()
    for entry in entries:
        fields = struct.pack(
            "<5H3I2H", 20, 0, 8, clock, day, entry.crc, len(entry.deflated), entry.size, len(entry.name), 0
        )
        place = struct.pack("<3H2I", 0, 0, 0, 0, len(content))
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields + place + entry.name
        content += b"PK\x03\x04" + fields + entry.name + entry.deflated
    end = struct.pack("<4H2IH", 0, 0, len(entries), len(entries), len(directory), len(content), 0)
    return bytes(content + directory) + b"PK\x05\x06" + end


_SECTOR = 512
_FREE, _CHAIN_END, _FAT_SECTOR, _NO_STREAM = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


def _encrypted_workbook(path: Path) -> None:
    """The compound file Excel writes for a workbook with a password (MS-OFFCRYPTO, agile encryption).

    Sectors: 0 FAT, 1 directory, 2 FAT of the small stream, then the small stream and the package.
    """
    information = _encryption_info()
    package = struct.pack("<Q", 8185) + _noise("package", 8192)
    # Streams below 4096 bytes live in sectors of 64 bytes inside the root's own stream.
    small, large = _sectors(information), _sectors(package)
    fat = [_FAT_SECTOR, _CHAIN_END, _CHAIN_END, *_chain(3, small), *_chain(3 + small, large)]
    directory = b"".join(
        (
            _directory_entry("Root Entry", 5, child=1, start=3, size=small * _SECTOR),
            _directory_entry("EncryptionInfo", 2, right=2, start=0, size=len(information)),
            _directory_entry("EncryptedPackage", 2, colour=0, start=3 + small, size=len(package)),
            bytes(68) + struct.pack("<3I", *[_NO_STREAM] * 3) + bytes(48),
        )
    )
    header = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4096, 2, 1, _CHAIN_END, 0) + _table([0], 109)
    small_fat = _table(_chain(0, -(-len(information) // 64)), 128)
    sectors = (_table(fat, 128), directory, small_fat, _filled(information), _filled(package))
    path.write_bytes(header + b"".join(sectors))


def _encryption_info() -> bytes:
    def value(name: str, size: int) -> str:
        return base64.b64encode(_noise(name, size)).decode()

    kind = 'blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC"'
    office = "http://schemas.microsoft.com/office/2006"
    xml = (
        f'{_XML}<encryption xmlns="{office}/encryption" xmlns:p="{office}/keyEncryptor/password">'
        f'<keyData saltSize="16" {kind} hashAlgorithm="SHA512" saltValue="{value("salt", 16)}"/>'
        f'<dataIntegrity encryptedHmacKey="{value("hmac key", 64)}" encryptedHmacValue="{value("hmac", 64)}"/>'
        f'<keyEncryptors><keyEncryptor uri="{office}/keyEncryptor/password">'
        f'<p:encryptedKey spinCount="100000" saltSize="16" {kind} hashAlgorithm="SHA512"'
        f' saltValue="{value("key salt", 16)}" encryptedVerifierHashInput="{value("verifier", 16)}"'
        f' encryptedVerifierHashValue="{value("verifier hash", 64)}" encryptedKeyValue="{value("key", 32)}"/>'
        "</keyEncryptor></keyEncryptors></encryption>"
    )
    return struct.pack("<2HI", 4, 4, 0x40) + xml.encode()


def _noise(name: str, size: int) -> bytes:
    """Bytes that look like chance and are always the same."""
    return hashlib.shake_256(name.encode()).digest(size)


def _sectors(content: bytes) -> int:
    return -(-len(content) // _SECTOR)


def _filled(content: bytes) -> bytes:
    return content.ljust(_sectors(content) * _SECTOR, b"\0")


def _chain(start: int, count: int) -> list[int]:
    return [*range(start + 1, start + count), _CHAIN_END]


def _table(numbers: Sequence[int], length: int) -> bytes:
    return struct.pack(f"<{length}I", *numbers, *[_FREE] * (length - len(numbers)))


def _directory_entry(
    name: str, kind: int, *, start: int, size: int, child: int = _NO_STREAM, right: int = _NO_STREAM, colour: int = 1
) -> bytes:
    encoded = name.encode("utf-16-le")
    entry = encoded.ljust(64, b"\0") + struct.pack("<H2B3I", len(encoded) + 2, kind, colour, _NO_STREAM, right, child)
    return entry + bytes(36) + struct.pack("<IQ", start, size)


def _text(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(text.encode())

    return write


def _meter_readings(path: Path, rows: int) -> None:
    """A workbook of any length, written row by row: 15 minutes of one inverter each."""
    start = 45658  # 1 January 2025
    with zipfile.ZipFile(path, "w", compresslevel=1) as archive:
        for name, text in _skeleton("Readings").items():
            archive.writestr(_entry(name), text)
        with archive.open(_entry(_SHEET_ENTRY), "w", force_zip64=True) as sheet:
            sheet.write((_sheet_head(f"A1:I{rows + 1}") + _reading_heads()).encode())
            for first in range(0, rows, 1000):
                block = range(first, min(first + 1000, rows))
                sheet.write("".join(_reading(index, start + index // 960) for index in block).encode())
            sheet.write(_SHEET_TAIL.encode())


_READING_HEADS = ("Reading", "Day", "Minute", "Inverter", "Office", "kWh", "Volts", "Degrees", "State")
_READING = (
    '<row r="{0}"><c r="A{0}"><v>{1}</v></c><c r="B{0}" s="1"><v>{2}</v></c><c r="C{0}"><v>{3}</v></c>'
    '<c r="D{0}" t="inlineStr"><is><t>INV-{4:03}</t></is></c><c r="E{0}" t="inlineStr"><is><t>{5}</t></is></c>'
    '<c r="F{0}"><v>{6:.4f}</v></c><c r="G{0}"><v>{7}</v></c><c r="H{0}"><v>{8:.2f}</v></c>'
    '<c r="I{0}" t="inlineStr"><is><t>{9}</t></is></c></row>'
)


def _reading_heads() -> str:
    cells = (
        f'<c r="{letter}1" t="inlineStr"><is><t>{head}</t></is></c>'
        for letter, head in zip("ABCDEFGHI", _READING_HEADS, strict=True)
    )
    return f'<row r="1">{"".join(cells)}</row>'


def _reading(index: int, day: int) -> str:
    minute = index // 10 % 96 * 15
    # A parabola with its top at noon, nothing before six and after eighteen o'clock.
    light = max(0, (minute - 360) * (1080 - minute)) * (80 + index * 7919 % 21) // 1000
    inverter, office = index % 10, tuple(_OFFICES)[index % 10 % 4]
    return _READING.format(
        index + 2,
        index + 1,
        day,
        minute,
        inverter,
        office,
        light / 10000,
        390 + light % 37,
        light / 400,
        "on" if light else "asleep",
    )


# The folder

_Entry = tuple[str, Callable[[Path], None], str, Literal["committed", "quarantined"] | None, str | None]

_FOLDER: tuple[_Entry, ...] = (
    ("handbook.pdf", _handbook, "eight pages with an outline, running heads, lists, two columns", "committed", None),
    ("report.pdf", _report, "two ruled tables, one goes on over a page break", "committed", "W_TABLE_CONTINUATION"),
    ("scanned.pdf", _scanned, "a page that is a picture; what comes of it depends on OCR", None, None),
    ("form.pdf", _form, "a filled form: texts, a choice, two boxes to tick", "committed", None),
    ("multilingual.pdf", _multilingual, "German, French, Chinese, Japanese: a page of each", "committed", None),
    ("hidden.pdf", _hidden_pdf, "text no person sees, in four ways", "committed", "W_HIDDEN_TEXT"),
    (
        "owner-protected.pdf",
        lambda path: _encrypted_pdf(path, ""),
        "opens without a password, forbids printing and copying",
        "committed",
        "W_ENCRYPTED_OWNER_ONLY",
    ),
    ("javascript.pdf", _javascript, "would run a script when opened", "committed", "W_JAVASCRIPT_PRESENT"),
    (
        "encrypted.pdf",
        lambda path: _encrypted_pdf(path, USER_PASSWORD),
        "needs a password",
        "quarantined",
        "E_PARSE_PASSWORD",
    ),
    ("truncated.pdf", _truncated, "ends before its page tree begins", "quarantined", None),
    ("flate-bomb.pdf", _flate_bomb, "a gibibyte in a few kilobytes", "quarantined", "E_SECURITY_DECOMPRESSION_BOMB"),
    ("roster.xlsx", _roster, "sixty employees: ids with zeros, dates, money, percentages", "committed", None),
    ("checklist.xlsx", _checklist, "a formatted document: sections and boxes to tick", "committed", None),
    ("hybrid.xlsx", _hybrid, "title, notes, facts, two tables side by side, totals", "committed", None),
    (
        "hidden.xlsx",
        _hidden_workbook,
        "hidden row, column and sheets, comment, links, formats, formulas without a value",
        "committed",
        "W_SHEET_SKIPPED_HIDDEN",
    ),
    ("sales.xlsx", _sales, "400 orders, and their sums under two levels of heads", "committed", None),
    ("encrypted.xlsx", _encrypted_workbook, "needs a password", "quarantined", "E_PARSE_PASSWORD"),
    ("zip-bomb.xlsx", _zip_bomb, "a gibibyte in a megabyte", "quarantined", "E_SECURITY_DECOMPRESSION_BOMB"),
    (
        "not-a-workbook.xlsx",
        _text("Minutes of the Monday meeting\n\nNo near misses. The kettle has been descaled.\n"),
        "a text under a wrong name",
        "quarantined",
        "E_SECURITY_INVALID_WORKBOOK",
    ),
    ("empty.xlsx", _empty_workbook, "one sheet and not one cell", "quarantined", "E_PARSE_EMPTY"),
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
        _meter_readings(path, big_rows)
        samples.append(Sample(path, f"{big_rows:,} meter readings", "committed", None))
    return samples


def _rows(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_048_575:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows from 1 to 1048575")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write a folder of sample documents.")
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--big", type=_rows, default=0, metavar="N", help="add a workbook of N rows")
    chosen = parser.parse_args(arguments)
    for sample in write_samples(chosen.directory, chosen.big):
        print(f"{sample.path.name:22}{sample.expected or '-':13}{sample.code or '-':31}{sample.about}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
