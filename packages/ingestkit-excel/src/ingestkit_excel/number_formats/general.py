"""The format ``General``: at most eleven characters, scientific where they do not suffice."""

from __future__ import annotations

import math

__all__ = ["show_general"]

_WIDTH = 11


def show_general(value: float) -> str:
    """A number as the format General shows it, in a column that is wide enough."""
    if value == int(value) and abs(value) < 1e11:
        return str(int(value))
    return f"-{_positive(-value)}" if value < 0 else _positive(value)


def _positive(value: float) -> str:
    magnitude = math.floor(math.log10(value))
    if -4 <= magnitude <= -1:
        return _trimmed(f"{value:.{10 + magnitude}g}") if magnitude > -4 else _trimmed(f"{value:.9f}")
    if -9 <= magnitude <= 10:
        text = _trimmed(f"{value:.12f}")
        if len(text) <= _WIDTH:
            return text
        if magnitude >= 0:
            return _trimmed(f"{value:.{max(_WIDTH - magnitude - 2, 0)}f}")
    mantissa, exponent = f"{value:.5E}".split("E")
    return f"{_trimmed(mantissa)}E{exponent[0]}{exponent[1:].zfill(2)}"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
