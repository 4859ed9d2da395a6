"""Names of SQL columns from headers: readable in any script, unique, at most 63 bytes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ingestkit_core.elements import column_letters

__all__ = ["MAX_NAME_BYTES", "column_names"]

MAX_NAME_BYTES = 63
_ASCII_WORD = re.compile(r"[a-z0-9]+")


def column_names(headers: Iterable[tuple[int, str]], *, clean: bool) -> list[str]:
    """A name for each (column, header), in order; unique when case-folded.

    Clean names are snake case with letters of any script; ``column_b`` where there is no header, ``c_2013`` where it
    begins with a digit. A leading underscore is kept for the columns a store adds.
    """
    names: list[str] = []
    taken: set[str] = set()
    for column, header in headers:
        base = _clean(header) if clean else _raw(header)
        name = _shortened(base or f"column_{column_letters(column).lower()}", "")
        number = 2
        while name.casefold() in taken:
            name = _shortened(base or f"column_{column_letters(column).lower()}", f"_{number}")
            number += 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _clean(header: str) -> str:
    text = unicodedata.normalize("NFKC", header).lower()
    if text.isascii():
        words = _ASCII_WORD.findall(text)
    else:
        words = "".join(character if _belongs(character) else " " for character in text).split()
    name = "_".join(words)
    return f"c_{name}" if name[:1].isdigit() else name


def _belongs(character: str) -> bool:
    # Vowel signs of many scripts are marks, neither letters nor digits.
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _raw(header: str) -> str:
    text = " ".join(unicodedata.normalize("NFC", header).replace("\x00", "").split())
    return text.lstrip("_")


def _shortened(name: str, suffix: str) -> str:
    room = MAX_NAME_BYTES - len(suffix)
    cut = name.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
    return f"{cut.rstrip('_') or cut}{suffix}"
