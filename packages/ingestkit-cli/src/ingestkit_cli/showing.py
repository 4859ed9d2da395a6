"""``show``: everything a store knows of one document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ingestkit_core.errors import IngestError
from ingestkit_core.ledger import Ledger
from ingestkit_core.stores.base import SearchHit, SourceRecord, TableRecord

from ingestkit_cli.errors import ExitCode
from ingestkit_cli.listing import installed_versions, source_record, table_lines
from ingestkit_cli.output import clean, columns, count, emit, json_line, spaced
from ingestkit_cli.places import place_of, place_of_error
from ingestkit_cli.report import text_account
from ingestkit_cli.stored import Known, find_source, open_existing

__all__ = ["show_source"]


def show_source(url: str | None, tenant: str | None, name: str, *, as_json: bool) -> int:
    """Print a document's state, warnings, account, tables and chunks. Raises Mistake if it is not clear which."""
    with open_existing(url) as store:
        known = find_source(store, tenant, name)
        state = known.state
        mine = (state.tenant_id, state.source_uri)
        tables = [table for table in store.tables() if (table.tenant_id, table.source_uri) == mine]
        chunks = store.chunks(state.tenant_id, state.source_uri) if known.committed else iter(())
        lines = _json_lines(known, tables, chunks) if as_json else _lines(known, tables, chunks)
        for line in lines:
            emit(line)
    return ExitCode.OK


def _json_lines(known: Known, tables: Sequence[TableRecord], chunks: Iterable[SearchHit]) -> Iterator[str]:
    yield json_line({"kind": "source", **source_record(known, installed_versions())})
    for issue in _issues(known):
        yield json_line({"kind": "issue", **issue.model_dump(exclude_none=True)})
    if known.committed and known.committed.result.ledger:
        yield json_line({"kind": "ledger", **known.committed.result.ledger.model_dump(mode="json")})
    for table in tables:
        yield json_line({"kind": "table", **dataclasses.asdict(table)})
    for chunk in chunks:
        record = dataclasses.asdict(chunk)
        del record["score"]
        yield json_line({"kind": "chunk", **record, "place": place_of(chunk.metadata.get("locations", ()))})


def _lines(known: Known, tables: Sequence[TableRecord], chunks: Iterable[SearchHit]) -> Iterator[str]:
    yield from columns(_head(known))
    issues = _issues(known)
    if issues:
        yield from ["", "warnings and errors", *columns(_issue_row(issue) for issue in issues)]
    if known.committed and known.committed.result.ledger:
        yield from ["", *_account(known.committed.result.ledger)]
    if tables:
        yield from ["", "tables", *(line for table in tables for line in table_lines(table))]
    for chunk in chunks:
        yield from ["", *_chunk_lines(chunk)]


def _issues(known: Known) -> list[IngestError]:
    set_aside = known.set_aside.errors if known.set_aside else ()
    return [*set_aside, *(known.committed.result.error_details if known.committed else ())]


def _head(known: Known) -> list[tuple[str, str]]:
    record = source_record(known, installed_versions())
    status = record["status"]
    if known.set_aside:
        status += f" with {known.set_aside.code}, read {count(known.set_aside.attempts, 'time')}"
        status += "; an earlier version is in the store" if known.committed else ""
    rows = [("source", record["source_uri"]), ("status", status)]
    if record["tenant_id"]:
        rows.append(("tenant", record["tenant_id"]))
    rows.append(("read by", f"{record['parser_version']} ({record['format']}, {record['size_bytes']:,} bytes)"))
    if known.committed:
        rows += _read_as(known.committed)
        rows.append(("holds", f"{count(record['chunks'], 'chunk')}, {count(record['tables'], 'table')}"))
    return rows


def _read_as(record: SourceRecord) -> list[tuple[str, str]]:
    rows = []
    classified, parsed, ocr = record.result.classification_result, record.result.parse_result, record.result.ocr_result
    if classified:
        rows.append(
            ("type", f"{classified.document_type} (confidence {classified.confidence:.2f}, by {classified.tier})")
        )
    if parsed:
        units = f"{parsed.units_done} of {parsed.units_total} pages or sheets read"
        skipped = "; ".join(f"{unit.unit} {unit.reason}" for unit in parsed.skipped)
        rows.append(("read", f"{units}{f', left out: {skipped}' if skipped else ''}"))
    if ocr:
        rows.append(("OCR", f"{count(len(ocr.pages), 'page')} by {ocr.engine}"))
    return rows


def _issue_row(issue: IngestError) -> tuple[str, str, str]:
    return issue.code, place_of_error(issue) or "-", issue.message


def _account(ledger: Ledger) -> Iterator[str]:
    """The whole in one line, then the units that did not come out whole."""
    totals = {"source": ledger.source, "emitted": ledger.emitted, **ledger.dropped, "unexplained": ledger.unexplained}
    yield f"{ledger.measure}: {text_account(totals)}"
    rows: list[tuple[str, ...]] = []
    for unit in ledger.units:
        if unit.dropped or unit.unexplained:
            reasons = [f"{reason.replace('_', ' ')} {number:,}" for reason, number in unit.dropped.items()]
            rest = [f"unexplained {unit.unexplained:,}"] if unit.unexplained else []
            rows.append((f"  {unit.unit}", f"{unit.source:,}", f"{unit.emitted:,}", ", ".join([*reasons, *rest])))
    if rows:
        yield from columns([("  page or sheet", "in", "out", "left out"), *rows], right=(1, 2))
    for kind, number in ledger.uncounted.items():
        yield f"  not counted: {kind.replace('_', ' ')} {number:,}"


def _chunk_lines(chunk: SearchHit) -> list[str]:
    metadata: dict[str, Any] = chunk.metadata
    head = [f"[{metadata['chunk_index']}]", place_of(metadata.get("locations", ())), metadata.get("content_type") or ""]
    if metadata.get("heading_path"):
        head.append(" > ".join(metadata["heading_path"]))
    if metadata.get("table_name"):
        head.append(f"table {metadata['table_name']}")
    return [spaced(*head), *(f"    {line}" for line in clean(chunk.text).split("\n"))]
