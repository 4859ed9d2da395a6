"""What a reader of workbooks can be told, besides what every format can."""

from __future__ import annotations

from ingestkit_core.config import ProcessorConfig, setting

from ingestkit_excel.models import FileType

__all__ = ["ExcelProcessorConfig"]


class ExcelProcessorConfig(ProcessorConfig):
    """The settings of ingestkit-excel. Ratios are 0..1."""

    parser_version: str = setting(
        "ingestkit_excel:1.0.0", "Part of every ingest key; bumped when output changes.", output=False, min_length=1
    )

    document_type: FileType | None = setting(
        None, "What workbooks are taken for where the rules are unsure; None asks the language model.", output=True
    )
    merged_cell_ratio_threshold: float = setting(
        0.05, "A region with a larger share of merged cells looks less like a table (ratio).", output=True, ge=0, le=1
    )
    numeric_ratio_threshold: float = setting(
        0.3,
        "A region with at least this share of numbers and dates looks like a table (ratio).",
        output=True,
        ge=0,
        le=1,
    )
    column_consistency_threshold: float = setting(
        0.7,
        "Share of a column's cells that agree on a type, above which it is consistent (ratio).",
        output=True,
        ge=0,
        le=1,
    )
    min_row_count_for_tabular: int = setting(
        5, "A region with at least so many rows below its header looks like a table.", output=True, ge=1
    )
    row_serialization_limit: int = setting(
        5000, "Rows of a table above which it becomes a SQL table and a description only.", output=True, ge=0
    )
    clean_column_names: bool = setting(
        True, "SQL columns are named in snake case; otherwise as the header shows them.", output=True
    )
    max_rows_in_memory: int = setting(
        100_000, "Rows of a sheet above which they are streamed; none is dropped.", output=False, ge=1
    )
    max_sample_rows: int = setting(3, "Sample values of a column told with log_sample_data.", output=True, ge=0)
    log_sample_data: bool = setting(False, "Tell sample values where a table is described.", output=True)
