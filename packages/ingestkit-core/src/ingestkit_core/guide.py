"""What each code means and what to do about it: shown by the command line, and the source of docs/errors.md."""

from __future__ import annotations

from ingestkit_core.errors import ErrorCode

__all__ = ["advice", "as_markdown", "meaning"]

_GUIDE: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.E_SOURCE_NOT_FOUND: ("The file is not there.", "Check the path or the URL."),
    ErrorCode.E_SOURCE_UNREADABLE: (
        "The file cannot be opened, or what is at a URL cannot be had.",
        "Check its permissions, and that it is a file; at a URL do what the message says, or try again later.",
    ),
    ErrorCode.E_SOURCE_CHANGED: ("The file changed while it was read, twice.", "Ingest it when it is complete."),
    ErrorCode.E_SECURITY_INVALID_PDF: ("It does not begin like a PDF.", "It is another kind of file, or empty."),
    ErrorCode.E_SECURITY_INVALID_WORKBOOK: ("It is no Excel workbook.", "It is another kind of file, or empty."),
    ErrorCode.E_SECURITY_TOO_LARGE: (
        "The file is larger than the limit.",
        "Raise max_file_size_mb and say why in max_file_size_override_reason.",
    ),
    ErrorCode.E_SECURITY_TOO_MANY_PAGES: (
        "The PDF has more pages than the limit.",
        "Raise max_page_count and say why in max_page_count_override_reason.",
    ),
    ErrorCode.E_SECURITY_DECOMPRESSION_BOMB: (
        "Something in it inflates far beyond its size.",
        "Do not open it. If you made it yourself, raise max_decompression_ratio.",
    ),
    ErrorCode.E_SECURITY_JAVASCRIPT: ("It holds JavaScript, which reject_javascript refuses.", "Remove the script."),
    ErrorCode.E_SECURITY_EXTERNAL_ENTITY: ("Its XML declares entities or a DTD.", "Save it again with Excel."),
    ErrorCode.E_PARSE_CORRUPT: ("Its bytes make no document.", "Open it with its program and save it again."),
    ErrorCode.E_PARSE_PASSWORD: ("It needs a password.", "Save a copy without one."),
    ErrorCode.E_PARSE_EMPTY: ("There is nothing in it.", "Nothing to do."),
    ErrorCode.E_PARSE_GARBLED: ("Its text cannot be decoded.", "Make it again from its source, or by OCR."),
    ErrorCode.E_PARSE_REPAIR_FAILED: ("It is damaged beyond repair.", "Get a sound copy."),
    ErrorCode.E_PARSE_OPENPYXL_FAIL: ("The fallback parser could not read it.", "Save it again with Excel."),
    ErrorCode.E_PARSE_FALLBACK_FAIL: ("A sheet could be read by no parser.", "Save the workbook again with Excel."),
    ErrorCode.E_PARSE_UNSUPPORTED: ("No installed format reads it.", "Install the package for its format."),
    ErrorCode.E_OCR_ENGINE_UNAVAILABLE: ("No OCR engine is there.", "Run ingestkit doctor: it says what to type."),
    ErrorCode.E_OCR_TIMEOUT: ("OCR of a page took too long.", "Raise ocr_per_page_timeout_seconds."),
    ErrorCode.E_OCR_FAILED: ("OCR of a page failed.", "Run ingestkit retry; if it fails again, look at the page."),
    ErrorCode.E_CLASSIFY_INCONCLUSIVE: ("Nobody could say what kind of document it is.", "Report it with the file."),
    ErrorCode.E_LLM_TIMEOUT: ("The language model did not answer in time.", "Raise backend_timeout_seconds."),
    ErrorCode.E_LLM_MALFORMED_JSON: ("The language model's answer was no JSON.", "Use a model that can."),
    ErrorCode.E_LLM_SCHEMA_INVALID: ("The language model's answer had another form.", "Use a model that can."),
    ErrorCode.E_LLM_CONFIDENCE_OOB: ("The language model's confidence was outside 0..1.", "It was clamped."),
    ErrorCode.E_BACKEND_VECTOR_TIMEOUT: ("The vector store did not answer in time.", "It is tried again."),
    ErrorCode.E_BACKEND_VECTOR_CONNECT: ("The vector store cannot be reached.", "Start it; then ingest again."),
    ErrorCode.E_BACKEND_DB_TIMEOUT: ("The database did not answer in time.", "It is tried again."),
    ErrorCode.E_BACKEND_DB_CONNECT: ("The database cannot be reached.", "Start it; then ingest again."),
    ErrorCode.E_BACKEND_EMBED_TIMEOUT: ("The embedder did not answer in time.", "Ingest again."),
    ErrorCode.E_BACKEND_EMBED_CONNECT: ("The embedder failed.", "Start it; then ingest again."),
    ErrorCode.E_BACKEND_CIRCUIT_OPEN: ("A backend failed repeatedly and is left alone for a while.", "Ingest later."),
    ErrorCode.E_PROCESS_TABLE_EXTRACT: ("A table could not be read.", "The rest was; report it with the file."),
    ErrorCode.E_PROCESS_CHUNK: ("A part could not be made into chunks.", "The rest was; report it with the file."),
    ErrorCode.E_PROCESS_HEADER_FOOTER: (
        "Running headers could not be told apart.",
        "They stand in the text; report it with the file.",
    ),
    ErrorCode.E_PROCESS_REGION_DETECT: ("A sheet could not be cut into regions.", "Report it with the file."),
    ErrorCode.E_PROCESS_SERIALIZE: ("A table could not be made into text.", "The rest was; report it with the file."),
    ErrorCode.E_PROCESS_SCHEMA_GEN: ("A table could not be described.", "Its rows are there; report it with the file."),
    ErrorCode.E_EXECUTION_TIMEOUT: (
        "Reading it took longer than the limit and was stopped.",
        "Raise per_document_timeout_seconds, then ingestkit retry.",
    ),
    ErrorCode.E_EXECUTION_SUBMIT: ("It could not be started.", "The message says why; ingestkit doctor may help."),
    ErrorCode.E_EXECUTION_NOT_FOUND: ("There is no such job.", "Results live until the backend is closed."),
    ErrorCode.E_EXECUTION_CRASHED: ("The worker that read it died, twice.", "Report it with the file."),
    ErrorCode.E_EXECUTION_MEMORY: (
        "Reading it took more memory than the limit and was stopped.",
        "Raise max_memory_mb, then ingestkit retry.",
    ),
    ErrorCode.E_EXECUTION_CANCELLED: ("It was stopped before it was done.", "Ingest again."),
    ErrorCode.E_EXECUTION_NOT_PICKLABLE: ("Something cannot be sent to a worker.", "The message names it."),
    ErrorCode.E_EXECUTION_RESULT_LOST: ("The worker's result cannot be had.", "Ingest again."),
    ErrorCode.E_STORE_COMMIT: ("The store could not be written.", "Check its folder and disk."),
    ErrorCode.E_STORE_DIMENSION: (
        "The store holds vectors of another model.",
        "Name it with --embedder, or ingestkit reembed.",
    ),
    ErrorCode.E_STORE_LOCKED: ("Another process owns the store.", "Wait for it, or use --wait."),
    ErrorCode.E_STORE_INVALID: ("It is no store of ingestkit.", "Check the path given with --store."),
    ErrorCode.E_STORE_VERSION: ("A newer ingestkit made the store.", "Update ingestkit-core."),
    ErrorCode.E_STORE_FULL: ("The disk is full.", "Make room; then ingest again."),
    ErrorCode.W_PAGE_SKIPPED_BLANK: ("A page is blank.", "Nothing to do."),
    ErrorCode.W_PAGE_SKIPPED_TOC: ("A page is a table of contents.", "Nothing to do."),
    ErrorCode.W_PAGE_SKIPPED_VECTOR_ONLY: ("A page holds drawings only.", "Nothing to do."),
    ErrorCode.W_PAGE_LOW_OCR_CONFIDENCE: ("OCR of a page is unsure.", "Compare it with the page."),
    ErrorCode.W_QUALITY_LOW_NATIVE: ("A page's own text is poor.", "Compare it with the page."),
    ErrorCode.W_OCR_FALLBACK: ("A page's own text was replaced by OCR.", "Compare it with the page."),
    ErrorCode.W_OCR_ENGINE_FALLBACK: ("Another OCR engine than the configured one serves.", "See ingestkit doctor."),
    ErrorCode.W_OCR_ENGINE_UNAVAILABLE: (
        "Pages that need OCR were not read: no engine is there.",
        "Run ingestkit doctor: it says what to type. Then ingest again.",
    ),
    ErrorCode.W_TABLE_CONTINUATION: ("A table goes on over a page break and was joined.", "Nothing to do."),
    ErrorCode.W_ENCRYPTED_OWNER_ONLY: ("Its owner forbids some uses; reading is open.", "Mind its owner's wishes."),
    ErrorCode.W_DOCUMENT_REPAIRED: (
        "It is damaged or cut off; what could be found was read.",
        "Get a whole copy, and ingest again: it replaces what was read.",
    ),
    ErrorCode.W_DOCUMENT_SIGNED: ("It carries a signature, which was not checked.", "Nothing to do."),
    ErrorCode.W_EMBEDDED_FILES: ("It carries other files, which were not read.", "Ingest them by themselves."),
    ErrorCode.W_HIDDEN_TEXT: ("It holds text no person sees, which was left out.", "See ingestkit show."),
    ErrorCode.W_JAVASCRIPT_PRESENT: ("It holds scripts or launch actions, which were not run.", "Nothing to do."),
    ErrorCode.W_SHEET_SKIPPED_CHART: ("A sheet is a chart.", "Nothing to do."),
    ErrorCode.W_SHEET_SKIPPED_HIDDEN: ("A sheet is hidden and was left out.", "include_hidden brings it in."),
    ErrorCode.W_SHEET_SKIPPED_PASSWORD: (
        "A hidden sheet that only a password shows was left out.",
        "include_hidden brings it in.",
    ),
    ErrorCode.W_PARSER_FALLBACK: ("A parser with less fidelity read a part.", "The message says which and why."),
    ErrorCode.W_FORMULA_UNCACHED: ("Formulas have no stored value.", "Open and save the workbook with Excel."),
    ErrorCode.W_EXTERNAL_LINKS: ("It links to other workbooks, which were not followed.", "Nothing to do."),
    ErrorCode.W_MACROS_PRESENT: ("It holds macros, which were not run.", "Nothing to do."),
    ErrorCode.W_LLM_RETRY: ("The language model was asked twice.", "Nothing to do."),
    ErrorCode.W_LLM_UNAVAILABLE: (
        "The language model cannot be reached.",
        "It was done without.",
    ),
    ErrorCode.W_CLASSIFICATION_DEGRADED: ("Rules decided where a language model should have.", "Ingest again later."),
    ErrorCode.W_SECURITY_OVERRIDE: ("It was read under a raised limit.", "The log has the reason."),
    ErrorCode.W_UNEXPLAINED_LOSS: ("Some of its text is unaccounted for.", "Report it with the file."),
}


def meaning(code: str) -> str:
    """What a code says, in one sentence; empty for a code this version does not know."""
    return _entry(code)[0]


def advice(code: str) -> str:
    """What to do about it, in one sentence; empty for a code this version does not know."""
    return _entry(code)[1]


def _entry(code: str) -> tuple[str, str]:
    return _GUIDE[ErrorCode(code)] if code in ErrorCode.__members__ else ("", "")


def as_markdown() -> str:
    """The page docs/errors.md."""
    lines = [
        "# Codes",
        "",
        "`E_` is an error, `W_` a warning: the document was read. Codes are stable; new ones may be added.",
        "This page is made by `python -m ingestkit_core.guide`.",
        "",
        "| code | what it says | what to do |",
        "| --- | --- | --- |",
        *(f"| `{code}` | {text} | {action} |" for code, (text, action) in _GUIDE.items()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
