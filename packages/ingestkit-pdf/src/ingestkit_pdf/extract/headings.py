"""Headings and their levels: from the outline where it names a line, else from fonts. Pure.

outline titles ─► lines on their pages ─► the styles of those lines, with levels
other lines    ─► larger than the body, or bold and alone ─► levels by rank of their style
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from ingestkit_core.language import WIDE

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.extract.captions import is_caption
from ingestkit_pdf.extract.faces import Style, body_face, heads_by_face, is_title
from ingestkit_pdf.values import Ink, Line, OutlineEntry

__all__ = ["WORD", "Heading", "Style", "body_style", "find_headings"]

MAX_LEVEL = 6
_EMPHASIS_RATIO = 0.95
_CLOSE_RATIO = 0.4
_FAR_RATIO = 4.0
_NEARBY_LINES = 12
_MAX_CHARACTERS = 200
_MAX_LINES = 4
_MIN_LETTERS = 2
_TITLE_LINES = 3
_RUNNING_WORDS = 5
_RUNNING_CHARACTERS = 200
_SAMPLE_LINES = 300
_SENTENCE_WORDS = 9
_MAX_WORDS = 22
_MOST_TITLE_WORDS = 32
_LABEL_WORDS = 3
_APART_RATIO = 0.9
_SAME_EDGE_POINTS = 2.0
_EARLY_RATIO = 0.55
_WORD_GAP_EMS = 1.2


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
            not text.isascii() and len(_WIDE_WORD.findall(text)) >= _RUNNING_WORDS
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
    by_font = {number: _from_fonts(lines, body, face, ratio) for number, lines in pages.items()}
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
    """The runs, but for those that are told by their face only, where no other line of the document is set like it."""

    def by_face(number: int, run: Sequence[int]) -> tuple[str, float] | None:
        line = pages[number][run[0]]
        told_otherwise = (
            line.size >= ratio * body[0] - 0.25 or (line.bold and not body[1]) or _is_in_capitals(pages[number], run)
        )
        return None if told_otherwise else (line.font, line.size)

    used = Counter(by_face(number, run) for number, runs in by_font.items() for run in runs)
    return {
        number: [run for run in runs if (style := by_face(number, run)) is None or used[style] > 1]
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


def _from_fonts(lines: Sequence[Line], body: Style, face: str, size_ratio: float) -> list[list[int]]:
    """Runs of lines that look like a heading: short, with letters, larger than the body, or by themselves and bold or
    somewhat larger in another face.
    """
    body_size, body_bold = body
    if not body_size:
        return []
    # Sizes are rounded to halves, so a quarter is no difference.
    large_from, small_from = size_ratio * body_size - 0.25, _EMPHASIS_RATIO * body_size
    found: list[list[int]] = []
    for run in _runs_of_style(lines):
        first = lines[run[0]]
        large = first.size >= large_from
        in_capitals = not large and _is_in_capitals(lines, run)
        is_bold = first.bold and not body_bold and first.size >= small_from
        if not (large or in_capitals or is_bold or heads_by_face(lines, run, body_size, face)):
            continue
        # What OCR left behind a picture has sizes, but they were guessed.
        if len(run) > _MAX_LINES or not first.upright or first.ink is Ink.INVISIBLE:
            continue
        if len(run) > 1 and _parts_labels(lines, run):
            continue
        text = " ".join(lines[index].text for index in run)
        if text.count(" ") >= (_MOST_TITLE_WORDS if is_title(lines, first, body_size) else _MAX_WORDS):
            continue
        if _reads_as_heading(text, large) and (large or (_stands_alone(lines, run) and not _is_cut(lines, run))):
            found.append(run)
    return found


def _is_in_capitals(lines: Sequence[Line], run: Sequence[int]) -> bool:
    """Whether a numbered line is set in capitals over text that is not: ``IV. RESULTS``."""
    text = " ".join(lines[index].text for index in run)
    if not text.isupper() or _NUMBERED.match(text) is None or len(WORD.findall(text)) < 2:
        return False
    following = lines[run[-1] + 1].text if run[-1] + 1 < len(lines) else ""
    return following != "" and (not following.isupper() or len(following) == 1)


def _runs_of_style(lines: Sequence[Line]) -> list[list[int]]:
    """Consecutive lines in one style that stand below each other as a heading's lines do."""
    runs: list[list[int]] = []
    last: Line | None = None
    right = max((line.box[2] for line in lines), default=0.0)
    for index, line in enumerate(lines):
        if (
            last is not None
            and last.size == line.size
            and last.bold == line.bold
            and (last.block == line.block or _follows(last, line))
            and _goes_on(lines, runs[-1], line, right)
        ):
            runs[-1].append(index)
        else:
            runs.append([index])
        last = line
    return runs


def _follows(last: Line, line: Line) -> bool:
    """Whether a line of another block stands right below the last one: a title is often one block a line."""
    gap = line.box[1] - last.box[3]
    return -_CLOSE_RATIO * line.size < gap < _CLOSE_RATIO * line.size and (
        line.box[0] < last.box[2] and last.box[0] < line.box[2]
    )


