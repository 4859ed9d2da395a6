"""Tables of figures, on paper and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.candidates import Candidate

__all__ = ["Column", "Figures", "as_json", "as_text"]

Value = str | float | int | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures: its head, and how a number in it is written."""

    head: str
    form: str = ".2f"

    def written(self, value: Value) -> str:
        """The value as it stands on paper; what was not measured is a dash."""
        if value is None:
            return "-"
        return value if isinstance(value, str) else format(value, self.form)


@dataclass(slots=True)
class Figures:
    """One table. The first column names what was measured.

    ``unmeasured`` says what of ours, or of what it is compared with, could not be measured and why; what
    concerns others stands in ``notes``.
    """

    title: str
    columns: Sequence[Column]
    rows: list[tuple[Value, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        heads = [column.head for column in self.columns]
        if len(set(heads)) < len(heads):
            raise ValueError(f"two columns of one name in {heads}: as JSON one would hide the other")

    def add(self, *values: Value) -> None:
        """One more row; missing values at its end are dashes."""
        self.rows.append((*values, *[None] * (len(self.columns) - len(values))))

    def refer(self, rows: Mapping[str, Sequence[Value]]) -> None:
        """Rows of reference below our own, marked as not measured in this run."""
        for name, values in rows.items():
            self.add(name if name == "goal" else f"({name})", *values)
        if any(name != "goal" for name in rows):
            self.notes.append("(in brackets): measured once, on larger sets of the same kinds")

    def fail(self, candidate: Candidate, reason: str) -> None:
        """A candidate could not be measured: a note for a peer, a failure of the run for all others."""
        (self.notes if candidate.kind == "peer" else self.unmeasured).append(f"{candidate.name}: {reason}")


def as_text(figures: Figures) -> str:
    """The table with its columns lined up, its notes below."""
    written = [tuple(column.head for column in figures.columns)]
    for row in figures.rows:
        written.append(tuple(column.written(value) for column, value in zip(figures.columns, row, strict=True)))
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    lines = [figures.title, ""]
    for number, row in enumerate(written):
        first, *rest = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([f"  {first}", *rest]).rstrip())
        if number == 0:
            lines.append("  " + "  ".join("-" * width for width in widths))
    lines += [f"  {note}" for note in figures.notes]
    lines += [f"  NOT MEASURED: {reason}" for reason in figures.unmeasured]
    return "\n".join(lines) + "\n"


def as_json(figures: Figures) -> dict[str, Any]:
    """The table as plain values, each row a mapping from column to value."""
    heads = [column.head for column in figures.columns]
    return {
        "title": figures.title,
        "rows": [dict(zip(heads, row, strict=True)) for row in figures.rows],
        "notes": figures.notes,
        "unmeasured": figures.unmeasured,
    }
