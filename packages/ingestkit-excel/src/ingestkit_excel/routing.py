"""Tier 1: what a region, a sheet and a workbook are, by rules alone. Pure; always answers.

Five signals speak for a table: enough rows, few merged cells, columns of one type, a header, numbers. Four or more that
agree are sure, three are fairly sure (both configurable).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.models import (
    ClassificationResult,
    FileType,
    IngestionMethod,
    RegionType,
    SheetRegion,
)

__all__ = ["METHODS", "classify", "is_tabular", "rule_confidence", "signals_of"]

METHODS: Mapping[FileType, IngestionMethod] = {
    FileType.TABULAR_DATA: IngestionMethod.SQL_AGENT,
    FileType.FORMATTED_DOCUMENT: IngestionMethod.TEXT_SERIALIZATION,
    FileType.HYBRID: IngestionMethod.HYBRID_SPLIT,
}

_HIGH, _MEDIUM, _LOW = 0.9, 0.7, 0.5
_NEARLY_ALL, _HARDLY_ANY = 0.8, 0.2


def signals_of(region: SheetRegion, config: ExcelProcessorConfig) -> dict[str, bool]:
    """Which of the five signals a region gives."""
    return {
        "enough_rows": region.rows >= config.min_row_count_for_tabular,
        "few_merged_cells": region.merged_ratio <= config.merged_cell_ratio_threshold,
        "consistent_types": region.type_consistency >= config.column_consistency_threshold,
        "header": region.header_rows > 0,
        "numbers": region.numeric_ratio >= config.numeric_ratio_threshold,
    }


def rule_confidence(signals: Mapping[str, bool], config: ExcelProcessorConfig) -> float:
    """How sure the rules are: 0.9, 0.7, or 0.5 where they are not."""
    agreeing = sum(signals.values())
    against = len(signals) - agreeing
    most = max(agreeing, against)
    if most >= config.tier1_high_confidence_signals:
        return _HIGH
    return _MEDIUM if most >= config.tier1_medium_confidence_signals else _LOW


def is_tabular(region: SheetRegion, config: ExcelProcessorConfig) -> bool:
    """Whether a region becomes a SQL table.

    A table with a header needs two more signals; one without a header, or with few rows, all the others.
    """
    signals = signals_of(region, config)
    agreeing = sum(signals.values())
    if region.columns < 2 or region.rows < 1:
        return False
    if signals["header"] and signals["enough_rows"]:
        return agreeing >= config.tier1_medium_confidence_signals
    return agreeing >= max(config.tier1_high_confidence_signals, config.tier1_medium_confidence_signals)


def classify(sheets: Mapping[str, Sequence[SheetRegion]], config: ExcelProcessorConfig) -> ClassificationResult:
    """What a workbook is, from the regions of its sheets."""
    regions = [region for of_sheet in sheets.values() for region in of_sheet]
    cells = sum(region.cells for region in regions)
    sheet_types = {name: _type_of(of_sheet) for name, of_sheet in sheets.items() if of_sheet}
    kinds = set(sheet_types.values())
    file_type = _type_of(regions) if len(kinds) > 1 else next(iter(kinds), FileType.FORMATTED_DOCUMENT)
    confidence = sum(region.confidence * region.cells for region in regions) / cells if cells else _LOW
    share = _tabular_share(regions)
    return ClassificationResult(
        file_type=file_type,
        confidence=round(confidence, 3),
        signals={
            "regions": len(regions),
            "tables": sum(region.region_type is RegionType.DATA_TABLE for region in regions),
            "tabular_share": round(share, 3),
        },
        reasoning=f"{share:.0%} of {cells} cells stand in tables",
        sheet_types=sheet_types,
    )


def _tabular_share(regions: Sequence[SheetRegion]) -> float:
    cells = sum(region.cells for region in regions)
    tabular = sum(region.cells for region in regions if region.region_type is RegionType.DATA_TABLE)
    return tabular / cells if cells else 0.0


def _type_of(regions: Sequence[SheetRegion]) -> FileType:
    share = _tabular_share(regions)
    if share >= _NEARLY_ALL:
        return FileType.TABULAR_DATA
    return FileType.FORMATTED_DOCUMENT if share <= _HARDLY_ANY else FileType.HYBRID
