"""A column as typed values for SQL, block by block, in the type its cells agree on (``types``).

Dates are dates because of their number format, never because a number looks like one. Where cells do not agree the
column is text, as shown. An error has no value; a formula without a result has none either, nor has a mark for a
missing value in a column of numbers or dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ingestkit_core.elements import ColumnType

from ingestkit_excel.number_formats import serials_to_iso
from ingestkit_excel.workbook.columns import Column, Piece, Stretch, place
from ingestkit_excel.workbook.meaning import is_elapsed, moment_serial, shown_texts
from ingestkit_excel.workbook.types import Agreement, Parsed
from ingestkit_excel.workbook.values import CellKind

__all__ = ["SqlValue", "TypedColumn", "plain"]

_SECONDS = 86400
_KNOWN_MOMENTS = 100_000
_WITH_RANGE = ("integer", "number", "date", "time", "datetime", "duration")

SqlValue = int | float | str | None


class TypedColumn:
    """A column on its way into SQL, block by block.

    What type it has is known for sure after the last block only. Until then values come in the type of the blocks so
    far; if one of them does not agree, ``widened`` says that what came before must be asked for once more.

    ``errors`` counts the cells that show an error, ``marked`` those that only say that a value is missing. ``low``,
    ``high`` and ``samples`` (the first different values) are known of what was noted; low and high for types that have
    an order.
    """

    __slots__ = ("_agreement", "_column", "_iso", "_type", "errors", "high", "low", "marked", "samples", "widened")

    def __init__(self, column: Column) -> None:
        self._column = column
        self._agreement: Agreement | None = Agreement(column.styles)
        self._type: ColumnType | None = None
        self._iso: dict[str, str | None] = {}
        self.widened = False
        self.errors = sum(count for form, count in column.counts() if form.kind is CellKind.ERROR)
        self._forget()

    def _forget(self) -> None:
        self.low: int | float | str | None = None
        self.high: int | float | str | None = None
        self.samples: dict[str, None] = {}
        self.marked = 0

    @property
    def type(self) -> ColumnType:
        """What the blocks so far agree on; text where no cell has a value."""
        return self._type or "text"

    def stretches(self) -> Sequence[Stretch]:
        """The blocks it comes in."""
        return self._column.stretches

    def begin_again(self) -> None:
        """All blocks were seen: from now on the type stays."""
        if self._agreement is not None:
            self._type = self._agreement.type() or "text"
        self._agreement = None
        self.widened = False
        self._iso.clear()
        self._forget()

    def values(self, stretch: Stretch) -> list[SqlValue]:
        """The values of one block, None where there is none; none at all once the column has widened."""
        found = [(piece, self._agreement.add(piece) if self._agreement else None) for piece in stretch.pieces()]
        if self._agreement is not None:
            agreed = self._agreement.type()
            if agreed is None and any(piece.form.kind is CellKind.FORMULA for piece, _ in found):
                agreed = "text"
            self.widened = self.widened or self._type not in (None, agreed)
            self._type = agreed
        if self.widened:
            return []
        values: list[SqlValue] = [None] * len(stretch.rows)
        for piece, parsed in found:
            place(values, piece.positions, self._converted(piece, parsed))
        return values

    def note(self, values: Sequence[SqlValue], max_samples: int) -> None:
        """Take notice of values that are written out."""
        if self.type not in _WITH_RANGE and len(self.samples) >= max_samples:
            return
        filled = [value for value in values if value is not None] if None in values else values
        if not filled:
            return
        if self.type in _WITH_RANGE:
            ends = [end for end in (self.low, self.high) if end is not None]
            self.low = min([*ends, min(filled)])  # type: ignore[type-var]  # all of one type
            self.high = max([*ends, max(filled)])  # type: ignore[type-var]
        for value in filled:
            if len(self.samples) >= max_samples:
                break
            self.samples[plain(value)] = None

    def _converted(self, piece: Piece, parsed: Parsed | None) -> Sequence[SqlValue]:
        """The values of cells of one form, in the type of the column."""
        kind, values, wanted = piece.form.kind, piece.values, self.type
        if kind is CellKind.TEXT and wanted != "text":
            self.marked += len(values)
            return [None] * len(values)
        if kind is CellKind.ERROR or (kind is CellKind.FORMULA and wanted != "text"):
            return [None] * len(values)
        match wanted:
            case "text":
                texts = shown_texts(piece.form, values, self._column.styles)
                return texts if all(texts) else [text or None for text in texts]
            case "boolean":
                known = {value: int(value.strip().lower() in ("1", "true")) for value in set(values)}
                return list(map(known.__getitem__, values))
            case "integer":
                return _integers(values) if parsed is None else parsed if _are(int, parsed) else list(map(int, parsed))
            case "number":
                return parsed if parsed is not None and _are(float, parsed) else list(map(float, values))
            case "decimal":
                return [f"{Decimal(raw.strip()):f}" for raw in values]
            case "duration":
                return [_seconds(raw) for raw in values]
            case _ if kind is CellKind.MOMENT:
                return values if wanted != "datetime" else [raw if "T" in raw else f"{raw}T00:00:00" for raw in values]
            case _:
                return self._moments(values)

    def _moments(self, values: Sequence[str]) -> list[str | None]:
        """Serials as ISO text. Days repeat: what is known of the last blocks is used again."""
        if len(self._iso) > _KNOWN_MOMENTS:
            self._iso.clear()
        new = list(set(values).difference(self._iso))
        texts = serials_to_iso(map(float, new), self.type, date1904=self._column.styles.date1904)
        self._iso.update(zip(new, texts, strict=True))
        return list(map(self._iso.__getitem__, values))


def _are(kind: type, values: Parsed) -> bool:
    return isinstance(values[0], kind)


def plain(value: SqlValue) -> str:
    """A value as people write it."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _integers(values: Sequence[str]) -> list[int]:
    try:
        return list(map(int, values))
    except ValueError:
        return list(map(int, map(float, values)))


def _seconds(raw: str) -> float | int:
    serial = moment_serial(raw, date1904=False) if ":" in raw or is_elapsed(raw) else float(raw)
    seconds = round((serial or 0.0) * _SECONDS, 3)
    return int(seconds) if seconds.is_integer() else seconds
