"""report.pdf: the annual report, whose figures are the company's own. Two ruled tables, one over a page break."""

# mypy: allow-untyped-calls
# PyMuPDF is typed in part only.

from __future__ import annotations

from pathlib import Path

import pymupdf

from .company import HEADCOUNT, OFFICES, PRODUCTS, YEAR, euros, installations, orders, sold, staff
from .typesetting import A4, GREY, PALE, Canvas, Grid, lines_of, new_page, save_pdf, set_lines


def write_report(path: Path) -> None:
    document = pymupdf.open()
    for _ in range(4):
        # A further page would orphan those already being drawn.
        new_page(document, A4)
    pages = [Canvas(document[index]) for index in range(4)]
    _revenue_page(pages[0])
    _installation_pages(pages[1], pages[2])
    set_lines(pages[3], lines_of(_outlook(), 451), 72, 84)
    for number, canvas in enumerate(pages, 1):
        canvas.text(72, 46, "Annual report 2024", size=8, colour=GREY)
        canvas.text(523, 46, "Brightholm Solar", size=8, colour=GREY, align="right")
        canvas.text(297, 806, f"{number} / {len(pages)}", size=8, colour=GREY)
        canvas.finish()
    document.set_toc([[1, "Revenue", 1], [1, "Installations", 2], [1, "Outlook", 4]])
    save_pdf(document, path, "Annual report 2024")


def _revenue_page(canvas: Canvas) -> None:
    units, cents = sold()
    joined = sum(person[5].year == YEAR for person in staff())
    best = max(OFFICES, key=lambda office: sold(office)[1])
    intro = f"""
# Annual report 2024

Brightholm Solar sold {units:,} panels, tiles and inverters in {YEAR} in {len(orders())} orders and took
{euros(cents)}. {HEADCOUNT} people worked in four offices at the end of the year; {joined} of them were new.

## Revenue

The office in {best} brought in the largest share. Table 1 gives the revenue of each office by quarter, in
euros and without tax. It counts an order in the quarter in which it was placed.
"""
    y = set_lines(canvas, lines_of(intro, 451), 72, 84)
    y = _caption(canvas, y + 26, "Table 1: Revenue by office and quarter, in euros")
    grid = Grid(72, (71, 76, 76, 76, 76, 76), 1)
    y = grid.row(canvas, y, ["", "First half", "Second half", ""], [1, 2, 2, 1], face="hebo", fill=PALE)
    y = grid.row(canvas, y, ["Office", "Q1", "Q2", "Q3", "Q4", "Year"], face="hebo", fill=PALE)
    for office in (*OFFICES, None):
        sums = [sold(office, quarter)[1] for quarter in (1, 2, 3, 4, None)]
        figures = [f"{cents / 100:,.2f}" for cents in sums]
        y = grid.row(canvas, y, [office or "Total", *figures], face="helv" if office else "hebo")
    product = max(PRODUCTS, key=lambda product: sum(o.cents for o in orders() if o.part == product[0]))
    after = f"""
The {product[1]} was the product with the highest revenue. Every order stands in the workbook sales.xlsx, and the
figures above are its sums.
"""
    set_lines(canvas, lines_of(after, 451), 72, y + 14)


def _installation_pages(first: Canvas, second: Canvas) -> None:
    rows = list(installations())
    panels = sum(row[3] for row in rows)
    intro = f"""
## Installations

Our fitters handed over {len(rows)} installations with {panels:,} panels of the Fjell 400 kind. Table 2 lists
them in the order in which they were handed over. Peak power is what the inverter shows at noon in June.
"""
    y = set_lines(first, lines_of(intro, 451), 72, 84)
    y = _caption(first, y + 26, "Table 2: Installations handed over in 2024")
    grid = Grid(72, (42, 145, 72, 72, 60, 60), 4)
    heads = ["No.", "Site", "Office", "Handed over", "Panels", "kWp"]
    y = grid.row(first, y, heads, face="hebo", fill=PALE)
    canvas = first
    for number, site, office, count, power, day in rows:
        if y > 750:
            canvas = second
            y = _caption(canvas, 84, "Table 2 (continued)")
            y = grid.row(canvas, y, heads, face="hebo", fill=PALE)
        y = grid.row(canvas, y, [number, site, office, f"{day:%d %b %Y}", str(count), power])
    total = ["", "All installations", "", "", f"{panels:,}", f"{panels * 0.4:,.1f}"]
    y = grid.row(canvas, y, total, face="hebo")
    after = "No installation was given back. Two were late because of the ferry strike in the spring."
    set_lines(canvas, lines_of(after, 451), 72, y + 14)


def _caption(canvas: Canvas, baseline: float, text: str) -> float:
    canvas.text(72, baseline, text, size=9, face="hebo")
    return baseline + 7


def _outlook() -> str:
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
