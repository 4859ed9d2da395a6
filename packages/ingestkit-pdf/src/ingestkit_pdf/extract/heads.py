"""The lines of a page that look like headings. Pure.

lines ─► runs set alike, one below the other ─► larger, bold, in capitals or in another face ─► alone, and read as one
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ingestkit_pdf.extract.capitals import heads_text, is_in_capitals
from ingestkit_pdf.extract.faces import Style, heads_by_face, is_title
from ingestkit_pdf.extract.wording import NUMBER, NUMBERED, reads_as_heading
from ingestkit_pdf.values import Ink, Line

__all__ = ["heads_of"]

_EMPHASIS_RATIO = 0.95
_CAPITALS_RATIO = 0.9
"""Capitals look larger than they are set."""
_CLOSE_RATIO = 0.4
_FAR_RATIO = 4.0
_NEARBY_LINES = 12
_MAX_LINES = 4
_RUNNING_WORDS = 5
_MAX_WORDS = 22
_MOST_TITLE_WORDS = 32
_APART_RATIO = 0.9
_SAME_EDGE_POINTS = 2.0
_EARLY_RATIO = 0.55
_WORD_GAP_EMS = 1.2


def heads_of(lines: Sequence[Line], body: Style, face: str, size_ratio: float) -> list[list[int]]:
    """Runs of lines that look like a heading: short, with letters, larger than the body, or by themselves and bold, in
    capitals or somewhat larger in another face.
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
        in_capitals = not large and (
            is_in_capitals(lines, run) or (first.size >= _CAPITALS_RATIO * body_size and heads_text(lines, run, body))
        )
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
        if reads_as_heading(text, large) and (large or (_stands_alone(lines, run) and not _is_cut(lines, run))):
            found.append(run)
    return found


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
    if NUMBERED.match(line.text) is not None and NUMBERED.match(lines[run[0]].text) is not None:
        return False
    return last.box[2] - last.box[0] >= _EARLY_RATIO * (right - last.box[0]) or not _ends_early(lines, run[-1], line)


def _is_beside(last: Line, line: Line) -> bool:
    return line.box[1] < (last.box[1] + last.box[3]) / 2 < line.box[3]


def _parts_labels(lines: Sequence[Line], run: Sequence[int]) -> bool:
    """Whether lines stand side by side, further apart than words: labels and what they say."""
    return any(
        _is_beside(lines[a], lines[b])
        and abs(lines[b].box[0] - lines[a].box[2]) > _WORD_GAP_EMS * lines[a].size
        and NUMBER.fullmatch(lines[a].text) is None
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
    if NUMBERED.match(lines[run[0]].text) is not None:
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
