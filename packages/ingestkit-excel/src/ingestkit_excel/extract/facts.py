"""A region read once: its rows by what they are, its columns as shown, and the facts routing asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.extract.anatomy import Anatomy, anatomy_of
from ingestkit_excel.extract.lines import region_columns
from ingestkit_excel.extract.view import Region
from ingestkit_excel.models import RegionType, SheetRegion
from ingestkit_excel.routing import decide
from ingestkit_excel.workbook import CellKind, Column, format_of, shown

__all__ = ["Piece", "read_region"]

_MAX_FORM_ROWS = 200
_SURE = 0.9
_TEMPORAL = ("date", "time", "datetime", "duration")


@dataclass(frozen=True, slots=True)
class Piece:
    """A region with what is known of it. ``columns`` are those of its body rows, left to right; ``headed_by`` is the
    piece above it whose header names them, where it has none.
    """

    region: Region
    region_id: str
    anatomy: Anatomy
    columns: list[Column]
    facts: SheetRegion
    headed_by: Piece | None = None

    @property
    def is_table(self) -> bool:
        """Whether it becomes a SQL table."""
        return self.facts.region_type is RegionType.DATA_TABLE


def read_region(region: Region, region_id: str, config: ExcelProcessorConfig) -> Piece:
    """Look at a region closely enough to say what it is."""
    anatomy = anatomy_of(region)
    columns = region_columns(region, anatomy.body) if anatomy.body else []
    facts = SheetRegion(
        region_id=region_id,
        region_type=RegionType.TEXT_BLOCK,
        cell_range=region.place.a1,
        rows=len(anatomy.body),
        columns=region.width,
        header_rows=len(anatomy.header),
        cells=region.cells,
        merged_ratio=_merged_ratio(region, anatomy),
        numeric_ratio=_numeric_ratio(columns),
        type_consistency=_consistency(columns),
    )
    kind, confidence = _type_of(facts, columns, config)
    return Piece(
        region, region_id, anatomy, columns, facts.model_copy(update={"region_type": kind, "confidence": confidence})
    )


def _type_of(facts: SheetRegion, columns: Sequence[Column], config: ExcelProcessorConfig) -> tuple[RegionType, float]:
    """What a region is, and how sure that is (0..1)."""
    if _is_form(columns):
        return RegionType.TEXT_BLOCK, _SURE
    tabular, confidence = decide(facts, config)
    if tabular:
        return RegionType.DATA_TABLE, confidence
    is_matrix = facts.columns > 1 and facts.header_rows and facts.rows
    return RegionType.MATRIX if is_matrix else RegionType.TEXT_BLOCK, confidence


def _is_form(columns: Sequence[Column]) -> bool:
    """Whether the first column names what stands beside it: ``Manufacturer:``."""
    labels = [text for text in shown(columns[0]) if text] if columns and columns[0].length <= _MAX_FORM_ROWS else []
    return len(labels) > 1 and sum(text.endswith((":", "：")) for text in labels) > len(labels) / 2


def _merged_ratio(region: Region, anatomy: Anatomy) -> float:
    if not anatomy.body:
        return 0.0
    top, bottom = anatomy.body[0], anatomy.body[-1]
    merged = sum(
        (min(merge.bottom, bottom) - max(merge.top, top) + 1) * (merge.right - merge.left + 1)
        for merge in region.view.sheet.merges
        if merge.top <= bottom and merge.bottom >= top and region.left <= merge.left <= region.right
    )
    return min(merged / (len(anatomy.body) * region.width), 1.0)


def _numeric_ratio(columns: Sequence[Column]) -> float:
    filled = sum(column.filled for column in columns)
    typed = sum(count for column in columns for form, count in column.counts() if form.kind is not CellKind.TEXT)
    return typed / filled if filled else 0.0


def _consistency(columns: Sequence[Column]) -> float:
    """The mean over columns of the share of cells that have the column's commonest kind."""
    shares: list[float] = []
    for column in columns:
        kinds: Counter[str] = Counter()
        for form, count in column.counts():
            temporal = form.kind is CellKind.NUMBER and format_of(form, column.styles).kind in _TEMPORAL
            kinds["moment" if temporal else str(form.kind)] += count
        if kinds:
            shares.append(max(kinds.values()) / kinds.total())
    return sum(shares) / len(shares) if shares else 0.0
