"""Whether a sentence goes on below in a script that has no small letters to tell: Han, kana, Arabic, Hebrew ... Pure.

 │    本规范适用于新建和改建的公路工程，其用地 │  reaches the column's far edge, and no sentence ends there
 │指标按下表的系数进行调整。                   │  begins at the column's near edge

A line reaches the far edge where the word the next line begins with had no room. Pages that run from right to left
are mirrored here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce

from ingestkit_core.boxes import around_boxes
from ingestkit_core.elements import Box

from ingestkit_pdf.values import Line, on_one_height

__all__ = ["goes_on_below"]

_ENDS = tuple("。．！？；：…‥⋯.!?;:؟؛۔।॥።།။។၊")
_CLOSING = "」』）】》〉”’\"'»)] "
_FIRST_WORD = re.compile("[^\\s\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]+")
"""What no line end may cut; between Han and kana it may stand anywhere."""
_LABEL = re.compile(
    r"[(（]?(?:\d{1,3}|[一二三四五六七八九十]{1,3})(?:[)）、．]|\.(?!\d))|第\w{1,4}[章节節条條]|[○◎◇◆□■△▲※・]"
)
_LEADERS = re.compile(r"(?:[.·…_]\s?){5}")
_NEARBY_LINES = 12
_LEAST_WIDTH_EMS = 12.0
_LEAST_ROOM_EMS = 2.0
_MOST_ROOM_RATIO = 0.25
_INDENT_EMS = 0.7
_MOST_GAP_RATIO = 1.8


def goes_on_below(lines: Sequence[Line], group: Sequence[int], index: int) -> bool:
    """Whether a line, of the size of the group of lines before it, goes on with their last sentence."""
    last, line = lines[group[-1]], lines[index]
    if line.bold != last.bold or not (line.upright and _is_caseless(line.text) and _is_caseless(last.text)):
        return False
    if last.text.rstrip(_CLOSING).endswith(_ENDS) or _LABEL.match(line.text) or _LEADERS.search(last.text):
        return False
    row = reduce(around_boxes, [lines[above].box for above in group if on_one_height(lines[above], last)], last.box)
    height = min(line.box[3] - line.box[1], row[3] - row[1])
    if not (row[1] + row[3]) / 2 <= line.box[1] <= row[3] + _MOST_GAP_RATIO * height:
        return False
    column = _column(lines, index, line, row)
    return (
        row[2] - row[0] >= _LEAST_WIDTH_EMS * line.size
        and line.box[0] - column[0] < _INDENT_EMS * line.size
        and column[2] - row[2] < _needed_room(line, column[2] - column[0])
    )


def _is_caseless(text: str) -> bool:
    """Whether at least half of the letters are neither small nor capital."""
    if text.isascii():
        return False
    letters = "".join(filter(str.isalpha, text))
    return 2 * sum(not (letter.islower() or letter.isupper()) for letter in letters) >= len(letters) > 0


def _column(lines: Sequence[Line], index: int, line: Line, row: Box) -> Box:
    """What the lines around, of one size and below or above these two, cover together."""
    left, right = min(row[0], line.box[0]), max(row[2], line.box[2])
    near = lines[max(0, index - _NEARBY_LINES) : index + _NEARBY_LINES]
    boxes = [other.box for other in near if other.size == line.size and other.box[0] < right and left < other.box[2]]
    return reduce(around_boxes, boxes)


def _needed_room(line: Line, width: float) -> float:
    """How wide the beginning of a line is that must not be cut, in points."""
    word = _FIRST_WORD.match(line.text)
    share = len(word[0]) / len(line.text) if word else 0.0
    needed = share * (line.box[2] - line.box[0]) + line.size / 2
    return min(max(needed, _LEAST_ROOM_EMS * line.size), _MOST_ROOM_RATIO * width)
