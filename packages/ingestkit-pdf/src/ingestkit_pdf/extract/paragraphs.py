"""Which of a page's lines belong together: the lines of a heading, a paragraph or a list item. Pure.

MuPDF's blocks are the beginning. A block is parted where a gap, a bullet or another column shows; blocks are
joined where a list item goes on under itself, or a sentence in small letters or in a script without them.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingestkit_pdf.extract.captions import is_caption
from ingestkit_pdf.extract.caseless import goes_on_below
from ingestkit_pdf.extract.headings import Heading
from ingestkit_pdf.values import Line, on_one_height

__all__ = ["Group", "groups_of"]

_BULLET = re.compile(r"^[•‣⁃∙●○◦■□▪▫◆◇❖➢➤►▶✓✔☐☑☒❑◻·*–—−-](?:\s|$)")
_ENUMERATOR = re.compile(
    r"^(?:\((?P<inner>\d{1,3}|[a-z]{1,5})\)|(?P<outer>\d{1,3}|[a-z]|[ivx]{1,5})[.)])(?:\s+\S|$)", re.IGNORECASE
)
_LABEL = re.compile(r"[^\w\s]|\(\w{1,5}\)|\w{1,5}[.)]")
_SENTENCE_END = (".", "!", "?", ":", ";", "。", "！", "？", "…", '."', ".”", ".)", "?”", "!”")
_GAP_RATIO = 0.75
_GAP_GROWTH = 1.8
_CLOSE_RATIO = 0.9
_HANGING_EMS = 8.0
_LONG_LINE = 20
_DROP_CAP_RATIO = 1.6
_SPACE_EMS = 0.5
_LEAST_INDENT_EMS = 0.7
_MOST_INDENT_EMS = 5.0
_CENTRED_POINTS = 2.0


@dataclass(slots=True)
class Group:
    """Lines, by index, that are one element. ``has_drop_cap``: the first is the first letter of the second."""

    lines: list[int]
    is_item: bool = False
    has_drop_cap: bool = False


def groups_of(lines: Sequence[Line], headings: Mapping[int, Heading]) -> list[Group]:
    """Runs of lines that are one element."""
    marked = _list_marks(lines, headings)
    groups: list[Group] = []
    for index, line in enumerate(lines):
        heading = headings.get(index)
        last = groups[-1] if groups else None
        if last is None or index in marked:
            goes_on = False
        elif heading is not None:
            goes_on = heading.first != index
        elif last.lines[0] in headings:
            goes_on = False
        elif _is_drop_cap(lines, last, line):
            goes_on = last.has_drop_cap = True
        else:
            goes_on = _goes_on(lines, last, index)
        if last is not None and goes_on:
            last.lines.append(index)
        else:
            groups.append(Group([index], index in marked))
    return groups


def _goes_on(lines: Sequence[Line], group: Group, index: int) -> bool:
    """Whether a line belongs to the group before it."""
    line, last = lines[index], lines[group.lines[-1]]
    if len(line.text) == 1 and line.size >= _DROP_CAP_RATIO * last.size and line.text.isupper():
        return False
    if last.block == line.block:
        return not (_parted(lines, group, index) or _is_indented(lines, group, index) or _ends_item(lines, group, line))
    if len(group.lines) == 1 and group.is_item and _LABEL.fullmatch(last.text) and on_one_height(last, line):
        return True
    if last.size != line.size or last.upright != line.upright:
        return False
    if group.is_item and _hangs_below(lines[group.lines[0]], last, line):
        return True
    if _is_centred_below(last, line) and is_caption(lines[group.lines[0]].text, last.characters):
        return True
    return _runs_on(last, line) or _is_mid_sentence(last, line) or goes_on_below(lines, group.lines, index)


def _runs_on(last: Line, line: Line) -> bool:
    """Whether a line is the rest of the one before it, no more than a space away: blocks end within lines, too."""
    gap = line.box[0] - last.box[2]
    return line.upright and on_one_height(last, line) and abs(gap) < _SPACE_EMS * line.size


def _gap(last: Line, line: Line) -> float:
    """The room between two lines as a multiple of the lower one's height."""
    height = min(line.box[3] - line.box[1], last.box[3] - last.box[1])
    return (line.box[1] - last.box[3]) / height if height > 0 else 0.0


def _parted(lines: Sequence[Line], group: Group, index: int) -> bool:
    """Whether a gap parts a line from the one before it in the same block, wider than the block's lines have it."""
    line, last = lines[index], lines[group.lines[-1]]
    gap = _gap(last, line)
    if gap < _GAP_RATIO or not line.upright:
        return False
    if len(group.lines) > 1:
        usual = _gap(lines[group.lines[-2]], last)
    elif index + 1 < len(lines) and lines[index + 1].block == line.block:
        usual = _gap(line, lines[index + 1])
    else:
        return False
    return gap > _GAP_GROWTH * max(usual, 0.2)


