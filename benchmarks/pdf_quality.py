"""PDF: reading order, headings, facts, tables, OCR, and what the index answers, beside the peers' outputs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import corpora, metrics, references
from benchmarks.answerable import Lookup, answerable, pdf_lookups, split_markdown
from benchmarks.candidates import PDF, installed, left_out
from benchmarks.facts import holds
from benchmarks.fresh import NotMeasuredError
from benchmarks.options import Options
from benchmarks.outputs import Output
from benchmarks.report import Column, Figures
from benchmarks.running import outputs
from benchmarks.tables import Table, plain_text, tables_of

__all__ = ["measure"]

Row = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class _Truths:
    """Everything that is known about the pages, by the path of the page's file."""

    tagged: Mapping[str, str]
    tagged_tables: Mapping[str, Sequence[Table]]
    competition: Mapping[str, Sequence[Table]]
    facts: Mapping[str, Sequence[Mapping[str, Any]]]
    scanned: Mapping[str, str]
    questions: Mapping[str, Sequence[Lookup]]

    @classmethod
    def load(cls) -> _Truths:
        tagged = corpora.pages("pdf/tagged")
        competition = {path: tables_of(truth) for path, truth in corpora.pages("pdf/tables").items()}
        questions: defaultdict[str, list[Lookup]] = defaultdict(list)
        for path, tables in competition.items():
            questions[_document(path)] += pdf_lookups(tables)
        return cls(
            tagged,
            {path: tables_of(truth) for path, truth in tagged.items()},
            competition,
            corpora.facts(),
            corpora.text_pages("pdf/ocr"),
            questions,
        )

    @property
    def paths(self) -> list[str]:
        """Every file there is a truth about."""
        return [*self.tagged, *self.competition, *self.facts, *self.scanned]


_PAGE_NUMBER = re.compile(r"_p\d+$")


def _document(path: str) -> str:
    """The document a single page was taken from: pages of one document are one source to the index."""
    return _PAGE_NUMBER.sub("", Path(path).stem)


def measure(options: Options) -> Iterator[Figures]:
    """One table each for text, tables, answers and OCR; a row for each candidate that shows its output."""
    truths = _Truths.load()
    text, tables, answers, ocr = _text_figures(truths), _table_figures(truths), _answer_figures(), _ocr_figures(truths)
    chosen = [candidate for candidate in installed(PDF, large=options.large) if candidate.shown]
    for candidate in chosen:
        try:
            found = outputs(candidate, truths.paths)
        except NotMeasuredError as exc:
            text.fail(candidate, str(exc))
            continue
        if found.failed and candidate.kind != "peer":
            text.fail(candidate, f"gave up on {found.failed} files")
        text.add(candidate.name, *_text_row(truths, found.by_path))
        if candidate.kind == "ours":
            text.notes.append(f"{candidate.name} gets right: {_facts_by_kind(truths, found.by_path)}")
        tables.add(candidate.name, *_table_row(truths, found.by_path))
        answers.add(candidate.name, *_answer_row(truths, found.by_path))
        if candidate.kind == "ours":
            ocr.add(candidate.name, *_ocr_row(truths, found.by_path))
    text.notes += left_out(PDF, chosen)
    text.refer(references.PDF_TEXT)
    tables.refer(references.PDF_TABLES)
    answers.refer(references.ANSWERABLE_PDF)
    ocr.refer(references.OCR)
    yield from (text, tables, answers, ocr)


def _tables(output: Output) -> Sequence[Table]:
    return output.tables if output.tables is not None else tables_of(output.markdown)


# Text


def _text_figures(truths: _Truths) -> Figures:
    with_headings = sum(metrics.heading_similarity(truth, "") is not None for truth in truths.tagged.values())
    return Figures(
        "PDF: reading order, headings, single facts (higher is better)",
        [
            Column("reads"),
            Column(f"NID, n={len(truths.tagged)}", ".3f"),
            Column("NID-S", ".3f"),
            Column(f"MHS, n={with_headings}", ".3f"),
            Column(f"facts, n={sum(map(len, truths.facts.values()))}", ".3f"),
        ],
    )


