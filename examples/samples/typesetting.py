"""Sets text and ruled tables on the pages of a PDF: lines, columns, grids, the letterhead, saving.

    markup -> lines_of -> set_lines -> Canvas -> page

All measures are points, x to the right and y downwards from the top left corner of the page.
"""

# mypy: allow-untyped-calls
# PyMuPDF is typed in part only.

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pymupdf

from .bytewise import pdf_id

A4 = (595.0, 842.0)
A5 = (420.0, 595.0)
_INK = (0.13, 0.13, 0.16)
GREY = (0.45, 0.45, 0.5)
BLUE = (0.08, 0.27, 0.45)
SUN = (0.96, 0.69, 0.18)
PALE = (0.91, 0.94, 0.97)
WHITE = (1.0, 1.0, 1.0)
_PDF_DATE = "D:20250131090000Z"
Colour = tuple[float, float, float]


@cache
def font(name: str) -> pymupdf.Font:
    return pymupdf.Font(name)


def new_page(document: pymupdf.Document, size: tuple[float, float]) -> pymupdf.Page:
    return document.new_page(width=size[0], height=size[1])


class Canvas:
    """A page being drawn; ``finish`` writes it as one content stream. Points from the top left."""

    def __init__(self, page: pymupdf.Page, faces: str = "helv hebo") -> None:
        self.page = page
        for face in faces.split():
            self.page.insert_font(fontname="F" + face, fontbuffer=font(face).buffer)
        self._shape = self.page.new_shape()

    def text(
        self,
        x: float,
        baseline: float,
        text: str,
        *,
        size: float = 10,
        face: str = "helv",
        colour: Colour = _INK,
        align: Literal["left", "right"] = "left",
        mode: int = 0,
    ) -> None:
        if align == "right":
            x -= font(face).text_length(text, size)
        self._shape.insert_text((x, baseline), text, fontname="F" + face, fontsize=size, color=colour, render_mode=mode)

    def box(self, box: Sequence[float], *, fill: Colour | None = None, line: Colour | None = None) -> None:
        self._shape.draw_rect(pymupdf.Rect(*box))
        self._shape.finish(fill=fill, color=line, width=0.6 if line else 0)

    def disc(self, x: float, y: float, radius: float, fill: Colour) -> None:
        self._shape.draw_circle((x, y), radius)
        self._shape.finish(fill=fill, color=None, width=0)

    def finish(self) -> None:
        self._shape.commit()


@dataclass(frozen=True, slots=True)
class Style:
    size: float
    before: float
    face: str = "helv"
    indent: float = 0
    colour: Colour = _INK

    @property
    def leading(self) -> float:
        return self.size * 1.42


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    style: Style
    before: float
    mark: str = ""

    @property
    def height(self) -> float:
        return self.before + self.style.leading


_STYLES = {
    "# ": Style(19, 0, "hebo", colour=BLUE),
    "## ": Style(13.5, 15, "hebo", colour=BLUE),
    "- ": Style(11.5, 4, indent=14),
    "1. ": Style(11.5, 4, indent=17),
    "": Style(11.5, 8),
}
_MARK = re.compile(r"(#{1,2} |- |\d\. )?")
# A closing mark never begins a line.
_CJK_UNIT = re.compile(r"[A-Za-z0-9.]+|.[、。，」）：]?")


def lines_of(markup: str, width: float, face: str | None = None) -> list[Line]:
    """Lines of a text whose blocks stand apart by blank lines: # and ## headings, - and 1. lists, paragraphs."""
    result: list[Line] = []
    for block in re.split(r"\n\s*\n|\n\s*(?=- |\d\. )", markup.strip()):
        mark = _MARK.match(block.strip())[0]  # type: ignore[index]  # the pattern matches the empty text too
        style = _STYLES["1. " if mark[:1].isdigit() else mark]
        if face:
            style = Style(style.size, style.before, face, style.indent, style.colour)
        text = " ".join(block.strip()[len(mark) :].split())
        shown = {"-": "•"}.get(mark.strip(), mark.strip()) if style.indent else ""
        for number, line in enumerate(_wrap(text, width - style.indent, style)):
            result.append(Line(line, style, 0 if number else style.before, "" if number else shown))
    return result


def _wrap(text: str, width: float, style: Style) -> Iterator[str]:
    cjk = style.face == "cjk"
    line = ""
    for unit in _CJK_UNIT.findall(text) if cjk else text.split():
        longer = line + unit if cjk or not line else f"{line} {unit}"
        if line and font(style.face).text_length(longer, style.size) > width:
            yield line
            line = unit
        else:
            line = longer
    yield line


def set_lines(canvas: Canvas, lines: Sequence[Line], x: float, top: float) -> float:
    """Sets lines one below the other, the first without its space before. Returns where they end."""
    y = top - lines[0].before
    for line in lines:
        y += line.height
        if line.mark:
            canvas.text(x + 2, y, line.mark, size=line.style.size, face=line.style.face, colour=BLUE)
        canvas.text(
            x + line.style.indent, y, line.text, size=line.style.size, face=line.style.face, colour=line.style.colour
        )
    return y


def halves(lines: Sequence[Line]) -> tuple[Sequence[Line], Sequence[Line]]:
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
class Grid:
    """A ruled table; columns from ``numbers_from`` on are set flush right."""

    left: float
    widths: tuple[float, ...]
    numbers_from: int

    def row(
        self,
        canvas: Canvas,
        top: float,
        cells: Sequence[str],
        spans: Sequence[int] | None = None,
        *,
        face: str = "helv",
        fill: Colour | None = None,
    ) -> float:
        """Draws one row, 19 points high, a cell over as many columns as its span says. Returns its foot."""
        x, column = self.left, 0
        for cell, span in zip(cells, spans or [1] * len(cells), strict=True):
            width = sum(self.widths[column : column + span])
            canvas.box((x, top, x + width, top + 19), fill=fill, line=GREY)
            room = width - 10 - font(face).text_length(cell, 8.5)
            shift = room / 2 if span > 1 else room if column >= self.numbers_from else 0
            canvas.text(x + 5 + shift, top + 13, cell, size=8.5, face=face)
            x, column = x + width, column + span
        return top + 19


def save_pdf(document: pymupdf.Document, path: Path, title: str, **options: int) -> None:
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
    file_id = pdf_id(path.name)
    document.xref_set_key(-1, "ID", f"[<{file_id}><{file_id}>]")
    path.write_bytes(document.tobytes(garbage=3, deflate=True, no_new_id=True, **options))
    document.close()


def letterhead(document: pymupdf.Document, markup: str, face: str = "helv hebo") -> Canvas:
    """A page of A4 under the company's letterhead; the caller finishes it."""
    canvas = Canvas(new_page(document, A4), "helv hebo" if face == "helv hebo" else f"helv hebo {face}")
    canvas.disc(82, 62, 9, SUN)
    canvas.text(98, 67, "Brightholm Solar", size=14, face="hebo", colour=BLUE)
    canvas.text(523, 67, "Deichstraße 14, 28195 Bremen", size=8.5, colour=GREY, align="right")
    canvas.box((72, 80, 523, 81), fill=BLUE)
    set_lines(canvas, lines_of(markup, 451, None if face == "helv hebo" else face), 72, 112)
    return canvas
