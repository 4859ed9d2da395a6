"""Tier 1: what a region, a sheet and a workbook are, by rules alone. Pure; always answers.

Five signals speak for a table: enough rows, few merged cells, columns of one type, a header, numbers. Four or more that
agree are sure, three are fairly sure (both configurable).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingestkit_core.extraction import PossibleType, Question

from ingestkit_excel.config import ExcelProcessorConfig
from ingestkit_excel.models import (
    ClassificationResult,
    FileType,
    IngestionMethod,
    RegionType,
    SheetRegion,
)

__all__ = ["METHODS", "classify", "decide", "is_tabular", "question", "signals_of"]

METHODS: Mapping[FileType, IngestionMethod] = {
    FileType.TABULAR_DATA: IngestionMethod.SQL_AGENT,
    FileType.FORMATTED_DOCUMENT: IngestionMethod.TEXT_SERIALIZATION,
    FileType.HYBRID: IngestionMethod.HYBRID_SPLIT,
}

_HIGH, _MEDIUM, _LOW = 0.9, 0.7, 0.5
_NEARLY_ALL, _HARDLY_ANY = 0.8, 0.2
_MAX_REGIONS_TOLD = 10
_MAX_FACTS = 60
"""A prompt tells of so many regions of a sheet, and so many lines in all."""


def signals_of(region: SheetRegion, config: ExcelProcessorConfig) -> dict[str, bool]:
    """Which of the five signals a region gives."""
    return {
        "enough_rows": region.rows >= config.min_row_count_for_tabular,
        "few_merged_cells": region.merged_ratio <= config.merged_cell_ratio_threshold,
        "consistent_types": region.type_consistency >= config.column_consistency_threshold,
        "header": region.header_rows > 0,
        "numbers": region.numeric_ratio >= config.numeric_ratio_threshold,
    }


def is_tabular(region: SheetRegion, config: ExcelProcessorConfig) -> bool:
    """Whether the rules make a region a SQL table.

    A table with a header needs two more signals; one without a header, or with few rows, all the others.
    """
    if not _may_be_table(region):
        return False
    signals = signals_of(region, config)
    agreeing = sum(signals.values())
    if signals["header"] and signals["enough_rows"]:
        return agreeing >= config.tier1_medium_confidence_signals
    return agreeing >= max(config.tier1_high_confidence_signals, config.tier1_medium_confidence_signals)


def decide(region: SheetRegion, config: ExcelProcessorConfig) -> tuple[bool, float]:
    """Whether a region becomes a SQL table, and how surely the rules say so.

    Sure is who has signals on his side: 0.9 with four of them, 0.7 with three, else 0.5. Where the rules are unsure,
    the type that the workbook is said to be of decides, if there is one.
    """
    tabular = is_tabular(region, config)
    if not _may_be_table(region):
        return tabular, _HIGH
    signals = signals_of(region, config)
    speaking_for_it = sum(value is tabular for value in signals.values())
    if speaking_for_it >= config.tier1_high_confidence_signals:
        return tabular, _HIGH
    if speaking_for_it >= config.tier1_medium_confidence_signals:
        return tabular, _MEDIUM
    said = {FileType.TABULAR_DATA: True, FileType.FORMATTED_DOCUMENT: False}
    return said.get(config.document_type or FileType.HYBRID, tabular), _LOW


def _may_be_table(region: SheetRegion) -> bool:
    return region.columns >= 2 and region.rows >= 1


def classify(sheets: Mapping[str, Sequence[SheetRegion]], config: ExcelProcessorConfig) -> ClassificationResult:
    """What a workbook is, from the regions of its sheets."""
    filled = {name: [region for region in of_sheet if region.cells] for name, of_sheet in sheets.items()}
    regions = [region for of_sheet in filled.values() for region in of_sheet]
    cells = sum(region.cells for region in regions)
    sheet_types = {name: _type_of(of_sheet) for name, of_sheet in filled.items() if of_sheet}
    kinds = set(sheet_types.values())
    found = _type_of(regions) if len(kinds) > 1 else next(iter(kinds), FileType.FORMATTED_DOCUMENT)
    confidence = sum(region.confidence * region.cells for region in regions) / cells if cells else _LOW
    share = _tabular_share(regions)
    return ClassificationResult(
        file_type=config.document_type or found,
        confidence=round(confidence, 3),
        signals={
            "regions": len(regions),
            "tables": sum(region.region_type is RegionType.DATA_TABLE for region in regions),
            "tabular_share": round(share, 3),
        },
        reasoning=f"{share:.0%} of {cells} cells stand in tables",
        sheet_types=sheet_types,
    )


def question(
    result: ClassificationResult, sheets: Mapping[str, Sequence[SheetRegion]], config: ExcelProcessorConfig
) -> Question | None:
    """What to ask about a workbook that the rules are unsure of; None where they are sure, or it was said already."""
    if config.document_type is not None or result.confidence >= _MEDIUM or not any(sheets.values()):
        return None
    unsure = [region for regions in sheets.values() for region in regions if region.confidence < _MEDIUM]
    as_text = any(region.region_type is not RegionType.DATA_TABLE for region in unsure)
    as_table = any(region.region_type is RegionType.DATA_TABLE for region in unsure)
    facts = [f"sheets with cells: {sum(map(bool, sheets.values()))}", result.reasoning]
    for number, regions in enumerate(filter(None, sheets.values()), start=1):
        facts += [_fact(number, region) for region in regions[:_MAX_REGIONS_TOLD]]
    return Question(
        "an Excel workbook",
        tuple(facts[:_MAX_FACTS]),
        (
            _possible(FileType.TABULAR_DATA, "records in rows under columns, for a database", reads_otherwise=as_text),
            _possible(FileType.FORMATTED_DOCUMENT, "text, forms and checklists in cells", reads_otherwise=as_table),
            _possible(FileType.HYBRID, "both: tables of records, and other things beside them", reads_otherwise=False),
        ),
    )


def _possible(kind: FileType, meaning: str, *, reads_otherwise: bool) -> PossibleType:
    return PossibleType(str(kind), meaning, str(METHODS[kind]), reads_otherwise)


def _fact(sheet_number: int, region: SheetRegion) -> str:
    """One region in a line: its measures, never a name or a value."""
    return (
        f"sheet {sheet_number}, a {str(region.region_type).replace('_', ' ')} "
        f"({'unsure' if region.confidence < _MEDIUM else 'sure'}): {region.rows} rows by {region.columns} columns, "
        f"{region.header_rows} header rows, {region.merged_ratio:.0%} of cells merged, {region.numeric_ratio:.0%} "
        f"numbers, {region.type_consistency:.0%} of a column's cells of one type"
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
