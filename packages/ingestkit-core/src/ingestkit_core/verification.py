"""Citations re-read: what an independent reader is asked, how texts are compared, what it answers. Values only.

    stored passage or row ─┐
                           ├─► tokens of both ─► precision and recall ─► matching, or a mismatch with its place
    what stands there ─────┘

A passage matches when at least 95 % of its tokens stand in the cited place, and 95 % of what stands there is in
it. Where words begin and end is each reader's own opinion, so what is left over is compared as letters.
"""

from __future__ import annotations

import importlib
import pickle
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from ingestkit_core.elements import CellRange, PageBox, RowPlace, TableColumn
from ingestkit_core.errors import ErrorCode, SourceError
from ingestkit_core.keys import hash_bytes
from ingestkit_core.language import WIDE

__all__ = [
    "MIN_SHARE",
    "Measure",
    "Mismatch",
    "Passage",
    "Request",
    "Rows",
    "Tally",
    "UnitCount",
    "Verification",
    "bytes_to_verify",
    "measure",
    "questions_in",
    "tokens_of",
    "verify_by_module",
    "write_questions",
]

MIN_SHARE = 0.95

_TOKEN = re.compile(rf"[{WIDE}]|[^\W_{WIDE}]+")
_LEAST_RUN = 2
_MOST_LEFT_OVER = 4000


@dataclass(frozen=True, slots=True)
class Passage:
    """A stored chunk and the places it cites. ``name`` is how the report calls it.

    ``is_from_image``: OCR read it, so no text stands in the place.
    """

    name: str
    text: str
    locations: tuple[PageBox | CellRange, ...]
    content_type: str = "text"
    is_from_image: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a stored table, each with its number, its values and the place it cites.

    ``is_from_image``: as of a passage.
    """

    table: str
    columns: tuple[TableColumn, ...]
    rows: tuple[tuple[int, tuple[Any, ...], RowPlace], ...]
    is_from_image: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What to re-read of a document: the file with the questions, and what its ledger says came in, by unit.

    ``content_hash`` is that of the bytes the answers were read from; other bytes are not looked at, unless it is
    empty. ``shows_text``: mismatches carry their texts.
    """

    questions: str
    came_in: Mapping[str, int]
    content_hash: str = ""
    shows_text: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """Shares, 0..1: of the stored tokens that stand in the place, and of the place's that are stored."""

    precision: float
    recall: float

    @property
    def matches(self) -> bool:
        """Whether both are high enough."""
        return min(self.precision, self.recall) >= MIN_SHARE


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A citation that does not hold. ``stored`` and ``found`` are texts, None unless asked for."""

    name: str
    locations: tuple[PageBox | CellRange, ...]
    precision: float
    recall: float
    stored: str | None = None
    found: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many were checked, and how many of those hold."""

    checked: int = 0
    matching: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.checked + other.checked, self.matching + other.matching)


@dataclass(frozen=True, slots=True)
class UnitCount:
    """A page or sheet of which the ledger and the independent reader count differently."""

    unit: str
    ledger: int
    counted: int


@dataclass(frozen=True, slots=True)
class Verification:
    """What re-reading one document gave.

    ``described`` counts chunks that describe (a schema), ``unread`` chunks and rows about which the independent
    reader can say nothing: they came from a picture, or it does not know the characters of their font.
    ``area_ratio`` is the median of the cited area over that of the lines in it. ``counts`` lists those of the
    ``units`` whose ledgers do not agree.
    """

    chunks: Tally = Tally()
    rows: Tally = Tally()
    described: int = 0
    unread: int = 0
    mismatches: tuple[Mismatch, ...] = ()
    area_ratio: float | None = None
    units: int = 0
    counts: tuple[UnitCount, ...] = ()


