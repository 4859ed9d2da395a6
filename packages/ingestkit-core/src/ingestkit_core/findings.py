"""What a verifier finds while it goes from question to question. In the worker.

A format says what stands in a cited place and how that is compared; how it is counted and told is the same for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from ingestkit_core.elements import CellRange, PageBox
from ingestkit_core.verification import Measure, Mismatch, Passage, Rows, Tally, UnitCount, Verification

__all__ = ["Findings", "LastFew"]

Key = TypeVar("Key")
Value = TypeVar("Value")


class LastFew(Generic[Key, Value]):
    """Values that are made when they are asked for; the last few are kept."""

    def __init__(self, make: Callable[[Key], Value], most: int) -> None:
        self._make = make
        self._most = most
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def __getitem__(self, key: Key) -> Value:
        if key not in self._kept:
            self._kept[key] = self._make(key)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return self._kept[key]


class Findings(ABC):
    """Counts and mismatches. With ``shows_text`` mismatches carry their texts."""

    def __init__(self, *, shows_text: bool) -> None:
        self._shows_text = shows_text
        self._chunks = self._rows = Tally()
        self._described = self._unread = 0
        self._mismatches: list[Mismatch] = []

    @abstractmethod
    def check_passage(self, passage: Passage) -> None:
        """Compare a chunk with its place; ends in ``found_of_passage`` or ``leave_unread``."""

    @abstractmethod
    def check_rows(self, rows: Rows) -> None:
        """Compare each row with its place; each ends in ``found_of_row`` or ``leave_unread``."""

    def answer(self, question: Passage | Rows) -> None:
        """Check what is asked about. A chunk that describes (a schema) is only counted."""
        if isinstance(question, Rows):
            if question.is_from_image:
                self.leave_unread(len(question.rows))
            else:
                self.check_rows(question)
        elif question.content_type == "schema":
            self._described += 1
        elif question.is_from_image:
            self.leave_unread()
        else:
            self.check_passage(question)

    def pass_over(self, questions: Iterable[Passage | Rows]) -> None:
        """Count what nothing can be said about."""
        for question in questions:
            if isinstance(question, Rows):
                self.leave_unread(len(question.rows))
            elif question.content_type == "schema":
                self._described += 1
            else:
                self.leave_unread()

    def leave_unread(self, count: int = 1) -> None:
        """Nothing can be said about a chunk or about so many rows."""
        self._unread += count

    def found_of_passage(self, passage: Passage, found: Measure, there: str) -> None:
        """How a chunk compares with what stands there."""
        self._chunks += Tally(1, int(found.matches))
        if not found.matches:
            self._note(passage.name, passage.locations, found, passage.text, there)

    def found_of_row(
        self, name: str, locations: Sequence[PageBox | CellRange], found: Measure, stored: str, there: str
    ) -> None:
        """How a row compares with what stands there."""
        self._rows += Tally(1, int(found.matches))
        if not found.matches:
            self._note(name, locations, found, stored, there)

    def _note(
        self, name: str, locations: Sequence[PageBox | CellRange], found: Measure, stored: str, there: str
    ) -> None:
        texts = (stored, there) if self._shows_text else (None, None)
        self._mismatches.append(Mismatch(name, tuple(locations), found.precision, found.recall, *texts))

    def verification(
        self, units: int = 0, counts: Iterable[UnitCount] = (), area_ratio: float | None = None
    ) -> Verification:
        """All of it. See Verification."""
        return Verification(
            chunks=self._chunks,
            rows=self._rows,
            described=self._described,
            unread=self._unread,
            mismatches=tuple(self._mismatches),
            area_ratio=area_ratio,
            units=units,
            counts=tuple(counts),
        )
