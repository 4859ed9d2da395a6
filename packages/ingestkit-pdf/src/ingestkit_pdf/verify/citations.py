"""Every citation of a document re-read: the characters in the cited boxes against what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ingestkit_core.elements import Box, CellRange, PageBox, visible_length
from ingestkit_core.errors import ParseError
from ingestkit_core.findings import Findings, LastFew
from ingestkit_core.verification import (
    MIN_SHARE,
    Passage,
    Request,
    Rows,
    UnitCount,
    Verification,
    bytes_to_verify,
    measure,
    questions_in,
    tokens_of,
)

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.verify.characters import Character
from ingestkit_pdf.verify.pages import PageText, PdfiumFile

__all__ = ["verify"]

_PAGES_KEPT = 16
_MIN_DISAGREEMENT = 20
_REPEATING = ("table",)
"""Kinds of chunks that say a text again on purpose: a heading over several columns, a cell over several rows."""


def verify(file_path: str, config: dict[str, Any], request: Request) -> Verification:
    """Re-read the citations of one file. Raises SourceError and ParseError."""
    settings = PDFProcessorConfig.model_validate(config)
    with PdfiumFile(bytes_to_verify(file_path, request), Path(file_path).name) as file:
        pages = LastFew(file.page, _PAGES_KEPT)
        reading = _Reading(pages, shows_text=request.shows_text)
        for question in questions_in(request.questions):
            reading.answer(question)
        counts = tuple(_disagreements(pages, request, settings.max_unexplained_ratio))
    return reading.verification(
        len(request.came_in), counts, area_ratio=median(reading.ratios) if reading.ratios else None
    )


_Pages = LastFew[int, PageText]


@dataclass(frozen=True, slots=True)
class _Place:
    """What stands in the cited boxes. ``optional`` may be cited and need not be: hidden text, the names of fields."""

    text: str = ""
    optional: str = ""
    cited_area: float = 0.0
    line_area: float = 0.0
    characters: int = 0
    unmapped: int = 0
    has_lost: bool = False

    @property
    def is_readable(self) -> bool:
        """Whether pdfium knows nearly all of its characters: what it does not know it cannot compare."""
        return not self.has_lost and self.unmapped <= (1 - MIN_SHARE) * self.characters


class _Reading(Findings):
    def __init__(self, pages: _Pages, *, shows_text: bool) -> None:
        super().__init__(shows_text=shows_text)
        self.ratios: list[float] = []
        self._pages = pages

    def check_passage(self, passage: Passage) -> None:
        place = self._place(passage.locations)
        if not place.is_readable:
            self.leave_unread()
            return
        if place.line_area > 0:
            self.ratios.append(place.cited_area / place.line_area)
        there, optional = place.text, place.optional
        if passage.content_type == "note":
            # What a note is about need not be said by it.
            there, optional = "", f"{there} {optional}"
        found = measure(
            tokens_of(passage.text),
            tokens_of(there),
            tokens_of(optional),
            repeats=passage.content_type in _REPEATING,
        )
        self.found_of_passage(passage, found, there)

    def check_rows(self, rows: Rows) -> None:
        for number, values, location in rows.rows:
            locations = location if isinstance(location, tuple) else (location,)
            place = self._place(locations)
            if not place.is_readable:
                self.leave_unread()
                continue
            stored = " ".join(str(value) for value in values if value is not None)
            found = measure(
                _numbers_and_words(stored),
                _numbers_and_words(place.text),
                _numbers_and_words(place.optional),
                repeats=True,
            )
            self.found_of_row(f"{rows.table} row {number}", locations, found, stored, place.text)

    def _place(self, locations: Iterable[PageBox | CellRange]) -> _Place:
        boxes: dict[int, list[Box]] = {}
        for location in locations:
            assert isinstance(location, PageBox)
            boxes.setdefault(location.page_number, []).append(location.box)
        parts = [_look(self._pages[number], cited) for number, cited in boxes.items()]
        return _Place(
            " ".join(part.text for part in parts),
            " ".join(part.optional for part in parts),
            sum(part.cited_area for part in parts),
            sum(part.line_area for part in parts),
            sum(part.characters for part in parts),
            sum(part.unmapped for part in parts),
            any(part.has_lost for part in parts),
        )


def _look(page: PageText, boxes: Sequence[Box]) -> _Place:
    """What stands in some boxes of a page. A field's value stands for what is painted in the field, which may be said
    too: they differ where a value is shown in another form. Where all is painted without ink it is what a person reads
    there: the text of a scan.
    """
    inscriptions = [one for one in page.inscriptions if _is_inside(one.middle, boxes)]
    fields = [one.box for one in inscriptions if one.is_field]
    inside = [one for one in page.characters if _is_inside((one.x, one.y), boxes)]
    outside = [one for one in inside if not fields or not _is_inside((one.x, one.y), fields)]
    in_fields = [one for one in inside if _is_inside((one.x, one.y), fields)] if fields else []
    seen = [one for one in outside if not one.hidden]
    unseen = [one for one in outside if one.hidden] if seen else []
    values = [one.text for one in inscriptions if one.is_field]
    optional = [one.text for one in inscriptions if not one.is_field]
    optional += [name for one in inscriptions for name in one.names]
    return _Place(
        " ".join((_read(seen or outside), *values)),
        " ".join((_read(unseen), _read(in_fields), *optional)),
        sum(map(_area, boxes)),
        sum(map(_area, _lines(inside))),
        len(inside),
        sum(one.unmapped for one in inside),
        any(_is_inside((box[0], (box[1] + box[3]) / 2), boxes) for box in page.lost),
    )


def _read(characters: Iterable[Character]) -> str:
    """Characters as text; what does not follow directly is a new word."""
    parts: list[str] = []
    last = None
    for character in characters:
        if character.apart or last is None or character.number != last + 1:
            parts.append(" ")
        parts.append(character.text)
        last = character.number
    return "".join(parts)


def _lines(characters: Iterable[Character]) -> Iterator[Box]:
    """The boxes of lines: of characters that follow each other on one height."""
    line: Box | None = None
    for character in characters:
        box = character.loose
        if line is not None and line[1] < character.y < line[3] and abs(box[0] - line[2]) < box[3] - box[1]:
            line = min(line[0], box[0]), min(line[1], box[1]), max(line[2], box[2]), max(line[3], box[3])
        else:
            if line is not None:
                yield line
            line = box
    if line is not None:
        yield line


def _is_inside(point: tuple[float, float], boxes: Iterable[Box]) -> bool:
    x, y = point
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in boxes)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


_NUMBER = re.compile(r"[-−–+]?\d[\d,]*(?:\.\d+)?|\.\d+")


def _numbers_and_words(text: str) -> list[str]:
    """Tokens, with numbers by their value: a typed column holds 1234.5 for 1,234.50."""
    numbers = [f"{float(number.translate(_PLAIN)):.15g}" for number in _NUMBER.findall(text)]
    return [*numbers, *tokens_of(_NUMBER.sub(" ", text))]


_PLAIN = str.maketrans({",": None, "−": "-", "–": "-"})


def _disagreements(pages: _Pages, request: Request, max_ratio: float) -> Iterator[UnitCount]:
    """Pages of which pdfium counts more or fewer visible characters than the ledger."""
    for unit, came_in in request.came_in.items():
        try:
            counted = _count(pages[int(unit.removeprefix("page "))])
        except ParseError:
            counted = 0
        if abs(counted - came_in) > max(_MIN_DISAGREEMENT, max_ratio * counted):
            yield UnitCount(unit, came_in, counted)


def _count(page: PageText) -> int:
    """Visible characters of a page: painted, and besides those what fields hold and notes say."""
    painted = "".join(character.text for character in page.characters)
    on_page = _squeezed(painted)
    count = visible_length(painted)
    for one in page.inscriptions:
        if one.is_field:
            there = _squeezed("".join(c.text for c in page.characters if _is_inside((c.x, c.y), [one.box])))
            count += visible_length(one.text) if _squeezed(one.text) not in there else 0
        elif _squeezed(one.text) not in on_page:
            count += visible_length(one.text)
    return count


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()
