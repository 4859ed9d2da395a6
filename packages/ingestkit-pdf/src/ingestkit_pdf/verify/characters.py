"""One character of a page as an independent reader sees it. A value."""

from __future__ import annotations

from typing import NamedTuple

from ingestkit_core.elements import Box

__all__ = ["Character"]


class Character(NamedTuple):
    """One character of the page's content, the ``number``-th to pdfium.

    ``x`` and ``y`` are its middle, ``loose`` is its box as high as the font. ``apart`` says that a space or a line's
    end comes before it, ``hidden`` that it is painted without ink or in white, ``unmapped`` that its font does not say
    which character it is.
    """

    number: int
    text: str
    x: float
    y: float
    loose: Box
    apart: bool
    hidden: bool
    unmapped: bool