def _goes_on(lines: Sequence[Line], run: Sequence[int], line: Line, right: float) -> bool:
    """Whether a line may belong to the heading before it, rather than be another heading. No line ends right of
    ``right``.
    """
    last = lines[run[-1]]
    if _is_beside(last, line):
        return True
    if line.box[1] - last.box[3] > _APART_RATIO * line.size or last.text.isupper() > line.text.isupper():
        return False
    if _NUMBERED.match(line.text) is not None and _NUMBERED.match(lines[run[0]].text) is not None:
        return False
    return last.box[2] - last.box[0] >= _EARLY_RATIO * (right - last.box[0]) or not _ends_early(lines, run[-1], line)


def _is_beside(last: Line, line: Line) -> bool:
    return line.box[1] < (last.box[1] + last.box[3]) / 2 < line.box[3]


def _parts_labels(lines: Sequence[Line], run: Sequence[int]) -> bool:
    """Whether lines stand side by side, further apart than words: labels and what they say."""
    return any(
        _is_beside(lines[a], lines[b])
        and abs(lines[b].box[0] - lines[a].box[2]) > _WORD_GAP_EMS * lines[a].size
        and _NUMBER.fullmatch(lines[a].text) is None
        for a, b in pairwise(run)
    )


def _ends_early(lines: Sequence[Line], index: int, line: Line) -> bool:
    """Whether a line ends long before the lines set under it do, and the next begins anew: two headings."""
    last = lines[index]
    if abs(last.box[0] - line.box[0]) > _SAME_EDGE_POINTS or line.text[0].islower():
        return False
    near = lines[max(0, index - _NEARBY_LINES) : index + _NEARBY_LINES]
    right = max(other.box[2] for other in near if abs(other.box[0] - last.box[0]) <= _SAME_EDGE_POINTS)
    return last.box[2] - last.box[0] < _EARLY_RATIO * (right - last.box[0])


_SENTENCE_END = re.compile(r"[.;,:!]$")
_WIDE_WORD = re.compile(f"[{WIDE}]{{2}}")
WORD = re.compile(f"[^\\W\\d_]{{3}}|[{WIDE}]{{2}}")
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)*|[A-Z]|[IVX]+)[.):]?")
_NO_HEADING = re.compile(r"@\w|https?:|www\.|(?:[.·…_]\s?){5}")
"""Addresses, and the leaders of contents."""
_NUMBERED = re.compile(r"^(?:\d+(?:\.\d+)*\.?|[A-Z]\.|[IVX]+\.)\s+\S")


def _reads_as_heading(text: str, large: bool) -> bool:
    if len(text) > _MAX_CHARACTERS or WORD.search(text) is None:
        return False
    if _NO_HEADING.search(text) is not None or is_caption(text, len(text)):
        return False
    if large:
        return not text.endswith((",", ";")) and not _is_sentence(text)
    if text.endswith(":") and text.count(" ") >= _LABEL_WORDS:
        return True
    return _SENTENCE_END.search(text) is None or (_NUMBERED.match(text) is not None and len(text) < 100)


def _is_sentence(text: str) -> bool:
    """Whether it is a whole sentence, or several: large text, and no heading."""
    return text.endswith((".", "。")) and (len(text.split()) >= _SENTENCE_WORDS or "。" in text[:-1])


def _stands_alone(lines: Sequence[Line], run: Sequence[int]) -> bool:
    """Whether nothing stands beside the lines: a bold cell of a table or a bold run-in is no heading.

    One line far away is another column's.
    """
    first, last = lines[run[0]].box, lines[run[-1]].box
    left, right = min(first[0], last[0]), max(first[2], last[2])
    beside = 0
    for index in range(max(0, run[0] - _NEARBY_LINES), min(len(lines), run[-1] + _NEARBY_LINES + 1)):
        box = lines[index].box
        if run[0] <= index <= run[-1] or not first[1] < (box[1] + box[3]) / 2 < last[3]:
            continue
        beside += 1
        if beside > 1 or max(box[0] - right, left - box[2]) < _FAR_RATIO * lines[run[0]].size:
            return False
    return True


def _is_cut(lines: Sequence[Line], run: Sequence[int]) -> bool:
    """Whether the sentence of the last line goes on below: a paragraph of which a part is bold.

    What is numbered is a heading, and the text below it may begin small.
    """
    if _NUMBERED.match(lines[run[0]].text) is not None:
        return False
    last, below = lines[run[-1]], lines[run[-1] + 1 : run[-1] + 2]
    return any(
        line.block == last.block
        and line.size == last.size
        and line.text[0].islower()
        and last.text.count(" ") >= _RUNNING_WORDS
        and 0 < line.box[1] - last.box[1] < 2 * last.size
        and last.box[2] > line.box[2] - _FAR_RATIO * last.size
        for line in below
    )


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
