"""Values of table rows on their way into PostgreSQL and back, so that they end as SQLite would keep them. Pure.

SQLite's columns take what they are given; PostgreSQL's refuse what is not of their type. Readers give values
of their column's type, so that hardly ever matters; a column with an odd one is kept as text and read back as
the numbers and texts that SQLite would show.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from ingestkit_core.elements import ColumnType
from ingestkit_core.errors import ErrorCode, StoreError

__all__ = [
    "SQL_TYPES",
    "Kind",
    "escaped",
    "escaped_json",
    "fitting_kinds",
    "kind_of",
    "restored",
    "row_as",
    "unescaped",
    "unescaped_json",
]

Kind = Literal["integer", "number", "text", "odd integer", "odd number", "odd text"]

SQL_TYPES: dict[str, str] = {"integer": "bigint", "number": "double precision"}
"""By kind; every other kind is text, in the order of its bytes as in SQLite."""

_KINDS: dict[ColumnType, Kind] = {
    "integer": "integer",
    "boolean": "integer",
    "number": "number",
    "duration": "number",
}
_ODD: dict[str, Kind] = {"integer": "odd integer", "number": "odd number", "text": "odd text"}
_INT64 = range(-(1 << 63), 1 << 63)
_INTEGER = re.compile(r"\s*[-+]?\d+\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)


def kind_of(column: ColumnType) -> Kind:
    """How a column of this type is kept."""
    return _KINDS.get(column, "text")


def fitting_kinds(rows: Iterable[Sequence[Any]], kinds: Sequence[Kind]) -> list[Kind]:
    """The kinds with which all rows can be kept: one that does not hold some value becomes odd."""
    fitting = list(kinds)
    for row in rows:
        for number, value in enumerate(row):
            if not _fits(value, fitting[number]):
                fitting[number] = _ODD[fitting[number]]
    return fitting


def _fits(value: Any, kind: Kind) -> bool:
    if value is None or kind.startswith("odd"):
        return True
    if kind == "text":
        return not isinstance(value, str) or "\x00" not in value
    number = _number(value)
    if kind == "integer":
        return isinstance(number, int) and number in _INT64
    return number is not None


def _number(value: Any) -> int | float | None:
    """The number that SQLite makes of a value in a column of numbers; None where it stays text."""
    if isinstance(value, str):
        if _INTEGER.fullmatch(value):
            return int(value) if int(value) in _INT64 else float(value)
        return float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1 << 53 else value
    return int(value) if isinstance(value, int) else None


def row_as(row: Sequence[Any], kinds: Sequence[Kind]) -> list[Any]:
    """The row's values for columns of these kinds. Raises E_STORE_COMMIT for what is no value of SQL."""
    return [None if value is None else _kept(value, kind) for value, kind in zip(row, kinds, strict=True)]


def _kept(value: Any, kind: Kind) -> Any:
    if kind == "integer":
        return _number(value)
    if kind == "number":
        number = _number(value)
        return None if number is None or math.isnan(number) else float(number)
    if isinstance(value, str):
        return escaped(value) if kind.startswith("odd") else value
    return _text(value)


def _text(value: Any) -> str:
    """What SQLite writes for a value in a column of text."""
    if isinstance(value, float) and math.isfinite(value):
        text = f"{value:.15g}"
        return text if set(text) & set(".e") else f"{text}.0"
    if not isinstance(value, int | float):
        raise StoreError(ErrorCode.E_STORE_COMMIT, f"a table holds a {type(value).__name__}, which is no SQL value")
    return str(int(value)) if isinstance(value, int) else str(value)


def restored(value: Any, kind: Kind) -> Any:
    """A stored value as SQLite shows it."""
    if kind.startswith("odd") and isinstance(value, str):
        text = unescaped(value)
        number = None if kind == "odd text" else _number(text)
        return text if number is None else number if kind == "odd integer" else float(number)
    return None if isinstance(value, float) and math.isnan(value) else value


_MARK = "\uffff"
"""A code point that is no character and so in hardly any text: begins what PostgreSQL's text cannot hold."""


def escaped(text: str) -> str:
    """The text without NUL, which PostgreSQL's text cannot hold; ``unescaped`` gives it back."""
    if "\x00" not in text and _MARK not in text:
        return text
    return text.replace(_MARK, f"{_MARK}1").replace("\x00", f"{_MARK}0")


def unescaped(text: str) -> str:
    """The text that ``escaped`` was given."""
    return text.replace(f"{_MARK}0", "\x00").replace(f"{_MARK}1", _MARK) if _MARK in text else text


def escaped_json(text: str) -> str:
    """JSON whose strings are escaped: PostgreSQL looks into them, and stops at an escaped NUL."""
    if "\\u0000" not in text and _MARK not in text:
        return text
    return json.dumps(_mapped(json.loads(text), escaped), ensure_ascii=False, separators=(",", ":"))


def unescaped_json(text: str) -> Any:
    """The value that was written as JSON before ``escaped_json``."""
    value = json.loads(text)
    return _mapped(value, unescaped) if _MARK in text else value


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    return [_mapped(item, change) for item in value] if isinstance(value, list) else value
