"""handbook.pdf: a cover, a table of contents and six chapters with an outline and running heads."""

# mypy: allow-untyped-calls
# PyMuPDF is typed in part only.

from __future__ import annotations

import re
from pathlib import Path

import pymupdf

from .company import HEADCOUNT, OFFICES
from .typesetting import (
    A5,
    BLUE,
    GREY,
    SUN,
    WHITE,
    Canvas,
    font,
    halves,
    lines_of,
    new_page,
    save_pdf,
    set_lines,
)

_CHAPTERS = (
    (
        "1 Who we are",
        1,
        f"""
Brightholm Solar makes solar panels and roof tiles that look like roof tiles. The company was founded in Bremen
in 2009 by two roofers and a glass chemist, and it still belongs to the people who work in it.

## 1.1 Offices

{HEADCOUNT} people work in four offices. Panels are made in Bremen; the other three sell, install and look after
them.

- Bremen: head office, production and research, {OFFICES["Bremen"]} people
- Lyon: sales and installation in France, {OFFICES["Lyon"]} people
- Leeds: sales and installation in Britain, {OFFICES["Leeds"]} people
- Osaka: sales in Japan and the test field on the bay, {OFFICES["Osaka"]} people

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
_PAGES = len(_CHAPTERS) + 2


def write_handbook(path: Path) -> None:
    document = pymupdf.open()
    _cover(document)
    _contents(document)
    outline: list[tuple[int, str, int]] = [(1, "Contents", 2)]
    for title, columns, markup in _CHAPTERS:
        canvas = Canvas(new_page(document, A5))
        number = document.page_count
        outline.append((1, title, number))
        outline += [(2, section, number) for section in _sections(markup)]
        top = set_lines(canvas, lines_of("# " + title, 324), 48, 62) + 16
        if columns == 2:
            left, right = halves(lines_of(markup, 153))
            set_lines(canvas, left, 48, top)
            set_lines(canvas, right, 219, top)
        else:
            set_lines(canvas, lines_of(markup, 324), 48, top)
        _running_heads(canvas, number)
    document.set_toc(outline)
    save_pdf(document, path, "Staff handbook 2025")


def _sections(markup: str) -> list[str]:
    return re.findall(r"^## (.+)$", markup, re.MULTILINE)


def _cover(document: pymupdf.Document) -> None:
    canvas = Canvas(new_page(document, A5))
    canvas.box((0, 0, 420, 330), fill=BLUE)
    canvas.disc(300, 120, 46, SUN)
    canvas.text(48, 236, "Staff handbook", size=34, face="hebo", colour=WHITE)
    canvas.text(48, 270, "How we work at Brightholm Solar", size=14, colour=WHITE)
    canvas.text(48, 520, "Edition 2025", size=11)
    canvas.text(48, 536, " · ".join(OFFICES), size=11, colour=GREY)
    canvas.finish()


def _contents(document: pymupdf.Document) -> None:
    canvas = Canvas(new_page(document, A5))
    y = set_lines(canvas, lines_of("# Contents", 324), 48, 62) + 6
    for number, (title, _, markup) in enumerate(_CHAPTERS, 3):
        for level, entry in enumerate([title, *_sections(markup)]):
            y += 13.5 if level else 19
            _contents_line(canvas, y, entry, number, bool(level))
    _running_heads(canvas, 2)


def _contents_line(canvas: Canvas, y: float, entry: str, number: int, is_section: bool) -> None:
    face, x = ("helv", 60.0) if is_section else ("hebo", 48.0)
    end = x + font(face).text_length(entry, 10)
    dots = "." * int((352 - end) / font("helv").text_length(".", 10))
    canvas.text(x, y, entry, face=face)
    canvas.text(356, y, dots, colour=GREY, align="right")
    canvas.text(372, y, str(number), align="right")


def _running_heads(canvas: Canvas, number: int) -> None:
    canvas.text(48, 36, "Brightholm Solar", size=8, colour=GREY)
    canvas.text(372, 36, "Staff handbook 2025", size=8, colour=GREY, align="right")
    canvas.box((48, 41, 372, 41.5), fill=GREY)
    canvas.text(372, 566, f"Page {number} of {_PAGES}", size=8, colour=GREY, align="right")
    canvas.finish()
