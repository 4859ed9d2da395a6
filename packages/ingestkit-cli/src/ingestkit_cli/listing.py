"""``list``, ``tables`` and ``status``: what is in a store."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ingestkit_core.models import ProcessingResult
from ingestkit_core.stores.base import StoreStatus, TableRecord

from ingestkit_cli.errors import ExitCode
from ingestkit_cli.output import clean, columns, count, emit, json_line, say, spaced
from ingestkit_cli.places import citation, place_of, shown_path
from ingestkit_cli.report import faults_of, listed, marks_of, text_account
from ingestkit_cli.settings import formats
from ingestkit_cli.stored import Known, known_sources, open_existing, tenant_name

__all__ = ["installed_versions", "list_sources", "list_tables", "show_status", "source_record", "table_lines"]


def list_sources(url: str | None, tenant: str | None, *, only_quarantined: bool, as_json: bool) -> int:
    """Print every source, or every quarantined one, and how it stands."""
    with open_existing(url) as store:
        installed = installed_versions()
        shown = [k for k in known_sources(store, tenant) if k.set_aside or not only_quarantined]
    records = [source_record(known, installed) for known in shown]
    if as_json:
        for record in records:
            emit(json_line(record))
        return ExitCode.OK
    with_tenants = any(record["tenant_id"] for record in records)
    rows = (_source_row(*both, with_tenants=with_tenants) for both in zip(shown, records, strict=True))
    for line in columns(rows, right=(1, 2)):
        emit(line)
    if not records:
        nothing = "the store is empty" if tenant is None else f"{tenant_name(tenant)} has no documents"
        say("nothing is set aside" if only_quarantined else nothing)
    return ExitCode.OK


def installed_versions() -> dict[str, str]:
    """The parser version that each installed format has by default, by format name."""
    return {
        router.format.name: str(router.format.config_class.model_fields["parser_version"].default)
        for router in formats().values()
    }


def source_record(known: Known, installed: Mapping[str, str]) -> dict[str, Any]:
    """A source as a record. ``status`` is committed, stale or quarantined.

    A quarantined one may still have an earlier version in the store: then ``is_stored`` is true.
    """
    state = known.state
    result = known.committed.result if known.committed else ProcessingResult(file_path="", status="quarantined")
    # The committed version's, not the one that was set aside.
    is_stale = state.parser_version != installed.get(state.source_format, state.parser_version)
    return {
        "status": "quarantined" if known.set_aside else "stale" if is_stale else "committed",
        "source_uri": state.source_uri,
        "file_path": state.file_path,
        "tenant_id": state.tenant_id,
        "format": state.source_format,
        "parser_version": state.parser_version,
        "size_bytes": state.size_bytes,
        "is_stored": known.committed is not None,
        "chunks": result.chunks_created,
        "tables": result.tables_created,
        "errors": faults_of(result),
        "warnings": list(result.warnings),
        "code": known.set_aside.code if known.set_aside else None,
        "message": known.set_aside.errors[0].message if known.set_aside and known.set_aside.errors else None,
        "attempts": known.set_aside.attempts if known.set_aside else None,
    }


def _source_row(known: Known, record: Mapping[str, Any], *, with_tenants: bool) -> list[str]:
    name = shown_path(record["source_uri"])
    if record["code"]:
        earlier = "(an earlier version is in the store)" if record["is_stored"] else ""
        name = spaced(name, f"{record['code']}: {record['message']}", earlier)
    else:
        name = spaced(name, *(marks_of(known.committed.result) if known.committed else ()))
    sizes = [count(record["chunks"], "chunk"), count(record["tables"], "table")] if record["is_stored"] else ["-", "-"]
    return [record["status"], *sizes, *([record["tenant_id"] or "-"] if with_tenants else []), name]


def list_tables(url: str | None, tenant: str | None, *, as_json: bool) -> int:
    """Print the catalog."""
    with open_existing(url) as store:
        tables = store.tables(tenant)
    for table in tables:
        if as_json:
            emit(json_line({**dataclasses.asdict(table), "place": place_of([table.location])}))
        else:
            for line in table_lines(table):
                emit(line)
    if not tables and not as_json:
        say("there are no tables" if tenant is None else f"{tenant_name(tenant)} has no tables")
    return ExitCode.OK


def table_lines(table: TableRecord) -> list[str]:
    """A table for people: its name and place, then its columns with their types and original headers."""
    where = citation(table.source_uri or "", [table.location])
    head = [table.table_name, count(table.row_count, "row"), where, *([table.title] if table.title else [])]
    shown = (f"{c.name} {c.type}" + ("" if c.header == c.name else f" ({c.header})") for c in table.columns)
    return [spaced(*head), f"    {clean(', '.join(shown), one_line=True)}"]


def show_status(url: str | None, tenant: str | None, *, as_json: bool) -> int:
    """Print the counts over a store or one tenant."""
    with open_existing(url) as store:
        status = store.status(tenant)
    stale = _stale(status)
    if as_json:
        emit(json_line({**dataclasses.asdict(status), "stale": stale}))
        return ExitCode.OK
    for line in columns(_status_rows(status, stale)):
        emit(line)
    return ExitCode.OK


def _stale(status: StoreStatus) -> int:
    """Sources read by another version of a reader than those installed."""
    installed = set(installed_versions().values())
    return sum(number for version, number in status.parser_versions.items() if version not in installed)


def _vectors(status: StoreStatus) -> str:
    if status.embedder is None:
        return "; no vectors"
    identity, dimension = status.embedder
    return f"; {count(status.vectors, 'vector')} of {identity} ({dimension} numbers)"


def _status_rows(status: StoreStatus, stale: int) -> list[tuple[str, str]]:
    rows = [
        ("store", f"{status.url} ({status.size_bytes / 1e6:.1f} MB, schema version {status.schema_version})"),
        ("documents", f"{status.sources:,} committed, {stale:,} of them stale, {status.quarantined:,} quarantined"),
        ("chunks", f"{status.chunks:,}{_vectors(status)}"),
        ("tables", f"{status.tables:,} with {count(status.table_rows, 'row')}"),
    ]
    if any(status.tenants):
        rows.append(("tenants", ", ".join(name or "(none)" for name in status.tenants)))
    if status.parser_versions:
        rows.append(("read by", listed(status.parser_versions)))
    if status.quarantine_codes:
        rows.append(("set aside", listed(status.quarantine_codes)))
    for measure, counts in (("characters", status.characters), ("cells", status.cells)):
        if counts:
            rows.append((measure, text_account(counts)))
    if stale:
        rows.append(("", "stale documents are read again by: ingestkit ingest --refresh PATH"))
    if status.quarantined:
        rows.append(("", "what was set aside is read again by: ingestkit retry"))
    return rows
