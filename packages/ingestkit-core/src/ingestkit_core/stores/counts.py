"""What a store holds: its catalog, its tenants and its counts, by statements that every SQL store understands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingestkit_core.stores.base import StoreStatus, TableRecord
from ingestkit_core.stores.records import table_record
from ingestkit_core.stores.statements import Run, of_tenant

__all__ = ["catalog", "status", "tenants_of"]


def catalog(run: Run, tenant_id: str | None, shown: Callable[[str], str] = str) -> list[TableRecord]:
    """Catalog entries in order of source and name; ``shown`` gives a kept text as it was."""
    where, values = of_tenant(tenant_id)
    rows = run(
        "SELECT c.table_name, s.tenant, s.uri, c.unit, c.region_id, c.title, c.location, c.columns, c.row_count "
        "FROM catalog c LEFT JOIN sources s ON s.id = c.source_id "
        f"{where} ORDER BY s.tenant NULLS FIRST, s.uri NULLS FIRST, c.table_name",
        values,
    ).fetchall()
    return [table_record([shown(value) if isinstance(value, str) else value for value in row]) for row in rows]


def tenants_of(run: Run) -> list[str]:
    """Whose documents are in the store; the empty name is nobody's."""
    return [tenant for (tenant,) in run("SELECT DISTINCT tenant FROM sources ORDER BY tenant", ()).fetchall()]


def status(
    run: Run,
    tenant_id: str | None,
    *,
    url: str,
    schema_version: int,
    size_bytes: int,
    embedder: tuple[str, int] | None,
    ledger_totals: Callable[[str], dict[str, int]],
) -> StoreStatus:
    """Counts over the store, or over one tenant. ``ledger_totals`` sums the ledgers of one measure."""
    where, values = of_tenant(tenant_id)
    of_source = f"(SELECT id FROM sources {where})"

    def number(sql: str, *first: Any) -> int:
        return int(run(sql, [*first, *values]).fetchone()[0])

    def counts(sql: str) -> dict[str, int]:
        return dict(run(sql, values).fetchall())

    return StoreStatus(
        url=url,
        schema_version=schema_version,
        sources=number(f"SELECT count(*) FROM sources {where}"),
        chunks=number(f"SELECT count(*) FROM chunks WHERE source_id IN {of_source}"),
        vectors=number(
            "SELECT count(*) FROM vectors WHERE embedder = ? AND text_hash IN "
            f"(SELECT chunk_hash FROM chunks WHERE source_id IN {of_source})",
            embedder[0] if embedder else "",
        ),
        tables=number(f"SELECT count(*) FROM catalog WHERE source_id IN {of_source}"),
        table_rows=number(f"SELECT coalesce(sum(row_count), 0) FROM catalog WHERE source_id IN {of_source}"),
        quarantined=number(f"SELECT count(*) FROM quarantine {where}"),
        size_bytes=size_bytes,
        tenants=tuple(tenant or None for tenant in tenants_of(run)),
        parser_versions=counts(
            f"SELECT parser_version, count(*) FROM sources {where} GROUP BY parser_version ORDER BY 1"
        ),
        quarantine_codes=counts(f"SELECT code, count(*) FROM quarantine {where} GROUP BY code ORDER BY code"),
        characters=ledger_totals("characters"),
        cells=ledger_totals("cells"),
        embedder=embedder,
    )
