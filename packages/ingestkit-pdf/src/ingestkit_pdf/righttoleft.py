"""Lines of right-to-left text whose parts MuPDF reports in another order than they are read in. Part of the document
room, without importing MuPDF.

MuPDF takes the order of the file and turns runs of letters round. Where a producer painted a line's words or its
punctuation in an order of its own, only where they stand tells how they are read:

    : ה ה ח ת י  ─► runs, each of characters that stand side by side ─► from right to left ─► ה ח ת י ה :
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from ingestkit_pdf.values import Line

__all__ = ["has_right_to_left", "with_parts_in_order"]

_FROM_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_BESIDE_EMS = 0.4
_SPACE_EMS = 0.15
_TURNED = str.maketrans("()[]{}", ")(][}{")
_STRAIGHT = 0.99
_NO_WIDTH_POINTS = 0.01


def has_right_to_left(lines: Iterable[Line]) -> bool:
    """Whether any line holds letters that run from right to left."""
    return any(not line.text.isascii() and _FROM_RIGHT.search(line.text) for line in lines)


def with_parts_in_order(blocks: Sequence[dict[str, Any]]) -> bool:
    """Put the spans of a text dictionary with characters ("rawdict") in the order they are read in; whether that
    changed any line.
    """
    mended = False
    for block in blocks:
        for line in block["lines"]:
            if line["wmode"] == 0 and line["dir"][0] > _STRAIGHT and _is_from_right(line["spans"]):
                ordered = _in_order(line["spans"])
                if ordered is not None:
                    line["spans"], mended = ordered, True
    return mended


def _is_from_right(spans: Sequence[dict[str, Any]]) -> bool:
    letters = [one["c"] for span in spans for one in span["chars"] if one["c"].isalpha()]
    return 2 * sum(_FROM_RIGHT.match(letter) is not None for letter in letters) > len(letters)


@dataclass(slots=True)
class _Run:
    """Characters that stand side by side in the order they are reported in, each with its span. ``to_right``: it reads
    from left to right; None as long as it is a single mark.
    """

    characters: list[tuple[dict[str, Any], dict[str, Any]]]
    to_right: bool | None

    @property
    def left(self) -> float:
        return float(min(one["bbox"][0] for one, _ in self.characters))

    @property
    def right(self) -> float:
        return float(max(one["bbox"][2] for one, _ in self.characters))


def _in_order(spans: Sequence[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The spans as they are read; None where they are in order."""
    runs: list[_Run] = []
    for span in spans:
        for one in span["chars"]:
            if not runs or not _goes_on(runs[-1], one, span["size"]):
                runs.append(_Run([], _direction(one["c"])))
            runs[-1].characters.append((one, span))
    ordered: list[_Run] = []
    from_right = sorted(runs, key=lambda run: -(run.left + run.right))
    for to_right, group in groupby(from_right, key=lambda run: run.to_right is True):
        together = list(group)
        ordered += reversed(together) if to_right else together
    turns = _are_turned([one["c"] for run in ordered for one, _ in run.characters])
    if not turns and all(a is b for a, b in zip(runs, ordered, strict=True)):
        return None
    return _as_spans(ordered, turns=turns)


def _direction(text: str) -> bool | None:
    if _FROM_RIGHT.match(text):
        return False
    return True if text.isalnum() else None


def _goes_on(run: _Run, one: dict[str, Any], size: float) -> bool:
    """Whether a character stands right beside the last one of a run, on the side to which the run reads."""
    direction, slack = _direction(one["c"]), _BESIDE_EMS * size
    last = run.characters[-1][0]["bbox"]
    if _is_part_of_glyph(one, last):
        return True
    follows = {False: abs(one["bbox"][2] - last[0]) <= slack, True: abs(one["bbox"][0] - last[2]) <= slack}
    ways = [way for way in (False, True) if follows[way] and run.to_right in (way, None) and direction in (way, None)]
    if not ways:
        return False
    if run.to_right is None and (direction is not None or len(run.characters) > 1):
        run.to_right = ways[0] if direction is None else direction
    return True


def _is_part_of_glyph(one: dict[str, Any], last: Sequence[float]) -> bool:
    """Whether a character is a mark on the one before it, or the further letter of a ligature, which has no width."""
    x0, _, x1, _ = one["bbox"]
    if unicodedata.combining(one["c"]):
        return True
    return bool(x1 - x0 < _NO_WIDTH_POINTS and min(abs(x0 - last[0]), abs(x0 - last[2])) < _NO_WIDTH_POINTS)


def _as_spans(runs: Sequence[_Run], *, turns: bool) -> list[dict[str, Any]]:
    """Spans of the runs' characters, a space where they stand apart, brackets turned where ``turns``."""
    spans: list[dict[str, Any]] = []
    for run, following in pairwise([*runs, None]):
        assert run is not None
        for _, group in groupby(run.characters, key=lambda pair: id(pair[1])):
            pairs = list(group)
            left, top, right, bottom = zip(*(one["bbox"] for one, _ in pairs), strict=True)
            box = min(left), min(top), max(right), max(bottom)
            characters = [one | {"c": one["c"].translate(_TURNED)} if turns else one for one, _ in pairs]
            spans.append(pairs[0][1] | {"chars": characters, "bbox": box})
        if following is not None and _gap(run, following) > _SPACE_EMS * spans[-1]["size"]:
            spans[-1]["chars"].append(spans[-1]["chars"][-1] | {"c": " "})
    return spans


def _gap(run: _Run, other: _Run) -> float:
    return max(run.left, other.left) - min(run.right, other.right)


def _are_turned(letters: Sequence[str]) -> bool:
    """Whether brackets close before they open: they are named after how they look."""
    marks = "".join([letter for letter in letters if letter in "()[]{}"])
    return not _is_balanced(marks) and _is_balanced(marks.translate(_TURNED))


def _is_balanced(marks: str) -> bool:
    depth = 0
    for mark in marks:
        depth += 1 if mark in "([{" else -1
        if depth < 0:
            return False
    return depth == 0