def _text_row(truths: _Truths, found: Mapping[str, Output]) -> Row:
    orders = [metrics.reading_order(truth, found[path].markdown) for path, truth in truths.tagged.items()]
    headings = [metrics.heading_similarity(truth, found[path].markdown) for path, truth in truths.tagged.items()]
    facts = [float(right) for _, right in _facts(truths, found)]
    return (
        metrics.mean(with_tables for with_tables, _ in orders),
        metrics.mean(without for _, without in orders),
        metrics.mean(similarity for similarity in headings if similarity is not None),
        metrics.mean(facts),
    )


def _facts(truths: _Truths, found: Mapping[str, Output]) -> Iterator[tuple[str, bool]]:
    """The kind of each fact, and whether the output gets it right."""
    for path, about in truths.facts.items():
        for fact in about:
            yield fact["type"], holds(fact, found[path].markdown, _tables(found[path]))


def _facts_by_kind(truths: _Truths, found: Mapping[str, Output]) -> str:
    facts = list(_facts(truths, found))
    right = Counter(kind for kind, held in facts if held)
    return ", ".join(f"{right[kind]} of {count} {kind}" for kind, count in Counter(kind for kind, _ in facts).items())


# Tables


def _table_figures(truths: _Truths) -> Figures:
    with_tables = sum(bool(tables) for tables in truths.tagged_tables.values())
    small = sum(len(metrics.best_teds(tables, ())) for tables in truths.competition.values())
    return Figures(
        "PDF: tables (adjacency relations F1, higher is better; false: share of the pages without a table)",
        [
            Column("reads"),
            Column(f"tagged micro, n={with_tables}", ".3f"),
            Column("tagged macro", ".3f"),
            Column(f"false, n={len(truths.tagged) - with_tables}", ".3f"),
            Column(f"competition micro, n={len(truths.competition)}", ".3f"),
            Column("competition macro", ".3f"),
            Column(f"TEDS, n={small}", ".3f"),
        ],
    )


def _table_row(truths: _Truths, found: Mapping[str, Output]) -> Row:
    tagged = {path: tables for path, tables in truths.tagged_tables.items() if tables}
    others = [path for path, tables in truths.tagged_tables.items() if not tables]
    similar = [
        score
        for path, tables in truths.competition.items()
        for score in metrics.best_teds(tables, _tables(found[path]))
    ]
    return (
        *_relation_scores(tagged, found),
        metrics.mean(float(bool(_tables(found[path]))) for path in others),
        *_relation_scores(truths.competition, found),
        metrics.mean(similar),
    )


def _relation_scores(truths: Mapping[str, Sequence[Table]], found: Mapping[str, Output]) -> Row:
    """Micro and macro F1 over pages."""
    agreements = [metrics.relation_agreement(tables, _tables(found[path])) for path, tables in truths.items()]
    return sum(agreements, metrics.Agreement()).f1, metrics.mean(agreement.f1 for agreement in agreements)


# Answers


def _answer_figures() -> Figures:
    return Figures(
        "PDF: Answerable@5 over the competition's tables (higher is better)",
        [Column("chunks of"), Column("plain", ".3f"), Column("row-bound", ".3f"), Column("lookups", "d")],
    )


def _answer_row(truths: _Truths, found: Mapping[str, Output]) -> Row:
    chunks: defaultdict[str, list[str]] = defaultdict(list)
    for path in truths.competition:
        own = found[path].chunks
        chunks[_document(path)] += own if own is not None else split_markdown(found[path].markdown)
    answered = answerable(truths.questions, chunks)
    return answered.plain, answered.row_bound, answered.lookups


# OCR


def _ocr_figures(truths: _Truths) -> Figures:
    return Figures(
        f"PDF: OCR of pages that are images, n={len(truths.scanned)}",
        [Column("reads"), Column("words F1", ".3f"), Column("character errors (lower is better)", ".3f")],
    )


def _ocr_row(truths: _Truths, found: Mapping[str, Output]) -> Row:
    texts = [
        (metrics.whole_words(truth), metrics.whole_words(plain_text(found[path].markdown)))
        for path, truth in truths.scanned.items()
    ]
    return (
        metrics.mean(metrics.words_agreement(truth, text).f1 for truth, text in texts),
        metrics.mean(metrics.character_error_rate(truth, text) for truth, text in texts),
    )
