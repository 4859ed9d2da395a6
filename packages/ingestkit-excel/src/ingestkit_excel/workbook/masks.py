"""Which columns are filled in each row, without an object per row: real sheets have few kinds of rows.

rows   2  3  4  7        a range where none is left out
codes  0  0  1  0        which kind of row it is
kinds  0b1110, 0b0110    bit n is column n
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from itertools import chain, compress

__all__ = ["RowMasks", "compact"]


def compact(rows: Sequence[int]) -> Sequence[int]:
    """Ascending row numbers in little room."""
    if isinstance(rows, range):
        return rows
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return range(rows[0], rows[-1] + 1)
    return rows if isinstance(rows, array) else array("I", rows)


class RowMasks(Mapping[int, int]):
    """The filled columns of rows, ascending, as bits by row. No row is empty. Never changed once made."""

    __slots__ = ("codes", "kinds", "rows")

    def __init__(self, rows: Sequence[int], codes: Sequence[int], kinds: Sequence[int]) -> None:
        if 0 in kinds:
            kept = [kinds[code] != 0 for code in codes]
            rows, codes = array("I", compress(rows, kept)), array("I", compress(codes, kept))
        self.rows = compact(rows)
        self.codes = codes
        self.kinds = kinds

    @classmethod
    def of(cls, masks: Mapping[int, int]) -> RowMasks:
        """From a mapping whose rows ascend."""
        if isinstance(masks, RowMasks):
            return masks
        index: dict[int, int] = {}
        codes = array("I", [index.setdefault(mask, len(index)) for mask in masks.values()])
        return cls(array("I", masks), codes, tuple(index))

    @classmethod
    def joined(cls, blocks: Iterable[Sequence[RowMasks]]) -> RowMasks:
        """Of blocks that follow each other; what is in a block may be interleaved, and have rows in common."""
        rows, codes = array("I"), array("I")
        index: dict[int, int] = {}
        for parts in blocks:
            found = parts[0] if len(parts) == 1 else _merged(parts)
            known = [index.setdefault(kind, len(index)) for kind in found.kinds]
            rows.extend(found.rows)
            codes.extend(map(known.__getitem__, found.codes))
        return cls(rows, codes, tuple(index))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self.rows)

    def __reversed__(self) -> Iterator[int]:
        return reversed(self.rows)

    def __getitem__(self, row: int) -> int:
        at = self.place(row)
        if at is None:
            raise KeyError(row)
        return self.kinds[self.codes[at]]

    def __contains__(self, row: object) -> bool:
        return isinstance(row, int) and self.place(row) is not None

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, RowMasks) and (len(self) != len(other) or self.rows[:1] != other.rows[:1]):
            return False
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # as any mapping

    def items(self) -> ItemsView[int, int]:
        """Rows with their masks."""
        return _Items(self)

    def values(self) -> ValuesView[int]:
        """The masks, row by row."""
        return _Values(self)

    @property
    def cells(self) -> int:
        """How many cells are filled."""
        return sum(self.kinds[code].bit_count() * count for code, count in Counter(self.codes).items())

    @property
    def union(self) -> int:
        """The columns that are filled in some row."""
        union = 0
        for kind in self.kinds:
            union |= kind
        return union

    def place(self, row: int) -> int | None:
        """Where a row stands among the rows."""
        if isinstance(self.rows, range):
            return row - self.rows.start if row in self.rows else None
        at = bisect_left(self.rows, row)
        return at if at < len(self.rows) and self.rows[at] == row else None

    def between(self, top: int, bottom: int) -> tuple[int, int]:
        """The places of the rows between two rows (inclusive)."""
        return bisect_left(self.rows, top), bisect_left(self.rows, bottom + 1)

    def part(self, start: int, stop: int) -> RowMasks:
        """The rows between two places."""
        if start <= 0 and stop >= len(self.rows):
            return self
        return _used(self.rows[start:stop], self.codes[start:stop], self.kinds)

    def within(self, columns: int) -> RowMasks:
        """Only these columns, and the rows that have something there."""
        kinds = [kind & columns for kind in self.kinds]
        if all(kinds):
            return self if kinds == list(self.kinds) else RowMasks(self.rows, self.codes, kinds)
        return self._chosen([kinds[code] != 0 for code in self.codes], kinds)

    def without_rows(self, left_out: frozenset[int]) -> RowMasks:
        """All rows but these."""
        return self._chosen([row not in left_out for row in self.rows], self.kinds) if left_out else self

    def without_block(self, top: int, bottom: int, columns: int) -> RowMasks:
        """Without the cells of a rectangle."""
        start, stop = self.between(top, bottom)
        rest = self.part(start, stop).within(~columns)
        return RowMasks.joined([[part] for part in (self.part(0, start), rest, self.part(stop, len(self))) if part])

    def _chosen(self, kept: Sequence[bool], kinds: Sequence[int]) -> RowMasks:
        return _used(array("I", compress(self.rows, kept)), array("I", compress(self.codes, kept)), kinds)


def _used(rows: Sequence[int], codes: Sequence[int], kinds: Sequence[int]) -> RowMasks:
    """Without the kinds that no row is of."""
    used = {code: number for number, code in enumerate(sorted(set(codes)))}
    return RowMasks(rows, array("I", map(used.__getitem__, codes)), tuple(kinds[code] for code in used))


class _Items(ItemsView[int, int]):
    _mapping: RowMasks

    def __iter__(self) -> Iterator[tuple[int, int]]:
        masks = self._mapping
        return zip(masks.rows, map(masks.kinds.__getitem__, masks.codes), strict=True)


class _Values(ValuesView[int]):
    _mapping: RowMasks

    def __iter__(self) -> Iterator[int]:
        return map(self._mapping.kinds.__getitem__, self._mapping.codes)


def _merged(parts: Sequence[RowMasks]) -> RowMasks:
    masks: dict[int, int] = {}
    for row, mask in chain.from_iterable(part.items() for part in parts):
        masks[row] = masks.get(row, 0) | mask
    return RowMasks.of({row: masks[row] for row in sorted(masks)})
