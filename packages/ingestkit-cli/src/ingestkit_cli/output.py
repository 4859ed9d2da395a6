"""Data on stdout, people on stderr; nothing a document says can steer the terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

__all__ = ["clean", "columns", "count", "emit", "is_terminal", "json_line", "percent", "say", "spaced"]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_LINE_BREAK = re.compile("[\n\t]")


def clean(text: str, *, one_line: bool = False) -> str:
    """A text without control and direction characters: a hostile name or document moves no cursor."""
    text = _CONTROL.sub("\ufffd", text)
    return " ".join(text.split()) if one_line else text


def spaced(*parts: str) -> str:
    """The parts that are not empty as one line, two spaces apart."""
    return "  ".join(clean(part, one_line=True) for part in parts if part)


def say(text: str) -> None:
    """A line for people, on stderr."""
    print(clean(text), file=sys.stderr, flush=True)


def emit(text: str, *, at_once: bool = False) -> None:
    """A line of data, on stdout. Raises BrokenPipeError when nobody reads it any more."""
    print(text, flush=at_once)


def json_line(record: Mapping[str, Any]) -> str:
    """A record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, default=str)


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at this stream."""
    return not stream.closed and stream.isatty()


def count(number: int, noun: str) -> str:
    """``1 chunk``, ``1,234 chunks``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(part: int, whole: int) -> str:
    """A share with two decimals; what is not nothing never reads 0.00."""
    share = 100 * part / whole if whole else 0.0
    return "< 0.01 %" if 0 < share < 0.005 else f"{share:.2f} %"


def columns(rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Rows as aligned lines, the last column as long as it likes; ``right`` names columns of numbers."""
    listed = [[_LINE_BREAK.sub(" ", clean(cell)) for cell in row] for row in rows]
    if not listed:
        return []
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in listed
    ]
