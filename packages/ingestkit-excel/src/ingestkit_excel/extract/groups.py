"""Over which columns a heading stands that is not merged: read as a person does.

    names below that come again      from | to | from | to      each pattern is a group
    blank columns                    n | % |   | n | %          each block is a group
    where it is set in its cell      left, or as it comes: to the right, up to the next heading
                                     right: to the left, up to the heading before
                                     centred: as the first, or the middle, of columns that are spaced alike

A heading reaches over columns that are named below, its own among them. Where headings fill most of a row, or some are
merged, each of the others names one column. A single heading at the right or in the middle may be about one column or
about all: it is put on none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

__all__ = ["Level", "Reach", "reach_of"]

_MOSTLY = 0.5
_MANY_NAMES = 2

Groups = Mapping[int, Sequence[int]]
"""The columns of each heading, by the column where it stands."""


@dataclass(frozen=True, slots=True)
class Level:
    """A row of a header: its texts by column, in which columns they are set right or centred, and where a heading of
    the row above begins.
    """

    texts: Mapping[int, str]
    right: Collection[int]
    centred: Collection[int]
    begun: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """The columns of headings that stand over more than their own, and the columns of those that may be about all."""

    groups: Groups
    loose: Sequence[int] = ()


def reach_of(
    level: Level,
    columns: Sequence[int],
    names: Mapping[int, str],
    named: Mapping[int, int],
    labels: Collection[int],
    gap: Callable[[int, int], int],
) -> Reach:
    """How far the headings of a row reach over the columns of a table, its first left out.

    ``names`` are the nearest texts below, ``named`` the columns named below (by headings over several as well) with how
    many rows below; ``labels`` are columns that name rows; ``gap`` counts the blank columns between two.
    """
    below = [column for column in columns if column in named]
    heads = [column for column in below if column in level.texts]
    to_left, centred = _most(heads, level.right), _most(heads, level.centred)
    order = -1 if to_left else 1
    if not heads or _are_single(heads[::order], columns[::order], level, named, labels):
        return Reach({})
    between = [column for column in below if column >= heads[0] or not (column in labels or column in level.texts)]
    groups = _tiles(heads, between, names) or _blocks(heads, between, gap)
    if groups:
        known = to_left or centred or all(head == group[0] for head, group in groups.items())
        return Reach(groups if known else {})
    before, after = between.index(heads[0]), len(between) - between.index(heads[-1]) - 1
    if before and to_left:
        return _set_right(heads, between, after)
    if before and centred and not _begin_groups(heads, between, after):
        return _centred(heads, between, before, after)
    runs = [list(_run(head, columns, named, level)) for head in heads]
    return Reach(_rightward(heads, runs, names))


def _are_single(
    heads: Sequence[int], columns: Sequence[int], level: Level, named: Mapping[int, int], labels: Collection[int]
) -> bool:
    """Whether most headings name one column: few columns after them are without a text. ``columns`` as they reach."""
    places = [*map(columns.index, heads)]
    free = [list(takewhile(lambda column: column not in level.texts, columns[place + 1 :])) for place in places]
    nearest = min((named[head] for head, after in zip(heads, free, strict=True) if after), default=0)
    alone = [head for head, after in zip(heads, free, strict=True) if not after and head not in labels]
    single = [head for head in alone if named[head] <= nearest]
    return sum(map(len, free[:-1])) + min(len(free[-1]), 1) < max(len(single), 1)


def _most(heads: Sequence[int], columns: Collection[int]) -> bool:
    return sum(head in columns for head in heads) > _MOSTLY * len(heads)


def _tiles(heads: Sequence[int], columns: Sequence[int], names: Mapping[int, str]) -> Groups:
    """Groups of columns whose names come again in each."""
    width, rest = divmod(len(columns), len(heads))
    if rest or len(heads) < 2:
        return {}
    texts = [names.get(column, "") for column in columns]
    if len(set(texts[:width])) < _MANY_NAMES or texts != texts[:width] * len(heads):
        return {}
    return _each_with_one(heads, [columns[start : start + width] for start in range(0, len(columns), width)])


def _blocks(heads: Sequence[int], columns: Sequence[int], gap: Callable[[int, int], int]) -> Groups:
    """Groups of columns that blank ones keep apart."""
    blocks = [[columns[0]]]
    for left, right in pairwise(columns):
        if gap(left, right):
            blocks.append([])
        blocks[-1].append(right)
    return _each_with_one(heads, blocks) if len(heads) > 1 else {}


def _each_with_one(heads: Sequence[int], groups: Sequence[Sequence[int]]) -> Groups:
    alike = len(groups) == len(heads) and all(head in group for head, group in zip(heads, groups, strict=True))
    return dict(zip(heads, groups, strict=True)) if alike else {}


def _set_right(heads: Sequence[int], columns: Sequence[int], after: int) -> Reach:
    if len(heads) == 1:
        return Reach({}, heads)
    ends = [0, *(columns.index(head) + 1 for head in heads)]
    if after or len(_widths(ends)) > 1:
        return Reach({})
    return Reach({head: columns[start:end] for head, (start, end) in zip(heads, pairwise(ends), strict=True)})


def _widths(places: Sequence[int]) -> set[int]:
    return {right - left for left, right in pairwise(places)}


def _begin_groups(heads: Sequence[int], columns: Sequence[int], after: int) -> bool:
    """Whether headings are spaced alike, the last one from the end as well."""
    return len(heads) > 1 and _widths([*map(columns.index, heads)]) == {after + 1}


def _centred(heads: Sequence[int], columns: Sequence[int], before: int, after: int) -> Reach:
    if len(heads) == 1:
        return Reach({heads[0]: columns}) if abs(before - after) <= 1 else Reach({}, heads)
    places = [*map(columns.index, heads)]
    if before != after or _widths(places) != {2 * before + 1}:
        return Reach({})
    return Reach({head: columns[at - before : at + before + 1] for head, at in zip(heads, places, strict=True)})


def _rightward(heads: Sequence[int], runs: Sequence[Sequence[int]], names: Mapping[int, str]) -> Groups:
    groups: dict[int, Sequence[int]] = {}
    last: Sequence[str] = ()
    for head, run in zip(heads, runs, strict=True):
        texts = [names.get(column, "") for column in run]
        if len(last) >= _MANY_NAMES and texts[: len(last)] == last:
            # A group whose columns are named as those of the one before ends where they end.
            texts = texts[: len(last)]
        groups[head], last = run[: len(texts)], texts
    return groups


def _run(head: int, columns: Sequence[int], named: Mapping[int, int], level: Level) -> Iterator[int]:
    """The columns from a heading on that are named below, up to the next text of its row or the one above.

    What stands between a heading and what it stands over begins a group of its own.
    """
    yield head
    for column in columns[columns.index(head) + 1 :]:
        if column in level.texts or column in level.begun or named.get(column, 0) < named[head]:
            return
        yield column
