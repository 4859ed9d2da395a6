"""What little is read of formulas: where a link leads, and the text of one that is shared with another cell."""

from __future__ import annotations

import re

from ingestkit_core.elements import column_letters

__all__ = ["SharedFormulas", "link_of_formula"]

_LINK = re.compile(r'\s*HYPERLINK\(\s*"([^"]+)"', re.IGNORECASE)
_SHARED_ID = re.compile(r' si="(\d+)"')


def link_of_formula(formula: str) -> str | None:
    """The target of a ``HYPERLINK("...")`` formula that names it outright."""
    found = _LINK.match(formula)
    return found[1] if found is not None else None


class SharedFormulas:
    """Formulas written once for many cells; the others name them by an id."""

    def __init__(self) -> None:
        self._masters: dict[str, tuple[str, str]] = {}

    def note(self, attributes: str, formula: str, row: int, column: int) -> None:
        """Remember a formula that others share. To be called for every cell that has one, in their order."""
        if formula and (shared := _SHARED_ID.search(attributes)) is not None:
            self._masters[shared[1]] = (formula, f"{column_letters(column)}{row}")

    def text(self, attributes: str, formula: str, row: int, column: int) -> str:
        """The formula of a cell with its equals sign, references moved to the cell where another has its text."""
        shared = None if formula else _SHARED_ID.search(attributes)
        if shared is None:
            return f"={formula}"
        master = self._masters.get(shared[1])
        return "=" if master is None else _moved(*master, f"{column_letters(column)}{row}")


def _moved(formula: str, origin: str, place: str) -> str:
    from openpyxl.formula.tokenizer import TokenizerError
    from openpyxl.formula.translate import Translator, TranslatorError

    try:
        return str(Translator(f"={formula}", origin=origin).translate_formula(place))
    except (TokenizerError, TranslatorError, IndexError, ValueError):
        return f"={formula}"