def _is_indented(lines: Sequence[Line], group: Group, index: int) -> bool:
    """Whether a line begins a paragraph: set in after the end of a sentence, while the next line is not."""
    line, last = lines[index], lines[group.lines[-1]]
    indent = line.box[0] - last.box[0]
    if not _LEAST_INDENT_EMS * line.size < indent < _MOST_INDENT_EMS * line.size or group.is_item:
        return False
    if not last.text.endswith(_SENTENCE_END) or line.text[0].islower() or _gap(last, line) < -_CLOSE_RATIO:
        return False
    following = lines[index + 1] if index + 1 < len(lines) else None
    return following is None or following.block != line.block or line.box[0] - following.box[0] > indent / 2


def _ends_item(lines: Sequence[Line], group: Group, line: Line) -> bool:
    """Whether a line begins what comes after a list item: further out than the item's text, after a sentence's end.

    An item whose text runs on below its mark goes on there; a caption does not go on with the mark of a picture's part.
    """
    if not group.is_item or not line.upright:
        return False
    first, last = lines[group.lines[0]], lines[group.lines[-1]]
    if on_one_height(last, line):
        return False
    if is_caption(line.text, line.characters):
        return True
    if not last.text.endswith(_SENTENCE_END) or line.text[0].islower():
        return False
    hangs = not on_one_height(first, last) and not on_one_height(lines[group.lines[-2]], last)
    return hangs and last.box[0] - line.box[0] > _LEAST_INDENT_EMS * line.size


def _hangs_below(first: Line, last: Line, line: Line) -> bool:
    """Whether a line stands right below a list item's last one, as far in as the item's text."""
    indent = line.box[0] - first.box[0]
    return (
        -_CLOSE_RATIO < _gap(last, line) < _CLOSE_RATIO
        and 0.3 * line.size < indent < _HANGING_EMS * line.size
        and line.bold == last.bold
    )


def _is_centred_below(last: Line, line: Line) -> bool:
    """Whether a line stands right below the middle of one that ends no sentence, in its face."""
    return (
        line.font == last.font
        and abs(line.box[0] + line.box[2] - last.box[0] - last.box[2]) < _CENTRED_POINTS
        and -_CLOSE_RATIO < _gap(last, line) < _CLOSE_RATIO
        and not last.text.endswith(_SENTENCE_END)
    )


def _is_mid_sentence(last: Line, line: Line) -> bool:
    """Whether a sentence goes on from one line to the next: below it, or on top of the column to the right."""
    if line.bold != last.bold or len(last.text) < _LONG_LINE or not line.text[0].islower():
        return False
    if last.text.endswith(_SENTENCE_END) or _ENUMERATOR.match(line.text):
        return False
    if line.box[0] < last.box[2] and last.box[0] < line.box[2]:
        return -_CLOSE_RATIO < _gap(last, line) < 2 * _CLOSE_RATIO
    return line.box[0] >= last.box[2] and line.box[1] < last.box[1] and len(line.text) >= _LONG_LINE


def _is_drop_cap(lines: Sequence[Line], group: Group, line: Line) -> bool:
    """Whether a group is one large letter that a line beside its upper half goes on."""
    if len(group.lines) != 1 or len(lines[group.lines[0]].text) != 1:
        return False
    letter = lines[group.lines[0]]
    return (
        letter.text.isupper()
        and letter.size >= _DROP_CAP_RATIO * line.size > 0
        and line.text[0].isalpha()
        and letter.box[1] - line.size < line.box[1] < (letter.box[1] + letter.box[3]) / 2
        and -1.0 < line.box[0] - letter.box[2] < 2 * line.size
    )


def _list_marks(lines: Sequence[Line], headings: Container[int]) -> frozenset[int]:
    """The lines that begin a list item: with a bullet, or with a number or letter that counts on or is counted on."""
    marks: set[int] = set()
    counted: list[tuple[int, int]] = []
    stars: list[int] = []
    for index, line in enumerate(lines):
        if index in headings or not line.upright:
            continue
        if _BULLET.match(line.text):
            if line.text[0] == "*":
                stars.append(index)
            else:
                marks.add(index)
        elif (match := _ENUMERATOR.match(line.text)) and not _numbers_an_equation(lines, index):
            counted.append((index, _ordinal(match["inner"] or match["outer"])))
    for (index, number), (following, successor) in pairwise(counted):
        if successor == number + 1:
            marks.update((index, following))
    if len(stars) > 1 and 2 * sum(lines[index].text.endswith(":") for index in stars) <= len(stars):
        # A star by itself marks a remark; before labels it marks the fields of a form that must be filled in.
        marks.update(stars)
    return frozenset(marks)


def _numbers_an_equation(lines: Sequence[Line], index: int) -> bool:
    """Whether a label stands by itself with nothing to its right."""
    line = lines[index]
    if _LABEL.fullmatch(line.text) is None or index + 1 == len(lines):
        return _LABEL.fullmatch(line.text) is not None
    following = lines[index + 1]
    return not (on_one_height(line, following) and following.box[0] >= line.box[2] - 1) and (
        following.block != line.block
    )


def _ordinal(label: str) -> int:
    return int(label) if label.isdigit() else sum(map(ord, label.lower()))
