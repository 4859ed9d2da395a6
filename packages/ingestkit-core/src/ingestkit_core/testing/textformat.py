"""A format small enough to test the house with: plain text that can misbehave on purpose.

A file begins with ``#!text``. Lines beginning with ``#`` are headings, blank lines end paragraphs, lines with
``|`` are table rows (the first of a run is the header). A line ``!fault NAME`` makes the reader do NAME
where it stands, see ``faults``: in a worker process, never in the owner. A line ``!unsure`` makes it unsure whether
the file is a text or a list, each line of which is a paragraph of its own; ``!clueless`` leaves it without an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from ingestkit_core.chunking import ChunkLimits, pack
from ingestkit_core.config import ProcessorConfig, setting
from ingestkit_core.elements import Element, ElementKind, PageBox, Span, TableColumn, TableDraft, visible_length
from ingestkit_core.errors import ErrorCode, ParseError
from ingestkit_core.extraction import Conversion, Extraction, PossibleType, Question
from ingestkit_core.formats import Format
from ingestkit_core.keys import hash_bytes
from ingestkit_core.language import detect_language
from ingestkit_core.ledger import Ledger
from ingestkit_core.models import BaseChunkMetadata, ClassificationStageResult, ClassificationTier, ParseStageResult
from ingestkit_core.router import DocumentRouter
from ingestkit_core.testing.faults import misbehave

__all__ = ["TextConfig", "TextRouter", "write_text"]

_MAGIC = b"#!text"
_LINE_POINTS = 12.0


class TextConfig(ProcessorConfig):
    """The shared settings, under a parser version of its own."""

    parser_version: str = "text:1.0.0"
    document_type: Literal["text", "list"] | None = setting(None, "What every file is, without looking.", output=True)


def write_text(path: Path, *lines: str) -> Path:
    """A file of this format."""
    path.write_text("\n".join(["#!text", *lines]) + "\n", encoding="utf-8")
    return path


def recognises(head: bytes) -> bool:
    """Whether a file begins like one of this format."""
    return head.startswith(_MAGIC)


def read(file_path: str, config: dict[str, Any]) -> Extraction:
    """See Extraction."""
    content = Path(file_path).read_bytes()
    settings = TextConfig.model_validate(config)
    elements, tables, total = _parse(content, as_list=settings.document_type == "list")
    packed = pack(elements, ChunkLimits.of(settings))
    unit = "page 1"
    return Extraction(
        content_hash=hash_bytes(content),
        chunks=packed.chunks,
        tables=tuple(tables),
        ledger=Ledger.balance("characters", {unit: total}, packed.emitted, {}),
        parse=ParseStageResult(units_total=1, units_done=1, method="text"),
        classification=_classified(content, settings),
        ingestion_method=settings.document_type or "text",
        language=detect_language(content.decode("utf-8")),
        question=None if settings.document_type else _question(content, elements),
    )


def _classified(content: bytes, settings: TextConfig) -> ClassificationStageResult:
    kind = settings.document_type or ("" if b"\n!clueless\n" in content else "text")
    confidence = 0.5 if _is_unsure(content) else 0.9
    return ClassificationStageResult(tier=ClassificationTier.RULES, document_type=kind, confidence=confidence)


def _is_unsure(content: bytes) -> bool:
    return b"\n!unsure\n" in content or b"\n!clueless\n" in content


def _question(content: bytes, elements: Sequence[Element]) -> Question | None:
    if not _is_unsure(content):
        return None
    types = (
        PossibleType("text", "sentences that belong together", "text"),
        PossibleType("list", "a thing on every line", "list", reads_otherwise=True),
    )
    return Question("a text file", (f"{len(elements)} parts",), types)


def convert(file_path: str, config: dict[str, Any]) -> Conversion:
    """See Conversion."""
    elements, _, total = _parse(Path(file_path).read_bytes())
    return Conversion(Path(file_path).stem, tuple(elements), Ledger.balance("characters", {"page 1": total}, {}, {}))


def _parse(content: bytes, *, as_list: bool = False) -> tuple[list[Element], list[TableDraft], int]:
    if not recognises(content):
        raise ParseError(ErrorCode.E_PARSE_CORRUPT, "the first line is not #!text")
    elements: list[Element] = []
    tables: list[TableDraft] = []
    run: list[Span] = []
    total = 0

    def end_run() -> None:
        if run and all("|" in span.text for span in run) and len(run) > 1:
            tables.append(_table(run, len(tables) + 1))
            elements.append(Element(ElementKind.TABLE, tuple(run[1:]), header=(run[0],), table_index=len(tables) - 1))
        elif run:
            elements.append(Element(ElementKind.PARAGRAPH, tuple(run)))
        run.clear()

    for number, line in enumerate(content.decode("utf-8").splitlines()[1:], 1):
        if line in ("!unsure", "!clueless"):
            continue
        fault = re.fullmatch(r"!fault (\S+)", line)
        if fault:
            misbehave(fault[1])
        box = (0.0, number * _LINE_POINTS, 500.0, (number + 1) * _LINE_POINTS)
        span = Span(line.lstrip("# ").strip(), PageBox(1, box), visible_length(line.lstrip("# ")))
        total += span.count
        if line.startswith("#"):
            end_run()
            elements.append(Element(ElementKind.HEADING, (span,), level=len(line) - len(line.lstrip("#"))))
        elif line.strip():
            run.append(span)
        if as_list or not line.strip():
            end_run()
    end_run()
    return elements, tables, total


def _table(run: list[Span], number: int) -> TableDraft:
    rows = [tuple(cell.strip() for cell in span.text.strip("|").split("|")) for span in run]
    width = len(rows[0])
    columns = tuple(TableColumn(re.sub(r"\W+", "_", name.lower()), name, "text") for name in rows[0])
    return TableDraft(
        unit="page 1",
        region_id=f"r{number}",
        title="",
        location=run[0].location,
        columns=columns,
        rows=[(*row, *[""] * width)[:width] for row in rows[1:]],
        row_locations=[span.location for span in run[1:]],
    )


class TextRouter(DocumentRouter):
    """The router of this format."""

    format = Format(
        name="text",
        suffixes=frozenset({".txt"}),
        recognises=recognises,
        read=read,
        convert=convert,
        config_class=TextConfig,
        metadata_class=BaseChunkMetadata,
        reader_versions=lambda: {"text": "1"},
        invalid_code=ErrorCode.E_PARSE_UNSUPPORTED,
        preload=("ingestkit_core.testing.textformat",),
    )
