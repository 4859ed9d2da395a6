"""Headings and their levels: from the outline where it names a line, else from fonts. Pure.

outline titles ─► lines on their pages ─► the styles of those lines, with levels
other lines    ─► those that look like headings           ─► levels by rank of their style
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.capitals import is_in_capitals
from ingestkit_pdf.extract.faces import Style, body_face
from ingestkit_pdf.extract.heads import heads_of
from ingestkit_pdf.extract.wording import WIDE_WORD
from ingestkit_pdf.values import Line, OutlineEntry

__all__ = ["Heading", "Style", "body_style", "find_headings"]

MAX_LEVEL = 6
_MIN_LETTERS = 2
_TITLE_LINES = 3
_RUNNING_WORDS = 5
_RUNNING_CHARACTERS = 200
_SAMPLE_LINES = 300


class Heading(NamedTuple):
    """A line of a heading: its level, 1 being the highest, and the index of the heading's first line."""

    level: int
    first: int


def body_style(pages: Iterable[Sequence[Line]]) -> Style:
    """The style most of the running text is set in, else most of all text; size 0 for no text at all.

    The cells of a large table, set smaller, may outweigh the text around it.
    """
    upright = [line for lines in pages for line in lines if line.upright]
    running: Counter[Style] = Counter()
    for line in upright[:: 1 + len(upright) // _SAMPLE_LINES]:
        text = line.text
        if text.count(" ") >= _RUNNING_WORDS - 1 or (
            not text.isascii() and len(WIDE_WORD.findall(text)) >= _RUNNING_WORDS
        ):
            running[line.size, line.bold] += line.characters
    weights = running
    if running.total() < _RUNNING_CHARACTERS:
        weights = Counter()
        for line in upright:
            weights[line.size, line.bold] += line.characters
    return max(weights, key=lambda style: (weights[style], -style[0], style[1]), default=(0.0, False))


def find_headings(
    pages: Mapping[int, Sequence[Line]],
    outline: Sequence[OutlineEntry],
    body: Style,
    config: PDFProcessorConfig,
) -> dict[int, dict[int, Heading]]:
    """For each page number the lines that are headings, by index."""
    by_outline = _from_outline(pages, outline)
    face = body_face(pages.values(), body)
    ratio = config.heading_min_font_size_ratio
    by_font = {number: heads_of(lines, body, face, ratio) for number, lines in pages.items()}
    by_font = _without_lone_faces(pages, by_font, body, ratio)
    levels = _levels(pages, by_outline, by_font)
    return {
        number: {
            index: Heading(levels[lines[index].size, lines[index].bold], group[0])
            for group in by_font[number]
            for index in group
        }
        | by_outline[number]
        for number, lines in pages.items()
    }


def _without_lone_faces(
    pages: Mapping[int, Sequence[Line]], by_font: Mapping[int, list[list[int]]], body: Style, ratio: float
) -> dict[int, list[list[int]]]:
    """The runs, but for those that are told by their face or their capitals only, where no line of the document that
    says something else is set like it.
    """

    def by_face(number: int, run: Sequence[int]) -> tuple[str, float] | None:
        line = pages[number][run[0]]
        told_otherwise = (
            line.size >= ratio * body[0] - 0.25 or (line.bold and not body[1]) or is_in_capitals(pages[number], run)
        )
        return None if told_otherwise else (line.font, line.size)

    said: dict[tuple[str, float] | None, set[str]] = defaultdict(set)
    for number, runs in by_font.items():
        for run in runs:
            said[by_face(number, run)].add(pages[number][run[0]].text)
    return {
        number: [run for run in runs if (style := by_face(number, run)) is None or len(said[style]) > 1]
        for number, runs in by_font.items()
    }


def _from_outline(
    pages: Mapping[int, Sequence[Line]], outline: Sequence[OutlineEntry]
) -> dict[int, dict[int, Heading]]:
    found: dict[int, dict[int, Heading]] = {number: {} for number in pages}
    by_page: dict[int, list[OutlineEntry]] = defaultdict(list)
    for entry in outline:
        if entry.page_number in pages:
            by_page[entry.page_number].append(entry)
    for number, entries in by_page.items():
        keys = [_key(line.text) for line in pages[number]]
        for entry in entries:
            title = _lines_of_title(keys, _key(entry.title), found[number])
            for index in title:
                found[number][index] = Heading(min(entry.level, MAX_LEVEL), title[0])
    return found


def _lines_of_title(keys: Sequence[str], title: str, taken: Container[int]) -> range:
    """The lines that make up a title together, with or without the number the outline or the page leaves out."""
    if len(title) < _MIN_LETTERS:
        return range(0)
    titles = {title, title.lstrip("0123456789") or title}
    for first in range(len(keys)):
        if first in taken or not keys[first]:
            continue
        joined = ""
        for last in range(first, min(first + _TITLE_LINES, len(keys))):
            joined += keys[last]
            if joined in titles or (joined.lstrip("0123456789") in titles and len(joined) > 2):
                return range(first, last + 1)
            if len(joined) > len(title) + 8:
                break
    return range(0)


def _key(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return "".join(filter(str.isalnum, text)).casefold()


def _levels(
    pages: Mapping[int, Sequence[Line]],
    by_outline: Mapping[int, Mapping[int, Heading]],
    by_font: Mapping[int, Sequence[Sequence[int]]],
) -> dict[Style, int]:
    """A level for every style of heading: the outline's where it uses the style, else by rank among the rest."""
    told: dict[Style, Counter[int]] = defaultdict(Counter)
    styles: set[Style] = set()
    for number, lines in pages.items():
        for index, heading in by_outline[number].items():
            told[lines[index].size, lines[index].bold][heading.level] += 1
        styles.update((lines[run[0]].size, lines[run[0]].bold) for run in by_font[number])
    levels: dict[Style, int] = {}
    level = 0
    for style in sorted(styles | set(told), key=lambda style: (-style[0], not style[1])):
        if style in told:
            level = max(told[style].items(), key=lambda item: (item[1], -item[0]))[0]
        else:
            level = min(level + 1, MAX_LEVEL)
        levels[style] = level
    return levels
