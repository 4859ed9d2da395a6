"""Folders on this machine: which files lie in them, in a stable order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["is_passed_by", "walk"]


def is_passed_by(name: str) -> bool:
    """Whether a file or folder of this name is nobody's document: dotfiles and Office's lock files."""
    return name.startswith((".", "~$"))


def walk(
    folder: Path,
    on_unreadable: Callable[[Path], None],
    on_odd: Callable[[Path], None] | None = None,
    above: frozenset[str] = frozenset(),
) -> Iterator[Path]:
    """Files below a folder, sorted by name. A folder that is its own ancestor through a link is not entered.

    ``on_odd`` is told what is neither a file nor a folder: a link that leads nowhere, a pipe, a device.
    """
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        on_unreadable(folder)
        return
    for entry in entries:
        if is_passed_by(entry.name):
            continue
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError:
            # A link to itself, or to where nobody may look.
            on_unreadable(folder / entry.name)
            continue
        if is_folder:
            yield from walk(folder / entry.name, on_unreadable, on_odd, above | {real})
        elif is_file:
            yield folder / entry.name
        elif on_odd is not None:
            on_odd(folder / entry.name)