def tokens_of(text: str) -> list[str]:
    """The words and numbers of a text (NFKC, folded); characters of scripts without spaces one by one."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def measure(
    stored: Sequence[str], there: Sequence[str], optional: Sequence[str] = (), *, repeats: bool = False
) -> Measure:
    """Compare tokens. ``optional`` may be stored and need not be; with ``repeats`` a token may be stored again."""
    spare, wanted = Counter(there), Counter(stored)
    surplus, missing = _in_order(stored, wanted - spare), _in_order(there, spare - wanted)
    if surplus and missing:
        surplus, missing = _unlike(surplus, missing)
    surplus = list((Counter(surplus) - Counter(optional)).elements())
    if repeats:
        known = {*there, *optional}
        surplus = [token for token in surplus if token not in known]
    return Measure(
        1 - len(surplus) / len(stored) if stored else 1.0,
        1 - len(missing) / len(there) if there else 1.0,
    )


def _in_order(tokens: Sequence[str], wanted: Counter[str]) -> list[str]:
    """The last occurrences of the wanted tokens, in their order."""
    left, found = Counter(wanted), []
    for token in reversed(tokens):
        if left[token] > 0:
            left[token] -= 1
            found.append(token)
    return found[::-1]


def _unlike(ours: list[str], theirs: list[str]) -> tuple[list[str], list[str]]:
    """What is left of two lists of tokens when letters decide and not where words end.

    A token that stands in the letters of the other side, within or over several of its tokens, is alike there,
    and so are its letters; what is then still left is aligned in order.
    """
    mine, other = _Letters(ours), _Letters(theirs)
    if max(len(mine.left), len(other.left)) > _MOST_LEFT_OVER:
        return ours, theirs
    mine.find_in(other)
    other.find_in(mine)
    blocks = SequenceMatcher(None, mine.left, other.left, autojunk=False).get_matching_blocks()
    for block in blocks:
        if block.size >= _LEAST_RUN and _USED not in mine.left[block.a : block.a + block.size]:
            mine.use(block.a, block.size)
            other.use(block.b, block.size)
    return mine.unused(), other.unused()


_USED = "\0"


class _Letters:
    """Tokens as one run of letters; those that are found on the other side are used up."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.left = "".join(tokens)
        self._tokens: list[tuple[int, str]] = []
        place = 0
        for token in tokens:
            self._tokens.append((place, token))
            place += len(token)

    def find_in(self, other: _Letters) -> None:
        """Use up every whole token that the other side's letters have, the longest first."""
        for place, token in sorted(self._tokens, key=lambda item: -len(item[1])):
            if self.left.startswith(token, place) and (found := other.left.find(token)) >= 0:
                self.use(place, len(token))
                other.use(found, len(token))

    def use(self, place: int, length: int) -> None:
        self.left = self.left[:place] + _USED * length + self.left[place + length :]

    def unused(self) -> list[str]:
        return [token for place, token in self._tokens if self.left[place : place + len(token)].strip(_USED)]


def bytes_to_verify(file_path: str, request: Request) -> bytes:
    """The file's bytes, if they are those that were read. In the worker. Raises SourceError."""
    path = Path(file_path)
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise SourceError(ErrorCode.E_SOURCE_UNREADABLE, f"{path.name} cannot be read: {exc.strerror}") from exc
    if request.content_hash and hash_bytes(content) != request.content_hash:
        raise SourceError(ErrorCode.E_SOURCE_CHANGED, f"{path.name} is not what was ingested: ingest it again")
    return content


def write_questions(path: Path, questions: Iterable[Passage | Rows]) -> None:
    """Write what is to be asked, one after the other: a document may have millions of rows. In the owner."""
    with path.open("wb") as file:
        for question in questions:
            pickle.dump(question, file, pickle.HIGHEST_PROTOCOL)


def questions_in(path: str) -> Iterator[Passage | Rows]:
    """What ``write_questions`` wrote. In the worker."""
    with open(path, "rb") as file:
        while file.peek(1):
            yield pickle.load(file)


def verify_by_module(module: str, request: Request, file_path: str, config: dict[str, Any]) -> Verification:
    """Call the verifier of a format. In the worker, and imported there only."""
    verification: Verification = importlib.import_module(module).verify(file_path, config, request)
    return verification
