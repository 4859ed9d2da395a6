"""Leaders: the dots that lead the eye from a label to its values, and belong to neither. Pure.

Denmark . . . . . . 17      Denmark | 17
Spain. . . . . . . .51      Spain   | 51
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["leaders_of"]

_DOT = "[.·⋅‥…]"
_LEADER = re.compile(rf"(?<=\S)(?:(?:\s*{_DOT}){{2,}}|\s+{_DOT})\s*$")
_LONG = re.compile(rf"(?:\s*{_DOT}){{4,}}\s*$")
_FEWEST = 3


def leaders_of(labels: Iterable[str]) -> dict[str, str]:
    """The leader at the end of each label of one column that has any.

    Three labels must have one of four dots or more: a few dots may be a sentence left open. Of dots set apart, two
    that touch are the end of an abbreviation and a leader.
    """
    ends = {label: match[0] for label in labels if (match := _LEADER.search(label))}
    long = [label for label in ends if _LONG.search(label)]
    if len(long) < _FEWEST:
        return {}
    are_apart = any(". ." in ends[label] for label in long)
    return {label: end[1:] if are_apart and end.startswith("..") else end for label, end in ends.items()}
