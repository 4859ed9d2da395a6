"""What the PDF reader can be told, besides what every format can. Frozen; unknown keys are refused."""

from __future__ import annotations

from typing import ClassVar, Literal

from ingestkit_core.config import ProcessorConfig, setting

from ingestkit_pdf.models import OCREngine, PDFType

__all__ = ["PDFProcessorConfig"]


class PDFProcessorConfig(ProcessorConfig):
    """Settings of ingestkit-pdf. Units are in the names; ratios are 0..1."""

    guarded_limits: ClassVar[tuple[tuple[str, str], ...]] = (
        *ProcessorConfig.guarded_limits,
        ("max_page_count", "max_page_count_override_reason"),
    )

    parser_version: str = setting(
        "ingestkit_pdf:1.0.0",
        "Part of every ingest key; bumped when output changes.",
        output=False,
        min_length=1,
    )

    document_type: PDFType | None = setting(
        None, "What PDF files are taken for; None goes by rules, and asks the language model.", output=True
    )
    max_page_count: int = setting(5000, "Files with more pages are refused.", output=False, ge=1)
    max_page_count_override_reason: str | None = setting(
        None, "Why a larger limit than the default is right.", output=False
    )
    reject_javascript: bool = setting(
        False, "Refuse files with JavaScript or launch actions. Nothing ever runs them.", output=False
    )

    min_chars_per_page: int = setting(200, "Visible characters from which a page counts as text.", output=True, ge=1)
    max_image_coverage_for_text: float = setting(
        0.3, "Share of a page under images from which it may be a scan.", output=True, ge=0, le=1
    )
    min_table_count_for_complex: int = setting(1, "Tables from which a document counts as complex.", output=True, ge=1)
    min_font_count_for_digital: int = setting(
        1, "Fonts from which a document counts as born digital.", output=True, ge=0
    )

    ocr_engine: OCREngine = setting(OCREngine.AUTO, "Which OCR engine; auto takes what is there.", output=True)
    ocr_dpi: int = setting(300, "Resolution pages are rendered at for OCR (dpi).", output=True, ge=72, le=1200)
    ocr_language: str = setting("en", "Language OCR reads (ISO 639-1).", output=True, min_length=2)
    ocr_confidence_threshold: float = setting(
        0.7, "Mean confidence below which a page is flagged (ratio).", output=True, ge=0, le=1
    )
    ocr_preprocessing_steps: list[Literal["deskew", "denoise", "binarize", "contrast"]] = setting(
        ["deskew"], "What is done to a rendered page before OCR, in order.", output=True
    )
    ocr_max_workers: int = setting(4, "OCR pages read at once.", output=False, ge=1, le=1024)
    ocr_per_page_timeout_seconds: float = setting(60.0, "Limit of one OCR page.", output=False, gt=0)
    enable_ocr_cleanup: bool = setting(False, "Let an LLM mend OCR text.", output=True, with_llm=True)
    ocr_cleanup_model: str | None = setting(
        None, "Model that mends OCR text; None is classification_model.", output=True, with_llm=True
    )

    quality_min_printable_ratio: float = setting(
        0.85, "Share of readable characters below which a page's own text is not trusted.", output=True, ge=0, le=1
    )
    quality_min_words_per_page: int = setting(
        10, "Words below which a page's own text is not trusted where it holds pictures.", output=True, ge=0
    )
    auto_ocr_fallback: bool = setting(
        True, "OCR pages whose own text is not trusted, and pictures of text beside it.", output=True
    )

    header_footer_sample_pages: int = setting(
        5, "How many pages away a running header or footer may recur.", output=True, ge=1
    )
    header_footer_zone_ratio: float = setting(
        0.10, "Share of a page's height at its top and bottom where they stand.", output=True, ge=0, le=0.5
    )
    header_footer_similarity_threshold: float = setting(
        0.7, "Share of the pages nearby on which a line must recur.", output=True, ge=0, le=1
    )
    heading_min_font_size_ratio: float = setting(
        1.2, "Size of a heading over the body's, from which size alone decides.", output=True, ge=1
    )

    table_max_rows_for_serialization: int = setting(
        20,
        "Rows up to which a table is told in chunks only; a lower table_min_rows_for_db wins.",
        output=True,
        ge=0,
    )
    table_min_rows_for_db: int = setting(21, "Rows from which a table becomes a SQL table too.", output=True, ge=1)
    table_continuation_column_match_threshold: float = setting(
        0.8, "Share of matching columns from which a table goes on over a page break.", output=True, ge=0, le=1
    )

    enable_language_detection: bool = setting(True, "Tell the language from the text.", output=True)
    default_language: str = setting(
        "en", "Language of every document when it is not detected (ISO 639-1).", output=True, min_length=2
    )
    log_ocr_output: bool = setting(False, "Write OCR text to the log.", output=False)
