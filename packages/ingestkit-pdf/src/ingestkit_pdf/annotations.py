"""Form fields and notes of a page, from its annotations. Part of the document room, without importing MuPDF.

The dictionaries are read key by key: building MuPDF's widget objects costs more than the whole page's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ingestkit_core.elements import Box

from ingestkit_pdf.placing import Placing
from ingestkit_pdf.values import Annotations, Field, Line, Note

__all__ = ["read_annotations", "without_prompts"]

_LINK, _FREE_TEXT, _POPUP, _WIDGET = 1, 2, 16, 21
_HIDDEN = 2
_NO_VIEW = 32
_PUSH_BUTTON = 1 << 16
_SIGNATURE_PROMPT = "SIGN"
_MAX_DEPTH = 12
"""How far up a field inherits; a chain of parents may be a ring."""


def read_annotations(
    document: Any,
    numbered: Iterable[tuple[int, int, str]],
    placing: Placing,
    has_key: Callable[[int, str], bool],
) -> Annotations:
    """Read the filled fields and the written notes among a page's annotations (object number, kind, name).

    ``has_key`` tells whether an object has a key, in a sixth of the time it takes to ask for its value: pages of
    references have hundreds of links, and hardly one with a text.
    """
    fields: list[Field] = []
    notes: list[Note] = []
    unsigned: list[Box] = []
    field_count = 0
    told: _Told = {}
    for number, kind, _ in numbered:
        if number < 1 or kind == _POPUP:
            continue
        entry = _Entry(document, number, told)
        if kind == _WIDGET:
            field_count += 1
            field = _field(entry, placing)
            if field is not None:
                fields.append(field)
            elif not has_key(number, "AP") and entry.inherited("FT")[1] == "/Sig":
                unsigned.append(entry.box(placing))
        elif has_key(number, "Contents"):
            text = entry.text("Contents").strip()
            if text:
                notes.append(Note(text, entry.box(placing), kind == _FREE_TEXT, entry.hidden()))
    return Annotations(tuple(fields), field_count, tuple(notes), tuple(unsigned))


def without_prompts(lines: Sequence[Line], unsigned: Sequence[Box]) -> Sequence[Line]:
    """MuPDF paints a prompt of its own where a signature is missing: that is no text of the file."""

    def is_prompt(line: Line) -> bool:
        x, y = (line.box[0] + line.box[2]) / 2, (line.box[1] + line.box[3]) / 2
        return line.text == _SIGNATURE_PROMPT and any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in unsigned)

    return [line for line in lines if not is_prompt(line)]


_Told = dict[tuple[int, str], tuple[str, str]]
"""What an object tells those below it, by its number and the key: hundreds of fields have the same parents."""


class _Entry:
    """One dictionary of the file, by its object number."""

    def __init__(self, document: Any, number: int, told: _Told) -> None:
        self._document = document
        self._get: Callable[[int, str], tuple[str, str]] = document.xref_get_key
        self._source: Callable[..., str] = document.xref_object
        self._number = number
        self._told = told

    def get(self, key: str) -> tuple[str, str]:
        """(type, value) of a key, through a reference; ("null", "null") where it is missing."""
        kind, value = self._get(self._number, key)
        if kind != "xref":
            return kind, value
        source = self._source(int(value.split()[0]), compressed=True).strip()
        if source[:1] in "(<" and not source.startswith("<<"):
            return "string", _string(source)
        return ("array" if source.startswith("[") else "other"), source

    def inherited(self, key: str) -> tuple[str, str]:
        """A key of the field or of the nearest parent that has it."""
        entry: _Entry | None = self
        asked: list[tuple[int, str]] = []
        found = "null", "null"
        while entry is not None and len(asked) < _MAX_DEPTH:
            place = entry._number, key
            if place in self._told:
                found = self._told[place]
                break
            asked.append(place)
            found = entry.get(key)
            if found[0] != "null":
                break
            entry = entry._parent()
        self._told.update(dict.fromkeys(asked[1:], found))
        return found

    def _parent(self) -> _Entry | None:
        kind, value = self._get(self._number, "Parent")
        return _Entry(self._document, int(value.split()[0]), self._told) if kind == "xref" else None

    def names(self) -> list[str]:
        """The partial names from the top down."""
        names: list[str] = []
        for depth in range(_MAX_DEPTH):
            kind, value = self.get("Parent/" * depth + "T")
            if kind == "string" and value:
                names.insert(0, value)
            if self._get(self._number, "Parent/" * depth + "Parent")[0] == "null":
                break
        return names

    def text(self, key: str) -> str:
        """A text, "" where there is none."""
        kind, value = self.get(key)
        return _readable(value) if kind == "string" else ""

    def hidden(self) -> bool:
        kind, value = self.get("F")
        return kind == "int" and bool(int(value) & (_HIDDEN | _NO_VIEW))

    def box(self, placing: Placing) -> Box:
        numbers = [float(number) for number in re.findall(r"-?\d*\.?\d+", self.get("Rect")[1])]
        return placing.file_box(numbers) if len(numbers) == 4 else (0.0, 0.0, 0.0, 0.0)


def _field(entry: _Entry, placing: Placing) -> Field | None:
    value = _value(entry)
    if not value:
        return None
    label = entry.text("TU") or entry.text("Parent/TU")
    name = label or ".".join(entry.names())
    return Field(_readable(name), value, entry.box(placing), entry.hidden())


def _value(entry: _Entry) -> str:
    """What the field holds as text, "" for an empty one, a button that is off or one that only acts."""
    kind, value = entry.inherited("V")
    if kind == "string":
        return _readable(value)
    if kind == "array":
        return _readable(", ".join(_string(literal) for literal in _LITERAL.findall(value)))
    if kind != "name" or value == "/Off" or _flags(entry) & _PUSH_BUTTON:
        return ""
    # Of a group's buttons only the one that is on stands for the value.
    state = entry.get("AS")[1]
    return "" if state not in ("null", value) else value[1:]


def _flags(entry: _Entry) -> int:
    kind, value = entry.inherited("Ff")
    return int(value) if kind == "int" else 0


def _readable(text: str) -> str:
    """One line of valid text without control characters."""
    return " ".join(re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]", " ", text).split())


_LITERAL = re.compile(r"\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f\s]*>", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-7]{1,3}|\r?\n|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "\n": "", "\r\n": ""}


def _string(literal: str) -> str:
    """The text of a string as it stands in the file: ``(...)`` or ``<...>``."""
    if literal.startswith("<"):
        digits = "".join(literal[1:-1].split())
        raw = bytes.fromhex(digits + "0" * (len(digits) % 2))
    else:
        body = _ESCAPE.sub(
            lambda match: (
                chr(int(match[1], 8) & 0xFF) if match[1][0] in "01234567" else _ESCAPED.get(match[1], match[1])
            ),
            literal[1:-1],
        )
        raw = body.encode("latin-1", "replace")
    if raw.startswith((b"\xfe\xff", b"\xff\xfe")):
        return raw.decode("utf-16", "replace")
    if raw.startswith(b"\xef\xbb\xbf"):
        return raw[3:].decode("utf-8", "replace")
    return raw.decode("latin-1")
