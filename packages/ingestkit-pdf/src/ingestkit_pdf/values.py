"""What the document room hands to everything above it: plain values that name no PDF engine.

    Facts       what the file says about itself
    Page        one page: its lines, and what was looked at besides
    └── Line    one line of text in one state of ink

Boxes are (x0, y0, x1, y1) in points from the top left of the page as it is displayed: after its crop box and
its rotation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from ingestkit_core.elements import Box

__all__ = [
    "Annotations",
    "Backdrop",
    "Drawings",
    "Facts",
    "Field",
    "Ink",
    "Inset",
    "Line",
    "Note",
    "OutlineEntry",
    "Page",
    "on_one_height",
    "overlap_ratio",
]


class Ink(IntEnum):
    """How a line was painted, as far as the file says; whether it can be seen is judged later."""

    PAINTED = 0
    INVISIBLE = 1
    """Neither filled nor stroked, or fully transparent."""
    CLIP = 2
    """Used as a clipping path: seen where something is painted through it."""
    PALE = 3
    """White, or nearly: seen where something dark lies under it."""
    TINY = 4
    """Smaller than a point."""


# A tuple, because a document has tens of thousands of lines and a frozen dataclass takes four times as long
# to make.
class Line(NamedTuple):
    """One line of text.

    ``characters`` counts its visible characters (non-white-space, NFKC), ``unreadable`` those without
    meaning: no mapping to Unicode, private use, control characters. ``block`` numbers the engine's text
    blocks within the page, from 0. ``size`` is the font size of most of the line, to half points.
    ``upright`` is false for text that runs up, down or aslant on the page as displayed.
    """

    text: str
    box: Box
    characters: int
    block: int
    size: float
    font: str
    bold: bool
    upright: bool = True
    ink: Ink = Ink.PAINTED
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Field:
    """A form field that holds a value. ``hidden`` fields are shown to nobody."""

    name: str
    value: str
    box: Box
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote into an annotation. ``painted`` ones show their text on the page by themselves."""

    text: str
    box: Box
    painted: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a page's annotations say. ``field_count`` counts empty fields too.

    ``unsigned`` are places for a signature that the file leaves empty.
    """

    fields: tuple[Field, ...] = ()
    field_count: int = 0
    notes: tuple[Note, ...] = ()
    unsigned: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What is painted on a page besides its text.

    ``images`` are pictures, ``fills`` everything else that is painted in a colour other than white,
    shadings too; ``marks`` counts all painting operations that are not text.
    """

    images: tuple[Box, ...]
    fills: tuple[Box, ...]
    marks: int


@dataclass(frozen=True, slots=True)
class Drawings:
    """What is drawn on a page and parallel to its edges.

    ``strokes`` are thin: lines, borders and narrow rectangles as boxes, possibly of no width or height.
    ``fills`` are rectangles painted in a colour other than white, each with a number for its colour.
    """

    strokes: tuple[Box, ...] = ()
    fills: tuple[tuple[Box, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Inset:
    """A large picture on a page, or several that adjoin, in which none of the page's own text lies.

    ``digest`` is of what the file holds of it: equal ones show the same. Empty where it is not known.
    """

    box: Box
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page. ``number`` is 1-based, sizes are points as displayed, ``rotation`` is degrees.

    ``unprinted`` counts control characters that were taken out of the text; ``backdrop`` is None where it
    was not looked at (an ordinary page of text), ``annotations`` where they could not be read, ``drawings``
    where nobody asked for them, they are too many or, as ``drawings_unreadable`` says, they could not be read.
    ``insets`` are looked for where somebody asks for them and there is text.
    """

    number: int
    width: float
    height: float
    rotation: int
    lines: Sequence[Line]
    unprinted: int = 0
    image_count: int = 0
    backdrop: Backdrop | None = None
    annotations: Annotations | None = Annotations()
    drawings: Drawings | None = None
    drawings_unreadable: bool = False
    insets: tuple[Inset, ...] = ()


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark: ``level`` 1 is the highest, ``page_number`` is 1-based, ``y`` in points or None."""

    level: int
    title: str
    page_number: int
    y: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says about itself. ``info`` has the document information's texts by lower-case key.

    ``repaired``: it is so broken that its objects or pages had to be searched for; ``cut_off``: and its end is missing.
    """

    page_count: int
    info: Mapping[str, str] = field(default_factory=dict)
    outline: tuple[OutlineEntry, ...] = ()
    repaired: bool = False
    cut_off: bool = False
    encrypted: bool = False


def on_one_height(line: Line, other: Line) -> bool:
    """Whether the middle of the other lies within the height of a line."""
    return line.box[1] < (other.box[1] + other.box[3]) / 2 < line.box[3]


def overlap_ratio(box: Box, other: Box) -> float:
    """The share of ``box`` that lies in ``other``, 0..1; a box without area counts by its middle."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width < 0 or height < 0:
        return 0.0
    area = (box[2] - box[0]) * (box[3] - box[1])
    return width * height / area if area > 0 else 1.0
