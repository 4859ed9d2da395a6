"""What came in = what went out + what was left out and why, per page or sheet. Values only.

The reader counts what the source holds before it interprets anything; the packer counts what it put into
chunks; the reader names what it left out. Whatever is missing after that is the unexplained rest, a number
in every result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

__all__ = ["DropReason", "Ledger", "UnitLedger"]


class DropReason(StrEnum):
    """The closed list of reasons for leaving something out."""

    FURNITURE = "running_header_or_footer"
    HIDDEN = "hidden"
    LEADER = "leader"
    """Dots that lead from a label of a table to its value."""
    DUPLICATE = "duplicate"
    BLANK_OR_CONTENTS = "blank_or_contents_page"
    NOT_EXTRACTED_YET = "not_extracted_yet"


class UnitLedger(BaseModel):
    """The account of one page or sheet, in the ledger's measure."""

    model_config = ConfigDict(frozen=True)

    unit: str
    source: int
    emitted: int
    dropped: dict[str, int] = {}

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def unexplained(self) -> int:
        """What is neither emitted nor dropped with a reason; negative when more came out than went in."""
        return self.source - self.emitted - sum(self.dropped.values())


class Ledger(BaseModel):
    """The account of a document.

    ``measure`` says what is counted: visible characters (non-white-space, NFKC) or non-empty cells.
    Things that cannot be counted in the measure (a scanned page, an embedded file, a chart) stand in
    ``uncounted`` by kind.
    """

    model_config = ConfigDict(frozen=True)

    measure: Literal["characters", "cells"]
    units: tuple[UnitLedger, ...] = ()
    uncounted: dict[str, int] = {}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def source(self) -> int:
        """What the whole document holds."""
        return sum(unit.source for unit in self.units)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def emitted(self) -> int:
        """What is in chunks or tables."""
        return sum(unit.emitted for unit in self.units)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def dropped(self) -> dict[str, int]:
        """What was left out, by reason."""
        total: dict[str, int] = {}
        for unit in self.units:
            for reason, count in unit.dropped.items():
                total[reason] = total.get(reason, 0) + count
        return dict(sorted(total.items()))

    @computed_field  # type: ignore[prop-decorator]
    @property
    def unexplained(self) -> int:
        """The sum of every unit's absolute rest, so that a surplus on one page hides no loss on another."""
        return sum(abs(unit.unexplained) for unit in self.units)

    @property
    def unexplained_ratio(self) -> float:
        """The unexplained rest as a share of the source, 0..1; 0 for an empty document."""
        return self.unexplained / self.source if self.source else float(self.unexplained > 0)

    @classmethod
    def balance(
        cls,
        measure: Literal["characters", "cells"],
        source: Mapping[str, int],
        emitted: Mapping[str, int],
        dropped: Mapping[str, Mapping[DropReason, int]],
        *,
        order: Sequence[str] | None = None,
        uncounted: Mapping[str, int] | None = None,
    ) -> Ledger:
        """Build the account from counts by unit, in ``order`` (default: as in ``source``)."""
        units = tuple(
            UnitLedger(
                unit=unit,
                source=source.get(unit, 0),
                emitted=emitted.get(unit, 0),
                dropped={str(reason): n for reason, n in sorted(dropped.get(unit, {}).items()) if n},
            )
            for unit in (order if order is not None else source)
        )
        return cls(measure=measure, units=units, uncounted=dict(sorted((uncounted or {}).items())))
